"""The broker's decisions: from a state and a command to events, or to a refusal with its reasons. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime
from typing import Any, Final, cast

from offtake.broker.commands import (
    Acknowledge,
    Amend,
    Answer,
    Approve,
    Award,
    Cancel,
    Command,
    Correct,
    Extend,
    FileNeed,
    MakeBid,
    ReadMeter,
    RecordEvent,
    Release,
    Sweep,
    Withdraw,
)
from offtake.broker.deciding.awards import award
from offtake.broker.deciding.call import Call, Desk, Outcome, Refused
from offtake.broker.deciding.due import due
from offtake.broker.deciding.leases import extend, release
from offtake.broker.deciding.market import make_bid, withdraw
from offtake.broker.deciding.needs import cancel, file_need
from offtake.broker.deciding.readings import correct, read_meter
from offtake.broker.deciding.record import amend, approve, record_event
from offtake.broker.deciding.rights import acknowledge, answer
from offtake.broker.events import CommandRefused, Event
from offtake.broker.folding import folded
from offtake.broker.state import State

__all__ = ["Desk", "Outcome", "Refused", "decide", "due", "subject_of"]


def decide(desk: Desk, state: State, command: Command, now: datetime) -> tuple[Event, ...]:
    """What a command makes happen at a time, what was due before it first; a refusal is an event too.

    `now` is the recorded time: never before the state's last. Raises InvalidInput for a command that names what is
    not there or states what cannot be.
    """
    events = due(desk, state, now)
    for event in events:
        state = folded(desk.library, state, event, now, state.seq + 1)
    found = _HANDLERS[type(command)](Call(desk, state, now), command)
    if isinstance(found, Refused):
        return (*events, CommandRefused(subject=found.subject, reasons=found.reasons))
    return (*events, *found)


def _sweep(call: Call, command: Sweep) -> Outcome:
    del call, command
    return ()


_HANDLERS: Final[Mapping[type, Callable[[Call, Any], Outcome]]] = {
    FileNeed: file_need,
    Acknowledge: acknowledge,
    Answer: answer,
    MakeBid: make_bid,
    Withdraw: withdraw,
    Award: award,
    Extend: extend,
    Cancel: cancel,
    Release: release,
    Approve: approve,
    RecordEvent: record_event,
    Amend: amend,
    ReadMeter: read_meter,
    Correct: correct,
    Sweep: _sweep,
}


def subject_of(command: Command) -> str | None:
    """What a command is about, whose version the caller may expect: a need or a lease."""
    match command:
        case FileNeed():
            return command.need.id
        case MakeBid():
            return command.bid.need
        case Extend() | Release():
            return command.lease
        case _:
            return cast("str | None", getattr(command, "need", None))
