"""Levels over days, against adding them up day by day."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from offtake.broker.profile import Profile

FIRST = date(2026, 1, 1)
SPANS = st.lists(st.tuples(st.integers(0, 20), st.integers(1, 9), st.integers(1, 5)), max_size=8)


def day(number: int) -> date:
    return FIRST + timedelta(days=number)


@given(SPANS, st.integers(0, 20), st.integers(1, 12))
def test_a_profile_is_the_sum_of_its_spans(
    spans: list[tuple[int, int, int]], begins: int, length: int
) -> None:
    profile = Profile()
    for start, days, amount in spans:
        profile = profile.plus(Decimal(amount), day(start), day(start + days))
    levels = [sum(a for start, days, a in spans if start <= n < start + days) for n in range(40)]
    assert [profile.on(day(n)) for n in range(40)] == levels
    at, peak = profile.peak(day(begins), day(begins + length))
    assert peak == max(levels[begins : begins + length])
    assert profile.on(at) == peak


@given(SPANS)
def test_what_is_taken_back_leaves_nothing(spans: list[tuple[int, int, int]]) -> None:
    profile = Profile()
    for sign in (1, -1):
        for start, days, amount in spans:
            profile = profile.plus(Decimal(sign * amount), day(start), day(start + days))
    assert not any(profile.levels)


def test_a_span_without_an_end_goes_on() -> None:
    profile = Profile().plus(Decimal(3), FIRST, None)
    assert profile.peak(date(2099, 1, 1), None) == (date(2099, 1, 1), 3)
