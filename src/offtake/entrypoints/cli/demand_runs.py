"""`offtake demand runs` and `chain`: published training runs beside predictions, and an estate's from loss to money."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.demand.training.chain import TrainingChain
    from offtake.demand.training.published_runs import Prediction


def runs(
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of tables.")] = False,
) -> None:
    """Predict published training runs from size and tokens, beside what was reported, errors as they are."""
    from offtake.bootstrap import training

    with outcomes():
        found = training.published()
        if as_json:
            say_json([_record(one) for one in found])
            return
        _say(found)


def _record(one: Prediction) -> dict[str, object]:
    run = one.run
    return {
        "run": run.name,
        "parameters": run.parameters,
        "tokens": run.tokens,
        "flop": one.flop,
        "accelerator": run.chip,
        "accelerators": run.accelerators,
        "mfu": {"share": one.mfu.share, "source": one.mfu.source, "assumed": one.mfu.assumed},
        "goodput": {
            "share": one.goodput.share,
            "source": one.goodput.source,
            "assumed": one.goodput.assumed,
        },
        "predicted": {
            "accelerator_hours": one.cost.accelerator_hours,
            "days": one.cost.days,
            "energy_mwh": one.cost.energy_mwh,
            "usd": one.cost.usd,
        },
        "reported": {
            "accelerator_hours": run.hours,
            "days": run.days,
            "energy_mwh": run.energy_mwh,
            "usd": run.usd,
        },
        "error": one.error,
        "circular": list(one.circular),
        "source": run.source,
        "note": run.note,
    }


def _say(found: tuple[Prediction, ...]) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    hours = page_table(
        "Accelerator-hours (thousand) and days: predicted from 6·N·D, and reported",
        *("run", "on", "FLOP", "MFU", "goodput", "hours", "reported", "error", "days", "reported"),
        right=8,
    )
    money = page_table(
        "Energy (MWh, all-in IT power × PUE) and rent (million USD): predicted, and reported",
        *("run", "energy", "reported", "rent", "reported"),
        right=4,
    )
    for one in found:
        run, cost = one.run, one.cost
        hours.add_row(
            run.name + ("*" if one.circular else ""),
            run.chip if run.accelerators is None else f"{run.accelerators:,.0f} {run.chip}",
            f"{one.flop:.3g}",
            f"{one.mfu.share:.1%}",
            f"{one.goodput.share:.0%}",
            f"{cost.accelerator_hours / 1e3:,.0f}",
            f"{run.hours / 1e3:,.0f}",
            f"{one.error:+.0%}",
            _or_nothing(cost.days),
            _or_nothing(run.days),
        )
        money.add_row(
            run.name + ("*" if one.circular else ""),
            f"{cost.energy_mwh:,.0f}",
            _or_nothing(run.energy_mwh),
            f"{cost.usd / 1e6:,.2f}",
            "" if run.usd is None else f"{run.usd / 1e6:,.2f}",
        )
    console.print(hours)
    console.print(money)
    console.print("* not independent of the run:")
    for one in found:
        for what in one.circular:
            console.print(f"  {one.run.name}: {what}")
    console.print("Sources of each number: --json, and docs/scaling-laws.md.")


def _or_nothing(value: float | None) -> str:
    return "" if value is None else f"{value:,.0f}"


def chain(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    run: Annotated[str | None, typer.Argument(help="A training run; else all of them.")] = None,
    accelerator: Annotated[
        str | None, typer.Option(help="Count in this accelerator; else in the one that needs least power.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Show what a training run takes: loss, size, tokens, FLOP, accelerators, power, money, each with its source."""
    from dataclasses import asdict

    from offtake.bootstrap import training

    with outcomes():
        found = training.chains(loaded(estate).estate, run, accelerator)
        if as_json:
            say_json([asdict(one) for one in found])
        elif run is not None:
            _say_chain(found[0])
        else:
            _say_chains(found)


def _say_chain(found: TrainingChain) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    table = page_table(found.run, "", "", "unit", "how", "where it is from")
    table.columns[1].justify = "right"
    table.columns[1].no_wrap = True
    for link in found.links:
        origin = "assumed" if link.assumed else link.source or ""
        table.add_row(link.name, _quantity(link.value), link.unit, link.how, origin)
    page_console().print(table)
    if found.accelerator is None:
        typer.echo("No accelerator at hand that the run may use states a peak and an MFU.")


def _say_chains(found: tuple[TrainingChain, ...]) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    shown = {
        "target loss": "loss",
        "tokens": "tokens",
        "training FLOP": "FLOP",
        "accelerators": "accelerators",
        "power": "MW",
        "to buy": "to buy",
    }
    table = page_table("Training runs, from loss to money", "run", "on", *shown.values(), right=len(shown))
    for one in found:
        values = [one.value(name) for name in shown]
        cells = ["" if value is None else _quantity(value) for value in values]
        table.add_row(one.run, one.accelerator or "", *cells)
    page_console().print(table)


def _quantity(value: float) -> str:
    if value >= 1e15:
        return f"{value:.3g}"
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million")):
        if value >= size:
            return f"{value / size:.3g} {word}"
    return f"{value:,.0f}" if value >= 100 else f"{value:.5g}"
