"""The second half of the certificate: a plan's accounts added again from its own tables and the estate, by code that
shares nothing with the program's builder, and the plan replayed through `decide` as actions."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from typing import Final

from offtake.domain.clauses import FirstRefusal
from offtake.domain.currencies import Rates, rates_of
from offtake.domain.estate import AcceleratorHours, Estate, ProvisionedUnits, Site, TokensByUse
from offtake.domain.handoffs import CapacityPlan, MeterRow, OrderRow, PlanPeriod, ServedRow
from offtake.domain.quantities import Figure, Series, parse_figure
from offtake.domain.workloads import InferenceClass, Traffic, TrainingRun

TOLERANCE: Final = 1e-6  # Of the larger total; quantities in the tables carry six digits.
HALF_A_CENT: Final = 0.005  # What rounding to whole cents may take from a row or add to it.
ADDING_UP: Final = ("accelerator-hours", "tokens", "money")  # Measures that a window sums.
HOURS_A_DAY: Final = 24.0
DAYS_A_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True)
class Mismatch:
    """Two sums that ought to be one."""

    name: str
    stated: float
    recounted: float
    rounding: float = 0.0  # What whole cents in the rows behind `stated` may differ by.

    @property
    def relative(self) -> float:
        """Their difference, less what is rounding, against the larger of them, and at least one unit of money."""
        difference = max(0.0, abs(self.stated - self.recounted) - self.rounding)
        return difference / max(abs(self.stated), abs(self.recounted), 1.0)


def recount(estate: Estate, plan: CapacityPlan) -> tuple[Mismatch, ...]:
    """Spending by kind, stated and added again from quantities and the estate's prices; the discounted cost; and what
    each commitment bills, window by window: what is counted, or its bound where that is more."""
    books = _Books(estate, plan)
    stated: dict[str, float] = defaultdict(float)
    for row in plan.spend:
        stated[row.kind] += row.amount_cents / 100
    again: dict[str, float] = defaultdict(float)
    # An amount below half a cent has no row of its own, so the entries that are added again are counted as well.
    rounded: dict[str, int] = defaultdict(lambda: 1, Counter(row.kind for row in plan.spend))
    for kind, amount in books.entries():
        again[kind] += amount
        rounded[kind] += amount != 0
    kinds = sorted({*stated, *again} - {"settlement"})
    found = [
        Mismatch(f"{kind} added again", stated[kind], again[kind], HALF_A_CENT * rounded[kind])
        for kind in kinds
    ]
    rows = sum(rounded.values()) + len(plan.unmet) + sum(len(one.flows) for one in plan.finance) + 1
    discounted = books.discounted()
    found.append(
        Mismatch("discounted cost added again", plan.cost_cents / 100, discounted, HALF_A_CENT * rows)
    )
    found.extend(_billed(plan))
    return tuple(found)


def _billed(plan: CapacityPlan) -> Iterator[Mismatch]:
    """Commitments that add up over time: taken and short together are the bound, or what is taken if that is more."""
    windows: dict[str, list[MeterRow]] = defaultdict(list)
    for row in plan.meters:
        if row.lower is not None and row.measure in ADDING_UP:
            windows[row.meter].append(row)
    for meter, rows in windows.items():
        for row in rows:
            billed = Mismatch(
                f"billed by {meter}, counted again",
                row.counted + row.shortfall,
                max(row.counted, row.lower or 0.0),
            )
            if row is rows[-1] or billed.relative > TOLERANCE:
                yield billed
                break


class _Books:
    """Adds a plan's money again, entry by entry, in floats of the plan's currency."""

    def __init__(self, estate: Estate, plan: CapacityPlan) -> None:
        self.estate, self.plan = estate, plan
        self.rates: Rates = rates_of(estate)
        self.periods: dict[str, PlanPeriod] = {period.label: period for period in plan.periods}

    def price(self, series: Series | None, day: date) -> float:
        figure = None if series is None else series.at(day)
        return 0.0 if figure is None else self.money(figure, day)

    def money(self, figure: Figure, day: date) -> float:
        currency = figure.currency or self.plan.currency
        return float(self.rates.convert(figure.amount, currency, self.plan.currency, day))

    def days(self, label: str) -> int:
        period = self.periods[label]
        return (period.ends - period.begins).days

    def hours(self, label: str) -> float:
        return self.days(label) * HOURS_A_DAY

    def entries(self) -> Iterator[tuple[str, float]]:
        """(kind, amount) of everything that the tables imply is paid."""
        for order in self.plan.orders:
            yield from self._ordered(order)
        for row in self.plan.capacity:
            site_id, _, kind = row.supply.partition("/")
            site = self.estate.sites.get(site_id)
            if site is not None and kind:
                yield from self._running(site, row.period, row.contracted + row.added, row.power_mw)
            else:
                product = self.estate.products.get(row.supply)
                if isinstance(product, AcceleratorHours | ProvisionedUnits):
                    price = self.price(product.price, self.periods[row.period].begins)
                    yield "lease", price * row.contracted * self.hours(row.period)
        for served in self.plan.served:
            yield "tokens", self._tokens(served)
            yield "revenue", self._revenue(served)

    def _ordered(self, order: OrderRow) -> Iterator[tuple[str, float]]:
        signed = self.periods[order.period].begins
        if order.kind == "build" and order.accelerator is not None:
            accelerator = self.estate.accelerators[order.accelerator]
            yield from self._capital(self.price(accelerator.price, signed) * order.quantity, order)
        elif order.kind == "shell" and order.site is not None:
            shell = self.estate.sites[order.site].shell
            yield from self._capital(
                self.price(None if shell is None else shell.cost, signed) * order.quantity, order
            )
        elif order.kind == "keep" and order.product is not None:
            product = self.estate.products[order.product]
            if isinstance(product, AcceleratorHours | ProvisionedUnits):
                for held in product.held:
                    first = next(
                        (p for p in self.plan.periods if _inside(p, held.begins or date.min, held.ends)), None
                    )
                    mine = held.release and first is not None and first.label == order.period
                    if mine and held.quantity.value >= order.quantity * (1 - TOLERANCE):
                        yield from self._kept(product.price, order, held.begins, held.ends)
                        break
        elif order.product is not None:
            product = self.estate.products[order.product]
            if isinstance(product, AcceleratorHours | ProvisionedUnits):
                price = self._offered(order) or self.price(product.price, signed)
                served = (p for p in self.plan.periods if _inside(p, order.serves_from, order.serves_until))
                yield "lease", sum(price * order.quantity * self.hours(p.label) for p in served)

    def _kept(
        self, prices: Series, order: OrderRow, begins: date | None, ends: date | None
    ) -> Iterator[tuple[str, float]]:
        for period in self.plan.periods:
            if _inside(period, begins or date.min, ends):
                yield "lease", self.price(prices, period.begins) * order.quantity * self.hours(period.label)

    def _offered(self, order: OrderRow) -> float | None:
        """The price of a holder's answer under whose right this lease was taken, if it states one."""
        for right in self.plan.first_refusals:
            if not right.binding or not right.begins <= order.serves_from < right.ends:
                continue
            for answer in self.estate.answers:
                mine = answer.products or tuple(self._products_of(right.holder))
                named = order.product in mine or order.site in mine
                inside = (answer.begins or date.min) <= right.begins and right.ends <= (
                    answer.ends or date.max
                )
                if right.clause != answer.clause or not inside or not named:
                    continue
                if self._matched(right.clause):
                    return self._best_bid(order, right.holder)
                if answer.price is not None:
                    kind = "price_unit_hour" if right.measure == "units" else "price_accelerator_hour"
                    return self.money(parse_figure(answer.price, kind), right.begins)
        return None

    def _matched(self, clause: str) -> bool:
        """Whether a right is one to match the best bid."""
        agreement_id, _, name = clause.partition(".")
        agreement = self.estate.agreements[agreement_id]
        versions = [agreement.clauses.get(name), *(one.clauses.get(name) for one in agreement.amendments)]
        return any(isinstance(one, FirstRefusal) and one.style == "match" for one in versions)

    def _best_bid(self, order: OrderRow, holder: str) -> float | None:
        """The lowest price at which others lease the same kind on the day of an order, in the same way as it."""
        day, others = self.periods[order.period].begins, tuple(self._products_of(holder))
        bids = [
            self.price(product.price, day)
            for product_id, product in self.estate.products.items()
            if isinstance(product, AcceleratorHours)
            and product_id not in others
            and product.accelerator == order.accelerator
            and (product.term is None) == (order.kind == "on-demand")
            and product.price.at(day) is not None
            and (product.begins or date.min) <= day < (product.ends or date.max)
        ]
        return min(bids, default=None)

    def _products_of(self, party: str) -> Iterator[str]:
        for product_id, product in self.estate.products.items():
            provider = self.estate.providers.get(product.provider)
            if party in (product.provider, provider.party if provider else None):
                yield product_id

    def _capital(self, paid: float, order: OrderRow) -> Iterator[tuple[str, float]]:
        yield "capital", paid
        until, end = order.serves_until, self.plan.ends
        if self.plan.end_value == "salvage" and until is not None:
            life = (until - order.serves_from).days
            left = (until - max(order.serves_from, end)).days
            yield "salvage", -paid * min(max(left / life, 0.0), 1.0)

    def _running(
        self, site: Site, label: str, accelerators: float, power_mw: float
    ) -> Iterator[tuple[str, float]]:
        day, hours = self.periods[label].begins, self.hours(label)
        pue = 1.0 if site.pue is None else site.pue.value
        yield "energy", self.price(site.energy_price, day) * power_mw * pue * hours
        yield "operation", self.price(site.other_operations, day) * power_mw * self.days(label) / DAYS_A_YEAR
        yield "rent", self.price(site.rent, day) * accelerators * hours

    def _tokens(self, row: ServedRow) -> float:
        product = self.estate.products.get(row.supply.rpartition("/")[2])
        workload = self.estate.workloads[row.workload]
        if not isinstance(product, TokensByUse) or not isinstance(workload, InferenceClass):
            return 0.0
        day = self.periods[row.period].begins
        traffic: Traffic = next(one for one in workload.traffic if one.region == row.client_region)
        read, written = traffic.tokens_in.value_at(day), traffic.tokens_out.value_at(day)
        rates = product.prices[row.model]
        cached = 0.0 if workload.cached is None else workload.cached.value
        fresh, again = self.price(rates.tokens_in, day), self.price(rates.cached or rates.tokens_in, day)
        millions = row.tokens_per_s * self.hours(row.period) * 3600 / 1e6
        mix = read * (fresh * (1 - cached) + again * cached) + written * self.price(rates.tokens_out, day)
        return millions * mix / (read + written)

    def _revenue(self, row: ServedRow) -> float:
        workload = self.estate.workloads[row.workload]
        if not isinstance(workload, InferenceClass) or workload.revenue is None:
            return 0.0
        millions = row.tokens_per_s * self.hours(row.period) * 3600 / 1e6
        return millions * self.price(workload.revenue, self.periods[row.period].begins)

    def discounted(self) -> float:
        """Costs less revenues of the party, and unmet need at its worth, at the discount of each period's middle."""
        factor: dict[str, float] = {}
        for label, period in self.periods.items():
            middle = (period.begins - self.plan.begins).days + (period.ends - period.begins).days / 2
            factor[label] = (1 + self.plan.discount_per_year) ** (-middle / DAYS_A_YEAR)
        total = 0.0
        for row in self.plan.spend:
            sign = (row.payer == self.plan.party) - (row.payee == self.plan.party)
            total += sign * row.amount_cents / 100 * factor[row.period]
        for borrower in self.plan.finance:
            for flow in borrower.flows:
                if flow.kind not in (
                    "equity",
                    "gap",
                ):  # An owner's money is its own, and nobody's is no cost.
                    sign = (flow.payer == self.plan.party) - (flow.payee == self.plan.party)
                    total += sign * flow.amount_cents / 100 * factor[flow.period]
        for left in self.plan.unmet:
            total += left.worth_cents / 100 * factor[left.period or self._last_period(left.workload)]
        return total

    def _last_period(self, run_id: str) -> str:
        run = self.estate.workloads[run_id]
        inside = [
            label
            for label, period in self.periods.items()
            if not isinstance(run, TrainingRun) or period.begins < run.window.ends
        ]
        return inside[-1]


def _inside(period: PlanPeriod, begins: date, ends: date | None) -> bool:
    return period.begins >= begins and (ends is None or period.begins < ends)
