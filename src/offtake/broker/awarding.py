"""Who is awarded what: takes and bids against a need, least cost first, as a small exact program.

The program is lexicographic: meet as much of the need as can be met, at least cost, and break ties by the policy's
rule. Cost is what is paid over the terms and what the commitments of the need's party would fall short by.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_CEILING, ROUND_FLOOR, Decimal
from typing import Final

from offtake.broker.admission import acquisition_of, fits, free_of, judged, peak
from offtake.broker.counting import (
    HOURS_PER_DAY,
    LEVELS,
    charge_in,
    flows,
    window_days,
    window_of,
    with_hold,
    with_lease,
)
from offtake.broker.folding import holds, lease_of
from offtake.broker.library import Rules
from offtake.broker.policy import Policy
from offtake.broker.ports import Optimiser, Optimum, Programme, Row
from offtake.broker.profile import ZERO
from offtake.broker.settling import lower_of
from offtake.broker.state import Deal, State
from offtake.broker.terms import STEPS, Bid, Cited, Excluded, Grant, Lease, Part, Tranche
from offtake.domain.selection import Interval
from offtake.law.meters import burns
from offtake.law.pricing import micro_units
from offtake.law.primitives import Law, Meter
from offtake.law.wording import number

INFINITE: Final = float("inf")


@dataclass(frozen=True, slots=True)
class Source:
    """Somebody who may supply: a holder's take (`fixed`) or a bid, with what one step of it costs over the term."""

    id: str
    lease: Lease  # One unit of the measure.
    minimum: Decimal
    maximum: Decimal
    whole: bool
    fixed: bool
    cost: Decimal  # Of one unit of the measure over the term, in the need's currency.
    release_share: Decimal
    order: int


@dataclass(frozen=True, slots=True)
class Proposal:
    """What the program proposes: quantities by source, what they cost, and how close to the least that is."""

    quantities: tuple[tuple[Source, Decimal], ...]
    unmet: Decimal
    cost_micros: int
    objective_micros: int
    bound_micros: int
    gap: Decimal
    excluded: tuple[Excluded, ...]
    binding: tuple[Cited, ...]

    @property
    def elsewhere(self) -> tuple[tuple[Source, Decimal], ...]:
        """What goes to bids."""
        return tuple((source, quantity) for source, quantity in self.quantities if not source.fixed)


@dataclass(frozen=True, slots=True)
class Impossible:
    """Nothing can be awarded, and why."""

    reasons: tuple[Cited, ...]
    excluded: tuple[Excluded, ...] = ()


def without_holds(rules: Rules, state: State, deal: Deal) -> State:
    """The state in which what holders took of a deal is not kept for them: it is about to be awarded."""
    for hold in holds(rules, deal):
        state = with_hold(state, rules, hold, -1)
    return state


def proposal(
    rules: Rules,
    policy: Policy,
    state: State,
    deal: Deal,
    now: datetime,
    optimiser: Optimiser,
    *,
    free: frozenset[str] = frozenset(),
) -> Proposal | Impossible:
    """The best award of a deal. Takes under the clauses in `free` are offers like others, as if nobody had a right.

    `state` is one without the deal's holds.
    """
    sources, excluded = _sources(rules, state, deal, now, free)
    if not sources:
        return Impossible(_nothing(deal, excluded), excluded)
    program = _Program(rules, state, deal, sources)
    most = optimiser.minimise(program.filling(), 0.0)
    if most is None:
        return Impossible(program.why_not(), excluded)
    filled = program.filled(most)
    if filled == 0 or filled < deal.need.minimum - deal.granted:
        return Impossible((program.too_little(filled), *program.binding(most)), excluded)
    best = optimiser.minimise(program.costing(filled), float(policy.gap))
    if best is None:
        return Impossible(program.why_not(), excluded)
    chosen = best
    if program.tied():
        chosen = optimiser.minimise(program.breaking_ties(filled, best.objective), 0.0) or best
    return program.read(chosen, best, filled, excluded)


