"""What parties know when they respond: from a state of the ledger here, or through a door as far as it shows."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping
from datetime import date
from decimal import Decimal

from offtake.broker.admission import candidates, free_of
from offtake.broker.audience import Audience
from offtake.broker.door import Door
from offtake.broker.library import Rules, whole_steps
from offtake.broker.responding.choosing import ZERO
from offtake.broker.state import State
from offtake.broker.terms import Quantified
from offtake.broker.views import SupplyView, supplies_of
from offtake.domain.position import Position
from offtake.law.force import touches
from offtake.law.procedures import BusinessDay, monday_to_friday

Held = tuple[date, date, Decimal]


def drawn(seed: int, what: str) -> float:
    """A number in [0, 1) that follows from a seed and a question alone."""
    digest = hashlib.sha256(f"{seed} {what}".encode()).digest()
    return int.from_bytes(digest[:6], "big") / 2**48


def most_held(held: Iterable[Held], begins: date, ends: date) -> Decimal:
    """The most that is held on any day of [begins, ends)."""
    changes: dict[date, Decimal] = {}
    for low, high, amount in held:
        if low < ends and begins < high:
            first = max(low, begins)
            changes[first] = changes.get(first, ZERO) + amount
            changes[high] = changes.get(high, ZERO) - amount
    level = most = ZERO
    for day in sorted(changes):
        level += changes[day]
        most = max(most, level) if day < ends else most
    return most


def selling(rules: Rules) -> Mapping[str, list[str]]:
    """The supplies of accelerators that each party sells, by id."""
    found: dict[str, list[str]] = {}
    for id, facts in sorted(rules.supplies.items()):
        seller = facts.party or facts.provider
        if seller is not None and facts.form != "provisioned":
            found.setdefault(seller, []).append(id)
    return found


class Estates:
    """What an estate's rules say of supplies, kept for as long as they are in force."""

    def __init__(self, rules: Rules) -> None:
        self.rules = rules
        self._own: dict[str, Mapping[str, SupplyView]] = {}

    def supplies(self, party: str) -> Mapping[str, SupplyView]:
        """A party's own supplies."""
        if party not in self._own:
            audience = Audience("provider", party)
            self._own[party] = {one.id: one for one in supplies_of(self.rules, audience)}
        return self._own[party]


class StateWorld:
    """The ledger here, as it stands; see :class:`offtake.broker.responding.choosing.World`."""

    def __init__(self, estates: Estates, state: State, seed: int) -> None:
        self._estates, self._rules, self._state, self._seed = estates, estates.rules, state, seed

    def supplies(self, party: str) -> Mapping[str, SupplyView]:
        """A party's own supplies."""
        return self._estates.supplies(party)

    def free(self, supply: str, begins: date, ends: date, measure: Quantified) -> Decimal | None:
        """What the ledger has free of a supply."""
        facts = self._rules.supply(supply)
        free = free_of(self._rules, self._state, supply, begins, ends)
        if free is None:
            return None
        each = self._rules.amounts(facts, measure, Decimal(1)).get(self._rules.pool(facts).measure)
        return whole_steps(measure, max(free, ZERO) / each) if each else ZERO

    def leased(
        self, party: str, supplies: Collection[str], begins: date, ends: date, measure: Quantified
    ) -> Decimal:
        """What is leased from supplies, and what was taken of needs that are not awarded yet."""
        del party
        held: list[Held] = [
            (lease.begins, lease.held_until, lease.quantity)
            for lease in self._state.leases.values()
            if lease.supply in supplies and lease.measure == measure
        ]
        for id in self._state.open_needs:
            deal = self._state.deals[id]
            held.extend(
                (deal.need.begins, deal.need.ends, part.quantity)
                for asking in deal.askings
                if not asking.granted and deal.need.measure == measure
                for part in asking.takes
                if part.supply in supplies
            )
        return most_held(held, begins, ends)

    def list_price(self, supply: str, measure: Quantified, on: date) -> tuple[Decimal, str] | None:
        """The estate's price."""
        return self._rules.list_price(self._rules.supply(supply), measure, on)

    def business_day(self, calendar: str | None) -> BusinessDay:
        """The business days of a calendar."""
        return self._rules.calendars(calendar)

    def awaited(self, party: str | None, need: str) -> Collection[str]:
        """The clauses whose approval is not on record."""
        procedures = [
            one
            for one in self._rules.law.procedures
            if one.style == "approve"
            and party in (None, one.holder)
            and all(given.procedure != one.id for given in self._state.approved(need))
        ]
        if not procedures:
            return ()
        position = Position(happened=(*self._rules.happened, *self._state.happened))
        actions = [action for _, action in candidates(self._rules, self._state.deals[need].need)]
        return tuple(
            one.origin.clause
            for one in procedures
            if any(touches(one.scope, position, action) for action in actions)
        )

    def draw(self, what: str) -> float:
        """The dice of the seed."""
        return drawn(self._seed, what)


class DoorWorld:
    """What a door shows: leases and supplies that may be seen; capacity, prices and calendars are not."""

    def __init__(self, door: Door, seed: int) -> None:
        self._supplies = {one.id: one for one in door.supplies()}
        self._leases, self._seed = tuple(door.leases()), seed

    def supplies(self, party: str) -> Mapping[str, SupplyView]:
        """A party's own supplies."""
        return {id: one for id, one in self._supplies.items() if party in (one.party, one.provider)}

    def free(self, supply: str, begins: date, ends: date, measure: Quantified) -> Decimal | None:
        """Not shown: the ledger refuses what it has no room for."""
        del supply, begins, ends, measure

    def leased(
        self, party: str, supplies: Collection[str], begins: date, ends: date, measure: Quantified
    ) -> Decimal:
        """What is leased from supplies."""
        del party
        return most_held(
            (
                (one.begins, one.released or one.ends, one.quantity)
                for one in self._leases
                if one.supply in supplies and one.measure == measure
            ),
            begins,
            ends,
        )

    def list_price(self, supply: str, measure: Quantified, on: date) -> tuple[Decimal, str] | None:
        """Not shown."""
        del supply, measure, on

    def business_day(self, calendar: str | None) -> BusinessDay:
        """Monday to Friday."""
        del calendar
        return monday_to_friday

    def awaited(self, party: str | None, need: str) -> Collection[str]:
        """Not shown."""
        del party, need
        return ()

    def draw(self, what: str) -> float:
        """The dice of the seed."""
        return drawn(self._seed, what)
