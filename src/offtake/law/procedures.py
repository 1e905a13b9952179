"""The arithmetic of rights: deadlines, answers, parts, ranks, and when a holder must be asked again."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from decimal import Decimal
from typing import Literal

from offtake.domain.quantities import Span
from offtake.law.primitives import Procedure

BusinessDay = Callable[[date], bool]


@dataclass(frozen=True, slots=True)
class Need:
    """A quantity wanted, in the procedure's measure, noted on a day; contracted once somebody supplies it."""

    id: str
    noted: date
    quantity: Decimal
    contracted: bool = False


@dataclass(frozen=True, slots=True)
class Take:
    """What somebody supplies of a need; the market is None."""

    holder: str | None
    quantity: Decimal


def monday_to_friday(day: date) -> bool:
    """A calendar without holidays."""
    return day.weekday() < 5


def after(span: Span, day: date, business_day: BusinessDay = monday_to_friday) -> date:
    """The day a span after another, with business days counted by a calendar of the caller's."""
    moved = Span(months=span.months, days=span.days).after(day)
    left = span.business_days
    while left > 0:
        moved += timedelta(days=1)
        left -= business_day(moved)
    return moved


def before(span: Span, day: date, business_day: BusinessDay = monday_to_friday) -> date:
    """The last day on which a span can begin that is over by another day: that for notice of such a length."""
    moved = day
    left = span.business_days
    while left > 0:
        left -= business_day(moved)
        moved -= timedelta(days=1)
    return Span(months=-span.months, days=-span.days).after(moved)


def answer_window(procedure: Procedure, size: Decimal | None) -> Span | None:
    """The time to answer about a deal of a size in the procedure's measure; that of the largest if the size is not
    known. None if there is no window."""
    if not procedure.windows:
        return procedure.window
    fitting = (
        one.window
        for one in procedure.windows
        if size is not None and (one.below is None or size < one.below)
    )
    return next(fitting, procedure.windows[-1].window)


def deadline(
    window: Span | None, asked: datetime, business_day: BusinessDay = monday_to_friday
) -> datetime | None:
    """The last moment at which an answer is in time: the same time of day, a window later. None if there is
    no window.

    `business_day` is the calendar of the clause (`procedure.calendar`).
    """
    if window is None:
        return None
    return datetime.combine(after(window, asked.date(), business_day), asked.timetz())


def recorded(last: datetime | None, clock: datetime) -> datetime:
    """The time under which something is recorded: the clock's, or that of the last record if the clock ran
    back."""
    return clock if last is None else max(last, clock)


def answer_stands(until: datetime | None, recorded_at: datetime) -> bool:
    """Whether an answer is in time, by the deadline and its recorded time alone."""
    return until is None or recorded_at <= until


def silent_outcome(
    procedure: Procedure, until: datetime | None, now: datetime
) -> Literal["open", "declines", "accepts"]:
    """What silence means by now: nothing while the window is open, then what the clause says."""
    return "open" if answer_stands(until, now) else procedure.silence


def offer_counts(procedure: Procedure, price: Decimal | None) -> bool:
    """Whether an offer discharges anything: it does not above the clause's maximum price. No price is the
    product's."""
    return procedure.maximum_price is None or price is None or price <= procedure.maximum_price


def residual(need: Decimal, offered: Decimal) -> Decimal:
    """What of a need may be taken elsewhere: the need less what is offered of it."""
    return need - min(need, offered)


def part_refused(procedure: Procedure, quantity: Decimal, need: Decimal, gang: bool = False) -> str | None:
    """Why a holder may not take this much of a need; None if it may. All of it, or nothing, is always
    allowed."""
    if quantity in (0, need):
        return None
    if quantity > need:
        return f"{quantity} is more than the need of {need}"
    if gang and procedure.whole_gangs:
        return f"the need of {need} must stay whole, so all of it or none"
    if procedure.minimum is not None and quantity < procedure.minimum:
        return f"{quantity} is less than the minimum of {procedure.minimum}"
    if procedure.multiple is not None and quantity % procedure.multiple != 0:
        return f"{quantity} is not a multiple of {procedure.multiple}"
    return None


def disclosed(procedure: Procedure, bid: Mapping[str, str]) -> dict[str, str]:
    """The terms of the best bid that the holder of a `match` is shown: those that the clause lists, and no
    more."""
    return {term: bid[term] for term in procedure.discloses if term in bid}


def ladder(need: Decimal, offers: Sequence[tuple[Procedure, Decimal]]) -> tuple[Take, ...]:
    """Who takes what of a need, if holders are asked in rank for what is left, each having offered so much.

    The rest is the market's, last. Holders of one rank are asked in the order of their procedures' ids.
    """
    left, takes = need, list[Take]()
    for procedure, offered in sorted(offers, key=lambda each: (each[0].rank, each[0].id)):
        taken = min(left, offered)
        takes.append(Take(procedure.holder, taken))
        left -= taken
    return (*takes, Take(None, left))


def must_ask_again(
    procedure: Procedure,
    refused_price: Decimal | None,
    price: Decimal | None,
    lapsed: date | None = None,
    today: date | None = None,
    contracted: bool = False,
) -> Literal["material change", "revival"] | None:
    """Why a right that was declined or lapsed must be offered again; None if it need not.

    The price has fallen by the clause's share or more of the one refused; or no contract was closed within
    the time after which the right revives.
    """
    share = procedure.material_change
    if (
        share is not None
        and refused_price is not None
        and price is not None
        and price <= refused_price * (1 - share)
    ):
        return "material change"
    revives = procedure.revives_after
    if revives is None or contracted or lapsed is None or today is None:
        return None
    return "revival" if today > after(revives, lapsed) else None


def aggregate(
    procedure: Procedure,
    needs: Sequence[Need],
    today: date,
    business_day: BusinessDay = monday_to_friday,
) -> tuple[Need, ...]:
    """The needs that the right is over today: those not yet contracted and noted within the aggregation
    window, if together they reach the threshold. Without a window each need stands for itself."""
    open_needs = sorted(
        (n for n in needs if not n.contracted and n.noted <= today), key=lambda n: (n.noted, n.id)
    )
    threshold = procedure.threshold or Decimal(0)
    if procedure.aggregates_within is None:
        return tuple(need for need in open_needs if need.quantity >= threshold)
    window = procedure.aggregates_within
    within = [need for need in open_needs if today < after(window, need.noted, business_day)]
    return tuple(within) if sum((n.quantity for n in within), Decimal(0)) >= threshold else ()
