"""The ledger port on SQLAlchemy Core. One statement set for SQLite and PostgreSQL; transactions are begun by hand, so
that a writer holds the ledger from its first read on.

SQLite: write-ahead log, `synchronous=FULL`: a commit is on the disk when it returns. PostgreSQL: `synchronous_commit`
on, and an exclusive lock of the table of entries that readers do not feel.
"""

from __future__ import annotations

import re
import zlib
from collections.abc import Generator, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC
from pathlib import Path
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import SQLAlchemyError

from offtake.adapters.ledger_sql.migrating import bring_forward
from offtake.adapters.ledger_sql.schema import documents, entries, outbox, postings, seals, snapshots
from offtake.broker.deciding import subject_of
from offtake.broker.entries import Entry, Seal, entry_body, entry_of
from offtake.broker.outgoing import topics
from offtake.domain.errors import InvalidInput, StorageFailure

WAIT_SECONDS: Final = 5.0
CHUNK: Final = 500
MAXIMUM_TOLD: Final = 1_000


def open_ledger(where: str | Path, wait_s: float = WAIT_SECONDS) -> SqlLedger:
    """The ledger in a file, or behind a `postgresql://` URL, with its tables brought forward. `wait_s` bounds the wait
    for others who hold it.

    Raises StorageFailure if it cannot be reached, InvalidInput if it is of a later version or the URL is of no kind
    that is known.
    """
    text = str(where)
    engine = _postgresql(text, wait_s) if re.match(r"[a-z0-9+]+://", text) else _sqlite(Path(text), wait_s)
    try:
        with _failing(engine):
            bring_forward(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlLedger(engine, wait_s)


def _sqlite(path: Path, wait_s: float) -> sa.Engine:
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder `{path.parent}` for the ledger")
    engine = sa.create_engine(
        f"sqlite:///{path}",
        isolation_level="AUTOCOMMIT",
        connect_args={"timeout": wait_s, "check_same_thread": False},
        poolclass=sa.QueuePool,
        pool_size=4,
        max_overflow=12,
    )

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:  # noqa: ANN401 -- the driver's own connection, which has no type here
        cursor = connection.cursor()
        cursor.execute("PRAGMA journal_mode=WAL")
        cursor.execute("PRAGMA synchronous=FULL")
        cursor.execute("PRAGMA foreign_keys=ON")
        cursor.execute(f"PRAGMA busy_timeout={int(wait_s * 1000)}")
        cursor.close()

    return engine


def _postgresql(url: str, wait_s: float) -> sa.Engine:
    scheme, _, rest = url.partition("://")
    if scheme not in ("postgresql", "postgres", "postgresql+psycopg"):
        raise InvalidInput(f"a ledger is a file or a postgresql:// URL, not {scheme}://")
    try:
        import psycopg
    except ImportError:
        raise InvalidInput(
            "PostgreSQL needs the package psycopg", hint="install it: pip install 'offtake[postgresql]'"
        ) from None
    del psycopg
    return sa.create_engine(
        f"postgresql+psycopg://{rest}",
        isolation_level="AUTOCOMMIT",
        connect_args={"connect_timeout": max(int(wait_s), 2)},
        pool_size=4,
        max_overflow=12,
        pool_pre_ping=True,
    )


@contextmanager
def _failing(engine: sa.Engine) -> Generator[None]:
    """Turns what a database raises into StorageFailure, without its address or password."""
    try:
        yield
    except SQLAlchemyError as error:
        cause = str(getattr(error, "orig", None) or error).strip().splitlines()[0]
        password = engine.url.password
        if password:
            cause = cause.replace(str(password), "…")
        raise StorageFailure(f"the ledger: {cause}", hint=_hint(cause)) from error


def _hint(cause: str) -> str:
    text = cause.casefold()
    if "locked" in text or "lock timeout" in text:
        return "another process holds it; nothing was recorded: try again with the same key"
    if "full" in text or "no space" in text:
        return "make room on its disk; nothing was recorded: try again with the same key"
    if "malformed" in text or "not a database" in text:
        return "restore it from a backup, and run `offtake ledger verify`"
    if "readonly" in text or "read-only" in text or "permission" in text:
        return "its file and folder must be writable"
    return "if it may have been recorded, the same key gives what came of it: try again"


class SqlTransaction:
    """An exclusive step of a ledger; see :class:`offtake.broker.ports.Transaction`."""

    def __init__(self, connection: sa.Connection) -> None:
        self._connection = connection

    def head(self) -> tuple[int, str]:
        """The number and hash of the last entry."""
        return _head(self._connection)

    def entries(self, after: int) -> Iterator[Entry]:
        """The entries after a number, in order."""
        return _entries(self._connection, after, None)

    def found(self, keys: Sequence[str]) -> dict[str, Entry]:
        """The entries of idempotency keys."""
        asked = sa.select(entries.c.key, entries.c.body, entries.c.hash).where(entries.c.key.in_(keys))
        return {row.key: entry_of(row.body, row.hash) for row in self._connection.execute(asked)}

    def append(self, added: Sequence[Entry], seal: Seal | None) -> None:
        """Adds entries with their postings, what others must be told, and the seal."""
        self._connection.execute(sa.insert(entries), [_row(entry) for entry in added])
        lines = [
            {
                "seq": entry.seq,
                "line": n,
                "account": posting.account,
                "unit": posting.unit,
                "amount": posting.amount,
            }
            for entry in added
            for n, posting in enumerate(entry.postings)
        ]
        if lines:
            self._connection.execute(sa.insert(postings), lines)
        told = [
            {"seq": entry.seq, "topic": topic, "body": body, "told": False}
            for entry in added
            for topic, body in topics(entry)
        ]
        if told:
            self._connection.execute(sa.insert(outbox), told)
        if seal is not None:
            self._connection.execute(
                sa.insert(seals),
                {
                    "last": seal.last,
                    "first": seal.first,
                    "hash": seal.hash,
                    "key": seal.key,
                    "signature": seal.signature,
                },
            )

    def keep(self, digest: str, kind: str, document: str) -> None:
        """Keeps a document under its hash."""
        held = self._connection.execute(sa.select(documents.c.hash).where(documents.c.hash == digest)).first()
        if held is None:
            self._connection.execute(sa.insert(documents), {"hash": digest, "kind": kind, "body": document})

    def keep_snapshot(self, seq: int, digest: str, body: str) -> None:
        """Keeps a snapshot in the place of earlier ones."""
        packed = zlib.compress(body.encode(), 1)
        self._connection.execute(sa.delete(snapshots))
        self._connection.execute(sa.insert(snapshots), {"seq": seq, "hash": digest, "body": packed})


class SqlLedger:
    """A ledger in a relational database; see :class:`offtake.broker.ports.Ledger`."""

    def __init__(self, engine: sa.Engine, wait_s: float = WAIT_SECONDS) -> None:
        self._engine = engine
        self._wait_ms = int(wait_s * 1000)

    @property
    def engine(self) -> sa.Engine:
        """The database, for those who look at it from outside."""
        return self._engine

    @contextmanager
    def transaction(self) -> Generator[SqlTransaction]:
        """An exclusive step: durable once it ends without an error, and nothing of it otherwise."""
        with _failing(self._engine):
            connection = self._engine.connect()
            try:
                for statement in self._begin():
                    connection.exec_driver_sql(statement)
                try:
                    yield SqlTransaction(connection)
                    connection.exec_driver_sql("COMMIT")
                except BaseException:
                    self._roll_back(connection)
                    raise
            finally:
                connection.close()

    def _begin(self) -> tuple[str, ...]:
        if self._engine.dialect.name == "sqlite":
            return ("BEGIN IMMEDIATE",)
        return (
            "BEGIN",
            f"SET LOCAL lock_timeout = '{self._wait_ms}ms'",
            "SET LOCAL synchronous_commit = on",
            "LOCK TABLE entries IN EXCLUSIVE MODE",
        )

    def _roll_back(self, connection: sa.Connection) -> None:
        try:
            connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError:
            # The connection is gone, and the database has rolled back by itself.
            connection.invalidate()

    @contextmanager
    def _reading(self) -> Generator[sa.Connection]:
        with _failing(self._engine), self._engine.connect() as connection:
            yield connection

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """The entries after a number, up to another."""
        with self._reading() as connection:
            yield from _entries(connection, after, until)

    def bodies(self, after: int = 0) -> Iterator[tuple[int, str, str]]:
        """Number, hash and body of the entries after a number, as they are kept."""
        with self._reading() as connection:
            yield from _bodies(connection, after, None)

    def head(self) -> tuple[int, str]:
        """The number and hash of the last entry."""
        with self._reading() as connection:
            return _head(connection)

    def document(self, digest: str) -> str | None:
        """A document by its hash."""
        with self._reading() as connection:
            return connection.execute(sa.select(documents.c.body).where(documents.c.hash == digest)).scalar()

    def documents(self) -> Iterator[tuple[str, str, str]]:
        """Hash, kind and body of every document."""
        with self._reading() as connection:
            for row in connection.execute(sa.select(documents).order_by(documents.c.hash)):
                yield row.hash, row.kind, row.body

    def seals(self) -> Iterator[Seal]:
        """All seals, in order."""
        with self._reading() as connection:
            for row in connection.execute(sa.select(seals).order_by(seals.c.last)):
                yield Seal(
                    first=row.first, last=row.last, hash=row.hash, key=row.key, signature=row.signature
                )

    def snapshot(self) -> tuple[int, str, str] | None:
        """The last snapshot."""
        with self._reading() as connection:
            row = connection.execute(sa.select(snapshots).order_by(snapshots.c.seq.desc()).limit(1)).first()
        return None if row is None else (row.seq, row.hash, zlib.decompress(row.body).decode())

    def keep_snapshot(self, seq: int, digest: str, body: str) -> None:
        """Keeps a snapshot in the place of earlier ones."""
        with self.transaction() as transaction:
            transaction.keep_snapshot(seq, digest, body)

    def outbox(self, limit: int = MAXIMUM_TOLD) -> Sequence[tuple[int, str, str]]:
        """What others must still be told, oldest first."""
        waiting = sa.select(outbox.c.number, outbox.c.topic, outbox.c.body).where(outbox.c.told.is_(False))
        with self._reading() as connection:
            rows = connection.execute(waiting.order_by(outbox.c.number).limit(min(limit, MAXIMUM_TOLD))).all()
        return [(row.number, row.topic, row.body) for row in rows]

    def told(self, numbers: Sequence[int]) -> None:
        """Marks what others were told."""
        with self._reading() as connection:
            connection.execute(sa.update(outbox).where(outbox.c.number.in_(numbers)).values(told=True))

    def balances(self, prefix: str = "") -> Sequence[tuple[str, str, int]]:
        """The sum of postings by account and unit."""
        total = sa.func.sum(postings.c.amount)
        asked = sa.select(postings.c.account, postings.c.unit, total)
        if prefix:
            asked = asked.where(postings.c.account.startswith(prefix, autoescape=True))
        asked = asked.group_by(postings.c.account, postings.c.unit).order_by(
            postings.c.account, postings.c.unit
        )
        with self._reading() as connection:
            return [(account, unit, int(amount)) for account, unit, amount in connection.execute(asked)]

    def postings(self) -> Iterator[tuple[int, int, str, str, int]]:
        """Every line as it is kept: entry, line, account, unit, amount."""
        with self._reading() as connection:
            for row in connection.execute(sa.select(postings).order_by(postings.c.seq, postings.c.line)):
                yield row.seq, row.line, row.account, row.unit, row.amount

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()


def _head(connection: sa.Connection) -> tuple[int, str]:
    row = connection.execute(
        sa.select(entries.c.seq, entries.c.hash).order_by(entries.c.seq.desc()).limit(1)
    ).first()
    return (0, "") if row is None else (row.seq, row.hash)


def _bodies(connection: sa.Connection, after: int, until: int | None) -> Iterator[tuple[int, str, str]]:
    asked = sa.select(entries.c.seq, entries.c.hash, entries.c.body).order_by(entries.c.seq).limit(CHUNK)
    while True:
        these = asked.where(entries.c.seq > after)
        rows = connection.execute(these if until is None else these.where(entries.c.seq <= until)).all()
        for row in rows:
            yield row.seq, row.hash, row.body
        if len(rows) < CHUNK:
            return
        after = rows[-1].seq


def _entries(connection: sa.Connection, after: int, until: int | None) -> Iterator[Entry]:
    for _, digest, body in _bodies(connection, after, until):
        yield entry_of(body, digest)


def _row(entry: Entry) -> dict[str, object]:
    return {
        "seq": entry.seq,
        "key": entry.key,
        "recorded": entry.recorded.astimezone(UTC).isoformat(timespec="microseconds"),
        "command": "open" if entry.command is None else entry.command.kind,
        "subject": None if entry.command is None else subject_of(entry.command),
        "hash": entry.hash,
        "body": entry_body(entry),
    }
