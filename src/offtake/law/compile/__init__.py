"""Agreements become law: every clause known at a date, compiled to masks, meters, procedures and prices."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import TypeVar, assert_never

from offtake.domain.clauses import (
    AnyClause,
    Budget,
    Ceiling,
    Commitment,
    Exclusivity,
    FirstRefusal,
    Governance,
    LatencyBound,
    LaunchPriority,
    Licence,
    Price,
    Residency,
)
from offtake.domain.currencies import rates_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.law.compile.budget import compile_budget
from offtake.law.compile.ceiling import compile_ceiling
from offtake.law.compile.commitment import compile_commitment
from offtake.law.compile.context import Context, Primitives
from offtake.law.compile.exclusivity import compile_exclusivity
from offtake.law.compile.first_refusal import compile_first_refusal
from offtake.law.compile.governance import compile_governance
from offtake.law.compile.latency import compile_latency, round_trips, workload_bounds
from offtake.law.compile.launch_priority import compile_launch_priority
from offtake.law.compile.licence import compile_licence
from offtake.law.compile.price import compile_price
from offtake.law.compile.residency import compile_residency
from offtake.law.compile.versions import known_amendments, versions
from offtake.law.primitives import Law, Mask, Meter, PriceSchedule, Procedure, Unmodelled

__all__ = ["compile_law", "round_trips"]

P = TypeVar("P", Mask, Meter, Procedure, PriceSchedule)


def compile_law(estate: Estate, known_at: date | None = None) -> Law:
    """The law of the agreements and amendments signed by a date; None knows all of them.

    Primitives come in the order of their ids. Raises InvalidInput, naming the clause, where one cannot be
    used.
    """
    known = round_trips(estate)
    compiled = [compile_clause(clause, context) for clause, context in _clauses(estate, known_at, known)]
    return Law(
        known_at=known_at,
        masks=_ordered((*(m for each in compiled for m in each.masks), *workload_bounds(estate, known))),
        meters=_nested(_ordered(m for each in compiled for m in each.meters)),
        procedures=_ordered(p for each in compiled for p in each.procedures),
        prices=_ordered(p for each in compiled for p in each.prices),
        launches={
            id: model.launched for id, model in sorted(estate.models.items()) if model.launched is not None
        },
        unmodelled=_unmodelled(estate, known_at),
        rates=rates_of(estate),
    )


def compile_clause(clause: AnyClause, context: Context) -> Primitives:
    """What one version of a clause compiles to."""
    match clause:
        case FirstRefusal():
            return compile_first_refusal(clause, context)
        case Exclusivity():
            return compile_exclusivity(clause, context)
        case Residency():
            return compile_residency(clause, context)
        case LatencyBound():
            return compile_latency(clause, context)
        case Ceiling():
            return compile_ceiling(clause, context)
        case Commitment():
            return compile_commitment(clause, context)
        case Budget():
            return compile_budget(clause, context)
        case Licence():
            return compile_licence(clause, context)
        case Governance():
            return compile_governance(clause, context)
        case LaunchPriority():
            return compile_launch_priority(clause, context)
        case Price():
            return compile_price(clause, context)
        case _:
            assert_never(clause)


def _clauses(
    estate: Estate, known_at: date | None, known: Mapping[tuple[str, str], Decimal]
) -> Iterator[tuple[AnyClause, Context]]:
    for id, agreement in sorted(estate.agreements.items()):
        if known_at is not None and agreement.signed > known_at:
            continue
        for key, held in versions(id, agreement, known_at).items():
            for place, version in enumerate(held):
                yield (
                    version.clause,
                    Context(
                        agreement=id,
                        clause=key,
                        id=f"{id}.{key}@{version.begins}" if version.replaces else f"{id}.{key}",
                        document=version.document,
                        estate=estate,
                        begins=version.begins,
                        ends=version.ends,
                        follows=version.replaces,
                        resumes=held[place + 1].begins if place + 1 < len(held) else None,
                        round_trips_ms=known,
                    ),
                )


def _ordered(primitives: Iterable[P]) -> tuple[P, ...]:
    return tuple(sorted(primitives, key=lambda primitive: primitive.id))


def _nested(meters: tuple[Meter, ...]) -> tuple[Meter, ...]:
    """The meters with `within` as the id of a meter instead of a clause. Raises InvalidInput if one is in
    itself."""
    nested = {m.id: m if m.within is None else replace(m, within=_outer(m, m.within, meters)) for m in meters}
    for meter in nested.values():
        seen, outer = {meter.id}, meter.within
        while outer is not None:
            if outer in seen:
                raise InvalidInput(f"{meter.origin.clause}: it is `within` itself")
            seen.add(outer)
            outer = nested[outer].within
    return tuple(nested.values())


def _outer(meter: Meter, clause: str, meters: tuple[Meter, ...]) -> str:
    """The version of the outer clause that stands when the inner one begins, else its first."""
    same = sorted((m for m in meters if m.origin.clause == clause), key=lambda m: m.scope.begins or date.min)
    if not same:
        raise InvalidInput(f"{meter.origin.clause}: there is no commitment `{clause}` for it to be `within`")
    begins = meter.scope.begins or date.min
    return ([m for m in same if (m.scope.begins or date.min) <= begins] or same[:1])[-1].id


def _unmodelled(estate: Estate, known_at: date | None) -> tuple[Unmodelled, ...]:
    terms: list[Unmodelled] = []
    for id, agreement in sorted(estate.agreements.items()):
        if known_at is not None and agreement.signed > known_at:
            continue
        terms.extend(Unmodelled(id, term) for term in agreement.unmodelled)
        for amendment in known_amendments(agreement, known_at):
            terms.extend(Unmodelled(id, term) for term in amendment.unmodelled)
    return tuple(terms)
