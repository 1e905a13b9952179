"""What binds: the tightest limits with the worth of one more unit, and why need is left unmet."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from offtake.domain.handoffs import LimitRow, UnmetRow
from offtake.domain.selection import Interval
from offtake.law.facts import inference_facts
from offtake.law.masks import forbidding
from offtake.law.primitives import Law, Origin
from offtake.planner.answer import Answer
from offtake.planner.instance import Floats
from offtake.planner.program import ABSENT
from offtake.planner.reading import Reading
from offtake.planner.tables import SLIVER, cents, tidy

TIGHTEST = 10
LEAST_WORTH = 1e-7  # Of a limit's price in program units: less is the solver's tolerance.


def origins_of(law: Law) -> dict[str, Origin]:
    """Where each clause is written."""
    primitives = (*law.masks, *law.meters, *law.procedures, *law.prices)
    return {primitive.origin.clause: primitive.origin for primitive in primitives}


def limit_rows(reading: Reading, answer: Answer, most: int = TIGHTEST) -> tuple[LimitRow, ...]:
    """The limits worth most in all, each with the period in which one more unit is worth most.

    A limit's whole worth is the price of its rows times their bounds; a unit's worth is discounted to the start.
    """
    formulation, solution = answer.formulation, answer.solution
    law = reading.law
    by_id = {one.id: one.origin for one in (*law.masks, *law.meters, *law.procedures, *law.prices)}
    ranked: list[tuple[float, int, LimitRow]] = []
    for n, limit in enumerate(formulation.limits):
        index = limit.rows.index
        present = index != ABSENT
        if not present.any():
            continue
        dual = np.where(present, np.abs(solution.row_dual[index]), 0.0)
        if dual.max() < LEAST_WORTH:
            continue
        bound = np.where(present, _bound(answer, index), 0.0)
        at = int(np.argmax(dual))
        place = np.unravel_index(at, index.shape)
        period = limit.rows.axes[0][1][int(place[0])] if limit.rows.axes else ""
        origin = by_id.get(limit.meter or "")
        per_unit = float(dual.ravel()[at]) * formulation.scales.money / limit.unit
        row = LimitRow(
            source=limit.source,
            what=limit.noun,
            period=period,
            unit="MW" if limit.measure == "power" else limit.measure,
            worth_cents_per_unit=tidy(per_unit * 100),
            document=None if origin is None else origin.document,
            section=None if origin is None else origin.section,
        )
        ranked.append((-float((dual * np.maximum(np.abs(bound), 1.0)).sum()), n, row))
    return tuple(row for _, _, row in sorted(ranked, key=lambda one: one[:2])[:most])


def _bound(answer: Answer, index: NDArray[np.int32]) -> Floats:
    program = answer.formulation.program
    upper, lower = program.row_upper[index], program.row_lower[index]
    return np.where(np.isfinite(upper), upper, np.where(np.isfinite(lower), lower, 0.0))


@dataclass(frozen=True, slots=True)
class _Why:
    text: str
    clause: str | None = None


def unmet_rows(reading: Reading, answer: Answer) -> tuple[UnmetRow, ...]:
    """Need left by load and period, and by run, each with its cause."""
    return (*_unmet_loads(reading, answer), *_undone_runs(reading, answer))


def _unmet_loads(reading: Reading, answer: Answer) -> Iterator[UnmetRow]:
    instance = answer.formulation.instance
    hours = instance.calendar.hours()
    causes = _Causes(reading, answer)
    for j, load in enumerate(instance.serving.loads):
        mean = answer.unmet[j] @ instance.hour_weights
        demand = load.tokens_per_s @ instance.hour_weights
        for t in np.flatnonzero(mean > SLIVER * np.maximum(demand, SLIVER)):
            why = causes.of_load(j, int(t))
            yield UnmetRow(
                workload=load.workload,
                client_region=load.region,
                period=instance.calendar.labels[t],
                share=tidy(mean[t] / demand[t]),
                tokens_per_s=tidy(mean[t]),
                worth_cents=cents(mean[t] * hours[t] * 3600.0 * load.worth_per_token),
                why=why.text,
                clause=why.clause,
            )


def _undone_runs(reading: Reading, answer: Answer) -> Iterator[UnmetRow]:
    causes = _Causes(reading, answer)
    for r, (columns, undone) in enumerate(zip(answer.formulation.runs, answer.undone, strict=True)):
        if undone > SLIVER:
            why = causes.of_run(r)
            yield UnmetRow(
                workload=columns.run.id,
                client_region=None,
                period=None,
                share=tidy(undone),
                tokens_per_s=0.0,
                worth_cents=cents(undone * (columns.run.worth or 0.0)),
                why=why.text,
                clause=why.clause,
            )


class _Causes:
    """Traces need that is left to the limit that stands in its way, by the prices of the rows its supply would use."""

    def __init__(self, reading: Reading, answer: Answer) -> None:
        self.reading, self.answer = reading, answer
        self.known = origins_of(reading.law)
        program = answer.formulation.program
        self.noun: dict[int, tuple[str, str]] = {}
        for limit in answer.formulation.limits:
            for row in limit.rows.index.ravel():
                self.noun[int(row)] = (limit.source, limit.noun)
        self.program = program
        self.dual = answer.solution.row_dual

    def of_load(self, j: int, t: int) -> _Why:
        serving = self.answer.formulation.instance.serving
        seats = np.flatnonzero(serving.permitted[:, j, t])
        if not len(seats):
            return self._forbidden(j, t)
        columns = [column for i in seats for column in self._serving(int(i), j, t)]
        return self._scarce([serving.seats[int(i)].pool for i in seats], t, columns)

    def _serving(self, seat: int, load: int, t: int) -> list[int]:
        """The columns by which a seat serves a load in a period."""
        formulation = self.answer.formulation
        serving, merged = formulation.serving, int(formulation.merge.group_of[load])
        direct = np.flatnonzero(serving.direct_supplies == seat)
        found: list[NDArray[np.int32]] = [serving.serve.index[place, merged, t] for place in direct]
        if serving.give is not None and serving.carry is not None:
            pooled, alike = np.flatnonzero(serving.pooled_supplies == seat), serving.block.class_of[merged]
            found.extend(serving.give.index[place, alike, t] for place in pooled)
            for place, station in enumerate(serving.stations):
                if seat in station.supplies:
                    found.append(serving.carry.index[place, merged, t])
        return [int(column) for index in found for column in index if column != ABSENT]

    def of_run(self, r: int) -> _Why:
        run = self.answer.formulation.instance.runs[r]
        able = np.flatnonzero((run.flop_per_hour > 0) & run.permitted.any(axis=1))
        if not len(able):
            if (run.flop_per_hour > 0).any():
                return _Why("no supply is permitted for it")
            return _Why("no accelerator of the estate can run it")
        last = int(np.flatnonzero(run.window)[-1])
        return self._scarce([int(a) for a in able], last)

    def _forbidden(self, j: int, t: int) -> _Why:
        """No seat is permitted: the clauses that forbid those that could serve."""
        instance, estate = self.answer.formulation.instance, self.reading.estate
        load, period = instance.serving.loads[j], instance.calendar.periods[t]
        interval = Interval(period.begins, period.ends)
        clauses: dict[str, int] = {}
        accepted = getattr(estate.workloads[load.workload], "models", ())
        seats = [seat for seat in instance.serving.seats if seat.model in accepted]
        if not seats:
            return _Why("no supply of the estate serves a model that it accepts")
        for seat in seats:
            facts = inference_facts(estate, load.workload, load.region, seat.model)
            for action in ("place", "process"):
                for origin in forbidding(
                    self.reading.law, facts, seat.supply, action, interval, self.reading.position
                ):
                    clauses[origin.clause] = clauses.get(origin.clause, 0) + 1
        if not clauses:
            return _Why("no supply that may serve it is sold then")
        first = min(clauses, key=lambda clause: (-clauses[clause], clause))
        return _Why(f"no permitted supply: {', '.join(sorted(clauses))}", first)

    def _scarce(self, pools: list[int], t: int, serving: Sequence[int] = ()) -> _Why:
        """Supply is permitted, and there is not enough of it: the dearest limit on its use or on adding to it."""
        formulation = self.answer.formulation
        prices: dict[str, tuple[float, str]] = {}
        addable = False
        for column in serving:
            self._add(column, prices)
        for columns in formulation.ways:
            way = columns.way
            if way.pool not in pools:
                continue
            orders = [t] if way.hourly else np.flatnonzero(way.in_service[:, t] & way.allowed)
            for o in orders:
                for column in np.atleast_1d(columns.ordered.index[o]):
                    if column != ABSENT:
                        addable = True
                        self._add(int(column), prices)
        sold = [
            formulation.instance.pools[a] for a in pools if formulation.instance.pools[a].unit == "tokens/s"
        ]
        if not addable and not prices and not sold:
            return _Why("no capacity can be added in time, and what stands is full")
        if not prices and sold and all(pool.limited for pool in sold):
            names = ", ".join(sorted({pool.id for pool in sold}))
            return _Why(f"no more tokens are sold at a time ({names})")
        if not prices:
            return _Why("serving it costs more than it is worth")
        source = min(prices, key=lambda one: (-prices[one][0], one))
        clause = source if source in self.known else None
        return _Why(f"{prices[source][1]} ({source})", clause)

    def _add(self, column: int, prices: dict[str, tuple[float, str]]) -> None:
        program = self.program
        begin, end = program.start[column], program.start[column + 1]
        for row, value in zip(program.index[begin:end], program.value[begin:end], strict=True):
            named = self.noun.get(int(row))
            worth = abs(float(self.dual[row] * value))
            if named is not None and worth > LEAST_WORTH:
                prices[named[0]] = (max(worth, prices.get(named[0], (0.0, ""))[0]), f"not enough {named[1]}")
