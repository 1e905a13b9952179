"""Receipts beside a bill, as a table."""

from __future__ import annotations

from dataclasses import asdict
from typing import TYPE_CHECKING, Final

import typer

from offtake.entrypoints.cli.outcome import say_json

if TYPE_CHECKING:
    from offtake.bootstrap.gateway_reconciling import Reconciled
    from offtake.router.correcting import Comparison

_SHOWN: Final = 60


def show(found: Reconciled, *, written: bool, as_json: bool) -> None:
    """The lines of a bill with what receipts say of each, and what is corrected."""
    if as_json:
        say_json(
            {
                "begins": str(found.begins),
                "ends": str(found.ends),
                "lines": [_line(each) for each in found.lines],
                "corrections": len(found.corrections),
                "written": written,
                "rows_of_other_things": found.elsewhere,
                "unread": [line.model_dump() for line in found.unread],
            }
        )
        return
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    title = (
        f"Tokens by receipts and by the bill{f', the first {_SHOWN}' if len(found.lines) > _SHOWN else ''}"
    )
    table = page_table(
        title, "what", "month", "verdict", "measured", "estimated", "billed", "corrected", right=4
    )
    for each in found.lines[:_SHOWN]:
        line, used = each.line, each.used
        table.add_row(
            f"{line.product}/{line.model}/{line.way}",
            f"{line.month:%Y-%m}",
            each.verdict,
            f"{used.measured:,}",
            f"{used.estimated:,} ± {used.bound:,}" if used.estimated else "",
            "" if each.billed is None else f"{each.billed:,}",
            f"{each.correction:+,}" if each.correction else "",
        )
    console = page_console()
    console.print(table)
    for unread in found.unread:
        console.print(f"Not read: {unread.rows:,} rows ({unread.which}): {unread.reason}.", markup=False)
    _conclude(found, written=written)


def _conclude(found: Reconciled, *, written: bool) -> None:
    count = len(found.corrections)
    if count:
        estimates = "1 estimate is" if count == 1 else f"{count} estimates are"
        kept = "kept beside the receipts" if written else "not kept: add --write"
        typer.echo(f"{estimates} corrected by the bill, and {kept}.")
    off = sum(each.verdict not in ("agrees", "corrected") for each in found.lines)
    if off:
        typer.echo(f"{'1 line differs' if off == 1 else f'{off} lines differ'}: somebody should ask.")
    elif not count:
        typer.echo("Receipts and bill agree.")


def _line(each: Comparison) -> dict[str, object]:
    return {
        **each.line._asdict(),
        "month": f"{each.line.month:%Y-%m}",
        **asdict(each.used),
        "billed": each.billed,
        "verdict": each.verdict,
        "correction": each.correction,
    }
