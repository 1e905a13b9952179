"""The estates and laws that decisions are made under, each known by its hash, and what they say about supplies."""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from functools import cached_property
from itertools import pairwise
from typing import Final, cast

from offtake.broker.documents import estate_document, estate_of, law_digest, sha256
from offtake.broker.terms import STEPS, Need, Quantified
from offtake.domain.areas import countries
from offtake.domain.checks.findings import listed
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import AcceleratorHours, Estate, ProvisionedUnits, Site
from offtake.domain.position import Happened
from offtake.domain.quantities import Series, read_series
from offtake.domain.records import at_least
from offtake.domain.selection import NOBODY, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass
from offtake.law.compile import compile_law, round_trips
from offtake.law.facts import inference_facts, party_of, supplies, training_facts
from offtake.law.pricing import counter_of
from offtake.law.primitives import Law, Meter, PriceSchedule
from offtake.law.procedures import BusinessDay, monday_to_friday

Calendars = Callable[[str | None], BusinessDay]
"""The business days of a country's calendar; Monday to Friday without one."""

Burnt = tuple[tuple[Meter, ...], tuple[tuple[PriceSchedule, Meter], ...]]
"""The meters that a lease counts on, and the prices that it is owed for, each with what it is counted by."""

BEFORE_ALL: Final = date.min


def plain_calendars(_: str | None) -> BusinessDay:
    """Monday to Friday everywhere."""
    return monday_to_friday


@dataclass(frozen=True, slots=True)
class Pool:
    """What leases of some supplies share: so much of a measure at most, from each day on; None has no limit."""

    id: str
    measure: str
    steps: tuple[tuple[date, Decimal], ...] | None
    begins: date | None = None
    ends: date | None = None

    def least(self, begins: date, ends: date, used: Callable[[date, date], Decimal]) -> Decimal | None:
        """The least that is free on the days of [begins, ends), of which `used` tells the most in use; None if there
        is no limit."""
        if (self.begins is not None and begins < self.begins) or (self.ends is not None and ends > self.ends):
            return Decimal(0)
        if self.steps is None:
            return None
        cuts = [begins, *(day for day, _ in self.steps if begins < day < ends), ends]
        return min(self._limit(low) - used(low, high) for low, high in pairwise(cuts))

    def _limit(self, day: date) -> Decimal:
        place = bisect_right([begins for begins, _ in self.steps or ()], day) - 1
        return self.steps[place][1] if self.steps and place >= 0 else Decimal(0)


