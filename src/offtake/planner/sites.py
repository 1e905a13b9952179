"""Sites as supply: what stands there, what may be built, and the room that power and housing leave."""

from __future__ import annotations

from datetime import date

import numpy as np

from offtake.domain.estate import PowerStep, Shell, Site
from offtake.domain.quantities import Span, parse_dated
from offtake.domain.records import at_least
from offtake.law.facts import party_of, site_supply
from offtake.planner.instance import Floats, Payment, Pool, SiteRoom, Way
from offtake.planner.prices import OUTSIDE
from offtake.planner.supply_draft import SupplyDraft, in_service, service_days, spread


def add_site(supply: SupplyDraft, site_id: str, site: Site) -> None:
    """The site's pools with what is under contract, what may be built there, and its room."""
    fixed_mw = np.zeros(supply.count)
    for kind in dict.fromkeys((*(stock.accelerator for stock in site.stock), *site.builds)):
        pool = _site_pool(supply, site_id, site, kind)
        fixed_mw += pool.fixed * pool.power_mw
        supply.pools.append(pool)
        index = len(supply.pools) - 1
        _released(supply, index, site, kind)
        if kind in site.builds:
            _build(supply, index, site, kind)
    _room(supply, site_id, site, fixed_mw)


def _site_pool(supply: SupplyDraft, site_id: str, site: Site, kind: str) -> Pool:
    facts = site_supply(supply.estate, site_id, kind)
    fixed = np.zeros(supply.count)
    for stock in site.stock:
        if stock.accelerator == kind and at_least(stock.status, "contracted") and not stock.release:
            fixed += stock.count.value * supply.covers(stock.begins, stock.ends)
    power = supply.estate.accelerators[kind].power
    power_mw = 0.0 if power is None else power.value
    payments = tuple(
        Payment(p.kind, p.payer, p.payee, p.amounts * fixed) for p in _running(supply, site, power_mw)
    )
    return Pool(facts.id, facts, "accelerators", fixed, payments, True, site_id, kind, power_mw=power_mw)


def _running(supply: SupplyDraft, site: Site, power_mw: float) -> list[Payment]:
    """What one accelerator in service costs in each period (period,): energy, other operation, rent."""
    owner, payer = _owner(supply, site), _payer(supply, site)
    found: list[Payment] = []
    energy = np.nan_to_num(supply.money.by_period(site.energy_price, supply.calendar))
    pue = 1.0 if site.pue is None else site.pue.value
    if energy.any() and power_mw:
        found.append(Payment("energy", payer, OUTSIDE, energy * pue * power_mw * supply.hours))
    yearly = np.nan_to_num(supply.money.by_period(site.other_operations, supply.calendar))
    if yearly.any() and power_mw:
        years = np.array([period.years for period in supply.calendar.periods])
        found.append(Payment("operation", payer, OUTSIDE, yearly * power_mw * years))
    rent = np.nan_to_num(supply.money.by_period(site.rent, supply.calendar))
    if rent.any():
        found.append(Payment("rent", site.tenant or supply.party, owner, rent * supply.hours))
    return found


def _owner(supply: SupplyDraft, site: Site) -> str:
    return site.owner or party_of(supply.estate, site.provider) or supply.party


def _payer(supply: SupplyDraft, site: Site) -> str:
    return site.payer or _owner(supply, site)


def _build(supply: SupplyDraft, index: int, site: Site, kind: str) -> None:
    accelerator = supply.estate.accelerators[kind]
    pool = supply.pools[index]
    price = supply.money.by_period(accelerator.price, supply.calendar)
    serves = in_service(supply.calendar, accelerator.lead, accelerator.life)
    usable = ~np.isnan(price) & serves.any(axis=1)
    allowed = supply.lawful(pool.facts, accelerator.lead, accelerator.life, usable)
    capital = _capital(
        supply, np.nan_to_num(price), accelerator.lead, accelerator.life, _payer(supply, site), site.payee
    )
    payments = (*capital, *spread(serves, _running(supply, site, pool.power_mw)))
    increment = 0.0 if accelerator.increment is None else accelerator.increment.value
    upper = np.full(supply.count, np.inf)
    supply.ways.append(Way("build", index, serves, allowed, payments, upper, increment=increment))


