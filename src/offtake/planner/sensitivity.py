"""Which assumptions the answer hangs on: every one moved by a tenth to first order, the heaviest solved again.

To first order the cost moves by what the change does to the program at the prices of the answer: Δc·x + y·(Δb − ΔA·x)
+ z·Δu. That ranks them all; what is reported of the heaviest is the difference of certified costs.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from decimal import Decimal
from functools import partial
from typing import Final, Protocol, TypeVar

import numpy as np

from offtake.domain.errors import OfftakeError
from offtake.domain.estate import Estate
from offtake.domain.handoffs import CapacityPlan, SensitivityRow
from offtake.domain.moving import scaled, with_figures
from offtake.domain.numbers import figures_of
from offtake.planner.formulation import Formulation
from offtake.planner.planning import Question, certified_cost, formulate
from offtake.planner.ports import Solution, Solver
from offtake.planner.program import Program
from offtake.planner.reading import Known, reading_of
from offtake.planner.tables import cents

UP: Final = Decimal("1.1")
DOWN: Final = Decimal("0.9")
SOLVED_AGAIN: Final = 4  # Assumptions that are solved again, in both directions.
RANKED: Final = 16  # Assumptions that are handed out, those beyond the ones solved again to first order.
TOGETHER: Final = 38  # Assumptions that are ranked in one go: they share what the law answers.

Item = TypeVar("Item")
Result = TypeVar("Result")


class RunAll(Protocol):
    """Applies a function to many items, in the order given, on as many processors as there are."""

    def __call__(self, function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]: ...


@dataclass(frozen=True, slots=True)
class Assumption:
    """Assumed numbers that belong together: those of one field of one entry."""

    path: str
    text: str
    source: str | None


def assumptions_of(estate: Estate) -> tuple[Assumption, ...]:
    """The estate's assumed numbers by entry and field, in the file's order. Round trips count as one."""
    texts: dict[str, list[str]] = {}
    source: dict[str, str | None] = {}
    for path, figure in figures_of(estate):
        if figure.assumed:
            steps = re.split(r"[.\[]", path)
            group = ".".join(steps[:2] if steps[0] == "latency" else steps[:3]).rstrip("]")
            texts.setdefault(group, []).append(figure.text)
            source.setdefault(group, figure.source)
    return tuple(
        Assumption(
            path, shown[0] if len(shown) == 1 else f"{shown[0]} and {len(shown) - 1} more", source[path]
        )
        for path, shown in texts.items()
    )


def assumed_in(estate: Estate) -> frozenset[str]:
    """The paths of the estate's assumed numbers."""
    return frozenset(at for at, figure in figures_of(estate) if figure.assumed)


def moved(estate: Estate, path: str, factor: Decimal, assumed: frozenset[str] | None = None) -> Estate:
    """The estate with the assumed numbers under a path multiplied; `assumed` are their paths, if they are at hand."""
    paths = assumed_in(estate) if assumed is None else assumed
    return with_figures(estate, path, partial(scaled, factor=factor), lambda at: at in paths)


def first_orders(
    question: Question, formulation: Formulation, solution: Solution, paths: Sequence[str]
) -> list[float | None]:
    """`first_order` of several assumptions."""
    known: Known = {}
    assumed = assumed_in(question.estate)
    return [first_order(question, formulation, solution, path, known, assumed) for path in paths]


def first_order(
    question: Question,
    formulation: Formulation,
    solution: Solution,
    path: str,
    known: Known | None = None,
    assumed: frozenset[str] | None = None,
) -> float | None:
    """What the party's cost moves by, to first order, if an assumption is a tenth higher; None if the change alters
    which rows and columns there are, so that it must be solved. `known` is as in `reading_of`,
    `assumed` as in `moved`."""
    try:
        estate = moved(question.estate, path, UP, assumed)
        reading = reading_of(estate, question.law, question.position, question.party, known)
        after, _ = formulate(reading, question.form, question.cuts, formulation.scales)
    except (OfftakeError, ValueError):
        return None
    old, new = formulation.program, after.program
    if (old.column_count, old.row_count, old.entry_count) != (
        new.column_count,
        new.row_count,
        new.entry_count,
    ):
        return None
    moves = _lagrangian(new, solution) - _lagrangian(old, solution)
    return moves * formulation.scales.money + after.offset - formulation.offset


