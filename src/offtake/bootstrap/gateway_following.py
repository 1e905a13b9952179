"""What a gateway follows while it runs: the estate's files, its keys, where things stand, and the day."""

from __future__ import annotations

import asyncio
import time
from dataclasses import replace
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.bootstrap.gateway import (
    Clock,
    Place,
    Prepared,
    Reader,
    keys_for,
    modified,
    prepare,
    profiles_of,
    standing_of,
    table_of,
    today,
)
from offtake.bootstrap.gateway_estate import read_served
from offtake.domain.errors import StorageFailure

if TYPE_CHECKING:
    from datetime import date

    from offtake.bootstrap.gateway_ledger import LedgerReader


class Following:
    """Says what is to be in force once anything has changed, and works out again no more than has to be."""

    def __init__(
        self,
        path: Path,
        place: Place,
        prepared: Prepared,
        ledger: LedgerReader | None = None,
        wall: Clock = time.time,
        read: Reader = read_served,
    ) -> None:
        self._wall = wall
        self._read = read
        self._path = path
        self._place = place
        self._ledger = ledger
        self._prepared = prepared
        self._files = self._seen_files()
        self._keys = modified(place.keys)
        self._day: date = prepared.table.day
        self._stood: object = None  # Read once more: it may have changed since it was prepared.
        self.unreachable: str | None = None  # Why it cannot be told where things stand; what was known stays.

    def _seen_files(self) -> tuple[object, ...]:
        return tuple(modified(file) for file in self._prepared.files)

    async def look(self) -> Prepared | None:
        """What is to be in force from now on; None if nothing changed. It is read beside the loop.

        Raises OfftakeError if what changed cannot be used; it is looked at again once it changes again.
        """
        return await asyncio.get_running_loop().run_in_executor(None, self._look)

    def _look(self) -> Prepared | None:
        before, day = self._prepared, today(self._wall)
        stood = self._mark()
        files, keys = self._seen_files(), modified(self._place.keys)
        changed = files != self._files, keys != self._keys, stood != self._stood, day != self._day
        if not any(changed):
            return None
        self._files, self._keys = files, keys
        if changed[0]:
            # What stands is read before its mark is kept, so that what comes meanwhile is seen the next time.
            last, tokens = before.standing, before.tokens
            self._prepared = prepare(
                self._path, self._place, self._ledger, self._wall, last, tokens, self._read
            )
            self._files = self._seen_files()
            if self._prepared.standing is last:
                stood = self._stood  # It could not be read, and is looked at again.
        else:
            self._prepared, stood = self._again(before, day, read_keys=changed[1], stood=stood)
        self._stood, self._day = stood, day
        return self._prepared if self._prepared is not before else None

    def _again(
        self, before: Prepared, day: date, *, read_keys: bool, stood: object
    ) -> tuple[Prepared, object]:
        """The same estate and law, under other keys, on another day, or where things stand otherwise; and the mark of
        where they stand."""
        keys = keys_for(before.estate, self._place) if read_keys else before.keys
        standing = before.standing
        if stood != self._stood:
            try:
                standing = standing_of(before.positions)
            except StorageFailure as failure:
                self.unreachable, stood = failure.message, self._stood
        same = day == before.table.day and standing == before.standing
        if same and profiles_of(keys) == profiles_of(before.keys):
            return (before if keys == before.keys else replace(before, keys=keys)), stood
        table = table_of(before.estate, before.law, standing, keys, day)
        return replace(before, keys=keys, standing=standing, table=table), stood

    def _mark(self) -> object:
        """Something that differs once things stand otherwise; as before if that cannot be told."""
        try:
            found = self._prepared.positions.mark()
        except StorageFailure as failure:
            self.unreachable = failure.message
            return self._stood
        self.unreachable = None
        return found
