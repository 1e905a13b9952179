"""`offtake plan --futures`: many futures planned for, told together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.domain.errors import InvalidInput
from offtake.entrypoints.cli.outcome import INTERRUPTED, leave, say_json
from offtake.entrypoints.cli.progress import stages_and_counts

if TYPE_CHECKING:
    from offtake.bootstrap.futures import Running
    from offtake.domain.estate import Estate
    from offtake.planner.planning import Question

FUTURES_FILE = "futures.jsonl"
MOST_FUTURES = 1_000_000
PANEL = "Many futures"

Futures = Annotated[
    int | None,
    typer.Option(
        min=1,
        max=MOST_FUTURES,
        help="Plan for so many futures, drawn from what the estate says is uncertain: each as if it were known.",
        rich_help_panel=PANEL,
    ),
]
Tornado = Annotated[
    bool,
    typer.Option(
        "--tornado",
        help="With --futures: also solve each variable alone at its p5 and p95.",
        rich_help_panel=PANEL,
    ),
]
Workers = Annotated[
    int | None,
    typer.Option(
        min=1, max=4096, help="Processes for --futures; else one for each processor.", rich_help_panel=PANEL
    ),
]
On = Annotated[
    str | None,
    typer.Option(
        help="Where --futures run: `ray`, or the address of a Ray cluster; else here.", rich_help_panel=PANEL
    ),
]
Keep = Annotated[
    Path | None,
    typer.Option(
        help="A file in which finished futures are kept, to go on from; else futures.jsonl in --out."
    ),
]


def running_of(
    futures: int, seed: int, tornado: bool, workers: int | None, on: str | None, keep: Path | None
) -> Running:
    """What the options ask for; `keep` is a file, or the folder of --out."""
    from offtake.bootstrap.futures import Running

    if keep is not None and (keep.is_dir() or not keep.suffix):
        keep = keep / FUTURES_FILE
    return Running(futures, seed, tornado, workers, on, keep)


def refuse_redacted(asked: bool) -> None:
    """Distributions say by how much whatever is secret varies."""
    if asked:
        raise InvalidInput(
            "--redact does not go with --futures", hint="redact the plan of the case as stated"
        )


def plan_futures(
    asked: Question, estate: Estate, running: Running, out: Path | None, *, quick: bool, as_json: bool
) -> None:
    """Plans the case as stated and the futures around it; says, or writes, what they say together."""
    from offtake.bootstrap import futures, planning
    from offtake.domain.handoffs import InfeasiblePlan, ReportExtras
    from offtake.entrypoints.cli.planning import say_infeasible

    with stages_and_counts() as (report, count):
        if out is None or quick:
            base, extras = planning.plan(asked, report), ReportExtras()
        else:
            both = planning.plan_with_extras(asked, report, count)
            base, extras = (both, ReportExtras()) if isinstance(both, InfeasiblePlan) else both
        if isinstance(base, InfeasiblePlan):
            say_infeasible(base, as_json=as_json)
        told = futures.plan_futures(asked, running, count)
        written: tuple[Path, ...] = ()
        if out is not None:
            count("writing the plan and its futures", 0, 0)
            extras = extras.model_copy(update={"outlook": told.outlook})
            written = (
                *planning.write_all(base, estate, extras, out),
                futures.write_outlook(told.outlook, out),
            )
    if as_json:
        say_json(told.outlook.model_dump(mode="json") | {"interrupted": told.interrupted})
    else:
        from offtake.entrypoints.cli.futures_page import show_outlook

        show_outlook(told.outlook, written, interrupted=told.interrupted, resumed=told.resumed)
    if told.interrupted:
        leave(INTERRUPTED)
