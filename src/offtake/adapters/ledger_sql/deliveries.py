"""How far each subscriber of a ledger's outbox has been told, and what was given up: kept in the ledger's own database.

These two tables are no part of the ledger's revision, and no auditor reads them: they are made when a service first
tells somebody. Were they lost, messages would be told again, under the numbers that they had.
"""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from typing import Final

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError

from offtake.adapters.ledger_sql.ledger import SqlLedger
from offtake.adapters.ledger_sql.schema import outbox
from offtake.domain.errors import StorageFailure

MAXIMUM_LISTED: Final = 1_000
metadata = sa.MetaData()

deliveries = sa.Table(
    "deliveries",
    metadata,
    sa.Column("hook", sa.Text, primary_key=True),
    sa.Column("host", sa.Text, nullable=False),
    sa.Column(
        "told_to", sa.BigInteger, nullable=False
    ),  # The last message that it has, or that was given up.
    sa.Column("tries", sa.Integer, nullable=False),  # Of the message after it.
    sa.Column("again_at", sa.Float, nullable=False),  # Seconds since 1970 before which it is not tried again.
)

dead_letters = sa.Table(
    "dead_letters",
    metadata,
    sa.Column("hook", sa.Text, primary_key=True),
    sa.Column("number", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("why", sa.Text, nullable=False),
    sa.Column("given_up", sa.Text, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Cursor:
    """How far a subscriber has been told, and how often the message after it was tried."""

    hook: str
    host: str
    told_to: int
    tries: int
    again_at: float


@dataclass(frozen=True, slots=True)
class DeadLetter:
    """A message that was given up."""

    hook: str
    number: int
    topic: str
    why: str
    given_up: str


Message = tuple[int, str, str]  # Number, topic, body.


class Deliveries:
    """The subscribers of a ledger's outbox. Raises StorageFailure if the database cannot be used."""

    def __init__(self, ledger: SqlLedger) -> None:
        self._engine = ledger.engine
        with self._failing():
            metadata.create_all(self._engine)

    @contextmanager
    def _failing(self) -> Generator[None]:
        try:
            yield
        except SQLAlchemyError as error:
            # A database's own words may hold its address; who needs them has its log.
            raise StorageFailure(
                f"what subscribers have been told cannot be kept: {type(error).__name__}",
                hint="messages are told again, under the same numbers, once it can",
            ) from error

    @contextmanager
    def _connection(self) -> Generator[sa.Connection]:
        with self._failing(), self._engine.connect() as connection:
            yield connection

    def begin(self, hook: str, host: str) -> Cursor:
        """A subscriber's cursor; a new one begins with what has not been told to all of those before it."""
        with self._connection() as connection:
            found = _cursor(connection, hook)
            if found is not None:
                return found
            waiting = connection.execute(
                sa.select(sa.func.min(outbox.c.number)).where(outbox.c.told.is_(False))
            ).scalar()
            last = connection.execute(sa.select(sa.func.max(outbox.c.number))).scalar()
            told_to = (last or 0) if waiting is None else waiting - 1
            new = {"hook": hook, "host": host, "told_to": told_to, "tries": 0, "again_at": 0.0}
            connection.execute(sa.insert(deliveries), new)
            return Cursor(hook, host, told_to, 0, 0.0)

    def cursors(self) -> Sequence[Cursor]:
        """All subscribers."""
        with self._connection() as connection:
            rows = connection.execute(sa.select(deliveries).order_by(deliveries.c.hook)).all()
        return [Cursor(row.hook, row.host, row.told_to, row.tries, row.again_at) for row in rows]

    def after(self, number: int, limit: int) -> Sequence[Message]:
        """The messages after one, oldest first."""
        asked = sa.select(outbox.c.number, outbox.c.topic, outbox.c.body).where(outbox.c.number > number)
        with self._connection() as connection:
            rows = connection.execute(asked.order_by(outbox.c.number).limit(min(limit, MAXIMUM_LISTED))).all()
        return [(row.number, row.topic, row.body) for row in rows]

    def waiting(self, number: int) -> int:
        """How many messages there are after one."""
        asked = sa.select(sa.func.count()).select_from(outbox).where(outbox.c.number > number)
        with self._connection() as connection:
            return int(connection.execute(asked).scalar() or 0)

    def told(self, hook: str, number: int) -> None:
        """A subscriber has a message, or does not ask for its topic."""
        with self._connection() as connection:
            connection.execute(_moved(hook, number))

    def failed(self, hook: str, tries: int, again_at: float) -> None:
        """The next message was tried so often, and is tried again at a time."""
        changed = sa.update(deliveries).where(deliveries.c.hook == hook)
        with self._connection() as connection:
            connection.execute(changed.values(tries=tries, again_at=again_at))

    def gave_up(self, letter: DeadLetter) -> None:
        """The next message is not tried again; it is listed. Both at once, or neither."""
        row = {
            "hook": letter.hook,
            "number": letter.number,
            "topic": letter.topic,
            "why": letter.why,
            "given_up": letter.given_up,
        }
        with self._connection() as connection:
            connection.exec_driver_sql("BEGIN")
            try:
                there = sa.select(dead_letters.c.number).where(
                    dead_letters.c.hook == letter.hook, dead_letters.c.number == letter.number
                )
                if connection.execute(there).first() is None:
                    connection.execute(sa.insert(dead_letters), row)
                connection.execute(_moved(letter.hook, letter.number))
                connection.exec_driver_sql("COMMIT")
            except BaseException:
                connection.exec_driver_sql("ROLLBACK")
                raise

    def settle(self, hooks: Sequence[str]) -> None:
        """Marks in the outbox what all of these subscribers are done with."""
        least = sa.select(sa.func.min(deliveries.c.told_to)).where(deliveries.c.hook.in_(hooks))
        with self._connection() as connection:
            number = connection.execute(least).scalar()
            if number is not None:
                done = sa.update(outbox).where(outbox.c.told.is_(False), outbox.c.number <= number)
                connection.execute(done.values(told=True))

    def dead(self, limit: int = MAXIMUM_LISTED) -> Sequence[DeadLetter]:
        """What was given up, the last first."""
        asked = sa.select(dead_letters).order_by(dead_letters.c.number.desc(), dead_letters.c.hook)
        with self._connection() as connection:
            rows = connection.execute(asked.limit(min(limit, MAXIMUM_LISTED))).all()
        return [DeadLetter(row.hook, row.number, row.topic, row.why, row.given_up) for row in rows]


def _cursor(connection: sa.Connection, hook: str) -> Cursor | None:
    row = connection.execute(sa.select(deliveries).where(deliveries.c.hook == hook)).first()
    return None if row is None else Cursor(row.hook, row.host, row.told_to, row.tries, row.again_at)


def _moved(hook: str, number: int) -> sa.Update:
    """A cursor never moves back: another process may have told more meanwhile."""
    here = sa.update(deliveries).where(deliveries.c.hook == hook, deliveries.c.told_to < number)
    return here.values(told_to=number, tries=0, again_at=0.0)
