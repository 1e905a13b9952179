"""What a reader sees of a state at a time: what is due counts, though nobody has recorded it."""

from __future__ import annotations

from datetime import datetime

from offtake.broker.deciding import Desk, due
from offtake.broker.folding import fold
from offtake.broker.state import State


def as_of(desk: Desk, state: State, now: datetime) -> State:
    """The state as it would be if everything due by now were recorded now; the same state if nothing is."""
    at = now if state.last is None else max(now, state.last)
    events = due(desk, state, at)
    return fold(desk.library, state, events, at, state.seq) if events else state
