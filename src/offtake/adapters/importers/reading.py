"""What every importer is given, and what it hands back: entries for an estate, and the account of its rows."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import Final, Protocol

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.imports import Tally
from offtake.law.primitives import Law

MAXIMUM_ENTRIES: Final = 20_000  # Entries that one import may add to an estate.
_LONGEST_ID: Final = 64
_IN_ORDER: Final = frozenset(
    {"horizon", "hours"}
)  # Sections that read better in the order in which they came.


@dataclass(frozen=True)
class Known:
    """What an estate says without the file that an import writes: its sections as plain values.

    `mapped` says which entry of the estate a name of the file means (`--map NAME=ID`).
    """

    sections: Mapping[str, Plain]
    mapped: Mapping[str, str] = field(default_factory=dict[str, str])
    _by_name: dict[str, dict[str, str]] = field(default_factory=dict[str, dict[str, str]])

    def section(self, name: str) -> Mapping[str, Plain]:
        """The entries of a section by id; none if the section is not there."""
        found = self.sections.get(name)
        return found if isinstance(found, dict) else {}

    def has(self, section: str, id: str) -> bool:
        """Whether the estate itself has an entry."""
        return id in self.section(section)

    def find(self, section: str, *names: str | None) -> str | None:
        """The id of the entry that one of these names means: as mapped, by its id, or by its `name`."""
        entries = self.section(section)
        for name in names:
            if name is None:
                continue
            for candidate in (self.mapped.get(name), name, slug(name)):
                if candidate is not None and candidate in entries:
                    return candidate
            if (named := self._names(section).get(name.casefold())) is not None:
                return named
        return None

    def _names(self, section: str) -> dict[str, str]:
        """Ids of a section by the names of its entries; the first of two with one name."""
        if section not in self._by_name:
            names: dict[str, str] = {}
            for id, entry in self.section(section).items():
                if isinstance(entry, dict) and isinstance(entry.get("name"), str):
                    names.setdefault(str(entry["name"]).casefold(), id)
            self._by_name[section] = names
        return self._by_name[section]

    def party(self) -> str | None:
        """The party whose plan the estate is for, if the estate says so."""
        found = self.sections.get("for")
        return found if isinstance(found, str) else None


@dataclass(frozen=True)
class Asked:
    """What an importer is asked: the file, what the estate knows, and how to count rows."""

    path: Path
    known: Known
    tally: Tally
    provider: str | None = None
    region: str | None = None
    estate: Estate | None = (
        None  # As it is without the import, for what is read against agreements; with its law.
    )
    law: Law | None = None


@dataclass
class Found:
    """What a file adds to an estate, section by section, and what a reader of the account should know."""

    sections: dict[str, dict[str, Plain]] = field(default_factory=dict[str, dict[str, Plain]])
    head: dict[str, Plain] = field(
        default_factory=dict[str, Plain]
    )  # Keys that hold one value, such as `currency`.
    lists: dict[str, list[Plain]] = field(default_factory=dict[str, list[Plain]])
    notes: list[str] = field(default_factory=list[str])
    attribution: str | None = None
    count: int = 0

    def add(self, section: str, id: str, entry: Mapping[str, Plain]) -> None:
        """Adds an entry. Raises InvalidInput once there are more than MAXIMUM_ENTRIES."""
        entries = self.sections.setdefault(section, {})
        if id not in entries:
            self._grow()
        entries[id] = stated(entry)

    def append(self, section: str, entry: Mapping[str, Plain]) -> None:
        """Adds an entry to a section that is a list."""
        self._grow()
        self.lists.setdefault(section, []).append(stated(entry))

    def has(self, section: str, id: str) -> bool:
        """Whether the entry was added before."""
        return id in self.sections.get(section, {})

    def get(self, section: str, id: str) -> dict[str, Plain] | None:
        """An entry added before."""
        entry = self.sections.get(section, {}).get(id)
        return entry if isinstance(entry, dict) else None

    def plain(self) -> dict[str, Plain]:
        """The sections as an estate file holds them, entries in the order of their ids, empty ones left out."""
        mappings: dict[str, Plain] = {
            name: dict(entries) if name in _IN_ORDER else {id: entries[id] for id in sorted(entries)}
            for name, entries in self.sections.items()
            if entries
        }
        return {
            **self.head,
            **mappings,
            **{name: tuple(items) for name, items in self.lists.items() if items},
        }

    def _grow(self) -> None:
        self.count += 1
        if self.count > MAXIMUM_ENTRIES:
            raise InvalidInput(
                f"the file holds more than {MAXIMUM_ENTRIES:,} entries for an estate",
                hint="keep the rows that you mean to plan with",
            )


class Importer(Protocol):
    """Reads a file, counts each of its rows once, and says what the estate gains.

    Raises InvalidInput if the file as a whole cannot be used.
    """

    def __call__(self, asked: Asked, /) -> Found: ...


def stated(entry: Mapping[str, Plain]) -> dict[str, Plain]:
    """An entry without the keys that say nothing."""
    return {key: value for key, value in entry.items() if value is not None}


@lru_cache(maxsize=4096)
def slug(name: str) -> str:
    """A name as an id: lower case, letters and digits and `.` and `-`, at most 64 characters; may be empty."""
    plain = unicodedata.normalize("NFKD", name).encode("ascii", "ignore").decode().lower()
    return re.sub(r"[^a-z0-9.]+", "-", plain).strip("-.")[:_LONGEST_ID].rstrip("-.")


def ensure(found: Found, known: Known, section: str, name: str, entry: Mapping[str, Plain]) -> str:
    """The id of an entry that is there, or is added under the slug of its name. Raises InvalidInput for a name that
    leaves no id."""
    existing = known.find(section, name)
    if existing is not None:
        return existing
    id = slug(name)
    if not id:
        raise InvalidInput(f"`{name[:60]}` leaves no id", hint="map it: --map 'NAME=ID'")
    if not known.has(section, id) and not found.has(section, id):
        found.add(section, id, entry)
    return id
