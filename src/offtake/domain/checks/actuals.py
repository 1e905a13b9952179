"""Readings name clauses that count something, in quantities of their measure."""

from __future__ import annotations

from collections.abc import Iterator

from offtake.domain.actuals import reading_of
from offtake.domain.checks.findings import Finding, close_match, error, listed
from offtake.domain.checks.walk import clauses
from offtake.domain.clauses import Budget, Ceiling, Commitment, Price
from offtake.domain.estate import Estate
from offtake.domain.quantities import QuantityError


def check_actuals(estate: Estate) -> Iterator[Finding]:
    """Readings of clauses that are not there or count nothing, and amounts of another measure."""
    if not estate.readings:
        return
    measures: dict[str, str] = {}
    for path, id, _, clause in clauses(estate):
        if isinstance(clause, Budget):
            measures[f"{id}.{path[-1]}"] = "money"
        elif isinstance(clause, Ceiling | Commitment | Price):
            measures[f"{id}.{path[-1]}"] = clause.measure
    for place, stated in enumerate(estate.readings):
        measure = measures.get(stated.clause)
        if measure is None:
            message = f"there is no clause `{stated.clause}` that counts something"
            expected = listed(sorted(measures)) if measures else None
            path = ("readings", place, "clause")
            meant = close_match(stated.clause, measures)
            yield Finding("error", "unknown-reference", path, message, expected, meant)
            continue
        try:
            _ = reading_of(stated, measure)
        except QuantityError as problem:
            yield error("quantity", ("readings", place, "amount"), problem.problem, f"`{problem.expected}`")