def _lagrangian(program: Program, solution: Solution) -> float:
    """c·x + y·(b − A·x) + z·u, with every price at the bound that it belongs to. What is constant may be left in."""
    x, y, z = solution.x, solution.row_dual, solution.column_dual
    columns = np.repeat(np.arange(program.column_count), np.diff(program.start))
    activity = np.bincount(program.index, program.value * x[columns], program.row_count)
    row_bound = np.where(y > 0, program.row_lower, program.row_upper)
    column_bound = np.where(z > 0, program.col_lower, program.col_upper)
    slack = np.where(np.isfinite(row_bound), row_bound, activity) - activity
    room = np.where(np.isfinite(column_bound), column_bound, x) - x
    return float(program.cost @ x + y @ slack + z @ room)


def sensitivities(
    question: Question,
    solver: Solver,
    base: CapacityPlan,
    formulation: Formulation,
    solution: Solution,
    run_all: RunAll,
    progress: Callable[[str, int, int], None],
) -> tuple[SensitivityRow, ...]:
    """The assumptions that move the cost most, heaviest first: the heaviest solved again a tenth lower and higher, the
    others to first order. Which numbers stand for what is in each row."""
    found = assumptions_of(question.estate)
    groups = [[one.path for one in found[at : at + TOGETHER]] for at in range(0, len(found), TOGETHER)]
    moves: list[float | None] = []
    progress("ranking assumptions", 0, len(found))
    for group in run_all(partial(first_orders, question, formulation, solution), groups):
        moves += group
        progress("ranking assumptions", len(moves), len(found))
    ranked = sorted(
        range(len(found)), key=lambda n: (moves[n] is not None, -abs(moves[n] or 0.0), found[n].path)
    )
    structural = [n for n in ranked if moves[n] is None][:2]
    heavy = [n for n in ranked if moves[n]]
    exact = [*heavy[: SOLVED_AGAIN - len(structural)], *structural]
    rows = _solved_again(question, solver, base, [found[n] for n in exact], run_all, progress)
    rows += [
        _row(found[n], -cents(moves[n] or 0.0), cents(moves[n] or 0.0), solved=False)
        for n in heavy
        if n not in exact
    ]
    return tuple(
        sorted(rows, key=lambda row: (-max(abs(row.down_cents), abs(row.up_cents)), row.path))[:RANKED]
    )


def _solved_again(
    question: Question,
    solver: Solver,
    base: CapacityPlan,
    chosen: Sequence[Assumption],
    run_all: RunAll,
    progress: Callable[[str, int, int], None],
) -> list[SensitivityRow]:
    """Certified differences in cost, each assumption a tenth lower and a tenth higher."""
    items = [(one.path, factor) for one in chosen for factor in (DOWN, UP)]
    costs: list[int] = []
    progress("solving again", 0, len(items))
    for cost in run_all(partial(_cost_when, question, solver), items):
        costs.append(cost if cost is not None else base.cost_cents)
        progress("solving again", len(costs), len(items))
    return [
        _row(one, costs[2 * n] - base.cost_cents, costs[2 * n + 1] - base.cost_cents, solved=True)
        for n, one in enumerate(chosen)
    ]


def _row(one: Assumption, down: int, up: int, *, solved: bool) -> SensitivityRow:
    return SensitivityRow(
        path=one.path,
        text=one.text,
        source=one.source,
        assumed=True,
        down_cents=down,
        up_cents=up,
        solved=solved,
    )


def _cost_when(question: Question, solver: Solver, item: tuple[str, Decimal]) -> int | None:
    """The certified cost with an assumption moved; None where there is no plan."""
    path, factor = item
    try:
        return certified_cost(replace(question, estate=moved(question.estate, path, factor)), solver)
    except OfftakeError:
        return None


def cost_on_assumptions(estate: Estate, base: CapacityPlan) -> float:
    """The share of the party's spending whose price is an assumption, by amount."""
    assumed = {at for at, figure in figures_of(estate) if figure.assumed}
    total = resting = 0
    for row in base.spend:
        if row.payer == base.party and row.amount_cents > 0:
            total += row.amount_cents
            if any(at.startswith(prefix) for prefix in _price_paths(row.kind, row.supply) for at in assumed):
                resting += row.amount_cents
    return resting / total if total else 0.0


def _price_paths(kind: str, supply: str) -> Iterable[str]:
    """Where the price behind a payment is stated."""
    first, _, second = supply.partition("/")
    if kind == "capital":
        return (f"sites.{first}.shell.cost",) if second == "shell" else (f"accelerators.{second}.price",)
    site = {"energy": "energy_price", "operation": "other_operations", "rent": "rent"}.get(kind)
    if site is not None:
        return (f"sites.{first}.{site}",)
    product = second or first
    return (f"products.{product}.price", f"products.{product}.prices")
