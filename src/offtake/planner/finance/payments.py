"""How the payments of a program touch a borrower: what it receives and what it pays, when it arises or when it moves.

What is received of trade comes in, and what operation costs is paid, as late as the borrower's terms say; capital is
paid when it is due.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.domain.handoffs import CUSTOMERS
from offtake.planner.draft import Draft
from offtake.planner.finance.terms import Borrower
from offtake.planner.instance import Floats, Payment
from offtake.planner.program import ABSENT, Block
from offtake.planner.serving import Measure

OUT_OF_CASH: Final = ("salvage",)  # Kinds of payment that are worth something, and no money in the bank.
INVESTED: Final = ("capital",)  # Kinds of payment that are no cost of operation.


@dataclass(frozen=True, slots=True)
class Which:
    """Which payments are meant: without capital (`operating`), of one direction (`only` +1 received, -1 paid), from one
    payer; and whether when they arise (`accrued`) rather than when money moves."""

    operating: bool = False
    only: float = 0.0
    payer: str | None = None
    accrued: bool = False


EVERYTHING: Final = Which()
PAID: Final = Which(only=-1.0)
OPERATING: Final = Which(operating=True)
ACCRUED: Final = Which(operating=True, accrued=True)


@dataclass(frozen=True, slots=True)
class _Flow:
    """A payment of the program's as it touches a borrower: +1 received, -1 paid; 0 if it does not count. `lag` is
    (cash period, period), None if it moves at once."""

    sign: float
    lag: Floats | None


_NOTHING: Final = _Flow(0.0, None)


def _flow(borrower: Borrower, which: Which, payer: str, payee: str, kind: str) -> _Flow:
    """How a payment touches a borrower's cash; not at all, if it stays inside its group."""
    gets, pays = payee in borrower.members, payer in borrower.members
    sign, invested = 1.0 if gets else -1.0, kind in INVESTED
    if kind in OUT_OF_CASH or gets == pays or (which.operating and invested):
        return _NOTHING
    if (which.only and sign != which.only) or which.payer not in (None, payer):
        return _NOTHING
    late = None if invested or which.accrued else borrower.received if gets else borrower.paid
    return _Flow(sign, late)


def fixed_flows(draft: Draft, borrower: Borrower, which: Which) -> Floats:
    """(period,) money received less paid whatever is decided."""
    total = np.zeros(len(draft.instance.calendar.periods))
    for pool in draft.instance.pools:
        for payment in pool.fixed_payments:
            flow = _flow(borrower, which, payment.payer, payment.payee, payment.kind)
            if flow.sign:
                moved = payment.amounts if flow.lag is None else flow.lag @ payment.amounts
                total += flow.sign * moved
    return total


def enter_payments(
    draft: Draft, borrower: Borrower, rows: NDArray[np.int32], factor: float, which: Which
) -> None:
    """Enters into rows (period,) what every column of the draft moves: received less paid, times a factor."""
    builder, instance, money = draft.builder, draft.instance, draft.scales.money
    for block, unit, hourly, payments in _ordered(draft):
        for payment in payments:
            flow = _flow(borrower, which, payment.payer, payment.payee, payment.kind)
            if not flow.sign:
                continue
            size = factor * flow.sign * unit / money
            if hourly:
                per_hour = np.diagonal(payment.amounts)[:, None] * instance.hour_weights[None, :]
                for later, shares in _moved(rows, flow.lag):
                    builder.entries(later[:, None], block.index, size * per_hour * shares[:, None])
            else:
                moved = payment.amounts if flow.lag is None else payment.amounts @ flow.lag.T
                builder.entries(rows[None, :], block.index[:, None], size * moved)
    _enter_tokens(draft, borrower, rows, factor, which)
    _enter_revenue(draft, borrower, rows, factor, which)
    for side in draft.side_columns:
        flow = _flow(borrower, which, side.payer, side.payee, side.kind)
        if flow.sign:
            shape = (-1, *[1] * (side.columns.index.ndim - 1))
            for later, shares in _moved(rows, flow.lag):
                size = (factor * flow.sign * side.unit / money) * shares[side.period].reshape(shape)
                builder.entries(later[side.period].reshape(shape), side.columns.index, size * side.price)


def _moved(rows: NDArray[np.int32], lag: Floats | None) -> Iterator[tuple[NDArray[np.int32], Floats]]:
    """By how many periods money moves later: the row of each period's money, and the share of it that moves so."""
    count = len(rows)
    if lag is None:
        yield rows, np.ones(count)
        return
    for by in range(count):
        shares = np.zeros(count)
        shares[: count - by] = np.diagonal(lag, -by)
        if shares.any():
            later = np.full(count, ABSENT, dtype=np.int32)
            later[: count - by] = rows[by:]
            yield later, shares


def _ordered(draft: Draft) -> Iterator[tuple[Block, float, bool, tuple[Payment, ...]]]:
    for columns in draft.ways:
        yield columns.ordered, columns.unit, columns.way.hourly, columns.way.payments
    for n, block in draft.shells:
        yield block, 1.0, False, draft.instance.rooms[n].shell_payments


def _enter_tokens(
    draft: Draft, borrower: Borrower, rows: NDArray[np.int32], factor: float, which: Which
) -> None:
    """Tokens that are bought by use of a member, or by one."""
    serving = draft.instance.serving
    flows = [_flow(borrower, which, payer, payee, "tokens") for payer, payee in serving.payers]
    for direction in (1.0, -1.0):
        mine = [flow for flow in flows if flow.sign == direction]
        if mine:
            signs = np.array([factor * flow.sign * (flow.sign == direction) for flow in flows])
            _measure(draft, rows, mine[0].lag, signs[:, None, None] * serving.price)


def _enter_revenue(
    draft: Draft, borrower: Borrower, rows: NDArray[np.int32], factor: float, which: Which
) -> None:
    """What customers pay for the tokens that members serve."""
    loads = draft.instance.serving.loads
    flows = [_flow(borrower, which, CUSTOMERS, load.seller, "revenue") for load in loads]
    mine = [flow for flow in flows if flow.sign]
    if mine:
        earned = np.array(
            [factor * flow.sign * load.revenue for flow, load in zip(flows, loads, strict=True)]
        )
        _measure(draft, rows, mine[0].lag, earned[None])


def _measure(draft: Draft, rows: NDArray[np.int32], lag: Floats | None, per_load: Floats) -> None:
    """Money per token/s and hour, (seat or 1, load, period), entered into rows (period,)."""
    coefficient = per_load * draft.scales.load / draft.scales.money
    if not coefficient.any():
        return
    for later, shares in _moved(rows, lag):
        slots = np.repeat(later[:, None], len(draft.instance.hour_ids), axis=1)
        draft.measures.append(
            Measure(rows=slots, coefficient=coefficient, weight=draft.slot_weights() * shares[:, None])
        )
