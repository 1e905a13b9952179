"""The estate's capacity as pools, and the ways to add to them: accelerators built in, leases, provisioned units."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from offtake.domain.currencies import Rates
from offtake.domain.estate import (
    AcceleratorHours,
    Estate,
    Held,
    PowerStep,
    ProvisionedUnits,
    Shell,
    Site,
    TokensByUse,
)
from offtake.domain.quantities import Figure, Series, Span, parse_dated
from offtake.domain.records import at_least
from offtake.domain.selection import SupplyFacts
from offtake.law.facts import leased_supply, party_of, site_supply
from offtake.planner.calendar import Calendar
from offtake.planner.instance import Bools, Floats, Payment, Pool, Quota, SiteRoom, SpendKind, Way

UNNAMED: Final = "us"  # The party of an estate that names none.
OUTSIDE: Final = "market"  # Whoever sells what the estate names no seller of.

MayAcquire = Callable[[SupplyFacts, date, date | None], bool]
"""Whether the law lets capacity of a supply be acquired for a term, whoever is asked first."""


@dataclass(frozen=True, slots=True)
class Money:
    """Turns dated prices into the estate's currency: `amounts` is by period, NaN before the first step."""

    rates: Rates
    currency: str

    def of(self, figure: Figure, on: date) -> float:
        """One figure in the estate's currency at a day's rate."""
        return float(self.rates.convert(figure.amount, figure.currency or self.currency, self.currency, on))

    def by_period(self, series: Series | None, calendar: Calendar) -> Floats:
        """A price on the first day of each period; NaN where none is in force yet, or none was stated."""
        found = np.full(len(calendar.periods), np.nan)
        if series is not None:
            for n, period in enumerate(calendar.periods):
                figure = series.at(period.begins)
                if figure is not None:
                    found[n] = self.of(figure, period.begins)
        return found


@dataclass(frozen=True, slots=True)
class SupplySide:
    """Pools, ways and rooms; `pool_of` finds a pool by its id (`site/accelerator`, or the product)."""

    pools: tuple[Pool, ...]
    ways: tuple[Way, ...]
    rooms: tuple[SiteRoom, ...]
    quotas: tuple[Quota, ...]

    def pool_of(self, id: str) -> int | None:
        """The index of a pool, or None."""
        return next((n for n, pool in enumerate(self.pools) if pool.id == id), None)


def in_service(calendar: Calendar, lead: Span | None, life: Span | None) -> Bools:
    """(order period, period): whether what is ordered on an order period's first day serves throughout a period."""
    count = len(calendar.periods)
    serves = np.zeros((count, count), dtype=np.bool_)
    for o, ordered in enumerate(calendar.periods):
        begins = ordered.begins if lead is None else lead.after(ordered.begins)
        ends = None if life is None else life.after(begins)
        for t in range(o, count):
            period = calendar.periods[t]
            serves[o, t] = period.begins >= begins and (ends is None or period.begins < ends)
    return serves


def supply_side(
    estate: Estate, party: str, calendar: Calendar, money: Money, may_acquire: MayAcquire
) -> SupplySide:
    """Every pool of the estate with what is under contract, and every way to add to it that the law leaves open."""
    reader = _Reader(estate, party, calendar, money, may_acquire)
    for site_id, site in estate.sites.items():
        reader.site(site_id, site)
    for product_id, product in estate.products.items():
        if isinstance(product, AcceleratorHours):
            reader.leased(product_id, product)
        elif isinstance(product, ProvisionedUnits):
            reader.provisioned(product_id, product)
        else:
            reader.tokens(product_id, product)
    return SupplySide(tuple(reader.pools), tuple(reader.ways), tuple(reader.rooms), reader.quotas())


