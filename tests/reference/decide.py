"""A second reading of agreements, slow and plain: it takes the clauses as they are written, day by day.

It shares nothing with `offtake.law`: it knows no mask and no meter, asks of every day of an action which clauses hold
on that day, and lets each of them speak for itself.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import Decimal

from offtake.domain.agreements import Agreement
from offtake.domain.areas import countries
from offtake.domain.clauses import (
    AnyClause,
    Budget,
    Ceiling,
    Clause,
    Commitment,
    Exclusivity,
    FirstRefusal,
    Governance,
    LatencyBound,
    LaunchPriority,
    Licence,
    Residency,
)
from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.domain.quantities import parse_figure
from offtake.domain.selection import Action, Selection
from offtake.domain.workloads import InferenceClass

END_OF_TIME = date(2029, 1, 1)  # No agreement of the tests changes anything later.
WORKLOAD_FIELDS = (
    "workloads purposes parties models vendors tags channels customers data_classes client_regions".split()
)


@dataclass(frozen=True)
class Verdict:
    """Permitted if no clause refuses; obligations are (kind, who, clause)."""

    clauses: frozenset[str]
    obligations: frozenset[tuple[str, str, str]]


@dataclass
class Held:
    """A clause over its days, under its name and the id that readings and discharges know it by."""

    name: str
    id: str
    agreement: str
    clause: AnyClause
    begins: date
    ends: date | None


class Reference:
    """All that was agreed and known at a date, put to one action."""

    def __init__(self, estate: Estate, known_at: date | None, position: Position, action: Action) -> None:
        self.estate = estate
        self.position = position
        self.action = action
        self.rows = [
            row
            for name, agreement in estate.agreements.items()
            if known_at is None or agreement.signed <= known_at
            for row in histories(name, agreement, known_at)
        ]

    def verdict(self) -> Verdict:
        refusing: set[str] = set()
        obligations: set[tuple[str, str, str]] = set()
        for history in self.rows:
            for held in history:
                if isinstance(held.clause, FirstRefusal):
                    self.first_refusal(held, refusing, obligations)
                elif isinstance(held.clause, Governance) and held.clause.approver:
                    self.approval(held, obligations)
            if any(self.refuses_on(history, day) for day in self.days()):
                refusing.add(history[0].name)
        for name, workload in self.estate.workloads.items():
            if isinstance(workload, InferenceClass) and workload.latency is not None:
                serving = self.action.kind in ("place", "process") and self.action.workload.id == name
                if serving and self.too_far(workload.latency.amount):
                    refusing.add(f"workloads.{name}.latency")
        return Verdict(frozenset(refusing), frozenset() if refusing else frozenset(obligations))

    def days(self) -> Iterator[date]:
        day, last = self.action.interval.begins, self.action.interval.ends or END_OF_TIME
        while day < last:
            yield day
            day += timedelta(days=1)

    # What a clause says of one day ----------------------------------------------------------------------------

    def refuses_on(self, history: list[Held], day: date) -> bool:
        begun = [held for held in history if held.begins <= day]
        held = begun[-1] if begun else history[0]
        clause = held.clause
        if isinstance(clause, Licence):
            return self.unlicensed(held, day)
        if not self.in_force(held, day):
            return False
        match clause:
            case Exclusivity():
                return self.about(clause, clause.actions) and self.action.supply.provider not in clause.to
            case Residency():
                return self.about(clause, ("place", "process", "hold")) and self.leaves(clause)
            case LatencyBound():
                served = self.action.kind in ("place", "process") and self.covered(clause)
                return served and self.not_training() and self.too_far(clause.bound.amount)
            case LaunchPriority():
                return self.too_early(clause, day)
            case Governance():
                return self.rights_ended(clause, day)
            case Ceiling():
                upper = parse_figure(clause.upper, measure_kind(clause.measure))
                return self.over(held, day, clause.measure, upper.amount, upper.currency, clause.window)
            case Budget():
                return self.over_budget(held, clause, day)
            case _:
                return False

    def in_force(self, held: Held, day: date) -> bool:
        if day < held.begins or (held.ends is not None and day >= held.ends):
            return False
        return not self.has_happened(held.clause.until_event, day)

    def has_happened(self, event: str | None, day: date) -> bool:
        supply = self.action.supply
        subjects = {self.action.workload.model, supply.id, supply.deployment, supply.product, supply.site}
        subjects.add(supply.provider)
        return event is not None and any(
            h.event == event and h.on <= day and (h.about is None or h.about in subjects)
            for h in self.position.happened
        )

    def covered(self, clause: Clause, *more: Selection) -> bool:
        """Whether the clause covers the action's workload and supply, and so does what narrows it."""
        if not all(matches(selection, self.action) for selection in (clause.covers, *more)):
            return False
        return not any(matches(exception, self.action) for exception in clause.excepts)

    def about(self, clause: Clause, actions: tuple[str, ...], *more: Selection, names: bool = False) -> bool:
        """Whether it covers an action of these kinds; a bar on placing what it names bars acquiring for it."""
        kind = self.action.kind
        names = names or any(getattr(clause.covers, field) for field in WORKLOAD_FIELDS)
        names = names or isinstance(clause, Residency)
        if kind not in actions and not (kind == "acquire" and "place" in actions and names):
            return False
        return self.covered(clause, *more)

    def not_training(self) -> bool:
        return self.action.workload.purpose != "training"

    def leaves(self, clause: Residency) -> bool:
        workload, supply = self.action.workload, self.action.supply
        if workload.data_class not in clause.data_classes:
            return False
        jurisdictions = {name: region.jurisdiction for name, region in self.estate.regions.items()}
        boundary = countries(clause.boundary, self.estate.areas, jurisdictions)
        places = {"processing": supply.may_process_in, "rest": supply.rests_in, "logs": supply.logs_in}
        for part in clause.includes:
            known = places[part]
            if known is None or any(place not in boundary for place in known):
                return True
        return False

    def too_far(self, bound: Decimal) -> bool:
        client, region = self.action.workload.client_region, self.action.supply.region
        pairs = self.estate.latency.pairs
        figure = pairs.get(client or "", {}).get(region or "")
        if figure is None and self.estate.latency.symmetric:
            figure = pairs.get(region or "", {}).get(client or "")
        return figure is None or figure.amount > bound

    def unlicensed(self, held: Held, day: date) -> bool:
        clause = held.clause
        assert isinstance(clause, Licence)
        at_licensee = Selection(owners=(clause.licensee,))
        if not self.about(clause, clause.grants, at_licensee):
            return False
        return not self.in_force(held, day)

    def too_early(self, clause: LaunchPriority, day: date) -> bool:
        model = self.action.workload.model
        if model is None or not self.about(clause, ("place", "process")) or not self.not_training():
            return False
        if self.action.supply.provider in clause.first or self.has_happened(clause.unless_event, day):
            return False
        stated = self.estate.models[model].launched if model in self.estate.models else None
        launched = self.position.launches.get(model, stated)
        return launched is None or day < launched + timedelta(days=clause.days)

    def rights_ended(self, clause: Governance, day: date) -> bool:
        party = clause.ends_rights_of
        if party is None or not self.has_happened(clause.on_event, day):
            return False
        actions = ("place", "process", "hold")
        on_its_supplies = self.about(clause, actions, Selection(owners=(party,)))
        of_its_workloads = self.about(clause, actions, Selection(parties=(party,)))
        return on_its_supplies or of_its_workloads

    # What is counted ------------------------------------------------------------------------------------------

    def over_budget(self, held: Held, clause: Budget, day: date) -> bool:
        begins, ends = held.begins, held.ends
        fund = None if clause.fund is None else self.estate.funds[clause.fund]
        if fund is not None:
            begins = max(begins, fund.begins or begins)
            ends = fund.ends if ends is None else min(ends, fund.ends or ends)
        if day < begins or (ends is not None and day >= ends):
            return False
        amount = clause.amount or (fund and fund.amount)
        assert amount is not None
        clipped = Held(held.name, held.id, held.agreement, clause, begins, ends)
        return self.over(clipped, day, "money", amount.amount, amount.currency, clause.window)

    def over(
        self, held: Held, day: date, measure: str, upper: Decimal, currency: str | None, window: str
    ) -> bool:
        if not self.counts_on(held):
            return False
        amount = self.action.money or Decimal(0)
        if measure != "money":
            amount = dict(self.action.quantities).get(measure, Decimal(0))
        elif amount and self.action.currency is not None and currency not in (None, self.action.currency):
            rate = self.rate(self.action.currency, currency or "")
            if rate is None:
                return True
            amount *= rate
        if amount <= 0:
            return False
        first, last = window_of(window, day, held)
        taken = Decimal(0)
        for reading in self.position.readings:
            touches = reading.begins < last and (reading.ends is None or reading.ends > first)
            if reading.meter == held.id and touches:
                taken += reading.amount
        return taken + amount > upper

    def rate(self, currency: str, other: str) -> Decimal | None:
        """The tests state one rate: what one EUR is in USD."""
        texts = self.estate.currencies.get("EUR", ())
        texts = (texts,) if isinstance(texts, str) else texts
        found: Decimal | None = None
        for text in texts:
            figure, _, begins = text.partition(" from ")
            if not begins or date.fromisoformat(begins) <= self.action.interval.begins:
                found = Decimal(figure.split()[0])
        if found is None or {currency, other} != {"EUR", "USD"}:
            return None
        return found if currency == "EUR" else 1 / found

    def counts_on(self, held: Held) -> bool:
        clause = held.clause
        if self.counts_itself(clause):
            return True
        for history in self.rows:
            for inner in history:
                if isinstance(inner.clause, Commitment) and inner.clause.within is not None:
                    name = inner.clause.within
                    if held.name in (f"{inner.agreement}.{name}", name) and self.counts_on(inner):
                        return True
        return False

    def counts_itself(self, clause: AnyClause) -> bool:
        action = self.action
        if not isinstance(clause, Ceiling | Budget | Commitment) or not self.covered(clause):
            return False
        measure = "money" if isinstance(clause, Budget) else clause.measure
        if measure == "money":
            payer = getattr(clause, "payer", None)
            payee = getattr(clause, "payee", None)
            spends = clause.spends if isinstance(clause, Budget) else ()
            return (
                (payer is None or action.actor in (None, payer))
                and (payee is None or action.counterparty in (None, payee))
                and (not spends or action.spending is None or action.spending in spends)
            )
        return action.kind == ("process" if measure in ("tokens", "token-rate") else "acquire")

    # Who is asked ---------------------------------------------------------------------------------------------

    def holds_some_day(self, held: Held) -> bool:
        return any(self.in_force(held, day) for day in self.days())

    def is_right_over_this(self, held: Held) -> bool:
        clause = held.clause
        if not isinstance(clause, FirstRefusal) or not self.covered(clause):
            return False
        kind = "acquire" if clause.over == "acquisition" else "process"
        return self.action.kind == kind and self.holds_some_day(held)

    def first_refusal(self, held: Held, refusing: set[str], obligations: set[tuple[str, str, str]]) -> None:
        clause, action = held.clause, self.action
        assert isinstance(clause, FirstRefusal)
        if not self.is_right_over_this(held):
            return
        supplier = (action.supply.provider, action.supply.party)
        quantity = dict(action.quantities).get(clause.measure)
        if clause.holder in supplier:
            if (
                clause.over == "acquisition"
                and quantity is not None
                and not self.part_allowed(clause, quantity)
            ):
                refusing.add(held.name)
            return
        for history in self.rows:
            for other in history:
                right = other.clause
                if not isinstance(right, FirstRefusal) or right.rank >= clause.rank:
                    continue
                if right.holder in supplier and self.is_right_over_this(other):
                    return
        left = self.left_elsewhere(held)
        if left is not None:
            if clause.over == "acquisition" and quantity is not None and quantity > left:
                refusing.add(held.name)
            return
        if clause.threshold is not None and clause.over == "acquisition" and quantity is not None:
            others = sum(r.amount for r in self.position.readings if r.meter == held.id)
            if quantity + others < parse_figure(clause.threshold, measure_kind(clause.measure)).amount:
                return
        obligations.add(("ask", clause.holder, held.name))

    def part_allowed(self, clause: FirstRefusal, quantity: Decimal) -> bool:
        need = self.action.need_size
        if need is None or quantity in (0, need):
            return True
        if quantity > need or (self.action.gang and clause.part.whole_gangs):
            return False
        if clause.part.minimum is not None and quantity < clause.part.minimum.amount:
            return False
        return clause.part.multiple is None or quantity % clause.part.multiple.amount == 0

    def left_elsewhere(self, held: Held) -> Decimal | None:
        """What the last answer about this need, good for all of these days, leaves; None without one."""
        begins, ends = self.action.interval.begins, self.action.interval.ends
        left: Decimal | None = None
        for answer in self.position.discharges:
            if answer.procedure != held.id or (answer.granted and self.action.kind == "acquire"):
                continue
            same_need = answer.need is not None and answer.need == self.action.need
            if not same_need and answer.id not in self.action.discharges:
                continue
            ends_in_time = answer.ends is None or (ends is not None and ends <= answer.ends)
            if answer.begins <= begins and ends_in_time:
                left = answer.elsewhere
        return left

    def approval(self, held: Held, obligations: set[tuple[str, str, str]]) -> None:
        clause, action = held.clause, self.action
        assert isinstance(clause, Governance)
        assert clause.approver is not None
        if action.kind not in clause.actions or not self.covered(clause):
            return
        days = [day for day in self.days() if self.in_force(held, day)]
        if clause.on_event is not None:
            days = [day for day in days if self.has_happened(clause.on_event, day)]
        if not days:
            return
        if any(a.procedure == held.id and a.need in (None, action.need) for a in self.position.approvals):
            return
        if clause.above is not None:
            above = parse_figure(clause.above, measure_kind(clause.measure))
            amount = (
                action.money if clause.measure == "money" else dict(action.quantities).get(clause.measure)
            )
            if (
                amount is not None
                and clause.measure == "money"
                and action.currency not in (None, above.currency)
            ):
                rate = self.rate(action.currency or "", above.currency or "")
                amount = None if rate is None else amount * rate
            if amount is not None and amount < above.amount:
                return
        obligations.add(("approval", clause.approver, held.name))


