"""Meter readings: posted, and reversed."""

from __future__ import annotations

from datetime import date

from offtake.broker.commands import Correct, ReadMeter
from offtake.broker.counting import window_of
from offtake.broker.deciding.call import Call, Outcome, check_id, refusal
from offtake.broker.events import MeterRead, ReadingReversed
from offtake.broker.invoicing import counted_before
from offtake.broker.library import Rules
from offtake.broker.state import PostedReading
from offtake.domain.errors import InvalidInput
from offtake.domain.selection import Interval
from offtake.law.pricing import micro_units, owed
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.windows import window_at


def read_meter(call: Call, command: ReadMeter) -> Outcome:
    check_id(command.id)
    if command.id in call.state.readings:
        raise InvalidInput(f"there is a reading `{command.id}` already", hint="correct it, and post another")
    if command.ends <= command.begins or command.amount < 0:
        raise InvalidInput("a reading is of days [from, until), and not negative")
    primitive = _counted_by(call.rules, command.clause, command.begins)
    window = (
        window_of(primitive, command.begins)
        if isinstance(primitive, Meter)
        else window_at(primitive.window, command.begins, primitive.scope.begins, primitive.scope.ends)
    )
    if (
        window.ends is not None
        and command.ends > window.ends
        and primitive.window not in ("any-time", "minute")
    ):
        raise InvalidInput(f"a reading lies in one window of {command.clause}: it ends by {window.ends}")
    owing, currency, payer, payee = 0, None, primitive.payer, primitive.payee
    if isinstance(primitive, PriceSchedule):
        before = counted_before(call.state, primitive.id, window.begins)
        owing, currency = micro_units(owed(primitive, command.amount, before)), primitive.currency
    return (
        MeterRead(
            id=command.id,
            clause=command.clause,
            primitive=primitive.id,
            begins=command.begins,
            ends=command.ends,
            amount=command.amount,
            owed_micros=owing,
            payer=payer,
            payee=payee,
            currency=currency,
        ),
    )


def _counted_by(rules: Rules, clause: str, day: date) -> Meter | PriceSchedule:
    """The meter or price of a clause that is in force on a day."""
    found = [
        one
        for one in (*rules.law.meters, *rules.law.prices)
        if one.origin.clause == clause
        and (one.scope.begins is None or one.scope.begins <= day)
        and (one.scope.ends is None or day < one.scope.ends)
    ]
    if not found:
        counted = sorted({one.origin.clause for one in (*rules.law.meters, *rules.law.prices)})
        raise InvalidInput(
            f"no clause `{clause}` counts anything on {day}",
            hint=f"clauses that count: {', '.join(counted) or 'none'}",
        )
    return found[-1]


def correct(call: Call, command: Correct) -> Outcome:
    reading = call.state.readings.get(command.reading)
    if reading is None:
        raise InvalidInput(f"there is no reading `{command.reading}`")
    if reading.id in call.state.reversed:
        return refusal(reading.id, "the reading has been reversed")
    return (ReadingReversed(reading=reading.id, why=command.why, owed_micros=_owed_less(call, reading)),)


def _owed_less(call: Call, reading: PostedReading) -> int:
    """What a reading's reversal takes off what is owed: the window's total with it, less the total without."""
    schedule = next((one for one in call.rules.law.prices if one.id == reading.primitive), None)
    if schedule is None:
        return 0
    window: Interval = window_at(schedule.window, reading.begins, schedule.scope.begins, schedule.scope.ends)
    total = counted_before(call.state, schedule.id, window.begins)
    return micro_units(owed(schedule, reading.amount, total - reading.amount))
