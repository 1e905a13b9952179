"""What price clauses add to an award, told again: every window or day on which a price counts something of it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from math import gcd, lcm

from offtake.broker.events import NeedAwarded
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Case, Held, flow
from offtake.broker.verification.findings import micros
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.room import windows_of
from offtake.law.meters import burns
from offtake.law.pricing import counter_of
from offtake.law.primitives import Meter, PriceSchedule


@dataclass(frozen=True, slots=True)
class Counted:
    """So much counted on a price before the award, and so much of each lease of it, so many times over."""

    schedule: PriceSchedule
    before: Decimal
    added: tuple[Decimal, ...]  # By lease.
    times: Decimal


def total(schedule: PriceSchedule, quantity: Decimal) -> Decimal:
    """What a price makes a quantity of one window cost, tier by tier."""
    if schedule.share is not None:
        cost = schedule.share * quantity
    elif schedule.tiering == "all-units":
        fitting = [t.price for t in schedule.tiers if t.up_to is None or quantity <= t.up_to]
        cost = quantity * (fitting[0] if fitting else schedule.tiers[-1].price)
    else:
        cost, low = NOTHING, NOTHING
        for tier in schedule.tiers:
            high = quantity if tier.up_to is None else min(tier.up_to, quantity)
            cost += max(high - low, NOTHING) * tier.price
            low = max(high, low)
    return cost if schedule.cap is None else min(cost, schedule.cap)


def counted(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[Counted]:
    """Every price that the need's party owes by what leases of an award would count, window by window or day by day."""
    need, law = case.need, audit.rules.law
    for schedule in law.prices:
        meter = counter_of(schedule)
        mine = [burns(meter, law, lease.action(audit.rules)) for lease in leases]
        rate = law.rates.rate(schedule.currency, need.currency, need.begins)
        if schedule.payer != need.party or not any(mine) or rate is None:
            continue
        if meter.measure in LEVEL_MEASURES:
            yield from _by_day(audit, case, schedule, meter, list(zip(leases, mine, strict=True)), rate)
            continue
        burning = [lease for lease, one in zip(leases, mine, strict=True) if one]
        for window, begins, ends in windows_of(meter, case, burning):
            before = audit.tally.counted.get((meter.id, window.begins), NOTHING)
            added = tuple(
                flow(audit.rules, lease, meter, begins, ends) if one else NOTHING
                for lease, one in zip(leases, mine, strict=True)
            )
            yield Counted(schedule, before, added, rate)


def _by_day(
    audit: Audit,
    case: Case,
    schedule: PriceSchedule,
    meter: Meter,
    leases: Sequence[tuple[Held, bool]],
    rate: Decimal,
) -> Iterator[Counted]:
    begins = max(case.need.begins, meter.scope.begins or date.min)
    ends = min(case.need.ends, meter.scope.ends or date.max)
    if begins >= ends:
        return
    added = tuple(lease.amounts.get(meter.measure, NOTHING) if one else NOTHING for lease, one in leases)
    steps = audit.tally.levels[meter.id].steps(begins, ends)
    levels: dict[Decimal, int] = {}
    for (first, level), last in zip(steps, [*(day for day, _ in steps[1:]), ends], strict=True):
        levels[level] = levels.get(level, 0) + 24 * (last - first).days
    for level, hours in levels.items():
        yield Counted(schedule, level, added, hours * rate)


def wrong_prices(audit: Audit, case: Case, event: NeedAwarded, leases: Sequence[Held]) -> Iterator[str]:
    """What price clauses add, against what the award states."""
    found: dict[str, Decimal] = {}
    for one in counted(audit, case, leases):
        clause = one.schedule.origin.clause
        after = total(one.schedule, one.before + sum(one.added, NOTHING))
        found[clause] = found.get(clause, NOTHING) + (after - total(one.schedule, one.before)) * one.times
    stated = dict(event.prices)
    for clause in sorted({*stated, *found}):
        amount = micros(found.get(clause, NOTHING))
        if abs(amount - stated.get(clause, 0)) > 1:
            yield f"{clause} adds {amount} millionths, not {stated.get(clause, 0)}"


@dataclass(frozen=True, slots=True)
class Bend:
    """From `begins` on each unit costs `slope`; to pass it costs `jump` at once, and takes at least `least` beyond."""

    begins: Decimal
    width: Decimal
    slope: Decimal
    jump: Decimal
    least: Decimal


def bends(one: Counted, base: Decimal, most: Decimal, steps: Sequence[Decimal]) -> list[Bend]:
    """What a price adds to a count that stands at `base`, for up to `most` more that come in these steps."""
    schedule = one.schedule
    corners = {tier.up_to for tier in schedule.tiers if tier.up_to is not None}
    corners |= set(_caps(schedule))
    places = sorted({base, *(corner for corner in corners if base <= corner < base + most)})
    grain = _grain(steps)
    found: list[Bend] = []
    for place, following in zip(places, [*places[1:], base + most], strict=True):
        width = following - place
        here, there = place + width / 3, place + width * 2 / 3
        slope = (total(schedule, there) - total(schedule, here)) / (there - here)
        jump = total(schedule, here) - slope * (here - place) - total(schedule, place)
        begins = place - base
        least = ((begins // grain + 1) * grain - begins) if grain else NOTHING
        found.append(Bend(begins, width, slope, jump, min(least, width)))
    return found


def _caps(schedule: PriceSchedule) -> Iterator[Decimal]:
    """Where a price reaches its cap, between its corners."""
    if schedule.cap is None:
        return
    if schedule.share is not None:
        if schedule.share:
            yield schedule.cap / schedule.share
        return
    low = paid = NOTHING
    for tier in schedule.tiers:
        start = NOTHING if schedule.tiering == "all-units" else paid - low * tier.price
        if tier.price > 0:
            reached = (schedule.cap - start) / tier.price
            if low < reached and (tier.up_to is None or reached < tier.up_to):
                yield reached
        if tier.up_to is not None:
            paid, low = start + tier.up_to * tier.price, tier.up_to


def _grain(steps: Sequence[Decimal]) -> Decimal:
    """The largest amount that every step is a whole number of; nothing if it is too fine to matter."""
    ratios = [step.as_integer_ratio() for step in steps if step]
    below = lcm(*(denominator for _, denominator in ratios))
    above = gcd(*(numerator * (below // denominator) for numerator, denominator in ratios))
    grain = Decimal(above) / Decimal(below)
    return grain if grain > max(steps) * Decimal("1e-9") else NOTHING
