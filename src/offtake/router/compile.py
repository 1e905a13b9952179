"""Law and position to an immutable routing table: what the law says on one day is worked out once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from decimal import Decimal
from fractions import Fraction
from hashlib import sha256
from typing import Final

from offtake.domain.estate import Estate, ProvisionedUnits, TokensByUse
from offtake.domain.position import Discharge, Position
from offtake.domain.quantities import Figure
from offtake.domain.records import at_least
from offtake.domain.selection import Action, Interval, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass
from offtake.law.decide import Permit, Reason, Refusal, decide
from offtake.law.facts import deployed_supply, inference_facts
from offtake.law.force import covers, in_force, supplied_by
from offtake.law.meters import burns, readings
from offtake.law.primitives import Law, Meter, PriceSchedule
from offtake.law.windows import window_at
from offtake.router.table import (
    PER_MILLION,
    PICO,
    Barred,
    Candidate,
    Charge,
    CountedMeter,
    Entry,
    PerToken,
    Pool,
    Profile,
    RoutingTable,
    Tiers,
    grouped,
)

# A typical request of a captive class, in seconds of its stated rate, where nothing has been seen of it yet.
_TYPICAL_SECONDS: Final = 1.0
_COUNTED: Final = ("tokens", "token-rate", "money")  # Measures that a request counts in.


@dataclass(frozen=True, slots=True)
class Offer:
    """A model at a supply on the table's day, before the law is asked."""

    supply: SupplyFacts
    model: str
    price: PerToken | None  # In the estate's currency; None if there is none today.
    pool: str | None = None
    draws: PerToken | None = None
    concurrency: int = 1024
    lack: str = ""  # Why it cannot be used, where no clause is the cause.


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
            if meter.measure == "money":
                yield Charge(place, "money", self._factor(meter))
            else:
                yield Charge(place, "tokens")

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
                    base=max(_exactly(amount, scale) for _, amount in read),
                    upper=None if meter.upper is None else _exactly(meter.upper, scale),
                    lower=None if meter.lower is None else _exactly(meter.lower, scale),
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
                        (None if t.up_to is None else int(t.up_to), _exactly(t.price * rate, PICO))
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


def compile_table(
    estate: Estate,
    law: Law,
    position: Position,
    day: date,
    profiles: Iterable[Profile],
    payer: str | None = None,
) -> RoutingTable:
    """The table of a day. Raises InvalidInput for a price in a currency without a rate.

    `position` holds what others have counted; what the gateway counts itself is kept beside the table.
    """
    world = World(law, position, day, estate.currency, payer or estate.plans_for)
    drafting = Drafting(world, pools_of(estate, day))
    offers = offers_of(estate, law, day)
    entries, models = dict[tuple[str, str], Entry](), dict[str, tuple[str, ...]]()
    stand_ins: dict[str, frozenset[str]] = {}
    captives: dict[tuple[str, str], tuple[Entry, float, float, float]] = {}
    for profile in profiles:
        workload = estate.workloads.get(profile.workload)
        if not isinstance(workload, InferenceClass):
            continue
        models[profile.id] = workload.models
        stand_ins[profile.id] = _good_enough(estate, workload)
        for model in workload.models:
            facts = profile_facts(estate, profile, model)
            entry = drafting.entry(facts, (offer for offer in offers if offer.model == model))
            entries[profile.id, model] = entry
            if entry.captive_of and model == workload.models[0] and profile.stricter is None:
                row = _stated_traffic(world, workload, profile.client_region)
                captives.setdefault((profile.workload, profile.client_region), (entry, *row))
    return RoutingTable(
        version=_version(estate, law, position, day),
        day=day,
        currency=estate.currency,
        payer=world.payer,
        law=law,
        position=position,
        meters=tuple(drafting.meters),
        tiers=tuple(drafting.tiers),
        pools=drafting.captivity(captives.values()),
        entries=entries,
        models=models,
        as_asked=_as_asked(offers),
        stand_ins=stand_ins,
    )


