"""Engines for a file or a `postgresql://` URL: what is committed is on the disk, and what fails is said in words."""

from __future__ import annotations

import re
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from time import monotonic
from typing import Any, Final

import sqlalchemy as sa
from sqlalchemy import event
from sqlalchemy.exc import DisconnectionError, SQLAlchemyError

from offtake.domain.errors import InvalidInput, StorageFailure

IDLE_S: Final = 1.0  # After which a connection is asked whether it is still there.
CHECKPOINT_PAGES: Final = 4_000  # Of the log, 16 MB, after which it is written into the file.
POOL: Final[dict[str, Any]] = {"isolation_level": "AUTOCOMMIT", "pool_size": 4, "max_overflow": 12}


def engine_of(where: str, wait_s: float) -> sa.Engine:
    """The engine of a ledger. Raises InvalidInput if the folder is not there or the URL is of no kind that is known."""
    return _postgresql(where, wait_s) if re.match(r"[a-z0-9+]+://", where) else _sqlite(Path(where), wait_s)


def _sqlite(path: Path, wait_s: float) -> sa.Engine:
    if not path.parent.is_dir():
        raise InvalidInput(f"there is no folder `{path.parent}` for the ledger")
    engine = sa.create_engine(
        f"sqlite:///{path}",
        connect_args={"timeout": wait_s, "check_same_thread": False},
        poolclass=sa.QueuePool,
        **POOL,
    )
    _at_first(
        engine,
        "PRAGMA journal_mode=WAL",
        "PRAGMA synchronous=FULL",
        "PRAGMA foreign_keys=ON",
        f"PRAGMA wal_autocheckpoint={CHECKPOINT_PAGES}",
        f"PRAGMA busy_timeout={int(wait_s * 1000)}",
    )
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
    engine = sa.create_engine(
        f"postgresql+psycopg://{rest}", connect_args={"connect_timeout": max(int(wait_s), 2)}, **POOL
    )
    _at_first(engine, f"SET lock_timeout = {int(wait_s * 1000)}", "SET synchronous_commit = on")
    _asked_after_a_while(engine)
    return engine


def _at_first(engine: sa.Engine, *statements: str) -> None:
    """What every new connection is told."""

    @event.listens_for(engine, "connect")
    def set_up(connection: Any, _: object) -> None:  # noqa: ANN401 -- the driver's own connection, which has no type here
        cursor = connection.cursor()
        for statement in statements:
            cursor.execute(statement)
        cursor.close()


def _asked_after_a_while(engine: sa.Engine) -> None:
    """A connection that stood idle may have been cut: it is asked before it is used, and made anew if it was."""

    @event.listens_for(engine, "checkin")
    def rested(_: object, record: Any) -> None:  # noqa: ANN401 -- the pool's record, of which only `info` is used
        record.info["since"] = monotonic()

    @event.listens_for(engine, "checkout")
    def still_there(connection: Any, record: Any, _: object) -> None:  # noqa: ANN401 -- as above
        since = record.info.get("since")
        if since is None or monotonic() - since < IDLE_S:
            return
        try:
            connection.execute("SELECT 1")
        except Exception as error:
            raise DisconnectionError from error


@contextmanager
def failing(engine: sa.Engine) -> Generator[None]:
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
    if "full" in text or "no space" in text or "could not extend" in text or "file too large" in text:
        return "make room on its disk; nothing was recorded: try again with the same key"
    if "malformed" in text or "not a database" in text:
        return "restore it from a backup, and run `offtake ledger verify`"
    if "readonly" in text or "read-only" in text or "permission" in text:
        return "its file and folder must be writable"
    return "if it may have been recorded, the same key gives what came of it: try again"
