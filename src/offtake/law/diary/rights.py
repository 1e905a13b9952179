"""First refusal in the diary: by when a holder must answer, until when its offer stands, and when its right revives."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal

from offtake.domain.estate import AcceleratorHours, Estate, ProvisionedUnits
from offtake.domain.events import HolderAnswer
from offtake.domain.quantities import HOURS_PER_YEAR, MEASURES, Span, parse_figure
from offtake.law.diary.entries import Diarist, DiaryEntry, last_day
from offtake.law.diary.terms import Stake
from offtake.law.facts import party_of
from offtake.law.primitives import Procedure
from offtake.law.procedures import after, answer_window, deadline
from offtake.law.wording import sizes_text


def rights(diarist: Diarist) -> Iterator[DiaryEntry]:
    """What holders of first refusal have to answer, for the needs that the estate's answers are about."""
    for procedure in diarist.law.procedures:
        if procedure.style == "approve":
            continue
        known = {procedure.id, procedure.origin.clause}
        for place, answer in enumerate(diarist.estate.answers):
            if answer.clause in known:
                yield from _of_answer(diarist, procedure, answer, place)


def _of_answer(
    diarist: Diarist, procedure: Procedure, answer: HolderAnswer, place: int
) -> Iterator[DiaryEntry]:
    first = diarist.estate.horizon.begins
    begins = max(day for day in (first, answer.begins, procedure.scope.begins) if day is not None)
    ends = min((day for day in (answer.ends, procedure.scope.ends) if day is not None), default=None)
    if ends is not None and ends <= begins:
        return
    holder, name = procedure.holder, procedure.origin.clause
    others = next(
        (one.between for id, one in diarist.estate.agreements.items() if name.startswith(f"{id}.")), ()
    )
    parties = (holder, *others)
    stake = _offered(diarist.estate, procedure, answer, begins)
    asked, works = (
        datetime(begins.year, begins.month, begins.day, tzinfo=UTC),
        diarist.business_days(procedure.calendar),
    )
    for about, window in _windows(procedure):
        until = deadline(window, asked, works)
        if until is None:
            continue
        key, of = (f"{name}/{place}/{about}", f" {about}") if about else (f"{name}/{place}", "")
        silence = "it declines" if procedure.silence == "declines" else "it accepts"
        yield diarist.entry(
            key,
            until.date(),
            "response",
            name,
            f"{holder} answers by today on needs{of} put to it on {begins}; if it is silent, {silence}",
            parties,
            stake=stake,
            origin=procedure.origin,
            calendar=procedure.calendar,
        )
        if procedure.revives_after is not None:
            revives = after(procedure.revives_after, until.date(), works)
            yield diarist.entry(
                key,
                revives + timedelta(days=1),
                "revival",
                name,
                f"{holder} is asked again from today on{of and f' about needs{of}'}, unless a contract was closed",
                parties,
                stake=stake,
                origin=procedure.origin,
                calendar=procedure.calendar,
            )
    if ends is not None:
        yield diarist.entry(
            f"{name}/{place}",
            last_day(ends),
            "expiry",
            name,
            f"{holder}'s offer of {answer.offers} stands for the last day",
            parties,
            stake=stake,
            origin=procedure.origin,
            calendar=procedure.calendar,
        )


def _windows(procedure: Procedure) -> Iterator[tuple[str, Span | None]]:
    """The times to answer, each with the sizes of needs that it is for; nothing is said of all sizes."""
    if len(procedure.windows) < 2:
        yield "", answer_window(procedure, None)
        return
    begins = None
    for one in procedure.windows:
        yield sizes_text(procedure, begins, one.below), one.window
        begins = one.below


def _offered(estate: Estate, procedure: Procedure, answer: HolderAnswer, on: date) -> Stake | None:
    """A year of what is offered, at the price offered, else at the holder's cheapest price on the day."""
    quantity = parse_figure(answer.offers, MEASURES[procedure.measure]).amount
    kind = "price_unit_hour" if procedure.measure == "units" else "price_accelerator_hour"
    if answer.price is not None:
        figure = parse_figure(answer.price, kind)
        if procedure.measure == "power":
            return None  # A price by the accelerator-hour says nothing about a MW without its kind.
        return quantity * figure.amount * HOURS_PER_YEAR, figure.currency, f"a year of it at {figure.text}"
    found: list[tuple[Decimal, str | None, str]] = []
    for id, product in estate.products.items():
        if answer.products and id not in answer.products:
            continue
        if procedure.holder not in (product.provider, party_of(estate, product.provider)):
            continue
        kept = (
            getattr(product, "payer", None) == procedure.holder
        )  # What a holder keeps for itself is offered to nobody.
        rate = None if kept or _over(product, on) else _rate(estate, procedure, product, on)
        if rate is not None:
            found.append((rate[0], rate[1], id))
    if not found:
        return None
    price, currency, id = min(found, key=lambda one: (one[0], one[2]))
    return (
        quantity * price * HOURS_PER_YEAR,
        currency,
        f"a year of it at the price of {id}, the holder's cheapest",
    )


def _over(product: object, on: date) -> bool:
    ends = getattr(product, "ends", None)
    return ends is not None and ends <= on


def _rate(
    estate: Estate, procedure: Procedure, product: object, on: date
) -> tuple[Decimal, str | None] | None:
    """What a unit of the procedure's measure costs for an hour in a product; None if it is not sold in that measure."""
    if isinstance(product, ProvisionedUnits) and procedure.measure == "units":
        figure = product.price.at(max(on, product.begins or on))
        return None if figure is None else (figure.amount, figure.currency)
    if not isinstance(product, AcceleratorHours) or procedure.measure not in ("accelerators", "power"):
        return None
    figure = product.price.at(max(on, product.begins or on))
    power = estate.accelerators[product.accelerator].power
    if figure is None or (procedure.measure == "power" and (power is None or not power.amount)):
        return None
    each = Decimal(1) if procedure.measure == "accelerators" or power is None else power.amount
    return figure.amount / each, figure.currency
