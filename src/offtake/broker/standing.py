"""Where things stand by the ledger, as those read it who act under the same law: events, readings, rights, leases."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from decimal import Decimal

from offtake.broker.counting import count_reading
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO
from offtake.broker.state import Draft, PostedReading, State
from offtake.broker.terms import Lease
from offtake.domain.position import Approval, Discharge, Position, Reading
from offtake.law.windows import window_at


def position_of(rules: Rules, state: State, own: Callable[[PostedReading], bool]) -> Position:
    """The position that the ledger tells. `own` are readings that the reader counts itself: they are left out."""
    launches = {id: m.launched for id, m in rules.estate.models.items() if m.launched is not None}
    return Position(
        happened=(*rules.happened, *state.happened),
        readings=tuple(_readings(rules, state, own)),
        discharges=tuple(_discharges(state)),
        approvals=tuple(Approval(procedure, need) for procedure, need in state.approvals),
        launches=launches,
    )


def held_leases(state: State) -> tuple[Lease, ...]:
    """The leases that were awarded and are not over by the last record, by id."""
    return tuple(lease for _, lease in sorted(state.leases.items()) if lease.held_until > lease.begins)


def _readings(rules: Rules, state: State, own: Callable[[PostedReading], bool]) -> Iterator[Reading]:
    """What leases and readings of others count, by meter and window; and what prices by tiers have counted."""
    prices = {price.id: price for price in rules.law.prices}
    owed, draft = dict(state.owed), Draft(state)
    for id, reading in state.readings.items():
        if id in state.reversed or not own(reading):
            continue
        price = prices.get(reading.primitive)
        if price is None:
            count_reading(draft, rules, reading, -1)
        else:
            window = window_at(price.window, reading.begins, price.scope.begins, price.scope.ends)
            owed[price.id, window.begins] = owed.get((price.id, window.begins), ZERO) - reading.amount
    meters = {meter.id: meter for meter in rules.law.meters}
    flows = draft.finish().flows
    counted: dict[tuple[str, object], Decimal] = {**dict(flows), **owed}
    for id, begins in sorted({*flows, *owed}):
        primitive = meters.get(id) or prices.get(id)
        amount = counted[id, begins]
        if primitive is not None and amount:
            window = window_at(primitive.window, begins, primitive.scope.begins, primitive.scope.ends)
            yield Reading(id, window.begins, window.ends, amount)


def _discharges(state: State) -> Iterator[Discharge]:
    """The rights that were answered before a lease, and travel with it."""
    for _, lease in sorted(state.leases.items()):
        deal = state.deals.get(lease.need)
        if deal is None:
            continue
        for asking in deal.standing:
            if asking.notice.id in lease.discharges:
                yield Discharge(
                    asking.notice.id,
                    asking.notice.procedure,
                    lease.need,
                    ZERO,
                    lease.begins,
                    lease.held_until,
                    granted=True,
                )
