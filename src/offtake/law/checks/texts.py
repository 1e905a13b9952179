"""The quantities and prices that clauses and answers state as texts, since their kind depends on the
measure."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from offtake.domain.checks.findings import Finding, Path, error
from offtake.domain.checks.money import rate_example, unconvertible
from offtake.domain.checks.rights import clauses_by_name
from offtake.domain.checks.walk import clauses
from offtake.domain.clauses import AnyClause, Ceiling, Commitment, FirstRefusal, Governance, Measure, Price
from offtake.domain.currencies import Rates, rates_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.quantities import MEASURES, Figure, QuantityError, parse_figure
from offtake.law.compile.context import PRICED


@dataclass(frozen=True, slots=True)
class ClauseText:
    """A text of a clause or answer, where it stands, and the kind of quantity that it must be."""

    path: Path
    text: str
    kind: str


def check_texts(estate: Estate) -> Iterator[Finding]:
    """Texts that are no quantity of their kind, or are in a currency without a rate."""
    try:
        rates = rates_of(estate)
    except InvalidInput:
        rates = None  # The rates themselves are refused by another check.
    for stated in (*_of_clauses(estate), *_of_answers(estate)):
        try:
            figure = parse_figure(stated.text, stated.kind)
        except QuantityError as problem:
            expected = f"`{problem.expected}`" if problem.expected else None
            yield error("quantity", stated.path, problem.problem, expected)
            continue
        if rates is not None:
            yield from _rate(estate, rates, stated.path, figure)


def _rate(estate: Estate, rates: Rates, path: Path, figure: Figure) -> Iterator[Finding]:
    why = None if figure.currency is None else unconvertible(estate, rates, figure.currency)
    if why is not None and figure.currency is not None:
        yield error("no-rate", path, why, rate_example(estate, figure.currency))


def _of_clauses(estate: Estate) -> Iterator[ClauseText]:
    for path, _, _, clause in clauses(estate):
        for key, text in _quantities(clause):
            yield ClauseText((*path, key), text, MEASURES[_measure(clause)])
        for key, text in _prices(clause):
            yield ClauseText((*path, key), text, PRICED[_measure(clause)][0])
        if isinstance(clause, FirstRefusal):
            for place, window in enumerate(clause.windows):
                sizes = (("from", window.at_least), ("below", window.below))
                for key, text in ((key, text) for key, text in sizes if text is not None):
                    yield ClauseText((*path, "windows", place, key), text, MEASURES[clause.measure])
        if isinstance(clause, Price):
            for place, tier in enumerate(clause.tiers):
                where = (*path, "tiers", place)
                yield ClauseText((*where, "price"), tier.price, PRICED[clause.measure][0])
                if tier.up_to is not None:
                    yield ClauseText((*where, "up_to"), tier.up_to, MEASURES[clause.measure])


def _measure(clause: AnyClause) -> Measure:
    return (
        clause.measure
        if isinstance(clause, Ceiling | Commitment | Governance | FirstRefusal | Price)
        else "money"
    )


def _quantities(clause: AnyClause) -> Iterator[tuple[str, str]]:
    if isinstance(clause, Ceiling):
        yield "upper", clause.upper
    elif isinstance(clause, Commitment):
        yield "amount", clause.amount
    elif isinstance(clause, Governance) and clause.above is not None:
        yield "above", clause.above
    elif isinstance(clause, FirstRefusal) and clause.threshold is not None:
        yield "threshold", clause.threshold


def _prices(clause: AnyClause) -> Iterator[tuple[str, str]]:
    if isinstance(clause, Commitment) and clause.shortfall is not None:
        yield "shortfall", clause.shortfall
    elif isinstance(clause, FirstRefusal) and clause.maximum_price is not None:
        yield "maximum_price", clause.maximum_price


def _of_answers(estate: Estate) -> Iterator[ClauseText]:
    known = clauses_by_name(estate)
    for place, answer in enumerate(estate.answers):
        clause = known.get(answer.clause)
        if not isinstance(clause, FirstRefusal):
            continue
        path = ("answers", place)
        yield ClauseText((*path, "offers"), answer.offers, MEASURES[clause.measure])
        if answer.need is not None:
            yield ClauseText((*path, "need"), answer.need, MEASURES[clause.measure])
        if answer.price is not None:
            yield ClauseText((*path, "price"), answer.price, PRICED[clause.measure][0])
