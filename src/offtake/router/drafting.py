"""A table while it is compiled: each pair of profile and supply put to `decide`, and the meters that they count on."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal
from fractions import Fraction
from typing import Final

from offtake.domain.selection import Action, Interval, WorkloadFacts
from offtake.law.decide import Refusal, decide
from offtake.law.force import covers, in_force
from offtake.law.meters import burns, readings
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.windows import window_at
from offtake.router.lawful import World
from offtake.router.offers import Offer
from offtake.router.table import (
    PICO,
    Barred,
    Candidate,
    Charge,
    CountedMeter,
    Entry,
    Pool,
    Tiers,
    exactly,
    grouped,
)

# A typical request of a captive class, in seconds of its stated rate, where nothing has been seen of it yet.
_TYPICAL_SECONDS: Final = 1.0
_COUNTED: Final = ("tokens", "token-rate", "money")  # Measures that a request counts in.


class Drafting:
    """Meters, tiers and pools of a table while its entries are compiled."""

    def __init__(self, world: World, pools: Sequence[Pool]) -> None:
        self.world = world
        self.meters: list[CountedMeter] = []
        self.tiers: list[Tiers] = []
        self.pools = list(pools)
        self._places: dict[str, int] = {}
        self._unmetered = replace(world.law, meters=())

    def entry(self, facts: WorkloadFacts, offers: Iterable[Offer]) -> Entry:
        """Where a workload may go, and what keeps it from the rest."""
        candidates, barred = list[Candidate](), list[Barred]()
        for offer in offers:
            found = self._candidate(facts, offer)
            if isinstance(found, Barred):
                barred.append(found)
            else:
                candidates.append(found)
        return Entry(
            facts,
            tuple(candidates),
            tuple(barred),
            self._clauses(facts),
            grouped(candidates, self.meters),
            self._captive_of(candidates),
            any(candidate.asks for candidate in candidates),
        )

    def _candidate(self, facts: WorkloadFacts, offer: Offer) -> Candidate | Barred:
        world = self.world
        action = world.action(facts, offer.supply)
        answer = decide(self._unmetered, world.position, action)
        if isinstance(answer, Refusal):
            return Barred(offer.supply.id, offer.model, answer.reasons, offer.lack)
        if offer.price is None or offer.lack:
            return Barred(offer.supply.id, offer.model, (), offer.lack or "it has no price today")
        asks = tuple((o.procedure, o.who, o.origin) for o in answer.obligations if o.kind == "ask")
        return Candidate(
            id=offer.supply.id,
            supply=offer.supply,
            model=offer.model,
            price=offer.price,
            charges=tuple(self._charges(action)),
            tiers=tuple(self._tiers(action)),
            pool=None if offer.pool is None else self._pool(offer.pool),
            draws=offer.draws,
            asks=asks,
            decided_each=any(o.kind == "approval" for o in answer.obligations),
            concurrency=offer.concurrency,
        )

    def _pool(self, id: str) -> int:
        return next(n for n, pool in enumerate(self.pools) if pool.id == id)

    def _charges(self, action: Action) -> Iterable[Charge]:
        world = self.world
        for meter in world.law.meters:
            if meter.measure not in _COUNTED or not burns(meter, world.law, action):
                continue
            read = list(readings(meter, world.position, action))
            if not read:
                continue  # It is not in force today.
            place = self._meter(meter, read)
            upper = self.meters[place].upper
            if meter.measure == "money":
                yield Charge(place, "money", self._factor(meter), upper)
            else:
                yield Charge(place, "tokens", upper=upper)

    def _factor(self, meter: Meter) -> Fraction | None:
        if meter.currency is None:
            return Fraction(1)
        rate = self.world.law.rates.rate(self.world.currency, meter.currency, self.world.day)
        return None if rate is None else Fraction(rate)

    def _meter(self, meter: Meter, read: Sequence[tuple[Interval, Decimal]]) -> int:
        if meter.id not in self._places:
            window, _ = read[0]
            scale = _scale(meter)
            self._places[meter.id] = len(self.meters)
            self.meters.append(
                CountedMeter(
                    id=meter.id,
                    origin=meter.origin,
                    meter=meter,
                    window="minute" if meter.measure == "token-rate" else meter.window,
                    window_begins=window.begins,
                    window_ends=window.ends,
                    base=max(exactly(amount, scale) for _, amount in read),
                    upper=None if meter.upper is None else exactly(meter.upper, scale),
                    lower=None if meter.lower is None else exactly(meter.lower, scale),
                )
            )
        return self._places[meter.id]

    def _tiers(self, action: Action) -> Iterable[int]:
        """The prices by token that law adds to a request; shares of money are owed on income, not by requests."""
        world = self.world
        for schedule in world.law.prices:
            scope = schedule.scope
            if schedule.measure != "tokens" or not schedule.tiers or action.kind not in scope.actions:
                continue
            named = action.counterparty in (None, schedule.payee) and action.actor in (None, schedule.payer)
            if not named or not covers(scope, action.workload, action.supply):
                continue
            held = in_force(scope, world.position, action.workload, action.supply)
            if held is not None and action.interval.overlaps(held.begins, held.ends):
                yield self._schedule(schedule)

    def _schedule(self, schedule: PriceSchedule) -> int:
        key = f"price {schedule.id}"
        if key not in self._places:
            world = self.world
            window = window_at(schedule.window, world.day, schedule.scope.begins, schedule.scope.ends)
            rate = world.law.rates.convert(Decimal(1), schedule.currency, world.currency, world.day)
            base = sum(
                (
                    r.amount
                    for r in world.position.readings
                    if r.meter == schedule.id and window.overlaps(r.begins, r.ends)
                ),
                Decimal(0),
            )
            self._places[key] = len(self.tiers)
            self.tiers.append(
                Tiers(
                    id=schedule.id,
                    origin=schedule.origin,
                    steps=tuple(
                        (None if t.up_to is None else int(t.up_to), exactly(t.price * rate, PICO))
                        for t in schedule.tiers
                    ),
                    marginal=schedule.tiering == "marginal",
                    window=schedule.window,
                    window_begins=window.begins,
                    window_ends=window.ends,
                    base=int(base),
                )
            )
        return self._places[key]

    def _clauses(self, facts: WorkloadFacts) -> tuple[str, ...]:
        """Every clause whose primitives may speak about a request of this workload, wherever it goes."""
        law = self.world.law
        found = {
            p.origin.clause
            for p in (*law.masks, *law.meters, *law.procedures)
            if "process" in p.scope.actions and p.scope.covers.selects_workload(facts)
        }
        return tuple(sorted(found))

    def _captive_of(self, candidates: Sequence[Candidate]) -> frozenset[int]:
        """The reserved pools that a workload draws on, if it has nothing but reserved pools."""
        pools = [c.pool for c in candidates if c.pool is not None and self.pools[c.pool].reserved]
        return frozenset(pools) if pools and len(pools) == len(candidates) else frozenset()

    def captivity(self, captives: Iterable[tuple[Entry, float, float, float]]) -> tuple[Pool, ...]:
        """The pools with what is stated of those who have nowhere else.

        Each captive is an entry, its tokens a second in and out, and the worth of a token in the estate's currency.
        """
        pools = list(self.pools)
        for entry, fresh, out, worth in captives:
            for place in entry.captive_of:
                draws = next(c.draws for c in entry.candidates if c.pool == place)
                if draws is None:
                    continue
                rate = (draws.fresh * fresh + draws.out * out) / len(entry.captive_of)
                per_unit = worth * PICO * (fresh + out) / rate if rate else 0.0
                pool = pools[place]
                pools[place] = replace(
                    pool,
                    captive_rate=pool.captive_rate + rate,
                    captive_size=max(pool.captive_size, rate * _TYPICAL_SECONDS),
                    worth=max(pool.worth, per_unit),
                )
        return tuple(pools)


def _scale(meter: Meter) -> int:
    """Pico-units of one unit of a meter; a token rate counts the tokens of a minute."""
    return PICO * 60 if meter.measure == "token-rate" else PICO
