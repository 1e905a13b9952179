"""`offtake laws frontier`: the best size and tokens for a budget, law by law."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.laws_asking import AsJson, LawName, brief, chosen
from offtake.entrypoints.cli.outcome import outcomes, say_json

if TYPE_CHECKING:
    from offtake.demand.scaling_laws.optimum import Optimum


def frontier(
    begin: Annotated[str, typer.Option("--from", help="The smallest budget, in FLOP.")] = "1e19",
    end: Annotated[str, typer.Option("--to", help="The largest budget, in FLOP.")] = "1e27",
    law: LawName = "all",
    plot: Annotated[Path | None, typer.Option(help="Draw it into FILE.svg, .png or .html.")] = None,
    as_json: AsJson = False,
) -> None:
    """Show how the best size and tokens grow with the budget, law by law."""
    from offtake.bootstrap import scaling
    from offtake.domain.errors import InvalidInput

    with outcomes():
        low, high = scaling.amount(begin, "flop"), scaling.amount(end, "flop")
        if not 0 < low < high < float("inf"):
            raise InvalidInput("`--from` is above zero and below `--to`", hint="--from 1e19 --to 1e27")
        if plot is not None:
            scaling.check_picture(plot)
        found = {name: scaling.frontier(one, low, high) for name, one in chosen(law).items()}
        if plot is not None:
            scaling.draw_frontiers(found, plot)
        if as_json:
            say_json(
                [
                    {"law": name, "flop": c, "parameters": n, "tokens": d}
                    for name, best in found.items()
                    for c, n, d in zip(
                        best.flop.tolist(), best.parameters.tolist(), best.tokens.tolist(), strict=True
                    )
                ]
            )
            return
        _say_frontiers(found)
        if plot is not None:
            typer.echo(f"wrote {plot}")


def _say_frontiers(found: dict[str, Optimum]) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    for what, title in (("parameters", "The best parameters"), ("tokens", "The best tokens")):
        first = next(iter(found.values()))
        step = max(1, (len(first.flop) - 1) // 8)
        budgets = [f"{c:.0e}" for c in first.flop[::step].tolist()]
        table = page_table(f"{title}, by FLOP", "law", *budgets, right=len(budgets))
        for name, best in found.items():
            row = (best.parameters if what == "parameters" else best.tokens)[::step]
            table.add_row(name, *(brief(one) for one in row.tolist()))
        page_console().print(table)
