"""Where an estate's numbers come from: each has a source, is marked as an assumption, or says neither."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import cast

from pydantic import BaseModel

from offtake.domain.estate import Estate
from offtake.domain.quantities import Figure, Series
from offtake.domain.records import Entry
from offtake.domain.workloads import InferenceClass, TrainingRun


def figures_of(estate: BaseModel) -> Iterator[tuple[str, Figure]]:
    """Every figure with its path (`sites.abilene.pue`); an entry's `source` and `assumed` hold for those without.

    A run given by a loss or by money counts with the FLOP that follow. Where traffic was made from users and their
    profiles, its numbers are given and theirs are not: each counts once. What other futures may hold is not counted.
    """
    yield from _walk(estate, "", None, assumed=False)


def _walk(value: object, path: str, source: str | None, *, assumed: bool) -> Iterator[tuple[str, Figure]]:
    if isinstance(value, Figure):
        own = value.source or source
        yield (
            path,
            Figure(
                value.amount,
                value.unit,
                value.kind,
                value.text,
                value.currency,
                own,
                value.assumed or (assumed and not value.source),
            ),
        )
    elif isinstance(value, Series):
        for step in value:
            yield from _walk(step.figure, path, source, assumed=assumed)
    elif isinstance(value, BaseModel):
        if isinstance(value, Entry):
            source, assumed = value.source or source, value.assumed or (assumed and not value.source)
        for name in type(value).model_fields:
            if _behind(value, name):
                continue
            yield from _walk(
                getattr(value, name), f"{path}.{name}" if path else name, source, assumed=assumed
            )
    elif isinstance(value, Mapping):
        for key, one in cast("Mapping[str, object]", value).items():
            yield from _walk(one, f"{path}.{key}", source, assumed=assumed)
    elif isinstance(value, tuple):
        for n, one in enumerate(cast("tuple[object, ...]", value)):
            yield from _walk(one, f"{path}[{n}]", source, assumed=assumed)


def _behind(value: BaseModel, name: str) -> bool:
    """Whether a field's figures stand behind others that were made from them, and would count twice."""
    if isinstance(value, InferenceClass):
        return name == "usage" and bool(value.traffic)
    if isinstance(value, TrainingRun):
        return name in ("loss", "money") and value.flop is not None
    return isinstance(value, Estate) and name in ("profiles", "laws", "futures")


def numbers_of(estate: BaseModel) -> tuple[int, int, int]:
    """How many figures have a source, are assumed, or say neither."""
    sourced = assumed = neither = 0
    for _, figure in figures_of(estate):
        if figure.assumed:
            assumed += 1
        elif figure.source:
            sourced += 1
        else:
            neither += 1
    return sourced, assumed, neither
