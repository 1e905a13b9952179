"""Where needs and leases stand, as each audience may see them. What is not disclosed is None."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final

from pydantic import TypeAdapter

from offtake.broker.audience import OPERATOR, Audience, sees
from offtake.broker.library import Rules
from offtake.broker.state import Asking, Deal, State
from offtake.broker.terms import Bid, Lease, Matchable, Quantified, Tranche


@dataclass(frozen=True, slots=True, kw_only=True)
class NoticeView:
    """A notice and what became of it."""

    id: str
    need: str
    holder: str
    clause: str
    style: str
    round: int
    because: str
    quantity: Decimal
    price: Decimal | None
    currency: str
    disclosed: tuple[tuple[str, str], ...]
    received: datetime  # When it was received, or is deemed to be.
    deadline: datetime | None
    outcome: str
    taken: Decimal
    terms_hash: str
    answer_within: str | None
    parts: tuple[Matchable, ...]  # The bids that may be matched, each at its own price.


@dataclass(frozen=True, slots=True, kw_only=True)
class NeedView:
    """A need. To a provider `quantity` is what it was asked about, or what is at the market.

    `open_since`: the day from which nobody who must be asked is left to answer; None while somebody is.
    """

    id: str
    party: str | None
    stage: str
    quantity: Decimal
    measure: Quantified
    begins: date
    ends: date
    currency: str
    left: Decimal
    minimum: Decimal | None
    whole: bool
    price_limit: Decimal | None
    tranches: tuple[Tranche, ...] | None
    accelerators: tuple[str, ...]
    regions: tuple[str, ...]
    residency: tuple[str, ...]
    client_region: str | None
    latency_ms: Decimal | None
    version: int | None
    notices: tuple[NoticeView, ...]
    bids: tuple[Bid, ...]
    leases: tuple[str, ...]
    filed: datetime | None
    open_since: date | None


@dataclass(frozen=True, slots=True, kw_only=True)
class LeaseView:
    """A lease, with its version."""

    id: str
    need: str
    tenant: str
    supplier: str
    supply: str
    measure: Quantified
    quantity: Decimal
    begins: date
    ends: date
    price: Decimal
    currency: str
    released: date | None
    discharges: tuple[str, ...]
    version: int | None


@dataclass(frozen=True, slots=True, kw_only=True)
class SupplyView:
    """A supply that can be leased: whose it is, and how many of its accelerators run on a megawatt."""

    id: str
    party: str | None
    provider: str | None
    region: str | None
    accelerator: str | None
    accelerators_per_mw: Decimal | None


@dataclass(frozen=True, slots=True, kw_only=True)
class Standing:
    """Where a ledger stands: its entries, the day of the law in force, the estate's currency, and its clock."""

    entries: int
    law_known_at: date
    currency: str
    clock: str


NEED: Final[TypeAdapter[NeedView]] = TypeAdapter(NeedView)
LEASE: Final[TypeAdapter[LeaseView]] = TypeAdapter(LeaseView)


def needs_of(state: State, audience: Audience = OPERATOR, after: str = "") -> Iterator[NeedView]:
    """The needs that an audience may see, by id, after one."""
    for id in sorted(id for id in state.deals if id > after):
        found = need_of(state, id, audience)
        if found is not None:
            yield found


def need_of(state: State, id: str, audience: Audience = OPERATOR) -> NeedView | None:
    """A need; None if there is none that the audience may see."""
    deal = state.deals.get(id)
    if deal is None or not sees(state, audience, deal):
        return None
    if audience.role == "provider":
        return _to_provider(state, deal, audience.party or "")
    return _whole(state, deal)


def _whole(state: State, deal: Deal) -> NeedView:
    need = deal.need
    return NeedView(
        id=need.id,
        party=need.party,
        stage=deal.stage,
        quantity=need.quantity,
        measure=need.measure,
        begins=need.begins,
        ends=need.ends,
        currency=need.currency,
        left=deal.left,
        minimum=need.minimum,
        whole=need.whole,
        price_limit=need.price_limit,
        tranches=need.tranches,
        accelerators=need.accelerators,
        regions=need.regions,
        residency=need.residency,
        client_region=need.client_region,
        latency_ms=need.latency_ms,
        version=state.versions.get(need.id, 0),
        notices=tuple(_notice(one) for one in deal.askings),
        bids=tuple(state.bids[id] for id in deal.bids),
        leases=deal.leases,
        filed=deal.filed,
        open_since=_open_since(deal, deal.stage),
    )


