"""Where a party's money comes from: equity by tranche, debt by facility, and what lenders ask for."""

from __future__ import annotations

from datetime import date
from typing import Annotated, Final, Literal

from pydantic import Field

from offtake.domain.fields import SeriesOf
from offtake.domain.quantities import Series
from offtake.domain.records import Entry, Id, Length, Money, Number, Share

ShareSeries = Annotated[Series, SeriesOf("share")]

_AFTER: Final = "an event: nothing is drawn before it, and nothing at all if it does not happen"


class Equity(Entry):
    """Money that an owner puts in, at most `amount`, within [from, until)."""

    kind: Literal["equity"]
    provider: Id
    amount: Money
    begins: date | None = Field(default=None, alias="from")
    ends: date | None = Field(default=None, alias="until")
    after: Id | None = Field(default=None, description=_AFTER)


class Debt(Entry):
    """A facility: drawn up to its commitment within [from, until), then repaid.

    The first repayment begins `grace` after `until`, and all is repaid `term` after `until`: `amortising` evenly by the
    day between the two, `bullet` at the end. Fees on the commitment are owed whether it is drawn or not.
    """

    kind: Literal["debt"]
    provider: Id | None = Field(default=None, description="the lender; the market, if not named")
    amount: Money = Field(description="the commitment")
    begins: date = Field(alias="from")
    ends: date = Field(alias="until", description="the first day on which nothing may be drawn any more")
    after: Id | None = Field(default=None, description=_AFTER)
    interest: ShareSeries = Field(description="a year, on what is outstanding; dated where it is indexed")
    upfront_fee: Share | None = Field(default=None, description="of the commitment, once, when it opens")
    commitment_fee: Share | None = Field(default=None, description="a year, of what is not drawn")
    grace: Length | None = None
    term: Length = Field(description="from the end of drawing until all is repaid")
    repayment: Literal["amortising", "bullet"] = "amortising"


class Prepayment(Entry):
    """Money that a customer pays in advance within [from, until), without interest, and is credited for afterwards.

    Credits begin `grace` after `until`, run evenly by the day until `term` after it, and are never more than what the
    customer owes in the period.
    """

    kind: Literal["prepayment"]
    provider: Id = Field(description="the customer")
    amount: Money = Field(description="at most")
    begins: date = Field(alias="from")
    ends: date = Field(alias="until", description="the first day on which nothing may be paid ahead any more")
    after: Id | None = Field(default=None, description=_AFTER)
    grace: Length | None = None
    term: Length = Field(description="from the end of paying ahead until all is credited")


Source = Annotated[Equity | Debt | Prepayment, Field(discriminator="kind")]


class Financing(Entry):
    """How a party pays for what it builds and runs. Money of those that it consolidates counts as its own."""

    consolidates: tuple[Id, ...] = Field(
        default=(), description="parties whose receipts and payments are its own"
    )
    opening_cash: Money | None = None
    minimum_cash: Money | None = Field(default=None, description="cash is never below this; else zero")
    gearing: Share | None = Field(default=None, description="debt outstanding, of debt and equity, at most")
    dscr: Number | None = Field(
        default=None, description="operating cash over debt service, at least, once repayment has begun"
    )
    reserve: Length | None = Field(
        default=None, description="cash kept for the debt service of so long ahead"
    )
    gap_price: Share | None = Field(
        default=None, description="what a unit of money that nobody promised weighs beyond itself; 20 %"
    )
    tax: Share | None = Field(
        default=None, description="of profit, losses carried forward; without it all is before tax"
    )
    receivables: Length | None = Field(default=None, description="how long after it is earned money comes in")
    payables: Length | None = Field(
        default=None, description="how long after they arise costs of operation are paid"
    )
    pro_rata: tuple[tuple[Id, ...], ...] = Field(
        default=(), description="groups of sources that are drawn together, in proportion to their amounts"
    )
    sources: dict[Id, Source] = Field(min_length=1)
