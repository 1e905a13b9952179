"""`offtake demand fit` and `offtake demand rates`: what a trace says, and how fast accelerators serve."""

from __future__ import annotations

from enum import StrEnum
from math import ceil, isfinite
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, cast

import typer

from offtake.entrypoints.cli.outcome import complain, leave, outcomes, say_json

if TYPE_CHECKING:
    from collections.abc import Callable

    from rich.console import Console
    from rich.table import Table

    from offtake.demand.queueing import Target
    from offtake.demand.traffic.capacity import Need
    from offtake.demand.traffic.trace import Tokens, Trace, TraceSummary


class Gap(StrEnum):
    """What becomes of a long silence."""

    refuse = "refuse"
    keep = "keep"
    cut = "cut"


class Scenario(StrEnum):
    """Scenarios of MLPerf Inference."""

    offline = "offline"
    server = "server"
    interactive = "interactive"


_WAYS = "--rate, --model with --accelerator, or --units-in with --units-out"
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def fit(
    trace: Annotated[
        Path, typer.Argument(help="A CSV: TIMESTAMP, ContextTokens, GeneratedTokens; in order of time.")
    ],
    target: Annotated[
        str, typer.Option(help="How many requests may wait how long: p99=2s is 99 % at most 2 s.")
    ] = "p99=2s",
    model: Annotated[
        str | None, typer.Option(help="A model that MLPerf measured, with --accelerator.")
    ] = None,
    accelerator: Annotated[str | None, typer.Option(help="An accelerator that MLPerf measured.")] = None,
    scenario: Annotated[Scenario, typer.Option(help="The scenario of the measurement.")] = Scenario.server,
    rate: Annotated[
        str | None, typer.Option(help="Tokens/s that one accelerator writes, instead of a measured one.")
    ] = None,
    rate_in: Annotated[
        str | None, typer.Option(help="Tokens/s that it reads; else reading is part of --rate.")
    ] = None,
    speed: Annotated[
        str | None,
        typer.Option(help="Tokens/s for each user; else the scenario's limit, or 20 (an assumption)."),
    ] = None,
    increment: Annotated[int, typer.Option(min=1, help="Accelerators come in multiples, such as 8.")] = 1,
    units_in: Annotated[
        str | None, typer.Option(help="Tokens/s that a provisioned unit reads; counts units instead.")
    ] = None,
    units_out: Annotated[str | None, typer.Option(help="Tokens/s that a provisioned unit writes.")] = None,
    burst: Annotated[
        str, typer.Option(help="Time of work that a unit's bucket holds (an assumption).")
    ] = "10s",
    gaps: Annotated[
        Gap, typer.Option(help="A long silence: refuse it, keep it as silence, or cut it out.")
    ] = Gap.refuse,
    gap: Annotated[
        str | None, typer.Option(help="What counts as one, such as 10min; else 100 means and a minute.")
    ] = None,
    plot: Annotated[
        Path | None, typer.Option(help="Draw the trace and its need into FILE.svg, .png or .html.")
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Fit a trace of requests: how they arrive, what they ask, and the capacity that holds a percentile of waiting."""
    from offtake.bootstrap import traffic
    from offtake.demand.traffic.trace import summary_of
    from offtake.entrypoints.cli.progress import stages_and_counts

    with outcomes():
        if plot is not None:
            traffic.check_picture(plot)
        aim = traffic.target_of(target)
        measured = _measured(model, accelerator, scenario)
        count = _needing(measured, rate, rate_in, speed, increment, units_in, units_out, burst)
        with stages_and_counts() as (_, tell):
            tell("reading the trace", 0, 0)
            read = traffic.read_trace(trace, gaps.value, gap)
            tell("fitting", 0, 0)
            summary = summary_of(read)
            need, source = (None, "") if count is None else count(read, aim, tell)
        if plot is not None:
            traffic.draw_trace(read, summary, need, f"{trace.name}, {read.seconds.size:,} requests", plot)
        if as_json:
            say_json(_record(trace, read, summary, need, source))
            return
        _say(read, summary, need, source)
        if plot is not None:
            typer.echo(f"wrote {plot}")


def _measured(model: str | None, accelerator: str | None, scenario: Scenario) -> tuple[str, str, str] | None:
    if (model is None) != (accelerator is None):
        complain("a measured rate is of a model on an accelerator", "give --model and --accelerator both")
        leave(2)
    return None if model is None or accelerator is None else (model, accelerator, scenario.value)


def _needing(
    measured: tuple[str, str, str] | None,
    rate: str | None,
    rate_in: str | None,
    speed: str | None,
    increment: int,
    units_in: str | None,
    units_out: str | None,
    burst: str,
) -> Callable[[Trace, Target, Callable[[str, int, int], None]], tuple[Need, str]] | None:
    """How to count the need, if a rate is given; read before the trace is, so that mistakes are told at once."""
    from offtake.bootstrap import traffic
    from offtake.demand.traffic.capacity import accelerators_needed, units_needed

    if (units_in is None) != (units_out is None):
        complain(
            "a provisioned unit has a rate each for reading and writing",
            "give --units-in and --units-out both",
        )
        leave(2)
    ways = [measured is not None, rate is not None, units_in is not None]
    if sum(ways) > 1:
        complain("more than one rate is given", f"give one of {_WAYS}")
        leave(2)
    if units_in is not None and units_out is not None:
        unit = traffic.unit_rate(units_in, units_out, burst)
        words = f"{units_in} read and {units_out} written by each unit, as stated; a burst of {burst}"
        return lambda trace, target, _: (units_needed(trace, unit, target, float(increment)), words)
    if not any(ways):
        return None
    one, source = traffic.accelerator_rate(rate, rate_in, speed, measured)
    words = (
        f"{one.tokens_out_per_s:.4g} tokens/s written by each ({source}), {one.speed_tokens_per_s:.3g} tokens/s for "
        f"each user: {one.at_once:.3g} requests at once on one accelerator"
    )
    return lambda trace, target, tell: (accelerators_needed(trace, one, target, increment, tell), words)


def _record(
    file: Path, trace: Trace, summary: TraceSummary, need: Need | None, source: str
) -> dict[str, Any]:
    from dataclasses import asdict

    record: dict[str, Any] = {"trace": file.name, "begins": trace.begins.isoformat(), "cut_s": trace.cut_s}
    record |= asdict(summary)
    for key in ("tokens_in", "tokens_out"):
        record[key]["fits"] = [{**one, "parameters": dict(one["parameters"])} for one in record[key]["fits"]]
        record[key]["quantiles"] = {f"p{q * 100:g}": value for q, value in record[key]["quantiles"]}
    record["capacity"] = (
        None if need is None else {"rate": source, **cast("dict[str, object]", _finite(asdict(need)))}
    )
    return record


def _finite(value: object) -> object:
    """A JSON value in which infinite waits are null."""
    if isinstance(value, dict):
        return {key: _finite(one) for key, one in cast("dict[str, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_finite(one) for one in cast("list[object]", value)]
    return None if isinstance(value, float) and not isfinite(value) else value


def _say(trace: Trace, summary: TraceSummary, need: Need | None, source: str) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    arrivals = summary.arrivals
    cut = f"; {trace.cut_s:,.0f} s of gaps cut" if trace.cut_s else ""
    console.print(
        f"{arrivals.requests:,} requests in {_time(arrivals.span_s)} from {trace.begins}{cut}: "
        f"{arrivals.rate_per_s:.3g} a second, {arrivals.busiest_minute_per_s:.3g} in the busiest minute."
    )
    windows = [_time(one.window_s) for one in arrivals.dispersion]
    table = page_table("How they arrive (1 would be Poisson)", "", *windows, right=len(windows))
    table.add_row("index of dispersion, in windows of", *(f"{one.index:.3g}" for one in arrivals.dispersion))
    if arrivals.dispersion:
        console.print(table)
    console.print(
        f"Times between requests have a coefficient of variation of {arrivals.interarrival_cv:.2f}."
    )
    _say_tokens(console, summary)
    if need is None:
        console.print(f"\nFor the capacity, give a rate: {_WAYS}.")
    else:
        _say_need(console, need, source)


def _say_tokens(console: Console, summary: TraceSummary) -> None:
    from offtake.entrypoints.cli.plan_page import page_table

    quantiles = [f"{q * 100:g} %" for q, _ in summary.tokens_in.quantiles]
    table = page_table("Tokens a request", "", "mean", "cv", *quantiles, "most", right=8)
    fitted = page_table("Families, best by AIC first", "", "family", "parameters", "distance", right=1)
    for name, one in (("read", summary.tokens_in), ("written", summary.tokens_out)):
        cells = (f"{one.mean:,.0f}", f"{one.cv:.2f}", *(f"{value:,.0f}" for _, value in one.quantiles))
        table.add_row(name, *cells, f"{one.largest:,}")
        _add_fits(fitted, name, one)
    console.print(table)
    console.print(fitted)
    console.print(
        f"Distance is the largest gap between the two distributions (Kolmogorov-Smirnov). Rank correlation of "
        f"tokens read and written: {summary.correlation:+.2f}.",
        style="dim",
    )


def _add_fits(table: Table, name: str, tokens: Tokens) -> None:
    for place, one in enumerate(tokens.fits):
        words = ", ".join(f"{key} {value:.4g}" for key, value in one.parameters)
        table.add_row(name if place == 0 else "", one.family, words, f"{one.distance:.3f}")


def _say_need(console: Console, need: Need, source: str) -> None:
    from offtake.entrypoints.cli.plan_page import page_table

    share = f"{need.target.share * 100:g} %"
    whole = need.unit == "accelerators"
    table = page_table(
        f"For {share} of requests to wait at most {_time(need.target.wait_s)}",
        "",
        need.unit,
        f"{share} wait at most, in the replay",
        right=2,
    )
    for name, capacity, wait_s in (
        (
            "the mean, rounded up" if whole else "the mean",
            ceil(need.mean) if whole else need.mean,
            need.wait_at_mean_s,
        ),
        ("by the queue model", need.model, need.wait_at_model_s),
        ("by replay of the trace", need.replay, need.wait_at_replay_s),
    ):
        table.add_row(name, f"{capacity:,.0f}" if whole else f"{capacity:,.1f}", _time(wait_s))
    console.print()
    console.print(table)
    console.print(_off(need.error))
    console.print(f"{source}.", style="dim")


def _off(error: float) -> str:
    if abs(error) < 0.0005:
        return "The model and the replay agree."
    return f"The model is {abs(error):.1%} {'above' if error > 0 else 'below'} the replay."


def _time(seconds: float) -> str:
    """`200 ms`, `2.5 s`, `3 min`, `58.4 min`, `2 h`; a word for no end."""
    if not isfinite(seconds):
        return "without end"
    if seconds >= 7200:
        return f"{seconds / 3600:.3g} h"
    if seconds >= 120:
        return f"{seconds / 60:.3g} min"
    if 0 < seconds < 1:
        return f"{seconds * 1000:.3g} ms"
    return f"{seconds:.3g} s"


def rates(
    model: Annotated[str | None, typer.Option(help="A benchmark's name or its beginning.")] = None,
    accelerator: Annotated[
        str | None, typer.Option(help="Words of its name, such as b200 or 'h200 nvl'.")
    ] = None,
    scenario: Annotated[Scenario | None, typer.Option(help="One scenario; else all.")] = None,
    as_json: AsJson = False,
) -> None:
    """Print measured serving rates by model and accelerator, and what each means."""
    from offtake.bootstrap import traffic
    from offtake.demand.traffic.rates import MEANINGS

    with outcomes():
        found, source = traffic.rates(model, accelerator, None if scenario is None else scenario.value)
        if as_json:
            from dataclasses import asdict

            say_json({"source": source, "scenarios": MEANINGS, "rates": [asdict(one) for one in found]})
            return
        from offtake.entrypoints.cli.plan_page import page_console, page_table

        console = page_console()
        names = ("model", "scenario", "accelerator", "best", "median", "results", "each user at least")
        table = page_table("Tokens written a second by one accelerator", *names, right=4)
        for one in found:
            speed = "" if one.speed_tokens_per_s is None else f"{one.speed_tokens_per_s:.3g} tokens/s"
            cells = (f"{value:,.0f}" for value in (one.tokens_per_s, one.median_tokens_per_s))
            table.add_row(one.model, one.scenario, one.accelerator, *cells, str(one.results), speed)
        console.print(table)
        for name, meaning in MEANINGS.items():
            if any(one.scenario == name for one in found):
                console.print(f"{name}: {meaning}.")
        console.print(f"{source}.", style="dim")
