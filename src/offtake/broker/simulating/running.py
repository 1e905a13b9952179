"""The simulation itself: needs filed in their time, everybody answering by rule, until the last term is over."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Final

from offtake.broker.commands import FileNeed
from offtake.broker.responding.rules import Responders
from offtake.broker.responding.turns import Turns
from offtake.broker.service import Broker
from offtake.broker.simulating.jobs import Filing
from offtake.domain.errors import InvalidInput

MAXIMUM_SWEEPS: Final = 10_000
Progress = Callable[[str, int, int], None]


def run(
    broker: Broker,
    plan: Sequence[Filing],
    responders: Responders,
    seed: int,
    end: datetime,
    progress: Progress,
) -> bool:
    """Plays a trace's needs on an open, rehearsed ledger up to a time; whether it got there.

    KeyboardInterrupt stops it between two commands; what was decided until then is on the ledger. Raises InvalidInput
    for a need that cannot be filed, or a rule whose command cannot be meant.
    """
    turns = Turns(broker, responders, seed)
    for filing in plan:
        command = FileNeed(need=filing.need)
        turns.plan(filing.at, filing.need.party, command, f"file {filing.need.id}")
    total = (end - plan[0].at).days + 1
    try:
        for turn in turns.until(end):
            if turn.problem is not None:
                whose = f"by the rule {turn.rule}" if turn.rule else f"of {turn.by}"
                raise InvalidInput(f"a command {whose} cannot be given: {turn.problem}")
            progress("days played", min(max((turn.at - plan[0].at).days, 0), total), total)
        _windows_to(turns, end)
    except KeyboardInterrupt:
        return False
    return True


def _windows_to(turns: Turns, end: datetime) -> None:
    """Settles the windows of commitments that have ended, which need nobody's command to be due."""
    for _ in range(MAXIMUM_SWEEPS):
        close = turns.state.next_close
        if close is None or datetime.combine(close, end.timetz()) > end + timedelta(days=1):
            return
        before = turns.state.seq
        turns.sweep(end)
        if turns.state.seq == before:
            return
