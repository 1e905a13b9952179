"""`offtake demand forecast`: where a history of use leads, with intervals and with what such forecasts missed by."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.amounts import precise
from offtake.entrypoints.cli.outcome import outcomes, say_json

if TYPE_CHECKING:
    from offtake.demand.forecast import Errors, Forecast, Growth, History

SHOWN = 24


class Period(StrEnum):
    """How long a period is."""

    minute = "minute"
    hour = "hour"
    day = "day"
    week = "week"
    month = "month"
    quarter = "quarter"
    year = "year"


def forecast(
    history: Annotated[
        Path, typer.Argument(help="A CSV: date and value by period, FOCUS cost and usage, or a trace.")
    ],
    every: Annotated[Period, typer.Option(help="How long a period is.")] = Period.month,
    ahead: Annotated[int, typer.Option(min=1, max=2000, help="Periods to forecast.")] = 12,
    measure: Annotated[
        str | None,
        typer.Option(
            help="A column of the CSV; of FOCUS EffectiveCost, BilledCost, ConsumedQuantity ...; of a trace "
            "requests, tokens, tokens-in, tokens-out."
        ),
    ] = None,
    where: Annotated[
        list[str] | None, typer.Option(help="Only FOCUS rows with COLUMN=VALUE. May be repeated.")
    ] = None,
    level: Annotated[
        list[float] | None, typer.Option(help="Share of an interval in percent; else 80 and 95.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw history and forecast into FILE.svg, .png or .html.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")] = False,
) -> None:
    """Forecast use from its history, with intervals; and say how wrong such forecasts were before."""
    from offtake.bootstrap import traffic
    from offtake.entrypoints.cli.progress import stages_and_counts

    with outcomes():
        if plot is not None:
            traffic.check_picture(plot)
        shares = traffic.shares_of(level or [80.0, 95.0])
        read = traffic.read_history(history, every.value, measure, where or [])
        with stages_and_counts() as (_, count):
            found, growth, errors = traffic.forecast(
                read, ahead, shares, lambda done, of: count("forecasting the past", done, of)
            )
        if plot is not None:
            traffic.draw_forecast(
                read, found, errors, f"{history.name}, {len(read.values)} {every.value}s", plot
            )
        if as_json:
            say_json(_record(read, found, growth, errors))
            return
        _say(read, found, growth, errors)
        if plot is not None:
            typer.echo(f"wrote {plot}")


def _record(history: History, found: Forecast, growth: Growth, errors: Errors | None) -> dict[str, Any]:
    from dataclasses import asdict

    rows = [
        {
            "begins": begins,
            "median": float(found.median[n]),
            "intervals": {
                f"{share * 100:g} %": [float(found.lower[share][n]), float(found.upper[share][n])]
                for share in found.lower
            },
        }
        for n, begins in enumerate(_ahead(history, found))
    ]
    judged = None
    if errors is not None:
        judged = {
            **asdict(errors),
            "coverage": {f"{share * 100:g} %": seen for share, seen in errors.coverage},
        }
    return {
        "measure": history.measure,
        "every": history.every,
        "periods": len(history.values),
        "left_out": history.dropped,
        "form": found.form,
        "forecast": rows,
        "growth": asdict(growth),
        "backtest": judged,
    }


def _ahead(history: History, found: Forecast) -> list[str]:
    """The periods ahead, as they are called."""
    from offtake.demand.forecast import after

    form = "%Y-%m-%d %H:%M" if history.every in ("minute", "hour") else "%Y-%m-%d"
    return [after(history.begins[-1], history.every, n + 1).strftime(form) for n in range(found.median.size)]


def _say(history: History, found: Forecast, growth: Growth, errors: Errors | None) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    left_out = f" ({history.dropped} at the ends were not whole and are left out)" if history.dropped else ""
    console.print(
        f"{history.measure} in {len(history.values)} {history.every}s{left_out}. Form: {found.form}."
    )
    shares = list(found.lower)
    outward = sorted(shares, reverse=True)
    columns = [f"{one * 100:g} % from" for one in outward] + [
        f"{one * 100:g} % to" for one in reversed(outward)
    ]
    table = page_table(
        f"Forecast by {history.every}", history.every, "median", *columns, right=1 + len(columns)
    )
    names = _ahead(history, found)
    for n, name in enumerate(names[:SHOWN]):
        bounds = [found.lower[one][n] for one in outward] + [found.upper[one][n] for one in reversed(outward)]
        table.add_row(name, *(precise(float(one)) for one in (found.median[n], *bounds)))
    console.print(table)
    if len(names) > SHOWN:
        console.print(f"... and {len(names) - SHOWN} more (--json prints all).")
    console.print(_growth(growth))
    if errors is None:
        console.print("The history is too short to judge forecasts made from its earlier parts.")
        return
    covered = ", ".join(
        f"{seen:.0%} lay in the {share * 100:g} % interval" for share, seen in errors.coverage
    )
    console.print(
        f"Judged by the past, {errors.origins} forecasts of up to {errors.ahead} {history.every}s "
        f"({errors.scored} values): wrong by {errors.mape:.1%} in the mean (repeating the last: "
        f"{errors.naive_mape:.1%}); {covered}; pinball loss {errors.pinball:.2%} of the mean value."
    )


def _growth(growth: Growth) -> str:
    middle, low, high = growth.over_forecast
    text = f"Growth over the forecast: {middle:+.1%} ({growth.share * 100:g} % between {low:+.1%} and {high:+.1%})"
    if growth.per_year is not None:
        text += "; a year {:+.1%} ({:+.1%} to {:+.1%})".format(*growth.per_year)
    return f"{text}."
