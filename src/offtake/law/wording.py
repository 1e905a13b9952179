"""The law's reasons in words."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from typing import assert_never

from offtake.domain.selection import Action, Interval, SupplyFacts, WorkloadFacts
from offtake.law.meters import Passed
from offtake.law.primitives import (
    Covered,
    FartherThan,
    HandledOutside,
    Mask,
    Meter,
    Origin,
    Procedure,
    Relation,
    SuppliedElsewhere,
)

_FACTS = {
    "may_process_in": "where it may process",
    "rests_in": "where data rests",
    "logs_in": "where logs go",
}


def cited(origin: Origin) -> str:
    """A clause as people cite it, with document and section if they are known."""
    where = ", ".join(part for part in (origin.document, origin.section) if part)
    return f"{origin.clause} ({where})" if where else origin.clause


def span(begins: date | None, ends: date | None) -> str:
    """The days in words; the end is the first day that is out."""
    first = "" if begins is None or begins == date.min else f" from {begins}"
    last = "" if ends is None else f" until {ends}"
    return (first + last).strip() or "at all times"


def number(amount: Decimal) -> str:
    """A decimal as people write it."""
    return f"{amount.normalize():f}" if amount else "0"


def windows_text(right: Procedure) -> str:
    """The time that a holder has to answer, by the size of the deal where it goes by that."""
    if len(right.windows) < 2:
        window = right.windows[0].window if right.windows else right.window
        return "any time" if window is None else window.text
    begins = (None, *(one.below for one in right.windows))
    return ", ".join(
        f"{one.window.text} {sizes_text(right, since, one.below)}"
        for since, one in zip(begins, right.windows, strict=False)
    )


def sizes_text(right: Procedure, begins: Decimal | None, below: Decimal | None) -> str:
    """The sizes from one on and below another, in a right's measure."""
    unit = {"power": "MW"}.get(right.measure, right.measure)
    since = "" if begins is None else f"from {number(begins)} {unit}"
    until = "" if below is None else f"below {number(below)} {unit}"
    return f"{since} {'on' if below is None else until}".strip()


def mask_text(mask: Mask, held: Interval, action: Action) -> str:
    """Why a mask forbids an action."""
    what = action.workload.model or action.workload.id or "capacity"
    where = action.supply.id or "a supply that is not named"
    why = _relation(mask.relation, action.workload, action.supply)
    return (
        f"{cited(mask.origin)} forbids to {action.kind} {what} at {where} {span(held.begins, held.ends)}{why}"
    )


def _relation(relation: Relation, workload: WorkloadFacts, supply: SupplyFacts) -> str:
    match relation:
        case Covered():
            return ""
        case SuppliedElsewhere():
            return f": it may run at {', '.join(sorted(relation.providers))} only"
        case HandledOutside():
            return f": {'; '.join(_handled(relation, supply))}"
        case FartherThan():
            return f": {_far(relation, workload.client_region, supply.region)}"
        case _:
            assert_never(relation)


def _handled(relation: HandledOutside, supply: SupplyFacts) -> list[str]:
    said: list[str] = []
    for fact in relation.facts:
        places: frozenset[str] | None = getattr(supply, fact)
        if places is None:
            said.append(f"{_FACTS[fact]} is not stated")
        elif not places <= relation.boundary:
            outside = sorted(places - relation.boundary)
            said.append(f"{_FACTS[fact]} reaches {'anywhere' if '*' in outside else ', '.join(outside)}")
    return said


def _far(relation: FartherThan, client_region: str | None, region: str | None) -> str:
    bound = f"{number(relation.bound_ms)} ms"
    known = (
        None
        if client_region is None or region is None
        else relation.round_trips_ms.get((client_region, region))
    )
    pair = f"from {client_region or 'an unknown region'} to {region or 'an unknown region'}"
    if known is None:
        return f"the round trip {pair} is unknown, and must be within {bound}"
    return f"the round trip {pair} is {number(known)} ms, over {bound}"


def meter_text(meter: Meter, over: Passed) -> str:
    """Why a meter's bound stands in the way."""
    unit = meter.currency or meter.measure if meter.measure == "money" else meter.measure
    head = f"{cited(meter.origin)} allows {number(meter.upper or Decimal(0))} {unit}"
    window = "" if meter.window == "any-time" else f" {span(over.window.begins, over.window.ends)}"
    if over.counted is None:
        return f"{head}{window}: there is no rate to convert what this costs into {meter.currency}"
    return f"{head}{window}: {number(over.reading)} is taken, and this would add {number(over.counted)}"


def part_text(procedure: Procedure, why: str) -> str:
    """Why a holder's partial take is not one that its right allows."""
    return f"{cited(procedure.origin)}: {procedure.holder} may not take this part of the need: {why}"


def elsewhere_text(procedure: Procedure, left: Decimal, wanted: Decimal) -> str:
    """Why no more may be taken elsewhere."""
    return (
        f"{cited(procedure.origin)}: {procedure.holder} has answered, and leaves {number(left)} "
        f"{procedure.measure} to others; {number(wanted)} are more"
    )
