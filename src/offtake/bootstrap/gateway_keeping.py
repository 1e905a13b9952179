"""How long receipts are kept: what is older goes by itself, and what must be kept of it stays."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import TYPE_CHECKING

from offtake.bootstrap.gateway import Place, write_pack

if TYPE_CHECKING:
    from offtake.router.table import RoutingTable


def forget_due(
    place: Place, table: RoutingTable, keep_days: int, today: date, posted_until: date | None
) -> Iterator[str]:
    """Removes the receipts of every month that ended more than so many days ago; in words.

    What a running window counts stays, and what was not posted to the ledger yet (`posted_until`, where there is one).
    Before a month goes, the evidence pack of each class of data that has requests in it is written beside the
    receipts. Raises StorageFailure if a pack cannot be written; nothing of that month is removed then.
    """
    from offtake.adapters.receipts_sqlite import classes_between, first_day, forget_before, kept_for

    last = min(today - timedelta(days=keep_days), kept_for(table, today), posted_until or date.max)
    first = first_day(place.receipts)
    while first is not None and (after := next_month(first)) <= last:
        month = first.replace(day=1)
        for data_class in classes_between(place.receipts, month, after):
            folder = place.folder / "evidence" / f"{month:%Y-%m}-{data_class}"
            if not (folder / "evidence.md").exists():
                write_pack(place, data_class, month, folder)
        forget_before(place.receipts, after)
        yield f"receipts of {month:%Y-%m} were removed; what they prove stands in `{place.folder / 'evidence'}`"
        then = first_day(place.receipts)
        first = then if then != first else None


def next_month(day: date) -> date:
    """The first day of the month after a day's."""
    return date(day.year + day.month // 12, day.month % 12 + 1, 1)