def _as_asked(offers: Iterable[Offer]) -> dict[str, Candidate]:
    """The first supply of each deployment, and of each model, as the file lists them."""
    found: dict[str, Candidate] = {}
    for offer in offers:
        candidate = Candidate(offer.supply.id, offer.supply, offer.model, offer.price or PerToken(0, 0, 0))
        found.setdefault(offer.supply.deployment or "", candidate)
        found.setdefault(offer.model, candidate)
    return found


def able(entry: Entry, unable: Collection[str], meters: Sequence[CountedMeter]) -> Entry:
    """An entry without the supplies that cannot be asked in some way; they are among what is barred."""
    left = [c for c in entry.candidates if c.id not in unable]
    if len(left) == len(entry.candidates):
        return entry
    out = tuple(
        Barred(c.id, c.model, (), "it cannot be asked in this way")
        for c in entry.candidates
        if c.id in unable
    )
    return replace(entry, candidates=tuple(left), barred=(*entry.barred, *out), groups=grouped(left, meters))


def data_classes_of(estate: Estate, law: Law) -> tuple[str, ...]:
    """Every data class that the estate's workloads or its law speak of."""
    stated = {w.data_class for w in estate.workloads.values() if w.data_class is not None}
    primitives = (*law.masks, *law.meters, *law.procedures, *law.prices)
    for scope in (p.scope for p in primitives):
        for selection in (scope.covers, *scope.excepts):
            stated.update(selection.data_classes)
    return tuple(sorted(stated))


def stricter_profiles(profiles: Iterable[Profile], data_classes: Sequence[str]) -> tuple[Profile, ...]:
    """Profiles as they are, and as each would be with a data class that a request states of itself."""
    return tuple(
        each
        for profile in profiles
        for each in (
            profile,
            *(replace(profile, id=f"{profile.id}+{name}", stricter=name) for name in data_classes),
        )
    )


def profile_facts(estate: Estate, profile: Profile, model: str) -> WorkloadFacts:
    """What the law is asked about a profile. What the class states stands; a profile adds where it is silent."""
    facts = inference_facts(estate, profile.workload, profile.client_region, model)
    return replace(
        facts,
        data_class=profile.stricter or facts.data_class or profile.data_class,
        customer=facts.customer or profile.customer,
    )


def offers_of(estate: Estate, law: Law, day: date) -> tuple[Offer, ...]:
    """Every deployment by product that has an endpoint, with today's prices, in the file's order."""
    found: list[Offer] = []
    for deployment_id, deployment in estate.deployments.items():
        if deployment.endpoint is None:
            continue
        for product_id in deployment.products:
            product = estate.products[product_id]
            supply = deployed_supply(estate, deployment_id, product_id)
            lack = (
                "" if _open(deployment.begins, deployment.ends, day) else "the deployment is not open today"
            )
            price: PerToken | None = None
            draws: PerToken | None = None
            pool: str | None = None
            if isinstance(product, ProvisionedUnits):
                rates = product.throughput.get(deployment.model)
                if rates is not None:
                    price, pool = PerToken(0, 0, 0), product_id
                    used_in, used_out = _unit_seconds(rates.tokens_in), _unit_seconds(rates.tokens_out)
                    draws = PerToken(used_in, used_in, used_out)
            elif isinstance(product, TokensByUse):
                price = _price(product, deployment.model, law, estate.currency, day)
                if product.limit is not None:
                    pool, draws = product_id, PerToken(PICO, PICO, PICO)
                if not _open(product.begins, product.ends, day):
                    lack = lack or "the product is not sold today"
            found.append(
                Offer(supply, deployment.model, price, pool, draws, deployment.endpoint.concurrency, lack)
            )
    return tuple(found)


