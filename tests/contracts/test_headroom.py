"""One suite for every store of headroom: in memory, in a file, in PostgreSQL."""

from __future__ import annotations

import math
import random
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from brokered.postgresql import Cluster, cluster
from offtake.adapters.headroom import MemoryHeadroom, open_headroom
from offtake.domain.errors import StorageFailure
from offtake.router.headroom import FORGIVEN_AFTER_S, SILENT_AFTER_S, Standing, Word
from offtake.router.ports import Headroom


class Hands:
    """A clock that a test moves."""

    now = 1_000_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture(scope="session")
def postgresql() -> Iterator[Cluster]:
    with cluster() as running:
        yield running


@pytest.fixture
def clock() -> Hands:
    return Hands()


@pytest.fixture(params=["memory", "sqlite", "postgresql"])
def opened(request: pytest.FixtureRequest, tmp_path: Path, clock: Hands) -> Iterator[Callable[[], Headroom]]:
    """Opens the same store again and again, as each process does."""
    made: list[Headroom] = []
    one = MemoryHeadroom(clock)
    where: Any = tmp_path / "headroom.sqlite"
    if request.param == "postgresql":
        where = request.getfixturevalue("postgresql").database()

    def open_it() -> Headroom:
        made.append(one if request.param == "memory" else open_headroom(where, clock))
        return made[-1]

    yield open_it
    for each in made:
        each.close()


def word(account: str = "meter", **more: Any) -> Word:
    stated: dict[str, Any] = {"ends": math.inf, "limit": 1000, "settled": 0, "held": 0, **more}
    return Word(account, **stated)


def say(store: Headroom, member: str, **more: Any) -> Standing:
    (told,) = store.exchange(member, [word(**more)])
    return told


def test_what_is_granted_to_all_never_passes_the_limit(opened: Callable[[], Headroom]) -> None:
    store = opened()
    chance = random.Random(1)
    settled = dict.fromkeys("abcd", 0)
    authority = dict.fromkeys("abcd", 0)
    for _ in range(120):
        member = chance.choice("abcd")
        settled[member] += chance.randint(0, authority[member] - settled[member])
        told = say(store, member, settled=settled[member], wants=chance.choice([0, 5, 50, 500]), least=20)
        authority[member] = told.authority
        assert told.authority >= settled[member]
        assert sum(authority.values()) <= 1000
        assert told.settled == sum(settled.values())
    assert sum(settled.values()) > 900


def test_half_of_what_is_free_is_granted_and_one_request_whole(opened: Callable[[], Headroom]) -> None:
    store = opened()
    assert say(store, "a", wants=10_000) == Standing("meter", 0, 500, 500)
    assert say(store, "b", wants=10_000) == Standing("meter", 0, 250, 250)
    assert say(store, "c", wants=200, least=200).authority == 200
    assert say(store, "d", wants=200, least=200).authority == 50


def test_what_a_member_has_and_wants_still_it_keeps_and_the_rest_goes_back(
    opened: Callable[[], Headroom],
) -> None:
    store = opened()
    say(store, "a", wants=500)
    say(store, "b", wants=250)
    assert say(store, "a", wants=500, settled=100).authority == 500
    assert say(store, "a", wants=10, settled=100).authority == 110
    assert say(store, "b", wants=600, settled=0).free == 1000 - 110 - 445


def test_a_word_that_is_said_twice_counts_once(opened: Callable[[], Headroom]) -> None:
    store = opened()
    said = [say(store, "a", settled=70, held=5, wants=10) for _ in range(2)]
    assert [(told.settled, told.authority) for told in said] == [(70, 85), (70, 85)]
    assert say(store, "b").settled == 70


def test_more_than_a_limit_is_known_to_all_and_nothing_is_granted(opened: Callable[[], Headroom]) -> None:
    store = opened()
    assert say(store, "a", settled=1100, wants=100) == Standing("meter", 1100, 1100, 0)
    assert say(store, "b", wants=100).authority == 0


