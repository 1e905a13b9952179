"""Masks in bulk: which of many workloads may go to which of many supplies, equal to `decide`'s answers on
masks.

For each mask, workloads and supplies fall into the few cases that it can tell apart; its small matrix of cases is
spread over all pairs at eight supplies to a byte. So what is done for every pair is one bitwise `or` per mask.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from datetime import date
from typing import Final, Generic, TypeVar, cast

import numpy as np
from numpy.typing import NDArray

from offtake.domain.position import Position
from offtake.domain.selection import Action, ActionKind, Interval, Selection, SupplyFacts, WorkloadFacts
from offtake.law.decide import forbids
from offtake.law.force import farther, happened_on, launched_on, outside, supply_subjects, workload_subjects
from offtake.law.primitives import Covered, FartherThan, HandledOutside, Law, Mask, Origin, SuppliedElsewhere

Bools = NDArray[np.bool_]
Days = NDArray[np.int64]
T = TypeVar("T", WorkloadFacts, SupplyFacts)

_NEVER: Final = date.max.toordinal() + 1  # The ordinal of a day that does not come.
_SUBJECTS: Final = (
    "id",
    "deployment",
    "product",
    "site",
    "provider",
)  # Facts of a supply that events may be about.


def permitted(
    law: Law,
    workloads: Sequence[WorkloadFacts],
    supplies: Sequence[SupplyFacts],
    action: ActionKind,
    interval: Interval,
    position: Position,
) -> Bools:
    """Whether no mask forbids the action over the whole interval: an array (workload, supply), in the order given."""
    masks = [mask for mask in law.masks if _may_matter(mask, action, interval)]
    rows = _Side(workloads).grouped(_workload_facts(masks, law, position))
    columns = _Side(supplies).grouped(_supply_facts(masks, position))
    forbidden = np.zeros(
        (len(rows.things), (len(supplies) + 7) // 8), dtype=np.uint8
    )  # Eight supplies to a byte.
    for mask in masks:
        own_rows = rows.grouped(_workload_facts([mask], law, position))
        own_columns = columns.grouped(_supply_facts([mask], position))
        blocked = _blocked(mask, own_rows, own_columns)
        if blocked is not None:
            blocked &= _in_time(mask, law, position, own_rows, own_columns, interval)
            spread = np.packbits(blocked[:, own_columns.codes[columns.codes]], axis=1)
            forbidden |= spread[own_rows.codes]
    free = np.unpackbits(~forbidden, axis=1, count=len(supplies)).view(np.bool_)
    return free[rows.codes]


def forbidding(
    law: Law,
    workload: WorkloadFacts,
    supply: SupplyFacts,
    action: ActionKind,
    interval: Interval,
    position: Position,
) -> tuple[Origin, ...]:
    """The clauses whose masks forbid one pair, in the order of the masks' ids, each once."""
    done = Action(kind=action, interval=interval, workload=workload, supply=supply)
    return tuple(dict.fromkeys(mask.origin for mask in law.masks if forbids(mask, law, position, done)))


class _Column:
    """One fact of many things: the code of each thing's value, and the distinct values behind the codes."""

    def __init__(self, values: Iterable[object]) -> None:
        known: dict[object, int] = {}
        self.codes: Days = np.array([known.setdefault(value, len(known)) for value in values], dtype=np.int64)
        self.distinct: list[object] = list(known)

    def test(self, accepts: Callable[[object], bool]) -> Bools:
        """Which things have a value that is accepted."""
        return np.array([accepts(value) for value in self.distinct], dtype=np.bool_)[self.codes]


