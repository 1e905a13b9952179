"""The ledgers that benchmarks are run on are what a broker writes, given the same commands."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest
from benchmarks import bulk

from brokered.postgresql import Cluster
from offtake.adapters.ledger_sql import open_ledger


@pytest.fixture(params=["sqlite", "postgresql"])
def where(request: pytest.FixtureRequest, tmp_path: Path) -> str:
    if request.param == "sqlite":
        return str(tmp_path / "bulk.db")
    running: Cluster = request.getfixturevalue("postgresql")
    return running.database()


def test_a_ledger_written_in_bulk_is_what_a_broker_writes(
    where: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(bulk, "OPEN_EVERY", 5)
    monkeypatch.setattr(bulk, "BATCH", 7)
    monkeypatch.setattr(bulk, "DAYS", 8)
    bulk.grow(where, tmp_path, 20)
    bulk.grow(where, tmp_path, 40)
    broker = bulk.opened(str(tmp_path / "decided.db"), tmp_path)
    for id, day, length in islice(bulk.deals(0), 15):
        for n, command in enumerate(bulk.deal(id, day)[:length]):
            broker.submit(command, key=f"{id}-{n}", at=bulk.START)
    made = open_ledger(where)
    broker.close()
    decided = open_ledger(tmp_path / "decided.db")
    assert list(made.bodies()) == list(decided.bodies())
    assert list(made.postings()) == list(decided.postings())
    assert made.outbox() == decided.outbox()
    for ledger in (made, decided):
        ledger.close()