def test_an_account_without_a_limit_is_only_counted(opened: Callable[[], Headroom]) -> None:
    store = opened()
    say(store, "a", limit=None, settled=3, held=2)
    assert say(store, "b", limit=None, settled=4) == Standing("meter", 7, 4, None)


def test_windows_are_accounts_of_their_own(opened: Callable[[], Headroom]) -> None:
    store = opened()
    say(store, "a", ends=1_000_060.0, settled=10, wants=100)
    assert say(store, "b", ends=1_000_120.0) == Standing("meter", 0, 0, 1000)


def test_amounts_longer_than_64_bits_are_counted_exactly(opened: Callable[[], Headroom]) -> None:
    store = opened()
    huge = 10**30 + 1
    assert say(store, "a", limit=2 * huge, settled=huge, wants=10**31).authority == huge + huge // 2


def test_what_a_silent_member_had_not_used_comes_back(opened: Callable[[], Headroom], clock: Hands) -> None:
    store = opened()
    say(store, "dead", settled=100, held=30, wants=400)
    clock.now += SILENT_AFTER_S - 1
    assert say(store, "b").free == 1000 - 500 - 30 + 0
    clock.now += 1
    assert say(store, "b").free == 1000 - 130
    clock.now += FORGIVEN_AFTER_S
    assert say(store, "b") == Standing("meter", 100, 0, 900)


def test_a_silent_member_that_speaks_again_is_counted_again(
    opened: Callable[[], Headroom], clock: Hands
) -> None:
    store = opened()
    say(store, "cut-off", settled=100, wants=400)
    clock.now += SILENT_AFTER_S
    say(store, "b", settled=200, wants=600)
    told = say(store, "cut-off", settled=450, wants=100)
    assert told == Standing("meter", 650, 450, 0)


def test_who_has_ended_is_counted_by_its_receipts_and_once(
    opened: Callable[[], Headroom], clock: Hands
) -> None:
    store = opened()
    store.join("dead", "here")
    store.join("lives", "here")
    store.join("far", "elsewhere")
    say(store, "dead", settled=100, held=30, wants=400)
    assert list(store.unsettled("here")) == ["dead", "lives"]
    for _ in range(2):
        store.leave("dead", {("meter", math.inf): 140, ("other", math.inf): 7})
    assert say(store, "lives") == Standing("meter", 140, 0, 860)
    assert say(store, "lives", account="other").settled == 7
    assert (list(store.unsettled("here")), list(store.ended("here"))) == (["lives"], ["dead"])
    assert store.members() == 2
    clock.now += SILENT_AFTER_S
    assert store.members() == 0


def test_members_that_speak_at_once_never_pass_the_limit(opened: Callable[[], Headroom]) -> None:
    stores = [opened() for _ in range(4)]

    def run(number: int) -> int:
        store, settled, authority = stores[number], 0, 0
        chance = random.Random(number)
        for _ in range(25):
            settled = min(settled + chance.randint(0, 60), authority)
            (told, _) = store.exchange(
                f"m{number}", [word(settled=settled, wants=60, least=20), word("other", wants=3)]
            )
            authority = told.authority
        return settled

    with ThreadPoolExecutor(4) as pool:
        settled = sum(pool.map(run, range(4)))
    (told,) = stores[0].exchange("judge", [word()])
    assert told.settled == settled <= 1000
    assert settled > 900


def test_a_store_that_is_gone_says_so_and_works_again_when_it_is_back(
    postgresql: Cluster, clock: Hands
) -> None:
    where = postgresql.database()
    store = open_headroom(where, clock)
    say(store, "a", settled=5)
    postgresql.cut(where)
    with pytest.raises(StorageFailure) as failure:
        say(store, "a", settled=6)
    assert postgresql.password not in failure.value.message
    assert say(store, "a", settled=7).settled == 7
    store.close()


def test_a_database_that_is_not_there_is_told_without_its_password(tmp_path: Path) -> None:
    with pytest.raises(StorageFailure) as failure:
        open_headroom("postgresql://offtake:hidden@127.0.0.1:1/none")
    assert "hidden" not in failure.value.message
    with pytest.raises(StorageFailure):
        open_headroom(tmp_path / "no folder" / "headroom.sqlite")
