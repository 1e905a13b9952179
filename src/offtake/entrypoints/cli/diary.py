"""`offtake calendar`: what is due when, and the money at stake, as a table, CSV or iCalendar."""

from __future__ import annotations

from collections import Counter
from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import loaded, outcomes, say_json
from offtake.entrypoints.cli.planning import AsJson, Day, Events

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.law.diary import DiaryEntry

COLOURS = {"notice": "yellow", "response": "yellow", "renewal": "cyan", "true-up": "magenta", "expiry": "red"}


def calendar(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    begins: Annotated[
        datetime | None,
        typer.Option("--from", formats=["%Y-%m-%d"], help="The first day; else the horizon's."),
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The first day no longer shown; else the horizon's end."),
    ] = None,
    party: Annotated[
        str | None, typer.Option("--for", help="Only what concerns this party; else everything.")
    ] = None,
    known_at: Day = None,
    event: Events = None,
    out: Annotated[Path | None, typer.Option(help="Write a file that ends in .ics or .csv.")] = None,
    as_json: AsJson = False,
) -> None:
    """Say what is due when: notices, answers, renewals, true-ups and expiries, with the money at stake."""
    from offtake.bootstrap import diary

    with outcomes():
        read = loaded(estate)
        day = None if known_at is None else known_at.date()
        first = None if begins is None else begins.date()
        last = None if until is None else until.date()
        entries = diary.diary(read, day, event or [], first, last, party)
        if out is not None:
            diary.write(read, day, entries, out)
        if as_json:
            say_json([_record(one, read.estate.currency) for one in entries])
        else:
            _show(entries, read.estate.name or str(estate), read.estate.currency)
            if out is not None:
                typer.echo(f"{_counted(len(entries))} written to {out}")


def _record(one: DiaryEntry, currency: str) -> dict[str, object]:
    return {
        "on": one.on.isoformat(),
        "act_by": one.act_by.isoformat(),
        "kind": one.kind,
        "subject": one.subject,
        "what": one.what,
        "parties": list(one.parties),
        "at_stake_cents": one.at_stake_cents,
        "currency": currency if one.at_stake_cents is not None else None,
        "basis": one.basis,
        "clause": one.clause,
        "document": one.document,
        "section": one.section,
        "key": one.key,
    }


def _counted(count: int) -> str:
    return f"{count} {'entry' if count == 1 else 'entries'}"


def _show(entries: Sequence[DiaryEntry], name: str, currency: str) -> None:
    from rich.text import Text

    from offtake.entrypoints.cli.amounts import money
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    if not entries:
        console.print("Nothing is due in these days.")
        return
    table = page_table(
        f"{name}: what is due",
        "last day",
        "",
        "kind",
        "subject and what is due",
        f"at stake, {currency}",
        right=1,
    )
    year = entries[0].on.year
    for one in entries:
        if one.on.year != year:
            table.add_section()
            year = one.on.year
        text = Text.assemble((one.subject, "bold"), f"\n{one.what}")
        if one.act_by != one.on:
            text.append(f"; last business day {one.act_by.isoformat()}", style="yellow")
        stake = "" if one.at_stake_cents is None else money(one.at_stake_cents)
        table.add_row(
            one.on.isoformat(),
            f"{one.on:%a}",
            Text(one.kind, style=COLOURS.get(one.kind, "green")),
            text,
            stake,
        )
    console.print(table)
    kinds = Counter(one.kind for one in entries)
    told = ", ".join(f"{count} {kind}" for kind, count in sorted(kinds.items(), key=lambda each: -each[1]))
    console.print(Text(f"{_counted(len(entries))}: {told}.", style="dim"))
    console.print(
        Text(
            "At stake: what a window owes if nothing is taken, or what a year or the next term costs; amounts overlap, "
            "so they are not added.",
            style="dim",
        )
    )