class _Side(Generic[T]):
    """Workloads or supplies, or one of each case that some masks can tell apart.

    `codes` leads from each thing that was grouped to its case.
    """

    def __init__(self, things: Sequence[T], codes: Days | None = None) -> None:
        self.things: Sequence[T] = things
        self.codes: Days = np.arange(len(things), dtype=np.int64) if codes is None else codes
        self._columns: dict[str, _Column] = {}

    def grouped(self, facts: Mapping[str, frozenset[object] | None]) -> _Side[T]:
        """One of each case: `facts` are what is looked at, of each the values mentioned, or None if all count."""
        codes = np.zeros(len(self.things), dtype=np.int64)
        for fact, mentioned in facts.items():
            column = self.column(fact)
            seen = _Column(_seen(value, mentioned) for value in column.distinct).codes
            codes = np.unique(codes * max(len(column.distinct), 1) + seen[column.codes], return_inverse=True)[
                1
            ]
        _, first, inverse = np.unique(codes, return_index=True, return_inverse=True)
        return _Side([self.things[int(place)] for place in first], inverse)

    def column(self, fact: str) -> _Column:
        """One fact of the things."""
        if fact not in self._columns:
            self._columns[fact] = _Column(getattr(thing, fact) for thing in self.things)
        return self._columns[fact]

    def matching(self, keys: Iterable[tuple[str, tuple[str, ...]]]) -> Bools:
        """Which cases match every key of a selection."""
        found = np.ones(len(self.things), dtype=np.bool_)
        for fact, values in keys:
            accepted = frozenset(values)
            found &= self.column(fact).test(lambda value, accepted=accepted: _matches(value, accepted))
        return found

    def days(self, day: Callable[[T], date | None]) -> Days:
        """A day of each case as an ordinal; a day that is not known never comes."""
        found = (day(thing) for thing in self.things)
        return np.array([_NEVER if each is None else each.toordinal() for each in found], dtype=np.int64)


def _seen(value: object, mentioned: frozenset[object] | None) -> object:
    """The value as the masks see it: all that they do not mention is one."""
    if mentioned is None:
        return value
    if isinstance(value, frozenset):
        return cast("frozenset[object]", value) & mentioned
    return value if value in mentioned else _NEVER


def _matches(value: object, accepted: frozenset[str]) -> bool:
    if isinstance(value, frozenset):
        return not accepted.isdisjoint(cast("frozenset[object]", value))
    return value in accepted


def _may_matter(mask: Mask, action: ActionKind, interval: Interval) -> bool:
    return action in mask.scope.actions and interval.overlaps(mask.scope.begins, mask.scope.ends)


def _selections(masks: Iterable[Mask]) -> Iterable[Selection]:
    for mask in masks:
        yield from (mask.scope.covers, *mask.scope.excepts)


class _Looked:
    """What the masks look at, fact by fact."""

    def __init__(self) -> None:
        self.facts: dict[str, frozenset[object] | None] = {}

    def at(self, fact: str, values: Iterable[object] | None) -> None:
        """A fact is looked at: these values of it, or every value."""
        before = self.facts.get(fact, frozenset())
        self.facts[fact] = None if values is None or before is None else before | frozenset(values)


def _workload_facts(
    masks: Sequence[Mask], law: Law, position: Position
) -> dict[str, frozenset[object] | None]:
    looked = _Looked()
    for selection in _selections(masks):
        for fact, values in selection.workload_keys():
            looked.at(fact, values)
    for mask in masks:
        if isinstance(mask.relation, FartherThan):
            looked.at("client_region", None)
        if mask.days_from_launch is not None:
            looked.at("model", (None, *law.launches, *position.launches))
        if mask.scope.since_event or mask.scope.until_event:
            looked.at("model", (event.about for event in position.happened))
    return looked.facts


def _supply_facts(masks: Sequence[Mask], position: Position) -> dict[str, frozenset[object] | None]:
    looked = _Looked()
    for selection in _selections(masks):
        for fact, values in selection.supply_keys():
            looked.at(fact, values)
    for mask in masks:
        match mask.relation:
            case SuppliedElsewhere():
                looked.at("provider", mask.relation.providers)
            case HandledOutside():
                for fact in mask.relation.facts:
                    looked.at(fact, None)
            case FartherThan():
                looked.at("region", None)
            case Covered():
                pass
        if mask.scope.since_event or mask.scope.until_event:
            for fact in _SUBJECTS:
                looked.at(fact, (event.about for event in position.happened))
    return looked.facts


