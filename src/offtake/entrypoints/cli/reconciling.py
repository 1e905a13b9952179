"""`offtake reconcile`: a provider's bill beside what the estate expects."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from offtake.entrypoints.cli.outcome import NO, leave, loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.domain.imports import AccountLine
    from offtake.domain.reconciliation import ChargeRow, ClauseRow, Reconciliation

_SHOWN: Final = 40


def reconcile(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    invoice: Annotated[Path, typer.Argument(help="The bill: FOCUS cost and usage, CSV or Parquet.")],
    mapped: Annotated[
        list[str] | None,
        typer.Option(
            "--map",
            help="NAME=ID: what the bill calls NAME is the estate's provider or product ID, a model's price as "
            "PRODUCT/MODEL/in, or clause:AGREEMENT.CLAUSE. May be repeated.",
        ),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Compare a bill with the estate: each charge with its stated price, each clause with what was counted on it."""
    from offtake.bootstrap import reconciling
    from offtake.entrypoints.cli.importing import pairs

    with outcomes():
        found, unread = reconciling.reconcile(loaded(estate), invoice, pairs(mapped or []))
        if as_json:
            say_json({**found.model_dump(mode="json"), "unread": [line.model_dump() for line in unread]})
        else:
            _show(found, unread)
        if found.differing or found.left_out:
            leave(NO)


def _show(found: Reconciliation, unread: tuple[AccountLine, ...]) -> None:
    from offtake.entrypoints.cli.amounts import money
    from offtake.entrypoints.cli.plan_page import page_console

    console = page_console()
    billed = " and ".join(money(cents, currency) for currency, cents in found.billed_cents.items())
    console.print(f"{found.bill}: {billed or 'nothing'} billed from {found.begins} until {found.ends}.")
    charges = [row for row in found.charges if row.verdict != "agrees"]
    agreeing = [row for row in found.charges if row.verdict == "agrees"]
    if agreeing:
        kinds = (
            "1 kind of charges agrees" if len(agreeing) == 1 else f"{len(agreeing)} kinds of charges agree"
        )
        console.print(f"{kinds} to the cent with what the estate states ({_sum(agreeing)} billed).")
    if charges:
        console.print(_charge_table(charges))
    if found.clauses:
        console.print(_clause_table(found.clauses))
    for line in unread:
        console.print(f"Not read: {line.rows:,} rows ({line.which}): {line.reason}.", markup=False)
    _conclude(found)


def _sum(rows: list[ChargeRow]) -> str:
    from offtake.entrypoints.cli.amounts import money

    totals: dict[str, int] = {}
    for row in rows:
        totals[row.currency] = totals.get(row.currency, 0) + row.billed_cents
    return " and ".join(money(cents, currency) for currency, cents in sorted(totals.items()))


def _conclude(found: Reconciliation) -> None:
    if found.differing or found.left_out:
        unread = f"; {found.left_out:,} rows could not be read" if found.left_out else ""
        differ = "1 difference asks" if found.differing == 1 else f"{found.differing} differences ask"
        typer.echo(f"{differ} for an answer{unread}.")
    else:
        waiting = f"; {found.open} cannot be told yet" if found.open else ""
        typer.echo(f"Every charge agrees or is explained{waiting}.")


def _exact(cents: int | None) -> str:
    return "" if cents is None else f"{cents / 100:,.2f}"


def _charge_table(rows: list[ChargeRow]) -> object:
    from offtake.entrypoints.cli.plan_page import page_table

    order = {"differs": 0, "open": 1, "explained": 2, "agrees": 3}
    rows = sorted(rows, key=lambda row: (order[row.verdict], -abs(row.difference_cents or row.billed_cents)))
    title = f"Charges that do not simply agree{f', the first {_SHOWN}' if len(rows) > _SHOWN else ''}"
    table = page_table(title, "what", "month", "verdict", "why", "billed", "expected", right=2)
    for row in rows[:_SHOWN]:
        part = " ".join(part for part in (row.model, row.tokens) if part)
        what = f"{row.what}{f' ({part})' if part else ''}"
        table.add_row(
            what[:40],
            f"{row.month:%Y-%m}",
            row.verdict,
            row.why,
            f"{_exact(row.billed_cents)} {row.currency}",
            _exact(row.expected_cents),
        )
    return table


def _clause_table(rows: tuple[ClauseRow, ...]) -> object:
    from offtake.entrypoints.cli.plan_page import page_table

    table = page_table(
        "Clauses", "clause", "from", "verdict", "why", "counted", "billed", "expected", right=3
    )
    for row in rows:
        table.add_row(
            row.clause,
            row.begins.isoformat(),
            row.verdict,
            row.why,
            f"{row.counted}{f' of {row.committed}' if row.committed else ''}",
            f"{_exact(row.billed_cents)} {row.currency}",
            _exact(row.expected_cents),
        )
    return table
