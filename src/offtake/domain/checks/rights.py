"""Rights of first refusal and the answers to them."""

from __future__ import annotations

from collections.abc import Iterator

from offtake.domain.checks.findings import Finding, close_match, listed, warning
from offtake.domain.checks.walk import clauses
from offtake.domain.clauses import AnyClause, FirstRefusal
from offtake.domain.estate import Estate


def clauses_by_name(estate: Estate) -> dict[str, AnyClause]:
    """Clauses by `agreement.clause`; the last version, where amendments replaced one."""
    return {f"{id}.{path[-1]}": clause for path, id, _, clause in clauses(estate)}


def check_rights(estate: Estate) -> Iterator[Finding]:
    """Answers to what is no right of first refusal, and rights to which nobody answers."""
    known = clauses_by_name(estate)
    rights = sorted(name for name, clause in known.items() if isinstance(clause, FirstRefusal))
    expected = listed(rights) if rights else "the name of a first refusal, as `agreement.clause`"
    for place, answer in enumerate(estate.answers):
        path = ("answers", place, "clause")
        if answer.clause not in known:
            meant = [name for name in known if name.split(".", 1)[1] == answer.clause]
            suggestion = meant[0] if meant else close_match(answer.clause, rights)
            message = f"there is no clause `{answer.clause}`"
            yield Finding("error", "unknown-reference", path, message, expected, suggestion)
        elif answer.clause not in rights:
            kind = known[answer.clause].kind
            message = f"`{answer.clause}` is of the kind `{kind}`; only a first refusal is answered"
            yield Finding("error", "not-a-right", path, message, expected)
    answered = {answer.clause for answer in estate.answers}
    for path, id, _, clause in clauses(estate):
        if isinstance(clause, FirstRefusal) and f"{id}.{path[-1]}" not in answered:
            silent = "it takes all it may" if clause.silence == "accepts" else "it declines in every plan"
            message = f"no answer of `{clause.holder}` is stated, and silence {clause.silence}: {silent}"
            example = f"under `answers:` an entry with `clause: {id}.{path[-1]}` and `offers:`"
            yield warning("no-answer", path, message, example)
