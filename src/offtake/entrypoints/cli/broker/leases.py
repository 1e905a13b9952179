"""Leases: gone on with, and given back early."""

from __future__ import annotations

from typing import Annotated

import typer

from offtake.entrypoints.cli.broker.giving import (
    DEFAULT_LEDGER,
    AsJson,
    At,
    By,
    Expect,
    Key,
    LedgerAt,
    door_of,
    give,
    supply_of,
)
from offtake.entrypoints.cli.outcome import outcomes


def extend(
    lease: Annotated[str, typer.Argument(help="The lease.")],
    until: Annotated[str, typer.Option(help="The new end.")],
    at_price: Annotated[str | None, typer.Option(help="At another price than now.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Ask for a lease to go on: a new need, with its supplier's bid."""
    from offtake.broker import stated
    from offtake.broker.commands import Extend
    from offtake.domain.errors import InvalidInput
    from offtake.entrypoints.cli.broker import forms

    with outcomes():
        door = door_of(ledger)
        held = door.lease(lease)
        if held is None:
            raise InvalidInput(
                f"there is no lease `{lease}`", hint="`offtake broker status` lists the leases"
            )
        price = None
        if at_price is not None:
            price, _ = stated.price(at_price, held.measure, supply_of(door, held.supply))
        command = Extend(lease=lease, until=forms.day(until), price=price)
        give(door, command, key, expect_version, at, by, as_json=as_json)


def release(
    lease: Annotated[str, typer.Argument(help="The lease.")],
    on: Annotated[str, typer.Option(help="The first day on which others may have it.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Give a lease's capacity back early; what its terms keep owed stays owed."""
    from offtake.broker.commands import Release
    from offtake.entrypoints.cli.broker.forms import day

    with outcomes():
        command = Release(lease=lease, on=day(on))
        give(door_of(ledger), command, key, expect_version, at, by, as_json=as_json)
