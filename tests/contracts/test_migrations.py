"""Ledgers that earlier versions wrote, opened by this one: they follow, stand where they stood, and go on.

`tests/data/ledgers` has a ledger as each earlier revision of the tables wrote it. A new migration, or an upcaster for a
new format of entries, is not complete before the ledger that it leads on from is there.
"""

from __future__ import annotations

import json
import sqlite3
from contextlib import closing
from pathlib import Path

import pytest
import sqlalchemy as sa

from brokered import MORNING, Rehearsal
from brokered.postgresql import Cluster
from offtake.adapters.ledger_sql import SqlLedger, open_ledger
from offtake.adapters.ledger_sql.connecting import engine_of
from offtake.adapters.ledger_sql.migrating import SCRIPTS, bring_forward
from offtake.adapters.ledger_sql.schema import REVISION
from offtake.adapters.sealing import sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker.commands import Sweep
from offtake.broker.service import Broker
from offtake.broker.upcasting import UPCASTERS
from offtake.broker.verification import Verification

WRITTEN = Path(__file__).parents[1] / "data" / "ledgers"
REVISIONS = sorted(path.name.partition("_")[0] for path in (SCRIPTS / "versions").glob("0*.py"))
EARLIER = [revision for revision in REVISIONS if revision != REVISION]
TABLES = ("entries", "postings", "documents", "seals", "outbox")


def kept(revision: str, path: Path | str) -> sqlite3.Connection:
    """The ledger that a revision wrote, as a file."""
    connection = sqlite3.connect(path)
    connection.executescript((WRITTEN / f"{revision}.sql").read_text())
    return connection


def in_a_file(revision: str, folder: Path) -> str:
    path = folder / "deals.db"
    kept(revision, path).close()
    return str(path)


def in_postgresql(revision: str, running: Cluster) -> str:
    """The same ledger in the tables of that revision in PostgreSQL."""
    where = running.database()
    engine = engine_of(where, 5.0)
    bring_forward(engine, revision)
    with closing(kept(revision, ":memory:")) as file, engine.connect() as connection:
        for table in TABLES:
            found = file.execute(f"SELECT * FROM {table}")
            names = [column[0] for column in found.description]
            places = ", ".join(f":{name}" for name in names)
            insert = sa.text(f"INSERT INTO {table} ({', '.join(names)}) VALUES ({places})")
            for row in found:
                values = dict(zip(names, row, strict=True))
                if "told" in values:
                    values["told"] = bool(values["told"])
                connection.execute(insert, values)
        connection.exec_driver_sql(
            "SELECT setval(pg_get_serial_sequence('outbox', 'number'), max(number)) FROM outbox"
        )
    engine.dispose()
    return where


@pytest.fixture(params=["sqlite", "postgresql"])
def database(request: pytest.FixtureRequest) -> str:
    return request.param


@pytest.fixture
def where(request: pytest.FixtureRequest, database: str, tmp_path: Path) -> str:
    revision: str = request.getfixturevalue("revision")
    if database == "sqlite":
        return in_a_file(revision, tmp_path)
    return in_postgresql(revision, request.getfixturevalue("postgresql"))


def test_a_ledger_of_every_earlier_revision_is_there() -> None:
    assert [path.stem for path in sorted(WRITTEN.glob("*.sql"))] == EARLIER


def test_a_ledger_of_every_earlier_format_of_entries_is_there() -> None:
    formats: set[int] = set()
    for revision in EARLIER:
        with closing(kept(revision, ":memory:")) as file:
            formats |= {json.loads(body)["format"] for (body,) in file.execute("SELECT body FROM entries")}
    assert set(UPCASTERS) <= formats


@pytest.mark.parametrize("revision", EARLIER)
def test_a_ledger_of_an_earlier_revision_follows_and_goes_on(
    revision: str, where: str, tmp_path: Path
) -> None:
    with closing(kept(revision, ":memory:")) as file:
        head = file.execute("SELECT seq, hash FROM entries ORDER BY seq DESC").fetchone()
        key = file.execute("SELECT key FROM seals").fetchone()[0]
        waiting = file.execute("SELECT count(*) FROM outbox").fetchone()[0]
    ledger = open_ledger(where)
    assert ledger.head() == tuple(head)
    assert len(ledger.outbox(100)) == waiting
    found = follows(ledger)
    assert found.entries == head[0]
    assert found.public_key == key
    broker = Broker(desk(), ledger, sealer_at(tmp_path / "key"), lambda: MORNING)
    state = broker.state()
    assert state.seq == head[0]
    assert {deal.stage for deal in state.deals.values()} >= {"awarded", "noticed"}
    outcome = broker.submit(Sweep(), key="later", at=MORNING.replace(year=2027))
    assert outcome.entry is not None
    assert outcome.entry.seq == head[0] + 1
    assert len(ledger.outbox(100)) > waiting
    fault = verified(ledger).fault
    assert fault is not None
    # All entries follow, those of the earlier format and what goes on from them; a stranger's key sealed the last.
    assert (fault.kind, fault.why) == ("seal", "it is sealed with another key")
    broker.close()


def follows(ledger: SqlLedger) -> Verification:
    found = verified(ledger)
    assert found.fault is None, found.fault.sentence
    return found


def verified(ledger: SqlLedger) -> Verification:
    rehearsal = Rehearsal.__new__(Rehearsal)
    rehearsal.ledger = ledger
    return rehearsal.verify()


@pytest.mark.parametrize("revision", EARLIER)
def test_a_ledger_that_is_brought_forward_twice_is_brought_forward_once(revision: str, where: str) -> None:
    del revision
    for _ in range(2):
        ledger = open_ledger(where)
        with ledger.engine.connect() as connection:
            found = connection.exec_driver_sql("SELECT version_num FROM alembic_version").scalars().all()
        assert found == [REVISION]
        ledger.close()
