"""Walks an estate: every record and every figure, with the path at which people wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import cast

from pydantic import BaseModel

from offtake.domain.agreements import Agreement
from offtake.domain.checks.findings import Path
from offtake.domain.clauses import AnyClause
from offtake.domain.estate import Estate
from offtake.domain.quantities import Figure, Series


def fields(record: BaseModel) -> Iterator[tuple[str, object]]:
    """The fields of a record, as people write them, with their values."""
    for name, info in type(record).model_fields.items():
        yield info.alias or name, getattr(record, name)


def records(value: object, path: Path = ()) -> Iterator[tuple[Path, BaseModel]]:
    """Every record in a value, outermost first, in the order of the file."""
    if isinstance(value, BaseModel):
        yield path, value
        for key, inner in fields(value):
            yield from records(inner, (*path, key))
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from records(inner, (*path, key))
    elif isinstance(value, tuple):
        for place, inner in enumerate(cast("tuple[object, ...]", value)):
            yield from records(inner, (*path, place))


def figures(value: object, path: Path = ()) -> Iterator[tuple[Path, Figure, date | None]]:
    """Every figure in a value, with the day from which it holds, if it says one."""
    if isinstance(value, Figure):
        yield path, value, None
    elif isinstance(value, Series):
        for step in value.steps:
            yield path, step.figure, step.begins
    elif isinstance(value, BaseModel):
        for key, inner in fields(value):
            yield from figures(inner, (*path, key))
    elif isinstance(value, dict):
        for key, inner in cast("dict[str, object]", value).items():
            yield from figures(inner, (*path, key))
    elif isinstance(value, tuple):
        for place, inner in enumerate(cast("tuple[object, ...]", value)):
            yield from figures(inner, (*path, place))


def clauses(estate: Estate) -> Iterator[tuple[Path, str, Agreement, AnyClause]]:
    """Every clause, those of amendments too: its path, the id of its agreement, the agreement, and the
    clause."""
    for id, agreement in estate.agreements.items():
        for key, clause in agreement.clauses.items():
            yield ("agreements", id, "clauses", key), id, agreement, clause
        for place, amendment in enumerate(agreement.amendments):
            for key, clause in amendment.clauses.items():
                yield (("agreements", id, "amendments", place, "clauses", key), id, agreement, clause)
