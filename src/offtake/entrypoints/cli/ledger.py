"""`offtake ledger`: what was recorded, whether it follows, and what was known when."""

from __future__ import annotations

from itertools import islice
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import NO, complain, leave, outcomes, say_json

if TYPE_CHECKING:
    from offtake.broker.entries import Entry

app = typer.Typer(
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Read a ledger, verify it, and ask what was known when.",
)

LedgerAt = Annotated[
    str, typer.Option("--ledger", envvar="OFFTAKE_LEDGER", help="A file, or a postgresql:// URL.")
]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]
DEFAULT_LEDGER = "offtake.ledger"


def verify(
    ledger: LedgerAt = DEFAULT_LEDGER,
    key: Annotated[
        str | None,
        typer.Option("--public-key", help="The only key that seals may be signed with, in base64."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Derive everything again from the events alone, and name the first one that does not follow."""
    from offtake.bootstrap import broker as bootstrap
    from offtake.entrypoints.cli.progress import stages_and_counts

    with outcomes():
        with stages_and_counts() as (_, count):
            found = bootstrap.verify(ledger, key, count)
        if as_json:
            say_json(found.record())
        elif found.fault is None:
            awards = "1 award is" if found.awards == 1 else f"{found.awards:,} awards are"
            typer.echo(
                f"{found.entries:,} entries and {found.events:,} events follow; {found.seals:,} seals hold; "
                f"{awards} lawful, feasible and within the gap; balances agree."
            )
            typer.echo(f"head {found.head}, signed by {found.public_key}")
        else:
            complain(found.fault.sentence)
        if found.fault is not None:
            leave(NO)


def log(
    ledger: LedgerAt = DEFAULT_LEDGER,
    after: Annotated[int, typer.Option(help="Entries after this number.", min=0)] = 0,
    limit: Annotated[int, typer.Option(help="At most so many.", min=1, max=100_000)] = 200,
    as_json: AsJson = False,
) -> None:
    """List what was recorded, oldest first."""
    from offtake.bootstrap.broker import open_kept

    with outcomes():
        kept = open_kept(ledger)
        entries = list(islice(kept.entries(after), limit))
        if as_json:
            from offtake.broker.entries import ENTRY

            say_json([ENTRY.dump_python(entry, mode="json") for entry in entries])
            return
        for entry in entries:
            _show(entry)
        if not entries:
            typer.echo("nothing is recorded after that")


def _show(entry: Entry) -> None:
    from offtake.entrypoints.cli.broker.wording import sentences

    what = "open" if entry.command is None else entry.command.kind
    typer.secho(f"{entry.seq:>6}  {entry.recorded:%Y-%m-%d %H:%M:%S}  {what} by {entry.by}", bold=True)
    for line in sentences(entry.events):
        typer.echo(f"        {line}")


def show(
    number: Annotated[int, typer.Argument(help="The entry's number.", min=1)],
    ledger: LedgerAt = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Show one entry whole: command, events, postings, hashes."""
    from offtake.bootstrap.broker import open_kept
    from offtake.broker.entries import ENTRY
    from offtake.domain.errors import InvalidInput

    with outcomes():
        entry = next(iter(open_kept(ledger).entries(number - 1, number)), None)
        if entry is None:
            raise InvalidInput(f"there is no entry {number}", hint="`offtake ledger log` lists them")
        if as_json:
            say_json(ENTRY.dump_python(entry, mode="json"))
            return
        _show(entry)
        for posting in entry.postings:
            typer.echo(f"        {posting.account:<40} {posting.amount:>24,} {_unit(posting.unit)}")
        for name in ("key", "estate", "law", "policy", "previous", "hash"):
            typer.secho(f"        {name:<9} {getattr(entry, name)}", dim=True)


def _unit(unit: str) -> str:
    return f"{unit} (millionths)" if len(unit) == 3 else unit


def balance(
    account: Annotated[str, typer.Argument(help="Accounts that begin so; all, if left out.")] = "",
    ledger: LedgerAt = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Sum the postings by account and unit."""
    from offtake.bootstrap.broker import open_kept
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    with outcomes():
        rows = open_kept(ledger).balances(account)
        if as_json:
            say_json([{"account": name, "unit": unit, "amount": amount} for name, unit, amount in rows])
            return
        table = page_table("Balances", "account", "balance", "unit", right=2)
        for name, unit, amount in rows:
            money, per, said = (len(unit) == 3, 1_000_000, unit)
            if not money:
                per, said = 1000, unit.partition("/")[0] + "s"
            table.add_row(name, f"{amount / per:,.2f}", said)
        page_console().print(table)


def export(
    out: Annotated[Path | None, typer.Argument(help="A file for the entries, one JSON a line.")] = None,
    focus: Annotated[
        Path | None,
        typer.Option(
            "--focus", help="Write charges as FOCUS 1.4 Cost and Usage here, and commitments beside it."
        ),
    ] = None,
    until: Annotated[
        str | None,
        typer.Option(help="With --focus: charges before this day; the last record's, if left out."),
    ] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
) -> None:
    """Write every entry, with documents and seals, to a file that needs no database; or a bill of the leases."""
    from offtake.bootstrap.broker import export as exported
    from offtake.domain.errors import InvalidInput

    with outcomes():
        if (out is None) == (focus is None):
            raise InvalidInput("name one thing to write", hint="a file for the entries, or --focus FILE")
        if out is not None:
            count = exported(ledger, out)
            typer.echo(f"wrote {count:,} lines to {out}")
        elif focus is not None:
            _export_focus(ledger, focus, until)


def _export_focus(ledger: str, focus: Path, until: str | None) -> None:
    from offtake.bootstrap.focus_export import export_focus
    from offtake.entrypoints.cli.broker.forms import day

    found = export_focus(ledger, focus, None if until is None else day(until))
    typer.echo(f"wrote {found.charges:,} charges to {found.usage}")
    typer.echo(f"wrote {found.terms:,} commitments to {found.commitments}")
    for line in found.left_out:
        typer.echo(f"left out: {line}")


def as_of(
    subject: Annotated[str | None, typer.Argument(help="A need or a lease; all, if left out.")] = None,
    known: Annotated[str, typer.Option("--known", help="By what was recorded up to this time.")] = "",
    about: Annotated[
        str | None, typer.Option("--about", help="The day that is asked about; the same, if left out.")
    ] = None,
    ledger: LedgerAt = DEFAULT_LEDGER,
    as_json: AsJson = False,
) -> None:
    """Say what was known at one time about another: leases that run on the day, and where needs stood."""
    from offtake.bootstrap.broker import known_at
    from offtake.domain.errors import InvalidInput
    from offtake.entrypoints.cli.broker.forms import day, moment
    from offtake.entrypoints.cli.broker.tables import running, show_status, status_of

    with outcomes():
        then = moment(known or None)
        if then is None:
            raise InvalidInput("as-of asks what was known when", hint="write --known 2026-01-31")
        found = status_of(known_at(ledger, then), subject)
        found = running(found, then.date() if about is None else day(about))
        if as_json:
            say_json(found)
        else:
            show_status(found)


for name, command, example in (
    ("verify", verify, "offtake ledger verify --ledger deals.db"),
    ("log", log, "offtake ledger log --after 100"),
    ("show", show, "offtake ledger show 12"),
    ("balance", balance, "offtake ledger balance openai"),
    ("export", export, "offtake ledger export deals.jsonl"),
    ("as-of", as_of, "offtake ledger as-of --known 2026-01-31 --about 2027-07-01"),
):
    app.command(name, epilog=f"Example: `{example}`")(command)