def _open_since(deal: Deal, stage: str) -> date | None:
    if stage not in ("overflow", "accepted"):
        return None
    return max((deal.filed.date(), *(one.closed for one in deal.askings if one.closed is not None)))


def _to_provider(state: State, deal: Deal, party: str) -> NeedView:
    need = deal.need
    asked = [one for one in deal.askings if one.notice.holder == party]
    leases = [state.leases[id] for id in deal.leases if state.leases[id].supplier == party]
    if deal.stage == "overflow":
        stage, quantity = "overflow", deal.left
    else:
        waiting = any(one.outcome == "open" for one in asked)
        ended = deal.stage if deal.stage in ("awarded", "cancelled") else "pending"
        stage = "noticed" if waiting else ended
        quantity = asked[-1].notice.quantity if asked else sum((one.quantity for one in leases), Decimal(0))
    return NeedView(
        id=need.id,
        party=None,
        stage=stage,
        quantity=quantity,
        measure=need.measure,
        begins=need.begins,
        ends=need.ends,
        currency=need.currency,
        left=quantity if stage in ("noticed", "overflow") else Decimal(0),
        minimum=None,
        whole=need.whole,
        price_limit=None,
        tranches=None,
        accelerators=need.accelerators,
        regions=need.regions,
        residency=need.residency,
        client_region=need.client_region,
        latency_ms=need.latency_ms,
        version=None,
        notices=tuple(_notice(one) for one in asked),
        bids=tuple(state.bids[id] for id in deal.bids if state.bids[id].bidder == party),
        leases=tuple(one.id for one in leases),
        filed=None,
        open_since=_open_since(deal, stage),
    )


def _notice(asking: Asking) -> NoticeView:
    notice = asking.notice
    return NoticeView(
        id=notice.id,
        need=notice.need,
        holder=notice.holder,
        clause=notice.clause,
        style=notice.style,
        round=notice.round,
        because=notice.because,
        quantity=notice.quantity,
        price=notice.price,
        currency=notice.currency,
        disclosed=notice.disclosed,
        received=asking.received or notice.deemed_received,
        deadline=asking.deadline,
        outcome=asking.outcome,
        taken=asking.taken,
        terms_hash=notice.terms_hash,
        answer_within=notice.answer_within,
        parts=notice.parts,
    )


def leases_of(state: State, audience: Audience = OPERATOR, after: str = "") -> Iterator[LeaseView]:
    """The leases that an audience may see, by id, after one."""
    for id in sorted(id for id in state.leases if id > after):
        found = lease_of(state, id, audience)
        if found is not None:
            yield found


def lease_of(state: State, id: str, audience: Audience = OPERATOR) -> LeaseView | None:
    """A lease; None if there is none that the audience may see."""
    lease = state.leases.get(id)
    if lease is None or not (audience.whole or _party_to(lease, audience)):
        return None
    return LeaseView(
        id=lease.id,
        need=lease.need,
        tenant=lease.tenant,
        supplier=lease.supplier,
        supply=lease.supply,
        measure=lease.measure,
        quantity=lease.quantity,
        begins=lease.begins,
        ends=lease.ends,
        price=lease.price,
        currency=lease.currency,
        released=lease.released,
        # The rights that were answered are clauses of others' agreements.
        discharges=() if audience.role == "provider" else lease.discharges,
        version=None if audience.role == "provider" else state.versions.get(lease.id, 0),
    )


def _party_to(lease: Lease, audience: Audience) -> bool:
    return audience.party == (lease.tenant if audience.role == "tenant" else lease.supplier)


def supplies_of(rules: Rules, audience: Audience = OPERATOR) -> Iterator[SupplyView]:
    """The supplies that can be leased, by id; to a provider its own."""
    for id, facts in sorted(rules.supplies.items()):
        if audience.role == "provider" and audience.party not in (facts.party, facts.provider):
            continue
        power = rules.amounts(facts, "power", Decimal(1)) if facts.form != "provisioned" else {}
        yield SupplyView(
            id=id,
            party=facts.party,
            provider=facts.provider,
            region=facts.region,
            accelerator=facts.accelerator,
            accelerators_per_mw=power.get("accelerators"),
        )


def standing_of(state: State, rules: Rules) -> Standing:
    """Where a ledger stands."""
    return Standing(
        entries=state.seq,
        law_known_at=state.known_at,
        currency=rules.estate.currency,
        clock=state.clock,
    )