@dataclass(frozen=True)
class Rules:
    """An estate and its law as known on a day."""

    estate: Estate
    estate_hash: str
    known_at: date
    law: Law
    law_hash: str
    calendars: Calendars

    @cached_property
    def burnt(self) -> dict[Hashable, Burnt]:
        """What was worked out so far of which leases count on which meters and prices."""
        return {}

    @cached_property
    def sizes(self) -> dict[tuple[str, str], tuple[Need, tuple[Happened, ...], Decimal | None]]:
        """What was worked out so far of how large a need is to a right, by both their ids: the need, what had happened,
        and the size."""
        return {}

    @cached_property
    def pools(self) -> dict[str, Pool]:
        """What was worked out of pools so far, by supply."""
        return {}

    @cached_property
    def supplies(self) -> Mapping[str, SupplyFacts]:
        """Every supply that can be leased, by id: kinds at sites, leased products, and provisioned products."""
        found = {facts.id: facts for facts in supplies(self.estate) if facts.form in ("owned", "leased")}
        for id, product in self.estate.products.items():
            if isinstance(product, ProvisionedUnits):
                found[id] = self._provisioned(id, product)
        return found

    def _provisioned(self, id: str, product: ProvisionedUnits) -> SupplyFacts:
        """A provisioned product stands where its deployments do, if that is one place."""
        drawing = [facts for facts in supplies(self.estate) if facts.product == id]
        regions = {facts.region for facts in drawing}
        places = {facts.may_process_in for facts in drawing}
        return SupplyFacts(
            id=id,
            form="provisioned",
            provider=product.provider,
            party=party_of(self.estate, product.provider),
            product=id,
            region=regions.pop() if len(regions) == 1 else None,
            may_process_in=places.pop() if len(places) == 1 else None,
        )

    def supply(self, id: str) -> SupplyFacts:
        """A supply. Raises InvalidInput if the estate has none of that id."""
        found = self.supplies.get(id)
        if found is None:
            raise InvalidInput(
                f"the estate has no supply `{id}` that can be leased",
                hint=f"supplies are {listed(sorted(self.supplies), 12)}",
            )
        return found

    def workload(self, need: Need) -> WorkloadFacts:
        """What the law sees of a need: its workload's facts if it names one, else what it says itself."""
        if need.workload is None:
            model = self.estate.models.get(need.model) if need.model else None
            if model is None and need.data_class is None and need.model is None:
                return WorkloadFacts(id=NOBODY.id, party=need.party, client_region=need.client_region)
            return WorkloadFacts(
                id=need.id,
                party=need.party,
                model=need.model,
                vendor=None if model is None else model.vendor,
                tags=frozenset(() if model is None else model.tags),
                data_class=need.data_class,
                client_region=need.client_region,
            )
        workload = self.estate.workloads.get(need.workload)
        if workload is None:
            raise InvalidInput(f"the estate has no workload `{need.workload}`")
        if isinstance(workload, InferenceClass):
            region = need.client_region or workload.traffic[0].region
            return inference_facts(self.estate, need.workload, region, need.model or workload.models[0])
        return training_facts(self.estate, need.workload)

    def amounts(self, supply: SupplyFacts, measure: Quantified, quantity: Decimal) -> dict[str, Decimal]:
        """A quantity of a supply in every level that the law may count: accelerators and their IT power, or units."""
        if measure == "units":
            return {"units": quantity}
        kind = self.estate.accelerators.get(supply.accelerator or "")
        each = None if kind is None or kind.power is None else kind.power.amount
        if measure == "power":
            return {"power": quantity} if not each else {"power": quantity, "accelerators": quantity / each}
        return (
            {"accelerators": quantity} if not each else {"accelerators": quantity, "power": quantity * each}
        )

    def pool(self, supply: SupplyFacts) -> Pool:
        """The capacity that a supply draws on."""
        found = self.pools.get(supply.id)
        if found is None:
            found = self.pools[supply.id] = self._pool(supply)
        return found

    def _pool(self, supply: SupplyFacts) -> Pool:
        if supply.form == "owned" and supply.site is not None:
            return _site_pool(supply.site, self.estate.sites[supply.site], self.estate)
        product = self.estate.products[supply.id]
        if isinstance(product, AcceleratorHours):
            steps = None if product.limit is None else _less_held(_steps(product.limit), product)
            return Pool(supply.id, "accelerators", steps, product.begins, product.ends)
        held = cast("ProvisionedUnits", product)
        limit = None if held.limit is None else _less_held(((BEFORE_ALL, held.limit.amount),), held)
        return Pool(supply.id, "units", limit, held.begins, held.ends)

    def list_price(self, supply: SupplyFacts, measure: Quantified, on: date) -> tuple[Decimal, str] | None:
        """The price that the estate states for a supply on a day, per unit of the measure and hour; None if none."""
        if supply.form == "owned" and supply.site is not None:
            series = self.estate.sites[supply.site].rent
        else:
            series = cast("Series | None", getattr(self.estate.products.get(supply.id), "price", None))
        figure = None if series is None else series.at(on)
        if figure is None or figure.currency is None:
            return None
        if measure != "power":
            return figure.amount, figure.currency
        per_mw = self.amounts(supply, "power", Decimal(1)).get("accelerators")
        return None if per_mw is None else (figure.amount * per_mw, figure.currency)

    def serves(self, supply: SupplyFacts, need: Need) -> str | None:
        """Why a supply is not what a need asks for; None if it is."""
        if (need.measure == "units") != (supply.form == "provisioned"):
            return f"{supply.id} is not sold in {need.measure}"
        if need.accelerators and supply.accelerator not in need.accelerators:
            return f"{supply.id} is {supply.accelerator}, and the need is for {', '.join(need.accelerators)}"
        if need.regions and supply.region not in need.regions:
            return f"{supply.id} is in {supply.region}, and the need is for {', '.join(need.regions)}"
        if need.residency:
            codes = {id: region.jurisdiction for id, region in self.estate.regions.items()}
            inside = countries(need.residency, self.estate.areas, codes)
            if supply.may_process_in is None or not supply.may_process_in <= inside:
                return f"{supply.id} may process outside {', '.join(need.residency)}, or does not say where"
        if need.latency_ms is not None:
            pair = (need.client_region or "", supply.region or "")
            known = self.round_trips.get(pair)
            if known is None or known > need.latency_ms:
                far = "unknown" if known is None else f"{known} ms"
                return f"the round trip to {supply.id} is {far}, and the need bears {need.latency_ms} ms"
        if need.measure == "power" and "accelerators" not in self.amounts(supply, "power", Decimal(1)):
            return f"the power of an accelerator at {supply.id} is not stated"
        return None

    @cached_property
    def counters(self) -> tuple[tuple[PriceSchedule, Meter], ...]:
        """The law's prices, each with the meter that counts what it is owed for."""
        return tuple((schedule, counter_of(schedule)) for schedule in self.law.prices)

    @cached_property
    def round_trips(self) -> Mapping[tuple[str, str], Decimal]:
        """Known round trips in ms by (client region, supply region)."""
        return round_trips(self.estate)

    @cached_property
    def happened(self) -> tuple[Happened, ...]:
        """The dated events that the estate itself states."""
        return tuple(
            Happened(id, event.on, event.about)
            for id, event in self.estate.events.items()
            if event.on is not None
        )


