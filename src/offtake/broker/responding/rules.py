"""Rules by which parties respond, as a file states them. The first rule that fits a notice decides it."""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import TYPE_CHECKING, Annotated, Final, Literal

from pydantic import Field, PlainValidator
from pydantic_core import PydanticCustomError

from offtake.broker.stated import price, quantity
from offtake.broker.terms import Quantified
from offtake.domain.errors import InvalidInput
from offtake.domain.quantities import QuantityError, Span, parse_figure, parse_span
from offtake.domain.records import Entry, Id, Length, Share

if TYPE_CHECKING:
    from offtake.broker.views import SupplyView

_RANGE: Final = re.compile(r"(?P<low>\d{1,5})\s+(?:to|-|–)\s+(?P<high>\d{1,5}\s+\D+)")
_BETWEEN: Final = re.compile(r"\d{1,5}\s+(?P<unit>\D+)")
MAXIMUM_DELAY_DAYS: Final = 3660


@dataclass(frozen=True, slots=True)
class Amount:
    """So much of a measure."""

    amount: Decimal
    measure: Quantified


@dataclass(frozen=True, slots=True)
class Take:
    """How much of what is offered: all of it, nothing, a share, or an amount."""

    share: Decimal | None = None
    amount: Amount | None = None

    def of(self, offered: Decimal, measure: Quantified) -> Decimal:
        """So much of an offer in a measure; nothing of one in another."""
        if self.share is not None:
            return offered * self.share
        if self.amount is None or self.amount.measure != measure:
            return Decimal(0)
        return min(offered, self.amount.amount)


@dataclass(frozen=True, slots=True)
class Asked:
    """A price as it is stated; what it comes to depends on the measure and the supply."""

    text: str

    def of(self, measure: Quantified, supply: SupplyView | None) -> tuple[Decimal, str] | None:
        """Per unit of a measure and hour, with its currency; None if it says nothing about that measure."""
        try:
            return price(self.text, measure, supply)
        except InvalidInput:
            return None


@dataclass(frozen=True, slots=True)
class Delay:
    """How long somebody takes: a length of time, or any between two."""

    low: Span
    high: Span
    text: str


def _guard(problem: str, expected: str) -> PydanticCustomError:
    return PydanticCustomError("quantity", "{problem}", {"problem": problem, "expected": expected})


def _amount(value: object) -> Amount:
    if isinstance(value, Amount):
        return value
    try:
        return Amount(*quantity(str(value)))
    except InvalidInput as error:
        raise _guard(error.message, "140 MW") from None


def _take(value: object) -> Take:
    if isinstance(value, Take):
        return value
    text = str(value).strip()
    if text == "all":
        return Take(share=Decimal(1))
    if text == "nothing":
        return Take(share=Decimal(0))
    if text.endswith("%"):
        try:
            share = parse_figure(text, "share").amount
        except QuantityError as error:
            raise _guard(error.problem, "30 %") from None
        if not 0 <= share <= 1:
            raise _guard(f"`{text}` is no part of what is offered", "30 %")
        return Take(share=share)
    try:
        return Take(amount=Amount(*quantity(text)))
    except InvalidInput:
        raise _guard(
            f"`{text[:60]}` is neither `all`, `nothing`, a share nor a quantity", "30 %, or 140 MW"
        ) from None


def _asked(value: object) -> Asked:
    if isinstance(value, Asked):
        return value
    text = str(value).strip()
    for kind in ("price_accelerator_hour", "price_unit_hour", "price_power_year"):
        try:
            parse_figure(text, kind)
        except QuantityError:
            continue
        return Asked(text)
    raise _guard(f"`{text[:60]}` is no price of capacity", "2.35 USD/accelerator-hour")


