"""Whether an award follows: lawful by `decide`, within capacity and bounds, at the cost stated, and near the least."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from decimal import ROUND_HALF_EVEN, Decimal

from offtake.broker.events import NeedAwarded
from offtake.broker.library import Rules
from offtake.broker.ports import Optimiser, Programme, Row
from offtake.broker.terms import STEPS, Bid, Grant, Tranche
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Books, Case, Held, Told, flow, took
from offtake.domain.position import Approval, Discharge, Position, Reading
from offtake.domain.selection import Interval
from offtake.law.decide import Refusal, decide
from offtake.law.force import supplied_by, touches
from offtake.law.meters import burns
from offtake.law.primitives import Law, Meter, Procedure
from offtake.law.procedures import after
from offtake.law.windows import windows_over

UNBOUNDED = float("inf")
TOLERANCE = 1e-6  # Relative, of a program in floating point.


@dataclass(frozen=True, slots=True)
class Audit:
    """What an award is checked with."""

    rules: Rules
    books: Books
    optimiser: Optimiser
    gap: Decimal
    at: datetime


def faults(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
    """Everything that does not follow in an award; the first is enough."""
    if case.closed != "no" or case.waiting is not None:
        yield "the need is closed, or a holder may still answer"
        return
    leases = [_lease(audit.rules, case, grant) for grant in event.grants]
    yield from _quantities(case, event)
    yield from _sources(audit, case, event)
    yield from _law(audit, case, event.grants, leases)
    yield from _capacity(audit, case, leases)
    yield from _bounds(audit, case, leases)
    yield from _costs(audit, case, event, leases)
    yield from _least(audit, case, event)


def _lease(rules: Rules, case: Case, grant: Grant) -> Held:
    supply = rules.supply(grant.supply)
    amounts = rules.amounts(supply, case.need.measure, grant.quantity)
    return Held(
        grant.lease,
        case.need,
        grant.supplier,
        grant.supply,
        grant.quantity,
        grant.price,
        grant.currency,
        grant.release_share,
        None,
        amounts,
    )


def _quantities(case: Case, event: NeedAwarded) -> Iterator[str]:
    need = case.need
    before = sum((grant.quantity for grant in case.grants), NOTHING)
    now = sum((grant.quantity for grant in event.grants), NOTHING)
    if now <= 0 or any(grant.quantity <= 0 for grant in event.grants):
        yield "it grants nothing, or less"
    if before + now + event.unmet != need.quantity:
        yield f"{now} granted and {event.unmet} unmet do not add up to {need.quantity - before}"
    if before + now < need.minimum:
        yield f"{before + now} is less than the need's minimum of {need.minimum}"
    if need.whole and (len(event.grants) != 1 or now != need.quantity):
        yield "a need that must be whole was split"
    if len({grant.lease for grant in event.grants}) < len(event.grants):
        yield "two leases have one name"


def _sources(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
    takes = {
        (told.notice.id, part.supply): (told, part.quantity)
        for told in case.told
        if not told.became_lease
        for part in told.takes
    }
    for grant in event.grants:
        bid = case.bids.get(grant.source)
        taken = takes.pop((grant.source, grant.supply), None)
        if taken is not None:
            told, quantity = taken
            if grant.quantity != quantity or grant.price != told.price:
                yield f"{told.notice.holder} took {quantity} at {told.price}, and is granted {grant.quantity}"
        elif bid is None:
            yield f"{grant.source} is neither a bid nor a holder's take"
        else:
            yield from _within_bid(audit, bid, grant)
    for (notice, supply), (_, quantity) in takes.items():
        yield f"{quantity} that were taken at {supply} by {notice} are not granted"


def _within_bid(audit: Audit, bid: Bid, grant: Grant) -> Iterator[str]:
    if (grant.supply, grant.price, grant.currency) != (bid.supply, bid.price, bid.currency):
        yield f"the grant is not what {bid.id} offers"
    if grant.quantity > bid.quantity or grant.quantity < bid.minimum:
        yield f"{grant.quantity} is outside what {bid.id} offers"
    if bid.whole and grant.quantity != bid.quantity:
        yield f"{bid.id} was to be taken whole"
    if bid.valid_until is not None and bid.valid_until < audit.at:
        yield f"{bid.id} had ended"


# Law -------------------------------------------------------------------------------------------------------------


def _law(audit: Audit, case: Case, grants: Sequence[Grant], leases: Sequence[Held]) -> Iterator[str]:
    """Every grant is put to `decide`, on the position that the grants before it left."""
    law = audit.rules.law
    levels = _only(law, lambda meter: meter.measure in LEVEL_MEASURES)
    for n, (grant, lease) in enumerate(zip(grants, leases, strict=True)):
        position = _position(audit, case, grants[:n], leases[:n], lease)
        action = lease.action(audit.rules)
        asked = next((told.notice.quantity for told in case.told if told.notice.id == grant.source), None)
        total = lease.price * lease.quantity * 24 * (case.need.ends - case.need.begins).days
        found = decide(levels, position, replace(action, need_size=asked, money=total))
        if isinstance(found, Refusal):
            yield f"the law refuses {grant.lease}: {found.reasons[0].text}"
        elif found.obligations:
            one = found.obligations[0]
            yield f"{grant.lease} was granted before {one.who} was asked ({one.origin.clause})"


def _only(law: Law, wanted: Callable[[Meter], bool]) -> Law:
    return replace(law, meters=tuple(meter for meter in law.meters if wanted(meter)))


def _position(
    audit: Audit, case: Case, grants: Sequence[Grant], leases: Sequence[Held], lease: Held
) -> Position:
    rules, books = audit.rules, audit.books
    readings: list[Reading] = []
    for meter in rules.law.meters:
        if meter.upper is None or meter.measure not in LEVEL_MEASURES:
            continue
        if not burns(meter, rules.law, lease.action(rules)):
            continue
        for other in (*books.leases.values(), *books.kept(rules, case.need.id), *leases):
            amount = other.amounts.get(meter.measure, NOTHING)
            if amount and other.until > other.need.begins and burns(meter, rules.law, other.action(rules)):
                readings.append(Reading(meter.id, other.need.begins, other.until, amount))
        readings.extend(
            Reading(meter.id, one.begins, one.ends, one.amount)
            for one in books.readings.values()
            if one.id not in books.gone and one.primitive == meter.id
        )
    return Position(
        happened=(*rules.happened, *books.happened),
        readings=(*readings, *_noted(audit, case, lease)),
        discharges=tuple(_discharges(audit, case, grants, lease)),
        approvals=tuple(Approval(procedure, need) for procedure, need in books.approvals),
    )


def _noted(audit: Audit, case: Case, lease: Held) -> Iterator[Reading]:
    """The rest of this need, and the other needs that count with it toward a right's threshold."""
    for procedure in audit.rules.law.procedures:
        if procedure.threshold is None or procedure.over != "acquisition":
            continue
        ratio = _ratio(procedure, case, lease)
        others = NOTHING
        if procedure.aggregates_within is not None:
            others = sum(
                (size for id, size in countable(audit, procedure) if id != case.need.id),
                NOTHING,
            )
        amount = others + (case.need.quantity - lease.quantity) * ratio
        yield Reading(procedure.id, case.need.begins, case.need.ends, amount)