class Library:
    """Estates by hash, and their laws by the day on which they are known. Grows with what a ledger names."""

    def __init__(self, calendars: Calendars = plain_calendars) -> None:
        self.calendars = calendars
        self._estates: dict[str, Estate] = {}
        self._signings: dict[str, tuple[date, ...]] = {}
        self._rules: dict[tuple[str, date], Rules] = {}

    def add(self, estate: Estate) -> tuple[str, str]:
        """Keeps an estate; its hash and its document."""
        document = estate_document(estate)
        digest = sha256(document)
        self._estates.setdefault(digest, estate)
        return digest, document

    def add_document(self, document: str) -> str:
        """Keeps the estate of a document; its hash. Raises InvalidInput if it is none."""
        digest = sha256(document)
        if digest not in self._estates:
            self._estates[digest] = estate_of(document)
        return digest

    def estate(self, digest: str) -> Estate:
        """An estate by its hash. Raises InvalidInput if it was never added."""
        found = self._estates.get(digest)
        if found is None:
            raise InvalidInput(f"the ledger names an estate {digest[:12]} that it does not hold")
        return found

    def known_at(self, digest: str, today: date) -> date:
        """The last day up to today on which something was signed: what was known then is known today."""
        signings = self._signings.get(digest)
        if signings is None:
            agreements = self.estate(digest).agreements.values()
            days = {a.signed for a in agreements} | {m.signed for a in agreements for m in a.amendments}
            signings = self._signings[digest] = tuple(sorted(days))
        place = bisect_right(signings, today)
        return signings[place - 1] if place else BEFORE_ALL

    def rules(self, digest: str, known_at: date) -> Rules:
        """The rules of an estate as known on a day."""
        found = self._rules.get((digest, known_at))
        if found is None:
            estate = self.estate(digest)
            law = compile_law(estate, known_at)
            found = Rules(estate, digest, known_at, law, law_digest(law), self.calendars)
            self._rules[digest, known_at] = found
        return found


def whole_steps(measure: Quantified, quantity: Decimal) -> Decimal:
    """A quantity cut down to what the measure is dealt in."""
    step = STEPS[measure]
    return (quantity / step).to_integral_value(rounding=ROUND_FLOOR) * step


def _steps(series: Series) -> tuple[tuple[date, Decimal], ...]:
    return tuple((step.begins or BEFORE_ALL, step.figure.amount) for step in series)


def _less_held(
    limits: tuple[tuple[date, Decimal], ...], product: AcceleratorHours | ProvisionedUnits
) -> tuple[tuple[date, Decimal], ...]:
    """Limits less what is under contract outside the ledger, on every day on which either changes."""
    days = {day for day, _ in limits}
    for held in product.held:
        days |= {held.begins or BEFORE_ALL, *(() if held.ends is None else (held.ends,))}
    found: list[tuple[date, Decimal]] = []
    for day in sorted(days):
        limit = next((amount for begins, amount in reversed(limits) if begins <= day), Decimal(0))
        taken = sum(
            (
                held.quantity.amount
                for held in product.held
                if (held.begins or BEFORE_ALL) <= day and (held.ends is None or day < held.ends)
            ),
            Decimal(0),
        )
        found.append((day, max(limit - taken, Decimal(0))))
    return tuple(found)


def _site_pool(id: str, site: Site, estate: Estate) -> Pool:
    """A site's IT power that may be counted on from each day on, less what stands there outside the ledger."""
    counts_from = estate.horizon.counts_from
    pue = site.pue.amount if site.power_is == "facility" and site.pue is not None else Decimal(1)
    limits = sorted(
        (step.begins or begins, amount / pue)
        for step in site.power
        if at_least(step.status or site.status, counts_from)
        for begins, amount in _steps(read_series(step.value, "power"))
    )
    stock = [one for one in site.stock if at_least(one.status, "contracted") and not one.release]
    days = {day for day, _ in limits}
    days |= {day for one in stock for day in (one.begins or BEFORE_ALL, one.ends) if day is not None}
    found: list[tuple[date, Decimal]] = []
    for day in sorted(days):
        limit = next((amount for begins, amount in reversed(limits) if begins <= day), Decimal(0))
        standing = sum(
            (
                one.count.amount * _each_mw(estate, one.accelerator)
                for one in stock
                if (one.begins or BEFORE_ALL) <= day and (one.ends is None or day < one.ends)
            ),
            Decimal(0),
        )
        found.append((day, max(limit - standing, Decimal(0))))
    return Pool(id, "power", tuple(found))


def _each_mw(estate: Estate, kind: str) -> Decimal:
    power = estate.accelerators[kind].power
    return Decimal(0) if power is None else power.amount
