"""The least that an award can cost, by a program of the auditor's own."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal

from offtake.broker.events import NeedAwarded
from offtake.broker.ports import Programme, Row
from offtake.broker.terms import STEPS, Bid, Tranche
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Case, Held, flow, took
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.priced import bends, counted, total
from offtake.broker.verification.room import used_of, windows_of
from offtake.broker.verification.tally import MOMENTS, fullest, in_force, mean, windows_between
from offtake.domain.position import Position
from offtake.law.decide import Refusal, decide
from offtake.law.meters import burns
from offtake.law.primitives import Meter

UNBOUNDED = float("inf")
TOLERANCE = 1e-6  # Relative, of a program in floating point.


def short_of_least(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
    """The least that an award of as much can cost, by a program of the auditor's own."""
    program = _Least(audit, case)
    now = sum((grant.quantity for grant in event.grants), NOTHING)
    most = audit.optimiser.minimise(program.programme(filling=True), 0.0)
    if most is None:
        yield "no award is possible at all"
        return
    met = sum(most.values[: len(program.bids)]) * float(program.step) + float(program.taken)
    if met > float(now) + float(program.step) / 2:
        yield f"{met:g} could have been met, and {now} were"
    least = audit.optimiser.minimise(program.programme(at_least=now), 0.0)
    if least is None:
        yield f"nobody could have been awarded {now}"
        return
    best = float(program.fixed_cost) + least.objective * program.scale
    stated = event.objective_micros / 1e6
    room = max(abs(best), 1.0) * (float(audit.gap) + TOLERANCE)
    if stated < best - room:
        yield f"no award as large counts less than {best:.6f}, and this one states {stated:.6f}"
    if stated > best + room:
        yield f"an award for {best:.6f} was possible, and this one counts {stated:.6f}"
    if event.bound_micros / 1e6 > best + room:
        yield f"the bound of {event.bound_micros / 1e6:.6f} is above what is possible, {best:.6f}"


