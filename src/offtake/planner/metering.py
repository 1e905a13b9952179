"""The law's meters as rows of the program, in the order in which they count on one another."""

from __future__ import annotations

from dataclasses import replace
from decimal import Decimal

import numpy as np

from offtake.law.primitives import Meter
from offtake.planner.commitments import add_commitment, metered_rows
from offtake.planner.draft import Draft, LimitRows
from offtake.planner.measuring import measure_rows
from offtake.planner.reading import Reading


def add_meters(reading: Reading, draft: Draft) -> None:
    """Every meter's rows: lower bounds that a priced shortfall may break, inner ones first, then upper bounds."""
    meters = [_as_level(meter) for meter in reading.law.meters]
    for meter in sorted(meters, key=lambda one: (-_depth(one, meters), one.id)):
        if meter.lower is not None and meter.lower > 0:
            add_commitment(reading, draft, meter, next((m for m in meters if m.id == meter.within), None))
    for meter in meters:
        _ceiling(reading, draft, meter)


def _depth(meter: Meter, meters: list[Meter]) -> int:
    """In how many meters, one around the other, a meter lies."""
    outer = next((one for one in meters if one.id == meter.within), None)
    return 0 if outer is None else 1 + _depth(outer, meters)


def _as_level(meter: Meter) -> Meter:
    """So much a minute is a level, and holds in every typical hour: tokens a minute are a rate, and so on."""
    if meter.window != "minute" or meter.measure not in ("tokens", "accelerator-hours"):
        return meter
    per, priced = (Decimal(60), 3600) if meter.measure == "tokens" else (1 / Decimal(60), 1)
    return replace(
        meter,
        measure="token-rate" if meter.measure == "tokens" else "accelerators",
        lower=None if meter.lower is None else meter.lower / per,
        upper=None if meter.upper is None else meter.upper / per,
        shortfall_price=None if meter.shortfall_price is None else meter.shortfall_price * priced,
    )


def _ceiling(reading: Reading, draft: Draft, meter: Meter) -> None:
    if meter.upper is not None:
        upper = reading.in_estate_currency(
            float(meter.upper), meter.currency if meter.measure == "money" else None
        )
        measured = measure_rows(
            reading, draft, meter, lower=-np.inf, upper=upper, shortfalls=True, name=f"ceiling {meter.id}"
        )
        if measured is not None:
            draft.limits.append(
                LimitRows(
                    measured.rows, meter.origin.clause, _noun(meter), measured.unit, meter.measure, meter.id
                )
            )
            draft.metered.append(metered_rows(meter, measured, np.zeros((len(measured.windows), 1))))


def _noun(meter: Meter) -> str:
    return (
        "money"
        if meter.measure == "money"
        else {"power": "MW", "tokens": "tokens"}.get(meter.measure, meter.measure)
    )
