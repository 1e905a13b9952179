"""Entries as they are kept, read in runs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

import sqlalchemy as sa

CHUNK: Final = 1_000  # Bodies at once: about a megabyte.


def place(connection: sa.Connection) -> str:
    """How the driver writes the place of a value in a statement."""
    return "?" if connection.dialect.name == "sqlite" else "%s"


def head_of(connection: sa.Connection) -> tuple[int, str]:
    """The number and hash of the last entry; (0, "") if there is none."""
    row = connection.exec_driver_sql("SELECT seq, hash FROM entries ORDER BY seq DESC LIMIT 1").first()
    return (0, "") if row is None else (row[0], row[1])


def bodies_of(
    connection: sa.Connection, after: int, until: int | None = None
) -> Iterator[tuple[int, str, str]]:
    """Number, hash and body of the entries after a number, up to another, in order."""
    value = place(connection)
    last = 2**62 if until is None else until
    asked = (
        f"SELECT seq, hash, body FROM entries WHERE seq > {value} AND seq <= {value} "  # noqa: S608 -- no value is in it
        f"ORDER BY seq LIMIT {CHUNK}"
    )
    while True:
        rows = connection.exec_driver_sql(asked, (after, last)).fetchall()
        for row in rows:
            yield row[0], row[1], row[2]
        if len(rows) < CHUNK:
            return
        after = rows[-1][0]


def lines_of(connection: sa.Connection) -> Iterator[tuple[int, int, str, str, int]]:
    """Every posting: entry, line, account, unit, amount."""
    value = place(connection)
    asked = (
        "SELECT seq, line, account, unit, amount FROM postings "  # noqa: S608 -- no value is in it
        f"WHERE seq > {value} AND seq <= {value} ORDER BY seq, line"
    )
    last, _ = head_of(connection)
    for after in range(0, last, CHUNK):
        for row in connection.exec_driver_sql(asked, (after, after + CHUNK)):
            yield row[0], row[1], row[2], row[3], row[4]
