"""The store in which a gateway's processes share headroom, and what those that died had used, by their receipts."""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import date
from typing import TYPE_CHECKING

from offtake.adapters.owners_file import write_for_owner
from offtake.domain.errors import StorageFailure

if TYPE_CHECKING:
    from offtake.bootstrap.gateway import Place
    from offtake.router.balances import Opening
    from offtake.router.ports import Headroom
    from offtake.router.table import RoutingTable


def store_of(place: Place, where: str | None) -> Headroom:
    """The store behind a URL; else a file among the gateway's own. Raises StorageFailure if it cannot be reached."""
    from offtake.adapters.headroom import open_headroom

    if where is None:
        place.folder.mkdir(parents=True, exist_ok=True)
    return open_headroom(where or place.headroom)


def make_files(place: Place, where: str | None) -> None:
    """The files that several processes would else make at once. Raises StorageFailure if they cannot be made."""
    from offtake.adapters.receipts_sqlite import SqliteReceipts

    origin_of(place)
    store_of(place, where).close()
    SqliteReceipts(place.receipts, place.signing_key, "none").close()


def origin_of(place: Place) -> str:
    """The name under which the receipts of this place are known in a store; made once."""
    file = place.folder / "origin"
    try:
        if not file.exists():
            write_for_owner(file, secrets.token_hex(8).encode())
        return file.read_text().strip()
    except OSError as error:
        raise StorageFailure(f"`{file}` cannot be read: {error.strerror}") from None


def settle_the_dead(
    place: Place, store: Headroom, origin: str, living: Collection[str], table: RoutingTable, today: date
) -> tuple[str, ...]:
    """Counts, by their receipts, what processes had used that ended without a word; their names.

    `living` are the processes that run now, and those that are about to.
    """
    from offtake.adapters.receipts_sqlite import opening_of, workers_of

    counted = {*store.ended(origin), *living}
    dead = tuple(sorted({*workers_of(place.receipts), *store.unsettled(origin)} - counted))
    for worker in dead:
        store.join(worker, origin)
        store.leave(worker, accounts_of(opening_of(place.receipts, table, today, worker), table, today))
    _count_invoices(place, store, origin, counted, table, today)
    return dead


def _count_invoices(
    place: Place, store: Headroom, origin: str, counted: Collection[str], table: RoutingTable, today: date
) -> None:
    """Counts what invoices add to the receipts' estimates. What they take off is not given back: others have been told
    of it, and a bound is then reached a little early rather than late."""
    from offtake.adapters.receipt_corrections import corrections_in
    from offtake.adapters.receipts_sqlite import opening_by

    found = tuple(corrections_in(place.receipts))
    for invoice in sorted({each.invoice for each in found}):
        name = f"invoice-{invoice[:12]}"
        if name not in counted:
            opening = opening_by((each for each in found if each.invoice == invoice), table)
            accounts = accounts_of(opening, table, today)
            store.join(name, origin)
            store.leave(name, {key: amount for key, amount in accounts.items() if amount > 0})


def accounts_of(opening: Opening, table: RoutingTable, today: date) -> dict[tuple[str, float], int]:
    """What was counted, by the accounts on which it is shared."""
    from datetime import UTC, datetime

    from offtake.router.allowances import spend_account, spend_end
    from offtake.router.table import first_second

    found = {
        (f"meter {m.id}", first_second(m.window_ends)): opening.meters.get(m.id, 0)
        for m in table.meters
        if m.window not in ("minute", "any-time")
    }
    found |= {(f"tier {t.id}", first_second(t.window_ends)): opening.tiers.get(t.id, 0) for t in table.tiers}
    noon = datetime(today.year, today.month, today.day, 12, tzinfo=UTC).timestamp()
    found |= {(spend_account(key), spend_end(noon)): spent for key, spent in opening.keys.items()}
    return {account: amount for account, amount in found.items() if amount}
