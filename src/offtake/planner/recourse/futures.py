"""Ways the world may go, as programs, and the decisions that are taken before it is known which.

Nothing here knows what a column means: a decision is an id, and every future says which of its columns is that decision
for it. Columns that are no shared decision are the future's own, and answer to what it brings.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from math import fsum, isfinite
from typing import Final

import numpy as np
from numpy.typing import NDArray

from offtake.planner.instance import Bools, Floats
from offtake.planner.program import ABSENT, Program

PROBABILITY_ERROR: Final = 1e-9  # By which probabilities may miss one in all.
HELD: Final = 1e-6  # By which decisions may miss a bound that they are held against.


@dataclass(frozen=True, eq=False)
class Future:
    """One way the world may go: its program, how likely it is, and which of its columns are decided before it is known.

    `shared` (column,) is the id of the decision that a column stands for, or ABSENT where the column is the future's
    own. `lacks` are decisions that the future has no column for: in it they can only be zero. `offset` is what is spent
    whatever is decided, in the program's money.
    """

    name: str
    probability: float
    program: Program
    shared: NDArray[np.int32]
    offset: float = 0.0
    lacks: tuple[int, ...] = ()

    @property
    def decided(self) -> NDArray[np.intp]:
        """The columns that stand for shared decisions."""
        return np.flatnonzero(self.shared != ABSENT)

    @property
    def own(self) -> NDArray[np.intp]:
        """The columns that are the future's own."""
        return np.flatnonzero(self.shared == ABSENT)

    def at(self, decisions: Floats) -> Program:
        """The program with its shared decisions held at the values given (decision,): what is left is recourse.

        Own columns that should be whole may then be fractions; see `Futures.whole`.
        """
        lower, upper = self.program.col_lower.copy(), self.program.col_upper.copy()
        lower[self.decided] = upper[self.decided] = decisions[self.shared[self.decided]]
        return replace(self.program, col_lower=lower, col_upper=upper)

    def allows(self, decisions: Floats) -> bool:
        """Whether the future's own bounds admit the decisions; its rows may not."""
        held = decisions[self.shared[self.decided]]
        slack = HELD * np.maximum(1.0, np.abs(held))
        low, high = self.program.col_lower[self.decided], self.program.col_upper[self.decided]
        return bool(
            np.all(held >= low - slack)
            and np.all(held <= high + slack)
            and np.all(np.abs(decisions[list(self.lacks)]) <= HELD)
        )

    def with_whole(self, *, decided: bool, own: bool) -> Future:
        """The future with whole columns kept whole among its decisions, its own columns, both or neither."""
        if self.program.integrality is None:
            return self
        kept = self.program.integrality & np.where(self.shared == ABSENT, own, decided)
        return replace(self, program=replace(self.program, integrality=kept if kept.any() else None))


@dataclass(frozen=True, eq=False)
class Futures:
    """Futures with one set of shared decisions between them.

    `bounds` are the least and the most of every decision that all futures allow, `whole` says which are whole numbers.
    """

    each: tuple[Future, ...]
    lower: Floats  # (decision,)
    upper: Floats  # (decision,)
    whole: Bools  # (decision,)
    names: tuple[str, ...]

    @property
    def probabilities(self) -> Floats:
        """(future,)"""
        return np.array([one.probability for one in self.each])

    @property
    def decisions(self) -> int:
        """How many decisions are shared."""
        return len(self.lower)

    @property
    def whole_recourse(self) -> bool:
        """Whether any future's own columns must be whole numbers."""
        return any(
            one.program.integrality is not None and bool(one.program.integrality[one.own].any())
            for one in self.each
        )

    def with_whole(self, *, decided: bool = True, own: bool = True) -> Futures:
        """The same futures with whole columns kept whole among decisions, own columns, both or neither."""
        each = tuple(one.with_whole(decided=decided, own=own) for one in self.each)
        return replace(self, each=each, whole=self.whole if decided else np.zeros_like(self.whole))

    def costs_of(self, totals: Sequence[float]) -> Floats:
        """(future,) costs with what is spent whatever is decided, from the objectives of the futures' programs."""
        return np.array([total + one.offset for total, one in zip(totals, self.each, strict=True)])


def futures_of(each: Sequence[Future], names: Sequence[str]) -> Futures:
    """Futures brought together. Raises ValueError for probabilities that do not add to one, and for a decision that a
    future has twice or that is not among the names."""
    found = tuple(each)
    total = fsum(one.probability for one in found)
    if not found or any(not isfinite(one.probability) or one.probability <= 0 for one in found):
        raise ValueError("every future needs a probability above zero")
    if abs(total - 1) > PROBABILITY_ERROR:
        raise ValueError(f"the probabilities of the futures add to {total:g}, not to one")
    lower, upper = np.full(len(names), -np.inf), np.full(len(names), np.inf)
    whole, seen = np.zeros(len(names), dtype=np.bool_), np.zeros(len(names), dtype=np.bool_)
    for one in found:
        columns = one.decided
        ids = one.shared[columns]
        if len(np.unique(ids)) != len(ids) or (len(ids) and int(ids.max()) >= len(names)):
            raise ValueError(f"{one.name}: a decision stands for two columns, or has no name")
        lower[ids] = np.maximum(lower[ids], one.program.col_lower[columns])
        upper[ids] = np.minimum(upper[ids], one.program.col_upper[columns])
        seen[ids] = True
        lower[list(one.lacks)] = np.maximum(lower[list(one.lacks)], 0.0)
        upper[list(one.lacks)] = np.minimum(upper[list(one.lacks)], 0.0)
        if one.program.integrality is not None:
            whole[ids] |= one.program.integrality[columns]
    if not seen.all():
        raise ValueError(f"no future has the decision {names[int(np.argmin(seen))]}")
    return Futures(found, lower, upper, whole, tuple(names))