def _capital(
    supply: SupplyDraft, price: Floats, lead: Span | None, life: Span | None, payer: str, payee: str | None
) -> tuple[Payment, ...]:
    """The price paid with the order, and at the horizon's end the share of it for the life that is left."""
    paid = [Payment("capital", payer, payee or OUTSIDE, np.diag(price))]
    if supply.estate.horizon.end_value == "salvage" and life is not None:
        end = supply.estate.horizon.ends
        left = np.zeros(supply.count)
        for o in range(supply.count):
            begins, _ = service_days(supply.calendar, o, lead, life)
            ends = life.after(begins)
            left[o] = (ends.toordinal() - max(begins, end).toordinal()) / (
                ends.toordinal() - begins.toordinal()
            )
        credit = np.zeros((supply.count, supply.count))
        credit[:, -1] = -price * np.clip(left, 0.0, 1.0)
        paid.append(Payment("salvage", payer, payee or OUTSIDE, credit))
    return tuple(paid)


def _released(supply: SupplyDraft, index: int, site: Site, kind: str) -> None:
    """Stock that a plan may do without: kept from its first period on, or not at all."""
    pool = supply.pools[index]
    for stock in site.stock:
        if stock.accelerator == kind and stock.release and at_least(stock.status, "contracted"):
            supply.keep(
                index,
                supply.covers(stock.begins, stock.ends),
                stock.count.value,
                _running(supply, site, pool.power_mw),
            )


def _room(supply: SupplyDraft, site_id: str, site: Site, fixed_mw: Floats) -> None:
    if not site.power:
        return
    steps = [(step, *power_step(step)) for step in site.power]
    pue = 1.0 if site.pue is None or site.power_is == "it" else site.pue.value
    planned = (
        _stairs(
            supply,
            [
                (begins, mw)
                for step, begins, mw in steps
                if at_least(step.status or site.status, supply.estate.horizon.counts_from)
            ],
        )
        / pue
    )
    if site.shell is None:
        supply.rooms.append(SiteRoom(site_id, np.maximum(planned - fixed_mw, 0.0)))
        return
    standing = (
        _stairs(
            supply,
            [(begins, mw) for step, begins, mw in steps if at_least(step.status or site.status, "building")],
        )
        / pue
    )
    serves = in_service(supply.calendar, site.shell.lead, site.shell.life)
    maximum = np.inf if site.shell.maximum is None else site.shell.maximum.value
    supply.rooms.append(
        SiteRoom(
            site_id,
            np.maximum(planned - fixed_mw, 0.0),
            np.maximum(standing - fixed_mw, 0.0),
            serves,
            _shell_payments(supply, site, site.shell),
            maximum,
        )
    )


def _shell_payments(supply: SupplyDraft, site: Site, shell: Shell) -> tuple[Payment, ...]:
    price = np.nan_to_num(supply.money.by_period(shell.cost, supply.calendar))
    return _capital(supply, price, shell.lead, shell.life, _payer(supply, site), site.payee)


def _stairs(supply: SupplyDraft, steps: list[tuple[date | None, float]]) -> Floats:
    """The level in force on each period's first day."""
    level = np.zeros(supply.count)
    for begins, value in sorted(steps, key=lambda step: step[0] or date.min):
        level[supply.begins >= (0 if begins is None else begins.toordinal())] = value
    return level


def power_step(step: PowerStep) -> tuple[date | None, float]:
    """A power step's first day and MW, as stated (IT or facility)."""
    read = parse_dated(str(step.value), "power")
    return step.begins or read.begins, read.figure.value
