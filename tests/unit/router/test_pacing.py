"""A commitment is paced: in a band at first, which narrows to nothing at the end of its window."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pytest

from offtake.router.worth import PACING_BAND, credit

LOWER = 1_000_000


class Load:
    """One meter's reading."""

    def __init__(self, reading: int) -> None:
        self.reading = reading

    def meter(self, place: int, now: float) -> int:
        del place, now
        return self.reading


def credited(passed: float, share_of_pace: float) -> float:
    """The credit once a part of the window has passed, at a share of what would be on pace by then."""
    meter = SimpleNamespace(lower=LOWER, window="year", window_ends=True, begins_at=0.0, ends_at=1000.0)
    table: Any = SimpleNamespace(meters=[meter])
    load: Any = Load(int(LOWER * passed * share_of_pace))
    return credit(table, 0, load, 1000.0 * passed)


def test_on_pace_nothing_is_paid_anyway_and_far_behind_all_is() -> None:
    assert credited(0.5, 1.0) == 0.0
    assert credited(0.5, 1.0 - PACING_BAND) == 1.0


@pytest.mark.parametrize(("passed", "half"), [(0.02, 0.049), (0.5, 0.025), (0.9, 0.005), (0.999, 0.00005)])
def test_the_band_narrows_with_what_is_left_of_the_window(passed: float, half: float) -> None:
    assert credited(passed, 1.0 - half) == pytest.approx(0.5, abs=0.03)


def test_at_the_end_whatever_is_short_is_taken() -> None:
    assert credited(1.0 - 1e-9, 0.9999) == 1.0
