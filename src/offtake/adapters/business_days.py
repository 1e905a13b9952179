"""Business days of a country, by the `holidays` library: neither a weekend's day there nor a public holiday."""

from __future__ import annotations

from datetime import date
from functools import cache

from offtake.domain.errors import InvalidInput
from offtake.law.procedures import BusinessDay, monday_to_friday


@cache
def business_days_of(calendar: str | None) -> BusinessDay:
    """Whether a day is a business day, by the calendar of a country (`US`) or a part of one (`US-TX`); None has no
    holidays. Raises InvalidInput for a calendar that is not known."""
    if calendar is None:
        return monday_to_friday
    import holidays

    country, _, part = calendar.partition("-")
    try:
        known = holidays.country_holidays(country, subdiv=part or None)
    except NotImplementedError:
        raise InvalidInput(
            f"the business days of `{calendar}` are not known",
            hint="write the ISO code of a country, such as `US`, or of a part of one, such as `DE-BY`",
        ) from None

    def is_business_day(day: date) -> bool:
        return known.is_working_day(day)

    return is_business_day
