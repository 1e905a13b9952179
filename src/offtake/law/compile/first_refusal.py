"""First refusal: a holder is asked before the market, or may match its best bid."""

from __future__ import annotations

from typing import Final

from offtake.domain.clauses import FirstRefusal
from offtake.domain.quantities import QuantityError
from offtake.domain.selection import ActionKind
from offtake.law.compile.answer_windows import Misfit, answer_windows
from offtake.law.compile.context import Context, Primitives
from offtake.law.primitives import Procedure

_OVER: Final[dict[str, ActionKind]] = {"acquisition": "acquire", "traffic": "process"}


def compile_first_refusal(clause: FirstRefusal, context: Context) -> Primitives:
    """A procedure over acquisitions, or over traffic."""
    threshold = (
        None if clause.threshold is None else context.figure(clause.threshold, clause.measure, "threshold")
    )
    maximum, currency = None, None
    if clause.maximum_price is not None:
        maximum, currency = context.price(clause.maximum_price, clause.measure, "maximum_price")
    try:
        windows = answer_windows(clause)
    except QuantityError as error:
        raise context.invalid(
            f"`windows`: {error.problem}", f"write something like `{error.expected}`"
        ) from None
    if isinstance(windows, Misfit):
        raise context.invalid(windows.problem, f"expected {windows.expected}")
    procedure = Procedure(
        id=context.id,
        origin=context.origin(clause),
        scope=context.scope(clause, (_OVER[clause.over],)),
        style=clause.style,
        holder=clause.holder,
        over=clause.over,
        measure=clause.measure,
        threshold=None if threshold is None else threshold.amount,
        minimum=None if clause.part.minimum is None else clause.part.minimum.amount,
        multiple=None if clause.part.multiple is None else clause.part.multiple.amount,
        whole_gangs=clause.part.whole_gangs,
        maximum_price=maximum,
        currency=currency,
        window=clause.window,
        windows=windows,
        calendar=clause.calendar,
        silence=clause.silence,
        discloses=clause.discloses,
        revives_after=clause.revives_after,
        material_change=None if clause.material_change is None else clause.material_change.amount,
        aggregates_within=clause.aggregates_within,
        rank=clause.rank,
    )
    return Primitives(procedures=(procedure,))
