"""Agreements: clauses between parties, known from the day they are signed, and changed by dated amendments."""

from __future__ import annotations

from datetime import date

from pydantic import Field

from offtake.domain.clauses import AnyClause
from offtake.domain.records import Entry, Id, Money, Status


class Amendment(Entry):
    """A change known from its own signing: clauses end on a day, are replaced, or are added."""

    signed: date
    document: str | None = None
    ends: dict[Id, date] = Field(
        default={}, description="clauses that end, each with its first day without force"
    )
    clauses: dict[Id, AnyClause] = Field(
        default={}, description="clauses added, or replaced from the signing on"
    )
    unmodelled: tuple[str, ...] = ()


class Agreement(Entry):
    """Clauses between parties. Every report repeats the terms that are `unmodelled`."""

    between: tuple[Id, ...] = Field(min_length=1)
    signed: date
    document: str | None = None
    status: Status = "contracted"
    part_of: Id | None = None
    value: Money | None = Field(default=None, description="the total announced or agreed")
    clauses: dict[Id, AnyClause] = {}
    amendments: tuple[Amendment, ...] = ()
    unmodelled: tuple[str, ...] = ()
