"""The tables of a ledger. Entries, postings, documents and seals are only ever added to; triggers hold that."""

from __future__ import annotations

from typing import Final

import sqlalchemy as sa

# Alembic's revision of the tables below; `migrations/versions` leads there from every earlier one.
REVISION: Final = "0002"

metadata = sa.MetaData()

entries = sa.Table(
    "entries",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("recorded", sa.Text, nullable=False),  # ISO 8601 in UTC, so that texts compare as times do.
    sa.Column("command", sa.Text, nullable=False),
    sa.Column("subject", sa.Text, nullable=True, index=True),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

postings = sa.Table(
    "postings",
    metadata,
    sa.Column("seq", sa.BigInteger, sa.ForeignKey("entries.seq"), primary_key=True, autoincrement=False),
    sa.Column("line", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("account", sa.Text, nullable=False),
    sa.Column("unit", sa.Text, nullable=False),
    sa.Column("amount", sa.BigInteger, nullable=False),
    sa.Index("postings_by_account", "account", "unit"),
)

documents = sa.Table(
    "documents",
    metadata,
    sa.Column("hash", sa.Text, primary_key=True),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
)

seals = sa.Table(
    "seals",
    metadata,
    sa.Column("last", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("first", sa.BigInteger, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("key", sa.Text, nullable=False),
    sa.Column("signature", sa.Text, nullable=False),
)

outbox = sa.Table(
    "outbox",
    metadata,
    sa.Column(
        "number", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True, autoincrement=True
    ),
    sa.Column("seq", sa.BigInteger, nullable=False),
    sa.Column("topic", sa.Text, nullable=False),
    sa.Column("body", sa.Text, nullable=False),
    sa.Column("told", sa.Boolean, nullable=False, default=False),
    sa.Index("outbox_to_tell", "told", "number"),
)

snapshots = sa.Table(
    "snapshots",
    metadata,
    sa.Column("seq", sa.BigInteger, primary_key=True, autoincrement=False),
    sa.Column("part", sa.Integer, primary_key=True, autoincrement=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.Column("last", sa.Boolean, nullable=False),  # Whether it is the last part: then all are there.
    sa.Column("body", sa.LargeBinary, nullable=False),
)

APPEND_ONLY: Final = ("entries", "postings", "documents", "seals")
