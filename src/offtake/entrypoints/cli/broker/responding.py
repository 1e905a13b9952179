"""`offtake broker respond`: what parties answer, bid, award and approve by rule."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.broker.giving import DEFAULT_LEDGER, At, LedgerAt, door_of, record_of, tell
from offtake.entrypoints.cli.outcome import INTERRUPTED, leave, outcomes, say_json

if TYPE_CHECKING:
    from offtake.broker.responding.turns import Turn


def respond(
    rules: Annotated[
        Path, typer.Argument(help="The rules, a YAML file; docs/broker-rules.md has its format.")
    ],
    every_s: Annotated[
        float | None,
        typer.Option("--every", min=1, help="Go on, with so many seconds between rounds; else one round."),
    ] = None,
    seed: Annotated[int, typer.Option(help="What chances and delays between two are drawn from.")] = 0,
    ledger: LedgerAt = DEFAULT_LEDGER,
    at: At = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print what was done as JSON.")] = False,
) -> None:
    """Give what rules answer by now: notices answered, bids made, needs awarded and approved.

    On a rehearsed ledger everything up to --at happens, each at the time that its rule states.
    """
    import time

    from offtake.bootstrap import responding as bootstrap
    from offtake.entrypoints.cli.broker.forms import moment

    with outcomes():
        door = door_of(ledger)
        given: set[str] = set()
        try:
            while True:
                turns = bootstrap.respond(door, rules, seed, moment(at), given)
                if as_json:
                    say_json([_record(one) for one in turns])
                else:
                    _say(turns, quiet=every_s is not None)
                if every_s is None:
                    return
                time.sleep(every_s)
        except KeyboardInterrupt:
            typer.echo("stopped; what was given is on the ledger", err=True)
            leave(INTERRUPTED)
        finally:
            door.close()


def _say(turns: Iterable[Turn], *, quiet: bool) -> None:
    count = 0
    for turn in turns:
        count += 1
        if turn.problem is not None:
            typer.secho(f"{turn.rule or turn.by}: {turn.problem}", fg="red", err=True)
            continue
        if turn.rule is not None:
            typer.secho(turn.rule, bold=True)
        if turn.outcome is not None:
            tell(turn.outcome)
    if not count and not quiet:
        typer.echo("no rule has anything to answer by now")


def _record(turn: Turn) -> dict[str, Any]:
    return {
        "at": turn.at.isoformat(),
        "by": turn.by,
        "rule": turn.rule,
        "command": turn.command.kind,
        "problem": turn.problem,
        "outcome": None if turn.outcome is None else record_of(turn.outcome),
    }
