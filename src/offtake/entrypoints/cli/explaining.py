"""`offtake explain`: may this run there, and by which clauses."""

from __future__ import annotations

from dataclasses import asdict
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.outcome import NO, leave, loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.law.explain import Explanation
    from offtake.law.primitives import Origin

COLOURS = {"permitted": "green", "obliged": "yellow", "refused": "red"}


def explain(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    workload: Annotated[str, typer.Argument(help="A workload of the estate.")],
    supply: Annotated[
        str | None, typer.Argument(help="A supply, site, product or deployment; all if left out.")
    ] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; else the horizon's first.")
    ] = None,
    until: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="The end of a longer interval, not included."),
    ] = None,
    known_at: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="Only agreements signed by this day; else all."),
    ] = None,
    event: Annotated[
        list[str] | None, typer.Option(help="Suppose an event: NAME=DATE. May be repeated.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Say where a workload may run, and which clauses refuse the rest."""
    from offtake.bootstrap import estates
    from offtake.domain.errors import InvalidInput
    from offtake.domain.selection import Interval
    from offtake.law.explain import explain as explained

    with outcomes():
        read = loaded(estate)
        begins = read.estate.horizon.begins if on is None else on.date()
        ends = begins + timedelta(days=1) if until is None else until.date()
        if ends <= begins:
            raise InvalidInput(f"the interval ends on {ends}, before it begins on {begins}")
        law = estates.law_of(read.estate, None if known_at is None else known_at.date())
        position = estates.position(read.estate, estates.supposed(read.estate, event or []))
        rows = explained(read.estate, law, position, workload, Interval(begins, ends), supply)
        if as_json:
            say_json([_record(row) for row in rows])
        else:
            _show(rows, workload, begins, ends, one=supply is not None)
        if supply is not None and not any(row.answer != "refused" for row in rows):
            leave(NO)


def _record(row: Explanation) -> dict[str, Any]:
    record = asdict(row)
    record["clauses"] = [{**asdict(cited.origin), "text": cited.text} for cited in row.clauses]
    record["obligations"] = [
        {"kind": one.kind, "who": one.who, "clause": one.origin.clause} for one in row.obligations
    ]
    return record


def _show(rows: tuple[Explanation, ...], workload: str, begins: date, ends: date, *, one: bool) -> None:
    from rich.text import Text

    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    days = f"on {begins}" if (ends - begins).days == 1 else f"from {begins} until {ends}"
    if not rows:
        console.print(f"No supply of the estate can serve `{workload}`: none holds a model that it accepts.")
        return
    table = page_table(
        f"Where {workload} may run {days}",
        "supply",
        "answer",
        "to",
        "for clients in",
        "model",
        "by which clause",
    )
    clients = {region for row in rows for region in row.client_regions}
    for row in rows:
        everywhere = len(clients) > 1 and set(row.client_regions) == clients
        table.add_row(
            row.supply,
            Text(row.answer, style=COLOURS[row.answer]),
            row.action,
            "all" if everywhere else ", ".join(row.client_regions),
            ", ".join(row.models),
            ", ".join(cited.origin.clause for cited in row.clauses),
        )
    console.print(table)
    for clause, said in _said(rows).items() if one else _written(rows).items():
        console.print(Text.assemble((clause, "bold"), said))


def _said(rows: tuple[Explanation, ...]) -> dict[str, str]:
    """What each clause says here, with its quote; a reason begins with the clause that it cites."""
    found: dict[str, str] = {}
    for cited in (cited for row in rows for cited in row.clauses):
        origin = cited.origin
        rest = cited.text.removeprefix(origin.clause)
        told = rest if rest != cited.text else f": {cited.text}{_place(origin)}"
        found.setdefault(origin.clause, f"{told}.{_quote(origin)}")
    return dict(sorted(found.items()))


def _written(rows: tuple[Explanation, ...]) -> dict[str, str]:
    """Where each clause is written, with its quote; those that state no document are left out."""
    origins = {cited.origin.clause: cited.origin for row in rows for cited in row.clauses}
    found = {clause: f"{_place(one)}{_quote(one)}" for clause, one in sorted(origins.items())}
    return {clause: text for clause, text in found.items() if text}


def _place(origin: Origin) -> str:
    place = ", ".join(part for part in (origin.document, origin.section) if part)
    return f" ({place})" if place else ""


def _quote(origin: Origin) -> str:
    return f" “{origin.quote}”" if origin.quote else ""
