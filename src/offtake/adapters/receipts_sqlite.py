"""Receipts in SQLite: written in batches by a thread of their own, each batch signed and chained to the one before.

What is kept is durable (WAL, `synchronous=FULL`) one write later, or two if a write is under way: the writer is woken
by who keeps it.
"""

from __future__ import annotations

import os
import sqlite3
import threading
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from hashlib import sha256
from pathlib import Path
from typing import Any, Final, cast

import orjson

from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.router.balances import Opening
from offtake.router.correcting import Correction
from offtake.router.receipts import COLUMNS, FORMAT, Receipt, described
from offtake.router.table import PICO, Candidate, RoutingTable, Tokens

IDLE_S: Final = 1.0  # The writer looks as often though nobody wakes it.
MOST_WAITING: Final = 100_000  # Receipts not yet written; above it requests are refused.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS batches (
  worker TEXT NOT NULL, number INTEGER NOT NULL, first TEXT NOT NULL, last TEXT NOT NULL,
  begins_ms INTEGER NOT NULL, ends_ms INTEGER NOT NULL, receipts INTEGER NOT NULL, table_digest TEXT NOT NULL,
  previous TEXT NOT NULL, digest TEXT NOT NULL, signature BLOB NOT NULL, body BLOB NOT NULL,
  PRIMARY KEY (worker, number)) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_time ON batches (begins_ms);
