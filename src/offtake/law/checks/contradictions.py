"""Agreements that cannot all be kept: nothing lawful left, a ceiling below a commitment, a budget below
what is owed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal
from itertools import pairwise
from typing import Final

from offtake.domain.checks.findings import Finding, Path, listed, warning
from offtake.domain.checks.walk import clauses
from offtake.domain.estate import Estate
from offtake.domain.position import Happened, Position
from offtake.domain.selection import Action, Interval, Selection, WorkloadFacts
from offtake.domain.workloads import TrainingRun
from offtake.law.checks.candidates import Candidates, action_kind
from offtake.law.decide import forbids
from offtake.law.primitives import Law, Mask, Meter

MAXIMUM_TESTS: Final = 200_000  # Of a mask on an action; a large estate is checked as far as this reaches.
_DAY: Final = timedelta(days=1)
_CAPACITY: Final = frozenset({"accelerators", "power", "units", "token-rate"})


def check_contradictions(estate: Estate, law: Law, candidates: Candidates) -> Iterator[Finding]:
    """Needs that no supply may lawfully meet for a time, and meters whose bounds cannot all be kept."""
    yield from _Lawful(estate, law, candidates).findings()
    yield from _bounds(estate, law)


@dataclass
class _Lawful:
    """Looks, for each need and each stretch of days between changes of the law, for one supply that is
    lawful."""

    estate: Estate
    law: Law
    candidates: Candidates
    tests_left: int = MAXIMUM_TESTS

    def findings(self) -> Iterator[Finding]:
        position = self._position()
        for key, workloads in self._needs().items():
            if not any(self.candidates.of(workload) for workload in workloads):
                continue  # Nothing serves it at all, law or no law: told elsewhere.
            masks = [m for m in self.law.masks if any(m.scope.covers.selects_workload(w) for w in workloads)]
            gap = self._first_gap(workloads, masks, position) if masks else None
            if gap is not None:
                begins, ends, against = gap
                where = f" for clients in `{key[1]}`" if key[1] is not None else ""
                days = f"from {begins} to {ends}"
                message = f"no supply may lawfully serve `{key[0]}`{where} {days}, by {listed(against)}"
                yield warning("nothing-lawful", ("workloads", key[0]), message)

    def _needs(self) -> dict[tuple[str, str | None], list[WorkloadFacts]]:
        found: dict[tuple[str, str | None], list[WorkloadFacts]] = {}
        for workload in self.candidates.workloads:
            found.setdefault((workload.id, workload.client_region), []).append(workload)
        return found

    def _position(self) -> Position:
        events = self.estate.events.items()
        return Position(
            tuple(Happened(id, event.on, event.about) for id, event in events if event.on is not None)
        )

    def _first_gap(
        self, workloads: Sequence[WorkloadFacts], masks: Sequence[Mask], position: Position
    ) -> tuple[date, date, list[str]] | None:
        begun: date | None = None
        ended, against = date.min, dict[str, None]()
        for begins, ends in self._stretches(workloads[0]):
            clauses_against = self._against(workloads, masks, position, Interval(begins, ends))
            if clauses_against is None:
                if begun is not None:
                    break
                continue
            begun, ended = begun or begins, ends
            against |= dict.fromkeys(clauses_against)
        return None if begun is None else (begun, ended, sorted(against))

    def _stretches(self, workload: WorkloadFacts) -> list[tuple[date, date]]:
        horizon, entry = self.estate.horizon, self.estate.workloads[workload.id]
        first, last = horizon.begins, horizon.ends
        if isinstance(entry, TrainingRun):
            first, last = max(first, entry.window.begins), min(last, entry.window.ends)
        events = {event.on for event in self.estate.events.values() if event.on is not None}
        cuts = sorted({first, last, *(day for day in {*self.law.dates, *events} if first < day < last)})
        return list(pairwise(cuts)) if first < last else []

    def _against(
        self,
        workloads: Sequence[WorkloadFacts],
        masks: Sequence[Mask],
        position: Position,
        interval: Interval,
    ) -> list[str] | None:
        """The clauses that refuse the supplies in an interval; None if one is lawful (or the tests have run out)."""
        actions = [
            Action(action_kind(workload, supply), interval, workload=workload, supply=supply)
            for workload in workloads
            for supply in self.candidates.of(workload)
        ]
        if not all(self._refused(action, masks, position) for action in actions):
            return None
        refusing = (m for m in masks if any(forbids(m, self.law, position, action) for action in actions))
        return list(dict.fromkeys(mask.origin.clause for mask in refusing))

    def _refused(self, action: Action, masks: Sequence[Mask], position: Position) -> bool:
        for mask in masks:
            self.tests_left -= 1
            if self.tests_left < 0:
                return False
            if forbids(mask, self.law, position, action):
                return True
        return False


def _bounds(estate: Estate, law: Law) -> Iterator[Finding]:
    paths: dict[str, Path] = {f"{id}.{path[-1]}": path for path, id, _, _ in clauses(estate)}
    uppers = [meter for meter in law.meters if meter.upper is not None]
    lowers = [meter for meter in law.meters if meter.lower is not None]
    for upper in uppers:
        against = [lower for lower in lowers if _comparable(upper, lower)]
        bound = upper.upper or Decimal(0)
        for lower in against:
            owed = _in_currency(law, lower, upper)
            if owed is not None and owed > bound:
                commits = f"`{lower.origin.clause}` commits to {_of(owed, upper)}"
                message = f"{commits}, and `{upper.origin.clause}` allows no more than {_of(bound, upper)}"
                place = paths.get(upper.origin.clause, ("agreements",))
                yield warning("bound-below-commitment", place, message)
        yield from _together(law, upper, against, paths)


def _together(law: Law, upper: Meter, against: Sequence[Meter], paths: dict[str, Path]) -> Iterator[Finding]:
    """A budget under several commitments of its payer that stand on one day, none within another."""
    if upper.payer is None or upper.upper is None:
        return
    counted = [lower for lower in against if lower.within is None]
    for day in sorted({lower.scope.begins or date.min for lower in counted}):
        standing = [lower for lower in counted if Interval(day, day + _DAY).overlaps(*_days(lower))]
        owed = [amount for lower in standing if (amount := _in_currency(law, lower, upper)) is not None]
        if len(owed) > 1 and max(owed) <= upper.upper < sum(owed):
            total = _of(sum(owed, Decimal(0)), upper)
            names = listed(lower.origin.clause for lower in standing)
            message = f"{names} together commit to {total}, more than the budget of {_of(upper.upper, upper)}"
            yield warning("bound-below-commitment", paths.get(upper.origin.clause, ("agreements",)), message)
            return


def _days(meter: Meter) -> tuple[date | None, date | None]:
    return meter.scope.begins, meter.scope.ends


def _comparable(upper: Meter, lower: Meter) -> bool:
    """Whether what the one counts is certainly counted by the other too, over the same windows, on some
    same day."""
    if upper.measure != lower.measure or upper.spends:
        return False
    if upper.payer is not None and upper.payer != lower.payer:
        return False
    same_window = upper.window == lower.window or (upper.window == "any-time" and upper.measure in _CAPACITY)
    everything = upper.scope.covers == Selection() and not upper.scope.excepts
    same = upper.scope.covers == lower.scope.covers and set(upper.scope.excepts) <= set(lower.scope.excepts)
    begins = lower.scope.begins or date.min
    overlap = Interval(begins, lower.scope.ends).overlaps(upper.scope.begins, upper.scope.ends)
    return same_window and (everything or same) and overlap


def _in_currency(law: Law, lower: Meter, upper: Meter) -> Decimal | None:
    """What is committed to, in the currency of the bound, on the first day on which both hold."""
    amount = lower.lower
    if amount is None or lower.currency is None or upper.currency is None or lower.currency == upper.currency:
        return amount
    day = max(lower.scope.begins or date.min, upper.scope.begins or date.min)
    rate = law.rates.rate(lower.currency, upper.currency, day)
    return None if rate is None else amount * rate


def _of(amount: Decimal, meter: Meter) -> str:
    unit = meter.currency if meter.measure == "money" else meter.measure
    return f"{amount:,f} {unit or ''}".strip()
