"""Products as supply: capacity leased by the hour, provisioned units, and tokens bought as they are used."""

from __future__ import annotations

from datetime import date

import numpy as np

from offtake.domain.estate import AcceleratorHours, Held, ProvisionedUnits, TokensByUse
from offtake.domain.quantities import Span
from offtake.domain.records import at_least
from offtake.domain.selection import SupplyFacts
from offtake.law.facts import leased_supply, party_of
from offtake.planner.instance import Floats, Payment, Pool, Way
from offtake.planner.prices import OUTSIDE
from offtake.planner.supply_draft import SupplyDraft, in_service


def add_product(
    supply: SupplyDraft, product_id: str, product: AcceleratorHours | ProvisionedUnits | TokensByUse
) -> None:
    """The product's pool with what is held of it, and the ways to lease more."""
    if isinstance(product, AcceleratorHours):
        _leased(supply, product_id, product)
    elif isinstance(product, ProvisionedUnits):
        _provisioned(supply, product_id, product)
    else:
        _tokens(supply, product_id, product)


def _leased(supply: SupplyDraft, product_id: str, product: AcceleratorHours) -> None:
    facts = leased_supply(supply.estate, product_id, product)
    price = supply.money.by_period(product.price, supply.calendar)
    power = supply.estate.accelerators[product.accelerator].power
    payer, payee = _seller(supply, product)
    running = Payment("lease", payer, payee, np.nan_to_num(price) * supply.hours)
    index = _held(
        supply,
        product_id,
        facts,
        "accelerators",
        product.held,
        running,
        product.accelerator,
        0.0 if power is None else power.value,
        product.site,
    )
    limit = None
    if product.limit is not None:
        limit = np.array([product.limit.value_at(p.begins) for p in supply.calendar.periods])
    _lease(
        supply,
        index,
        product.term,
        product.lead,
        price,
        running,
        limit,
        (product.begins, product.ends),
        minimum=0.0 if product.minimum is None else product.minimum.value,
    )


def _provisioned(supply: SupplyDraft, product_id: str, product: ProvisionedUnits) -> None:
    price = supply.money.by_period(product.price, supply.calendar)
    payer, payee = _seller(supply, product)
    running = Payment("lease", payer, payee, np.nan_to_num(price) * supply.hours)
    facts = SupplyFacts(
        product_id,
        "provisioned",
        product.provider,
        party_of(supply.estate, product.provider),
        product=product_id,
    )
    index = _held(supply, product_id, facts, "units", product.held, running, None, 0.0, None)
    limit = None if product.limit is None else np.full(supply.count, product.limit.value)
    _lease(
        supply,
        index,
        product.term,
        None,
        price,
        running,
        limit,
        (product.begins, product.ends),
        minimum=0.0 if product.minimum is None else product.minimum.value,
        increment=0.0 if product.increment is None else product.increment.value,
        hourly=False,
    )


def _tokens(supply: SupplyDraft, product_id: str, product: TokensByUse) -> None:
    facts = SupplyFacts(
        product_id,
        "tokens",
        product.provider,
        party_of(supply.estate, product.provider),
        product=product_id,
    )
    limit = 0.0 if product.limit is None else product.limit.value
    most = limit * supply.covers(product.begins, product.ends)
    supply.pools.append(
        Pool(product_id, facts, "tokens/s", most, (), product.limit is not None, product=product_id)
    )


def _seller(supply: SupplyDraft, product: AcceleratorHours | ProvisionedUnits) -> tuple[str, str]:
    payee = product.payee or party_of(supply.estate, product.provider) or OUTSIDE
    return product.payer or supply.party, payee


def _held(
    supply: SupplyDraft,
    product_id: str,
    facts: SupplyFacts,
    unit: str,
    held: tuple[Held, ...],
    running: Payment,
    accelerator: str | None,
    power_mw: float,
    site: str | None,
) -> int:
    fixed = np.zeros(supply.count)
    for one in held:
        if at_least(one.status, "contracted") and not one.release:
            fixed += one.quantity.value * supply.covers(one.begins, one.ends)
    payments = (Payment(running.kind, running.payer, running.payee, running.amounts * fixed),)
    supply.pools.append(
        Pool(
            product_id,
            facts,
            "units" if unit == "units" else "accelerators",
            fixed,
            payments if fixed.any() else (),
            True,
            site,
            accelerator,
            product_id,
            power_mw,
        )
    )
    index = len(supply.pools) - 1
    for one in held:
        if one.release and at_least(one.status, "contracted"):
            supply.keep(index, supply.covers(one.begins, one.ends), one.quantity.value, [running])
    return index


def _lease(
    supply: SupplyDraft,
    index: int,
    term: Span | None,
    lead: Span | None,
    price: Floats,
    running: Payment,
    limit: Floats | None,
    sold: tuple[date | None, date | None],
    *,
    minimum: float,
    increment: float = 0.0,
    hourly: bool = True,
) -> None:
    """A lease for a term at the price of its signing; without a term, on demand at the price of the day."""
    facts = supply.pools[index].facts
    usable = ~np.isnan(price) & (supply.covers(*sold) > 0)
    upper = np.full(supply.count, np.inf)
    if term is None:
        serves = np.eye(supply.count, dtype=np.bool_)
        allowed = usable.copy()
        for o, period in enumerate(supply.calendar.periods):
            allowed[o] &= supply.may_acquire(facts, period.begins, period.ends)
        payments = (Payment(running.kind, running.payer, running.payee, np.diag(running.amounts)),)
        supply.ways.append(
            Way(
                "on-demand",
                index,
                serves,
                allowed,
                payments,
                upper,
                hourly and not minimum,
                increment,
                minimum,
                limit,
            )
        )
        return
    serves = in_service(supply.calendar, lead, term)
    allowed = supply.lawful(facts, lead, term, usable & serves.any(axis=1))
    amounts = serves * (np.nan_to_num(price)[:, None] * supply.hours[None, :])
    payments = (Payment(running.kind, running.payer, running.payee, amounts),)
    supply.ways.append(
        Way("reserve", index, serves, allowed, payments, upper, False, increment, minimum, limit)
    )
