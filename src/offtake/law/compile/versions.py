"""The versions of an agreement's clauses: each clause as amendments, known at a date, ended, replaced or
added it."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date

from offtake.domain.agreements import Agreement, Amendment
from offtake.domain.clauses import AnyClause
from offtake.domain.errors import InvalidInput


@dataclass(frozen=True, slots=True)
class Version:
    """A clause as it stands on [begins, ends), and the document that it stands in."""

    clause: AnyClause
    begins: date
    ends: date | None
    document: str | None
    replaces: bool = False


def known_amendments(agreement: Agreement, known_at: date | None) -> tuple[Amendment, ...]:
    """The amendments signed by a date (None: all), in the order of signing."""
    known = (each for each in agreement.amendments if known_at is None or each.signed <= known_at)
    return tuple(sorted(known, key=lambda amendment: amendment.signed))


def versions(id: str, agreement: Agreement, known_at: date | None) -> dict[str, tuple[Version, ...]]:
    """The versions of each clause in the order of time. Raises InvalidInput if an amendment ends an unknown
    clause."""
    found: dict[str, tuple[Version, ...]] = {
        key: (Version(clause, clause.begins or agreement.signed, clause.ends, agreement.document),)
        for key, clause in agreement.clauses.items()
    }
    for amendment in known_amendments(agreement, known_at):
        for key, day in amendment.ends.items():
            if key not in found:
                raise InvalidInput(
                    f"{id}: the amendment of {amendment.signed} ends `{key}`, which is no clause of it"
                )
            found[key] = _ended(found[key], day)
        for key, clause in amendment.clauses.items():
            begins = clause.begins or amendment.signed
            new = Version(clause, begins, clause.ends, amendment.document or agreement.document)
            found[key] = _replaced(found.get(key, ()), new)
    return dict(sorted(found.items()))


def _ended(old: tuple[Version, ...], day: date) -> tuple[Version, ...]:
    """Without force from a day on. A clause that ends before it began leaves an empty version, which never
    holds."""
    kept = [version for version in old if version.begins < day] or list(old[:1])
    kept[-1] = replace(kept[-1], ends=max(day, kept[-1].begins))
    return tuple(kept)


def _replaced(old: tuple[Version, ...], new: Version) -> tuple[Version, ...]:
    """The old one holds until the new one begins."""
    kept = [version for version in old if version.begins < new.begins]
    if not kept:
        return (new,)
    last = kept[-1]
    kept[-1] = replace(last, ends=new.begins if last.ends is None else min(last.ends, new.begins))
    return (*kept, replace(new, replaces=True))