CREATE TABLE IF NOT EXISTS tables (digest TEXT PRIMARY KEY, body BLOB NOT NULL) WITHOUT ROWID;
"""


@dataclass(frozen=True, slots=True)
class Problem:
    """What does not hold in a receipts file."""

    batch: str
    text: str


class SqliteReceipts:
    """The receipts of one process, kept in a file that several processes may share."""

    def __init__(self, path: Path, signing_key: Path, worker: str) -> None:
        self._path = path
        self._worker = worker
        self._sign = signer(signing_key)
        self._connection = opened(path)
        self._number = 0
        self._previous = ""
        self._digest = ""
        self._tables: dict[str, bytes] = {}
        self._waiting: list[Receipt] = []
        self._lock = threading.Lock()
        self._wake = threading.Event()
        self._ends = False
        self._failed: str | None = None
        self._thread = threading.Thread(target=self._run, name="receipts", daemon=True)
        self._thread.start()

    def table(self, table: RoutingTable) -> None:
        """A table that the receipts to come refer to."""
        body = orjson.dumps(described(table), option=orjson.OPT_SORT_KEYS)
        digest = sha256(body).hexdigest()
        with self._lock:
            due, self._waiting = self._waiting, []
            self._tables[digest] = body
            before, self._digest = self._digest, digest
        if due:
            self._write(due, before)

    def keep(self, receipts: Sequence[Receipt]) -> None:
        """Receipts to be made durable soon. Raises StorageFailure while they cannot be."""
        if self._failed is not None:
            raise StorageFailure(self._failed)
        with self._lock:
            if len(self._waiting) > MOST_WAITING:
                raise StorageFailure("receipts wait to be written, and no more may wait")
            self._waiting.extend(receipts)
        self._wake.set()

    @property
    def failing(self) -> str | None:
        """Why receipts cannot be written now; None if they can."""
        return self._failed

    def opening(self, table: RoutingTable, today: date) -> Opening:
        """What the receipts in the file count in the windows that are running today.

        It goes through the receipts of the longest window once, when a process begins.
        """
        return opening_of(self._path, table, today)

    def close(self) -> None:
        """Everything kept is durable once this returns."""
        self._ends = True
        self._wake.set()
        self._thread.join(timeout=30.0)
        self._connection.close()

    def _run(self) -> None:
        while True:
            self._wake.wait(IDLE_S)
            self._wake.clear()
            ends = self._ends
            with self._lock:
                due, self._waiting = self._waiting, []
                digest = self._digest
            if due:
                self._write(due, digest)
            if ends:
                return

    def _write(self, due: list[Receipt], table_digest: str) -> None:
        """One batch. While the disk refuses it, it is tried again; nothing is dropped, and no more is taken on."""
        body = orjson.dumps([tuple(receipt) for receipt in due])
        while True:
            try:
                self._commit(due, body, table_digest)
            except sqlite3.Error as error:
                self._failed = f"receipts cannot be written to `{self._path}`: {error}"
                if self._ends:
                    return
                time.sleep(0.2)
            else:
                self._failed = None
                return

    def _commit(self, due: list[Receipt], body: bytes, table_digest: str) -> None:
        head = _head(self._worker, self._number, self._previous, due[0].id, due[-1].id, table_digest, body)
        digest = sha256(head).hexdigest()
        row = (
            self._worker, self._number, due[0].id, due[-1].id, min(r.at_ms for r in due),
            max(r.at_ms for r in due), len(due), table_digest, self._previous, digest, self._sign(head), body,
        )  # fmt: skip
        with self._connection:
            table = self._tables.get(table_digest)
            if table is not None:
                self._connection.execute("INSERT OR IGNORE INTO tables VALUES (?, ?)", (table_digest, table))
            self._connection.execute("INSERT INTO batches VALUES (?,?,?,?,?,?,?,?,?,?,?,?)", row)
        self._tables.pop(table_digest, None)
        self._number += 1
        self._previous = digest


def _in_window(month: date, begins: date, ends: date | None) -> bool:
    return begins.replace(day=1) <= month and (ends is None or month < ends)


def opening_of(path: Path, table: RoutingTable, today: date, worker: str | None = None) -> Opening:
    """What the receipts of a file, or those of one process, count in the windows that are running today."""
    month = today.replace(day=1)
    meters: dict[str, int] = {}
    tiers: dict[str, int] = {}
    keys: dict[str, int] = {}
    charges = _Charges(table)
    for receipt in receipts_between(path, kept_for(table, today), None, worker):
        charges.count(receipt, meters, tiers)
        if receipt.cost_pico and receipt.at_ms >= _ms(month, 0):
            keys[receipt.key] = keys.get(receipt.key, 0) + receipt.cost_pico
    return Opening(meters, tiers, keys)


def opening_by(corrections: Iterable[Correction], table: RoutingTable) -> Opening:
    """What invoices say that the receipts of the running windows are off by."""
    meters: dict[str, int] = {}
    tiers: dict[str, int] = {}
    charges = _Charges(table)
    for correction in corrections:
        charges.correct(correction, meters, tiers)
    return Opening(meters, tiers)


def usage_on(path: Path, table: RoutingTable, day: date) -> dict[str, int]:
    """What the receipts of a day count by clause of a table's meters and prices, in pico-units; what counts nothing is
    left out."""
    charges, amounts = _Charges(table), dict[str, int]()
    for receipt in receipts_between(path, day, day + timedelta(days=1)):
        charges.clauses(receipt, amounts)
    return {clause: amount for clause, amount in amounts.items() if amount}


def first_day(path: Path) -> date | None:
    """The day of the first receipt of a file; None if there is none."""
    if not path.exists():
        return None
    with closing(opened(path)) as connection:
        (first,) = connection.execute("SELECT min(begins_ms) FROM batches").fetchone()
    return None if first is None else datetime.fromtimestamp(first / 1000, UTC).date()


def kept_for(table: RoutingTable, today: date) -> date:
    """The first day whose receipts are counted in a window that is running: those of a table, and of keys."""
    starts = [m.window_begins for m in table.meters] + [t.window_begins for t in table.tiers]
    return max(min([*starts, today.replace(day=1)]), date(1970, 1, 2))


def workers_of(path: Path) -> tuple[str, ...]:
    """The processes that have written receipts to a file."""
    if not path.exists():
        return ()
    with closing(opened(path)) as connection:
        return tuple(
            row[0] for row in connection.execute("SELECT DISTINCT worker FROM batches ORDER BY worker")
        )


class _Charges:
    """What a receipt of the past counts under the meters of today's table."""

    def __init__(self, table: RoutingTable) -> None:
        self._table = table
        self._candidates = {
            (profile, c.id, c.model): c
            for (profile, _), entry in table.entries.items()
            for c in entry.candidates
        }
        # A key may be gone since; what its requests counted does not hang on who asked.
        self._anybody = {(c.id, c.model): c for c in self._candidates.values()}

    def _candidate(self, receipt: Receipt) -> Candidate | None:
        where = (receipt.supply or "", receipt.model or "")
        return self._candidates.get((receipt.profile, *where)) or self._anybody.get(where)

    def correct(self, correction: Correction, meters: dict[str, int], tiers: dict[str, int]) -> None:
        """Counts a correction on the meters and tiers of what it was billed as."""
        where = correction.product, correction.model
        candidate = next((c for c in self._anybody.values() if (c.supply.product, c.model) == where), None)
        if candidate is None:
            return
        month = correction.month
        for charge in candidate.charges:
            meter = self._table.meters[charge.meter]
            if _in_window(month, meter.window_begins, meter.window_ends):
                amount = charge.amount(correction.tokens, correction.cost_pico) or 0
                meters[meter.id] = meters.get(meter.id, 0) + amount
        for place in candidate.tiers:
            tier = self._table.tiers[place]
            if _in_window(month, tier.window_begins, tier.window_ends):
                tiers[tier.id] = tiers.get(tier.id, 0) + correction.tokens

    def clauses(self, receipt: Receipt, amounts: dict[str, int]) -> None:
        """What a receipt counts by clause, in pico-units; not where a clause within it counts it already."""
        candidate = self._candidate(receipt)
        if candidate is None:
            return
        tokens = Tokens(receipt.fresh, receipt.cached, receipt.out).total
        meters = [(self._table.meters[charge.meter], charge) for charge in candidate.charges]
        outer = {meter.meter.within for meter, _ in meters}
        for meter, charge in meters:
            if meter.id not in outer and meter.window not in ("minute", "any-time"):
                clause = meter.origin.clause
                amounts[clause] = amounts.get(clause, 0) + (charge.amount(tokens, receipt.cost_pico) or 0)
        for place in candidate.tiers:
            clause = self._table.tiers[place].origin.clause
            amounts[clause] = amounts.get(clause, 0) + tokens * PICO

    def count(self, receipt: Receipt, meters: dict[str, int], tiers: dict[str, int]) -> None:
        candidate = self._candidate(receipt)
        if candidate is None:
            return
        day = datetime.fromtimestamp(receipt.at_ms / 1000, UTC).date()
        tokens = Tokens(receipt.fresh, receipt.cached, receipt.out).total
        for charge in candidate.charges:
            meter = self._table.meters[charge.meter]
            if meter.window_begins <= day and (meter.window_ends is None or day < meter.window_ends):
                meters[meter.id] = meters.get(meter.id, 0) + (charge.amount(tokens, receipt.cost_pico) or 0)
        for place in candidate.tiers:
            tier = self._table.tiers[place]
            if tier.window_begins <= day and (tier.window_ends is None or day < tier.window_ends):
                tiers[tier.id] = tiers.get(tier.id, 0) + tokens


