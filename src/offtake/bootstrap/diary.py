"""The diary of an estate: its law, its position, the business days of its calendars, and its files."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.adapters.estate_yaml import Loaded
from offtake.bootstrap.estates import known_party, law_of, position, supposed
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.domain.estate import Estate
    from offtake.law.diary import DiaryEntry

LONGEST_YEARS = 100


def diary(
    loaded: Loaded,
    known_at: date | None,
    events: Sequence[str],
    begins: date | None,
    ends: date | None,
    party: str | None,
) -> tuple[DiaryEntry, ...]:
    """What is due from a day until another, else within the horizon.

    Raises InvalidInput for an unknown event or party, an interval that is none or too long, a calendar of no country.
    """
    from offtake.adapters.business_days import business_days_of
    from offtake.law.diary import diary as entries

    estate = loaded.estate
    first = estate.horizon.begins if begins is None else begins
    last = max(estate.horizon.ends, first) if ends is None else ends
    if last <= first:
        raise InvalidInput(f"nothing lies from {first} until {last}", hint="give a later day with --until")
    if last.year - first.year > LONGEST_YEARS:
        raise InvalidInput(
            f"from {first} until {last} is more than {LONGEST_YEARS} years",
            hint="ask for fewer with --from and --until",
        )
    law = law_of(estate, known_at)
    where = position(estate, supposed(estate, events))
    return entries(estate, law, where, business_days_of, first, last, known_party(estate, party))


def stamp_of(estate: Estate, known_at: date | None) -> date:
    """The day of which a diary tells: that of `known_at`, else the last signing, else the horizon's first."""
    if known_at is not None:
        return known_at
    signings = [
        signed
        for agreement in estate.agreements.values()
        for signed in (agreement.signed, *(amendment.signed for amendment in agreement.amendments))
    ]
    return max(signings, default=estate.horizon.begins)


def write(loaded: Loaded, known_at: date | None, entries: Sequence[DiaryEntry], path: Path) -> None:
    """The diary as an iCalendar or CSV file. Raises InvalidInput for another ending, StorageFailure if it fails."""
    from offtake.adapters.diary_files import write_diary

    estate = loaded.estate
    write_diary(
        entries,
        path,
        name=estate.name or "offtake",
        currency=estate.currency,
        stamp=stamp_of(estate, known_at),
    )
