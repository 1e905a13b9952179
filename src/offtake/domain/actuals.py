"""What has been billed: prices that were paid, and how far the measures of clauses have been used."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from pydantic import Field

from offtake.domain.position import Reading
from offtake.domain.quantities import MEASURES, parse_figure
from offtake.domain.records import Entry, Id, Money


class MeterReading(Entry):
    """What counted on a clause in [from, until), as bills or meters say."""

    clause: str = Field(description="as `agreement.clause`")
    begins: date = Field(alias="from")
    ends: date = Field(alias="until")
    amount: str = Field(description="a quantity of the clause's measure, such as `36000 EUR`")


class PaidPrice(Entry):
    """What a unit cost in [from, until), by a bill. A plan goes by the prices of products; these stand beside them."""

    provider: Id
    product: Id | None = None
    model: Id | None = None
    tokens: str | None = Field(default=None, description="in, cached or out")
    sku: str | None = Field(default=None, description="the provider's own name of what was priced")
    unit: str = Field(description="as billed, such as `1M Tokens`")
    price: Money = Field(description="of one such unit")
    quantity: str = Field(description="how many units were billed")
    begins: date = Field(alias="from")
    ends: date = Field(alias="until")


def reading_of(stated: MeterReading, measure: str) -> Reading:
    """A stated reading as the law counts it. Raises QuantityError if its amount is not of the measure."""
    amount: Decimal = parse_figure(stated.amount, MEASURES[measure]).amount
    return Reading(stated.clause, stated.begins, stated.ends, amount)
