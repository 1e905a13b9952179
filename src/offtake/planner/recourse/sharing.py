"""Which columns of many futures are one decision: the same order in the same period, placed before it is known
which of them comes.

Orders are told from all other columns by their blocks (`offtake.planner.program.Block.orders`), and one from another by
block and place, so that nothing here knows a clause or a kind of supply.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from offtake.planner.calendar import Calendar
from offtake.planner.formulation import Formulation
from offtake.planner.program import ABSENT, Block, Program

PERIOD = "period"

OrderKey: TypeAlias = tuple[str, int, int]
"""An order: its block's name, which of the blocks of that name it is in, and its place on the block's axes."""


@dataclass(frozen=True, slots=True)
class Stages:
    """The days on which more becomes known. Orders of periods that begin before the first are decided at once for all
    futures; those between a day and the next for each group of futures that cannot be told apart on it; those from the
    last one on in each future by itself. `groups` (day but the last, future) are those groups' numbers.
    """

    days: tuple[date, ...]
    groups: NDArray[np.intp]

    def stage_of(self, day: date) -> int | None:
        """The stage in which an order of a period that begins on a day is decided; None once all is known."""
        return next((n for n, until in enumerate(self.days) if day < until), None)

    def group(self, stage: int, future: int) -> int:
        """The group in which a future is decided for in a stage."""
        return 0 if stage == 0 else int(self.groups[stage - 1, future])


def two_stages(until: date, futures: int) -> Stages:
    """All is known from one day on."""
    return Stages((until,), np.zeros((0, futures), dtype=np.intp))


@dataclass(frozen=True, slots=True)
class Decision:
    """A shared decision: an order, and the group of futures that it is taken for."""

    key: OrderKey
    stage: int
    group: int


@dataclass(frozen=True, eq=False)
class Sharing:
    """The shared decisions of futures; `columns` (future, decision) is the column of each, or ABSENT. `concerns`
    (future, decision) says whose decision it is."""

    decisions: tuple[Decision, ...]
    names: tuple[str, ...]
    columns: NDArray[np.int32]
    concerns: NDArray[np.bool_]

    def shared(self, future: int, column_count: int) -> NDArray[np.int32]:
        """(column,) the decision of each column of a future, or ABSENT."""
        found = np.full(column_count, ABSENT, dtype=np.int32)
        present = np.flatnonzero(self.columns[future] != ABSENT)
        found[self.columns[future][present]] = present
        return found

    def lacks(self, future: int) -> tuple[int, ...]:
        """The decisions that concern a future and that it has no column for."""
        return tuple(map(int, np.flatnonzero(self.concerns[future] & (self.columns[future] == ABSENT))))


def sharing_of(formulations: Sequence[Formulation], stages: Stages) -> Sharing:
    """The decisions that the futures' programs share."""
    calendar = formulations[0].instance.calendar
    ids: dict[Decision, int] = {}
    names: list[str] = []
    places: list[tuple[int, int, int]] = []
    for s, formulation in enumerate(formulations):
        for key, column, period in orders_of(formulation.program, calendar):
            stage = stages.stage_of(calendar.periods[period].begins)
            if stage is None:
                continue
            decision = Decision(key, stage, stages.group(stage, s))
            if decision not in ids:
                ids[decision] = len(ids)
                names.append(formulation.program.column_label(column))
            places.append((s, ids[decision], column))
    columns = np.full((len(formulations), len(ids)), ABSENT, dtype=np.int32)
    for s, decision, column in places:
        columns[s, decision] = column
    concerns = [[stages.group(one.stage, s) == one.group for one in ids] for s in range(len(formulations))]
    return Sharing(
        tuple(ids), tuple(names), columns, np.array(concerns, dtype=np.bool_).reshape(columns.shape)
    )


def matched(
    sharing: Sharing, formulation: Formulation, until: date
) -> tuple[NDArray[np.int32], tuple[int, ...]]:
    """The first stage's decisions in another program of the same periods: (column,) ids, and those it has no column
    for.

    Orders of that program which are no decision of the futures are its own.
    """
    calendar = formulation.instance.calendar
    ids = {one.key: n for n, one in enumerate(sharing.decisions) if one.stage == 0}
    shared = np.full(formulation.program.column_count, ABSENT, dtype=np.int32)
    left = set(ids.values())
    for key, column, period in orders_of(formulation.program, calendar):
        if calendar.periods[period].begins < until and key in ids:
            shared[column] = ids[key]
            left.discard(ids[key])
    return shared, tuple(sorted(left))


