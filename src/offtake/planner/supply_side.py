"""The estate's capacity as pools, and the ways to add to them: accelerators built in, leases, provisioned units."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from offtake.domain.estate import Estate
from offtake.planner.calendar import Calendar
from offtake.planner.instance import Pool, Quota, SiteRoom, Way
from offtake.planner.prices import Money
from offtake.planner.products import add_product
from offtake.planner.sites import add_site
from offtake.planner.supply_draft import MayAcquire, SupplyDraft


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


def supply_side(
    estate: Estate, party: str, calendar: Calendar, money: Money, may_acquire: MayAcquire
) -> SupplySide:
    """Every pool of the estate with what is under contract, and every way to add to it that the law leaves open."""
    supply = SupplyDraft(estate, party, calendar, money, may_acquire)
    for site_id, site in estate.sites.items():
        add_site(supply, site_id, site)
    for product_id, product in estate.products.items():
        add_product(supply, product_id, product)
    return SupplySide(tuple(supply.pools), tuple(supply.ways), tuple(supply.rooms), _quotas(estate, calendar))


def _quotas(estate: Estate, calendar: Calendar) -> tuple[Quota, ...]:
    """What the market delivers of each kind, by order period."""
    found: list[Quota] = []
    months = np.array([period.days / 30.4375 for period in calendar.periods])
    for kind, accelerator in estate.accelerators.items():
        if accelerator.quota is not None:
            rate = np.array([accelerator.quota.value_at(p.begins) for p in calendar.periods])
            found.append(Quota(kind, rate * months))
    return tuple(found)
