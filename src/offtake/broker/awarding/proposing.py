"""Who is awarded what: takes and bids against a need, least cost first, as a small exact program.

The program is lexicographic: meet as much of the need as can be met, at least cost, and break ties by the policy's
rule. Cost is what is paid over the terms, what price clauses add to it on top of what they count already, and what the
commitments of the need's party would fall short by.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from decimal import ROUND_CEILING, Decimal

from offtake.broker.awarding.program import Program
from offtake.broker.awarding.sources import Source, sources_of
from offtake.broker.library import Rules
from offtake.broker.policy import Policy
from offtake.broker.ports import Optimiser, Optimum
from offtake.broker.profile import ZERO
from offtake.broker.state import Deal, State
from offtake.broker.terms import Cited, Excluded
from offtake.law.pricing import micro_units


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the program proposes: quantities by source, what they cost, and how close to the least that is."""

    quantities: tuple[tuple[Source, Decimal], ...]
    unmet: Decimal
    cost_micros: int
    objective_micros: int
    bound_micros: int
    gap: Decimal
    excluded: tuple[Excluded, ...]
    binding: tuple[Cited, ...]
    prices: tuple[tuple[str, int], ...] = ()  # What price clauses add, in micro-units, by clause.

    @property
    def elsewhere(self) -> tuple[tuple[Source, Decimal], ...]:
        """What goes to bids."""
        return tuple((source, quantity) for source, quantity in self.quantities if not source.fixed)


@dataclass(frozen=True, slots=True)
class Impossible:
    """Nothing can be awarded, and why."""

    reasons: tuple[Cited, ...]
    excluded: tuple[Excluded, ...] = ()


def proposal(
    rules: Rules,
    policy: Policy,
    state: State,
    deal: Deal,
    now: datetime,
    optimiser: Optimiser,
    *,
    free: frozenset[str] = frozenset(),
) -> Proposal | Impossible:
    """The best award of a deal. Takes under the clauses in `free` are offers like others, as if nobody had a right.

    `state` is one without the deal's holds.
    """
    sources, excluded = sources_of(rules, state, deal, now, free)
    if not sources:
        return Impossible(_nothing(deal, excluded), excluded)
    program = Program(rules, state, deal, sources)
    most = optimiser.minimise(program.filling(), 0.0)
    if most is None:
        return Impossible(program.why_not(), excluded)
    filled = program.filled(most)
    if filled == 0 or filled < deal.need.minimum - deal.granted:
        return Impossible((program.too_little(filled), *program.binding(most)), excluded)
    best = optimiser.minimise(program.costing(filled), float(policy.gap))
    if best is None:
        return Impossible(program.why_not(), excluded)
    chosen = best
    if program.tied():
        chosen = optimiser.minimise(program.breaking_ties(filled, best.objective), 0.0) or best
    return _read(program, chosen, best, filled, excluded)


def _nothing(deal: Deal, excluded: Sequence[Excluded]) -> tuple[Cited, ...]:
    if not excluded:
        return (Cited(clause=None, text=f"nobody has bid for `{deal.need.id}`"),)
    return tuple(reason for one in excluded for reason in one.reasons)


def _read(
    program: Program, chosen: Optimum, best: Optimum, filled: Decimal, excluded: tuple[Excluded, ...]
) -> Proposal:
    """An optimum as quantities, with exact costs."""
    quantities: list[tuple[Source, Decimal]] = []
    for i, source in enumerate(program.sources):
        steps = sum(round(chosen.values[column]) for column, _ in program.of(i))
        if steps:
            quantities.append((source, steps * program.step))
    cost = sum((source.cost * quantity for source, quantity in quantities), ZERO)
    prices = _prices(program, quantities)
    shortfalls = sum(
        (
            program.exact[column] * Decimal(repr(chosen.values[column]))
            for column in range(program.first_shortfall, len(program.exact))
        ),
        ZERO,
    )
    added = sum((micros for _, micros in prices), 0)
    objective = micro_units(cost + max(shortfalls, ZERO)) + added
    bound = Decimal(repr(best.bound)) * program.scale
    bound_micros = min(int((bound * 1_000_000).to_integral_value(rounding=ROUND_CEILING)), objective)
    gap = Decimal(objective - bound_micros) / abs(objective) if objective else ZERO
    unmet = sum((tranche.quantity for tranche in program.tranches), ZERO) - filled
    return Proposal(
        tuple(quantities),
        unmet,
        micro_units(cost),
        objective,
        bound_micros,
        gap.quantize(Decimal("0.000000001")),
        excluded,
        tuple(program.binding(chosen)),
        prices,
    )


def _prices(program: Program, quantities: Sequence[tuple[Source, Decimal]]) -> tuple[tuple[str, int], ...]:
    """What each price clause adds, in micro-units of the need's currency, by clause."""
    amounts = dict.fromkeys(range(len(program.sources)), ZERO)
    for source, quantity in quantities:
        amounts[source.order] += quantity
    found: dict[str, Decimal] = {}
    for stretch in program.priced:
        clause = stretch.schedule.origin.clause
        found[clause] = found.get(clause, ZERO) + stretch.adds(amounts)
    return tuple((clause, micro_units(amount)) for clause, amount in sorted(found.items()))
