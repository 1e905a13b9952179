"""Windows of first refusals by the size of the deal that leave a size out, or are about one twice."""

from __future__ import annotations

from collections.abc import Iterator

from offtake.domain.checks.findings import Finding, error
from offtake.domain.checks.walk import clauses
from offtake.domain.clauses import FirstRefusal
from offtake.domain.estate import Estate
from offtake.domain.quantities import QuantityError
from offtake.law.compile.answer_windows import Misfit, answer_windows


def check_windows(estate: Estate) -> Iterator[Finding]:
    """Where windows by size overlap, leave a gap, or do not reach every size."""
    for path, _, _, clause in clauses(estate):
        if not isinstance(clause, FirstRefusal):
            continue
        try:
            found = answer_windows(clause)
        except QuantityError:
            continue  # The sizes themselves are refused by another check.
        if isinstance(found, Misfit):
            yield error("answer-windows", (*path, *found.path), found.problem, found.expected)