def _blocked(mask: Mask, rows: _Side[WorkloadFacts], columns: _Side[SupplyFacts]) -> Bools | None:
    """Which cases the mask covers and stand in its relation, whatever the day: (workload, supply), None if
    none do."""
    covered = rows.matching(mask.scope.covers.workload_keys())
    supplied = columns.matching(mask.scope.covers.supply_keys()) & _related(mask, columns)
    if not covered.any() or not supplied.any():
        return None
    blocked = np.logical_and.outer(covered, supplied)
    for exception in mask.scope.excepts:
        free = rows.matching(exception.workload_keys())
        blocked &= ~np.logical_and.outer(free, columns.matching(exception.supply_keys()))
    if isinstance(mask.relation, FartherThan):
        blocked &= _far(mask.relation, rows.column("client_region"), columns.column("region"))
    return blocked


def _related(mask: Mask, columns: _Side[SupplyFacts]) -> Bools:
    """Which supplies stand in a relation that is about the supply alone."""
    relation = mask.relation
    if isinstance(relation, SuppliedElsewhere):
        return columns.column("provider").test(lambda provider: provider not in relation.providers)
    related = np.ones(len(columns.things), dtype=np.bool_)
    if isinstance(relation, HandledOutside):
        related[:] = False
        for fact in relation.facts:
            related |= columns.column(fact).test(
                lambda places: outside(cast("frozenset[object] | None", places), relation.boundary)
            )
    return related


def _far(relation: FartherThan, clients: _Column, regions: _Column) -> Bools:
    """Which pairs are too far from each other, or at an unknown distance: (workload, supply)."""
    table = np.array(
        [
            [farther(relation, _text(client), _text(region)) for region in regions.distinct]
            for client in clients.distinct
        ],
        dtype=np.bool_,
    )
    return table[np.ix_(clients.codes, regions.codes)]


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None


def _in_time(
    mask: Mask,
    law: Law,
    position: Position,
    rows: _Side[WorkloadFacts],
    columns: _Side[SupplyFacts],
    interval: Interval,
) -> Bools:
    """Whether the mask is in force on a day of the interval: (workload, supply), or one answer for all of
    them."""
    scope = mask.scope
    begins: Days = np.full((1, 1), 1 if scope.begins is None else scope.begins.toordinal(), dtype=np.int64)
    ends: Days = np.full((1, 1), _NEVER if scope.ends is None else scope.ends.toordinal(), dtype=np.int64)
    if scope.since_event is not None:
        begins = np.maximum(begins, _event_days(scope.since_event, position, rows, columns))
    if scope.until_event is not None:
        ends = np.minimum(ends, _event_days(scope.until_event, position, rows, columns))
    if mask.days_from_launch is not None:
        launched = rows.days(lambda w: None if w.model is None else launched_on(law, position, w.model))
        ends = np.minimum(
            ends, np.where(launched == _NEVER, _NEVER, launched + mask.days_from_launch)[:, None]
        )
        about_a_model = np.array([workload.model is not None for workload in rows.things], dtype=np.bool_)
        begins = np.where(about_a_model[:, None], begins, _NEVER)
    last = _NEVER if interval.ends is None else interval.ends.toordinal()
    return (begins < ends) & (interval.begins.toordinal() < ends) & (begins < last)


def _event_days(
    event: str, position: Position, rows: _Side[WorkloadFacts], columns: _Side[SupplyFacts]
) -> Days:
    """The day of an event about the workload's model, the supply, or all: ordinals (workload, supply)."""
    by_workload = rows.days(lambda workload: happened_on(position, event, workload_subjects(workload)))
    by_supply = columns.days(lambda supply: happened_on(position, event, supply_subjects(supply)))
    return np.minimum.outer(by_workload, by_supply)
