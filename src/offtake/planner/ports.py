"""What the planner asks of a solver, and the values that come back."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Literal, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from offtake.planner.program import Program

Method: TypeAlias = Literal["auto", "simplex", "ipx", "hipo", "sifting"]
Side: TypeAlias = Literal["lower", "upper"]


@dataclass(frozen=True)
class SolverOptions:
    """How to solve. ``time_limit_s`` bounds every call; the same options and program give the same answer."""

    method: Method = "auto"
    time_limit_s: float = 600.0
    threads: int = 0  # 0 leaves the number to the solver
    mip_gap: float = 1e-6  # relative
    seed: int = 0


@dataclass(frozen=True)
class Progress:
    """Where a running solve stands. ``objective`` and ``bound`` are None while there is none."""

    method: str
    seconds: float
    iterations: int
    objective: float | None
    bound: float | None


@dataclass(frozen=True, eq=False)
class Solution:
    """An optimal answer. Arrays are by column or row id.

    ``row_dual`` is the change of the objective per unit by which a row's binding bound is raised, and
    ``column_dual`` the same for a column's bound: ``cost - A' row_dual``. For an integer program both come
    from the linear program with the integers fixed (``prices_from_fixed_integers``), and ``mip_bound`` and
    ``mip_gap`` are what the solver proved about the integer program.
    """

    objective: float
    x: NDArray[np.float64]
    row_activity: NDArray[np.float64]
    row_dual: NDArray[np.float64]
    column_dual: NDArray[np.float64]
    method: str
    iterations: int
    mip_bound: float | None = None
    mip_gap: float | None = None
    prices_from_fixed_integers: bool = False
    seconds: float = field(
        default=0.0, repr=False
    )  # differs from run to run: no part of an answer that is kept


@dataclass(frozen=True)
class Infeasible:
    """No point meets every row and bound. ``Solver.irreducible`` says which of them cannot hold together."""


@dataclass(frozen=True)
class Unbounded:
    """The cost can fall without end: a column with negative cost lacks a limit."""


@dataclass(frozen=True, order=True)
class Member:
    """One side of one row or column: ``identifier`` is its global id, ``side`` the bound that takes part."""

    identifier: int
    side: Side


@dataclass(frozen=True)
class IrreducibleSet:
    """Row sides and column bounds that cannot hold together, while any one left out lets the others hold.

    ``minimal`` is False when the time ran out before every member was shown to be needed; the set is then
    still infeasible, and may hold more than it must.
    """

    rows: tuple[Member, ...]
    columns: tuple[Member, ...]
    minimal: bool


class Series(Protocol):
    """One linear program kept open, for column bounds that change from solve to solve. Answers hang on those before."""

    def solve(self, lower: NDArray[np.float64], upper: NDArray[np.float64]) -> Solution | Infeasible:
        """An optimal answer within the bounds (column,). Raises ``SolverFailure`` when it cannot say what is the
        case: the program must then be solved by itself."""
        ...


@dataclass(frozen=True, eq=False)
class Basis:
    """Where simplex stood at an optimum: a status by column and by row of the program that it belongs to."""

    columns: NDArray[np.int8]
    rows: NDArray[np.int8]


class WarmSolver(Protocol):
    """Solves programs that differ little from a base, each from the base's basis and as if no other had been solved:
    the answer to a program does not depend on which were asked before."""

    @property
    def basis(self) -> Basis:
        """Where the base was solved; another process starts from it."""
        ...

    def solve(self, program: Program) -> Solution | Infeasible | Unbounded:
        """An optimal answer, or why there is none. Raises ``SolverFailure`` where it cannot tell: solve it cold."""
        ...


class Solver(Protocol):
    """Solves programs. Raises ``SolverFailure`` when the time runs out or the solver cannot say what is the
    case."""

    def solve(
        self,
        program: Program,
        options: SolverOptions,
        progress: Callable[[Progress], None] | None = None,
    ) -> Solution | Infeasible | Unbounded: ...

    def series(self, program: Program, options: SolverOptions) -> Series:
        """The program kept open. Raises ``ValueError`` for an integer program."""
        ...

    def irreducible(self, program: Program, options: SolverOptions) -> IrreducibleSet:
        """The set behind an ``Infeasible``. Raises ``ValueError`` when the program is feasible."""
        ...
