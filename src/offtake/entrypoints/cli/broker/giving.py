"""What every command to the broker shares: its options, its door, and saying what came of it."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from offtake.entrypoints.cli.outcome import NO, leave, say_json

if TYPE_CHECKING:
    from offtake.broker.audience import Answered
    from offtake.broker.commands import Command
    from offtake.broker.door import Door
    from offtake.broker.library import Rules
    from offtake.broker.service import Broker, Outcome
    from offtake.broker.terms import Quantified
    from offtake.broker.views import SupplyView

LedgerAt = Annotated[
    str,
    typer.Option(
        "--ledger",
        "--server",
        envvar="OFFTAKE_LEDGER",
        help="A file, a postgresql:// URL, or the https:// address of a server (its token in OFFTAKE_TOKEN, or in "
        "the file that OFFTAKE_TOKEN_FILE names).",
    ),
]
Key = Annotated[
    str | None,
    typer.Option("--key", help="An idempotency key: the same command with the same key counts once."),
]
Expect = Annotated[
    int | None,
    typer.Option("--expect-version", help="Refuse if the need or lease has another version by now."),
]
At = Annotated[
    str | None,
    typer.Option("--at", help="The time, on a ledger opened with --rehearsal: 2026-01-12T09:00, UTC."),
]
By = Annotated[str, typer.Option("--as", help="Who gives the command; the ledger keeps it.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the entry as JSON.")]
NeedNamed = Annotated[str, typer.Argument(help="The need.")]
DEFAULT_LEDGER = "offtake.ledger"


def broker_of(ledger: str) -> Broker:
    """The broker of a ledger here. Raises InvalidInput for the address of a server."""
    from offtake.bootstrap.broker import open_broker
    from offtake.domain.errors import InvalidInput

    if ledger.startswith(("http://", "https://")):
        raise InvalidInput(
            "this command works on the ledger itself, not through a server",
            hint="give the file, or the postgresql:// URL, where it is kept",
        )
    return open_broker(ledger)


def door_of(where: str) -> Door:
    """The door of a ledger here, or of a server."""
    from offtake.bootstrap.service import open_door

    return open_door(where)


def rules_of(broker: Broker) -> Rules:
    """The rules in force. Raises InvalidInput if the ledger has not been opened."""
    from offtake.broker.door import in_force

    return in_force(broker, broker.state())


def give(
    door: Door,
    command: Command,
    key: str | None,
    expect: int | None,
    at: str | None,
    by: str,
    *,
    as_json: bool,
) -> None:
    """Gives a command and says what came of it; leaves with 1 if it was refused."""
    from offtake.entrypoints.cli.broker.forms import moment

    outcome = door.submit(command, key=key or uuid4().hex, by=by, expected_version=expect, at=moment(at))
    door.close()
    say(outcome, as_json=as_json)


def say(outcome: Outcome | Answered, *, as_json: bool) -> None:
    """Says what came of a command; leaves with 1 if it was refused."""
    if as_json:
        say_json(record_of(outcome))
    else:
        tell(outcome)
    if outcome.refusal is not None:
        leave(NO)


def record_of(outcome: Outcome | Answered) -> dict[str, Any]:
    """What came of a command, as JSON: the entry whole, or as much of it as may be seen."""
    from offtake.broker.audience import ANSWERED, Answered
    from offtake.broker.entries import ENTRY

    entry = outcome.entry
    if entry is None and isinstance(outcome, Answered) and outcome.seq is not None:
        return ANSWERED.dump_python(outcome, mode="json")
    return {
        "repeated": outcome.repeated,
        "entry": None if entry is None else ENTRY.dump_python(entry, mode="json"),
    }


def tell(outcome: Outcome | Answered) -> None:
    """What came of a command, in sentences."""
    from offtake.broker.audience import Answered
    from offtake.entrypoints.cli.broker.wording import sentences

    entry = outcome.entry
    seq, recorded = (None, None) if entry is None else (entry.seq, entry.recorded)
    if isinstance(outcome, Answered):
        seq, recorded = outcome.seq, outcome.recorded
    if seq is None or recorded is None:
        typer.echo("nothing is due")
        return
    again = ", as before" if outcome.repeated else ""
    typer.secho(f"entry {seq}, {recorded:%Y-%m-%d %H:%M} UTC{again}", dim=True)
    for line in sentences(outcome.events):
        typer.echo(line)


def measure_of(door: Door, need: str) -> Quantified:
    """What a need is measured in. Raises InvalidInput if there is no such need."""
    from offtake.domain.errors import InvalidInput

    found = door.need(need)
    if found is None:
        raise InvalidInput(f"there is no need `{need}`", hint="`offtake broker status` lists the needs")
    return found.measure


def supply_of(door: Door, id: str) -> SupplyView:
    """A supply that can be leased. Raises InvalidInput if there is none of that name."""
    from offtake.domain.checks.findings import listed
    from offtake.domain.errors import InvalidInput

    supplies = {one.id: one for one in door.supplies()}
    if id not in supplies:
        raise InvalidInput(
            f"there is no supply `{id}` that can be leased",
            hint=f"supplies are {listed(supplies, 12)}",
        )
    return supplies[id]
