"""A ledger's tables, made or brought forward to the revision that this offtake knows."""

from __future__ import annotations

from pathlib import Path
from typing import Final

import sqlalchemy as sa

from offtake.adapters.ledger_sql.schema import REVISION
from offtake.domain.errors import InvalidInput

SCRIPTS: Final = Path(__file__).parent / "migrations"


def revision_of(connection: sa.Connection) -> str | None:
    """The revision of a ledger's tables; None if there are none."""
    if not sa.inspect(connection).has_table("alembic_version"):
        return None
    return connection.execute(sa.text("SELECT version_num FROM alembic_version")).scalar()


def bring_forward(engine: sa.Engine, to: str = REVISION) -> None:
    """Makes the tables, or migrates them to this version's (or an earlier one's); all of it or nothing.

    Raises InvalidInput for a ledger of a later version.
    """
    with engine.connect() as connection:
        found = revision_of(connection)
    if found == to:
        return
    if found is not None and found > REVISION:
        raise InvalidInput(
            f"the ledger is of a later version ({found}) than this offtake ({REVISION})",
            hint="use an offtake that is as new",
        )
    from alembic import command
    from alembic.config import Config

    config = Config()
    config.set_main_option("script_location", str(SCRIPTS))
    with engine.connect() as connection:
        if engine.dialect.name == "sqlite":
            connection.exec_driver_sql("BEGIN IMMEDIATE")
        else:
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql("SELECT pg_advisory_xact_lock(7103842)")
        try:
            if revision_of(connection) != to:
                config.attributes["connection"] = connection
                command.upgrade(config, to)
            connection.exec_driver_sql("COMMIT")
        except BaseException:
            connection.exec_driver_sql("ROLLBACK")
            raise