def countable(audit: Audit, procedure: Procedure) -> list[tuple[str, Decimal]]:
    """Open needs within a right's aggregation window, each with what is not contracted of it in the right's measure."""
    found: list[tuple[str, Decimal]] = []
    today = audit.at.date()
    for id, case in audit.books.cases.items():
        within = procedure.aggregates_within
        works = audit.rules.calendars(procedure.calendar)
        if case.closed != "no" or (within is not None and today >= after(within, case.filed.date(), works)):
            continue
        concerned = over(audit, procedure, case)
        if concerned is not None:
            granted = sum((grant.quantity for grant in case.grants), NOTHING)
            found.append((id, (case.need.quantity - granted) * _ratio(procedure, case, concerned)))
    return found


def over(audit: Audit, procedure: Procedure, case: Case) -> Held | None:
    """The first supply at which a need would have to be offered to a holder first; None if there is none."""
    rules = audit.rules
    position = Position(happened=(*rules.happened, *audit.books.happened))
    for id, supply in rules.supplies.items():
        if (
            procedure.style == "approve"
            or procedure.over != "acquisition"
            or supplied_by(procedure.holder, supply)
        ):
            continue
        if rules.serves(supply, case.need) is not None:
            continue
        amounts = rules.amounts(supply, case.need.measure, case.need.quantity)
        whole = Held(
            "",
            case.need,
            supply.party or "",
            id,
            case.need.quantity,
            NOTHING,
            case.need.currency,
            Decimal(1),
            None,
            amounts,
        )
        if touches(procedure.scope, position, whole.action(rules)):
            return whole
    return None


