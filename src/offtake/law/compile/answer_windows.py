"""Time to answer by the size of the deal: windows that follow one another without a gap, from nothing to any size."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal

from offtake.domain.clauses import FirstRefusal
from offtake.domain.quantities import MEASURES, parse_figure
from offtake.law.primitives import AnswerWindow


@dataclass(frozen=True, slots=True)
class Misfit:
    """Where in a clause its windows do not fit together, why, and what was expected."""

    path: tuple[str | int, ...]
    problem: str
    expected: str


def answer_windows(clause: FirstRefusal) -> tuple[AnswerWindow, ...] | Misfit:
    """The windows of a clause, the smallest first. Raises QuantityError for a size that is none of its measure."""
    if clause.windows and clause.window is not None:
        return Misfit(("window",), "`window` and `windows` are both stated", "one of the two")
    found: list[AnswerWindow] = []
    reached, text = Decimal(0), "nothing"
    for place, one in enumerate(clause.windows):
        path, last = ("windows", place), place == len(clause.windows) - 1
        begins = reached if one.at_least is None else _size(clause, one.at_least)
        if begins > reached:
            return Misfit(
                (*path, "from"),
                f"needs {f'from {text} on and ' if reached else ''}below {one.at_least} have no window",
                f"`from: {text}`, or no `from`" if reached else "no `from`",
            )
        if begins < reached:
            return Misfit(
                (*path, "from"),
                f"it begins at {one.at_least}, within the window before it, which ends at {text}",
                f"`from: {text}`, or no `from`",
            )
        if one.below is None and not last:
            return Misfit(
                path, "a window without `below` has no upper end, and another follows it", "`below: ...`"
            )
        below = None if one.below is None else _size(clause, one.below)
        if below is not None and below <= reached:
            return Misfit(
                (*path, "below"), f"it ends at {one.below}, and begins at {text}", f"a size above {text}"
            )
        if last and below is not None:
            return Misfit(
                (*path, "below"),
                f"needs of {one.below} and more have no window",
                "a last window without `below`",
            )
        found.append(AnswerWindow(below, one.window))
        reached, text = below or reached, one.below or text
    return tuple(found)


def _size(clause: FirstRefusal, text: str) -> Decimal:
    return parse_figure(text, MEASURES[clause.measure]).amount
