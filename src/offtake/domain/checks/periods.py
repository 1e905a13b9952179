"""Days in order: the horizon, what begins and ends, agreements and their amendments, dated figures."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Final

from pydantic import BaseModel

from offtake.domain.agreements import Agreement
from offtake.domain.checks.findings import Finding, close_match, error, listed, warning
from offtake.domain.checks.walk import clauses, records
from offtake.domain.clauses import Clause
from offtake.domain.estate import Estate
from offtake.domain.workloads import TrainingRun

MAXIMUM_YEARS: Final = 60  # Planned at once; the periods of a plan are bounded by it.


def check_periods(estate: Estate) -> Iterator[Finding]:
    """Beginnings after ends, amendments out of order, and windows that the horizon does not hold."""
    for path, record in records(estate):
        begins, ends = _day(record, "begins"), _day(record, "ends")
        if begins is not None and ends is not None and ends <= begins:
            word = "the same day as" if ends == begins else "before"
            message = f"`until` ({ends}) is {word} `from` ({begins}); `until` is the first day after the end"
            yield error("dates", (*path, "until"), message, f"a day after {begins}")
    yield from _horizon(estate)
    yield from _clauses(estate)
    for id, agreement in estate.agreements.items():
        yield from _amendments(id, agreement)
    yield from _windows(estate)


def _day(record: BaseModel, name: str) -> date | None:
    value = getattr(record, name, None)
    return value if isinstance(value, date) else None


def _horizon(estate: Estate) -> Iterator[Finding]:
    horizon = estate.horizon
    if horizon.ends.year - horizon.begins.year > MAXIMUM_YEARS:
        yield error("horizon", ("horizon", "until"), f"the horizon is longer than {MAXIMUM_YEARS} years")


def _clauses(estate: Estate) -> Iterator[Finding]:
    for path, _, agreement, clause in clauses(estate):
        if (
            clause.begins is None
            and clause.ends is not None
            and len(path) == 4
            and clause.ends <= agreement.signed
        ):
            message = (
                f"the clause ends on {clause.ends}, and begins at its agreement's signing, {agreement.signed}"
            )
            yield error("dates", (*path, "until"), message, f"a day after {agreement.signed}")
        if _is_over(clause, estate.horizon.begins):
            message = f"the clause ended on {clause.ends}, before the horizon begins"
            yield warning("outside-horizon", (*path, "until"), message)
        if clause.begins is not None and clause.begins >= estate.horizon.ends:
            message = f"the clause begins on {clause.begins}, when the horizon is over"
            yield warning("outside-horizon", (*path, "from"), message)


def _is_over(clause: Clause, day: date) -> bool:
    ordered = clause.begins is None or (clause.ends is not None and clause.begins < clause.ends)
    return clause.ends is not None and clause.ends <= day and ordered


def _amendments(id: str, agreement: Agreement) -> Iterator[Finding]:
    known = set(agreement.clauses)
    for place, amendment in sorted(enumerate(agreement.amendments), key=lambda item: item[1].signed):
        path = ("agreements", id, "amendments", place)
        if amendment.signed < agreement.signed:
            message = f"signed on {amendment.signed}, before the agreement itself ({agreement.signed})"
            yield error("dates", (*path, "signed"), message)
        for clause in amendment.ends:
            if clause not in known:
                message = f"there is no clause `{clause}` to end"
                known_text = listed(sorted(known)) or None
                suggestion = close_match(clause, known)
                where = (*path, "ends", clause)
                yield Finding(
                    "error", "unknown-reference", where, message, known_text, suggestion, at_key=True
                )
        known |= set(amendment.clauses)


def _windows(estate: Estate) -> Iterator[Finding]:
    horizon = estate.horizon
    for id, run in estate.workloads.items():
        if not isinstance(run, TrainingRun):
            continue
        path = ("workloads", id, "window")
        if run.window.ends <= horizon.begins or run.window.begins >= horizon.ends:
            yield warning(
                "outside-horizon", path, f"the run `{id}` lies outside the horizon and is not planned"
            )
        elif run.window.begins < horizon.begins or run.window.ends > horizon.ends:
            message = (
                f"a part of the run `{id}` lies outside the horizon ({horizon.begins} to {horizon.ends})"
            )
            yield warning("outside-horizon", path, message)
