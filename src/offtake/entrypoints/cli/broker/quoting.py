"""What a need would be answered now."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.broker.giving import DEFAULT_LEDGER, AsJson, LedgerAt, door_of
from offtake.entrypoints.cli.outcome import NO, leave, outcomes, say_json

if TYPE_CHECKING:
    from offtake.broker.quoting import Offer, Quote
    from offtake.broker.terms import Need


def quote(
    quantity: Annotated[str, typer.Argument(help="How much: `100 accelerators`, `300 MW`, `60 units`.")],
    party: Annotated[str, typer.Option("--for", help="Who needs it.")],
    begins: Annotated[str, typer.Option("--from", help="The first day.")],
    ends: Annotated[str, typer.Option("--until", help="The first day on which it is no longer needed.")],
    currency: Annotated[str | None, typer.Option(help="The currency of costs; the estate's else.")] = None,
    whole: Annotated[bool, typer.Option("--whole", help="All of it from one supply.")] = False,
    accelerator: Annotated[list[str] | None, typer.Option(help="A kind that will do.")] = None,
    region: Annotated[list[str] | None, typer.Option(help="A region that will do.")] = None,
    residency: Annotated[
        list[str] | None, typer.Option(help="An area that it may not process outside.")
    ] = None,
    workload: Annotated[str | None, typer.Option(help="A workload of the estate that it is for.")] = None,
    model: Annotated[str | None, typer.Option(help="A model that it hosts.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Say what a need would be answered now: who is asked first, and what each supply has; nothing is recorded."""
    from offtake.broker import stated
    from offtake.broker.quoting import QUOTE
    from offtake.broker.terms import Need
    from offtake.entrypoints.cli.broker import forms

    with outcomes():
        door = door_of(ledger)
        amount, measure = stated.quantity(quantity)
        need = Need(
            id="a-quote",
            party=party,
            measure=measure,
            quantity=amount,
            begins=forms.day(begins),
            ends=forms.day(ends),
            currency=currency or door.standing().currency,
            whole=whole,
            accelerators=tuple(accelerator or ()),
            regions=tuple(region or ()),
            residency=tuple(residency or ()),
            workload=workload,
            model=model,
        )
        found = door.quote(need)
        door.close()
        if as_json:
            say_json(QUOTE.dump_python(found, mode="json"))
        else:
            _show(need, found)
        if not any(offer.quantity for offer in found.offers):
            leave(NO)


def _show(need: Need, found: Quote) -> None:
    from offtake.entrypoints.cli.broker.wording import plain

    for one in found.asked:
        typer.echo(
            f"{one.holder} is asked first ({one.clause}{', to match' if one.style == 'match' else ''})"
        )
    for offer in found.offers:
        if offer.quantity:
            typer.echo(f"{offer.supply}: {plain(offer.quantity)} {need.measure}{_price(need, offer)}")
    for offer in found.offers:
        if not offer.quantity:
            why = "; ".join(reason.text for reason in offer.reasons) or "nothing is free for the whole term"
            typer.echo(f"{offer.supply}: no: {why}")
    if not found.offers:
        typer.echo("no supply is what the need asks for")


def _price(need: Need, offer: Offer) -> str:
    from offtake.entrypoints.cli.broker.wording import plain

    if offer.price is None:
        return ", at no list price"
    total = "" if offer.cost_micros is None else f", {offer.cost_micros / 1e6:,.0f} {need.currency} in all"
    return f" at {plain(offer.price)} {offer.currency} an hour each{total}"