def receipts_between(
    path: Path, begins: date | None, ends: date | None, worker: str | None = None
) -> Iterator[Receipt]:
    """The receipts of the days [begins, ends), of all processes or of one, in the order of their batches."""
    first, last = _ms(begins, 0), _ms(ends, 1 << 62)
    with closing(opened(path)) as connection:
        rows = connection.execute(
            "SELECT body FROM batches WHERE ends_ms >= ? AND begins_ms < ? AND worker = coalesce(?, worker) "
            "ORDER BY begins_ms",
            (first, last, worker),
        )
        for (body,) in rows:
            yield from (r for r in _receipts(body) if first <= r.at_ms < last)


def receipts_with_tables(path: Path, begins: date, ends: date) -> Iterator[tuple[Receipt, dict[str, Any]]]:
    """The receipts of the days [begins, ends), each with the table that it refers to."""
    first, last = _ms(begins, 0), _ms(ends, 0)
    tables: dict[str, dict[str, Any]] = {}
    with closing(opened(path)) as connection:
        rows = connection.execute(
            "SELECT body, table_digest FROM batches WHERE ends_ms >= ? AND begins_ms < ? ORDER BY begins_ms",
            (first, last),
        )
        for body, digest in rows:
            if digest not in tables:
                tables[digest] = _table(connection, digest)
            yield from ((r, tables[digest]) for r in _receipts(body) if first <= r.at_ms < last)


def classes_between(path: Path, begins: date, ends: date) -> tuple[str, ...]:
    """The classes of data that receipts of the days [begins, ends) are of."""
    found: set[str] = set()
    for receipt, table in receipts_with_tables(path, begins, ends):
        entry = table.get("entries", {}).get(f"{receipt.profile} {receipt.model or receipt.asked}", {})
        if entry.get("data_class"):
            found.add(str(entry["data_class"]))
    return tuple(sorted(found))


def receipt_of(path: Path, id: str) -> tuple[Receipt, dict[str, Any]] | None:
    """One receipt by its id, with the table that it refers to; None if the file has none."""
    worker, _, _ = id.rpartition("-")
    with closing(opened(path)) as connection:
        found = connection.execute(
            "SELECT body, table_digest FROM batches WHERE worker = ? AND first <= ? ORDER BY number DESC LIMIT 1",
            (worker, id),
        ).fetchone()
        # Answers end in another order than they begin: a neighbour may hold it.
        rows = [found] if found else []
        rows += connection.execute(
            "SELECT body, table_digest FROM batches WHERE worker = ? ORDER BY number DESC", (worker,)
        )
        for body, digest in rows:
            for receipt in _receipts(body):
                if receipt.id == id:
                    return receipt, _table(connection, digest)
    return None


