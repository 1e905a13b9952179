"""The commands of `offtake`: parse, call, render. Each stands in a file of its own."""

from __future__ import annotations

from typing import Annotated

import typer

from offtake import __version__
from offtake.entrypoints.cli import broker, ledger
from offtake.entrypoints.cli.comparing import compare
from offtake.entrypoints.cli.demand import demand
from offtake.entrypoints.cli.demand_runs import chain, runs
from offtake.entrypoints.cli.diary import calendar
from offtake.entrypoints.cli.estates import check, new, schema
from offtake.entrypoints.cli.explaining import explain
from offtake.entrypoints.cli.financing import finance
from offtake.entrypoints.cli.gateway import gateway
from offtake.entrypoints.cli.importing import import_
from offtake.entrypoints.cli.laws import laws
from offtake.entrypoints.cli.planning import plan
from offtake.entrypoints.cli.pricing import price
from offtake.entrypoints.cli.questions import what_if
from offtake.entrypoints.cli.reconciling import reconcile

app = typer.Typer(
    name="offtake",
    no_args_is_help=True,
    add_completion=False,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
    help="Plan AI compute that is bought, built and borrowed under contract.",
    epilog="Exit status: 0 yes; 1 the answer is no (problems, a refusal, no plan); 2 the input cannot be used; "
    "3 the solver or storage failed; 130 interrupted.",
)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"offtake {__version__}")
        raise typer.Exit


@app.callback()
def offtake(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Plan AI compute that is bought, built and borrowed under contract."""


for command, example in (
    (new, "offtake new --kind company acme"),
    (check, "offtake check estate.yaml"),
    (explain, "offtake explain estate.yaml assistant --on 2027-03-01"),
    (plan, "offtake plan estate.yaml --known-at 2025-10-28 --out out/plan"),
    (price, "offtake price cloud.spend estate.yaml"),
    (what_if, "offtake what-if estate.yaml --price h100=-30% --scale demand.chat=1.5"),
    (compare, "offtake compare estate.yaml --known-at 2025-01-21 --known-at 2025-10-28"),
    (calendar, "offtake calendar estate.yaml --out deadlines.ics"),
    (import_, "offtake import skypilot-catalog aws.csv --into estate.yaml --dry-run"),
    (reconcile, "offtake reconcile estate.yaml invoice-2026-01.csv"),
    (finance, "offtake finance out/plan"),
    (schema, "offtake schema > estate.schema.json"),
):
    app.command(command.__name__.strip("_").replace("_", "-"), epilog=f"Example: `{example}`")(command)

demand.command(epilog="Example: `offtake demand runs --json`")(runs)
demand.command(epilog="Example: `offtake demand chain estate.yaml final-2027`")(chain)
app.add_typer(demand, name="demand")
app.add_typer(laws)
app.add_typer(broker.app, name="broker")
app.add_typer(ledger.app, name="ledger")
app.add_typer(gateway, name="gateway")
