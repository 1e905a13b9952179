"""What can be wrong with agreements, read with the law's meaning. Pure: an estate in, findings out."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

from offtake.domain.checks.findings import Finding, Path, error
from offtake.domain.checks.walk import clauses
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.law.checks.bounds import check_bounds
from offtake.law.checks.candidates import candidates_of
from offtake.law.checks.coverage import check_coverage
from offtake.law.checks.lawful import check_lawful
from offtake.law.checks.texts import check_texts
from offtake.law.checks.windows import check_windows
from offtake.law.compile import compile_clause, compile_law
from offtake.law.compile.context import Context

__all__ = ["check_law"]


def check_law(estate: Estate, before: Iterable[Finding]) -> tuple[Finding, ...]:
    """What the law finds beside what was found before; meaning is looked at only in an estate without
    errors."""
    findings = [*check_texts(estate), *check_windows(estate)]
    failed = [f.path for f in (*before, *findings) if f.severity == "error"]
    findings.extend(_uncompiled(estate, failed))
    if failed or any(finding.severity == "error" for finding in findings):
        return tuple(findings)
    try:
        law = compile_law(estate)
    except InvalidInput as invalid:
        return (*findings, error("clause", ("agreements",), invalid.message, invalid.hint))
    candidates = candidates_of(estate)
    findings.extend(check_coverage(estate, candidates))
    findings.extend(check_lawful(estate, law, candidates))
    findings.extend(check_bounds(estate, law))
    return tuple(findings)


def _uncompiled(estate: Estate, failed: list[Path]) -> Iterator[Finding]:
    """Clauses that are well formed and mean nothing, such as a budget without an amount."""
    for path, id, agreement, clause in clauses(estate):
        if any(other[: len(path)] == path for other in failed):
            continue
        key = str(path[-1])
        begins = clause.begins or agreement.signed
        context = Context(id, key, f"{id}.{key}", agreement.document, estate, begins, clause.ends)
        try:
            _ = compile_clause(clause, context)
        except InvalidInput as invalid:
            message = invalid.message.removeprefix(f"{id}.{key}: ")
            yield error("clause", path, message, invalid.hint)
