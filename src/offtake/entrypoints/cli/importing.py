"""`offtake import`: other people's files into an estate, with an account of every row."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offtake.entrypoints.cli.outcome import NO, complain, leave, outcomes, say_json
from offtake.entrypoints.cli.progress import stages_and_counts

if TYPE_CHECKING:
    from rich.table import Table

    from offtake.bootstrap.importing import Imported
    from offtake.domain.imports import AccountLine, ImportAccount

_SHOWN: Final = 12
_WHICH: Final = 80


class ImportKind(StrEnum):
    """What a file is."""

    xlsx = "xlsx"
    skypilot = "skypilot-catalog"
    focus = "focus"
    epoch = "epoch"
    latency = "latency"
    litellm = "litellm"


def import_(
    kind: Annotated[ImportKind, typer.Argument(help="What the file is.")],
    file: Annotated[Path, typer.Argument(help="The file; for `epoch`, a folder of its CSVs too.")],
    into: Annotated[Path, typer.Option(help="The estate, a YAML file.")],
    name: Annotated[
        str | None, typer.Option("--as", help="Write imported/NAME.yaml; else the kind's own name.")
    ] = None,
    mapped: Annotated[
        list[str] | None,
        typer.Option("--map", help="NAME=ID: what the file calls NAME is the estate's ID. May be repeated."),
    ] = None,
    provider: Annotated[
        str | None, typer.Option(help="The provider of all rows, where the file names none.")
    ] = None,
    region: Annotated[
        str | None, typer.Option(help="The region of what the file states no region for.")
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would happen; write nothing.")] = False,
    account: Annotated[
        Path | None, typer.Option(help="Write what became of every single row into this CSV.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the account as JSON.")] = False,
) -> None:
    """Take other people's data into an estate: into a file of its own beside it, with an account of every row."""
    from offtake.bootstrap.importing import ImportRequest, run_import

    with outcomes():
        request = ImportRequest(
            kind.value,
            file,
            into,
            name,
            pairs(mapped or []),
            provider,
            region,
            dry_run=dry_run,
            account=account,
        )
        with stages_and_counts() as (_, count):
            count("reading rows", 0, 0)
            done = run_import(request, count)
        if as_json:
            from offtake.adapters.estate_yaml import problem_records

            say_json({**done.account.model_dump(mode="json"), "problems": problem_records(done.problems)})
        else:
            _show(done, dry_run=dry_run)
        if done.refused or not (done.account.used or done.account.changed):
            leave(NO)


def pairs(texts: list[str]) -> dict[str, str]:
    """`NAME=ID` texts as a mapping. Raises InvalidInput for one without its `=`."""
    from offtake.domain.errors import InvalidInput

    found: dict[str, str] = {}
    for text in texts:
        name, equals, id = text.rpartition("=")
        if not equals or not name or not id:
            raise InvalidInput(f"`{text}` is not NAME=ID", hint="such as --map 'West Europe=eu-west'")
        found[name] = id
    return found


def _show(done: Imported, *, dry_run: bool) -> None:
    from offtake.adapters.estate_yaml import problem_lines
    from offtake.entrypoints.cli.plan_page import page_console

    account = done.account
    console = page_console()
    console.print(
        f"{account.file}: {account.rows:,} rows read, {account.used:,} used, {account.changed:,} changed, "
        f"{account.left_out:,} left out.\n"
    )
    for name in dict.fromkeys(line.table for line in account.lines):
        console.print(_line_table(name, [line for line in account.lines if line.table == name]))
    for note in account.notes:
        console.print(f"Note: {note}.", markup=False)
    _say_entries(account)
    for line in problem_lines(done.problems):
        console.print(line, style="dim", markup=False)
    _say_end(done, dry_run=dry_run)


def _line_table(name: str, lines: list[AccountLine]) -> Table:
    """What became of the rows of one table."""
    from rich import box
    from rich.table import Table

    table = Table(
        box=box.SIMPLE_HEAD,
        title=name,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1),
    )
    table.add_column("rows", justify="right", no_wrap=True)
    table.add_column("", no_wrap=True)
    table.add_column("why", overflow="fold", ratio=3)
    table.add_column("which rows", overflow="fold", ratio=2)
    for line in lines:
        shown = f"\nsuch as: {'; '.join(line.examples)}" if line.examples else ""
        which = line.which if len(line.which) <= _WHICH else f"{line.which[:_WHICH].rsplit(',', 1)[0]} …"
        table.add_row(f"{line.rows:,}", line.outcome, f"{line.reason}{shown}", which)
    return table


def _say_entries(account: ImportAccount) -> None:
    from offtake.entrypoints.cli.plan_page import page_console

    console = page_console()
    for word, paths in (
        ("Added", account.added),
        ("Altered", account.altered),
        ("Removed", account.removed),
    ):
        if paths:
            more = f" and {len(paths) - _SHOWN:,} more" if len(paths) > _SHOWN else ""
            console.print(f"{word} {len(paths):,}: {', '.join(paths[:_SHOWN])}{more}.", markup=False)
    if account.entries_kept:
        console.print(f"Unchanged: {account.entries_kept:,} entries of an earlier import.")


def _say_end(done: Imported, *, dry_run: bool) -> None:
    account = done.account
    if done.refused:
        complain(
            "nothing was written: the estate as it would be has the errors above",
            "mend them in the estate or in the file, and import again",
        )
    elif not (account.used or account.changed):
        complain("nothing was written: no row could be used", "the table above says why, row by row")
    elif account.wrote:
        typer.echo(f"Wrote {' and '.join(account.wrote)}. Next: offtake plan {account.into}")
    elif dry_run and (account.added or account.altered or account.removed):
        typer.echo(f"A dry run: nothing was written. It would write {account.writes}.")
    else:
        typer.echo(f"Nothing changes: {account.writes} holds the same already.")
