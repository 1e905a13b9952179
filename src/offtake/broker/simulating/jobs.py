"""Jobs of a trace, and the needs that they come to by a stated rule.

The rule: time is cut into windows of so many days. A job holds capacity from the first day of the window in which it
was asked for until the last day of the window in which it ends. Jobs of one party, kind and class with the same first
and last window are one need: its quantity is the most accelerators that they ran on at once, rounded up. So jobs that
follow one another share capacity, and jobs that overlap add up.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from typing import Final

from offtake.broker.terms import Need
from offtake.domain.errors import InvalidInput

MAXIMUM_JOBS: Final = 500_000
MAXIMUM_NEEDS: Final = 20_000
MAXIMUM_WINDOW_DAYS: Final = 366
LONGEST_YEARS: Final = 20
MILLI: Final = 1000
SECONDS_PER_HOUR: Final = 3600
MORNING: Final = time(9, tzinfo=UTC)


@dataclass(frozen=True, slots=True)
class Job:
    """A job that ran on accelerators, in thousandths of one, for [begins_s, ends_s) seconds from the first day."""

    begins_s: float
    ends_s: float
    milli: int
    kinds: tuple[str, ...] = ()
    party: str | None = None
    group: str = ""


@dataclass(frozen=True, slots=True)
class Trace:
    """The jobs of a trace, the day on which it begins, what was left out of it and why, and kinds of accelerator that
    the estate does not have: their jobs count for any kind."""

    name: str
    first_day: date
    jobs: tuple[Job, ...]
    left_out: tuple[tuple[str, int], ...] = ()
    any_kind: tuple[tuple[str, int], ...] = ()

    @property
    def accelerator_hours(self) -> float:
        """What all jobs used."""
        return sum((one.ends_s - one.begins_s) * one.milli for one in self.jobs) / MILLI / SECONDS_PER_HOUR


@dataclass(frozen=True, slots=True)
class Aggregation:
    """How jobs become needs: the days of a window, how long before its first day needs are filed, by how much
    quantities are multiplied, and the party of jobs that name none."""

    window_days: int
    lead_days: int
    scale: Decimal
    party: str
    currency: str
    price_limit: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Filing:
    """A need, when it is filed, and how many jobs it is for."""

    at: datetime
    need: Need
    jobs: int


Together = tuple[int, int, str, tuple[str, ...], str]  # First and last window, party, kinds, class.


def filings(trace: Trace, how: Aggregation) -> tuple[Filing, ...]:
    """The needs of a trace in the order in which they are filed.

    Raises InvalidInput for more needs than are simulated, or a trace without jobs.
    """
    if not trace.jobs:
        raise InvalidInput(
            f"`{trace.name}` has no job that ran on an accelerator",
            hint="; ".join(f"left out: {count:,} {why}" for why, count in trace.left_out) or None,
        )
    window_s = how.window_days * 86_400
    together: dict[Together, list[Job]] = defaultdict(list)
    for job in trace.jobs:
        first = int(job.begins_s // window_s)
        last = max(first, int(-(-job.ends_s // window_s)) - 1)
        together[first, last, job.party or how.party, job.kinds, job.group].append(job)
    if len(together) > MAXIMUM_NEEDS:
        raise InvalidInput(
            f"the trace comes to {len(together):,} needs, and at most {MAXIMUM_NEEDS:,} are simulated",
            hint=f"take a longer window than {how.window_days} days, with --window",
        )
    return tuple(_filing(trace, how, key, together[key], n) for n, key in enumerate(sorted(together), 1))


def _filing(trace: Trace, how: Aggregation, key: Together, jobs: Sequence[Job], number: int) -> Filing:
    first, last, party, kinds, group = key
    begins = trace.first_day + timedelta(days=first * how.window_days)
    ends = trace.first_day + timedelta(days=(last + 1) * how.window_days)
    most = Decimal(most_at_once(jobs)) / MILLI * how.scale
    need = Need(
        id=f"{number:05}" + (f".{group}" if group else ""),
        party=party,
        measure="accelerators",
        quantity=max(most.to_integral_value(rounding="ROUND_CEILING"), Decimal(1)),
        begins=begins,
        ends=ends,
        currency=how.currency,
        price_limit=how.price_limit,
        accelerators=kinds,
    )
    filed = datetime.combine(begins - timedelta(days=how.lead_days), MORNING)
    return Filing(filed, need, len(jobs))


def most_at_once(jobs: Sequence[Job]) -> int:
    """The most thousandths of an accelerator that some jobs ran on at one time."""
    changes: dict[float, int] = defaultdict(int)
    for job in jobs:
        changes[job.begins_s] += job.milli
        changes[job.ends_s] -= job.milli
    level = most = 0
    for at in sorted(changes):
        level += changes[at]
        most = max(most, level)
    return most
