"""All futures in one program: the shared decisions once, and every future's own columns and rows beside them.

    min  (1 − w) sum of p_s c_s (x, y_s) + w CVaR    subject to    A_s (x, y_s) within the bounds of s, for every s

(Birge and Louveaux, Introduction to Stochastic Programming, 2nd edition, section 2.4: the extensive form).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

import numpy as np
from numpy.typing import NDArray

from offtake.planner.instance import Floats
from offtake.planner.program import Block, Program, ProgramBuilder
from offtake.planner.recourse.futures import Future, Futures
from offtake.planner.recourse.risk import Risk, RiskColumns, add_risk


@dataclass(frozen=True, eq=False)
class Extensive:
    """The program of all futures. `columns` and `rows` give, by future, the ids that its own have in it.

    `offset` is what the objective holds beside the program.
    """

    program: Program
    columns: tuple[NDArray[np.int32], ...]
    rows: tuple[NDArray[np.int32], ...]
    decided: Block
    risk: RiskColumns | None
    offset: float

    def decisions(self, x: Floats) -> Floats:
        """(decision,) from an answer to the program."""
        return x[self.decided.index]

    def answer_of(self, future: int, x: Floats) -> Floats:
        """(column,) one future's answer, from that to the program."""
        return x[self.columns[future]]


class _Labels(Sequence[str]):
    """Labels of a future's own columns or rows, made when they are asked for: few of millions ever are."""

    def __init__(self, ids: NDArray[np.intp], label: Callable[[int], str]) -> None:
        self._ids, self._label = ids, label

    def __len__(self) -> int:
        return len(self._ids)

    @overload
    def __getitem__(self, place: int) -> str: ...

    @overload
    def __getitem__(self, place: slice) -> Sequence[str]: ...

    def __getitem__(self, place: int | slice) -> str | Sequence[str]:
        if isinstance(place, slice):
            return _Labels(self._ids[place], self._label)
        return self._label(int(self._ids[place]))


def extensive_form(futures: Futures, risk: Risk) -> Extensive:
    """The extensive form of the futures."""
    builder, probabilities = ProgramBuilder(), futures.probabilities
    decided = builder.columns(
        "decided now",
        {"decision": futures.names},
        lower=futures.lower,
        upper=futures.upper,
        integer=futures.whole,
    )
    names = tuple(one.name for one in futures.each)
    offsets = np.array([one.offset for one in futures.each])
    worst = add_risk(builder, risk, probabilities, names, offsets)
    columns: list[NDArray[np.int32]] = []
    rows: list[NDArray[np.int32]] = []
    for s, future in enumerate(futures.each):
        mine, limits = _add_future(builder, future, decided, (1 - risk.weight) * future.probability)
        columns.append(mine)
        rows.append(limits)
        if worst is not None:
            builder.entries(worst.rows.index[s], mine, -future.program.cost)
    return Extensive(
        builder.build(),
        tuple(columns),
        tuple(rows),
        decided,
        worst,
        (1 - risk.weight) * float(probabilities @ offsets),
    )


def _add_future(
    builder: ProgramBuilder, future: Future, decided: Block, weight: float
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """The ids of one future's columns and rows."""
    program, own = future.program, future.own
    block = builder.columns(
        future.name,
        {"column": _Labels(own, program.column_label)},
        cost=program.cost[own] * weight,
        lower=program.col_lower[own],
        upper=program.col_upper[own],
        integer=False if program.integrality is None else program.integrality[own],
    )
    ids = np.empty(program.column_count, dtype=np.int32)
    ids[own] = block.index
    ids[future.decided] = decided.index[future.shared[future.decided]]
    builder.add_cost(ids[future.decided], program.cost[future.decided] * weight)
    limits = builder.rows(
        future.name,
        {"row": _Labels(np.arange(program.row_count), program.row_label)},
        lower=program.row_lower,
        upper=program.row_upper,
    ).index
    builder.entries(limits[program.index], np.repeat(ids, np.diff(program.start)), program.value)
    return ids, limits
