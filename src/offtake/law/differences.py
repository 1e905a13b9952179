"""How two laws differ, clause by clause: what one has and the other has not, or has otherwise."""

from __future__ import annotations

from offtake.domain.comparisons import MovedClause
from offtake.law.primitives import Law, Mask, Meter, PriceSchedule, Procedure
from offtake.law.wording import span, windows_text

Primitive = Mask | Meter | Procedure | PriceSchedule


def differences(first: Law, second: Law) -> tuple[MovedClause, ...]:
    """The clauses that differ, in the order of their names, each as it stands on either side."""
    one, other = _clauses(first), _clauses(second)
    found: list[MovedClause] = []
    for clause in sorted({*one, *other}):
        a, b = one.get(clause, ()), other.get(clause, ())
        if a == b:
            continue
        origin = (b or a)[0].origin
        sides = (_said(a), _said(b))
        if sides[0] == sides[1]:
            sides = (sides[0], f"{sides[1]}, in other terms")
        found.append(
            MovedClause(
                clause=clause,
                first=sides[0],
                second=sides[1],
                document=origin.document,
                section=origin.section,
            )
        )
    return tuple(found)


def _clauses(law: Law) -> dict[str, tuple[Primitive, ...]]:
    found: dict[str, list[Primitive]] = {}
    for primitive in (*law.masks, *law.meters, *law.procedures, *law.prices):
        found.setdefault(primitive.origin.clause, []).append(primitive)
    return {clause: tuple(parts) for clause, parts in found.items()}


def _said(parts: tuple[Primitive, ...]) -> str | None:
    """What a clause says and when, in a few words; its versions one after the other."""
    if not parts:
        return None
    texts = dict.fromkeys(f"{_about(part)} {_when(part)}" for part in parts)
    return "; ".join(texts)


def _when(part: Primitive) -> str:
    text = span(part.scope.begins, part.scope.ends)
    since, until = part.scope.since_event, part.scope.until_event
    return f"{text}{f', once {since}' if since else ''}{f', until {until}' if until else ''}"


def _answers(right: Procedure) -> str:
    """The time that a holder has, where it goes by the size of the deal."""
    return f", and answers within {windows_text(right)}" if right.windows else ""


def _about(part: Primitive) -> str:
    match part:
        case Mask():
            return "forbids"
        case Meter():
            unit = part.currency if part.measure == "money" else part.measure
            bounds = [
                f"{word} {bound.normalize():,f} {unit}"
                for word, bound in (("at least", part.lower), ("at most", part.upper))
                if bound is not None
            ]
            return f"{' and '.join(bounds)} by {part.window}"
        case Procedure():
            return (
                f"{part.holder} {'approves' if part.style == 'approve' else 'is asked first'}{_answers(part)}"
            )
        case PriceSchedule():
            return f"{part.payer} owes {part.payee}"
