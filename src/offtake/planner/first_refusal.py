"""Rights to be asked first, as data: the need of each tranche, what the holder offers, and what may go elsewhere.

Needs are computed from demand less what is contracted, before supply is chosen, so that the limit on what is taken
elsewhere, N − min(N, O), is a number and the program stays linear.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import floor

import numpy as np
from numpy.typing import NDArray

from offtake.domain.events import HolderAnswer
from offtake.domain.quantities import MEASURES, parse_figure
from offtake.law.facts import inference_facts
from offtake.law.force import supplied_by
from offtake.law.primitives import Procedure
from offtake.planner.counting import in_force
from offtake.planner.draft import Draft, LimitRows, WayColumns
from offtake.planner.instance import Bools, Floats, Instance, Payment, Way
from offtake.planner.program import ProgramBuilder
from offtake.planner.reading import Reading


@dataclass(frozen=True, slots=True)
class Tranche:
    """One offer to one holder: capacity that enters service in the periods of [begins, ends).

    `needed` is what is left for this holder after those before it, `offered` what it answered at a price that the
    clause admits, `elsewhere` the most that may be taken elsewhere; all in the procedure's measure.
    """

    procedure: Procedure
    begins: date
    ends: date
    periods: tuple[int, ...]
    needed: float
    offered: float
    price: float | None  # Money per accelerator-hour or unit-hour, if the answer states one.
    products: tuple[str, ...]
    binding: bool  # False: the holder offers nothing that counts, and the need is free to go elsewhere.

    @property
    def taken(self) -> float:
        """What the holder takes of the need: the smaller of need and offer, in the multiples of the clause."""
        amount = min(self.needed, self.offered)
        multiple = float(self.procedure.multiple or 0)
        if multiple and amount < self.needed:
            amount = floor(amount / multiple + 1e-9) * multiple
        return amount if amount >= float(self.procedure.minimum or 0) else 0.0

    @property
    def elsewhere(self) -> float:
        """N − min(N, O)."""
        return self.needed - self.taken


def tranches_of(reading: Reading, instance: Instance) -> tuple[Tranche, ...]:
    """Every tranche of every right over acquisitions, holders in the order of their rank, tranches in time."""
    found: list[Tranche] = []
    rights = [p for p in reading.law.procedures if p.over == "acquisition" and p.style in ("offer", "match")]
    for procedure in sorted(rights, key=lambda p: (p.rank, p.id)):
        held = in_force(procedure.scope, reading.position)
        if held is None:
            continue
        filed: list[
            tuple[int, float]
        ] = []  # Earlier needs: the period in which what was acquired ends, and how much.
        requirement = _requirement(reading, instance, procedure)
        for answer in _answers(reading, procedure):
            window = _window(instance, held, answer)
            if window is None:
                continue
            begins, ends, periods = window
            stated = None if answer.need is None else _quantity(procedure, answer.need)
            taken = {t: _taken_before(found, procedure, t) for t in periods}
            open_need = {
                t: float(requirement[t]) - sum(amount for until, amount in filed if t < until)
                for t in periods
            }
            whole = max(0.0, *open_need.values()) if stated is None else stated
            filed.append((_usual_end(instance, procedure, periods), whole))
            left = (open_need[t] - taken[t] for t in periods)
            needed = max(0.0, *left) if stated is None else max(0.0, stated - max(taken.values()))
            found.append(_tranche(reading, procedure, answer, begins, ends, periods, needed))
    return tuple(found)


def as_filed(tranches: tuple[Tranche, ...], filed: Sequence[Tranche]) -> tuple[Tranche, ...]:
    """The tranches with needs no lower than those filed before it was known how much would be needed: what is ordered
    on a need that was brought to its holder stands, whatever is needed in the end."""
    stated = {(one.procedure.id, one.begins): one.needed for one in filed}
    return tuple(
        replace(one, needed=max(one.needed, stated.get((one.procedure.id, one.begins), 0.0)))
        for one in tranches
    )


def _taken_before(found: list[Tranche], procedure: Procedure, period: int) -> float:
    """What holders who were asked before take of a need in the same measure: only the rest is offered to this one."""
    return sum(
        one.taken
        for one in found
        if period in one.periods
        and one.procedure.id != procedure.id
        and one.procedure.measure == procedure.measure
    )


def _answers(reading: Reading, procedure: Procedure) -> list[HolderAnswer]:
    """The holder's answers in order; silence that accepts is an answer without limit."""
    known = {procedure.id, procedure.origin.clause}
    found = sorted(
        (one for one in reading.estate.answers if one.clause in known), key=lambda one: one.begins or date.min
    )
    if not found and procedure.silence == "accepts":
        text = {"power": "1e9 MW"}.get(procedure.measure, "1e12")
        return [HolderAnswer(clause=procedure.origin.clause, offers=text)]
    return found


