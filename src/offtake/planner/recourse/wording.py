"""Orders in plain words: what to commit to now, and what to keep open until when."""

from __future__ import annotations

from collections.abc import Sequence

from offtake.domain.recourse import LaterOrder, OrderNow, StochasticPlan, Thing

THRESHOLD_MW = 0.5  # Below it power says nothing to a reader, and the number of things is told.


def amount_of(thing: Thing, quantity: float, *, short: bool = False) -> str:
    """`290 MW (139,000 accelerators)`, `8 accelerators`; `short` leaves out the number where the power is known."""
    if thing.unit == "MW":
        return _power(quantity)
    count = f"{_count(quantity)} {_units(thing.unit, quantity)}"
    power = quantity * thing.power_mw_per_unit
    if power < THRESHOLD_MW:
        return count
    return _power(power) if short else f"{_power(power)} ({count})"


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
    periods = list(dict.fromkeys(one.period.partition(" from ")[0] for one in orders))
    when = periods[0] if len(periods) == 1 else f"{periods[0]} to {periods[-1]}"
    known = sum(one.known_least for one in orders)
    sure = f"; {amount_of(thing, known)} of it whatever comes" if known > 0 else ""
    return f"Commit to {amount} of {name_of(thing)} now, in {when}{sure}."


def later_in_words(one: LaterOrder) -> str:
    """An option: what some futures order later and others do not."""
    until = one.period.partition(" from ")[0]
    return (
        f"Keep the option on {name_of(one.thing)} until {until}: {one.probability * 100:.3g} % of futures "
        f"take it, up to {amount_of(one.thing, one.most)}; ordered then, it serves from {one.serves_from}."
    )


def sentences_of(plan: StochasticPlan) -> tuple[str, ...]:
    """Today's orders in words, then what is kept open, then what comes in every future."""
    things: dict[tuple[str, str], list[OrderNow]] = {}
    for one in plan.orders:
        if one.quantity > 0:
            things.setdefault((one.thing.kind, one.thing.supply), []).append(one)
    now = [now_in_words(found) for found in things.values()]
    if not now:
        now = [f"Commit to nothing new before {plan.rule.decided_until}."]
    options = [later_in_words(one) for one in plan.later if one.probability < 1]
    sure = [name_of(one.thing) for one in plan.later if one.probability >= 1]
    last = (
        [f"Every future orders later: {', '.join(sure)}. Nothing about it has to be decided now."]
        if sure
        else []
    )
    return (*now, *options, *last)
