"""`offtake laws fit`: a scaling law from training runs."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import NO, complain, leave, outcomes, say_json

if TYPE_CHECKING:
    from offtake.adapters.scaling_points import ScalingPoints
    from offtake.demand.scaling_laws.fitting import Fit


def fit(
    points: Annotated[
        Path, typer.Argument(help="A CSV with columns `parameters`, `loss`, and `tokens` or `flop`.")
    ],
    bootstrap: Annotated[
        int, typer.Option(min=0, help="Resamples for standard errors; 0 takes the asymptotic variance.")
    ] = 4000,
    drop_highest: Annotated[int, typer.Option(min=0, help="Leave out so many runs of the highest loss.")] = 0,
    seed: Annotated[int, typer.Option(min=0, help="Of the resamples.")] = 0,
    plot: Annotated[
        Path | None, typer.Option(help="Draw fit and residuals into FILE.svg, .png or .html.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON instead of a table.")] = False,
) -> None:
    """Fit L = E + A/N^α + B/D^β to training runs, with standard errors; or say why they do not tell."""
    from offtake.bootstrap import scaling
    from offtake.demand.scaling_laws.fitting import Unidentifiable
    from offtake.entrypoints.cli.progress import stages_and_counts

    with outcomes():
        if plot is not None:
            scaling.check_picture(plot)
        runs = scaling.points(points, drop_highest)
        with stages_and_counts() as (_, count):
            found = scaling.fit(runs, bootstrap, seed, lambda done, of: count("resampling", done, of))
        if isinstance(found, Unidentifiable):
            if as_json:
                say_json({"identified": False, "runs": len(runs.loss), "reasons": list(found.reasons)})
            else:
                complain(f"`{points}` does not identify the law")
                for reason in found.reasons:
                    typer.echo(f"  - {reason}", err=True)
            leave(NO)
        if plot is not None:
            scaling.draw_fit(found, runs, f"{points.name}, {len(runs.loss)} runs", plot)
        if as_json:
            say_json(_record(found, runs))
            return
        _say(found, runs)
        if plot is not None:
            typer.echo(f"wrote {plot}")


def _record(found: Fit, runs: ScalingPoints) -> dict[str, object]:
    return {
        "identified": True,
        "runs": found.runs,
        "dropped": runs.dropped,
        "estimates": {
            one.symbol: {
                "value": one.value,
                "standard_error": one.standard_error,
                "interval_95": [one.low, one.high],
            }
            for one in (*found.estimates, found.exponent)
        },
        "errors_by": found.errors_by,
        "objective": found.objective,
        "starts": found.starts,
        "residuals": found.residuals.tolist(),
    }


def _say(found: Fit, runs: ScalingPoints) -> None:
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    dropped = f", the {runs.dropped} of highest loss left out" if runs.dropped else ""
    console.print(f"L = E + A/N^α + B/D^β from {found.runs} runs{dropped}.")
    table = page_table(
        f"Standard errors and intervals by {found.errors_by}",
        "constant",
        "estimate",
        "standard error",
        "95 % from",
        "to",
        right=4,
    )
    for one in (*found.estimates, found.exponent):
        name = one.symbol if one.symbol != "a" else "a = β/(α+β)"
        table.add_row(name, *(f"{x:.5g}" for x in (one.value, one.standard_error, one.low, one.high)))
    console.print(table)
    best = found.law.for_flop(1e24)
    console.print(
        f"For 1e24 FLOP: {float(best.parameters):.3g} parameters on {float(best.tokens):.3g} tokens, "
        f"{float(best.tokens / best.parameters):.1f} tokens each. {found.starts:,} starts."
    )
    keys = ("irreducible", "parameter_scale", "token_scale", "alpha", "beta")
    constants = ", ".join(f"{key}: {one.value:.6g}" for key, one in zip(keys, found.estimates, strict=True))
    console.print(
        f"To ask it: --law {','.join(f'{one.value:.6g}' for one in found.estimates)}", soft_wrap=True
    )
    console.print(f"In an estate: laws: {{ours: {{{constants}}}}}", soft_wrap=True)
