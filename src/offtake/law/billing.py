"""What charges of a bill count on the meters of a law: money that was paid, tokens and hours that were used."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.domain.charges import OWN_CLAUSE, Charge, Matched, match_product, measure_of
from offtake.domain.estate import AcceleratorHours, Estate
from offtake.domain.position import Position
from offtake.domain.selection import NOBODY, Action, ActionKind, Interval, SupplyFacts
from offtake.law.facts import leased_supply, party_of
from offtake.law.force import covers, in_force
from offtake.law.meters import burns
from offtake.law.primitives import Law, Meter, PriceSchedule

_CLAUSE: Final = "clause:"
MAXIMUM_REMEMBERED: Final = 10_000  # Kinds of charges whose meters are remembered.
_PAYS: Final = frozenset({"Usage", "Purchase", "Adjustment"})  # Taxes and credits burn no commitment.
_FLOWS: Final[Mapping[str, ActionKind]] = {"tokens": "process", "accelerator-hours": "acquire"}
# Measures of what is held, and the hours of it that bills count.
LEVELS: Final[Mapping[str, str]] = {"units": "unit-hours", "accelerators": "accelerator-hours"}


@dataclass(frozen=True, slots=True)
class Count:
    """What a charge counts on a clause (`agreement.clause`), in the measure of its meter; money in its currency."""

    clause: str
    measure: str
    currency: str | None
    amount: Decimal


@dataclass
class Billing:
    """Reads charges against an estate and its law. `mapped` says which product or provider a bill's name means."""

    estate: Estate
    law: Law
    mapped: Mapping[str, str] = field(default_factory=dict[str, str])
    _meters: dict[object, tuple[Meter, ...]] = field(default_factory=dict[object, tuple[Meter, ...]])
    _terms: dict[str, str] | None = None

    def provider(self, charge: Charge, matched: Matched | None) -> str | None:
        """The estate's provider behind a charge: its product's, or the one that is named so; None if there is none."""
        if matched is not None:
            return self.estate.products[matched.product].provider
        name = self.mapped.get(charge.provider, charge.provider)
        if name in self.estate.providers:
            return name
        folded = name.casefold()
        return next(
            (
                id
                for id, entry in self.estate.providers.items()
                if folded in (id.casefold(), (entry.name or id).casefold())
            ),
            None,
        )

    def matched(self, charge: Charge) -> Matched | None:
        """The product that a charge is for."""
        return match_product(charge, self.estate, self.mapped)

    def counts(self, charge: Charge, matched: Matched | None) -> tuple[Count, ...]:
        """What a charge counts on which clauses. What it names itself (`ContractApplied`) is taken at its word."""
        if charge.category not in _PAYS:
            return ()
        named = self._named(charge)
        clauses = {one.clause for one in named}
        meters = self._applicable(charge, matched)
        found = [
            Count(meter.origin.clause, meter.measure, meter.currency, amount)
            for meter in meters
            if meter.origin.clause not in clauses
            and (amount := self._amount(meter.measure, meter.currency, charge)) is not None
        ]
        return (*named, *found)

    def lacks_rate(self, charge: Charge, matched: Matched | None) -> str | None:
        """Why money of a charge counts nowhere, if that is for want of a rate; None if it is not."""
        if charge.category not in _PAYS:
            return None
        for meter in self._applicable(charge, matched):
            if meter.measure == "money" and self._amount("money", meter.currency, charge) is None:
                return f"no rate from {charge.currency} to {meter.currency} is stated for its day"
        return None

    def _named(self, charge: Charge) -> tuple[Count, ...]:
        """Counts on the terms that a charge names by their ids, which stand as sections of clauses. Two versions of a
        clause count together."""
        found: dict[tuple[str, str, str | None], Decimal] = {}
        for applied in charge.applied:
            clause = self._term(applied.commitment)
            if clause is None:
                continue
            counted = measure_of(applied.unit)
            if applied.counted is not None:
                key, amount = (clause, "money", applied.counted_in), applied.counted
            elif applied.cost is not None:
                key, amount = (clause, "money", charge.currency), applied.cost
            elif applied.quantity is not None and counted is not None and counted[0] in _FLOWS:
                key, amount = (clause, counted[0], None), applied.quantity * counted[1]
            else:
                continue
            found[key] = found.get(key, Decimal(0)) + amount
        return tuple(Count(*key, amount) for key, amount in found.items())

    def _term(self, commitment: str) -> str | None:
        if self._terms is None:
            self._terms = {}
            for id, agreement in self.estate.agreements.items():
                for key, clause in agreement.clauses.items():
                    self._terms[f"{id}.{key}"] = f"{id}.{key}"
                    if clause.section:
                        self._terms.setdefault(clause.section, f"{id}.{key}")
        # A version of a clause is named with the day from which it holds; it is read on its clause.
        return self._terms.get(commitment) or self._terms.get(commitment.rpartition("@")[0])

    def _applicable(self, charge: Charge, matched: Matched | None) -> tuple[Meter, ...]:
        provider = self.provider(charge, matched)
        counted = measure_of(charge.unit) if matched is not None and not charge.covered else None
        flow = None if counted is None else counted[0]
        key = (provider, matched, flow, charge.day, self.clause(charge))
        if key not in self._meters:
            if len(self._meters) >= MAXIMUM_REMEMBERED:
                self._meters.clear()
            self._meters[key] = () if provider is None else tuple(self._found(provider, *key[1:]))
        return self._meters[key]

    def schedules(self, charge: Charge, matched: Matched | None) -> tuple[tuple[PriceSchedule, Decimal], ...]:
        """The price clauses that a charge counts on, with how much, in their measure."""
        provider = self.provider(charge, matched)
        if provider is None or charge.category not in _PAYS:
            return ()
        supply, interval = self._supply(provider, matched), _day_of(charge.day)
        found: list[tuple[PriceSchedule, Decimal]] = []
        for schedule in self.law.prices:
            amount = self._amount(schedule.measure, schedule.currency, charge)
            held = in_force(schedule.scope, Position(), NOBODY, supply)
            if (
                amount is not None
                and held is not None
                and interval.overlaps(held.begins, held.ends)
                and covers(schedule.scope, NOBODY, supply)
                and self.clause(charge) != schedule.origin.clause
            ):
                found.append((schedule, amount))
        return tuple(found)

    def clause(self, charge: Charge) -> str | None:
        """The clause that a charge is owed under: by its own column, or as mapped (`clause:AGREEMENT.CLAUSE`)."""
        own = charge.own.get(OWN_CLAUSE)
        if own is not None:
            return own
        names = (self.mapped.get(name, "") for name in (*charge.names, charge.service))
        return next((name.removeprefix(_CLAUSE) for name in names if name.startswith(_CLAUSE)), None)

    def _found(
        self, provider: str, matched: Matched | None, flow: str | None, day: date, own: str | None
    ) -> Iterator[Meter]:
        supply, interval = self._supply(provider, matched), _day_of(day)
        payee = party_of(self.estate, provider)
        for meter in self.law.meters:
            measure = LEVELS.get(meter.measure, meter.measure)
            kind: ActionKind = "pay" if measure == "money" else _FLOWS.get(measure, "acquire")
            if measure not in ("money", flow):
                continue
            action = Action(kind, interval, meter.payer, payee, supply=supply)
            held = in_force(meter.scope, Position(), NOBODY, supply)
            in_time = held is not None and interval.overlaps(held.begins, held.ends)
            # What is owed under a clause, such as a shortfall, does not count on it.
            if in_time and meter.origin.clause != own and burns(meter, self.law, action):
                yield meter

    def _supply(self, provider: str, matched: Matched | None) -> SupplyFacts:
        party = party_of(self.estate, provider)
        if matched is None:
            return SupplyFacts(id=provider, provider=provider, party=party)
        product = self.estate.products[matched.product]
        if isinstance(product, AcceleratorHours):
            return leased_supply(self.estate, matched.product, product)
        form = "provisioned" if product.kind == "provisioned" else "tokens"
        return SupplyFacts(
            id=matched.product, form=form, provider=provider, party=party, product=matched.product
        )

    def _amount(self, measure: str, currency: str | None, charge: Charge) -> Decimal | None:
        """What a charge counts in a measure (a level's hours); None if its currency has no rate, or its unit no
        measure."""
        if measure == "money":
            if currency is None or currency == charge.currency:
                return charge.billed
            rate = self.law.rates.rate(charge.currency, currency, charge.day)
            return None if rate is None else charge.billed * rate
        counted = measure_of(charge.unit)
        if counted is None or charge.quantity is None or counted[0] != LEVELS.get(measure, measure):
            return None
        return charge.quantity * counted[1]


def _day_of(day: date) -> Interval:
    return Interval(day, date.fromordinal(day.toordinal() + 1))
