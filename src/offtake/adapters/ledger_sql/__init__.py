"""The ledger in a relational database: SQLite inside by default, PostgreSQL by URL, on SQLAlchemy Core and Alembic."""

from offtake.adapters.ledger_sql.ledger import SqlLedger, open_ledger

__all__ = ["SqlLedger", "open_ledger"]