def decide(estate: Estate, known_at: date | None, position: Position, action: Action) -> Verdict:
    """What the agreements say to an action."""
    return Reference(estate, known_at, position, action).verdict()


def histories(name: str, agreement: Agreement, known_at: date | None) -> list[list[Held]]:
    """Each clause with its successive wordings."""
    spoken: dict[str, list[Held]] = {}
    for key, clause in agreement.clauses.items():
        full = f"{name}.{key}"
        spoken[key] = [Held(full, full, name, clause, clause.begins or agreement.signed, clause.ends)]
    known = [a for a in agreement.amendments if known_at is None or a.signed <= known_at]
    for amendment in sorted(known, key=lambda a: a.signed):
        for key, day in amendment.ends.items():
            before = [held for held in spoken[key] if held.begins < day]
            if before:
                before[-1].ends = day
                spoken[key] = before
            else:
                spoken[key] = spoken[key][:1]
                spoken[key][0].ends = spoken[key][0].begins
        for key, clause in amendment.clauses.items():
            full = f"{name}.{key}"
            begins = clause.begins or amendment.signed
            before = [held for held in spoken.get(key, []) if held.begins < begins]
            if before and (before[-1].ends is None or before[-1].ends > begins):
                before[-1].ends = begins
            id = f"{full}@{begins}" if before else full
            spoken[key] = [*before, Held(full, id, name, clause, begins, clause.ends)]
    return list(spoken.values())


