"""The ledger itself: opened and swept, what happened, what meters counted, and where all stands."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated
from uuid import uuid4

import typer

from offtake.entrypoints.cli.broker.giving import (
    DEFAULT_LEDGER,
    AsJson,
    At,
    By,
    Key,
    LedgerAt,
    broker_of,
    door_of,
    give,
    rules_of,
    say,
)
from offtake.entrypoints.cli.outcome import loaded, outcomes, say_json


def open_(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    rehearsal: Annotated[
        bool, typer.Option("--rehearsal", help="Let commands state their time with --at.")
    ] = False,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Begin a ledger under an estate's agreements."""
    from offtake.entrypoints.cli.broker.forms import moment

    with outcomes():
        read = loaded(estate)
        broker = broker_of(ledger)
        say(
            broker.open(read.estate, rehearsed=rehearsal, by="operator", key="open", at=moment(at)),
            as_json=as_json,
        )
        if not as_json:
            rules = rules_of(broker)
            rights = sum(1 for one in rules.law.procedures if one.style != "approve")
            typer.echo(f"{len(rules.supplies)} supplies can be leased; rights to be asked first: {rights}")
        broker.close()


def record_event(
    event: Annotated[str, typer.Argument(help="An event of the estate.")],
    on: Annotated[str, typer.Option(help="The day on which it happened.")],
    about: Annotated[str | None, typer.Option(help="The model or supply that it is about; else all.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Record that something happened on which rights begin or end."""
    from offtake.broker.commands import RecordEvent
    from offtake.entrypoints.cli.broker.forms import day

    with outcomes():
        command = RecordEvent(event=event, on=day(on), about=about)
        give(door_of(ledger), command, key, None, at, by, as_json=as_json)


def amend(
    agreement: Annotated[str, typer.Argument(help="The agreement.")],
    amendment: Annotated[Path, typer.Argument(help="The amendment, YAML or JSON as in an estate file.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Add an amendment to an agreement; decisions from here on are made under it."""
    from offtake.bootstrap.broker import read_amendment
    from offtake.broker.commands import Amend

    with outcomes():
        command = Amend(agreement=agreement, amendment=read_amendment(amendment))
        give(door_of(ledger), command, key, None, at, by, as_json=as_json)


def read_meter(
    clause: Annotated[str, typer.Argument(help="The clause whose meter or price counts it.")],
    amount: Annotated[str, typer.Argument(help="How much, a number in the clause's measure.")],
    begins: Annotated[str, typer.Option("--from", help="The first day.")],
    ends: Annotated[str, typer.Option("--until", help="The first day after.")],
    id: Annotated[str | None, typer.Option("--id", help="The reading's name; made up, if left out.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Post what a meter counted, beside what leases count by themselves."""
    from offtake.broker.commands import ReadMeter
    from offtake.entrypoints.cli.broker import forms

    with outcomes():
        command = ReadMeter(
            id=id or uuid4().hex[:12],
            clause=clause,
            begins=forms.day(begins),
            ends=forms.day(ends),
            amount=forms.number(amount),
        )
        give(door_of(ledger), command, key, None, at, by, as_json=as_json)


def correct(
    reading: Annotated[str, typer.Argument(help="The reading.")],
    because: Annotated[str, typer.Option(help="Why.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Reverse a meter reading; post the right one afterwards."""
    from offtake.broker.commands import Correct

    with outcomes():
        command = Correct(reading=reading, why=because)
        give(door_of(ledger), command, key, None, at, by, as_json=as_json)


def sweep(
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Record what is due: lapses, notices that follow, windows of commitments that ended."""
    from offtake.broker.commands import Sweep

    with outcomes():
        give(door_of(ledger), Sweep(), key, None, at, "sweep", as_json=as_json)


def status(
    subject: Annotated[str | None, typer.Argument(help="A need or a lease; all, if left out.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say where needs and leases stand, whatever is due counted."""
    from offtake.entrypoints.cli.broker.forms import moment
    from offtake.entrypoints.cli.broker.tables import show_status, status_through

    with outcomes():
        door = door_of(ledger)
        found = status_through(door, moment(at), subject)
        door.close()
        if as_json:
            say_json(found)
        else:
            show_status(found)
