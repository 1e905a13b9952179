"""Headroom shared through a database: SQLite in a file for one machine, PostgreSQL for several.

One transaction for all words of a member. SQLite admits one writer at a time (`BEGIN IMMEDIATE`); in PostgreSQL the
rows of the accounts are locked in the order of their names, so that members of other accounts do not wait. Amounts are
whole pico-units and may be longer than 64 bits, so they are kept as text and counted by
:func:`offtake.router.headroom.exchanged`, which is the same for every store.
"""

from __future__ import annotations

import contextlib
import re
import sqlite3
import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from pathlib import Path
from threading import Lock
from typing import Any, Final, Protocol

from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.router.headroom import (
    FORGIVEN_AFTER_S,
    NO_ACCOUNT,
    NO_SHARE,
    SILENT_AFTER_S,
    Account,
    Share,
    Standing,
    Word,
    changed,
    ended,
    exchanged,
    silenced,
)

WAIT_S: Final = 2.0  # For others' transactions, and for a database that does not answer.
KEPT_S: Final = 3600.0  # A window's rows stay so long after its end.
_TIDY_EVERY: Final = 50  # Exchanges of a process between two looks for what has ended.
_FOREVER: Final = 1e18  # The end of a window that has none.
Key = tuple[str, float]

_TABLES: Final = (
    """CREATE TABLE IF NOT EXISTS headroom_accounts (
         account TEXT NOT NULL, ends DOUBLE PRECISION NOT NULL, settled TEXT NOT NULL, authorised TEXT NOT NULL,
         PRIMARY KEY (account, ends))""",
    """CREATE TABLE IF NOT EXISTS headroom_shares (
         member TEXT NOT NULL, account TEXT NOT NULL, ends DOUBLE PRECISION NOT NULL,
         settled TEXT NOT NULL, held TEXT NOT NULL, authorised TEXT NOT NULL,
         PRIMARY KEY (member, account, ends))""",
    """CREATE TABLE IF NOT EXISTS headroom_members (
         member TEXT PRIMARY KEY, origin TEXT NOT NULL, seen DOUBLE PRECISION NOT NULL, state TEXT NOT NULL)""",
)
_SEEN: Final = """INSERT INTO headroom_members (member, origin, seen, state) VALUES (?, ?, ?, 'lives')
  ON CONFLICT (member) DO UPDATE SET seen = excluded.seen, state = 'lives'"""
_SET_SHARE: Final = """INSERT INTO headroom_shares (settled, held, authorised, member, account, ends)
  VALUES (?, ?, ?, ?, ?, ?) ON CONFLICT (member, account, ends) DO UPDATE SET
  settled = excluded.settled, held = excluded.held, authorised = excluded.authorised"""
_SET_ACCOUNT: Final = (
    "UPDATE headroom_accounts SET settled = ?, authorised = ? WHERE account = ? AND ends = ?"
)
_NEW_ACCOUNT: Final = """INSERT INTO headroom_accounts (account, ends, settled, authorised) VALUES (?, ?, '0', '0')
  ON CONFLICT (account, ends) DO NOTHING"""


class _Database(Protocol):
    """What differs between the two."""

    def connect(self) -> Any: ...  # noqa: ANN401 -- a DB-API connection, which has no common type

    def statement(self, text: str) -> str: ...

    begin: str
    first: tuple[str, ...]  # What keeps two that make the tables at once apart.
    locks: str
    errors: tuple[type[Exception], ...]
    name: str


class _Sqlite:
    begin, locks = "BEGIN IMMEDIATE", ""
    first: tuple[str, ...] = ()
    errors: tuple[type[Exception], ...] = (sqlite3.Error,)

    def __init__(self, path: Path) -> None:
        self._path = path
        self.name = f"the file `{path}`"

    def connect(self) -> sqlite3.Connection:
        connection = sqlite3.connect(
            self._path, timeout=WAIT_S, isolation_level=None, check_same_thread=False
        )
        # A commit survives the process; one that is lost with the power is counted again from the receipts.
        connection.execute("PRAGMA journal_mode=WAL")
        connection.execute("PRAGMA synchronous=NORMAL")
        return connection

    def statement(self, text: str) -> str:
        return text


