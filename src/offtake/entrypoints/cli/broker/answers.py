"""What holders, bidders and approvers say to a need."""

from __future__ import annotations

from decimal import Decimal
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
    NeedNamed,
    door_of,
    give,
    measure_of,
    supply_of,
)
from offtake.entrypoints.cli.outcome import outcomes


def acknowledge(
    need: NeedNamed,
    holder: Annotated[str, typer.Option("--by", help="Who received its notice.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say that a notice was received; the time to answer runs from here."""
    from offtake.broker.commands import Acknowledge

    with outcomes():
        command = Acknowledge(need=need, holder=holder)
        give(door_of(ledger), command, key, None, at, holder, as_json=as_json)


def answer(
    need: NeedNamed,
    holder: Annotated[str, typer.Option("--by", help="Who holds the right.")],
    take: Annotated[
        list[str] | None,
        typer.Option(
            help="How much of which of its supplies: `h-gpu=60`; `h-gpu#2=60` matches the second bid of a notice. "
            "May be repeated."
        ),
    ] = None,
    decline: Annotated[bool, typer.Option("--decline", help="Take nothing.")] = False,
    at_price: Annotated[
        str | None, typer.Option(help="At which price; else the notice's or the product's.")
    ] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Answer a notice: take all, take a part, or decline."""
    from offtake.broker import stated
    from offtake.broker.commands import Answer
    from offtake.domain.errors import InvalidInput
    from offtake.entrypoints.cli.broker import forms

    with outcomes():
        if bool(take) == decline:
            raise InvalidInput(
                "an answer takes something or declines", hint="write --take SUPPLY=QUANTITY, or --decline"
            )
        door = door_of(ledger)
        measure = measure_of(door, need)
        takes = forms.parts(take or (), measure)
        price = None
        if at_price is not None:
            supply = None if not takes else supply_of(door, takes[0].supply)
            price, _ = stated.price(at_price, measure, supply)
        command = Answer(need=need, holder=holder, takes=takes, price=price)
        give(door, command, key, expect_version, at, holder, as_json=as_json)


def bid(
    need: NeedNamed,
    supply: Annotated[str, typer.Argument(help="What is offered, such as `abilene/gb200` or a product.")],
    quantity: Annotated[str, typer.Argument(help="How much at most.")],
    price: Annotated[str, typer.Argument(help="For how much: `2.70 USD/accelerator-hour`.")],
    bidder: Annotated[
        str | None, typer.Option("--by", help="Who bids; the supply's party, if left out.")
    ] = None,
    id: Annotated[
        str | None, typer.Option("--id", help="The bid's name; one of its bidder's replaces it.")
    ] = None,
    minimum: Annotated[str | None, typer.Option(help="How much at least.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="All of it, or nothing.")] = False,
    valid_until: Annotated[str | None, typer.Option(help="When it ends.")] = None,
    release_share: Annotated[
        str, typer.Option(help="What stays owed of the rest after an early release: `100 %` is take or pay.")
    ] = "100 %",
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    expect_version: Expect = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Bid for a need: so much of a supply at a price."""
    from offtake.broker import stated
    from offtake.broker.commands import MakeBid
    from offtake.broker.terms import Bid
    from offtake.domain.quantities import parse_figure
    from offtake.entrypoints.cli.broker import forms

    with outcomes():
        door = door_of(ledger)
        measure, facts = measure_of(door, need), supply_of(door, supply)
        amount, currency = stated.price(price, measure, facts)
        made = Bid(
            id=id or f"{need}.{supply}".replace("/", "."),
            need=need,
            bidder=bidder or facts.party or facts.provider or "",
            supply=supply,
            quantity=stated.amount_in(quantity, measure),
            price=amount,
            currency=currency,
            minimum=stated.amount_in(minimum, measure) if minimum else Decimal(0),
            whole=whole,
            valid_until=forms.moment(valid_until),
            release_share=parse_figure(release_share, "share").amount,
        )
        give(door, MakeBid(bid=made), key, expect_version, at, made.bidder, as_json=as_json)


def withdraw(
    bid: Annotated[str, typer.Argument(help="The bid.")],
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    by: By = "operator",
    as_json: AsJson = False,
) -> None:
    """Take a bid back."""
    from offtake.broker.commands import Withdraw

    with outcomes():
        give(door_of(ledger), Withdraw(bid=bid), key, None, at, by, as_json=as_json)


def approve(
    clause: Annotated[str, typer.Argument(help="The clause that asks for the approval.")],
    approver: Annotated[str, typer.Option("--by", help="Who approves.")],
    need: Annotated[
        str | None, typer.Option(help="For one need; else for all that the clause covers.")
    ] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Record an approval that a clause asks for."""
    from offtake.broker.commands import Approve

    with outcomes():
        command = Approve(clause=clause, by=approver, need=need)
        give(door_of(ledger), command, key, None, at, approver, as_json=as_json)