def _nothing(deal: Deal, excluded: Sequence[Excluded]) -> tuple[Cited, ...]:
    if not excluded:
        return (Cited(clause=None, text=f"nobody has bid for `{deal.need.id}`"),)
    return tuple(reason for one in excluded for reason in one.reasons)


def _sources(
    rules: Rules, state: State, deal: Deal, now: datetime, free: frozenset[str]
) -> tuple[list[Source], tuple[Excluded, ...]]:
    sources: list[Source] = []
    excluded: list[Excluded] = []
    for asking in deal.askings:
        for part in asking.takes if not asking.granted else ():
            one = Part(supply=part.supply, quantity=Decimal(1))
            lease = lease_of(rules, deal.need, asking, one)
            cost = charge_in(rules, lease, lease.begins, lease.ends, deal.need.currency)
            if cost is not None:
                fixed = asking.notice.clause not in free
                least = part.quantity if fixed else ZERO
                sources.append(
                    Source(
                        asking.notice.id,
                        lease,
                        least,
                        part.quantity,
                        False,
                        fixed,
                        cost,
                        Decimal(1),
                        len(sources),
                    )
                )
    for id in deal.bids:
        bid = state.bids[id]
        lease = bid_lease(rules, deal, bid)
        why = _why_not(rules, state, deal, bid, lease, now)
        if why:
            excluded.append(Excluded(bid=id, supply=bid.supply, reasons=tuple(why)))
            continue
        cost = charge_in(rules, lease, lease.begins, lease.ends, deal.need.currency) or ZERO
        sources.append(
            Source(
                id, lease, bid.minimum, bid.quantity, bid.whole, False, cost, bid.release_share, len(sources)
            )
        )
    return sources, tuple(excluded)


def bid_lease(rules: Rules, deal: Deal, bid: Bid) -> Lease:
    """A unit of a bid as a lease."""
    supply = rules.supply(bid.supply)
    need = deal.need
    return Lease(
        id=bid.id,
        need=need.id,
        tenant=need.party,
        supplier=supply.party or supply.provider or bid.bidder,
        supply=bid.supply,
        measure=need.measure,
        quantity=Decimal(1),
        amounts=tuple(sorted(rules.amounts(supply, need.measure, Decimal(1)).items())),
        begins=need.begins,
        ends=need.ends,
        price=bid.price,
        currency=bid.currency,
        release_share=bid.release_share,
        discharges=(),
    )


def _why_not(rules: Rules, state: State, deal: Deal, bid: Bid, lease: Lease, now: datetime) -> list[Cited]:
    """Why a bid cannot be awarded anything."""
    need = deal.need
    if bid.valid_until is not None and bid.valid_until < now:
        return [Cited(clause=None, text=f"the bid ended on {bid.valid_until:%Y-%m-%d %H:%M} UTC")]
    unsuited = rules.serves(rules.supply(bid.supply), need)
    if unsuited is not None:
        return [Cited(clause=None, text=unsuited)]
    verdict = judged(rules, state, deal, lease, now.date(), counted=False)
    if verdict.reasons:
        return list(verdict.reasons)
    cost = charge_in(rules, lease, lease.begins, lease.ends, need.currency)
    if cost is None:
        return [Cited(clause=None, text=f"there is no rate from {bid.currency} to {need.currency}")]
    limits = [tranche.price_limit for tranche in need.in_tranches()]
    price = per_hour(cost, need.begins, need.ends)
    if all(limit is not None and price > limit for limit in limits):
        most = max(limit for limit in limits if limit is not None)
        return [
            Cited(
                clause=None,
                text=f"{number(price)} {need.currency} is above the need's limit of {number(most)}",
            )
        ]
    return []


def per_hour(cost: Decimal, begins: date, ends: date) -> Decimal:
    """The price of a unit and hour that makes a cost over a term."""
    return cost / ((ends - begins).days * HOURS_PER_DAY)


@dataclass(frozen=True, slots=True)
class _Bound:
    """A row that stands for a capacity or a meter, for saying what binds."""

    row: int
    cited: Cited


