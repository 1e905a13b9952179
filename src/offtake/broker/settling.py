"""Windows of commitments that have ended: what was taken, drawn and short, and what is billed for it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date
from decimal import Decimal

from offtake.broker.counting import HOURS_PER_DAY, LEVELS, window_days, window_of
from offtake.broker.events import WindowSettled
from offtake.broker.library import Rules
from offtake.broker.profile import ZERO
from offtake.broker.state import ClosedWindow, Draft, State
from offtake.domain.selection import Interval
from offtake.law.pricing import micro_units
from offtake.law.primitives import Meter
from offtake.law.settlement import settle


def commitments(rules: Rules) -> tuple[Meter, ...]:
    """The meters with a lower bound that has a price, those inside others first."""
    found = [meter for meter in rules.law.meters if meter.lower is not None]
    return tuple(sorted(found, key=lambda meter: (-_depth(meter, found), meter.id)))


def _depth(meter: Meter, among: Sequence[Meter]) -> int:
    outer = {one.id: one.within for one in among}
    depth, here = 0, meter.within
    while here is not None and depth <= len(among):
        depth, here = depth + 1, outer.get(here)
    return depth


def next_window(meter: Meter, state: State | Draft) -> Interval | None:
    """The days of a commitment's next window that is not settled; None if there is none to come.

    Only windows that begin on or after the ledger's first day are settled: of others it does not know everything.
    """
    if state.opened is None:
        return None
    closed = state.closed.get(meter.id, ())
    begins = max(meter.scope.begins or date.min, state.opened.date())
    if closed:
        begins = closed[-1].ends
    if meter.scope.ends is not None and begins >= meter.scope.ends:
        return None
    if meter.window in ("any-time", "minute"):
        return None
    found = window_of(meter, begins)
    first = max(found.begins, meter.scope.begins or date.min)
    if first < begins:  # It began before the ledger did.
        if found.ends is None:
            return None
        return next_window_from(meter, found.ends)
    return next_window_from(meter, begins)


def next_window_from(meter: Meter, begins: date) -> Interval | None:
    """The window of a commitment that begins on a day, as far as it is in force."""
    if meter.scope.ends is not None and begins >= meter.scope.ends:
        return None
    window = window_of(meter, begins)
    ends = window.ends
    if meter.scope.ends is not None:
        ends = meter.scope.ends if ends is None else min(ends, meter.scope.ends)
    return Interval(max(window.begins, meter.scope.begins or date.min), ends)


def lower_of(meter: Meter, days: Interval) -> Decimal:
    """The lower bound of a window: a calendar window that is cut short counts for the share of its days."""
    lower = meter.lower or ZERO
    window = window_of(meter, days.begins)
    if meter.window == "term" or meter.measure in LEVELS or window.ends is None or days.ends is None:
        return lower
    return lower * (days.ends - days.begins).days / (window.ends - window.begins).days


def first_close(rules: Rules, state: State | Draft) -> date | None:
    """The first day on which some window can be settled."""
    ends = (
        window.ends
        for meter in commitments(rules)
        if (window := next_window(meter, state)) is not None and window.ends is not None
    )
    return min(ends, default=None)


def settlements(rules: Rules, state: State, today: date) -> Iterator[WindowSettled]:
    """The next window of every commitment whose end has come, in the order of ends, inner ones first."""
    ended: list[tuple[date, int, Meter, Interval]] = []
    for place, meter in enumerate(commitments(rules)):
        window = next_window(meter, state)
        if window is not None and window.ends is not None and window.ends <= today:
            ended.append((window.ends, place, meter, window))
    for ends, _, meter, days in sorted(ended, key=lambda one: one[:2]):
        yield _settled(meter, state, days, ends)


def _settled(meter: Meter, state: State, days: Interval, ends: date) -> WindowSettled:
    taken = state.flows.get((meter.id, window_of(meter, days.begins).begins), ZERO)
    lower = lower_of(meter, days)
    earlier = state.closed.get(meter.id, ())
    windows = settle(
        meter, [*(one.taken for one in earlier), taken], [*(one.lower for one in earlier), lower]
    )
    last = windows[-1]
    hours = HOURS_PER_DAY * window_days(meter, days) if meter.measure in LEVELS else 1
    price = (meter.shortfall_price or ZERO) * hours
    banked = None
    if last.short and meter.make_up_windows and not meter.perishable:
        banked = _end_of_bank(meter, days)
    return WindowSettled(
        clause=meter.origin.clause,
        meter=meter.id,
        begins=days.begins,
        ends=ends,
        lower=lower,
        taken=taken,
        drawn=last.drawn,
        short=last.short,
        banked_until=banked,
        payer=meter.payer,
        payee=meter.payee,
        currency=meter.currency,
        billed_micros=micro_units(last.short * price),
        drawn_micros=micro_units(last.drawn * price),
    )


def _end_of_bank(meter: Meter, days: Interval) -> date | None:
    """The day on which what a window leaves can no longer be drawn."""
    ends = days.ends
    for _ in range(meter.make_up_windows):
        following = None if ends is None else next_window_from(meter, ends)
        if following is None:
            break
        ends = following.ends
    return ends


def count_settled(draft: Draft, rules: Rules, event: WindowSettled) -> None:
    """Closes a window of a commitment, and counts what was paid for it."""
    paid = Decimal(event.billed_micros - event.drawn_micros) / 1_000_000
    window = ClosedWindow(event.begins, event.ends, event.lower, event.taken, paid)
    closed = (*draft.closed.get(event.meter, ()), window)
    draft.closed = draft.closed.set(event.meter, closed)
    count_shortfall(draft, rules, event.meter, window)
    draft.next_close = first_close(rules, draft)


def count_shortfall(draft: Draft, rules: Rules, meter_id: str, window: ClosedWindow) -> None:
    """Counts what was paid for a shortfall on the commitment that this one is within."""
    meters = {meter.id: meter for meter in rules.law.meters}
    meter = meters.get(meter_id)
    outer = None if meter is None else meters.get(meter.within or "")
    if outer is None or outer.measure != "money" or not window.paid:
        return
    key = (outer.id, window_of(outer, window.begins).begins)
    draft.flows[key] = draft.flows.get(key, ZERO) + window.paid
