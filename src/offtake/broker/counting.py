"""What leases and readings count on the law's meters, and what of a supply they use."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from immutables import MapMutation

from offtake.broker.library import Burnt, Rules
from offtake.broker.profile import ZERO, Profile
from offtake.broker.state import Draft, PostedReading, State, Window
from offtake.broker.terms import Lease
from offtake.domain.clauses import Measure
from offtake.domain.selection import NOBODY, Action, Interval, WorkloadFacts
from offtake.law.meters import burns
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.windows import window_at, windows_over

# Levels stand on every day of a lease; what flows adds up over its days.
LEVELS: Final[frozenset[Measure]] = frozenset({"accelerators", "power", "units", "token-rate"})
MOMENTS: Final = ("any-time", "minute")  # Windows that are held as days.
HOURS_PER_DAY: Final = 24
ONE_DAY: Final = timedelta(days=1)
EMPTY: Final = Profile()
MOST_KEPT: Final = 4096  # Of who leases what: beyond it the meters of each are looked up anew.


def acquisition(rules: Rules, lease: Lease, workload: WorkloadFacts = NOBODY) -> Action:
    """A lease as the law sees it: capacity acquired for the whole term."""
    return Action(
        "acquire",
        Interval(lease.begins, lease.ends),
        actor=lease.tenant,
        counterparty=lease.supplier,
        workload=workload,
        supply=rules.supply(lease.supply),
        quantities=lease.amounts,
        currency=lease.currency,
        spending="lease",
    )


def charge(lease: Lease, begins: date, ends: date) -> Decimal:
    """What a lease owes for the days of [begins, ends), in its currency: in full while it is held, and the share that
    its terms keep after a release."""
    low, high = max(begins, lease.begins), min(ends, lease.ends)
    if high <= low:
        return ZERO
    held = max((min(high, lease.held_until) - low).days, 0)
    given_back = (high - max(low, lease.held_until)).days if high > lease.held_until else 0
    per_day = lease.price * lease.quantity * HOURS_PER_DAY
    return per_day * held + per_day * given_back * lease.release_share


def charge_in(rules: Rules, lease: Lease, begins: date, ends: date, currency: str | None) -> Decimal | None:
    """A charge in another currency, month by month at the rate of each part's first day; None without a rate."""
    if currency is None or currency == lease.currency:
        return charge(lease, begins, ends)
    found = ZERO
    for low, high in months(max(begins, lease.begins), min(ends, lease.ends)):
        rate = rules.law.rates.rate(lease.currency, currency, low)
        if rate is None:
            return None
        found += charge(lease, low, high) * rate
    return found


def months(begins: date, ends: date) -> Iterator[tuple[date, date]]:
    """[begins, ends) cut at the first days of months."""
    while begins < ends:
        following = window_at("month", begins).ends or ends
        yield begins, min(following, ends)
        begins = following


def flows(rules: Rules, lease: Lease, meter: Meter) -> Iterator[tuple[Interval, Interval, Decimal | None]]:
    """What a lease counts on a meter that it burns, window by window: the window, the days of it, and the amount (the
    mean over the window for a level; None for money that no rate converts)."""
    begins = max(lease.begins, meter.scope.begins or date.min)
    ends = min(lease.ends, meter.scope.ends or date.max)
    if ends <= begins:
        return
    for window in windows_in(meter, begins, ends):
        opens = max(window.begins, begins)
        closes = ends if window.ends is None else min(window.ends, ends)
        yield window, Interval(opens, closes), flow_over(rules, lease, meter, window, opens, closes)


def flow_over(
    rules: Rules, lease: Lease, meter: Meter, window: Interval, opens: date, closes: date
) -> Decimal | None:
    """What a lease counts on a meter on the days [opens, closes) of a window. On a commitment days that were given back
    count by the share of them that stays owed: they are paid for, and not billed again as a shortfall."""
    if meter.measure == "money":
        return charge_in(rules, lease, opens, closes, meter.currency)
    days = Decimal(max((min(closes, lease.held_until) - opens).days, 0))
    if meter.lower is not None and closes > lease.held_until:
        days += (closes - max(opens, lease.held_until)).days * lease.release_share
    amounts = dict(lease.amounts)
    if meter.measure == "accelerator-hours":
        return amounts.get("accelerators", ZERO) * HOURS_PER_DAY * days
    if meter.measure in LEVELS and window.ends is not None:
        return amounts.get(meter.measure, ZERO) * days / window_days(meter, window)
    return ZERO


def window_days(meter: Meter, window: Interval) -> int:
    """The days of a window on which a meter is in force."""
    begins = max(window.begins, meter.scope.begins or date.min)
    ends = min(window.ends or date.max, meter.scope.ends or date.max)
    return max((ends - begins).days, 0)


def with_lease(state: State, rules: Rules, lease: Lease, sign: int) -> State:
    """The state with a lease counted (1), or no longer counted (-1), on capacity and on every meter that it burns."""
    draft = Draft(state)
    count_lease(draft, rules, lease, sign)
    return draft.finish()


def with_hold(state: State, rules: Rules, hold: Lease, sign: int) -> State:
    """The state with a hold counted: it keeps capacity and room under levels, and nothing has been taken by it."""
    draft = Draft(state)
    count_hold(draft, rules, hold, sign)
    return draft.finish()


def count_lease(draft: Draft, rules: Rules, lease: Lease, sign: int) -> None:
    """Counts a lease (1), or no longer counts it (-1), on capacity and on every meter that it burns."""
    _in_pool(draft, rules, lease, sign)
    on_meters(draft, rules, lease, sign)


