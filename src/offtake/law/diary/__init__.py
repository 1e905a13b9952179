"""The diary of an estate: what is due when, under its law, and the money at stake. Pure; planned by nobody."""

from __future__ import annotations

from datetime import date
from typing import Final

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.law.diary.entries import KINDS, BusinessDays, Diarist, DiaryEntry, Kind
from offtake.law.diary.rights import rights
from offtake.law.diary.supplies import supplies
from offtake.law.diary.terms import terms
from offtake.law.diary.windows import windows
from offtake.law.primitives import Law

__all__ = ["KINDS", "MAXIMUM_ENTRIES", "BusinessDays", "DiaryEntry", "Kind", "diary"]

MAXIMUM_ENTRIES: Final = 20_000


def diary(
    estate: Estate,
    law: Law,
    position: Position,
    business_days: BusinessDays,
    begins: date,
    ends: date,
    party: str | None = None,
) -> tuple[DiaryEntry, ...]:
    """Every entry whose day is in [begins, ends), in the order of days; for a party, those that name it.

    Raises InvalidInput for a currency without a rate on the day, and for more than MAXIMUM_ENTRIES entries.
    """
    diarist = Diarist(estate, law, position, business_days)
    found: dict[str, DiaryEntry] = {}
    for source in (terms(diarist), rights(diarist), windows(diarist, begins, ends), supplies(diarist)):
        for entry in source:
            if begins <= entry.on < ends and (party is None or party in entry.parties):
                found[entry.key] = entry
            if len(found) > MAXIMUM_ENTRIES:
                raise InvalidInput(
                    f"more than {MAXIMUM_ENTRIES:,} entries lie between {begins} and {ends}",
                    hint="ask for fewer days with --from and --until",
                )
    return tuple(
        sorted(found.values(), key=lambda one: (one.on, KINDS.index(one.kind), one.subject, one.key))
    )