def _window(
    instance: Instance, held: tuple[date | None, date | None], answer: HolderAnswer
) -> tuple[date, date, tuple[int, ...]] | None:
    """The part of the answer's days in which the right is in force, and the periods that begin in it."""
    first, last = instance.calendar.periods[0].begins, instance.calendar.periods[-1].ends
    begins = max(day for day in (first, held[0], answer.begins) if day is not None)
    ends = min(day for day in (last, held[1], answer.ends) if day is not None)
    periods = tuple(n for n, p in enumerate(instance.calendar.periods) if begins <= p.begins < ends)
    return (begins, ends, periods) if periods else None


def _quantity(procedure: Procedure, text: str) -> float:
    return parse_figure(text, MEASURES[procedure.measure]).value


def _tranche(
    reading: Reading,
    procedure: Procedure,
    answer: HolderAnswer,
    begins: date,
    ends: date,
    periods: tuple[int, ...],
    needed: float,
) -> Tranche:
    offered, price, admitted = _quantity(procedure, answer.offers), None, True
    if answer.price is not None:
        kind = "price_unit_hour" if procedure.measure == "units" else "price_accelerator_hour"
        figure = parse_figure(answer.price, kind)
        price = reading.money.of(figure, begins)
        if procedure.maximum_price is not None:
            most = reading.in_estate_currency(float(procedure.maximum_price), procedure.currency)
            admitted = price <= most
    if procedure.threshold is not None and needed < float(procedure.threshold):
        admitted = False
    return Tranche(
        procedure,
        begins,
        ends,
        periods,
        needed,
        offered if admitted else 0.0,
        price,
        answer.products,
        admitted,
    )


def _requirement(reading: Reading, instance: Instance, procedure: Procedure) -> Floats:
    """(period,) the least capacity, in the procedure's measure, that covered demand needs beyond what is contracted.

    Every load counts at its most economical seat that the law permits and that stands or can be ordered in time,
    every run at an even rate on the fastest accelerator; the peak hour decides.
    """
    count = len(instance.calendar.periods)
    obtainable = _obtainable(instance)
    sizes = np.array([size_in(instance, procedure, a) for a in range(len(instance.pools))])
    needed = np.zeros((count, len(instance.hour_ids)))
    serving = instance.serving
    for j, load in enumerate(serving.loads):
        least = np.full(count, np.inf)
        for i, seat in enumerate(serving.seats):
            size = sizes[seat.pool]
            facts = inference_facts(reading.estate, load.workload, load.region, seat.model)
            if size > 0 and procedure.scope.covers.selects_workload(facts):
                usable = serving.permitted[i, j] & obtainable[seat.pool]
                use = np.where(usable, serving.use[i, j] * size, np.inf)
                least = np.minimum(least, use)
        needed += np.where(np.isfinite(least), least, 0.0)[:, None] * load.tokens_per_s
    for run in instance.runs:
        able = (run.flop_per_hour > 0) & run.permitted.any(axis=1) & (sizes > 0)
        hours = float((run.window * instance.calendar.hours()).sum())
        if able.any() and hours > 0 and procedure.scope.covers.selects_workload(run.facts):
            per_size = float((run.flop_per_hour[able] / sizes[able]).max())
            needed += np.where(run.window > 0, run.flop / per_size / hours, 0.0)[:, None]
    contracted = sum((pool.fixed * sizes[a] for a, pool in enumerate(instance.pools)), np.zeros(count))
    return np.maximum(needed.max(axis=1) - contracted, 0.0)


