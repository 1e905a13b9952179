"""Long ledgers in a hurry: entries as the broker writes them, chained and sealed, without deciding each of them.

A broker makes one deal on a ledger of its own, and what it wrote is the pattern of all others: only names and days
differ. `tests/contracts/test_bulk.py` holds that a broker given the same commands writes the same ledger.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any, Final

from offtake.adapters.ledger_sql import SqlLedger, open_ledger
from offtake.adapters.ledger_sql.writing import TABLES
from offtake.adapters.sealing import sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker.asking import terms_hash
from offtake.broker.commands import Answer, Award, Command, FileNeed, MakeBid
from offtake.broker.documents import canonical
from offtake.broker.entries import Entry, sealed_message
from offtake.broker.events import HolderNoticed
from offtake.broker.ports import Sealer
from offtake.broker.service import Broker
from offtake.broker.terms import Bid, Need, Notice
from offtake.domain.estate import Estate

START: Final = datetime(2026, 1, 12, 9, tzinfo=UTC)
FIRST: Final = date(2026, 2, 1)
DAYS: Final = 3_000  # On which leases begin, one after the other and round again.
TERM: Final = timedelta(days=30)
OPEN_EVERY: Final = 100  # One need in so many waits for its holder's answer.
BATCH: Final = 256  # Entries under one seal, as many as share a commit at most.
CHUNK: Final = 80 * BATCH
PATTERN: Final = "@need@"


def estate() -> Estate:
    """A seller with room, a holder with a right, a ceiling and a commitment."""
    product: dict[str, Any] = {
        "kind": "accelerator-hours",
        "region": "here",
        "accelerator": "gpu",
        "price": "2 USD/accelerator-hour",
        "limit": 100_000_000,
    }
    month = {"measure": "accelerators", "window": "month", "covers": {"providers": ["b"]}}
    return Estate.model_validate(
        {
            "offtake": 1,
            "horizon": {"from": "2026-01-01", "until": "2040-01-01"},
            "parties": {"lab": {}, "parent": {}, "b": {}, "h": {}},
            "providers": {"b": {"party": "b"}, "h": {"party": "h"}},
            "regions": {"here": {"jurisdiction": "US"}},
            "accelerators": {"gpu": {"power": "1 kW"}},
            "products": {f"{seller}-gpus": {**product, "provider": seller} for seller in ("b", "h")},
            "agreements": {
                "deal": {
                    "between": ["parent", "lab", "b", "h"],
                    "signed": "2025-01-01",
                    "clauses": {
                        "rofr": {"kind": "first-refusal", "holder": "h", "window": "10 business days"},
                        "most": {"kind": "ceiling", "upper": "90 million accelerators", **month},
                        "take": {
                            "kind": "commitment",
                            "payer": "parent",
                            "payee": "b",
                            "measure": "accelerator-hours",
                            "amount": "10000 accelerator-hours",
                            "window": "quarter",
                            "shortfall": "1 USD/accelerator-hour",
                            "covers": {"providers": ["b"]},
                        },
                    },
                }
            },
        }
    )


def opened(where: str, folder: Path) -> Broker:
    """A broker on a new ledger."""
    broker = Broker(desk(), open_ledger(where), sealer_at(folder / "key"), lambda: START)
    broker.open(estate(), rehearsed=True, by="benchmark", key="open", at=START)
    return broker


def need(id: str, day: int = 0) -> Need:
    """A need of one accelerator for a month."""
    begins = FIRST + timedelta(days=day % DAYS)
    return Need(
        id=id,
        party="lab",
        measure="accelerators",
        quantity=Decimal(1),
        begins=begins,
        ends=begins + TERM,
        currency="USD",
    )


def deal(id: str, day: int = 0) -> tuple[Command, ...]:
    """The commands of a deal: a need, its holder's no, a bid, an award."""
    made = Bid(
        id=f"{id}.b",
        need=id,
        bidder="b",
        supply="b-gpus",
        quantity=Decimal(1),
        price=Decimal(2),
        currency="USD",
    )
    return FileNeed(need=need(id, day)), Answer(need=id, holder="h"), MakeBid(bid=made), Award(need=id)


def deals(first: int) -> Iterator[tuple[str, int, int]]:
    """Name, day and number of commands of one deal after another."""
    number = first
    while True:
        yield f"g{number}", number, 1 if number % OPEN_EVERY == OPEN_EVERY - 1 else 4
        number += 1


@dataclass(frozen=True)
class _Row:
    """What the broker wrote for one command, with a pattern in the place of names and days."""

    body: str
    subject: str
    command: str
    postings: tuple[tuple[str, str, int], ...]
    told: tuple[tuple[str, str], ...]


def grow(where: str, folder: Path, count: int) -> None:
    """Makes a ledger, or goes on with one that was made here, until it has so many entries."""
    ledger, sealer = open_ledger(where), sealer_at(folder / "key")
    if not ledger.head()[0]:
        opened(where, folder).close()
    rows, notice = _patterns(folder)
    seq, previous = ledger.head()
    a_round = 4 * OPEN_EVERY - 3
    made = (seq - 1) // a_round * OPEN_EVERY
    if (seq - 1) % a_round:
        raise ValueError("the ledger ends in the middle of a round of deals")
    writing = _Writing(ledger, sealer, rows, notice, seq, previous)
    for id, day, length in deals(made):
        if writing.seq >= count and (writing.seq - 1) % a_round == 0:
            break
        writing.add(id, day, length)
    writing.flush()
    ledger.close()


