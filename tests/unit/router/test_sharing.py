"""What several processes share, each on its own: no bound is passed by all together, whatever is lost between them."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.headroom import MemoryHeadroom
from offtake.domain.clauses import Window
from offtake.router.counters import Counter
from offtake.router.headroom import LEASE_S, advance
from offtake.router.sharing import Sharing

LIMIT = 1_000
BEGINS = 600_000.0  # The first second of a minute.


class Process:
    """A process with one counter that it shares."""

    def __init__(
        self, name: str, store: MemoryHeadroom, window: Window = "month", limit: int = LIMIT
    ) -> None:
        self.name, self.store = name, store
        ends = BEGINS + 60 if window == "minute" else 9e9
        self.counter = Counter(window, ends)
        self.sharing = Sharing()
        self.sharing.adopt("bound", self.counter, limit)
        self.holds: list[int] = []

    def exchange(self, now: float, *, lost: bool = False) -> None:
        words = self.sharing.words(now)
        told = self.store.exchange(self.name, words)
        if not lost:
            self.sharing.hear(words, told, 3, now)

    def ask(self, amount: int, now: float) -> bool:
        if self.counter.room(now) < amount:
            self.sharing.press(((self.counter, amount),), now)
            return False
        self.counter.hold(amount, now)
        self.holds.append(amount)
        return True

    def settle(self, now: float) -> None:
        if self.holds:
            held = self.holds.pop()
            self.counter.settle(held, held // 2, now)


Step = tuple[int, str, int]
steps = st.lists(
    st.tuples(st.integers(0, 2), st.sampled_from(["ask", "settle", "say", "lost"]), st.integers(1, 200)),
    max_size=120,
)


@settings(max_examples=150, deadline=None)
@given(steps)
def test_no_bound_is_passed_whatever_is_said_or_lost(played: list[Step]) -> None:
    now = BEGINS
    store = MemoryHeadroom(lambda: now)
    processes = [Process(f"p{n}", store) for n in range(3)]
    for which, what, amount in played:
        process = processes[which]
        if what == "ask":
            process.ask(amount, now)
        elif what == "settle":
            process.settle(now)
        else:
            process.exchange(now, lost=what == "lost")
        assert sum(p.counter.taken + p.counter.held for p in processes) <= LIMIT


def test_all_of_a_bound_can_be_used_by_whoever_asks() -> None:
    now = BEGINS
    store = MemoryHeadroom(lambda: now)
    processes = [Process(f"p{n}", store) for n in range(3)]
    for _ in range(80):
        now += 1.0
        for process in processes:
            process.exchange(now)
        for process in processes[:1]:
            while process.ask(40, now):
                process.settle(now)
    assert sum(p.counter.taken for p in processes) > LIMIT - 40


def test_what_a_request_found_no_room_for_is_granted_whole_once_it_was_said() -> None:
    store = MemoryHeadroom(lambda: BEGINS)
    process = Process("p", store)
    process.exchange(BEGINS)
    assert not process.ask(900, BEGINS)
    assert process.sharing.pressing
    process.exchange(BEGINS)
    assert process.ask(900, BEGINS)


def test_what_is_pressed_for_in_vain_is_not_hoped_for() -> None:
    process = Process("p", MemoryHeadroom(lambda: BEGINS))
    process.exchange(BEGINS)
    assert not process.sharing.press(((process.counter, LIMIT + 1),), BEGINS)


def test_the_next_minute_begins_with_headroom_and_the_one_after_it_without() -> None:
    now = BEGINS + 56
    store = MemoryHeadroom(lambda: now)
    process = Process("p", store, "minute")
    process.exchange(now)
    process.ask(10, now)
    assert process.counter.room(BEGINS + 60.5) >= LIMIT // 16 - 10  # What is held goes on into it.
    assert process.counter.room(BEGINS + 120.5) == -10


def test_without_the_store_what_was_granted_holds_for_seconds_and_then_nothing_is() -> None:
    process = Process("p", MemoryHeadroom(lambda: BEGINS))
    process.exchange(BEGINS)
    process.sharing.unheard(BEGINS + LEASE_S - 0.1)
    assert process.ask(10, BEGINS)
    process.sharing.unheard(BEGINS + LEASE_S)
    assert process.sharing.lapsed
    assert not process.ask(1, BEGINS)
    process.exchange(BEGINS + LEASE_S + 1)
    assert process.ask(10, BEGINS)


def test_whoever_may_count_alone_does_so_beside_what_it_last_heard_of_others() -> None:
    store = MemoryHeadroom(lambda: BEGINS)
    other, process = Process("other", store), Process("p", store)
    other.exchange(BEGINS)
    assert other.ask(60, BEGINS)
    other.settle(BEGINS)
    other.exchange(BEGINS)
    process.sharing = Sharing("count-alone")
    process.sharing.adopt("bound", process.counter, LIMIT)
    process.exchange(BEGINS)
    process.sharing.look(BEGINS + LEASE_S)
    assert process.counter.room(BEGINS) == LIMIT - 30


def test_a_process_takes_little_in_advance_and_an_idle_one_nothing_that_others_need() -> None:
    assert advance(1600, 0.0, 10, idle=False) == 100
    assert advance(1600, 500.0, 10, idle=False) == 500
    assert advance(15, 0.0, 10, idle=True) == 0
    assert advance(15, 0.0, 10, idle=False) == 10


def test_what_upstreams_enforce_themselves_is_shared_evenly_without_the_store() -> None:
    process = Process("p", MemoryHeadroom(lambda: BEGINS))
    process.sharing.adopt("slots", slots := Counter("any-time", 9e9), 9, outside=True)
    process.exchange(BEGINS)
    process.sharing.look(BEGINS + LEASE_S)
    assert (process.counter.ceiling, slots.ceiling) == (0, 3)


def test_a_new_minute_is_not_judged_by_what_was_free_in_the_last() -> None:
    now = BEGINS
    store = MemoryHeadroom(lambda: now)
    other, process = Process("other", store, "minute"), Process("p", store, "minute")
    process.exchange(now)
    other.exchange(now)
    while other.ask(20, now) or other.sharing.pressing:
        other.exchange(now)
    process.exchange(now)
    now += 61.0
    process.exchange(now)
    assert process.counter.room(now) == LIMIT // 16
