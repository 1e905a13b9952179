"""What others must be told of an entry: the outbox's topics and bodies, written with it in one transaction."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from offtake.broker.documents import compact
from offtake.broker.entries import Entry
from offtake.broker.events import (
    Event,
    HolderNoticed,
    LeaseReleased,
    LeasesInvoiced,
    MarketOpened,
    NeedAwarded,
    NoticeLapsed,
    PriceInvoiced,
    WindowSettled,
)

TOLD: Final[dict[type, str]] = {
    HolderNoticed: "holder-noticed",
    NoticeLapsed: "notice-lapsed",
    MarketOpened: "market-opened",
    NeedAwarded: "need-awarded",
    LeaseReleased: "lease-released",
    WindowSettled: "window-settled",
    LeasesInvoiced: "leases-invoiced",
    PriceInvoiced: "price-invoiced",
}


def topics(entry: Entry) -> Iterator[tuple[str, str]]:
    """Topic and body of everything in an entry that somebody else waits for, without what not all may see."""
    for event in entry.events:
        topic = TOLD.get(type(event))
        if topic is not None:
            yield (
                topic,
                compact({"entry": entry.seq, "recorded": entry.recorded.isoformat(), **_said(event)}),
            )


def _said(event: Event) -> dict[str, Any]:
    match event:
        case HolderNoticed():
            notice = event.notice
            return {
                "to": notice.holder,
                "need": notice.need,
                "notice": notice.id,
                "terms_hash": notice.terms_hash,
            }
        case NoticeLapsed():
            return {"need": event.need, "notice": event.notice}
        case MarketOpened():
            return {"need": event.need, "quantity": str(event.quantity)}
        case NeedAwarded():
            return {
                "need": event.need,
                "leases": [
                    {"lease": grant.lease, "supplier": grant.supplier, "quantity": str(grant.quantity)}
                    for grant in event.grants
                ],
            }
        case LeaseReleased():
            return {"lease": event.lease, "on": event.on.isoformat()}
        case WindowSettled():
            return {"clause": event.clause, "window": f"{event.begins}/{event.ends}", "payer": event.payer}
        case LeasesInvoiced():
            return {
                "payer": event.payer,
                "payee": event.payee,
                "month": event.begins.isoformat(),
                "currency": event.currency,
                "micros": event.total_micros,
            }
        case PriceInvoiced():
            return {"clause": event.clause, "payer": event.payer, "month": event.begins.isoformat()}
        case _:
            return {}
