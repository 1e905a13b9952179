"""Users, requests and tokens folded into tokens a second by client region, and their week into typical hours.

All arithmetic is in decimals of 60 digits, of which 24 are kept, so that folding neither loses nor makes tokens: the
mean over typical hours of what comes out is the mean of what was stated.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from decimal import Context, Decimal, localcontext
from itertools import product
from typing import Final

from offtake.domain.estate import Estate, TypicalHour
from offtake.domain.numbers import figures_of
from offtake.domain.quantities import Figure, Series, Step
from offtake.domain.records import Entry
from offtake.domain.usage import Usage, UserRegion, WeeklyProfile
from offtake.domain.week import (
    DAYS,
    HOURS_PER_DAY,
    HOURS_PER_WEEK,
    SECONDS_PER_DAY,
    hours_of_week,
    minutes_from_utc,
)
from offtake.domain.workloads import InferenceClass, Traffic

_DIGITS: Final = 60
_KEPT: Final = (
    24  # Digits of a figure that is made: fewer than decimals carry by themselves, so that it can be scaled.
)
_MINUTES: Final = 60

Week = tuple[Decimal, ...]
"""(hour of the week,): 168 loads relative to their mean, from Monday's midnight."""


def folded(estate: Estate) -> Estate:
    """The estate with the traffic of every class that states its use; the same object if none does.

    The classes keep their `usage`. The estate must be free of errors (`offtake.domain.checks`).
    """
    made = {
        id: workload.model_copy(update={"traffic": traffic_of(estate, workload)})
        for id, workload in estate.workloads.items()
        if isinstance(workload, InferenceClass) and workload.usage is not None
    }
    return estate.model_copy(update={"workloads": {**estate.workloads, **made}}) if made else estate


def traffic_of(estate: Estate, workload: InferenceClass) -> tuple[Traffic, ...]:
    """One row of tokens a second for each client region of a class's `usage`; none without it.

    Tokens a second are users × part × share × requests a day / 86,400 × tokens a request, on the days on which any of
    them changes. Growth is the product of the factors' own. Each number is an assumption if one that it is made of is.
    """
    usage = workload.usage
    if usage is None:
        return ()
    with localcontext() as context:
        context.prec = _DIGITS
        return tuple(_row(estate, workload, usage, region) for region in usage.regions)


def _row(estate: Estate, workload: InferenceClass, usage: Usage, region: UserRegion) -> Traffic:
    source, assumed = _provenance(workload, usage, region)

    def figure(amount: Decimal, unit: str, kind: str, text: str) -> Figure:
        kept = amount.normalize(Context(prec=_KEPT))
        return Figure(kept, unit, kind, text, source=source, assumed=assumed)

    def rate(tokens: Series) -> Series:
        steps = [
            Step(day, figure(amount, "token/s", "token_rate", f"{amount:,.0f} tokens/s"))
            for day, amount in _products(_users(usage, region), usage.requests, tokens)
        ]
        return Series(tuple(steps))

    growth = growth_per_year(usage)
    profile = estate.profiles.get(region.profile or usage.profile or "")
    shape = in_typical_hours(week_of(profile, region.clock), estate.hours) if profile is not None else {}
    stated = {
        "region": region.region,
        "in": rate(usage.tokens.tokens_in),
        "out": rate(usage.tokens.tokens_out),
        "growth": figure(growth, "one", "share", f"{growth * 100:.1f} %") if growth else None,
        "profile": {hour: figure(load, "one", "number", f"{load:.3f}") for hour, load in shape.items()},
    }
    return Traffic.model_validate(stated)


def _users(usage: Usage, region: UserRegion) -> Series:
    """Users in a region, whose shares are taken as parts of their sum."""
    total = sum((row.share.amount for row in usage.regions), Decimal(0))
    part = Decimal(1) if usage.part is None else usage.part.amount
    factor = part * region.share.amount / total
    return Series(
        tuple(
            Step(step.begins, Figure(step.figure.amount * factor, "user", "users", step.figure.text))
            for step in usage.users
        )
    )


def _products(users: Series, requests: Series, tokens: Series) -> Iterable[tuple[date | None, Decimal]]:
    """Tokens a second from each day on which a factor changes; from the day on which all three are stated."""
    days = {step.begins for series in (users, requests, tokens) for step in series}
    for day in sorted(days, key=lambda one: one or date.min):
        found = [series.at(day or date.min) for series in (users, requests, tokens)]
        amounts = [figure.amount for figure in found if figure is not None]
        if len(amounts) == len(found):
            yield day, amounts[0] * amounts[1] * amounts[2] / SECONDS_PER_DAY


def growth_per_year(usage: Usage) -> Decimal:
    """Growth of the tokens: (1 + users')(1 + requests')(1 + tokens') − 1."""
    growth = usage.growth
    factor = Decimal(1)
    for one in (growth.users, growth.requests, growth.tokens):
        factor *= 1 if one is None else 1 + one.amount
    return factor - 1


def week_of(profile: WeeklyProfile, clock: str | None) -> Week:
    """The load of each hour of the week by UTC, relative to the mean: (hour of the week,), its mean exactly one.

    ``clock`` is that of the profile's people. Where it is ahead by half an hour, an hour takes half of each of two.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        day = _relative(profile.day, HOURS_PER_DAY)
        week = _relative(profile.week, len(DAYS))
        local = [one * other for one, other in product(week, day)]
        ahead, minutes = divmod(minutes_from_utc(clock or "UTC"), _MINUTES)
        late = Decimal(minutes) / _MINUTES
        return tuple(
            (1 - late) * local[(hour + ahead) % HOURS_PER_WEEK]
            + late * local[(hour + ahead + 1) % HOURS_PER_WEEK]
            for hour in range(HOURS_PER_WEEK)
        )


def _relative(shares: tuple[Figure, ...], count: int) -> list[Decimal]:
    """Shares as loads relative to their mean, flat if there are none."""
    if not shares:
        return [Decimal(1)] * count
    total = sum((share.amount for share in shares), Decimal(0))
    return [share.amount * count / total for share in shares]


def in_typical_hours(week: Week, hours: Mapping[str, TypicalHour]) -> dict[str, Decimal]:
    """The load in each typical hour relative to the mean, such that Σ weight × load is the week's mean, which is one.

    Where an hour's weight is rounded (29.8 % for 50 of 168 hours), its load makes up for it. Empty without hours.
    """
    with localcontext() as context:
        context.prec = _DIGITS
        return {
            id: sum((week[one] for text in hour.utc for one in hours_of_week(text)), Decimal(0))
            / HOURS_PER_WEEK
            / hour.weight.amount
            for id, hour in hours.items()
        }


class _Stated(Entry):
    """The numbers behind one row, for their provenance."""

    usage: Usage


def _provenance(workload: InferenceClass, usage: Usage, region: UserRegion) -> tuple[str | None, bool]:
    """The sources of the numbers that a row is made of, and whether any is assumed."""
    stated = _Stated(
        source=workload.source,
        assumed=workload.assumed,
        usage=usage.model_copy(update={"regions": (region,)}),
    )
    figures = [figure for _, figure in figures_of(stated)]
    sources = dict.fromkeys(figure.source for figure in figures if figure.source)
    return "; ".join(sources) or None, any(figure.assumed for figure in figures)