class _Postgresql:
    begin, locks = "BEGIN", " FOR UPDATE"
    first: tuple[str, ...] = ("SELECT pg_advisory_xact_lock(7110017)",)

    def __init__(self, url: str) -> None:
        try:
            import psycopg
        except ImportError:
            raise InvalidInput(
                "meters in PostgreSQL need the package psycopg",
                hint="install it: pip install 'offtake[postgresql]'",
            ) from None
        self._url = re.sub(r"^postgres(ql)?(\+psycopg)?://", "postgresql://", url)
        self._psycopg = psycopg
        self.errors: tuple[type[Exception], ...] = (psycopg.Error, OSError)
        self.name = "the database of the meters"

    def connect(self) -> Any:  # noqa: ANN401 -- as above
        connection = self._psycopg.connect(self._url, autocommit=True, connect_timeout=max(int(WAIT_S), 2))
        bound = f"{int(WAIT_S * 1000)}ms"
        connection.execute(f"SET statement_timeout = '{bound}'".encode())
        connection.execute(f"SET lock_timeout = '{bound}'".encode())
        return connection

    def statement(self, text: str) -> str:
        return text.replace("?", "%s")


def open_headroom(where: str | Path, clock: Callable[[], float] = time.time) -> SqlHeadroom:
    """Headroom in a file, or behind a `postgresql://` URL. Raises StorageFailure if it cannot be reached.

    `clock` is in seconds since the epoch; machines that share a database must agree on it to within a second.
    """
    text = str(where)
    scheme = re.match(r"([a-z0-9+]+)://", text)
    if scheme is None:
        return SqlHeadroom(_Sqlite(Path(text)), clock)
    if scheme[1] not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise InvalidInput(f"meters are shared in a file or behind a postgresql:// URL, not {scheme[1]}://")
    return SqlHeadroom(_Postgresql(text), clock)


class SqlHeadroom:
    """Headroom in a database; see :class:`offtake.router.ports.Headroom`."""

    def __init__(self, database: _Database, clock: Callable[[], float]) -> None:
        self._database = database
        self._clock = clock
        self._lock = Lock()
        self._connection: Any = None
        self._turn = 0
        self._in_transaction(lambda run: [run(text) for text in (*database.first, *_TABLES)])

    def join(self, member: str, origin: str) -> None:
        """A member begins."""
        self._in_transaction(lambda run: run(_SEEN, (member, origin, self._clock())))

    def exchange(self, member: str, words: Sequence[Word]) -> Sequence[Standing]:
        """What a member is told for its words."""
        self._turn += 1
        tidy = self._turn % _TIDY_EVERY == 1

        def work(run: _Run) -> list[Standing]:
            now = self._clock()
            run(_SEEN, (member, "", now))
            if tidy:
                _tidy(run, now)
            _silence(run, now, self._database.locks)
            keys = {(word.account, min(word.ends, _FOREVER)) for word in words}
            accounts, shares = _read(run, member, keys, self._database.locks)
            told: list[Standing] = []
            for word in words:
                key = (word.account, min(word.ends, _FOREVER))
                account, share, standing = exchanged(
                    accounts.get(key, NO_ACCOUNT), shares.get(key, NO_SHARE), word
                )
                accounts[key], shares[key] = account, share
                told.append(standing)
            _write(run, member, accounts, shares, keys)
            return told

        return self._in_transaction(work)

    def leave(self, member: str, settled: Mapping[Key, int]) -> None:
        """A member has ended."""
        totals = {(account, min(ends, _FOREVER)): total for (account, ends), total in settled.items()}

        def work(run: _Run) -> None:
            known = run("SELECT account, ends FROM headroom_shares WHERE member = ?", (member,))
            keys = {*((account, ends) for account, ends in known), *totals}
            accounts, shares = _read(run, member, keys, self._database.locks)
            for key in keys:
                before = shares.get(key, NO_SHARE)
                shares[key] = ended(before, totals.get(key, 0))
                accounts[key] = changed(accounts.get(key, NO_ACCOUNT), before, shares[key])
            _write(run, member, accounts, shares, keys)
            run("UPDATE headroom_members SET state = 'left' WHERE member = ?", (member,))

        self._in_transaction(work)

    def unsettled(self, origin: str) -> Sequence[str]:
        """Members that have not left."""
        return self._members("origin = ? AND state <> 'left'", origin)

    def ended(self, origin: str) -> Sequence[str]:
        """Members that have left."""
        return self._members("origin = ? AND state = 'left'", origin)

    def members(self) -> int:
        """Members that are heard of."""
        return len(self._members("seen > ? AND state = 'lives'", self._clock() - SILENT_AFTER_S))

    def _members(self, which: str, value: str | float) -> Sequence[str]:
        asked = f"SELECT member FROM headroom_members WHERE {which} ORDER BY member"  # noqa: S608 -- of this file's own words
        return [row[0] for row in self._in_transaction(lambda run: run(asked, (value,)))]

    def close(self) -> None:
        """Lets go of the connection."""
        with self._lock:
            self._drop()

    def _drop(self) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(*self._database.errors):  # It may be gone already.
                connection.close()

    def _in_transaction(self, work: Callable[[_Run], Any]) -> Any:  # noqa: ANN401 -- whatever the work gives
        with self._lock:
            try:
                if self._connection is None:
                    self._connection = self._database.connect()
                cursor = self._connection.cursor()
                cursor.execute(self._database.begin)
                found = work(_Run(cursor, self._database.statement))
                cursor.execute("COMMIT")
            except self._database.errors as error:
                # The connection's transaction ends with it; the next word begins on a new one.
                self._drop()
                why = str(error).strip().splitlines()[:1] or [type(error).__name__]
                why = re.sub(r"://[^@\s]*@", "://…@", why[0])
                raise StorageFailure(f"{self._database.name} cannot be reached: {why}") from None
            return found


