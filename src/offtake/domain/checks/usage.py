"""Traffic stated as users, requests and tokens: shares and profiles that sum, clocks, and which hours are meant."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal
from typing import Final

from offtake.domain.checks.findings import Finding, Path, error
from offtake.domain.estate import Estate
from offtake.domain.quantities import Figure
from offtake.domain.usage import Usage
from offtake.domain.week import DAYS, HOURS_PER_DAY, HOURS_PER_WEEK, hours_of_week, minutes_from_utc
from offtake.domain.workloads import InferenceClass

_SUM: Final = Decimal("0.001")
_HOURS_EXAMPLE: Final = "`utc: 08-18` or `utc: [mon-fri 22-06, sat-sun 00-24]`"


def check_usage(estate: Estate) -> Iterator[Finding]:
    """Classes with no traffic or two kinds of it, profiles and shares that do not sum, hours left out or twice."""
    for id, profile in estate.profiles.items():
        yield from _profile(("profiles", id, "day"), profile.day, HOURS_PER_DAY, "hours of a day")
        yield from _profile(("profiles", id, "week"), profile.week, len(DAYS), "days of a week")
    hours = tuple(_hours(estate))
    yield from hours
    known = any(hour.utc for hour in estate.hours.values()) or not estate.hours
    for id, workload in estate.workloads.items():
        if not isinstance(workload, InferenceClass):
            continue
        path = ("workloads", id)
        if workload.usage is None:
            if not workload.traffic:
                message = "a class needs its `traffic` in tokens a second, or its `usage`"
                yield error(
                    "figures-missing",
                    path,
                    message,
                    "`traffic: [{region: eu, in: 9000 tokens/s, out: 900 tokens/s}]`",
                )
            continue
        if workload.traffic:
            message = "`usage` makes the traffic; `traffic` is stated as well"
            yield error("stated-twice", (*path, "traffic"), message, "one of the two")
        if workload.profile:
            message = "`usage` makes the profile from the hours at which people ask"
            yield error(
                "stated-twice", (*path, "profile"), message, "`usage.profile`, the id of one under `profiles`"
            )
        yield from _usage(estate, (*path, "usage"), workload.usage, hours_known=known)


def _profile(path: Path, shares: Sequence[Figure], count: int, what: str) -> Iterator[Finding]:
    if not shares:
        return
    if len(shares) != count:
        message = f"{len(shares)} shares; the {what} are {count}"
        yield error("profile", path, message, f"{count} shares that sum to 100 %")
        return
    total = sum((share.amount for share in shares), Decimal(0))
    if abs(total - 1) > _SUM:
        message = f"the shares sum to {total * 100:.2f} %, not to 100 %"
        yield error("profile", path, message, f"{count} shares that sum to 100 %")


def _hours(estate: Estate) -> Iterator[Finding]:
    """Typical hours that say which hours of the week they stand for: each hour once, and the weight that follows."""
    if not any(hour.utc for hour in estate.hours.values()):
        return
    taken: dict[int, str] = {}
    for id, hour in estate.hours.items():
        path = ("hours", id, "utc")
        if not hour.utc:
            message = f"`{id}` does not say which hours of the week it stands for, and others do"
            yield error("hours", path[:2], message, _HOURS_EXAMPLE)
            return
        mine: set[int] = set()
        for place, text in enumerate(hour.utc):
            try:
                found = hours_of_week(text)
            except ValueError as problem:
                yield error("hours", (*path, place), str(problem), _HOURS_EXAMPLE)
                return
            twice = next((taken[one] for one in found if one in taken), None)
            if twice is not None:
                yield error("hours", (*path, place), f"some of `{text}` belongs to `{twice}` already")
                return
            mine |= set(found)
            taken |= dict.fromkeys(found, id)
        share = Decimal(len(mine)) / HOURS_PER_WEEK
        if abs(share - hour.weight.amount) > _SUM:
            message = f"`{id}` stands for {len(mine)} of the week's 168 hours, and weighs {hour.weight.text}"
            yield error("weights", ("hours", id, "weight"), message, f"`{share * 100:.2f} %`")
    if len(taken) < HOURS_PER_WEEK:
        missing = next(one for one in range(HOURS_PER_WEEK) if one not in taken)
        day, hour_of_day = divmod(missing, HOURS_PER_DAY)
        such = f"{DAYS[day]} {hour_of_day:02}-{hour_of_day + 1:02}"
        message = f"{HOURS_PER_WEEK - len(taken)} hours of the week belong to none, such as {such}"
        yield error("hours", ("hours",), message, _HOURS_EXAMPLE)


def _usage(estate: Estate, path: Path, usage: Usage, *, hours_known: bool) -> Iterator[Finding]:
    total = sum((row.share.amount for row in usage.regions), Decimal(0))
    if abs(total - 1) > _SUM:
        message = f"the shares of the regions sum to {total * 100:.2f} %, not to 100 %"
        yield error(
            "profile", (*path, "regions"), message, "shares of the class's users; `part` says how many it has"
        )
    seen: set[str] = set()
    for place, row in enumerate(usage.regions):
        where = (*path, "regions", place)
        if row.region in seen:
            yield error("stated-twice", (*where, "region"), f"`{row.region}` is stated twice")
        seen.add(row.region)
        if row.clock is not None:
            try:
                minutes_from_utc(row.clock)
            except ValueError as problem:
                yield error("clock", (*where, "clock"), str(problem), "`UTC-5` or `UTC+5:30`")
        profile = estate.profiles.get(row.profile or usage.profile or "")
        if profile is None or not (profile.day or profile.week):
            continue
        if row.clock is None:
            message = f"a profile follows local time, and `{row.region}` states no `clock`"
            yield error("clock", where, message, _clock_example(estate, row.region))
        if not hours_known:
            message = "a profile can be folded only into typical hours that say which hours of the week they stand for"
            yield error("hours", ("hours",), message, _HOURS_EXAMPLE)
            return


def _clock_example(estate: Estate, region: str) -> str:
    """The clock that the region's longitude suggests: 15 degrees are an hour."""
    entry = estate.regions.get(region)
    hours = 0 if entry is None or entry.at is None else round(entry.at[1] / 15)
    return f"`clock: UTC{hours:+d}`" if hours else "`clock: UTC`"
