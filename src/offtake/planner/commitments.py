"""Commitments: what falls short is billed, may be made up later, and counts on the commitment around it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.domain.errors import InvalidInput
from offtake.law.primitives import Meter
from offtake.planner.counting import STOCKS, rate_by_period
from offtake.planner.draft import TIE, Draft, MeteredRows, SideColumns, settled_weight
from offtake.planner.instance import Floats
from offtake.planner.measuring import Measured, measure_rows, most_counted
from offtake.planner.program import ABSENT, Block
from offtake.planner.reading import Reading

FACE_VALUE: Final = 1.0


@dataclass(frozen=True, slots=True)
class _Terms:
    """How a commitment settles: when, at how much per natural unit short, who pays whom, and what that weighs."""

    period: NDArray[np.intp]  # (window,)
    owed: Floats  # (window,)
    payer: str
    payee: str
    weight: float


def add_commitment(reading: Reading, draft: Draft, meter: Meter, outer: Meter | None) -> None:
    """A lower bound that a priced shortfall may break, with the bank of what may be made up.

    A shortfall is what is missing and no more. Where it would pay to fall further short than that (to draw more
    later, or to burn a commitment around it that costs more), integers hold it there. Raises InvalidInput if
    nothing bounds the quantity that they would need.
    """
    money = meter.measure == "money"
    lower = reading.in_estate_currency(float(meter.lower or 0), meter.currency if money else None)
    banks = (
        bool(meter.make_up_windows) and not meter.perishable and meter.measure not in (*STOCKS, "token-rate")
    )
    exact = banks or (outer is not None and _burning_pays(meter, outer))
    measured = measure_rows(
        reading,
        draft,
        meter,
        lower=lower,
        upper=lower if exact else np.inf,
        shortfalls=False,
        name=f"commitment {meter.id}",
    )
    if measured is None:
        return
    terms = _terms(reading, draft, measured)
    most = most_counted(draft, measured) if exact else None
    hourly = measured.rows.index.ndim == 2
    weights = draft.instance.hour_weights if hourly else np.ones(1)
    owed = terms.owed[:, None] * weights[None, :]
    short = _shortfall(draft, measured, terms, owed if hourly else owed[:, 0])
    draft.builder.entries(measured.rows.index, short.index, 1.0)
    metered = replace(metered_rows(meter, measured, owed), short=short)
    _burn(draft, meter, short, owed, measured.unit, terms.period)
    if banks:
        metered = _bank(draft, metered, measured, short, terms)
    if most is not None:
        metered = _no_more_than_missing(draft, metered, measured, short, most)
    draft.metered.append(metered)


def _burning_pays(meter: Meter, outer: Meter) -> bool:
    """Whether money that is short around this commitment may cost more than what burns it."""
    return (outer.shortfall_price or 0) > FACE_VALUE or outer.currency != meter.currency


def _terms(reading: Reading, draft: Draft, measured: Measured) -> _Terms:
    meter, instance = measured.meter, draft.instance
    price = float(meter.shortfall_price or 0)
    if meter.measure != "money":
        price = reading.in_estate_currency(price, meter.currency)
    last = np.array([window.shares[-1][0] for window in measured.windows], dtype=np.intp)
    owed = price / rate_by_period(reading, draft, meter.currency)[last]
    if meter.measure in (*STOCKS, "token-rate"):  # What stands too low is short in every hour of the period.
        owed = owed * instance.calendar.hours()[last]
    payer, payee = meter.payer or instance.party, meter.payee or "market"
    # Money short here or in what lies around it costs the same: a millionth more leaves it to the outer one.
    weight = settled_weight(instance.party, payer, payee) * (1 + TIE * (meter.within is not None))
    return _Terms(last, owed, payer, payee, weight)


def _shortfall(draft: Draft, measured: Measured, terms: _Terms, owed: Floats) -> Block:
    """Its columns, by the cells of the commitment's rows."""
    meter, builder = measured.meter, draft.builder
    discount = draft.instance.calendar.discounts()[terms.period]
    spread = discount if owed.ndim == 1 else discount[:, None]
    cost = owed * spread * terms.weight * measured.unit / draft.scales.money
    columns = builder.columns(
        f"shortfall {meter.id}", dict(measured.rows.axes), cost=cost, source=meter.origin.clause
    )
    draft.side_columns.append(
        SideColumns(
            "shortfall",
            columns,
            meter.id,
            terms.payer,
            terms.payee,
            owed,
            terms.period,
            measured.unit,
            terms.weight,
        )
    )
    return columns


def metered_rows(meter: Meter, measured: Measured, owed: Floats) -> MeteredRows:
    """The rows of a meter, as the tables read them."""
    return MeteredRows(
        meter.id, meter.origin.clause, meter.measure, measured.rows, measured.unit, measured.fixed, owed
    )


