"""An exclusive step of a ledger: what is read in it, and what it adds.

Every statement is a trip to the database, and for PostgreSQL that is most of what a command costs: one asks for
everything that a batch must know, and one adds everything that it adds.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import UTC
from typing import Any, Final

import sqlalchemy as sa

from offtake.adapters.ledger_sql.reading import bodies_of, place
from offtake.adapters.ledger_sql.schema import documents
from offtake.broker.deciding import subject_of
from offtake.broker.documents import compact
from offtake.broker.entries import Entry, Happening, Seal, Written, entry_of, happening_of
from offtake.broker.outgoing import topics

Columns = tuple[tuple[str, str], ...]
"""The columns of a table that are written, each with its type."""

TABLES: Final[dict[str, Columns]] = {
    "entries": (
        ("seq", "bigint"),
        ("key", "text"),
        ("recorded", "text"),
        ("command", "text"),
        ("subject", "text"),
        ("hash", "text"),
        ("body", "text"),
    ),
    "postings": (
        ("seq", "bigint"),
        ("line", "int"),
        ("account", "text"),
        ("unit", "text"),
        ("amount", "bigint"),
    ),
    "outbox": (("seq", "bigint"), ("topic", "text"), ("body", "text"), ("told", "bool")),
    "seals": (
        ("last", "bigint"),
        ("first", "bigint"),
        ("hash", "text"),
        ("key", "text"),
        ("signature", "text"),
    ),
}
Rows = dict[str, list[tuple[Any, ...]]]


class SqlTransaction:
    """See :class:`offtake.broker.ports.Transaction`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def look(self, keys: Sequence[str]) -> tuple[int, dict[str, Entry]]:
        """The number of the last entry, and the entries of idempotency keys."""
        value = place(self._connection)
        wanted = f"key IN ({', '.join([value] * len(keys))})" if keys else "1 = 0"
        values: tuple[object, ...] = tuple(keys)
        if self._connection.dialect.name != "sqlite":
            wanted, values = "key = ANY(%s)", (list(keys),)  # The same statement for any number of keys.
        asked = (
            f"SELECT seq, key, hash, body FROM entries WHERE {wanted} "  # noqa: S608 -- no value is in it
            "UNION ALL SELECT max(seq), NULL, NULL, NULL FROM entries"
        )
        last, found = 0, dict[str, Entry]()
        for seq, key, digest, body in self._connection.exec_driver_sql(asked, values):
            if key is None:
                last = seq or 0
            else:
                found[key] = entry_of(body, digest)
        return last, found

    def happenings(self, after: int) -> Iterator[Happening]:
        """What happened by the entries after a number, in order."""
        for _, digest, body in bodies_of(self._connection, after):
            yield happening_of(body, digest)

    def append(self, added: Sequence[Written], seal: Seal | None) -> None:
        """Adds entries with their postings, what others must be told, and the seal."""
        rows = rows_of(added, seal)
        if self._connection.dialect.name == "sqlite":
            for table, lines in rows.items():
                if lines:
                    self._connection.exec_driver_sql(_insert(table), lines)
            return
        filled = {table: lines for table, lines in rows.items() if lines}
        values = tuple(compact([_named(table, line) for line in lines]) for table, lines in filled.items())
        self._connection.exec_driver_sql(_insert_all(tuple(filled)), values)

    def keep(self, digest: str, kind: str, document: str) -> None:
        """Keeps a document under its hash."""
        held = self._connection.execute(sa.select(documents.c.hash).where(documents.c.hash == digest)).first()
        if held is None:
            self._connection.execute(sa.insert(documents), {"hash": digest, "kind": kind, "body": document})


def rows_of(added: Sequence[Written], seal: Seal | None) -> Rows:
    """What entries and their seal are in the tables."""
    return {
        "entries": [_row(one) for one in added],
        "postings": [
            (one.entry.seq, n, line.account, line.unit, line.amount)
            for one in added
            for n, line in enumerate(one.entry.postings)
        ],
        "outbox": [(one.entry.seq, topic, body, False) for one in added for topic, body in topics(one.entry)],
        "seals": [] if seal is None else [(seal.last, seal.first, seal.hash, seal.key, seal.signature)],
    }


def _row(one: Written) -> tuple[Any, ...]:
    entry = one.entry
    return (
        entry.seq,
        entry.key,
        entry.recorded.astimezone(UTC).isoformat(timespec="microseconds"),
        "open" if entry.command is None else entry.command.kind,
        None if entry.command is None else subject_of(entry.command),
        entry.hash,
        one.body,
    )


def _insert(table: str) -> str:
    names = [name for name, _ in TABLES[table]]
    places = ", ".join("?" for _ in names)
    return f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})"  # noqa: S608 -- names of our own


def _insert_all(tables: tuple[str, ...]) -> str:
    """One statement of PostgreSQL's for all tables, the same for any number of rows: those of a table are one JSON."""
    *others, last = (_insert_json(table) for table in tables)
    first = ", ".join(f"added_{n} AS ({part})" for n, part in enumerate(others))
    return f"WITH {first} {last}" if first else last


def _insert_json(table: str) -> str:
    names = ", ".join(name for name, _ in TABLES[table])
    typed = ", ".join(f"{name} {kind}" for name, kind in TABLES[table])
    return f"INSERT INTO {table} ({names}) SELECT {names} FROM json_to_recordset(%s::json) AS rows({typed})"  # noqa: S608 -- names of our own


def _named(table: str, line: tuple[Any, ...]) -> dict[str, Any]:
    return {name: value for (name, _), value in zip(TABLES[table], line, strict=True)}