def orders_of(program: Program, calendar: Calendar) -> Iterator[tuple[OrderKey, int, int]]:
    """Every order of a program: its key, its column, and the number of its period."""
    number = {label: n for n, label in enumerate(calendar.labels)}
    seen: dict[str, int] = {}
    for block in program.column_blocks:
        if not block.orders:
            continue
        occurrence = seen[block.name] = seen.get(block.name, -1) + 1
        for identifier, place, label in period_cells(block):
            yield (block.name, occurrence, place), identifier, number[label]


def period_cells(block: Block) -> Iterator[tuple[int, int, str]]:
    """The ids of a block with an axis of periods: each with its place on the axes and the label of its period."""
    names = [name for name, _ in block.axes]
    axis = names.index(PERIOD)
    along = np.unravel_index(block.cells, block.index.shape)[axis]
    labels = block.axes[axis][1]
    for n, place in enumerate(block.cells):
        yield block.first + n, int(place), str(labels[int(along[n])])


def groups_of(
    programs: Sequence[Program], calendar: Calendar, days: Sequence[date], branches: int
) -> NDArray[np.intp]:
    """(day, future) groups of futures that look alike until each day, each group of one day cut into up to `branches`
    by the next. Futures that are the same until a day are in one group.

    What they look like is every cost and bound of a column or row of the periods before the day, in units of its spread
    over the futures; they are put together by Ward's method (Journal of the American Statistical Association 58, 1963).
    """
    found = np.zeros((len(days), len(programs)), dtype=np.intp)
    before = np.zeros(len(programs), dtype=np.intp)
    for n, day in enumerate(days):
        features = _features(programs, {p.label for p in calendar.periods if p.begins < day})
        count = 0
        for group in np.unique(before):
            members = np.flatnonzero(before == group)
            parts = _clusters(features[members], branches)
            found[n, members] = parts + count
            count += int(parts.max(initial=0)) + 1
        before = found[n]
    return found


def _clusters(features: NDArray[np.float64], most: int) -> NDArray[np.intp]:
    from scipy.cluster.hierarchy import fcluster, linkage

    _, distinct = np.unique(features, axis=0, return_inverse=True)
    if len(features) < 2 or int(distinct.max()) == 0:
        return np.zeros(len(features), dtype=np.intp)
    spread = features.std(axis=0)
    varies = features[:, spread > 0] / spread[spread > 0]
    if int(distinct.max()) < most:
        return distinct.reshape(-1).astype(np.intp)
    return np.asarray(fcluster(linkage(varies, "ward"), most, criterion="maxclust"), dtype=np.intp) - 1


def _features(programs: Sequence[Program], labels: set[str]) -> NDArray[np.float64]:
    """(future, feature) numbers of the periods with the labels. Blocks that are not alike in all futures tell
    nothing."""
    each = [_numbers(program, labels) for program in programs]
    common = [
        key for key in each[0] if all(key in one and one[key].shape == each[0][key].shape for one in each)
    ]
    return np.array([np.concatenate([one[key] for key in common] or [np.zeros(1)]) for one in each])


def _numbers(program: Program, labels: set[str]) -> Mapping[tuple[str, str, int], NDArray[np.float64]]:
    found: dict[tuple[str, str, int], NDArray[np.float64]] = {}
    sides = (
        ("column", program.column_blocks, (program.cost, program.col_lower, program.col_upper)),
        ("row", program.row_blocks, (program.row_lower, program.row_upper)),
    )
    for side, blocks, values in sides:
        seen: dict[str, int] = {}
        for block in blocks:
            occurrence = seen[block.name] = seen.get(block.name, -1) + 1
            if PERIOD not in [name for name, _ in block.axes]:
                continue
            ids = np.array([one for one, _, label in period_cells(block) if label in labels], dtype=np.intp)
            numbers = np.concatenate([value[ids] for value in values])
            found[(side, block.name, occurrence)] = np.where(np.isfinite(numbers), numbers, 0.0)
    return found
