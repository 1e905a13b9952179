"""Where state lives: kept within a bound, forgotten in time, and never taken over by another's key."""

from __future__ import annotations

from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.affinity_sqlite import SqliteAffinity
from offtake.router.affinity import CACHE_KEPT_S, STATE_KEPT_S, Affinity, Holder, name_of


def test_a_state_is_where_it_was_made_until_it_is_forgotten() -> None:
    kept = Affinity()
    kept.note("response", "r", "eu", "alice", 10.0)
    kept.note("cache", "p", "eu", "alice", 10.0)
    assert kept.holder("response", "r", "alice", 10.0) == Holder("eu", "alice", 10.0 + STATE_KEPT_S)
    assert kept.holder("response", "r", "alice", 10.0 + STATE_KEPT_S) is None
    assert kept.holder("cache", "p", "alice", 9.0 + CACHE_KEPT_S) is not None
    assert kept.holder("cache", "p", "alice", 10.0 + CACHE_KEPT_S) is None
    assert kept.holder("conversation", "r", "alice", 10.0) is None


def test_a_state_stays_its_makers_and_a_cache_follows_the_last_answer() -> None:
    kept = Affinity()
    kept.note("response", "r", "eu", "alice", 10.0)
    kept.note("response", "r", "us", "bob", 11.0)
    found = kept.holder("response", "r", "bob", 12.0)
    assert found is not None
    assert (found.deployment, found.owner) == ("eu", "alice")
    kept.note("cache", "p", "eu", "alice", 10.0)
    kept.note("cache", "p", "us", "alice", 11.0)
    moved = kept.holder("cache", "p", "alice", 12.0)
    assert moved is not None
    assert moved.deployment == "us"
    assert kept.holder("cache", "p", "bob", 12.0) is None


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 20), max_size=60))
def test_no_more_is_kept_than_the_bound_and_the_last_used_stays(ids: list[int]) -> None:
    kept = Affinity(most=5)
    for id in ids:
        kept.note("response", str(id), "eu", "alice", 1.0)
        assert kept.holder("response", str(id), "alice", 1.0) is not None
    alive = [id for id in set(ids) if kept.holder("response", str(id), "alice", 1.0) is not None]
    assert len(alive) == min(5, len(set(ids)))


def test_what_is_kept_in_a_file_outlives_the_process_and_is_shared(tmp_path: Path) -> None:
    path = tmp_path / "affinity.sqlite"
    first, second = Affinity(SqliteAffinity(path)), Affinity(SqliteAffinity(path))
    first.note("response", "r", "eu", "alice", 10.0)
    first.note("cache", "p", "eu", "alice", 10.0)
    assert second.holder("response", "r", "alice", 11.0) is None
    first.flush(11.0)
    second.note("response", "r", "us", "bob", 11.0)
    second.flush(11.0)
    third = Affinity(SqliteAffinity(path))
    found = third.holder("response", "r", "bob", 11.0)
    assert found is not None
    assert (found.deployment, found.owner) == ("eu", "alice")
    assert third.holder("cache", "p", "alice", 11.0) is None
    for each in (first, second, third):
        each.close(12.0)
    assert b"alice" in path.read_bytes()
    assert name_of("response", "r") in path.read_bytes()


def test_old_rows_are_dropped_and_a_file_that_cannot_be_used_is_done_without(tmp_path: Path) -> None:
    path = tmp_path / "affinity.sqlite"
    kept = Affinity(SqliteAffinity(path))
    kept.note("response", "old", "eu", "alice", 0.0)
    kept.flush(0.0)
    kept.note("response", "new", "eu", "alice", STATE_KEPT_S + 1)
    kept.flush(STATE_KEPT_S + 1)
    store = SqliteAffinity(path)
    assert store.read(name_of("response", "old"), 0.0) is None
    assert store.read(name_of("response", "new"), STATE_KEPT_S + 1) is not None
    store.close()
    kept.close(0.0)
    broken = tmp_path / "no database"
    broken.write_text("this is no database, and never was one: " * 100)
    without = Affinity(SqliteAffinity(broken))
    without.note("response", "r", "eu", "alice", 1.0)
    without.flush(1.0)
    assert without.holder("response", "r", "alice", 1.0) is not None
    without.close(1.0)
