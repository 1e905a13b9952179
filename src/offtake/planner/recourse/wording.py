"""Orders in plain words: what to commit to now, and what to keep open until when."""

from __future__ import annotations

from collections.abc import Sequence

from offtake.domain.recourse import LaterOrder, OrderNow, StochasticPlan, Thing

THRESHOLD_MW = 0.5  # Below it power says nothing to a reader, and the number of things is told.


def amount_of(thing: Thing, quantity: float) -> str:
    """`290 MW`, `8 accelerators`, with what power it draws where that is known."""
    if thing.unit == "MW":
        return _power(quantity)
    count = f"{_count(quantity)} {_units(thing.unit, quantity)}"
    power = quantity * thing.power_mw_per_unit
    return f"{_power(power)} ({count})" if power >= THRESHOLD_MW else count


def _power(megawatts: float) -> str:
    return f"{megawatts / 1000:.3g} GW" if megawatts >= 1000 else f"{megawatts:.3g} MW"


def _count(quantity: float) -> str:
    return f"{quantity:,.0f}" if quantity >= 100 or quantity == round(quantity) else f"{quantity:.3g}"


def _units(unit: str, quantity: float) -> str:
    return unit[:-1] if quantity == 1 and unit.endswith("s") and unit != "tokens/s" else unit


def name_of(thing: Thing) -> str:
    """What is ordered, and where."""
    if thing.kind == "shell":
        return f"housing at {thing.site}"
    _, slash, what = thing.supply.partition("/")
    return f"{what} at {thing.site}" if slash and thing.site else thing.supply


def now_in_words(orders: Sequence[OrderNow]) -> str:
    """Orders of one thing: `Commit to 290 MW (139,000 accelerators) of gb200 at abilene now, in 2025Q1 and 2025Q2.`"""
    thing = orders[0].thing
    amount = amount_of(thing, sum(one.quantity for one in orders))
    periods = [one.period for one in orders]
    when = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    known = sum(one.known_least for one in orders)
    sure = f"; at least {amount_of(thing, known)} suits every future" if known > 0 else ""
    return f"Commit to {amount} of {name_of(thing)} now, in {when}{sure}."


def later_in_words(one: LaterOrder) -> str:
    """An option, or what every future orders later."""
    amount = amount_of(one.thing, one.most)
    if one.probability >= 1:
        return (
            f"Every future orders {name_of(one.thing)} later, up to {amount}, the first of them in {one.period}: "
            "nothing about it has to be decided now."
        )
    return (
        f"Keep the option on {name_of(one.thing)} until {one.period}: {one.probability * 100:.3g} % of futures "
        f"take it, up to {amount}; ordered then, it serves from {one.serves_from}."
    )


def sentences_of(plan: StochasticPlan) -> tuple[str, ...]:
    """Today's orders in words, then what is kept open."""
    things: dict[tuple[str, str], list[OrderNow]] = {}
    for one in plan.orders:
        if one.quantity > 0:
            things.setdefault((one.thing.kind, one.thing.supply), []).append(one)
    now = [now_in_words(found) for found in things.values()]
    if not now:
        now = [f"Commit to nothing new before {plan.rule.decided_until}."]
    return (*now, *(later_in_words(one) for one in plan.later))
