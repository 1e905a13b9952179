"""Law and position to an immutable routing table: what the law says on one day is worked out once."""

from __future__ import annotations

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import date
from hashlib import sha256

from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.domain.quantities import Figure
from offtake.domain.workloads import InferenceClass
from offtake.law.primitives import Law
from offtake.router.drafting import Drafting
from offtake.router.lawful import World
from offtake.router.offers import Offer, offers_of, pools_of
from offtake.router.profiles import profile_facts
from offtake.router.table import (
    Barred,
    Candidate,
    CountedMeter,
    Entry,
    PerToken,
    Profile,
    RoutingTable,
    grouped,
)


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


def _version(estate: Estate, law: Law, position: Position, day: date) -> str:
    """A digest that changes when anything that the table was made from does."""
    whole = repr((estate, law, position, day)).encode()
    return sha256(whole).hexdigest()[:16]
