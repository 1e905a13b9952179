"""A plan replayed through `decide` as actions: acquisitions in the order of time, payments, and every placement."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from itertools import groupby
from typing import Final, cast

from offtake.domain.estate import Estate
from offtake.domain.handoffs import CapacityPlan, ObligationRow, OrderRow, PlanPeriod
from offtake.domain.position import Discharge, Position, Reading
from offtake.domain.selection import Action, ActionKind, Interval, Spending, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import TrainingRun, Workload
from offtake.law.decide import Refusal, decide
from offtake.law.facts import inference_facts, party_of, supplies, training_facts
from offtake.law.force import in_force, supplied_by
from offtake.law.meters import burns, counted
from offtake.law.primitives import Law
from offtake.planner.calendar import months_of

# What a solver leaves of a bound: an action is replayed at this much less than its quantity.
SLACK: Final = Decimal("0.000002")
UNLIMITED: Final = Decimal(10) ** 30


@dataclass(frozen=True, slots=True)
class Replay:
    """How many actions were replayed, those that were refused (none, in a certified plan), and what they oblige to."""

    actions: int
    refused: tuple[tuple[Action, Refusal], ...]
    obligations: tuple[ObligationRow, ...]


def replay(estate: Estate, law: Law, position: Position, plan: CapacityPlan) -> Replay:
    """Every action of a plan, decided one after the other, each on the position that those before it left."""
    return _Replay(estate, law, position, plan).run()


class _Replay:
    """Walks through the plan's tables; `position` moves with every permitted action."""

    def __init__(self, estate: Estate, law: Law, position: Position, plan: CapacityPlan) -> None:
        self.estate, self.law, self.plan = estate, law, plan
        self.facts: dict[str, SupplyFacts] = {facts.id: facts for facts in supplies(estate)}
        self.periods: dict[str, PlanPeriod] = {period.label: period for period in plan.periods}
        self.position = replace(position, discharges=(*position.discharges, *self._discharges()))
        self.refused: list[tuple[Action, Refusal]] = []
        self.obliged: dict[tuple[str, str, str], int] = defaultdict(int)
        self.actions = 0
        self.bounded = [meter for meter in law.meters if meter.upper is not None]

    def run(self) -> Replay:
        for held in self._held():
            self._note(held)
        for action in (*self._acquisitions(), *self._payments(), *self._placements()):
            self._act(action)
        obligations = tuple(
            ObligationRow(kind=kind, who=who, clause=clause, actions=count)
            for (kind, who, clause), count in sorted(self.obliged.items())
        )
        return Replay(self.actions, tuple(self.refused), obligations)

    def _act(self, action: Action) -> None:
        self.actions += 1
        answer = decide(self.law, self.position, action)
        if isinstance(answer, Refusal):
            self.refused.append((action, answer))
            return
        for obligation in answer.obligations:
            self.obliged[obligation.kind, obligation.who, obligation.origin.clause] += 1
        self._note(action)

    def _note(self, action: Action) -> None:
        """Adds what an action counts to the readings of the bounded meters that it burns, while they are in force."""
        readings: list[Reading] = []
        for meter in self.bounded:
            held = in_force(meter.scope, self.position, action.workload, action.supply)
            if held is None or not action.interval.overlaps(held.begins, held.ends):
                continue
            if burns(meter, self.law, action):
                amount = counted(meter, self.law, action)
                if amount:
                    readings.append(Reading(meter.id, action.interval.begins, action.interval.ends, amount))
        if readings:
            self.position = replace(self.position, readings=(*self.position.readings, *readings))

    def _discharges(self) -> Iterator[Discharge]:
        """The holders' answers that the plan rests on; a right without one has lapsed, and its need is free."""
        answered: set[str] = set()
        for procedure in self.law.procedures:
            for right in self.plan.first_refusals:
                if right.clause == procedure.origin.clause:
                    answered.add(procedure.id)
                    # The plan reports what all orders of a tranche take elsewhere; each is held against the whole.
                    elsewhere = Decimal(repr(right.allowed_elsewhere)) if right.binding else UNLIMITED
                    yield Discharge(f"{procedure.id} {right.begins}", procedure.id, None, elsewhere, date.min)
            yield Discharge(f"{procedure.id} lapsed", procedure.id, None, UNLIMITED, date.min)

    def _held(self) -> Iterator[Action]:
        """What is under contract counts on the meters before anything is ordered."""
        for row in self.plan.capacity:
            facts = self.facts.get(row.supply)
            if row.contracted > 0 and facts is not None:
                period = self.periods[row.period]
                share = row.power_mw * row.contracted / max(row.contracted + row.added, 1e-12)
                yield self._acquire(
                    facts, Interval(period.begins, period.ends), row.contracted, row.unit, share, ()
                )

    def _acquisitions(self) -> Iterator[Action]:
        ordered = sorted(self.plan.orders, key=lambda order: (order.serves_from, order.supply, order.kind))
        for order in ordered:
            facts = self.facts.get(order.supply) or self._product_facts(order)
            if facts is not None and order.kind not in ("shell", "keep"):
                interval = Interval(order.serves_from, order.serves_until)
                discharges = tuple(self._discharge_ids(order))
                yield self._acquire(facts, interval, order.quantity, order.unit, order.power_mw, discharges)

    def _product_facts(self, order: OrderRow) -> SupplyFacts | None:
        if order.product is None:
            return None
        return SupplyFacts(
            order.supply,
            "provisioned",
            order.provider,
            party_of(self.estate, order.provider),
            product=order.product,
        )

    def _discharge_ids(self, order: OrderRow) -> Iterator[str]:
        facts = self.facts.get(order.supply) or self._product_facts(order)
        for procedure in self.law.procedures:
            # Who takes of a need before this holder is asked is not elsewhere; holders of a rank are asked by id.
            taken_before = facts is not None and any(
                supplied_by(other.holder, facts)
                and other.style != "approve"
                and (other.rank, other.id) < (procedure.rank, procedure.id)
                for other in self.law.procedures
            )
            rights = [
                r
                for r in self.plan.first_refusals
                if r.clause == procedure.origin.clause and not taken_before
            ]
            inside = [r for r in rights if r.begins <= order.serves_from < r.ends]
            yield from (f"{procedure.id} {r.begins}" for r in inside)
            if not inside:
                yield f"{procedure.id} lapsed"

    def _acquire(
        self,
        facts: SupplyFacts,
        interval: Interval,
        quantity: float,
        unit: str,
        power_mw: float,
        ids: tuple[str, ...],
    ) -> Action:
        shown = Decimal(repr(quantity)) * (1 - SLACK)
        measure = "units" if unit == "units" else "accelerators"
        quantities = ((measure, shown),)
        if power_mw:
            quantities = (*quantities, ("power", Decimal(repr(power_mw)) * (1 - SLACK)))
        return Action(
            "acquire",
            interval,
            actor=self.plan.party,
            counterparty=facts.party,
            supply=facts,
            quantities=quantities,
            discharges=frozenset(ids),
        )

    def _payments(self) -> Iterator[Action]:
        """Money that bounded meters may count, spread over the months of its period by their share in it."""
        if not any(meter.measure == "money" for meter in self.bounded):
            return
        for row in self.plan.spend:
            if row.kind == "salvage" or row.amount_cents <= 0:
                continue
            period = self.periods[row.period]
            months = tuple(months_of(period.begins, period.ends))
            whole = sum(share for _, _, share in months)
            paid = Decimal(row.amount_cents) / 100 * (1 - SLACK)
            facts = self.facts.get(row.supply) or SupplyFacts(row.supply)
            for begins, ends, share in months:
                yield Action(
                    "pay",
                    Interval(begins, ends),
                    actor=row.payer,
                    counterparty=row.payee,
                    supply=facts,
                    money=paid * Decimal(repr(share / whole)),
                    currency=self.plan.currency,
                    spending=cast("Spending", row.kind),  # A plan names its kinds of spending by these words.
                )

    def _placements(self) -> Iterator[Action]:
        served = sorted(
            ((row.workload, row.client_region, row.model, row.supply), row.period) for row in self.plan.served
        )
        for (workload, region, model, supply), rows in groupby(served, key=lambda pair: pair[0]):
            facts = inference_facts(self.estate, workload, region, model)
            for interval in self._joined(label for _, label in rows):
                yield self._at(facts, supply, "place", interval)
                yield self._at(facts, supply, "process", interval)
        trained = sorted(((row.workload, row.supply), row.period) for row in self.plan.training)
        for (workload, supply), rows in groupby(trained, key=lambda pair: pair[0]):
            facts = training_facts(self.estate, workload)
            run = self.estate.workloads[workload]
            for interval in self._joined(label for _, label in rows):
                yield self._at(facts, supply, "place", _within(run, interval))

    def _at(self, facts: WorkloadFacts, supply: str, kind: ActionKind, interval: Interval) -> Action:
        return Action(
            kind, interval, actor=facts.party or self.plan.party, workload=facts, supply=self.facts[supply]
        )

    def _joined(self, labels: Iterator[str]) -> Iterator[Interval]:
        """Periods that follow each other as one interval: it is lawful if and only if each of them is."""
        spans = sorted((self.periods[label].begins, self.periods[label].ends) for label in labels)
        begins, ends = spans[0]
        for low, high in spans[1:]:
            if low > ends:
                yield Interval(begins, ends)
                begins = low
            ends = high
        yield Interval(begins, ends)


def _within(run: Workload, interval: Interval) -> Interval:
    """The part of an interval that lies in a run's window."""
    if not isinstance(run, TrainingRun):
        return interval
    ends = run.window.ends if interval.ends is None else min(interval.ends, run.window.ends)
    return Interval(max(interval.begins, run.window.begins), ends)
