"""Levels over days, against adding them up day by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.broker.profile import BLOCK_DAYS, Profile

FIRST = date(2026, 1, 1)
REACH = 3 * BLOCK_DAYS
SPANS = st.lists(st.tuples(st.integers(0, REACH), st.integers(1, REACH), st.integers(-3, 5)), max_size=12)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


def profile_of(spans: list[tuple[int, int, int]]) -> Profile:
    profile = Profile()
    for start, days, amount in spans:
        profile = profile.plus(Decimal(amount), day(start), day(start + days))
    return profile


def levels_of(spans: list[tuple[int, int, int]]) -> list[int]:
    return [sum(a for start, days, a in spans if start <= n < start + days) for n in range(2 * REACH + 40)]


@settings(deadline=None)
@given(SPANS, st.integers(0, REACH), st.integers(1, REACH))
def test_a_profile_is_the_sum_of_its_spans(
    spans: list[tuple[int, int, int]], begins: int, length: int
) -> None:
    profile, levels = profile_of(spans), levels_of(spans)
    assert [profile.on(day(n)) for n in range(2 * REACH)] == levels[: 2 * REACH]
    at, peak = profile.peak(day(begins), day(begins + length))
    during = levels[begins : begins + length]
    assert peak == max(during)
    assert at == day(begins + during.index(max(during)))


@given(SPANS, st.integers(0, REACH), st.integers(1, REACH))
def test_steps_are_the_levels_where_they_change(
    spans: list[tuple[int, int, int]], begins: int, length: int
) -> None:
    levels = levels_of(spans)
    days = range(begins, begins + length)
    changing = [(n, levels[n]) for n in days if n == begins or levels[n] != levels[n - 1]]
    steps = profile_of(spans).steps(day(begins), day(begins + length))
    assert [(at - FIRST.toordinal(), level) for at, level in steps] == changing


@given(SPANS, st.integers(0, REACH))
def test_a_peak_without_an_end_is_that_of_all_days_to_come(
    spans: list[tuple[int, int, int]], begins: int
) -> None:
    assert profile_of(spans).peak(day(begins), None)[1] == max(levels_of(spans)[begins:])


@given(SPANS, st.randoms())
def test_equal_levels_are_equal_profiles_in_whatever_order_they_came(
    spans: list[tuple[int, int, int]], random: object
) -> None:
    shuffled = list(spans)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert profile_of(shuffled) == profile_of(spans)


@given(SPANS)
def test_what_is_taken_back_leaves_nothing(spans: list[tuple[int, int, int]]) -> None:
    profile = profile_of(spans)
    for start, days, amount in spans:
        profile = profile.plus(Decimal(-amount), day(start), day(start + days))
    assert profile == Profile()


@given(SPANS)
def test_a_profile_is_its_changes(spans: list[tuple[int, int, int]]) -> None:
    profile = profile_of(spans)
    assert Profile.of(profile.changes()) == profile
