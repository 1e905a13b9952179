"""A short set of seeds, and faults planted to see that the auditors find them; `make simulate` plays a long set."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from offtake.broker import asking, folding, invoicing
from offtake.broker.awarding import granting, program
from offtake.broker.deciding import awards
from simulation.auditor import audit
from simulation.memory import MemoryTransaction
from simulation.play import played
from simulation.running import failure, report, shrunk

STEPS = 250


@pytest.mark.parametrize("seed", range(16))
def test_nothing_is_wrong_with_a_seed(seed: int) -> None:
    assert report(seed, STEPS) is None


def test_a_seed_is_its_run() -> None:
    one, other = played(5, range(STEPS)), played(5, range(STEPS))
    assert one.ledger.rows == other.ledger.rows
    assert len(one.ledger.rows) > 50


def test_seeds_play_the_whole_process() -> None:
    runs = [played(seed, range(STEPS)) for seed in range(6)]
    seen = {event.kind for run in runs for entry in run.ledger.entries() for event in entry.events}
    assert seen >= {
        "need-awarded",
        "notice-lapsed",
        "right-revived",
        "lease-released",
        "window-settled",
        "leases-invoiced",
        "price-invoiced",
    }


def found() -> str:
    """What is wrong with the first seed that fails; fails if none does."""
    wrong = (failure(seed, range(STEPS)) for seed in range(12))
    return next(said for said in wrong if said is not None)


def test_capacity_that_is_not_looked_at_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(program, "free_of", lambda *_: None)
    monkeypatch.setattr(granting, "fits", lambda *_: None)
    assert found()


def test_deadlines_a_day_too_long_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = asking.deadline

    def longer(*args: Any) -> Any:
        until = stated(*args)
        return None if until is None else until + timedelta(days=1)

    monkeypatch.setattr(asking, "deadline", longer)
    assert "deadline" in found()


def test_a_holder_that_is_passed_over_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "rights_over", lambda *_: ())
    monkeypatch.setattr(awards, "admitted", lambda *_: ())
    assert "asked" in found()


def test_windows_of_the_wrong_size_are_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(asking, "deal_size", lambda *_: None)
    assert "deadline" in found()


def test_a_month_that_is_invoiced_twice_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    stated = invoicing.owed_until
    monkeypatch.setattr(invoicing, "owed_until", lambda lease, day: 2 * stated(lease, day))
    assert "invoiced" in found()


def test_a_month_that_is_not_invoiced_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(folding, "bill", lambda *_: None)
    assert "is invoiced until" in found()


def test_an_entry_that_is_lost_is_found() -> None:
    run = played(3, range(60))
    del run.ledger.rows[-1]
    assert "is lost" in str(list(audit(run.world, run.ledger.bodies(), run.acknowledged)))


def test_a_key_that_is_not_looked_up_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(MemoryTransaction, "look", lambda step, _: (step.ledger.head()[0], {}))
    assert found()


def test_a_failing_run_shrinks_to_the_steps_that_are_needed() -> None:
    needed = {17, 41, 90}
    tried: list[int] = []

    def fails(steps: Any) -> str | None:
        tried.append(len(steps))
        return "wrong" if needed <= set(steps) else None

    assert shrunk(fails, range(100)) == sorted(needed)
    assert len(tried) < 120