def verify(path: Path, public_key: Path) -> tuple[int, int, tuple[Problem, ...]]:
    """Batches and receipts in a file, and what does not hold: signatures, the chain, ids, and tables.

    What was taken off the end of a chain cannot be seen from the file alone.
    """
    holds = verifier(public_key)
    batches, receipts, problems = 0, 0, list[Problem]()
    expected: dict[str, tuple[int, str]] = {}
    with closing(opened(path)) as connection:
        known: dict[str, bytes] = dict(connection.execute("SELECT digest, body FROM tables").fetchall())
        problems.extend(
            Problem("tables", f"table {digest[:12]} is not what its digest says")
            for digest, body in known.items()
            if sha256(body).hexdigest() != digest
        )
        rows = connection.execute(
            "SELECT worker, number, previous, first, last, table_digest, body, digest, signature, receipts "
            "FROM batches ORDER BY worker, number"
        )
        for worker, number, previous, first, last, table, body, digest, signature, count in rows:
            name = f"{worker}/{number}"
            batches, receipts = batches + 1, receipts + count
            head = _head(worker, number, previous, first, last, table, body)
            if not holds(signature, head):
                problems.append(Problem(name, "the signature does not fit what is written"))
            if sha256(head).hexdigest() != digest:
                problems.append(Problem(name, "the digest does not fit what is written"))
            due, before = expected.get(worker, (number, previous))
            if (number, previous) != (due, before):
                problems.append(Problem(name, "a batch before it is missing or was changed"))
            if table not in known:
                problems.append(Problem(name, "the table that it refers to is missing"))
            expected[worker] = (number + 1, digest)
    return batches, receipts, tuple(problems)


def forget_before(path: Path, day: date) -> int:
    """Removes the batches that end before a day; how many. The chain is then verified from what is left."""
    try:
        with closing(opened(path)) as connection, connection:
            return connection.execute("DELETE FROM batches WHERE ends_ms < ?", (_ms(day, 0),)).rowcount
    except sqlite3.Error as error:
        raise StorageFailure(f"`{path}` cannot be written: {error}") from None


def _head(worker: str, number: int, previous: str, first: str, last: str, table: str, body: bytes) -> bytes:
    """What is signed."""
    whole = (FORMAT, worker, number, previous, first, last, table, sha256(body).hexdigest())
    return orjson.dumps(whole)


def _receipts(body: bytes) -> Iterator[Receipt]:
    for row in cast("list[list[Any]]", orjson.loads(body)):
        fields = dict(zip(COLUMNS, row, strict=True))
        fields["clauses"] = tuple(fields["clauses"])
        fields["passed"] = tuple((s, why, tuple(clauses)) for s, why, clauses in fields["passed"])
        yield Receipt(**fields)


def _table(connection: sqlite3.Connection, digest: str) -> dict[str, Any]:
    row = connection.execute("SELECT body FROM tables WHERE digest = ?", (digest,)).fetchone()
    return {} if row is None else cast("dict[str, Any]", orjson.loads(row[0]))


def _ms(day: date | None, otherwise: int) -> int:
    if day is None:
        return otherwise
    return int(datetime(day.year, day.month, day.day, tzinfo=UTC).timestamp() * 1000)


def opened(path: Path) -> sqlite3.Connection:
    """A file of receipts. Raises StorageFailure if it cannot be opened."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        connection = sqlite3.connect(path, timeout=10.0, check_same_thread=False)
        connection.executescript(f"PRAGMA journal_mode=WAL; PRAGMA synchronous=FULL; {_SCHEMA}")
    except (OSError, sqlite3.Error) as error:
        raise StorageFailure(f"`{path}` cannot be opened as a file of receipts: {error}") from None
    return connection


def verifier(public_key: Path) -> Callable[[bytes, bytes], bool]:
    """Whether a signature is over what is written. Raises InvalidInput if the public key cannot be read."""
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.serialization import load_pem_public_key

    try:
        key = load_pem_public_key(public_key.read_bytes())
    except (OSError, ValueError) as error:
        raise InvalidInput(f"the public key in `{public_key}` cannot be read: {error}") from None

    def holds(signature: bytes, written: bytes) -> bool:
        try:
            cast("Any", key).verify(signature, written)
        except InvalidSignature:
            return False
        return True

    return holds


def signer(path: Path) -> Callable[[bytes], bytes]:
    """Signs with the Ed25519 key of a file, which is made, with its public half beside it, if there is none."""
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
    from cryptography.hazmat.primitives.serialization import (
        Encoding,
        NoEncryption,
        PrivateFormat,
        PublicFormat,
        load_pem_private_key,
    )

    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        if not path.exists():
            made = Ed25519PrivateKey.generate()
            text = made.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
            handle = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
            with os.fdopen(handle, "wb") as file:
                file.write(text)
            public = made.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
            path.with_suffix(".pub").write_bytes(public)
        key = load_pem_private_key(path.read_bytes(), None)
    except (OSError, ValueError) as error:
        raise StorageFailure(f"the signing key in `{path}` cannot be used: {error}") from None
    if not isinstance(key, Ed25519PrivateKey):
        raise StorageFailure(f"the signing key in `{path}` is not an Ed25519 key")
    return key.sign
