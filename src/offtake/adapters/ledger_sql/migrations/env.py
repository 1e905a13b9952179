"""Alembic's way into a ledger: the connection is handed over by `offtake.adapters.ledger_sql.migrating`."""

from alembic import context

from offtake.adapters.ledger_sql.schema import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