def _ratio(procedure: Procedure, case: Case, lease: Held) -> Decimal:
    """A unit of the need's measure in the right's measure, at a supply."""
    if procedure.measure == case.need.measure:
        return Decimal(1)
    mine, other = lease.amounts.get(case.need.measure), lease.amounts.get(procedure.measure)
    return other / mine if mine and other else Decimal(1)


def _discharges(audit: Audit, case: Case, grants: Sequence[Grant], lease: Held) -> Iterator[Discharge]:
    rights = {procedure.id: procedure for procedure in audit.rules.law.procedures}
    for told in case.latest:
        right = rights.get(told.notice.procedure)
        if told.outcome == "open" or right is None:
            continue
        left = told.notice.quantity - told.took
        for other in case.latest:
            peer = rights.get(other.notice.procedure)
            if peer is not None and peer.rank == right.rank and peer.id < right.id:
                left += other.took
        for grant in (*case.grants[told.awarded_before :], *grants):
            if _elsewhere(rights, case, grant, right):
                left -= grant.quantity
        yield Discharge(
            told.notice.id,
            right.id,
            case.need.id,
            max(left, NOTHING) * _ratio(right, case, lease),
            case.need.begins,
            case.need.ends,
        )


def _elsewhere(rights: dict[str, Procedure], case: Case, grant: Grant, right: Procedure) -> bool:
    told: Told | None = next((one for one in case.told if one.notice.id == grant.source), None)
    peer = None if told is None else rights.get(told.notice.procedure)
    return peer is None or (peer.id != right.id and peer.rank >= right.rank)


# Capacity and bounds ---------------------------------------------------------------------------------------------


