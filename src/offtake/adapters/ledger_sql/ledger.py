"""The ledger port on SQLite and PostgreSQL. Transactions are begun by hand, so that a writer holds the ledger from its
first read on.

SQLite: write-ahead log, `synchronous=FULL`: a commit is on the disk when it returns. PostgreSQL: `synchronous_commit`
on, and an exclusive lock of the table of entries that readers do not feel.
"""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import count
from pathlib import Path
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from offtake.adapters.ledger_sql.connecting import engine_of, failing
from offtake.adapters.ledger_sql.migrating import bring_forward
from offtake.adapters.ledger_sql.reading import bodies_of, head_of, lines_of
from offtake.adapters.ledger_sql.schema import documents, outbox, postings, seals, snapshots
from offtake.adapters.ledger_sql.writing import SqlTransaction
from offtake.broker.entries import Entry, Happening, Seal, entry_of, happening_of

WAIT_SECONDS: Final = 5.0
MAXIMUM_TOLD: Final = 1_000
ALONE: Final = {"sqlite": "BEGIN IMMEDIATE", "postgresql": "BEGIN"}  # Of what is no entry.
BEGIN: Final = {
    "sqlite": "BEGIN IMMEDIATE",
    # One trip: a statement without values may be several.
    "postgresql": "BEGIN; LOCK TABLE entries IN EXCLUSIVE MODE",
}


def open_ledger(where: str | Path, wait_s: float = WAIT_SECONDS) -> SqlLedger:
    """The ledger in a file, or behind a `postgresql://` URL, with its tables brought forward. `wait_s` bounds the wait
    for others who hold it.

    Raises StorageFailure if it cannot be reached, InvalidInput if it is of a later version or the URL is of no kind
    that is known.
    """
    engine = engine_of(str(where), wait_s)
    try:
        with failing(engine):
            bring_forward(engine)
    except BaseException:
        engine.dispose()
        raise
    return SqlLedger(engine)


class SqlLedger:
    """A ledger in a relational database; see :class:`offtake.broker.ports.Ledger`."""

    def __init__(self, engine: sa.Engine) -> None:
        self._engine = engine

    @property
    def engine(self) -> sa.Engine:
        """The database, for those who look at it from outside."""
        return self._engine

    @contextmanager
    def transaction(self) -> Generator[SqlTransaction]:
        """An exclusive step: durable once it ends without an error, and nothing of it otherwise."""
        with self._step(BEGIN[self._engine.dialect.name]) as connection:
            yield SqlTransaction(connection)

    @contextmanager
    def _step(self, begin: str) -> Generator[sa.Connection]:
        with failing(self._engine):
            connection = self._engine.connect()
            try:
                connection.exec_driver_sql(begin)
                yield connection
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                self._roll_back(connection)
                raise
            finally:
                connection.close()

    def _roll_back(self, connection: sa.Connection) -> None:
        try:
            connection.exec_driver_sql("ROLLBACK")
        except SQLAlchemyError:
            # The connection is gone, and the database has rolled back by itself.
            connection.invalidate()

    @contextmanager
    def _reading(self) -> Generator[sa.Connection]:
        with failing(self._engine), self._engine.connect() as connection:
            yield connection

    def entries(self, after: int = 0, until: int | None = None) -> Iterator[Entry]:
        """The entries after a number, up to another."""
        with self._reading() as connection:
            for _, digest, body in bodies_of(connection, after, until):
                yield entry_of(body, digest)

    def happenings(self, after: int = 0) -> Iterator[Happening]:
        """What happened by the entries after a number."""
        with self._reading() as connection:
            for _, digest, body in bodies_of(connection, after):
                yield happening_of(body, digest)

    def bodies(self, after: int = 0) -> Iterator[tuple[int, str, str]]:
        """Number, hash and body of the entries after a number, as they are kept."""
        with self._reading() as connection:
            yield from bodies_of(connection, after)

    def head(self) -> tuple[int, str]:
        """The number and hash of the last entry."""
        with self._reading() as connection:
            return head_of(connection)

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

    def snapshot(self) -> tuple[int, str, Iterable[str]] | None:
        """The last snapshot of which all parts are there."""
        whole = sa.select(snapshots.c.seq, snapshots.c.hash).where(snapshots.c.last.is_(True))
        with self._reading() as connection:
            row = connection.execute(whole.order_by(snapshots.c.seq.desc()).limit(1)).first()
        return None if row is None else (row.seq, row.hash, self._parts(row.seq))

    def _parts(self, seq: int) -> Iterator[str]:
        with self._reading() as connection:
            for n in count():
                part = sa.select(snapshots.c.body).where(snapshots.c.seq == seq, snapshots.c.part == n)
                body = connection.execute(part).scalar()
                if body is None:
                    return
                yield zlib.decompress(body).decode()

    def keep_snapshot(self, seq: int, digest: str, parts: Iterable[str]) -> None:
        """Keeps a snapshot in the place of earlier ones, part by part, so that no writer waits for all of it."""
        with self._step(ALONE[self._engine.dialect.name]) as connection:
            connection.execute(sa.delete(snapshots).where(snapshots.c.seq == seq))
        n, ready = 0, None
        for part in parts:
            if ready is not None:
                self._keep_part(seq, n, digest, ready)
                n += 1
            ready = part
        if ready is None:
            return
        with self._step(ALONE[self._engine.dialect.name]) as connection:
            connection.execute(sa.delete(snapshots).where(snapshots.c.seq != seq))
            connection.execute(sa.insert(snapshots), _part(seq, n, digest, ready, last=True))

    def _keep_part(self, seq: int, n: int, digest: str, part: str) -> None:
        with self._step(ALONE[self._engine.dialect.name]) as connection:
            connection.execute(sa.insert(snapshots), _part(seq, n, digest, part, last=False))

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
            yield from lines_of(connection)

    def close(self) -> None:
        """Lets go of the database."""
        self._engine.dispose()


def _part(seq: int, n: int, digest: str, part: str, *, last: bool) -> dict[str, object]:
    return {"seq": seq, "part": n, "hash": digest, "last": last, "body": zlib.compress(part.encode(), 1)}