def matches(selection: Selection, action: Action) -> bool:
    """Whether every stated key of a selection agrees with the action's facts."""
    workload, supply = action.workload, action.supply
    facts: dict[str, object] = {
        "workloads": workload.id,
        "purposes": workload.purpose,
        "parties": workload.party,
        "models": workload.model,
        "vendors": workload.vendor,
        "channels": workload.channel,
        "customers": workload.customer,
        "data_classes": workload.data_class,
        "client_regions": workload.client_region,
        "providers": supply.provider,
        "owners": supply.party,
        "sites": supply.site,
        "regions": supply.region,
        "accelerators": supply.accelerator,
        "products": supply.product,
        "deployments": supply.deployment,
        "forms": supply.form,
    }
    if selection.tags and not set(selection.tags) & workload.tags:
        return False
    return all(facts[key] in getattr(selection, key) for key in facts if getattr(selection, key))


def measure_kind(measure: str) -> str:
    """The kind of quantity that a measure's texts state."""
    return {
        "accelerators": "count",
        "accelerator-hours": "accelerator_hours",
        "token-rate": "token_rate",
    }.get(measure, measure)


def window_of(window: str, day: date, held: Held) -> tuple[date, date]:
    """First day of the window that a day is in, and the first day after it."""
    if window == "term":
        return held.begins, held.ends or date.max
    if window in ("any-time", "minute"):
        return day, day + timedelta(days=1)
    length = {"month": 1, "quarter": 3, "year": 12}[window]
    month = (day.month - 1) // length * length + 1
    after = month + length
    return date(day.year, month, 1), date(day.year + (after > 12), after - 12 if after > 12 else after, 1)
