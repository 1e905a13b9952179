"""`offtake demand runs`: published training runs beside what is predicted for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import outcomes, say_json

if TYPE_CHECKING:
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