class _Reader:
    """Collects pools and ways while it goes through the estate once."""

    def __init__(
        self, estate: Estate, party: str, calendar: Calendar, money: Money, may_acquire: MayAcquire
    ) -> None:
        self.estate, self.party, self.calendar, self.money = estate, party, calendar, money
        self.may_acquire = may_acquire
        self.pools: list[Pool] = []
        self.ways: list[Way] = []
        self.rooms: list[SiteRoom] = []
        self.count = len(calendar.periods)
        self.hours = calendar.hours()
        self.begins = np.array([period.begins.toordinal() for period in calendar.periods])

    def _covers(self, begins: date | None, ends: date | None) -> Floats:
        """1 in the periods whose first day lies in [begins, ends)."""
        low = -np.inf if begins is None else begins.toordinal()
        high = np.inf if ends is None else ends.toordinal()
        return ((self.begins >= low) & (self.begins < high)).astype(np.float64)

    def _lawful(self, facts: SupplyFacts, lead: Span | None, term: Span | None, usable: Bools) -> Bools:
        """Order periods in which the law lets the capacity be acquired for its whole term."""
        found = usable.copy()
        for o, period in enumerate(self.calendar.periods):
            if found[o]:
                begins = period.begins if lead is None else lead.after(period.begins)
                found[o] = self.may_acquire(facts, begins, None if term is None else term.after(begins))
        return found

    # Sites --------------------------------------------------------------------------------------------------

    def site(self, site_id: str, site: Site) -> None:
        fixed_mw = np.zeros(self.count)
        for kind in dict.fromkeys((*(stock.accelerator for stock in site.stock), *site.builds)):
            pool = self._site_pool(site_id, site, kind)
            fixed_mw += pool.fixed * pool.power_mw
            self.pools.append(pool)
            index = len(self.pools) - 1
            self._released(index, site, kind)
            if kind in site.builds:
                self._build(index, site, kind)
        self._room(site_id, site, fixed_mw)

    def _site_pool(self, site_id: str, site: Site, kind: str) -> Pool:
        facts = site_supply(self.estate, site_id, kind)
        fixed = np.zeros(self.count)
        for stock in site.stock:
            if stock.accelerator == kind and at_least(stock.status, "contracted") and not stock.release:
                fixed += stock.count.value * self._covers(stock.begins, stock.ends)
        power = self.estate.accelerators[kind].power
        power_mw = 0.0 if power is None else power.value
        payments = tuple(
            Payment(p.kind, p.payer, p.payee, p.amounts * fixed) for p in self._running(site, power_mw)
        )
        return Pool(facts.id, facts, "accelerators", fixed, payments, True, site_id, kind, power_mw=power_mw)

    def _running(self, site: Site, power_mw: float) -> list[Payment]:
        """What one accelerator in service costs in each period (period,): energy, other operation, rent."""
        owner, payer = self._owner(site), self._payer(site)
        found: list[Payment] = []
        energy = np.nan_to_num(self.money.by_period(site.energy_price, self.calendar))
        pue = 1.0 if site.pue is None else site.pue.value
        if energy.any() and power_mw:
            found.append(Payment("energy", payer, OUTSIDE, energy * pue * power_mw * self.hours))
        yearly = np.nan_to_num(self.money.by_period(site.other_operations, self.calendar))
        if yearly.any() and power_mw:
            years = np.array([period.years for period in self.calendar.periods])
            found.append(Payment("operation", payer, OUTSIDE, yearly * power_mw * years))
        rent = np.nan_to_num(self.money.by_period(site.rent, self.calendar))
        if rent.any():
            found.append(Payment("rent", site.tenant or self.party, owner, rent * self.hours))
        return found

    def _owner(self, site: Site) -> str:
        return site.owner or party_of(self.estate, site.provider) or self.party

    def _payer(self, site: Site) -> str:
        return site.payer or self._owner(site)

    def _spread(self, serves: Bools, running: list[Payment]) -> tuple[Payment, ...]:
        """Payments per unit in service as payments per unit ordered: (order, period)."""
        return tuple(Payment(p.kind, p.payer, p.payee, serves * p.amounts[None, :]) for p in running)

    def _build(self, index: int, site: Site, kind: str) -> None:
        accelerator = self.estate.accelerators[kind]
        pool = self.pools[index]
        price = self.money.by_period(accelerator.price, self.calendar)
        serves = in_service(self.calendar, accelerator.lead, accelerator.life)
        usable = ~np.isnan(price) & serves.any(axis=1)
        allowed = self._lawful(pool.facts, accelerator.lead, accelerator.life, usable)
        capital = self._capital(
            np.nan_to_num(price), accelerator.lead, accelerator.life, self._payer(site), site.payee
        )
        payments = (*capital, *self._spread(serves, self._running(site, pool.power_mw)))
        increment = 0.0 if accelerator.increment is None else accelerator.increment.value
        upper = np.full(self.count, np.inf)
        self.ways.append(Way("build", index, serves, allowed, payments, upper, increment=increment))

    def _capital(
        self, price: Floats, lead: Span | None, life: Span | None, payer: str, payee: str | None
    ) -> tuple[Payment, ...]:
        """The price paid with the order, and at the horizon's end the share of it for the life that is left."""
        paid = [Payment("capital", payer, payee or OUTSIDE, np.diag(price))]
        if self.estate.horizon.end_value == "salvage" and life is not None:
            end = self.estate.horizon.ends
            left = np.zeros(self.count)
            for o, period in enumerate(self.calendar.periods):
                begins = period.begins if lead is None else lead.after(period.begins)
                ends = life.after(begins)
                left[o] = (ends.toordinal() - max(begins, end).toordinal()) / (
                    ends.toordinal() - begins.toordinal()
                )
            credit = np.zeros((self.count, self.count))
            credit[:, -1] = -price * np.clip(left, 0.0, 1.0)
            paid.append(Payment("salvage", payer, payee or OUTSIDE, credit))
        return tuple(paid)

    def _released(self, index: int, site: Site, kind: str) -> None:
        """Stock that a plan may do without: kept from its first period on, or not at all."""
        pool = self.pools[index]
        for stock in site.stock:
            if stock.accelerator == kind and stock.release and at_least(stock.status, "contracted"):
                self._keep(
                    index,
                    self._covers(stock.begins, stock.ends),
                    stock.count.value,
                    self._running(site, pool.power_mw),
                )

    def _keep(self, index: int, covers: Floats, quantity: float, running: list[Payment]) -> None:
        held = np.flatnonzero(covers)
        if not len(held):
            return
        serves = np.zeros((self.count, self.count), dtype=np.bool_)
        serves[held[0]] = covers > 0
        allowed = np.arange(self.count) == held[0]
        upper = np.where(allowed, quantity, 0.0)
        self.ways.append(Way("keep", index, serves, allowed, self._spread(serves, running), upper))

    def _room(self, site_id: str, site: Site, fixed_mw: Floats) -> None:
        if not site.power:
            return
        steps = [(step, *power_step(step)) for step in site.power]
        pue = 1.0 if site.pue is None or site.power_is == "it" else site.pue.value
        planned = (
            self._stairs(
                [
                    (begins, mw)
                    for step, begins, mw in steps
                    if at_least(step.status or site.status, self.estate.horizon.counts_from)
                ]
            )
            / pue
        )
        if site.shell is None:
            self.rooms.append(SiteRoom(site_id, np.maximum(planned - fixed_mw, 0.0)))
            return
        standing = (
            self._stairs(
                [
                    (begins, mw)
                    for step, begins, mw in steps
                    if at_least(step.status or site.status, "building")
                ]
            )
            / pue
        )
        serves = in_service(self.calendar, site.shell.lead, site.shell.life)
        maximum = np.inf if site.shell.maximum is None else site.shell.maximum.value
        self.rooms.append(
            SiteRoom(
                site_id,
                np.maximum(planned - fixed_mw, 0.0),
                np.maximum(standing - fixed_mw, 0.0),
                serves,
                self._shell_payments(site, site.shell),
                maximum,
            )
        )

    def _shell_payments(self, site: Site, shell: Shell) -> tuple[Payment, ...]:
        price = np.nan_to_num(self.money.by_period(shell.cost, self.calendar))
        return self._capital(price, shell.lead, shell.life, self._payer(site), site.payee)

    def _stairs(self, steps: list[tuple[date | None, float]]) -> Floats:
        """The level in force on each period's first day."""
        level = np.zeros(self.count)
        for begins, value in sorted(steps, key=lambda step: step[0] or date.min):
            level[self.begins >= (0 if begins is None else begins.toordinal())] = value
        return level

    # Products -----------------------------------------------------------------------------------------------

    def leased(self, product_id: str, product: AcceleratorHours) -> None:
        facts = leased_supply(self.estate, product_id, product)
        price = self.money.by_period(product.price, self.calendar)
        power = self.estate.accelerators[product.accelerator].power
        payer, payee = self._seller(product)
        running = Payment("lease", payer, payee, np.nan_to_num(price) * self.hours)
        index = self._held(
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
            limit = np.array([product.limit.value_at(p.begins) for p in self.calendar.periods])
        self._lease(
            index,
            product.term,
            product.lead,
            price,
            running,
            limit,
            (product.begins, product.ends),
            minimum=0.0 if product.minimum is None else product.minimum.value,
        )

    def provisioned(self, product_id: str, product: ProvisionedUnits) -> None:
        price = self.money.by_period(product.price, self.calendar)
        payer, payee = self._seller(product)
        running = Payment("lease", payer, payee, np.nan_to_num(price) * self.hours)
        facts = SupplyFacts(
            product_id,
            "provisioned",
            product.provider,
            party_of(self.estate, product.provider),
            product=product_id,
        )
        index = self._held(product_id, facts, "units", product.held, running, None, 0.0, None)
        limit = None if product.limit is None else np.full(self.count, product.limit.value)
        self._lease(
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

    def tokens(self, product_id: str, product: TokensByUse) -> None:
        facts = SupplyFacts(
            product_id,
            "tokens",
            product.provider,
            party_of(self.estate, product.provider),
            product=product_id,
        )
        limit = 0.0 if product.limit is None else product.limit.value
        most = limit * self._covers(product.begins, product.ends)
        self.pools.append(
            Pool(product_id, facts, "tokens/s", most, (), product.limit is not None, product=product_id)
        )

    def _seller(self, product: AcceleratorHours | ProvisionedUnits) -> tuple[str, str]:
        payee = product.payee or party_of(self.estate, product.provider) or OUTSIDE
        return product.payer or self.party, payee

    def _held(
        self,
        product_id: str,
        facts: SupplyFacts,
        unit: str,
        held: tuple[Held, ...],
        running: Payment,
        accelerator: str | None,
        power_mw: float,
        site: str | None,
    ) -> int:
        fixed = np.zeros(self.count)
        for one in held:
            if at_least(one.status, "contracted") and not one.release:
                fixed += one.quantity.value * self._covers(one.begins, one.ends)
        payments = (Payment(running.kind, running.payer, running.payee, running.amounts * fixed),)
        self.pools.append(
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
        index = len(self.pools) - 1
        for one in held:
            if one.release and at_least(one.status, "contracted"):
                self._keep(index, self._covers(one.begins, one.ends), one.quantity.value, [running])
        return index

    def _lease(
        self,
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
        facts = self.pools[index].facts
        usable = ~np.isnan(price) & (self._covers(*sold) > 0)
        upper = np.full(self.count, np.inf)
        if term is None:
            serves = np.eye(self.count, dtype=np.bool_)
            allowed = usable.copy()
            for o, period in enumerate(self.calendar.periods):
                allowed[o] &= self.may_acquire(facts, period.begins, period.ends)
            payments = (Payment(running.kind, running.payer, running.payee, np.diag(running.amounts)),)
            self.ways.append(
                Way("on-demand", index, serves, allowed, payments, upper, hourly, increment, minimum, limit)
            )
            return
        serves = in_service(self.calendar, lead, term)
        allowed = self._lawful(facts, lead, term, usable & serves.any(axis=1))
        amounts = serves * (np.nan_to_num(price)[:, None] * self.hours[None, :])
        payments = (Payment(running.kind, running.payer, running.payee, amounts),)
        self.ways.append(
            Way("reserve", index, serves, allowed, payments, upper, False, increment, minimum, limit)
        )

    def quotas(self) -> tuple[Quota, ...]:
        """What the market delivers of each kind, by order period."""
        found: list[Quota] = []
        months = np.array([period.days / 30.4375 for period in self.calendar.periods])
        for kind, accelerator in self.estate.accelerators.items():
            if accelerator.quota is not None:
                rate = np.array([accelerator.quota.value_at(p.begins) for p in self.calendar.periods])
                found.append(Quota(kind, rate * months))
        return tuple(found)


def power_step(step: PowerStep) -> tuple[date | None, float]:
    """A power step's first day and MW, as stated (IT or facility)."""
    read = parse_dated(str(step.value), "power")
    return step.begins or read.begins, read.figure.value


def spend_kinds() -> tuple[SpendKind, ...]:
    """The kinds of spending, in the order in which reports name them."""
    return ("capital", "lease", "rent", "tokens", "energy", "operation", "settlement", "salvage")
