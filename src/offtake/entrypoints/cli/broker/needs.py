"""Needs: filed, awarded, cancelled, and taken from a plan."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.broker.giving import (
    DEFAULT_LEDGER,
    AsJson,
    At,
    By,
    Expect,
    Key,
    LedgerAt,
    NeedNamed,
    broker_of,
    door_of,
    give,
    record_of,
    rules_of,
    tell,
)
from offtake.entrypoints.cli.outcome import NO, leave, outcomes, say_json

if TYPE_CHECKING:
    from offtake.broker.service import Outcome


def file_need(
    id: Annotated[str, typer.Argument(help="The need's name.")],
    quantity: Annotated[str, typer.Argument(help="How much: `100 accelerators`, `300 MW`, `60 units`.")],
    party: Annotated[str, typer.Option("--for", help="Who needs it.")],
    begins: Annotated[str, typer.Option("--from", help="The first day.")],
    ends: Annotated[str, typer.Option("--until", help="The first day on which it is no longer needed.")],
    at_most: Annotated[str | None, typer.Option(help="The highest price: `3 USD/accelerator-hour`.")] = None,
    currency: Annotated[
        str | None, typer.Option(help="The currency of costs; the estate's, if left out.")
    ] = None,
    minimum: Annotated[str | None, typer.Option(help="The least that is of use.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="All of it from one supply, or nothing.")] = False,
    tranche: Annotated[
        list[str] | None,
        typer.Option(
            help="A part with its own price limit and floor: `60 at 3 USD/accelerator-hour floor 20`."
        ),
    ] = None,
    accelerator: Annotated[
        list[str] | None, typer.Option(help="A kind that will do; any, if left out.")
    ] = None,
    region: Annotated[list[str] | None, typer.Option(help="A region that will do.")] = None,
    residency: Annotated[
        list[str] | None, typer.Option(help="An area that it may not process outside.")
    ] = None,
    client_region: Annotated[str | None, typer.Option(help="Where clients are.")] = None,
    latency: Annotated[str | None, typer.Option(help="The longest round trip: `60 ms`.")] = None,
    workload: Annotated[str | None, typer.Option(help="A workload of the estate that it is for.")] = None,
    model: Annotated[str | None, typer.Option(help="A model that it hosts.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """File a need; whoever holds a right to it is asked first."""
    from offtake.broker import stated
    from offtake.broker.commands import FileNeed
    from offtake.broker.terms import Need
    from offtake.domain.quantities import parse_figure
    from offtake.entrypoints.cli.broker import forms

    with outcomes():
        door = door_of(ledger)
        amount, measure = stated.quantity(quantity)
        limit, in_currency = (None, None) if at_most is None else stated.price(at_most, measure)
        need = Need(
            id=id,
            party=party,
            measure=measure,
            quantity=amount,
            begins=forms.day(begins),
            ends=forms.day(ends),
            currency=currency or in_currency or door.standing().currency,
            minimum=stated.amount_in(minimum, measure) if minimum else Decimal(0),
            whole=whole,
            price_limit=limit,
            tranches=tuple(forms.tranche(one, measure) for one in tranche or ()),
            accelerators=tuple(accelerator or ()),
            regions=tuple(region or ()),
            residency=tuple(residency or ()),
            client_region=client_region,
            latency_ms=None if latency is None else parse_figure(latency, "latency").amount,
            workload=workload,
            model=model,
        )
        give(door, FileNeed(need=need), key, expect_version, at, by, as_json=as_json)


def award(
    need: NeedNamed,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Award a need to what holders took and the best bids."""
    from offtake.broker.commands import Award

    with outcomes():
        give(door_of(ledger), Award(need=need), key, expect_version, at, by, as_json=as_json)


def cancel(
    need: NeedNamed,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Withdraw a need that has not been awarded."""
    from offtake.broker.commands import Cancel

    with outcomes():
        give(door_of(ledger), Cancel(need=need), key, expect_version, at, by, as_json=as_json)


def import_(
    plan: Annotated[Path, typer.Argument(help="A plan.json, as `offtake plan --out` writes it.")],
    begins: Annotated[
        str | None, typer.Option("--from", help="Only capacity that enters service from here on.")
    ] = None,
    ends: Annotated[
        str | None, typer.Option("--until", help="Only capacity that enters service before.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would be filed or cancelled.")] = False,
    ledger: LedgerAt = DEFAULT_LEDGER,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """File the needs of a plan; later, only what has changed."""
    from offtake.bootstrap.broker import planned
    from offtake.broker.commands import FileNeed
    from offtake.entrypoints.cli.broker.forms import day, moment

    with outcomes():
        broker = broker_of(ledger)
        rules_of(broker)
        since, until = (None if text is None else day(text) for text in (begins, ends))
        digest, commands = planned(broker, plan, since, until)
        if dry_run:
            commands_said = [
                f"file {one.need.id}, {one.need.quantity}"
                if isinstance(one, FileNeed)
                else f"cancel {one.need}"
                for one in commands
            ]
            if as_json:
                say_json(commands_said)
            else:
                typer.echo("\n".join(commands_said) or "the ledger asks for what the plan does")
            return
        if not commands and not as_json:
            typer.echo("the ledger asks for what the plan does: nothing is filed")
        version = broker.ledger.head()[0]
        came: list[Outcome] = []
        for n, command in enumerate(commands):
            outcome = broker.submit(command, key=f"import {digest[:16]} {version} {n}", by=by, at=moment(at))
            came.append(outcome)
            if not as_json:
                tell(outcome)
            if outcome.refusal is not None:
                break
        broker.close()
        if as_json:
            say_json([record_of(one) for one in came])
        if any(one.refusal is not None for one in came):
            leave(NO)
