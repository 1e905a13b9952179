"""Snapshots: a state is read back as it was, and one that does not belong to the ledger is left aside."""

from __future__ import annotations

from pathlib import Path

import pytest

from brokered import MORNING, Rehearsal, market, right
from offtake.adapters.ledger_sql import open_ledger
from offtake.adapters.sealing import sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker import service
from offtake.broker.service import Broker
from offtake.broker.snapshots import snapshot_of, state_of
from offtake.broker.state import State
from offtake.domain.errors import StorageFailure
from simulation.play import played


@pytest.mark.parametrize("seed", range(6))
def test_a_state_is_read_back_as_it_was(seed: int) -> None:
    run = played(seed, range(150))
    state = run.broker.state(run.now)
    again = state_of(snapshot_of(state))
    assert again == state
    assert list(again.due) == list(state.due)


def test_what_is_no_snapshot_is_a_storage_failure() -> None:
    for parts in ([], [""], ["{}"], ['{"format": 99}'], [*snapshot_of(State()), "[]"]):
        with pytest.raises(StorageFailure):
            state_of(parts)


def reopened(deal: Rehearsal, folder: Path) -> Broker:
    return Broker(desk(), open_ledger(deal.where), sealer_at(folder / "key"), lambda: MORNING)


def test_a_broker_goes_on_from_a_snapshot(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "SNAPSHOT_AT_CLOSE", 2)
    deal = Rehearsal(tmp_path, market(agreements=right()))
    deal.need("n1")
    deal.need("n2")
    stood = deal.state
    deal.broker.close()
    again = reopened(deal, tmp_path)
    kept = again.ledger.snapshot()
    assert kept is not None
    assert kept[0] == 3
    assert again.state() == stood
    deal.broker = again
    deal.need("n3")
    assert set(deal.state.deals) == {"n1", "n2", "n3"}
    deal.follows()


def test_a_snapshot_of_another_ledger_is_left_aside(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=right()))
    deal.need("n1")
    stood = deal.state
    deal.ledger.keep_snapshot(2, "another hash", snapshot_of(stood))
    assert reopened(deal, tmp_path).state() == stood
    deal.ledger.keep_snapshot(2, deal.ledger.head()[1], ['{"format": 0}'])
    assert reopened(deal, tmp_path).state() == stood