def _capacity(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[str]:
    """On no day more than a supply has, with everything else that is held added up."""
    rules = audit.rules
    others = [*audit.books.leases.values(), *audit.books.kept(rules, case.need.id), *leases]
    for pool_id in dict.fromkeys(rules.pool(rules.supply(lease.supply)).id for lease in leases):
        pool = next(p for lease in leases if (p := rules.pool(rules.supply(lease.supply))).id == pool_id)
        if pool.steps is None:
            continue
        here = [one for one in others if rules.pool(rules.supply(one.supply)).id == pool_id]
        begins, ends = case.need.begins, case.need.ends
        days = {begins, *(day for day, _ in pool.steps), *(one.need.begins for one in here)}
        for day in sorted(day for day in days if begins <= day < ends):
            limit = [amount for since, amount in pool.steps if since <= day]
            used = sum((one.amounts.get(pool.measure, NOTHING) for one in here if one.on(day)), NOTHING)
            if used > (limit[-1] if limit else NOTHING):
                yield f"{pool_id} has {limit[-1] if limit else 0} {pool.measure} on {day}, and {used} are in use"
                return


def _bounds(audit: Audit, case: Case, leases: Sequence[Held]) -> Iterator[str]:
    """Upper bounds on hours and money, window by window, everything added up again."""
    rules = audit.rules
    for meter in rules.law.meters:
        if meter.upper is None or meter.measure in LEVEL_MEASURES:
            continue
        mine = [lease for lease in leases if burns(meter, rules.law, lease.action(rules))]
        for window, begins, ends in _windows(meter, case, mine):
            before = audit.books.counted(rules, meter, window.begins, window.ends or date.max)
            added = sum((flow(rules, lease, meter, begins, ends) for lease in mine), NOTHING)
            if added > 0 and before + added > meter.upper:
                total = before + added
                yield f"{meter.origin.clause} allows {meter.upper} from {window.begins}, and {total} are counted"
                return


def _windows(meter: Meter, case: Case, mine: Sequence[Held]) -> Iterator[tuple[Interval, date, date]]:
    if not mine:
        return
    begins = max(case.need.begins, meter.scope.begins or date.min)
    ends = min(case.need.ends, meter.scope.ends or date.max)
    if begins < ends:
        for window in windows_over(meter.window, begins, ends):
            yield window, max(begins, window.begins), min(ends, window.ends or ends)


# Cost ------------------------------------------------------------------------------------------------------------


def _micros(amount: Decimal) -> int:
    return int((amount * 1_000_000).to_integral_value(rounding=ROUND_HALF_EVEN))


def _costs(audit: Audit, case: Case, event: NeedAwarded, leases: Sequence[Held]) -> Iterator[str]:
    need, total = case.need, NOTHING
    for grant, lease in zip(event.grants, leases, strict=True):
        owed = lease.owes(audit.rules, need.begins, need.ends, need.currency)
        if owed is None:
            yield f"no rate leads from {lease.currency} to {need.currency}"
            return
        if abs(_micros(owed) - grant.cost_micros) > 1:
            yield f"{grant.lease} costs {_micros(owed)} millionths, not {grant.cost_micros}"
        total += owed
    if abs(_micros(total) - event.cost_micros) > 1:
        yield f"the award costs {_micros(total)} millionths, not {event.cost_micros}"


def _least(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
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
        self.bids = [bid for bid in case.bids.values() if self._possible(bid)]
        self.units = [self._unit(bid) for bid in self.bids]
        self.costs = [self._cost(unit) for unit in self.units]
        self.fixed_cost = sum((self._cost(take) for take in self.takes), NOTHING)
        self.scale = float(max((cost * self.step for cost in self.costs), default=Decimal(1))) or 1.0
        self.rows: list[Row] = []
        self.extra: list[float] = []  # Costs of shortfalls.
        self._write()

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
        self._shortfalls()

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
        others = [*self.audit.books.leases.values(), *self.audit.books.kept(rules, need.id), *self.takes]
        for pool_id in dict.fromkeys(rules.pool(rules.supply(unit.supply)).id for unit in self.units):
            pool = next(p for u in self.units if (p := rules.pool(rules.supply(u.supply))).id == pool_id)
            inside = (pool.begins is None or need.begins >= pool.begins) and (
                pool.ends is None or need.ends <= pool.ends
            )
            if inside and pool.steps is None:
                continue
            here = [one for one in others if rules.pool(rules.supply(one.supply)).id == pool_id]
            days = {need.begins, *(day for day, _ in pool.steps or ()), *(one.need.begins for one in here)}
            free: Decimal | None = None if inside else NOTHING
            for day in (day for day in days if inside and need.begins <= day < need.ends):
                limit = [amount for since, amount in pool.steps or () if since <= day]
                used = sum((one.amounts.get(pool.measure, NOTHING) for one in here if one.on(day)), NOTHING)
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
        rules, books = self.rules, self.audit.books
        others = [*books.leases.values(), *books.kept(rules, self.case.need.id), *self.takes]
        counting = [
            (one.need.begins, one.until, one.amounts.get(meter.measure, NOTHING))
            for one in others
            if one.until > one.need.begins and burns(meter, rules.law, one.action(rules))
        ]
        counting += [
            (one.begins, one.ends, one.amount)
            for one in books.readings.values()
            if one.id not in books.gone and one.primitive == meter.id
        ]
        worst = NOTHING
        for window, begins, ends in _moments(meter, self.case, counting):
            del begins, ends
            read = sum(
                (
                    amount
                    for since, until, amount in counting
                    if since < (window.ends or date.max) and window.begins < until
                ),
                NOTHING,
            )
            worst = max(worst, read)
        cells = [(n, float(self.units[n].amounts.get(meter.measure, NOTHING) * self.step)) for n in mine]
        self._row(cells, -UNBOUNDED, float(max((meter.upper or NOTHING) - worst, NOTHING)))

    def _flow(self, meter: Meter) -> None:
        mine = self._burning(meter)
        for window, begins, ends in _windows(meter, self.case, [self.units[n] for n in mine]):
            before = self.audit.books.counted(self.rules, meter, window.begins, window.ends or date.max)
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
            for window, begins, ends in _windows(meter, self.case, burning):
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
                taken = self.audit.books.counted(self.rules, meter, window.begins, window.ends or date.max)
                for take in self.takes:
                    if burns(meter, law, take.action(self.rules)):
                        taken += _mean(self.rules, take, meter, window, begins, ends)
                column = first + len(self.extra)
                price = (meter.shortfall_price or NOTHING) * hours
                self.extra.append(float(price * rate) / self.scale)
                cells = [
                    (n, float(_mean(self.rules, self.units[n], meter, window, begins, ends) * self.step))
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
            cost = [float(cost * self.step) / self.scale for cost in self.costs] + [0.0] * bids + self.extra
        met = float((at_least - self.taken) / self.step)
        rows = list(self.rows)
        rows.append(Row(tuple((n, 1.0) for n in range(bids)), met if not filling else -UNBOUNDED, UNBOUNDED))
        upper = [float(bid.quantity / self.step) for bid in self.bids] + [1.0] * bids + [UNBOUNDED] * extra
        whole = [True] * (2 * bids) + [False] * extra
        if not columns:
            return Programme((0.0,), (0.0,), (0.0,), (True,), ())
        return Programme(tuple(cost), (0.0,) * columns, tuple(upper), tuple(whole), tuple(rows))


def _mean(rules: Rules, held: Held, meter: Meter, window: Interval, begins: date, ends: date) -> Decimal:
    """What a lease counts in a window of a commitment: a level as its mean over the days that the meter is in force."""
    if meter.measure not in LEVEL_MEASURES:
        return flow(rules, held, meter, begins, ends)
    opens = max(window.begins, meter.scope.begins or date.min)
    closes = min(window.ends or date.max, meter.scope.ends or date.max)
    return held.amounts.get(meter.measure, NOTHING) * held.hours(begins, ends) / (24 * (closes - opens).days)


def _moments(
    meter: Meter, case: Case, counting: Sequence[tuple[date, date, Decimal]]
) -> Iterator[tuple[Interval, date, date]]:
    """The windows that a need touches; of a meter without one, the days on which something more begins to count."""
    begins = max(case.need.begins, meter.scope.begins or date.min)
    ends = min(case.need.ends, meter.scope.ends or date.max)
    if begins >= ends:
        return
    if meter.window not in ("any-time", "minute"):
        for window in windows_over(meter.window, begins, ends):
            yield window, begins, ends
        return
    for day in sorted({begins, *(since for since, _, _ in counting if begins < since < ends)}):
        yield Interval(day, date.fromordinal(day.toordinal() + 1)), begins, ends
