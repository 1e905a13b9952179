"""Supply in the diary: capacity under contract that ends and is to be renewed, products and deployments that end, and
money that can be drawn no longer."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal

from offtake.domain.estate import AcceleratorHours, Held, ProvisionedUnits
from offtake.domain.quantities import Span
from offtake.law.diary.entries import HOURS_PER_DAY, Diarist, DiaryEntry, last_day
from offtake.law.diary.terms import Stake
from offtake.law.facts import party_of
from offtake.law.procedures import before

A_YEAR = Span(months=12, text="1 year")


def supplies(diarist: Diarist) -> Iterator[DiaryEntry]:
    """What ends on the side of supply, and by when it is to be ordered anew."""
    estate = diarist.estate
    for id, product in estate.products.items():
        seller = party_of(estate, product.provider) or ""
        buyer = product.payer or estate.plans_for or ""
        if isinstance(product, AcceleratorHours | ProvisionedUnits):
            for place, held in enumerate(product.held):
                yield from _held(diarist, id, product, held, place, (buyer, product.payee or seller))
        if product.ends is not None:
            yield diarist.entry(
                id, last_day(product.ends), "expiry", id, "it is sold for the last day", (buyer, seller)
            )
    for id, deployment in estate.deployments.items():
        if deployment.ends is not None:
            seller = party_of(estate, deployment.provider) or ""
            yield diarist.entry(
                id,
                last_day(deployment.ends),
                "expiry",
                id,
                f"{deployment.model} runs for the last day",
                (seller,),
            )
    for id, site in estate.sites.items():
        for place, stock in enumerate(site.stock):
            if stock.ends is not None:
                what = f"{stock.count.text} {stock.accelerator} stand for the last day"
                parties = (site.owner or "", site.tenant or "")
                yield diarist.entry(f"{id}/{place}", last_day(stock.ends), "expiry", id, what, parties)
    for id, fund in estate.funds.items():
        if fund.ends is not None:
            stake = (fund.amount.amount, fund.amount.currency, "all of it, if nothing was drawn")
            what = "money may be drawn for the last day"
            yield diarist.entry(id, last_day(fund.ends), "expiry", id, what, (fund.party,), stake=stake)


def _held(
    diarist: Diarist,
    id: str,
    product: AcceleratorHours | ProvisionedUnits,
    held: Held,
    place: int,
    parties: tuple[str, ...],
) -> Iterator[DiaryEntry]:
    if held.ends is None:
        return
    stake = _next_term(product, held, held.ends)
    what = f"{held.quantity.text} {'units' if product.kind == 'provisioned' else product.accelerator}"
    lead = held.notice or (product.lead if isinstance(product, AcceleratorHours) else None)
    if lead is not None:
        yield diarist.entry(
            f"{id}/{place}",
            before(lead, held.ends, diarist.business_days(None)),
            "notice",
            id,
            f"last day to say whether {what} go on after {last_day(held.ends)} ({lead.text} before)",
            parties,
            stake=stake,
        )
    yield diarist.entry(
        f"{id}/{place}",
        last_day(held.ends),
        "renewal",
        id,
        f"{what} are under contract for the last day",
        parties,
        stake=stake,
    )


def _next_term(product: AcceleratorHours | ProvisionedUnits, held: Held, on: date) -> Stake | None:
    """What the next term of as much would cost at the price of its first day."""
    figure = product.price.at(on)
    if figure is None:
        return None
    term = product.term or A_YEAR
    hours = Decimal((term.after(on) - on).days * HOURS_PER_DAY)
    length = term.text or "the term"
    return held.quantity.amount * figure.amount * hours, figure.currency, f"{length} more at {figure.text}"
