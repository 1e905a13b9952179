"""The needs of a capacity plan, and what has to be filed or cancelled so that the ledger asks for the same."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import date
from decimal import ROUND_CEILING, Decimal
from typing import Final

from offtake.broker.commands import Cancel, FileNeed
from offtake.broker.state import Deal, State
from offtake.broker.terms import STEPS, Need, Quantified
from offtake.broker.transitions import moved
from offtake.domain.handoffs import CapacityPlan, OrderRow

# What a plan's solver leaves beside a whole number is no need.
NOISE: Final = Decimal("0.000001")
MAXIMUM_NEEDS: Final = 2_000


def needs_of(plan: CapacityPlan, begins: date | None, ends: date | None) -> Iterator[Need]:
    """What a plan wants to be supplied by others, one need for each first day, last day and measure of its orders.

    Accelerators are asked for by their power, so that kinds may differ, where the plan knows it; provisioned
    throughput by the unit. Only capacity that enters service on [begins, ends), if they are given. A party's own sites,
    capacity on demand and shells are no needs.
    """
    sums: dict[tuple[date, date, Quantified], Decimal] = {}
    for order in plan.orders:
        if order.kind not in ("build", "reserve") or order.owner == plan.party or order.serves_until is None:
            continue
        if (begins and order.serves_from < begins) or (ends and order.serves_from >= ends):
            continue
        measure, amount = _amount(order)
        key = (order.serves_from, order.serves_until, measure)
        sums[key] = sums.get(key, Decimal(0)) + amount
    for (since, until, measure), amount in sorted(sums.items(), key=lambda one: one[0]):
        step = STEPS[measure]
        quantity = (amount / step - NOISE).to_integral_value(rounding=ROUND_CEILING) * step
        if quantity > 0:
            yield Need(
                id=f"plan.{since}.{until}" if measure == "power" else f"plan.{since}.{until}.{measure}",
                party=plan.party,
                measure=measure,
                quantity=quantity,
                begins=since,
                ends=until,
                currency=plan.currency,
                planned=f"{measure} from {since} until {until}",
            )


def _amount(order: OrderRow) -> tuple[Quantified, Decimal]:
    if order.unit == "units":
        return "units", Decimal(repr(order.quantity))
    if order.power_mw > 0:
        return "power", Decimal(repr(order.power_mw))
    return "accelerators", Decimal(repr(order.quantity))


def difference(
    state: State, plan: CapacityPlan, begins: date | None = None, ends: date | None = None
) -> tuple[FileNeed | Cancel, ...]:
    """The commands after which the ledger's needs are those of the plan: what is new is filed, what is no longer wanted
    and not yet awarded is cancelled, and what became leases stands. Nothing, if they agree."""
    wanted = {need.planned: need for need in needs_of(plan, begins, ends)}
    filed: dict[str, list[Deal]] = {}
    for _, deal in sorted(state.deals.items()):
        label = deal.need.planned
        if label is not None and deal.need.party == plan.party and deal.stage != "cancelled":
            filed.setdefault(label, []).append(deal)
    commands: list[FileNeed | Cancel] = []
    for label, need in wanted.items():
        commands.extend(_settled(need, filed.get(label or "", []), state))
    for label, deals in filed.items():
        if label not in wanted and _within(deals[0].need, begins, ends):
            commands.extend(Cancel(need=deal.need.id) for deal in deals if _open(deal))
    return tuple(commands[:MAXIMUM_NEEDS])


def _settled(need: Need, deals: list[Deal], state: State) -> Iterator[FileNeed | Cancel]:
    """What brings the needs of one order of a plan to its quantity: the latest open ones are cancelled first."""
    have = sum((_counts(deal) for deal in deals), Decimal(0))
    for deal in sorted(deals, key=lambda one: (one.filed, one.need.id), reverse=True):
        if have > need.quantity and _open(deal):
            yield Cancel(need=deal.need.id)
            have -= _counts(deal)
    if have < need.quantity:
        number = sum(1 for id in state.deals if id == need.id or id.startswith(f"{need.id}."))
        id = need.id if not number else f"{need.id}.{number + 1}"
        yield FileNeed(need=replace(need, id=id, quantity=need.quantity - have))


def _counts(deal: Deal) -> Decimal:
    """What a deal still stands for: all of it while it is open, what was granted once it is not."""
    return deal.need.quantity if deal.stage != "awarded" else deal.granted


def _open(deal: Deal) -> bool:
    return not deal.leases and moved(deal.stage, "cancel") is not None


def _within(need: Need, begins: date | None, ends: date | None) -> bool:
    return (begins is None or need.begins >= begins) and (ends is None or need.begins < ends)
