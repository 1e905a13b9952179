"""`offtake demand`: where the need comes from."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.amounts import precise
from offtake.entrypoints.cli.demand_forecast import forecast
from offtake.entrypoints.cli.demand_trace import fit, rates
from offtake.entrypoints.cli.outcome import loaded, outcomes, say_json

if TYPE_CHECKING:
    from rich.table import Table

    from offtake.demand.traffic.chain import InferenceChain

demand = typer.Typer(
    name="demand",
    no_args_is_help=True,
    rich_markup_mode="markdown",
    help="Say where the need comes from: people and their requests, traces, and histories of use.",
)

demand.command(
    epilog="Example: `offtake demand fit trace.csv --model llama3.1-405b --accelerator gb200 --target p99=2s`"
)(fit)
demand.command(epilog="Example: `offtake demand rates --model llama3.1-405b --scenario server`")(rates)
demand.command(epilog="Example: `offtake demand forecast usage.csv --every month --ahead 12`")(forecast)

AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


@demand.command(epilog="Example: `offtake demand profile estate.yaml assistant --on 2027-01-01`")
def profile(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    workload: Annotated[str | None, typer.Argument(help="An inference class; else all of them.")] = None,
    on: Annotated[
        datetime | None, typer.Option(formats=["%Y-%m-%d"], help="The day; else the horizon's first.")
    ] = None,
    accelerator: Annotated[
        str | None, typer.Option(help="Count in this accelerator; else in the one that needs least power.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Show what people need in typical hours: users, requests, tokens a second, accelerators."""
    from offtake.bootstrap import traffic

    with outcomes():
        day = None if on is None else on.date()
        found = traffic.chains(loaded(estate).estate, workload, day, accelerator)
        if as_json:
            say_json([_chain_record(one) for one in found])
        elif workload is not None:
            _show_chain(found[0])
        else:
            _show_chains(found)


def _chain_record(chain: InferenceChain) -> dict[str, Any]:
    from dataclasses import asdict

    return {**asdict(chain), "on": chain.on.isoformat()}


def _show_chain(chain: InferenceChain) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    table = page_table(f"{chain.workload} on {chain.on}", "", "", "unit", "how", "where it is from")
    table.columns[1].justify = "right"
    table.columns[1].no_wrap = True
    for link in chain.links:
        origin = "assumed" if link.assumed else link.source or ""
        table.add_row(link.name, precise(link.value), link.unit, link.how, origin)
    console.print(table)
    console.print(_loads((chain,), regions=True))
    if chain.accelerator is None:
        console.print(f"No accelerator has a rate for {chain.model}: it can only be bought by tokens.")


def _show_chains(found: tuple[InferenceChain, ...]) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    table = page_table(
        f"What people need on {found[0].on}", "class", "users", "tokens/s", "busiest", "", right=4
    )
    table.columns[4].header = "accelerators"
    for chain in found:
        links = {link.name: link for link in chain.links}
        cells = [precise(links[name].value) if name in links else "" for name in ("users", "mean load")]
        busiest = links.get("busiest load", links["mean load"])
        count = links.get("accelerators")
        machines = "" if count is None else f"{precise(count.value)} {count.unit}"
        table.add_row(chain.workload, *cells, precise(busiest.value), machines)
    console.print(table)
    if found[0].hours:
        console.print(_loads(found, regions=False))
    console.print("Name a class to see each step with its source.", style="dim")


def _loads(found: tuple[InferenceChain, ...], *, regions: bool) -> Table:
    """Tokens a second in each typical hour, by class or by a class's regions."""
    from offtake.entrypoints.cli.plan_page import page_table

    hours = [one.hour for one in found[0].hours]
    title = "Tokens a second in typical hours" if hours else "Tokens a second"
    table = page_table(title, "region" if regions else "class", "mean", *hours, right=1 + len(hours))
    for chain in found:
        if not regions:
            mean = sum(one.tokens_in_per_s + one.tokens_out_per_s for one in chain.regions)
            table.add_row(chain.workload, precise(mean), *(precise(one.tokens_per_s) for one in chain.hours))
            continue
        for one in chain.regions:
            mean, shape = one.tokens_in_per_s + one.tokens_out_per_s, dict(one.profile)
            table.add_row(
                one.region, precise(mean), *(precise(mean * shape.get(hour, 1.0)) for hour in hours)
            )
    return table
