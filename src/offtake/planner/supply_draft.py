"""Pools and ways while the estate is read, and when what is ordered or held is in service."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date

import numpy as np

from offtake.domain.estate import Estate
from offtake.domain.quantities import Span
from offtake.domain.selection import SupplyFacts
from offtake.planner.calendar import Calendar
from offtake.planner.instance import Bools, Floats, Payment, Pool, SiteRoom, Way
from offtake.planner.prices import Money

MayAcquire = Callable[[SupplyFacts, date, date | None], bool]
"""Whether the law lets capacity of a supply be acquired for a term, whoever is asked first."""


def service_days(
    calendar: Calendar, order: int, lead: Span | None, life: Span | None
) -> tuple[date, date | None]:
    """The days that an order serves: placed within its period so as to arrive on the first day of a period, the first
    that its lead allows; from there for its life."""
    placed = calendar.periods[order].begins
    earliest = placed if lead is None else lead.after(placed)
    begins = next((p.begins for p in calendar.periods[order:] if p.begins >= earliest), earliest)
    return begins, None if life is None else life.after(begins)


def order_days(
    estate: Estate, calendar: Calendar, way: Way, pool: Pool, order: int
) -> tuple[date, date | None]:
    """The days that an order of a way serves: from its delivery until the end of its life or term."""
    period = calendar.periods[order]
    lead: Span | None = None
    life: Span | None = None
    if way.kind == "on-demand":
        return period.begins, period.ends
    if way.kind == "build" and pool.accelerator is not None:
        accelerator = estate.accelerators[pool.accelerator]
        lead, life = accelerator.lead, accelerator.life
    elif way.kind == "reserve":
        product = estate.products[pool.product or ""]
        life = getattr(product, "term", None)
        lead = getattr(product, "lead", None)
    return service_days(calendar, order, lead, life)


def shell_days(estate: Estate, calendar: Calendar, site: str, order: int) -> tuple[date, date | None]:
    """The days that a hall stands which is ordered at a site."""
    shell = estate.sites[site].shell
    lead, life = (None, None) if shell is None else (shell.lead, shell.life)
    return service_days(calendar, order, lead, life)


def in_service(calendar: Calendar, lead: Span | None, life: Span | None) -> Bools:
    """(order period, period): whether what is ordered in a period serves in another; see `service_days`."""
    count = len(calendar.periods)
    serves = np.zeros((count, count), dtype=np.bool_)
    for o in range(count):
        begins, ends = service_days(calendar, o, lead, life)
        for t in range(o, count):
            period = calendar.periods[t]
            serves[o, t] = period.begins >= begins and (ends is None or period.begins < ends)
    return serves


def spread(serves: Bools, running: list[Payment]) -> tuple[Payment, ...]:
    """Payments per unit in service as payments per unit ordered: (order, period)."""
    return tuple(Payment(p.kind, p.payer, p.payee, serves * p.amounts[None, :]) for p in running)


class SupplyDraft:
    """Collects pools, ways and rooms while the estate is gone through once."""

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

    def covers(self, begins: date | None, ends: date | None) -> Floats:
        """1 in the periods whose first day lies in [begins, ends)."""
        low = -np.inf if begins is None else begins.toordinal()
        high = np.inf if ends is None else ends.toordinal()
        return ((self.begins >= low) & (self.begins < high)).astype(np.float64)

    def lawful(self, facts: SupplyFacts, lead: Span | None, term: Span | None, usable: Bools) -> Bools:
        """Order periods in which the law lets the capacity be acquired for its whole term."""
        found = usable.copy()
        for o in np.flatnonzero(found):
            found[o] = self.may_acquire(facts, *service_days(self.calendar, int(o), lead, term))
        return found

    def keep(self, index: int, covers: Floats, quantity: float, running: list[Payment]) -> None:
        """What is held and may be released: kept from its first period on, or not at all."""
        held = np.flatnonzero(covers)
        if not len(held):
            return
        serves = np.zeros((self.count, self.count), dtype=np.bool_)
        serves[held[0]] = covers > 0
        allowed = np.arange(self.count) == held[0]
        upper = np.where(allowed, quantity, 0.0)
        self.ways.append(Way("keep", index, serves, allowed, spread(serves, running), upper))
