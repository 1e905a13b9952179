"""`offtake broker`: commands to the broker, and where its deals stand."""

from __future__ import annotations

from decimal import Decimal
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any
from uuid import uuid4

import typer

from offtake.entrypoints.cli import broker_service
from offtake.entrypoints.cli.outcome import NO, leave, loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.broker.audience import Answered
    from offtake.broker.commands import Command
    from offtake.broker.door import Door
    from offtake.broker.library import Rules
    from offtake.broker.service import Broker, Outcome
    from offtake.broker.terms import Quantified
    from offtake.broker.views import SupplyView

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Ask who gets the next need: first refusal, overflow, leases, on a ledger.",
)
app.add_typer(broker_service.tokens, name="token")

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
DEFAULT_LEDGER = "offtake.ledger"


def _broker(ledger: str) -> Broker:
    from offtake.bootstrap.broker import open_broker

    return open_broker(ledger)


def _door(where: str) -> Door:
    from offtake.bootstrap.service import open_door

    return open_door(where)


def _rules(broker: Broker) -> Rules:
    from offtake.broker.door import in_force

    return in_force(broker, broker.state())


def _give(
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
    from offtake.entrypoints.cli.broker_forms import moment

    outcome = door.submit(command, key=key or uuid4().hex, by=by, expected_version=expect, at=moment(at))
    door.close()
    _say(outcome, as_json=as_json)


def _say(outcome: Outcome | Answered, *, as_json: bool) -> None:
    from offtake.broker.audience import ANSWERED, Answered
    from offtake.broker.entries import ENTRY
    from offtake.entrypoints.cli.broker_wording import sentences

    entry = outcome.entry
    seq, recorded = (None, None) if entry is None else (entry.seq, entry.recorded)
    if isinstance(outcome, Answered):
        seq, recorded = outcome.seq, outcome.recorded
    if as_json and entry is None and seq is not None and isinstance(outcome, Answered):
        say_json(ANSWERED.dump_python(outcome, mode="json"))
    elif as_json:
        say_json(
            {
                "repeated": outcome.repeated,
                "entry": None if entry is None else ENTRY.dump_python(entry, mode="json"),
            }
        )
    elif seq is None or recorded is None:
        typer.echo("nothing is due")
    else:
        again = ", as before" if outcome.repeated else ""
        typer.secho(f"entry {seq}, {recorded:%Y-%m-%d %H:%M} UTC{again}", dim=True)
        for line in sentences(outcome.events):
            typer.echo(line)
    if outcome.refusal is not None:
        leave(NO)


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
    from offtake.entrypoints.cli.broker_forms import moment

    with outcomes():
        read = loaded(estate)
        broker = _broker(ledger)
        _say(
            broker.open(read.estate, rehearsed=rehearsal, by="operator", key="open", at=moment(at)),
            as_json=as_json,
        )
        if not as_json:
            rules = _rules(broker)
            rights = sum(1 for one in rules.law.procedures if one.style != "approve")
            typer.echo(f"{len(rules.supplies)} supplies can be leased; rights to be asked first: {rights}")
        broker.close()


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
    from offtake.broker.commands import FileNeed
    from offtake.broker.terms import Need
    from offtake.domain.quantities import parse_figure
    from offtake.entrypoints.cli import broker_forms as forms

    with outcomes():
        door = _door(ledger)
        amount, measure = forms.quantity(quantity)
        limit, stated = (None, None) if at_most is None else forms.price(at_most, measure)
        need = Need(
            id=id,
            party=party,
            measure=measure,
            quantity=amount,
            begins=forms.day(begins),
            ends=forms.day(ends),
            currency=currency or stated or door.standing().currency,
            minimum=forms.amount_in(minimum, measure) if minimum else Decimal(0),
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
        _give(door, FileNeed(need=need), key, expect_version, at, by, as_json=as_json)


Need = Annotated[str, typer.Argument(help="The need.")]


def answer(
    need: Need,
    holder: Annotated[str, typer.Option("--by", help="Who holds the right.")],
    take: Annotated[
        list[str] | None, typer.Option(help="How much of which of its supplies: `h-gpu=60`. May be repeated.")
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
    from offtake.broker.commands import Answer
    from offtake.domain.errors import InvalidInput
    from offtake.entrypoints.cli import broker_forms as forms

    with outcomes():
        if bool(take) == decline:
            raise InvalidInput(
                "an answer takes something or declines", hint="write --take SUPPLY=QUANTITY, or --decline"
            )
        door = _door(ledger)
        measure = _measure(door, need)
        takes = forms.parts(take or (), measure)
        price = None
        if at_price is not None:
            supply = None if not takes else _supply(door, takes[0].supply)
            price, _ = forms.price(at_price, measure, supply)
        command = Answer(need=need, holder=holder, takes=takes, price=price)
        _give(door, command, key, expect_version, at, holder, as_json=as_json)


def _measure(door: Door, need: str) -> Quantified:
    from offtake.domain.errors import InvalidInput

    found = door.need(need)
    if found is None:
        raise InvalidInput(f"there is no need `{need}`", hint="`offtake broker status` lists the needs")
    return found.measure


def _supply(door: Door, id: str) -> SupplyView:
    from offtake.domain.errors import InvalidInput

    supplies = {one.id: one for one in door.supplies()}
    if id not in supplies:
        raise InvalidInput(
            f"there is no supply `{id}` that can be leased",
            hint=f"supplies are {', '.join(list(supplies)[:12])}, ...",
        )
    return supplies[id]


def acknowledge(
    need: Need,
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
        _give(_door(ledger), command, key, None, at, holder, as_json=as_json)


def bid(
    need: Need,
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
    from offtake.broker.commands import MakeBid
    from offtake.broker.terms import Bid
    from offtake.domain.quantities import parse_figure
    from offtake.entrypoints.cli import broker_forms as forms

    with outcomes():
        door = _door(ledger)
        measure, facts = _measure(door, need), _supply(door, supply)
        amount, currency = forms.price(price, measure, facts)
        made = Bid(
            id=id or f"{need}.{supply}".replace("/", "."),
            need=need,
            bidder=bidder or facts.party or facts.provider or "",
            supply=supply,
            quantity=forms.amount_in(quantity, measure),
            price=amount,
            currency=currency,
            minimum=forms.amount_in(minimum, measure) if minimum else Decimal(0),
            whole=whole,
            valid_until=forms.moment(valid_until),
            release_share=parse_figure(release_share, "share").amount,
        )
        _give(door, MakeBid(bid=made), key, expect_version, at, made.bidder, as_json=as_json)


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
        _give(_door(ledger), Withdraw(bid=bid), key, None, at, by, as_json=as_json)


def award(
    need: Need,
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
        _give(_door(ledger), Award(need=need), key, expect_version, at, by, as_json=as_json)


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
    from offtake.broker.commands import Extend
    from offtake.domain.errors import InvalidInput
    from offtake.entrypoints.cli import broker_forms as forms

    with outcomes():
        door = _door(ledger)
        held = door.lease(lease)
        if held is None:
            raise InvalidInput(
                f"there is no lease `{lease}`", hint="`offtake broker status` lists the leases"
            )
        price = None
        if at_price is not None:
            price, _ = forms.price(at_price, held.measure, _supply(door, held.supply))
        command = Extend(lease=lease, until=forms.day(until), price=price)
        _give(door, command, key, expect_version, at, by, as_json=as_json)


def cancel(
    need: Need,
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
        _give(_door(ledger), Cancel(need=need), key, expect_version, at, by, as_json=as_json)


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
    from offtake.entrypoints.cli.broker_forms import day

    with outcomes():
        command = Release(lease=lease, on=day(on))
        _give(_door(ledger), command, key, expect_version, at, by, as_json=as_json)


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
        _give(_door(ledger), command, key, None, at, approver, as_json=as_json)


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
    from offtake.entrypoints.cli.broker_forms import day

    with outcomes():
        command = RecordEvent(event=event, on=day(on), about=about)
        _give(_door(ledger), command, key, None, at, by, as_json=as_json)


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
        _give(_door(ledger), command, key, None, at, by, as_json=as_json)


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
    from offtake.entrypoints.cli import broker_forms as forms

    with outcomes():
        command = ReadMeter(
            id=id or uuid4().hex[:12],
            clause=clause,
            begins=forms.day(begins),
            ends=forms.day(ends),
            amount=forms.number(amount),
        )
        _give(_door(ledger), command, key, None, at, by, as_json=as_json)


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
        _give(_door(ledger), command, key, None, at, by, as_json=as_json)


def sweep(
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Key = None,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Record what is due: lapses, notices that follow, windows of commitments that ended."""
    from offtake.broker.commands import Sweep

    with outcomes():
        _give(_door(ledger), Sweep(), key, None, at, "sweep", as_json=as_json)


def _show_status(found: dict[str, Any], *, as_json: bool) -> None:
    from offtake.entrypoints.cli.broker_tables import show_status

    if as_json:
        say_json(found)
    else:
        show_status(found)


def status(
    subject: Annotated[str | None, typer.Argument(help="A need or a lease; all, if left out.")] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    at: At = None,
    as_json: AsJson = False,
) -> None:
    """Say where needs and leases stand, whatever is due counted."""
    from offtake.entrypoints.cli.broker_forms import moment
    from offtake.entrypoints.cli.broker_tables import show_status, status_of, status_through

    with outcomes():
        if ledger.startswith(("http://", "https://")):
            _show_status(status_through(_door(ledger), moment(at), subject), as_json=as_json)
            return
        broker = _broker(ledger)
        _rules(broker)
        found = status_of(broker.state(moment(at)), subject)
        broker.close()
        if as_json:
            say_json(found)
        else:
            show_status(found)


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
    from offtake.entrypoints.cli.broker_forms import day, moment

    with outcomes():
        broker = _broker(ledger)
        _rules(broker)
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
        for n, command in enumerate(commands):
            outcome = broker.submit(command, key=f"import {digest[:16]} {version} {n}", by=by, at=moment(at))
            _say(outcome, as_json=as_json)
        broker.close()


for name, command, example in (
    ("open", open_, "offtake broker open estate.yaml --ledger deals.db"),
    ("serve", broker_service.serve, "offtake broker serve --ledger deals.db"),
    (
        "file-need",
        file_need,
        "offtake broker file-need n1 '300 MW' --for openai --from 2026-07-01 --until 2031-07-01",
    ),
    ("answer", answer, "offtake broker answer n1 --by microsoft --take azure-georgia='100 MW'"),
    ("acknowledge", acknowledge, "offtake broker acknowledge n1 --by microsoft"),
    ("bid", bid, "offtake broker bid n1 abilene/gb200 '300 MW' '2.03 USD/accelerator-hour'"),
    ("withdraw", withdraw, "offtake broker withdraw n1.abilene.gb200"),
    ("award", award, "offtake broker award n1"),
    ("extend", extend, "offtake broker extend n1-1 --until 2033-07-01"),
    ("cancel", cancel, "offtake broker cancel n1"),
    ("release", release, "offtake broker release n1-1 --on 2030-01-01"),
    ("approve", approve, "offtake broker approve charter.board --by board --need n1"),
    ("record-event", record_event, "offtake broker record-event agi-declared --on 2027-05-01"),
    ("amend", amend, "offtake broker amend microsoft-openai amendment.yaml"),
    (
        "read-meter",
        read_meter,
        "offtake broker read-meter alpha-cloud.spend 30000 --from 2026-01-01 --until 2026-02-01",
    ),
    ("correct", correct, "offtake broker correct r1 --because 'counted twice'"),
    ("sweep", sweep, "offtake broker sweep"),
    ("status", status, "offtake broker status n1"),
    ("import", import_, "offtake broker import out/stargate/plan.json --from 2026-07-01 --until 2026-10-01"),
):
    app.command(name, epilog=f"Example: `{example}`")(command)
