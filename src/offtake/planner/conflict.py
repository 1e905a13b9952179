"""An irreducible set of rows and bounds in words: which limits and needs cannot hold together."""

from __future__ import annotations

from dataclasses import dataclass

from offtake.domain.handoffs import ConflictRow, InfeasiblePlan
from offtake.planner.formulation import Formulation
from offtake.planner.ports import IrreducibleSet, Member
from offtake.planner.program import Block


@dataclass(frozen=True, slots=True)
class _Words:
    source: str
    what: str
    bound: str
    period: str | None = None


def infeasible_plan(formulation: Formulation, members: IrreducibleSet) -> InfeasiblePlan:
    """The set, each limit once, with the periods in which it takes part."""
    found: dict[tuple[str, str], list[_Words]] = {}
    columns = (member for member in members.columns if not _cannot_be_less(formulation, member))
    for words in (
        *(_of_row(formulation, member) for member in members.rows),
        *(_of_column(formulation, member) for member in columns),
    ):
        found.setdefault((words.source, words.what), []).append(words)
    rows: list[ConflictRow] = []
    for (source, what), parts in found.items():
        periods = [part.period for part in parts if part.period is not None]
        when = "" if not periods else periods[0] if len(periods) == 1 else f"{periods[0]} … {periods[-1]}"
        bounds = list(dict.fromkeys(part.bound for part in parts))
        bound = bounds[0] if len(bounds) == 1 else f"{bounds[0]}, and other bounds at other times"
        rows.append(ConflictRow(source=source, what=what, when=when, bound=bound))
    return InfeasiblePlan(conflicts=tuple(rows), minimal=members.minimal)


def _cannot_be_less(formulation: Formulation, member: Member) -> bool:
    """Whether a bound only says that a quantity is not below zero, which nobody could loosen."""
    return member.side == "lower" and float(formulation.program.col_lower[member.identifier]) == 0.0


def _of_row(formulation: Formulation, member: Member) -> _Words:
    program, row = formulation.program, member.identifier
    block = program.row_block(row)
    value = float(program.row_lower[row] if member.side == "lower" else program.row_upper[row])
    side = "at least" if member.side == "lower" else "at most"
    places = _places(block, row)
    for limit in formulation.limits:
        if limit.rows.first == block.first and limit.rows.count == block.count:
            return _Words(limit.source, limit.noun, f"{side} {value * limit.unit:,.6g}", places.get("period"))
    for metered in formulation.metered:
        if metered.rows.first == block.first and metered.rows.count == block.count:
            bound = f"{side} {value * metered.unit:,.6g}"
            return _Words(
                metered.clause, f"{metered.measure}, taken or paid for", bound, places.get("window")
            )
    if block.name.startswith("flop "):
        run = block.name.removeprefix("flop ")
        return _Words(f"workloads.{run}", f"all FLOP of {run}", "within its window")
    if block.name == "capacity":
        pool = places["pool"]
        unit = formulation.scales.capacity[[p.id for p in formulation.instance.pools].index(pool)]
        return _Words(
            pool, f"work placed on {pool}", f"{side} {value * unit:,.6g} under contract", places["period"]
        )
    if block.name == "demand":
        return _Words(
            f"workloads.{places['load'].split('/')[0]}",
            f"the need of {places['load']}",
            "exactly met",
            places["period"],
        )
    return _Words(block.source or block.name, block.name, f"{side} {value:,.6g}", places.get("period"))


def _of_column(formulation: Formulation, member: Member) -> _Words:
    program, column = formulation.program, member.identifier
    block = program.column_block(column)
    lower, upper = float(program.col_lower[column]), float(program.col_upper[column])
    bound = f"at least {lower:,.6g}" if member.side == "lower" else f"at most {upper:,.6g}"
    if block.name.startswith("undone "):
        run = block.name.removeprefix("undone ")
        return _Words(f"workloads.{run}.worth", f"{run} states no worth", "nothing of it may be left undone")
    places = _places(block, column)
    return _Words(block.source or block.name, block.name, bound, places.get("period"))


def _places(block: Block, identifier: int) -> dict[str, str]:
    """The labels of an id by the names of its block's axes."""
    labels: dict[str, str] = {}
    place = int(block.cells[identifier - block.first])
    for name, names in reversed(block.axes):
        place, at = divmod(place, len(names))
        labels[name] = names[at]
    return labels