def _obtainable(instance: Instance) -> Bools:
    """(pool, period): whether capacity stands under contract, or some order can have it in service."""
    found = np.array([pool.fixed > 0 for pool in instance.pools])
    for way in instance.ways:
        found[way.pool] |= way.allowed if way.hourly else (way.in_service & way.allowed[:, None]).any(axis=0)
    return found


def _usual_end(instance: Instance, procedure: Procedure, periods: tuple[int, ...]) -> int:
    """The period in which what may enter service in these periods usually ends (the median): its need then arises
    again. Which supply is taken is not known when needs are computed."""
    ends: list[int] = []
    for way in instance.ways:
        if way.hourly or way.kind == "keep" or size_in(instance, procedure, way.pool) == 0:
            continue
        for o in np.flatnonzero(way.allowed):
            serves = np.flatnonzero(way.in_service[o])
            if len(serves) and int(serves[0]) in periods:
                ends.append(int(serves[-1]) + 1)
    return sorted(ends)[len(ends) // 2] if ends else len(instance.calendar.periods)


def size_in(instance: Instance, procedure: Procedure, pool: int) -> float:
    """Units of the procedure's measure per unit of a pool."""
    one = instance.pools[pool]
    if procedure.measure == "units":
        return float(one.unit == "units")
    if one.unit != "accelerators":
        return 0.0
    return one.power_mw if procedure.measure == "power" else 1.0


def with_offers(instance: Instance, tranches: tuple[Tranche, ...]) -> Instance:
    """The instance with the holders' prices in place of the products' in their tranches.

    An `offer` states its price; a `match` moves the supplier and not the price: the best of the market's holds.
    """
    ways = list(instance.ways)
    for tranche in tranches:
        if not tranche.binding:
            continue
        for n, way in enumerate(ways):
            if not _holders(tranche, instance, way) or way.kind not in ("reserve", "on-demand"):
                continue
            for o in _entering(way, tranche):
                price = tranche.price
                if tranche.procedure.style == "match":
                    price = _best_bid(instance, tranche, way, o)
                if price is not None:
                    ways[n] = _at_price(instance, ways[n], o, price)
    return replace(instance, ways=tuple(ways))


def _at_price(instance: Instance, way: Way, order: int, price: float) -> Way:
    hours = instance.calendar.hours()
    payments: list[Payment] = []
    for payment in way.payments:
        if payment.kind == "lease":
            amounts = payment.amounts.copy()
            amounts[order] = way.in_service[order] * hours * price
            payments.append(replace(payment, amounts=amounts))
        else:
            payments.append(payment)
    return replace(way, payments=tuple(payments))


def _best_bid(instance: Instance, tranche: Tranche, mine: Way, order: int) -> float | None:
    """The lowest hourly price at which another lessor of the same kind sells in an order period."""
    kind = instance.pools[mine.pool].accelerator
    hours = instance.calendar.hours()
    prices: list[float] = []
    for way in instance.ways:
        pool = instance.pools[way.pool]
        others = pool.accelerator == kind and not supplied_by(tranche.procedure.holder, pool.facts)
        if others and way.kind == mine.kind and way.allowed[order]:
            amounts = sum((p.amounts[order] for p in way.payments if p.kind == "lease"), np.zeros(len(hours)))
            served = way.in_service[order]
            if served.any() and amounts.any():
                prices.append(float(amounts.sum() / hours[served].sum()))
    return min(prices, default=None)


def _holders(tranche: Tranche, instance: Instance, way: Way) -> bool:
    pool = instance.pools[way.pool]
    if tranche.products:
        return pool.product in tranche.products or pool.site in tranche.products
    return supplied_by(tranche.procedure.holder, pool.facts)


def _entering(way: Way, tranche: Tranche) -> list[int]:
    """Order periods whose capacity enters service within the tranche."""
    found: list[int] = []
    for o in range(len(way.allowed)):
        serves = np.flatnonzero(way.in_service[o])
        if way.allowed[o] and len(serves) and int(serves[0]) in tranche.periods:
            found.append(o)
    return found


def add_tranche(draft: Draft, tranche: Tranche, asked_before: Sequence[Tranche] = ()) -> None:
    """The rows of a tranche: at most N − min(N, O) of new capacity elsewhere, and at most O from the holder.

    They hold in each of its periods for what entered service within it and serves then, so that a short lease may be
    renewed. What those take who were asked before is neither.
    """
    if not tranche.binding:
        return
    instance, builder, procedure = draft.instance, draft.builder, tranche.procedure
    unit = _row_unit(draft, procedure)
    label = f"{procedure.id} {tranche.begins.isoformat()}"
    axes = {"period": tuple(instance.calendar.labels[t] for t in tranche.periods), "hour": instance.hour_ids}
    if not any(columns.way.hourly for columns in draft.ways):
        del axes["hour"]
    elsewhere = builder.rows(
        f"elsewhere {label}", axes, upper=tranche.elsewhere / unit, source=procedure.origin.clause
    )
    holder = builder.rows(
        f"offered {label}", axes, upper=tranche.offered / unit, source=procedure.origin.clause
    )
    before = [one for one in asked_before if one.procedure.id != procedure.id]
    for columns in draft.ways:
        way = columns.way
        size = size_in(instance, procedure, way.pool) * columns.unit / unit
        if size == 0 or way.kind == "keep" or any(_holders(one, instance, way) for one in before):
            continue
        facts = instance.pools[way.pool].facts
        mine = _holders(tranche, instance, way)
        covered = procedure.scope.covers.selects_supply(facts) and not any(
            one.selects_supply(facts) for one in procedure.scope.excepts if one.supply_keys()
        )
        if mine or (covered and not supplied_by(procedure.holder, facts)):
            _count(builder, tranche, columns, (holder if mine else elsewhere).index, size)
    noun = "MW" if procedure.measure == "power" else procedure.measure
    for rows, words in (
        (elsewhere, f"{noun} taken elsewhere"),
        (holder, f"{noun} offered by {procedure.holder}"),
    ):
        draft.limits.append(
            LimitRows(
                rows,
                procedure.origin.clause,
                f"{words}, {tranche.begins.isoformat()} on",
                unit,
                procedure.measure,
                procedure.id,
            )
        )


def _count(
    builder: ProgramBuilder, tranche: Tranche, columns: WayColumns, rows: NDArray[np.int32], size: float
) -> None:
    """What a way has in service of what entered within a tranche, on rows by (period,) or (period, hour)."""
    way, periods = columns.way, list(tranche.periods)
    if way.hourly:
        builder.entries(rows, columns.ordered.index[periods], size)
        return
    orders = _entering(way, tranche)
    serves = way.in_service[np.ix_(orders, periods)] * size
    more = [1] * (rows.ndim - 1)
    ordered = columns.ordered.index[orders].reshape(-1, 1, *more)
    builder.entries(rows[None], ordered, serves.reshape(*serves.shape, *more))


def _row_unit(draft: Draft, procedure: Procedure) -> float:
    if procedure.measure == "power":
        return 1.0
    wanted = "units" if procedure.measure == "units" else "accelerators"
    sizes = [float(draft.scales.capacity[a]) for a, p in enumerate(draft.instance.pools) if p.unit == wanted]
    return sizes[0] if sizes else 1.0


def entered(
    instance: Instance,
    tranche: Tranche,
    quantities: dict[int, Floats],
    asked_before: Sequence[Tranche] = (),
) -> tuple[float, float]:
    """What a plan takes of a tranche (from the holder, elsewhere) at most, given what each way ordered by period."""
    mine, others = np.zeros(instance.slots), np.zeros(instance.slots)
    periods = list(tranche.periods)
    before = [one for one in asked_before if one.procedure.id != tranche.procedure.id]
    for n, way in enumerate(instance.ways):
        size = size_in(instance, tranche.procedure, way.pool)
        if size == 0 or way.kind == "keep" or n not in quantities:
            continue
        if way.hourly:
            amount = quantities[n] * size
        else:
            orders = _entering(way, tranche)
            amount = ((quantities[n][orders] @ way.in_service[orders]) * size)[:, None]
        if _holders(tranche, instance, way):
            mine += amount
        elif not supplied_by(tranche.procedure.holder, instance.pools[way.pool].facts) and not any(
            _holders(one, instance, way) for one in before
        ):
            others += amount
    return float(mine[periods].max()), float(others[periods].max())
