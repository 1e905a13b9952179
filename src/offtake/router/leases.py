"""Leases made since the estate was written: what they hold of reserved throughput is held as if the estate said so."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal

from offtake.domain.estate import Estate, Held, ProvisionedUnits
from offtake.domain.quantities import Figure


@dataclass(frozen=True, slots=True)
class Leased:
    """So many units of a product, held on [begins, ends)."""

    product: str
    units: Decimal
    begins: date
    ends: date


def with_leases(estate: Estate, leases: Sequence[Leased]) -> Estate:
    """The estate with what leases hold of its provisioned products; leases of anything else change nothing here."""
    products = dict(estate.products)
    for lease in leases:
        product = products.get(lease.product)
        if isinstance(product, ProvisionedUnits):
            quantity = Figure(lease.units, "unit", "units", f"{lease.units} units")
            held = Held.model_construct(
                quantity=quantity, begins=lease.begins, ends=lease.ends, status="contracted"
            )
            products[lease.product] = product.model_copy(update={"held": (*product.held, held)})
    return estate.model_copy(update={"products": products}) if products != estate.products else estate
