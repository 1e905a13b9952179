"""One request put to the law: the world that a table's entries are compiled in, and what `decide` says of a request."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal

from offtake.domain.position import Discharge, Position
from offtake.domain.selection import Action, Interval, SupplyFacts, WorkloadFacts
from offtake.law.decide import Permit, Reason, Refusal, decide
from offtake.law.force import supplied_by
from offtake.law.primitives import Law
from offtake.router.table import PICO, Candidate


@dataclass(frozen=True)
class World:
    """What entries are compiled in: the law on a day, who pays, and in which currency."""

    law: Law
    position: Position
    day: date
    currency: str
    payer: str | None

    @property
    def interval(self) -> Interval:
        """The table's day."""
        return Interval(self.day, _next_day(self.day))

    def action(self, facts: WorkloadFacts, supply: SupplyFacts) -> Action:
        """A request of a profile at a supply, its amounts not yet known."""
        return Action(
            kind="process",
            interval=self.interval,
            actor=facts.party or self.payer,
            counterparty=supply.party,
            workload=facts,
            supply=supply,
            currency=self.currency,
            spending="tokens",
        )


def decided(
    law: Law,
    world: World,
    facts: WorkloadFacts,
    candidate: Candidate,
    tokens: int,
    cost: int,
) -> tuple[Reason, ...] | None:
    """Why `decide` refuses one request of known amounts; None if it permits it and nobody need approve it first.

    Rights over traffic count as offered: whether their holders had room is the choice's to say.
    """
    position, answers = discharged(world, (ask[0] for ask in candidate.asks))
    action = replace(
        world.action(facts, candidate.supply),
        quantities=amounts_of(tokens),
        money=Decimal(cost) / PICO,
        discharges=answers,
    )
    answer = decide(law, position, action)
    if isinstance(answer, Refusal):
        return answer.reasons
    return _unapproved(answer)


def discharged(world: World, asks: Iterable[str]) -> tuple[Position, frozenset[str]]:
    """The position in which these rights over traffic were offered the request and could not take it."""
    ends = world.interval.ends
    answers = tuple(
        Discharge(f"offered {p}", p, None, Decimal(0), world.day, ends) for p in dict.fromkeys(asks)
    )
    position = replace(world.position, discharges=(*world.position.discharges, *answers))
    return position, frozenset(answer.id for answer in answers)


def amounts_of(tokens: int) -> tuple[tuple[str, Decimal], ...]:
    """A request's quantities as an action states them; a token rate is that of the running minute."""
    return (("tokens", Decimal(tokens)), ("token-rate", Decimal(tokens) / 60))


def _unapproved(permit: Permit) -> tuple[Reason, ...] | None:
    waiting = tuple(
        Reason(
            o.origin, o.procedure, f"{o.origin.clause}: {o.who} must approve first, and a request cannot wait"
        )
        for o in permit.obligations
        if o.kind == "approval"
    )
    return waiting or None


def holds(holder: str, candidate: Candidate) -> bool:
    """Whether a candidate is the own supply of a right's holder."""
    return supplied_by(holder, candidate.supply)


def _next_day(day: date) -> date | None:
    return None if day == date.max else day + timedelta(days=1)