class _Run:
    """Runs statements of a transaction; what they select comes back."""

    def __init__(self, cursor: Any, statement: Callable[[str], str]) -> None:  # noqa: ANN401 -- a DB-API cursor
        self._cursor = cursor
        self._statement = statement

    def __call__(self, text: str, values: Sequence[object] = ()) -> list[Any]:
        self._cursor.execute(self._statement(text), values)
        return self._cursor.fetchall() if self._cursor.description is not None else []

    def many(self, text: str, rows: Sequence[Sequence[object]]) -> None:
        if rows:
            self._cursor.executemany(self._statement(text), rows)


def _read(
    run: _Run, member: str, keys: Iterable[Key], locks: str
) -> tuple[dict[Key, Account], dict[Key, Share]]:
    """The rows of accounts and of a member's shares, the accounts locked in the order of their names."""
    ordered = sorted(keys)
    if not ordered:
        return {}, {}
    run.many(_NEW_ACCOUNT, ordered)
    names = sorted({account for account, _ in ordered})
    marks = ", ".join("?" * len(names))
    wanted = set(ordered)
    accounts = {
        (account, ends): Account(int(settled), int(authorised))
        for account, ends, settled, authorised in run(
            f"SELECT account, ends, settled, authorised FROM headroom_accounts WHERE account IN ({marks}) "  # noqa: S608 -- marks alone
            f"ORDER BY account, ends{locks}",
            names,
        )
        if (account, ends) in wanted
    }
    shares = {
        (account, ends): Share(int(settled), int(held), int(authorised))
        for account, ends, settled, held, authorised in run(
            "SELECT account, ends, settled, held, authorised FROM headroom_shares "  # noqa: S608 -- marks alone
            f"WHERE member = ? AND account IN ({marks})",
            (member, *names),
        )
        if (account, ends) in wanted
    }
    return accounts, shares


def _write(
    run: _Run, member: str, accounts: Mapping[Key, Account], shares: Mapping[Key, Share], keys: Iterable[Key]
) -> None:
    ordered = sorted(keys)
    run.many(_SET_ACCOUNT, [(str(accounts[k].settled), str(accounts[k].authorised), *k) for k in ordered])
    run.many(
        _SET_SHARE,
        [
            (str(shares[k].settled), str(shares[k].held), str(shares[k].authorised), member, *k)
            for k in ordered
        ],
    )


def _silence(run: _Run, now: float, locks: str) -> None:
    """Takes back what members that are not heard of had not used; in the end also what they held."""
    for state, after, then in (
        ("lives", SILENT_AFTER_S, "silent"),
        ("silent", FORGIVEN_AFTER_S, "forgiven"),
    ):
        gone = run(
            f"SELECT member, seen FROM headroom_members WHERE state = ? AND seen <= ? ORDER BY member{locks}",  # noqa: S608 -- of this file's own words
            (state, now - after),
        )
        for member, seen in gone:
            known = run("SELECT account, ends FROM headroom_shares WHERE member = ?", (member,))
            keys = {(account, ends) for account, ends in known}
            accounts, shares = _read(run, member, keys, locks)
            for key in keys:
                before = shares[key]
                shares[key] = silenced(before, now - seen)
                accounts[key] = changed(accounts[key], before, shares[key])
            _write(run, member, accounts, shares, keys)
            run("UPDATE headroom_members SET state = ? WHERE member = ?", (then, member))


def _tidy(run: _Run, now: float) -> None:
    """Rows of windows that are long over go."""
    for table in ("headroom_shares", "headroom_accounts"):
        run(f"DELETE FROM {table} WHERE ends < ?", (now - KEPT_S,))  # noqa: S608 -- of this file's own names
