"""An estate, its law and a position as an instance: everything the planner knows before it writes a program."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Literal, TypeAlias

from offtake.domain.currencies import rates_of
from offtake.domain.estate import Deployment, Estate, Held, Product, Stock, TokensByUse
from offtake.domain.events import HolderAnswer
from offtake.domain.position import Happened, Position
from offtake.domain.selection import NOBODY, ActionKind, Interval, SupplyFacts, WorkloadFacts
from offtake.law.masks import permitted
from offtake.law.primitives import Law
from offtake.planner.calendar import calendar_of
from offtake.planner.demand_side import hours_of, runs_of, serving_of
from offtake.planner.instance import Bools, Instance
from offtake.planner.prices import UNNAMED, Money
from offtake.planner.supply_side import supply_side

Known: TypeAlias = dict[object, Bools]
"""Answers of masks by what was asked, for readings of estates under one law from one position."""

Dated: TypeAlias = HolderAnswer | Deployment | Product | Stock | Held  # It begins and ends on days.


@dataclass(frozen=True, slots=True)
class Reading:
    """What the parts of the planner that lower the law look at."""

    estate: Estate
    law: Law
    position: Position
    party: str
    money: Money
    known: Known = field(default_factory=dict[object, Bools], compare=False, repr=False)

    def in_estate_currency(self, amount: float, currency: str | None) -> float:
        """An amount of money at the rate of the horizon's start; anything else as it is."""
        if currency is None or currency == self.estate.currency:
            return amount
        converted = self.money.rates.convert(
            Decimal(repr(amount)), currency, self.estate.currency, self.estate.horizon.begins
        )
        return float(converted)

    def test(
        self,
        workloads: Sequence[WorkloadFacts],
        supplies: Sequence[SupplyFacts],
        action: Literal["place", "process"],
        interval: Interval,
    ) -> Bools:
        """(workload, supply): whether the masks let each workload on each supply."""
        return self._asked(tuple(workloads), tuple(supplies), action, interval)

    def may_acquire(self, supply: SupplyFacts, begins: date, ends: date | None) -> bool:
        """Whether the masks let bare capacity of a supply be acquired for a term."""
        return bool(self._asked((NOBODY,), (supply,), "acquire", Interval(begins, ends))[0, 0])

    def _asked(
        self,
        workloads: tuple[WorkloadFacts, ...],
        supplies: tuple[SupplyFacts, ...],
        action: ActionKind,
        interval: Interval,
    ) -> Bools:
        asked = (action, interval, workloads, supplies)
        found = self.known.get(asked)
        if found is None:
            found = permitted(self.law, workloads, supplies, action, interval, self.position)
            found.flags.writeable = False
            self.known[asked] = found
        return found


def position_of(estate: Estate, supposed: Sequence[Happened] = ()) -> Position:
    """Where an estate by itself stands: its dated events, and those that a scenario supposes instead."""
    named = {happened.event for happened in supposed}
    stated = tuple(
        Happened(event_id, event.on, event.about)
        for event_id, event in estate.events.items()
        if event.on is not None and event_id not in named
    )
    launches = {id: model.launched for id, model in estate.models.items() if model.launched is not None}
    return Position(happened=(*stated, *supposed), launches=launches)


def planning_party(estate: Estate, party: str | None) -> str:
    """The party planned for: the one asked for, else the estate's `for`, else its first party."""
    return party or estate.plans_for or next(iter(estate.parties), UNNAMED)


def reading_of(
    estate: Estate, law: Law, position: Position, party: str | None = None, known: Known | None = None
) -> Reading:
    """An estate under a law, read for a party. `known` is shared by readings under the same law and position."""
    money = Money(rates_of(estate), estate.currency)
    answers = {} if known is None else known
    return Reading(estate, law, position, planning_party(estate, party), money, answers)


def estate_days(estate: Estate) -> set[date]:
    """The days on which what is held, sold, deployed or offered begins or ends."""
    dated: list[Dated] = [*estate.answers, *estate.deployments.values(), *estate.products.values()]
    for site in estate.sites.values():
        dated.extend(site.stock)
    for product in estate.products.values():
        if not isinstance(product, TokensByUse):
            dated.extend(product.held)
    return {day for one in dated for day in (one.begins, one.ends) if day is not None}


def change_days(reading: Reading) -> set[date]:
    """The days at which periods are cut: the law's dates, events, where what is held or sold begins or ends, and where
    rates of currencies change."""
    happened = (one.on for one in reading.position.happened)
    return {*reading.law.dates, *happened, *estate_days(reading.estate), *reading.money.rates.dates}


def instance_of(reading: Reading, cuts: tuple[date, ...] = ()) -> Instance:
    """The arrays of one plan: periods cut where something changes (`change_days`) and at the cuts given; pools, ways,
    seats, loads and runs."""
    estate = reading.estate
    calendar = calendar_of(estate.horizon, {*cuts, *change_days(reading)})
    supply = supply_side(estate, reading.party, calendar, reading.money, reading.may_acquire)
    hour_ids, hour_weights = hours_of(estate)
    serving = serving_of(estate, reading.party, calendar, supply, reading.money, hour_ids, reading.test)
    runs = runs_of(estate, calendar, supply, reading.money, reading.test)
    return Instance(
        reading.party,
        estate.currency,
        calendar,
        hour_ids,
        hour_weights,
        supply.pools,
        supply.ways,
        supply.rooms,
        supply.quotas,
        serving,
        runs,
    )
