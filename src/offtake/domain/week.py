"""The hours of a week: which ones a text such as `mon-fri 22-06` means, and how far a clock is from UTC."""

from __future__ import annotations

import re
from typing import Final

HOURS_PER_WEEK: Final = 168
HOURS_PER_DAY: Final = 24
DAYS: Final = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")
SECONDS_PER_DAY: Final = 86_400
_HOURS: Final = re.compile(
    r"(?:(?P<first>[a-z]{3})(?:-(?P<last>[a-z]{3}))?\s+)?(?P<begins>\d{1,2})(?::00)?-(?P<ends>\d{1,2})(?::00)?"
)
_CLOCK: Final = re.compile(r"UTC(?:(?P<sign>[+-])(?P<hours>\d{1,2})(?::(?P<minutes>00|15|30|45))?)?")
_FURTHEST_MINUTES: Final = 14 * 60  # Line Islands, UTC+14; to the west it is UTC-12.


def hours_of_week(text: str) -> tuple[int, ...]:
    """The hours, 0 to 167 from Monday's midnight, that `08-18`, `sat-sun 00-24` or `mon-fri 22-06` means.

    Hours that pass midnight go on into the next day, as the night of Friday does. Raises ValueError with what is wrong.
    """
    match = _HOURS.fullmatch(text.strip().lower())
    if match is None:
        raise ValueError(f"`{text}` is not hours of a week")
    begins, ends = int(match["begins"]), int(match["ends"])
    if begins > 23 or ends > HOURS_PER_DAY or begins == ends:
        raise ValueError(f"`{text}` does not go from an hour to another of 00 to 24")
    for name in (match["first"], match["last"]):
        if name is not None and name not in DAYS:
            raise ValueError(f"`{name}` is no day of the week")
    length = (ends - begins) % HOURS_PER_DAY or HOURS_PER_DAY
    return tuple(
        sorted(
            (day * HOURS_PER_DAY + begins + hour) % HOURS_PER_WEEK
            for day in _days(match)
            for hour in range(length)
        )
    )


def _days(match: re.Match[str]) -> tuple[int, ...]:
    if match["first"] is None:
        return tuple(range(len(DAYS)))
    first = DAYS.index(match["first"])
    last = first if match["last"] is None else DAYS.index(match["last"])
    return tuple((first + day) % len(DAYS) for day in range((last - first) % len(DAYS) + 1))


def minutes_from_utc(clock: str) -> int:
    """Minutes that a clock is ahead of UTC: -300 for `UTC-5`, 330 for `UTC+5:30`. Raises ValueError."""
    match = _CLOCK.fullmatch(clock.strip())
    if match is None:
        raise ValueError(f"`{clock}` is not a clock")
    minutes = int(match["hours"] or 0) * 60 + int(match["minutes"] or 0)
    if minutes > _FURTHEST_MINUTES:
        raise ValueError(f"`{clock}` is further from UTC than any place")
    return -minutes if match["sign"] == "-" else minutes