class _Least:
    """The auditor's program: steps of each bid, a choice for bids that are not divisible, and shortfalls.

    Price limits of tranches are nested, so they need no columns: what is dearer than a limit fits into the tranches
    that bear it, and what is within a limit fills the floors of those that do not.
    """

    def __init__(self, audit: Audit, case: Case) -> None:
        self.audit, self.case, self.rules = audit, case, audit.rules
        self.step = STEPS[case.need.measure]
        self.takes = [
            took(self.rules, case, told, part)
            for told in case.told
            if not told.became_lease
            for part in told.takes
        ]
        self.taken = sum((take.quantity for take in self.takes), NOTHING)
        self.bids = [self._left_of(bid) for bid in case.bids.values() if self._possible(bid)]
        self.units = [self._unit(bid) for bid in self.bids]
        self.costs = [self._cost(unit) for unit in self.units]
        self.fixed_cost = sum((self._cost(take) for take in self.takes), NOTHING)
        self.scale = float(max((cost * self.step for cost in self.costs), default=Decimal(1))) or 1.0
        self.rows: list[Row] = []
        self.extra: list[tuple[float, float, bool]] = []  # Cost, most and wholeness of prices and shortfalls.
        self._write()

    def _left_of(self, bid: Bid) -> Bid:
        """A bid without what holders matched of it."""
        return replace(bid, quantity=bid.quantity - self.case.matched(bid.id))

    def _unit(self, bid: Bid) -> Held:
        supply = self.rules.supply(bid.supply)
        amounts = self.rules.amounts(supply, self.case.need.measure, Decimal(1))
        supplier = supply.party or supply.provider or bid.bidder
        return Held(
            bid.id,
            self.case.need,
            supplier,
            bid.supply,
            Decimal(1),
            bid.price,
            bid.currency,
            bid.release_share,
            None,
            amounts,
        )

    def _cost(self, held: Held) -> Decimal:
        need = self.case.need
        return held.owes(self.rules, need.begins, need.ends, need.currency) or NOTHING

    def _possible(self, bid: Bid) -> bool:
        need, unit = self.case.need, self._unit(bid)
        if bid.valid_until is not None and bid.valid_until < self.audit.at:
            return False
        left = bid.quantity - self.case.matched(bid.id)
        if left <= 0 or left < (bid.quantity if bid.whole else bid.minimum):
            return False
        if self.rules.serves(self.rules.supply(bid.supply), need) is not None:
            return False
        if unit.owes(self.rules, need.begins, need.ends, need.currency) is None:
            return False
        position = Position(happened=(*self.rules.happened, *self.audit.books.happened))
        bare = replace(self.rules.law, meters=())
        return not isinstance(decide(bare, position, unit.action(self.rules)), Refusal)

    def _price(self, n: int) -> Decimal:
        return self.costs[n] / ((self.case.need.ends - self.case.need.begins).days * 24)

    def _row(self, cells: Sequence[tuple[int, float]], lower: float, upper: float) -> None:
        self.rows.append(Row(tuple(cells), lower, upper))

    def _write(self) -> None:
        count = len(self.bids)
        for n, bid in enumerate(self.bids):
            most, least = float(bid.quantity / self.step), float(bid.minimum / self.step)
            least = most if bid.whole else least
            self._row(((n, 1.0), (count + n, -most)), -UNBOUNDED, 0.0)
            self._row(((n, 1.0), (count + n, -least)), 0.0, UNBOUNDED)
            if self.case.need.whole:
                whole = float(self.case.need.quantity / self.step)
                self._row(((n, 1.0), (count + n, -whole)), 0.0, 0.0)
        self._tranches()
        self._pools()
        for meter in self.rules.law.meters:
            if meter.upper is not None and meter.measure in LEVEL_MEASURES:
                self._level(meter)
            elif meter.upper is not None:
                self._flow(meter)
        self._prices()
        self._shortfalls()

    def _prices(self) -> None:
        """Prices by tier: a part for each stretch between two bends, the next one open once this one is full."""
        first, need = 2 * len(self.bids), self.case.need
        granted = sum((grant.quantity for grant in self.case.grants), NOTHING)
        left = need.quantity - granted - self.taken
        for one in counted(self.audit, self.case, [*self.units, *self.takes]):
            each = one.added[: len(self.units)]
            base = one.before + sum(one.added[len(self.units) :], NOTHING)
            self.fixed_cost += (total(one.schedule, base) - total(one.schedule, one.before)) * one.times
            offered = (amount * bid.quantity for amount, bid in zip(each, self.bids, strict=True))
            most = min(sum(offered, NOTHING), max(each, default=NOTHING) * left)
            if most <= 0:
                continue
            unit = max(each) * self.step
            cells = [(n, float(amount * self.step / unit)) for n, amount in enumerate(each)]
            before: tuple[int, float] | None = None
            for bend in bends(one, base, most, [amount * self.step for amount in each]):
                part, width = first + len(self.extra), float(bend.width / unit)
                self.extra.append((float(bend.slope * one.times * unit) / self.scale, UNBOUNDED, False))
                opened = first + len(self.extra)
                self.extra.append((float(bend.jump * one.times) / self.scale, 1.0, True))
                self._row(((part, 1.0), (opened, -width)), -UNBOUNDED, 0.0)
                self._row(((part, 1.0), (opened, -float(bend.least / unit))), 0.0, UNBOUNDED)
                if before is not None:
                    last, full = before
                    self._row(((last, 1.0), (opened, -full)), 0.0, UNBOUNDED)
                before = part, width
                cells.append((part, -1.0))
            self._row(cells, 0.0, 0.0)

    def _tranches(self) -> None:
        granted = sum((grant.quantity for grant in self.case.grants), NOTHING)
        left = self.case.need.quantity - granted - self.taken
        every = [(n, 1.0) for n in range(len(self.bids))]
        self._row(every, 0.0, float(left / self.step))
        tranches: list[Tranche] = []
        for tranche in self.case.need.in_tranches():  # What was granted before filled the first ones.
            gone = min(granted, tranche.quantity)
            granted -= gone
            floor = max(tranche.floor - gone, NOTHING)
            tranches.append(replace(tranche, quantity=tranche.quantity - gone, floor=floor))
        for limit in {t.price_limit for t in tranches if t.price_limit is not None}:
            dear = [(n, 1.0) for n in range(len(self.bids)) if self._price(n) > limit]
            room = sum(
                (t.quantity for t in tranches if t.price_limit is None or t.price_limit > limit), NOTHING
            )
            self._row(dear, 0.0, float(room / self.step))
            cheap = [(n, 1.0) for n in range(len(self.bids)) if self._price(n) <= limit]
            floors = sum(
                (t.floor for t in tranches if t.price_limit is not None and t.price_limit <= limit), NOTHING
            )
            self._row(cheap, float(max(floors - self.taken, NOTHING) / self.step), UNBOUNDED)
        floors = sum((t.floor for t in tranches), NOTHING)
        self._row(every, float(max(floors - self.taken, NOTHING) / self.step), UNBOUNDED)

    def _pools(self) -> None:
        rules, need = self.rules, self.case.need
        others = [*self.audit.books.kept(rules, need.id), *self.takes]
        for pool_id in dict.fromkeys(rules.pool(rules.supply(unit.supply)).id for unit in self.units):
            pool = next(p for u in self.units if (p := rules.pool(rules.supply(u.supply))).id == pool_id)
            inside = (pool.begins is None or need.begins >= pool.begins) and (
                pool.ends is None or need.ends <= pool.ends
            )
            if inside and pool.steps is None:
                continue
            free: Decimal | None = None if inside else NOTHING
            for day, used in used_of(self.audit, pool, others, need.begins, need.ends) if inside else ():
                limit = [amount for since, amount in pool.steps or () if since <= day]
                room = (limit[-1] if limit else NOTHING) - used
                free = room if free is None else min(free, room)
            cells = [
                (n, float(unit.amounts.get(pool.measure, NOTHING) * self.step))
                for n, unit in enumerate(self.units)
                if rules.pool(rules.supply(unit.supply)).id == pool_id
            ]
            self._row(cells, -UNBOUNDED, float(max(free or NOTHING, NOTHING)))

    def _burning(self, meter: Meter) -> list[int]:
        return [
            n for n, unit in enumerate(self.units) if burns(meter, self.rules.law, unit.action(self.rules))
        ]

    def _level(self, meter: Meter) -> None:
        """A bound on a level: everything that shares a window of the meter with the need counts in it."""
        mine = self._burning(meter)
        if not mine:
            return
        begins, ends = in_force(meter, self.case.need.begins, self.case.need.ends)
        worst = max((read for _, read in self._reads(meter, begins, ends)), default=NOTHING)
        cells = [(n, float(self.units[n].amounts.get(meter.measure, NOTHING) * self.step)) for n in mine]
        self._row(cells, -UNBOUNDED, float(max((meter.upper or NOTHING) - worst, NOTHING)))

    def _reads(self, meter: Meter, begins: date, ends: date) -> Iterator[tuple[date, Decimal]]:
        """What a level reads, with what is kept for holders, in each window or on each day on which it changes."""
        rules, tally = self.rules, self.audit.tally
        if begins >= ends:
            return
        others = [
            (one.need.begins, one.until, one.amounts.get(meter.measure, NOTHING))
            for one in (*self.audit.books.kept(rules, self.case.need.id), *self.takes)
            if one.until > one.need.begins and burns(meter, rules.law, one.action(rules))
        ]

        def besides(first: date, last: date) -> Decimal:
            return sum((each for since, until, each in others if since < last and first < until), NOTHING)

        if meter.window in MOMENTS:
            more = {since for since, _, _ in others}
            level = tally.levels[meter.id]
            yield from fullest(level, lambda day: besides(day, day + timedelta(days=1)), more, begins, ends)
            return
        for window in windows_between(meter, begins, ends):
            read = tally.windowed.get((meter.id, window.begins), NOTHING)
            yield window.begins, read + besides(window.begins, window.ends or date.max)

    def _flow(self, meter: Meter) -> None:
        mine = self._burning(meter)
        for window, begins, ends in windows_of(meter, self.case, [self.units[n] for n in mine]):
            before = self.audit.tally.counted.get((meter.id, window.begins), NOTHING)
            before += sum(
                (
                    flow(self.rules, take, meter, begins, ends)
                    for take in self.takes
                    if burns(meter, self.rules.law, take.action(self.rules))
                ),
                NOTHING,
            )
            cells = [
                (n, float(flow(self.rules, self.units[n], meter, begins, ends) * self.step)) for n in mine
            ]
            self._row(cells, -UNBOUNDED, float(max((meter.upper or NOTHING) - before, NOTHING)))

    def _shortfalls(self) -> None:
        """What commitments of the need's party fall short by, in each window that a bid counts in."""
        need, law = self.case.need, self.rules.law
        first = 2 * len(self.bids)
        owed: dict[tuple[str, date], tuple[int, Decimal]] = {}
        meters = sorted(
            (m for m in law.meters if m.lower is not None and m.shortfall_price),
            key=lambda m: (m.within is None, m.id),
        )
        for meter in meters:
            if meter.payer not in (None, need.party) or meter.window in ("any-time", "minute"):
                continue
            mine = self._burning(meter)
            burning = [self.units[n] for n in mine]
            burning += [take for take in self.takes if burns(meter, law, take.action(self.rules))]
            for window, begins, ends in windows_of(meter, self.case, burning):
                rate = law.rates.rate(meter.currency or need.currency, need.currency, need.begins)
                if rate is None:
                    continue
                opens = max(window.begins, meter.scope.begins or date.min)
                closes = min(window.ends or date.max, meter.scope.ends or date.max)
                lower, hours = meter.lower or NOTHING, 1
                if meter.measure in LEVEL_MEASURES:
                    hours = 24 * (closes - opens).days
                elif meter.window != "term" and window.ends is not None:
                    lower = lower * (closes - opens).days / (window.ends - window.begins).days
                taken = self.audit.tally.counted.get((meter.id, window.begins), NOTHING)
                for take in self.takes:
                    if burns(meter, law, take.action(self.rules)):
                        taken += mean(self.rules, take, meter, window, begins, ends)
                column = first + len(self.extra)
                price = (meter.shortfall_price or NOTHING) * hours
                self.extra.append((float(price * rate) / self.scale, UNBOUNDED, False))
                cells = [
                    (n, float(mean(self.rules, self.units[n], meter, window, begins, ends) * self.step))
                    for n in mine
                ]
                cells += [
                    (other, float(paid))
                    for (id, start), (other, paid) in owed.items()
                    if meter.measure == "money"
                    and next(m for m in law.meters if m.id == id).within == meter.id
                    and window.begins <= start < (window.ends or date.max)
                ]
                owed[meter.id, window.begins] = column, price
                self._row((*cells, (column, 1.0)), float(lower - taken), UNBOUNDED)

    def programme(self, *, filling: bool = False, at_least: Decimal = NOTHING) -> Programme:
        """The question: how much can be met, or how little so much can cost."""
        bids, extra = len(self.bids), len(self.extra)
        columns = 2 * bids + extra
        cost = [-1.0] * bids + [0.0] * (columns - bids)
        if not filling:
            cost = [float(cost * self.step) / self.scale for cost in self.costs] + [0.0] * bids
            cost += [one for one, _, _ in self.extra]
        met = float((at_least - self.taken) / self.step)
        rows = list(self.rows)
        rows.append(Row(tuple((n, 1.0) for n in range(bids)), met if not filling else -UNBOUNDED, UNBOUNDED))
        upper = [float(bid.quantity / self.step) for bid in self.bids] + [1.0] * bids
        upper += [most for _, most, _ in self.extra]
        whole = [True] * (2 * bids) + [one for _, _, one in self.extra]
        if not columns:
            return Programme((0.0,), (0.0,), (0.0,), (True,), ())
        return Programme(tuple(cost), (0.0,) * columns, tuple(upper), tuple(whole), tuple(rows))
