"""Which deployment holds which state, in SQLite: it outlives the process, and processes on one machine share it.

What is lost with the machine is only convenience: a state whose holder is not known is refused, and the caller sends
the whole conversation. So it is written without waiting for the disk, and a file that cannot be used is done without.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path
from typing import Final

from offtake.router.affinity import Holder

MOST_ROWS: Final = 1_000_000
_WAIT_S: Final = 0.05  # For another process's write.
_COUNT_EVERY: Final = 10_000  # Rows written: counting reads them all.
_SCHEMA: Final = """
CREATE TABLE IF NOT EXISTS holders (
  name BLOB PRIMARY KEY, deployment TEXT NOT NULL, owner TEXT NOT NULL, until REAL NOT NULL) WITHOUT ROWID;
CREATE INDEX IF NOT EXISTS by_until ON holders (until);
"""


class SqliteAffinity:
    """The port `Store` of `offtake.router.affinity` over one file."""

    def __init__(self, path: Path) -> None:
        self._connection: sqlite3.Connection | None = None
        self._written = _COUNT_EVERY  # They are counted at the first write.
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            self._connection = sqlite3.connect(path, timeout=_WAIT_S, isolation_level=None)
            self._connection.execute("PRAGMA journal_mode=WAL")
            self._connection.execute("PRAGMA synchronous=OFF")
            self._connection.executescript(_SCHEMA)
        except (OSError, sqlite3.Error):
            self.close()

    def read(self, name: bytes, now: float) -> Holder | None:
        """A holder; None if none is kept, or the file cannot be read."""
        if self._connection is None:
            return None
        try:
            row = self._connection.execute(
                "SELECT deployment, owner, until FROM holders WHERE name = ? AND until > ?", (name, now)
            ).fetchone()
        except sqlite3.Error:
            return None
        return None if row is None else Holder(*row)

    def write(self, holders: list[tuple[bytes, Holder]], now: float) -> None:
        """Keeps holders; the first of a name stands. The oldest give way where there are too many."""
        if self._connection is None:
            return
        rows = [(name, *holder) for name, holder in holders]
        try:
            self._connection.execute("BEGIN IMMEDIATE")
            self._connection.execute("DELETE FROM holders WHERE until <= ?", (now,))
            self._connection.executemany("INSERT OR IGNORE INTO holders VALUES (?, ?, ?, ?)", rows)
            self._written += len(rows)
            if self._written >= _COUNT_EVERY:
                self._written = 0
                (count,) = self._connection.execute("SELECT count(*) FROM holders").fetchone()
                most = max(0, count - MOST_ROWS)
                self._connection.execute(
                    "DELETE FROM holders WHERE name IN (SELECT name FROM holders ORDER BY until LIMIT ?)",
                    (most,),
                )
            self._connection.execute("COMMIT")
        except sqlite3.Error:
            if self._connection.in_transaction:
                self._connection.execute("ROLLBACK")

    def close(self) -> None:
        """Closes the file."""
        connection, self._connection = self._connection, None
        if connection is not None:
            connection.close()