class _Writing:
    """Entries on their way into the tables."""

    def __init__(
        self,
        ledger: SqlLedger,
        sealer: Sealer,
        rows: tuple[_Row, ...],
        notice: Notice,
        seq: int,
        previous: str,
    ) -> None:
        self.ledger, self.sealer, self.rows, self.notice = ledger, sealer, rows, notice
        self.seq, self.previous, self.sealed = seq, previous, seq
        self.rows_of: dict[str, list[tuple[Any, ...]]] = {table: [] for table in TABLES}

    def add(self, id: str, day: int, length: int) -> None:
        """One deal, or its first commands."""
        begins = FIRST + timedelta(days=day % DAYS)
        wanted = need(id, day)
        disclosed = tuple(
            (k, {"from": str(wanted.begins), "until": str(wanted.ends)}.get(k, v))
            for k, v in self.notice.disclosed
        )
        terms = terms_hash(replace(self.notice, id=f"{id}.1", need=id, disclosed=disclosed))
        swaps = (
            (PATTERN, id),
            ("@begins@", str(begins)),
            ("@ends@", str(begins + TERM)),
            (self.notice.terms_hash, terms),
        )
        for number, row in enumerate(self.rows[:length]):
            self._entry(row, swaps, f"{id}-{number}", id)
        if len(self.rows_of["entries"]) >= CHUNK:
            self.flush()

    def _entry(self, row: _Row, swaps: tuple[tuple[str, str], ...], key: str, id: str) -> None:
        self.seq += 1
        body = row.body
        for old, new in swaps:
            body = body.replace(old, new)
        body = body.replace("@key@", key).replace("@previous@", self.previous)
        body = body.replace('"@seq@"', str(self.seq))
        self.previous = hashlib.sha256(body.encode()).hexdigest()
        recorded = START.isoformat(timespec="microseconds")
        subject = row.subject.replace(PATTERN, id)
        self.rows_of["entries"].append((self.seq, key, recorded, row.command, subject, self.previous, body))
        for n, line in enumerate(row.postings):
            self.rows_of["postings"].append((self.seq, n, *line))
        for topic, told in row.told:
            for old, new in swaps:
                told = told.replace(old, new)  # noqa: PLW2901 -- each swap is made in what the one before left
            self.rows_of["outbox"].append((self.seq, topic, told.replace('"@seq@"', str(self.seq)), False))
        if self.seq - self.sealed == BATCH:
            self._seal()

    def _seal(self) -> None:
        if self.seq == self.sealed:
            return
        message = sealed_message(self.sealed + 1, self.seq, self.previous)
        signature = self.sealer.sign(message)
        self.rows_of["seals"].append(
            (self.seq, self.sealed + 1, self.previous, self.sealer.public_key, signature)
        )
        self.sealed = self.seq

    def flush(self) -> None:
        """Writes what is ready, in one transaction."""
        self._seal()
        with self.ledger.engine.connect() as connection:
            place = "?" if connection.dialect.name == "sqlite" else "%s"
            connection.exec_driver_sql("BEGIN")
            for table, rows in self.rows_of.items():
                names = [name for name, _ in TABLES[table]]
                places = ", ".join(place for _ in names)
                if rows:
                    connection.exec_driver_sql(
                        f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})", rows
                    )
                rows.clear()
            connection.exec_driver_sql("COMMIT")


def _patterns(folder: Path) -> tuple[tuple[_Row, ...], Notice]:
    """What a broker writes for one deal, as patterns, and the notice in it."""
    path = folder / "pattern.db"
    broker = opened(str(path), folder)
    given = [broker.submit(one, key=f"@key@{n}", at=START).entry for n, one in enumerate(deal(PATTERN))]
    written = [one for one in given if one is not None]
    kept = open_ledger(path)
    bodies = [body for _, _, body in kept.bodies(1)]
    kept.close()
    told = broker.ledger.outbox(100)
    broker.close()
    for left in folder.glob("pattern.db*"):
        left.unlink()
    (notice,) = (e.notice for entry in written for e in entry.events if isinstance(e, HolderNoticed))
    return tuple(_row(one, body, told) for one, body in zip(written, bodies, strict=True)), notice


def _row(entry: Entry, body: str, told: Sequence[tuple[int, str, str]]) -> _Row:
    plain = json.loads(body)
    for name in ("key", "previous", "seq"):
        plain[name] = f"@{name}@"
    mine: list[tuple[str, str]] = []
    for _, topic, text in told:
        said = json.loads(text)
        if said["entry"] == entry.seq:
            said["entry"] = "@seq@"
            mine.append((topic, _written(said)))
    lines = tuple((one.account, one.unit, one.amount) for one in entry.postings)
    command = entry.command
    assert command is not None
    return _Row(_written(plain), PATTERN, command.kind, lines, tuple(mine))


def _written(plain: object) -> str:
    return canonical(plain).replace(str(FIRST), "@begins@").replace(str(FIRST + TERM), "@ends@")