def _delay(value: object) -> Delay:
    if isinstance(value, Delay):
        return value
    text = str(value).strip()
    between = _RANGE.fullmatch(text)
    unit = None if between is None else _BETWEEN.fullmatch(between["high"])
    try:
        if between is None or unit is None:
            low = high = parse_span(text)
        else:
            low, high = parse_span(f"{between['low']} {unit['unit']}"), parse_span(between["high"])
    except QuantityError as error:
        raise _guard(error.problem, "5 business days, or 2 to 6 business days") from None
    if _days(low) > _days(high) or _days(high) > MAXIMUM_DELAY_DAYS:
        raise _guard(f"`{text}` is not a time that somebody takes", "2 to 6 business days")
    return Delay(low, high, text)


def _days(span: Span) -> int:
    return span.months * 30 + span.days + span.business_days


AT_ONCE: Final = Delay(Span(days=0), Span(days=0), "at once")
AmountOf = Annotated[Amount, PlainValidator(_amount)]
TakeOf = Annotated[Take, PlainValidator(_take)]
PriceAsked = Annotated[Asked, PlainValidator(_asked)]
DelayOf = Annotated[Delay, PlainValidator(_delay)]


class Fitting(Entry):
    """Which needs a rule is about; what is left out fits all."""

    accelerators: tuple[Id, ...] = Field(default=(), description="kinds, one of which the need must admit")
    regions: tuple[Id, ...] = Field(default=(), description="regions, one of which the need must admit")
    least: AmountOf | None = Field(default=None, description="needs of at least so much")
    longest: Length | None = Field(default=None, description="terms of at most so long")
    after: DelayOf = Field(default=AT_ONCE, description="how long it takes, such as `2 to 6 business days`")
    chance: Share | None = Field(
        default=None, description="how often it does so at all, by the dice of a seed"
    )


class AnswerRule(Fitting):
    """What a holder answers to a notice: so much from its supplies, at a price."""

    take: TakeOf = Field(description="`all`, `nothing`, a share such as `30 %`, or a quantity")
    at_most: AmountOf | None = Field(default=None, description="of one notice")
    each: AmountOf | None = Field(default=None, description="at one supply")
    in_all: AmountOf | None = Field(default=None, description="leased from its supplies on any day")
    multiple: AmountOf | None = Field(default=None, description="in whole multiples of this")
    supplies: tuple[str, ...] = Field(
        default=(),
        alias="from",
        description="its supplies, the first used first; all that are its own, if none",
    )
    price: PriceAsked | None = Field(
        default=None, description="what it asks; a notice that states less is declined"
    )
    clauses: tuple[str, ...] = Field(default=(), description="clauses whose notices the rule is about")


class BidRule(Fitting):
    """What a supplier bids for needs at the market: up to so much of a supply, at a price."""

    supply: str = Field(description="such as `abilene/gb200`, or a product")
    at_most: AmountOf | None = Field(default=None, description="for one need")
    in_all: AmountOf | None = Field(default=None, description="leased from the supply on any day")
    price: PriceAsked | None = Field(default=None, description="the estate's price, if left out")
    release_share: Share | None = Field(default=None, description="what stays owed after an early release")


class ApproveRule(Entry):
    """What somebody approves: needs under a clause, up to a size."""

    clause: str
    up_to: AmountOf | None = None
    after: DelayOf = AT_ONCE


class AwardRule(Entry):
    """When a party awards its own needs, and what becomes of what nobody supplies."""

    after: DelayOf = AT_ONCE
    rest: Literal["keep", "cancel"] = "keep"
    gives_up_after: DelayOf | None = Field(
        default=None, description="cancels a need that finds nobody so long"
    )


class PartyRules(Entry):
    """A party's rules. Days are business days of `calendar` (Monday to Friday, if none)."""

    calendar: str | None = None
    answers: tuple[AnswerRule, ...] = ()
    otherwise: Literal["decline", "silent"] = Field(
        default="silent", description="what it does with a notice that no rule fits"
    )
    bids: tuple[BidRule, ...] = ()
    awards: AwardRule | None = None
    approves: tuple[ApproveRule, ...] = ()


class Responders(Entry):
    """A file of rules, by party."""

    responders: Literal[1] = Field(description="the version of this format")
    parties: dict[Id, PartyRules] = Field(min_length=1, max_length=200)