class _Program:
    """The columns and rows of one award. Columns: steps of source by tranche, choices, shortfalls."""

    def __init__(self, rules: Rules, state: State, deal: Deal, sources: Sequence[Source]) -> None:
        self.rules, self.state, self.deal, self.sources = rules, state, deal, sources
        self.step = STEPS[deal.need.measure]
        self.tranches = _left_of(deal)
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.integer: list[bool] = []
        self.rows: list[Row] = []
        self.bounds: list[_Bound] = []
        self.cost: list[float] = []
        self.exact: list[Decimal] = []
        self.scale = max((source.cost * self.step for source in sources), default=Decimal(1)) or Decimal(1)
        self.cells: dict[tuple[int, int], int] = {}
        self.choices: dict[int, int] = {}
        self._columns()
        self._tranche_rows()
        self._capacity_rows()
        self._ceiling_rows()
        self.first_shortfall = len(self.cost)
        self._commitment_rows()

    # Columns -----------------------------------------------------------------------------------------------------

    def _column(self, upper: float, cost: Decimal, *, integer: bool, lower: float = 0.0) -> int:
        self.lower.append(lower)
        self.upper.append(upper)
        self.integer.append(integer)
        self.exact.append(cost)
        self.cost.append(float(cost / self.scale))
        return len(self.cost) - 1

    def _columns(self) -> None:
        need = self.deal.need
        for i, source in enumerate(self.sources):
            price = per_hour(source.cost, need.begins, need.ends)
            most = self._steps(source.maximum)
            for t, tranche in enumerate(self.tranches):
                if source.fixed or tranche.price_limit is None or price <= tranche.price_limit:
                    self.cells[i, t] = self._column(
                        float(min(most, self._steps(tranche.quantity))), source.cost * self.step, integer=True
                    )
            if source.fixed:
                self._row(self._of(i), self._steps(source.minimum), self._steps(source.maximum))
            elif source.minimum or source.whole or need.whole:
                self._choose(i, source, most)
            else:
                self._row(self._of(i), 0, most)
        if need.whole:
            whole = self._steps(sum((tranche.quantity for tranche in self.tranches), ZERO))
            for i, source in enumerate(self.sources):
                if not source.fixed:
                    choice = self.choices[i]
                    self._row((*self._of(i), (choice, -float(whole))), 0, 0)

    def _choose(self, i: int, source: Source, most: int) -> None:
        """A source that is taken at its minimum (or whole) or not at all."""
        choice = self.choices[i] = self._column(1.0, ZERO, integer=True)
        least = most if source.whole else self._steps(source.minimum)
        self._row((*self._of(i), (choice, -float(most))), -INFINITE, 0)
        self._row((*self._of(i), (choice, -float(least))), 0, INFINITE)

    def _steps(self, quantity: Decimal) -> int:
        return int((quantity / self.step).to_integral_value(rounding=ROUND_FLOOR))

    def _of(self, i: int) -> tuple[tuple[int, float], ...]:
        return tuple((column, 1.0) for (source, _), column in self.cells.items() if source == i)

    def _row(self, coefficients: Sequence[tuple[int, float]], lower: float, upper: float) -> int:
        self.rows.append(Row(tuple(coefficients), float(lower), float(upper)))
        return len(self.rows) - 1

    # Rows --------------------------------------------------------------------------------------------------------

    def _tranche_rows(self) -> None:
        for t, tranche in enumerate(self.tranches):
            cells = [(column, 1.0) for (_, other), column in self.cells.items() if other == t]
            floor = -(-tranche.floor // self.step)
            self._row(cells, float(floor), self._steps(tranche.quantity))

    def _capacity_rows(self) -> None:
        need = self.deal.need
        pools: dict[str, list[int]] = {}
        for i, source in enumerate(self.sources):
            pools.setdefault(self.rules.pool(self.rules.supply(source.lease.supply)).id, []).append(i)
        for pool_id, members in pools.items():
            supply = self.sources[members[0]].lease.supply
            free = free_of(self.rules, self.state, supply, need.begins, need.ends)
            if free is None:
                continue
            measure = self.rules.pool(self.rules.supply(supply)).measure
            cells = self._weighted(members, measure)
            row = self._row(cells, -INFINITE, float(max(free, ZERO)))
            text = f"{pool_id} has {number(max(free, ZERO))} {measure} free"
            self.bounds.append(_Bound(row, Cited(clause=None, text=text)))

    def _weighted(self, members: Sequence[int], measure: str) -> list[tuple[int, float]]:
        """What a step of each source uses or counts in a measure."""
        cells: list[tuple[int, float]] = []
        for i in members:
            each = float(dict(self.sources[i].lease.amounts).get(measure, ZERO) * self.step)
            if each:
                cells.extend((column, each) for column, _ in self._of(i))
        return cells

    def _ceiling_rows(self) -> None:
        for meter in self.rules.law.meters:
            if meter.upper is None:
                continue
            members = self._burning(meter)
            if members and meter.measure in LEVELS:
                self._level_row(meter, members)
            elif members:
                self._window_rows(meter, members)

    def _burning(self, meter: Meter) -> list[int]:
        return [
            i
            for i, source in enumerate(self.sources)
            if burns(meter, self.rules.law, acquisition_of(self.rules, self.deal, source.lease))
        ]

    def _level_row(self, meter: Meter, members: Sequence[int]) -> None:
        read = ZERO
        for i in members:
            found = peak(meter, self.state, acquisition_of(self.rules, self.deal, self.sources[i].lease))
            read = max(read, ZERO if found is None else found.amount)
        cells = self._weighted(members, meter.measure)
        self._bound(meter, cells, (meter.upper or ZERO) - read)

    def _window_rows(self, meter: Meter, members: Sequence[int]) -> None:
        for begins, cells in self._by_window(meter, members).items():
            read = self.state.flows.get((meter.id, begins), ZERO)
            self._bound(meter, cells, (meter.upper or ZERO) - read)

    def _bound(self, meter: Meter, cells: Sequence[tuple[int, float]], room: Decimal) -> None:
        if cells:
            row = self._row(cells, -INFINITE, float(max(room, ZERO)))
            text = f"{meter.origin.clause} leaves room for {number(max(room, ZERO))} {meter.measure}"
            self.bounds.append(_Bound(row, Cited(clause=meter.origin.clause, text=text)))

    def _by_window(self, meter: Meter, members: Sequence[int]) -> dict[date, list[tuple[int, float]]]:
        """What a step of each source counts on a meter, by window."""
        found: dict[date, list[tuple[int, float]]] = {}
        for i in members:
            for window, _, amount in flows(self.rules, self.sources[i].lease, meter):
                each = float((amount or ZERO) * self.step)
                if each:
                    found.setdefault(window.begins, []).extend((column, each) for column, _ in self._of(i))
        return found

    def _commitment_rows(self) -> None:
        """Shortfalls of the commitments of the need's party: s >= lower - taken - what is awarded."""
        need, law = self.deal.need, self.rules.law
        shortfalls: dict[tuple[str, date], tuple[int, Decimal]] = {}
        inner_first = sorted(
            (m for m in law.meters if m.lower is not None and m.shortfall_price),
            key=lambda m: (m.within is None, m.id),
        )
        for meter in inner_first:
            if meter.payer not in (None, need.party) or meter.window in ("any-time", "minute"):
                continue
            members = self._burning(meter)
            for begins, cells in self._by_window(meter, members).items():
                column, price = self._shortfall(meter, begins)
                if column is None:
                    continue
                shortfalls[meter.id, begins] = column, price
                inner = [
                    (other, float(paid))
                    for (id, start), (other, paid) in shortfalls.items()
                    if (found := _meter(law, id)).within == meter.id
                    and meter.measure == "money"
                    and window_of(meter, start).begins == begins
                    and found.id != meter.id
                ]
                days = Interval(max(begins, meter.scope.begins or date.min), window_of(meter, begins).ends)
                read = self.state.flows.get((meter.id, begins), ZERO)
                missing = lower_of(meter, days) - read
                self._row((*cells, *inner, (column, 1.0)), float(missing), INFINITE)

    def _shortfall(self, meter: Meter, begins: date) -> tuple[int | None, Decimal]:
        need = self.deal.need
        rate = Decimal(1)
        if meter.currency is not None and meter.currency != need.currency:
            found = self.rules.law.rates.rate(meter.currency, need.currency, need.begins)
            if found is None:
                return None, ZERO
            rate = found
        window = window_of(meter, begins)
        hours = HOURS_PER_DAY * window_days(meter, window) if meter.measure in LEVELS else 1
        price = (meter.shortfall_price or ZERO) * hours
        return self._column(INFINITE, price * rate, integer=False), price

    # Questions ---------------------------------------------------------------------------------------------------

    def filling(self) -> Programme:
        """Meet as much as can be met."""
        cells = set(self.cells.values())
        cost = tuple(-1.0 if column in cells else 0.0 for column in range(len(self.cost)))
        return self._programme(cost)

    def costing(self, filled: Decimal) -> Programme:
        """Meet that much at least cost."""
        return self._programme(tuple(self.cost), (self._met(filled),))

    def breaking_ties(self, filled: Decimal, least: float) -> Programme:
        """Among the least costly, prefer sources in their order."""
        cost = [0.0] * len(self.cost)
        for (i, _), column in self.cells.items():
            cost[column] = float(i + 1)
        cells = tuple((column, each) for column, each in enumerate(self.cost) if each)
        cheap = Row(cells, -INFINITE, least + abs(least) * 1e-9 + 1e-9)
        return self._programme(tuple(cost), (self._met(filled), cheap))

    def _met(self, filled: Decimal) -> Row:
        steps = float(self._steps(filled))
        return Row(tuple((column, 1.0) for column in self.cells.values()), steps, INFINITE)

    def _programme(self, cost: tuple[float, ...], extra: tuple[Row, ...] = ()) -> Programme:
        rows = (*self.rows, *extra)
        return Programme(cost, tuple(self.lower), tuple(self.upper), tuple(self.integer), rows)

    def tied(self) -> bool:
        """Whether two sources cost the same, so that a choice between them is left."""
        open_costs = [source.cost for source in self.sources if not source.fixed]
        return len(set(open_costs)) < len(open_costs)

    def filled(self, optimum: Optimum) -> Decimal:
        """How much a point meets."""
        return sum((round(optimum.values[column]) * self.step for column in self.cells.values()), ZERO)

    def read(
        self, chosen: Optimum, best: Optimum, filled: Decimal, excluded: tuple[Excluded, ...]
    ) -> Proposal:
        """A point as quantities, with exact costs."""
        quantities: list[tuple[Source, Decimal]] = []
        for i, source in enumerate(self.sources):
            steps = sum(round(chosen.values[column]) for column, _ in self._of(i))
            if steps:
                quantities.append((source, steps * self.step))
        cost = sum((source.cost * quantity for source, quantity in quantities), ZERO)
        shortfalls = sum(
            (
                self.exact[column] * Decimal(repr(chosen.values[column]))
                for column in range(self.first_shortfall, len(self.cost))
            ),
            ZERO,
        )
        objective = micro_units(cost + max(shortfalls, ZERO))
        bound = Decimal(repr(best.bound)) * self.scale
        bound_micros = min(int((bound * 1_000_000).to_integral_value(rounding=ROUND_CEILING)), objective)
        gap = Decimal(objective - bound_micros) / objective if objective else ZERO
        unmet = sum((tranche.quantity for tranche in self.tranches), ZERO) - filled
        return Proposal(
            tuple(quantities),
            unmet,
            micro_units(cost),
            objective,
            bound_micros,
            gap.quantize(Decimal("0.000000001")),
            excluded,
            tuple(self.binding(chosen)),
        )

    def too_little(self, filled: Decimal) -> Cited:
        """That what can be had is less than what is of use."""
        need = self.deal.need
        least = max(need.minimum - self.deal.granted, self.step)
        text = f"{number(filled)} {need.measure} can be had, and at least {number(least)} must be"
        return Cited(clause=None, text=text)

    def binding(self, optimum: Optimum) -> Iterator[Cited]:
        """The capacities and bounds that leave no room for one step more."""
        for bound in self.bounds:
            row = self.rows[bound.row]
            activity = sum(coefficient * optimum.values[column] for column, coefficient in row.coefficients)
            smallest = min((coefficient for _, coefficient in row.coefficients), default=1.0)
            if activity > row.upper - smallest:
                yield bound.cited

    def why_not(self) -> tuple[Cited, ...]:
        """What may stand in the way where no award is possible: floors, and every capacity and ceiling."""
        floors = [tranche for tranche in self.tranches if tranche.floor]
        said = [
            Cited(clause=None, text=f"a tranche of {number(t.quantity)} needs at least {number(t.floor)}")
            for t in floors
        ]
        taken = sum((source.minimum for source in self.sources if source.fixed), ZERO)
        if taken:
            said.append(Cited(clause=None, text=f"holders took {number(taken)}, which must be supplied"))
        return (*said, *(bound.cited for bound in self.bounds))


def _meter(law: Law, id: str) -> Meter:
    return next(meter for meter in law.meters if meter.id == id)


def _left_of(deal: Deal) -> tuple[Tranche, ...]:
    """The tranches less what was granted before, which filled the first ones."""
    granted, found = deal.granted, list[Tranche]()
    for tranche in deal.need.in_tranches():
        gone = min(granted, tranche.quantity)
        granted -= gone
        left = replace(tranche, quantity=tranche.quantity - gone, floor=max(tranche.floor - gone, ZERO))
        if left.quantity:
            found.append(left)
    return tuple(found)


def grants_of(deal: Deal, found: Proposal) -> tuple[Grant, ...]:
    """A proposal as grants, numbered on from the deal's leases."""
    first = len(deal.leases) + 1
    return tuple(
        Grant(
            lease=f"{deal.need.id}-{first + n}",
            supply=source.lease.supply,
            supplier=source.lease.supplier,
            quantity=quantity,
            price=source.lease.price,
            currency=source.lease.currency,
            cost_micros=micro_units(source.cost * quantity),
            source=source.id,
            release_share=source.release_share,
        )
        for n, (source, quantity) in enumerate(found.quantities)
    )


def parts_of(found: Proposal) -> tuple[Part, ...]:
    """A proposal as quantities by supply."""
    return tuple(Part(supply=source.lease.supply, quantity=quantity) for source, quantity in found.quantities)


def granted_lease(rules: Rules, deal: Deal, source: Source, quantity: Decimal, id: str) -> Lease:
    """A source's quantity as a lease."""
    supply = rules.supply(source.lease.supply)
    amounts = rules.amounts(supply, deal.need.measure, quantity)
    return replace(source.lease, id=id, quantity=quantity, amounts=tuple(sorted(amounts.items())))


def admitted(rules: Rules, state: State, deal: Deal, found: Proposal, today: date) -> tuple[Cited, ...]:
    """Why a proposal is not lawful, grant by grant, each on what those before it left; nothing if it is."""
    taken: list[tuple[str, Decimal]] = []
    for n, (source, quantity) in enumerate(found.quantities):
        lease = granted_lease(rules, deal, source, quantity, f"{deal.need.id}+{n}")
        verdict = judged(rules, state, deal, lease, today, taken, source=source.id if source.fixed else None)
        if verdict.reasons:
            return verdict.reasons
        if verdict.obligations:
            return tuple(
                Cited(
                    clause=one.origin.clause,
                    text=f"{one.origin.clause}: {one.who} must approve first"
                    if one.kind == "approval"
                    else f"{one.origin.clause}: {one.who} must be asked first",
                )
                for one in verdict.obligations
            )
        full = fits(rules, state, lease)
        if full is not None:
            return (full,)
        taken.append((source.id, quantity))
        state = with_lease(state, rules, lease, 1)
    return ()
