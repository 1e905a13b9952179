"""The columns and rows of one award."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date
from decimal import ROUND_FLOOR, Decimal
from typing import Final

from offtake.broker.admission import acquisition_of, free_of, peak
from offtake.broker.awarding.prices import Stretch, segments, stretches
from offtake.broker.awarding.sources import Source, per_hour
from offtake.broker.counting import HOURS_PER_DAY, LEVELS, flows, window_days, window_of
from offtake.broker.library import Rules
from offtake.broker.ports import Optimum, Programme, Row
from offtake.broker.profile import ZERO
from offtake.broker.settling import lower_of
from offtake.broker.state import Deal, State
from offtake.broker.terms import STEPS, Cited, Tranche
from offtake.domain.selection import Interval
from offtake.law.meters import burns
from offtake.law.primitives import Law, Meter
from offtake.law.wording import number

INFINITE: Final = float("inf")


@dataclass(frozen=True, slots=True)
class _Bound:
    """A row that stands for a capacity or a meter, for saying what binds."""

    row: int
    cited: Cited


class Program:
    """The columns and rows of one award. Columns: steps of source by tranche, choices, parts of prices, shortfalls."""

    def __init__(self, rules: Rules, state: State, deal: Deal, sources: Sequence[Source]) -> None:
        self.rules, self.state, self.deal, self.sources = rules, state, deal, sources
        self.step = STEPS[deal.need.measure]
        self.tranches = _left_of(deal)
        self.lower: list[float] = []
        self.upper: list[float] = []
        self.integer: list[bool] = []
        self.rows: list[Row] = []
        self.bounds: list[_Bound] = []
        self.exact: list[Decimal] = []
        self.priced = tuple(stretches(rules, state, deal, sources))
        self.cells: dict[tuple[int, int], int] = {}
        self.choices: dict[int, int] = {}
        self._columns()
        self._tranche_rows()
        self._capacity_rows()
        self._ceiling_rows()
        for stretch in self.priced:
            self._price_rows(stretch)
        self.first_shortfall = len(self.exact)
        self._commitment_rows()
        self.scale = max((abs(self.exact[c]) for c in self.cells.values()), default=ZERO) or Decimal(1)
        self.cost = [float(one / self.scale) for one in self.exact]

    # Columns -----------------------------------------------------------------------------------------------------

    def _column(self, upper: float, cost: Decimal, *, integer: bool, lower: float = 0.0) -> int:
        self.lower.append(lower)
        self.upper.append(upper)
        self.integer.append(integer)
        self.exact.append(cost)
        return len(self.exact) - 1

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
                self._row(self.of(i), self._steps(source.minimum), self._steps(source.maximum))
            elif source.minimum or source.whole or need.whole:
                self._choose(i, source, most)
            else:
                self._row(self.of(i), 0, most)
        if need.whole:
            whole = self._steps(sum((tranche.quantity for tranche in self.tranches), ZERO))
            for i, source in enumerate(self.sources):
                if not source.fixed:
                    choice = self.choices[i]
                    self._row((*self.of(i), (choice, -float(whole))), 0, 0)

    def _choose(self, i: int, source: Source, most: int) -> None:
        """A source that is taken at its minimum (or whole) or not at all."""
        choice = self.choices[i] = self._column(1.0, ZERO, integer=True)
        least = most if source.whole else self._steps(source.minimum)
        self._row((*self.of(i), (choice, -float(most))), -INFINITE, 0)
        self._row((*self.of(i), (choice, -float(least))), 0, INFINITE)

    def _steps(self, quantity: Decimal) -> int:
        return int((quantity / self.step).to_integral_value(rounding=ROUND_FLOOR))

    def of(self, i: int) -> tuple[tuple[int, float], ...]:
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
                cells.extend((column, each) for column, _ in self.of(i))
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
                    found.setdefault(window.begins, []).extend((column, each) for column, _ in self.of(i))
        return found

    def _price_rows(self, stretch: Stretch) -> None:
        """What a price adds: on the columns themselves where it is straight, else by the segment that is reached."""
        left = sum((tranche.quantity for tranche in self.tranches), ZERO)
        most = min(
            sum((each * self.sources[i].maximum for i, each in stretch.each), ZERO),
            left * max(each for _, each in stretch.each),
        )
        found = segments(stretch, most, self.step)
        largest = max(each for _, each in stretch.each) * self.step  # Counts are stated in the largest step.
        cells = [
            (column, each * self.step)
            for i, each in stretch.each
            for (source, _), column in self.cells.items()
            if source == i
        ]
        if len(found) == 1:
            for column, each in cells:
                self.exact[column] += found[0].price * each * stretch.times
            return
        chosen: list[tuple[int, float]] = []
        counted: list[tuple[int, float]] = []
        for one in found:
            choice = self._column(1.0, one.base * stretch.times, integer=True)
            count = self._column(INFINITE, one.price * largest * stretch.times, integer=False)
            self._row(((count, 1.0), (choice, -float(one.upper / largest))), -INFINITE, 0)
            self._row(((count, 1.0), (choice, -float(one.lower / largest))), 0, INFINITE)
            chosen.append((choice, 1.0))
            counted.append((count, -1.0))
        self._row(chosen, 1, 1)
        self._row((*((column, float(each / largest)) for column, each in cells), *counted), 0, 0)

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
        cost = tuple(-1.0 if column in cells else 0.0 for column in range(len(self.exact)))
        return self._programme(cost)

    def costing(self, filled: Decimal) -> Programme:
        """Meet that much at least cost."""
        return self._programme(tuple(self.cost), (self._met(filled),))

    def breaking_ties(self, filled: Decimal, least: float) -> Programme:
        """Among the least costly, prefer sources in their order."""
        cost = [0.0] * len(self.exact)
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
        """Whether two sources may cost the same, so that a choice between them is left."""
        if self.priced:
            return True
        open_costs = [source.cost for source in self.sources if not source.fixed]
        return len(set(open_costs)) < len(open_costs)

    def filled(self, optimum: Optimum) -> Decimal:
        """How much a point meets."""
        return sum((round(optimum.values[column]) * self.step for column in self.cells.values()), ZERO)

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