def pools_of(estate: Estate, day: date) -> tuple[Pool, ...]:
    """What perishes by the minute: reserved units that are held today, and limits of products by use."""
    found: list[Pool] = []
    for id, product in estate.products.items():
        if isinstance(product, ProvisionedUnits):
            held = [
                h for h in product.held if _open(h.begins, h.ends, day) and at_least(h.status, "contracted")
            ]
            units = sum((h.quantity.amount for h in held), Decimal(0))
            found.append(Pool(id, _exactly(units * 60, PICO), reserved=True))
        elif isinstance(product, TokensByUse) and product.limit is not None:
            found.append(Pool(id, _exactly(product.limit.amount * 60, PICO), reserved=False))
    return tuple(found)


def discharged(world: World, asks: Iterable[str]) -> tuple[Position, frozenset[str]]:
    """The position in which these rights over traffic were offered the request and could not take it."""
    ends = world.interval.ends
    answers = tuple(
        Discharge(f"offered {p}", p, None, Decimal(0), world.day, ends) for p in dict.fromkeys(asks)
    )
    position = replace(world.position, discharges=(*world.position.discharges, *answers))
    return position, frozenset(answer.id for answer in answers)


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


def _scale(meter: Meter) -> int:
    """Pico-units of one unit of a meter; a token rate counts the tokens of a minute."""
    return PICO * 60 if meter.measure == "token-rate" else PICO


def _exactly(amount: Decimal, scale: int) -> int:
    return round(Fraction(amount) * scale)


def _unit_seconds(rate: Figure) -> int:
    """Unit-seconds that a token takes at so many tokens a second a unit, in pico-units, rounded up."""
    inverse = PICO / Fraction(rate.amount)
    return -(-inverse.numerator // inverse.denominator)


def _price(product: TokensByUse, model: str, law: Law, currency: str, day: date) -> PerToken | None:
    rates = product.prices.get(model)
    if rates is None:
        return None
    fresh, out = rates.tokens_in.at(day), rates.tokens_out.at(day)
    cached = (rates.cached.at(day) if rates.cached is not None else None) or fresh
    if fresh is None or out is None or cached is None:
        return None

    found = [_per_token(figure, law, currency, day) for figure in (fresh, cached, out)]
    return None if None in found else PerToken(*(price for price in found if price is not None))


def _per_token(figure: Figure, law: Law, currency: str, day: date) -> int | None:
    rate = law.rates.rate(figure.currency or currency, currency, day)
    return None if rate is None else _exactly(figure.amount * rate, PER_MILLION)


def _good_enough(estate: Estate, workload: InferenceClass) -> frozenset[str]:
    """The models that may stand in for one another: those of the class with the quality that it asks for."""
    floor = workload.quality
    if floor is None:
        return frozenset()
    scores: Mapping[str, Figure | None] = {m: estate.models[m].quality for m in workload.models}
    return frozenset(m for m, score in scores.items() if score is not None and score.amount >= floor.amount)


def _stated_traffic(world: World, workload: InferenceClass, region: str) -> tuple[float, float, float]:
    """Tokens a second in and out that a class states for a region, and what a token is worth to it."""
    rows = [row for row in workload.traffic if row.region == region]
    fresh = sum(row.tokens_in.value_at(world.day) for row in rows)
    out = sum(row.tokens_out.value_at(world.day) for row in rows)
    stated = workload.worth.currency or world.currency
    rate = world.law.rates.rate(stated, world.currency, world.day)
    return fresh, out, workload.worth.value / 1e6 * float(rate or 1)


def _open(begins: date | None, ends: date | None, day: date) -> bool:
    return (begins is None or begins <= day) and (ends is None or day < ends)


def _next_day(day: date) -> date | None:
    return None if day == date.max else day + timedelta(days=1)


def _version(estate: Estate, law: Law, position: Position, day: date) -> str:
    """A digest that changes when anything that the table was made from does."""
    whole = repr((estate, law, position, day)).encode()
    return sha256(whole).hexdigest()[:16]
