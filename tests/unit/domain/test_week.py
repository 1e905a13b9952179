"""Hours of the week and clocks."""

from __future__ import annotations

import pytest

from offtake.domain.week import HOURS_PER_WEEK, hours_of_week, minutes_from_utc


@pytest.mark.parametrize(
    ("text", "hours"),
    [
        ("mon 00-03", (0, 1, 2)),
        ("sun 22-02", (0, 1, 166, 167)),
        ("sat-sun 00-24", tuple(range(120, 168))),
        ("fri-mon 12-13", (12, 108, 132, 156)),
        ("mon 09:00-11:00", (9, 10)),
    ],
)
def test_hours_of_the_week(text: str, hours: tuple[int, ...]) -> None:
    assert hours_of_week(text) == hours


def test_a_time_without_days_is_that_of_every_day() -> None:
    assert hours_of_week("23-08") == tuple(
        hour for hour in range(HOURS_PER_WEEK) if hour % 24 == 23 or hour % 24 < 8
    )


@pytest.mark.parametrize(
    "text", ["", "8", "mon", "08-08", "24-03", "08-25", "noon-14", "mun 08-18", "08.5-10"]
)
def test_what_is_no_hours(text: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        hours_of_week(text)


@pytest.mark.parametrize(
    ("clock", "minutes"),
    [("UTC", 0), ("UTC-5", -300), ("UTC+5:30", 330), ("UTC+14", 840), ("UTC-3:30", -210)],
)
def test_clocks(clock: str, minutes: int) -> None:
    assert minutes_from_utc(clock) == minutes


@pytest.mark.parametrize("clock", ["CET", "UTC+15", "UTC5", "UTC+5:20", "+5", "utc+1"])
def test_what_is_no_clock(clock: str) -> None:
    with pytest.raises(ValueError, match=r".+"):
        minutes_from_utc(clock)
