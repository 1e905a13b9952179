"""Answers by rule put together: a file of rules, a ledger or a server, and the time."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.adapters.estate_yaml.fragment import read_record
from offtake.adapters.estate_yaml.problems import Problem, error_at, ordered, problem_lines, shown_path
from offtake.bootstrap.broker import now
from offtake.broker.door import Door, LedgerDoor, in_force
from offtake.broker.responding.checking import unknown
from offtake.broker.responding.rules import Responders
from offtake.broker.responding.turns import Turn, Turns, by_now, through
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.broker.library import Rules
    from offtake.broker.service import Broker


log = logging.getLogger("offtake.responding")


def read_rules(path: Path) -> Responders:
    """The rules in a file. Raises InvalidInput with every problem, at its line and column."""
    return read_record(path, Responders)[0]


def checked_rules(path: Path, rules: Rules) -> Responders:
    """The rules in a file, all of whose names an estate has. Raises InvalidInput, at line and column, if it has not."""
    responders, positions = read_record(path, Responders)
    problems: list[Problem] = []
    for one in unknown(responders, rules):
        place = positions.key(one.path) if one.at_key else positions.value(one.path)
        found = error_at(place, "unknown", one.message, path=shown_path(one.path), expected=one.hint)
        problems.append(found)
    if problems:
        raise InvalidInput("\n".join(problem_lines(ordered(problems))))
    return responders


def respond(door: Door, path: Path, seed: int, at: datetime | None, given: set[str]) -> Iterator[Turn]:
    """What the rules of a file answer by now, or by `at` on a rehearsed ledger, each at its own time there."""
    if not isinstance(door, LedgerDoor):
        yield from through(door, read_rules(path), seed, now(), given)
        return
    broker = door.broker
    rules = checked_rules(path, in_force(broker, broker.state()))
    if broker.state().clock == "machine":
        if at is not None:
            raise InvalidInput(
                "this ledger keeps the machine's time; --at is for rehearsals",
                hint="open a ledger with --rehearsal to try days that have not come",
            )
        yield from by_now(broker, rules, seed, now(), given)
        return
    turns = Turns(broker, rules, seed)
    last = broker.state().last
    if at is None and last is None:
        return
    yield from turns.until(at or last or now())


def responder_of(broker: Broker, path: Path, seed: int = 0) -> Callable[[], int]:
    """One round of a file's rules beside a server: how many commands were given. None are on a rehearsed ledger, whose
    time stands still. Raises InvalidInput at once for rules that cannot be used."""
    rules = checked_rules(path, in_force(broker, broker.state()))
    given: set[str] = set()

    def round_() -> int:
        if broker.state().clock != "machine":
            return 0
        turns = list(by_now(broker, rules, seed, now(), given))
        for turn in turns:
            if turn.problem is not None:
                log.error("%s, by %s: %s", turn.by, turn.rule, turn.problem)
            else:
                log.info("%s, by %s: %s", turn.by, turn.rule, turn.command.kind)
        return len(turns)

    return round_