def _burn(
    draft: Draft, meter: Meter, columns: Block, owed: Floats, unit: float, period: NDArray[np.intp]
) -> None:
    """What is billed under this meter (or given back) burns the money meter that it lies within."""
    if meter.within is None:
        return
    burnt = draft.billed.setdefault(meter.within, [])
    for column, amount, at in zip(
        columns.index.reshape(len(period), -1), owed.reshape(len(period), -1), period, strict=True
    ):
        burnt.extend((int(c), float(a) * unit, int(at)) for c, a in zip(column, amount, strict=True))


def _bank(draft: Draft, metered: MeteredRows, measured: Measured, short: Block, terms: _Terms) -> MeteredRows:
    """What was paid and not taken is drawn free in the windows after: its price comes back, up to what exceeds."""
    meter, count = measured.meter, len(measured.windows)
    pairs = [(w, v) for w in range(count) for v in range(w + 1, min(w + 1 + meter.make_up_windows, count))]
    if not pairs:
        return metered
    earlier, later = (np.array(side, dtype=np.intp) for side in zip(*pairs, strict=True))
    period, back = terms.period[later], -terms.owed[earlier]
    discount = draft.instance.calendar.discounts()[period]
    draw = draft.builder.columns(
        f"draw {meter.id}",
        {"windows": tuple(f"{measured.windows[w].label} in {measured.windows[v].label}" for w, v in pairs)},
        cost=back * discount * terms.weight * measured.unit / draft.scales.money,
        source=meter.origin.clause,
    )
    banked = draft.builder.rows(
        f"banked {meter.id}", dict(measured.rows.axes), upper=0.0, source=meter.origin.clause
    )
    draft.builder.entries(banked.index, short.index, -1.0)
    draft.builder.entries(banked.index[earlier], draw.index, 1.0)
    # A draw takes the place of use beyond the later window's own bound, so that bound is raised by it.
    draft.builder.entries(measured.rows.index[later], draw.index, -1.0)
    draft.side_columns.append(
        SideColumns(
            "draw", draw, meter.id, terms.payer, terms.payee, back, period, measured.unit, terms.weight
        )
    )
    _burn(draft, meter, draw, back, measured.unit, period)
    return replace(metered, draw=draw, draw_in=later)


def _no_more_than_missing(
    draft: Draft, metered: MeteredRows, measured: Measured, short: Block, most: Floats
) -> MeteredRows:
    """Each window either falls short, by what is missing, and draws nothing, or it does not fall short.

    `most` (window,) is the most that may be counted, in natural units. Without it only what is drawn can be held.
    """
    meter, builder, unit, axes = measured.meter, draft.builder, measured.unit, dict(measured.rows.axes)
    bounded = np.isfinite(most)
    if not bounded.all() and meter.within is not None:
        raise InvalidInput(
            f"`{meter.id}`: this commitment needs a bound on its quantity, for what it makes up counts on "
            f"`{meter.within}`",
            hint="put a limit on the products that it covers",
        )
    clause, bound = meter.origin.clause, measured.lower
    falls = builder.columns(f"falls short {meter.id}", axes, upper=1.0, integer=True, source=clause)
    beyond = builder.columns(f"beyond {meter.id}", axes, source=clause)
    builder.entries(measured.rows.index, beyond.index, -1.0)
    missing = builder.rows(f"missing {meter.id}", axes, upper=0.0, source=clause)
    builder.entries(missing.index, short.index, 1.0)
    builder.entries(missing.index, falls.index, -np.maximum(bound, 0.0))
    # Beyond the bound lies what is counted there, and what is drawn; neither is there in a window that falls short.
    drawable = _drawable(measured, bound)
    left = np.where(bounded, np.maximum((most - measured.fixed) / unit - bound, 0.0), 0.0) + drawable
    kept = builder.rows(f"kept {meter.id}", axes, upper=left, source=clause)
    builder.entries(kept.index, falls.index, left)
    builder.entries(kept.index, np.where(bounded, beyond.index, ABSENT), 1.0)
    if metered.draw is not None and metered.draw_in is not None:
        builder.entries(kept.index[metered.draw_in], metered.draw.index, 1.0)
    return replace(metered, beyond=beyond)


def _drawable(measured: Measured, bound: Floats) -> Floats:
    """(window,) the most that earlier windows could leave to be drawn in each, in program units."""
    lengths, made_up = len(bound), measured.meter.make_up_windows
    whole = np.maximum(bound, 0.0)
    return np.array([whole[max(0, v - made_up) : v].sum() for v in range(lengths)])