def count_hold(draft: Draft, rules: Rules, hold: Lease, sign: int) -> None:
    """Counts a hold on capacity and levels."""
    _in_pool(draft, rules, hold, sign)
    on_meters(draft, rules, hold, sign, flowing=False)


def _in_pool(draft: Draft, rules: Rules, lease: Lease, sign: int) -> None:
    pool = rules.pool(rules.supply(lease.supply))
    used = dict(lease.amounts).get(pool.measure, ZERO) * sign
    profile = draft.pools.get(pool.id, EMPTY)
    draft.pools[pool.id] = profile.plus(used, lease.begins, lease.held_until)


def on_meters(draft: Draft, rules: Rules, lease: Lease, sign: int, *, flowing: bool = True) -> None:
    """Counts a lease on meters alone; on what adds up over time only if it is `flowing`."""
    amounts = dict(lease.amounts)
    begins, until = lease.begins, lease.held_until
    meters, counters = burnt(rules, lease, _workload_of(draft, rules, lease))
    for meter in meters:
        if meter.measure in LEVELS and meter.upper is not None and until > begins:
            amount = amounts.get(meter.measure, ZERO) * sign
            if meter.window in MOMENTS:
                draft.levels[meter.id] = draft.levels.get(meter.id, EMPTY).plus(amount, begins, until)
            else:
                for window in windows_in(meter, begins, until):
                    _add(draft.windowed, (meter.id, window.begins), amount)
        if flowing and (meter.measure not in LEVELS or meter.lower is not None):
            for window, _, flow in flows(rules, lease, meter):
                _add(draft.flows, (meter.id, window.begins), (flow or ZERO) * sign)
    if flowing:
        _on_prices(draft, rules, lease, counters, sign)


def _on_prices(
    draft: Draft, rules: Rules, lease: Lease, counters: Sequence[tuple[PriceSchedule, Meter]], sign: int
) -> None:
    """Counts a lease on the prices that it is owed for: a level on its days, else window by window."""
    for schedule, meter in counters:
        if meter.measure in LEVELS:
            begins, ends = in_scope(meter, lease.begins, lease.held_until)
            amount = dict(lease.amounts).get(meter.measure, ZERO) * sign
            draft.levels[schedule.id] = draft.levels.get(schedule.id, EMPTY).plus(amount, begins, ends)
            continue
        for window, _, flow in flows(rules, lease, meter):
            _add(draft.flows, (schedule.id, window.begins), (flow or ZERO) * sign)


def in_scope(meter: Meter, begins: date, ends: date) -> tuple[date, date]:
    """The days of [begins, ends) on which a meter is in force; none if the first is not before the second."""
    return max(begins, meter.scope.begins or date.min), min(ends, meter.scope.ends or date.max)


def burnt(rules: Rules, lease: Lease, workload: WorkloadFacts) -> Burnt:
    """The meters that a lease counts on, and the prices that it is owed for.

    The law asks who leases what, of whom and for which workload, and no more.
    """
    key = (lease.tenant, lease.supplier, lease.supply, workload)
    found = rules.burnt.get(key)
    if found is None:
        action = acquisition(rules, lease, workload)
        found = (
            tuple(meter for meter in rules.law.meters if burns(meter, rules.law, action)),
            tuple(pair for pair in rules.counters if burns(pair[1], rules.law, action)),
        )
        if len(rules.burnt) >= MOST_KEPT:
            rules.burnt.clear()
        rules.burnt[key] = found
    return found


def _add(totals: MapMutation[Window, Decimal], key: Window, amount: Decimal) -> None:
    totals[key] = totals.get(key, ZERO) + amount


def _workload_of(draft: Draft, rules: Rules, lease: Lease) -> WorkloadFacts:
    deal = draft.deals.get(lease.need)
    return NOBODY if deal is None else rules.workload(deal.need)


def count_reading(draft: Draft, rules: Rules, reading: PostedReading, sign: int) -> None:
    """Counts a reading on its meter and on every one that it is within."""
    meters = {meter.id: meter for meter in rules.law.meters}
    meter = meters.get(reading.primitive)
    seen: set[str] = set()
    while meter is not None and meter.id not in seen:
        seen.add(meter.id)
        window = window_of(meter, reading.begins)
        key = (meter.id, window.begins)
        amount = reading.amount * sign
        if meter.measure in LEVELS and meter.upper is not None:
            if meter.window in MOMENTS:
                profile = draft.levels.get(meter.id, EMPTY)
                draft.levels[meter.id] = profile.plus(amount, reading.begins, reading.ends)
            else:
                _add(draft.windowed, key, amount)
        if meter.measure in LEVELS and window.ends is not None:
            amount = amount * (reading.ends - reading.begins).days / max(window_days(meter, window), 1)
        _add(draft.flows, key, amount)
        outer = meters.get(meter.within or "")
        meter = outer if outer is not None and outer.measure == meter.measure else None


def windows_in(meter: Meter, begins: date, ends: date) -> Iterator[Interval]:
    """The windows of a meter that share a day with [begins, ends); its one term, wherever they begin."""
    if meter.window == "term":
        yield window_of(meter, begins)
    else:
        yield from windows_over(meter.window, begins, ends)


def window_of(meter: Meter, day: date) -> Interval:
    """The window of a meter that a day is in."""
    return window_at(meter.window, day, meter.scope.begins, meter.scope.ends)
