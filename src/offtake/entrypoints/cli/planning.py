"""`offtake plan` and `offtake price`: certified plans, and what a clause costs."""

from __future__ import annotations

from collections.abc import Generator
from contextlib import contextmanager
from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from offtake.entrypoints.cli.outcome import NO, leave, loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.domain.handoffs import InfeasiblePlan
    from offtake.planner.planning import Question, Report, Stage
    from offtake.planner.ports import Progress


class Method(StrEnum):
    """How to solve."""

    auto = "auto"
    simplex = "simplex"
    ipx = "ipx"
    hipo = "hipo"


Estate = Annotated[Path, typer.Argument(help="The estate, a YAML file.")]
Party = Annotated[
    str | None, typer.Option("--for", help="The party whose cost is made least; else the estate's.")
]
Day = Annotated[
    datetime | None,
    typer.Option(formats=["%Y-%m-%d"], help="Only agreements signed by this day; else all of them."),
]
Events = Annotated[list[str] | None, typer.Option(help="Suppose an event: NAME=DATE. May be repeated.")]
Solver = Annotated[Method, typer.Option(help="The solver's method; `auto` goes by size.")]
Limit = Annotated[float, typer.Option(min=1, max=86400, help="Seconds that each solve may take.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print the answer as JSON.")]


def plan(
    estate: Estate,
    party: Party = None,
    known_at: Day = None,
    event: Events = None,
    out: Annotated[Path | None, typer.Option(help="Write plan.json and its tables into this folder.")] = None,
    solver: Solver = Method.auto,
    time_limit: Limit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Find what to build, lease and buy, so that the need is met at least cost under the agreements."""
    from offtake import bootstrap
    from offtake.domain.handoffs import InfeasiblePlan

    with outcomes():
        asked = _question(estate, party, known_at, event, solver, time_limit)
        with _progress() as report:
            found = bootstrap.plan(asked, report)
        if isinstance(found, InfeasiblePlan):
            _say_infeasible(found, as_json=as_json)
        written = ()
        if out is not None:
            from offtake.adapters.plan_files import write_plan

            written = write_plan(found, out)
        if as_json:
            say_json(found.model_dump(mode="json"))
            return
        from offtake.entrypoints.cli.plan_page import show_plan

        show_plan(found, written)


def price(
    clause: Annotated[str, typer.Argument(help="A clause, as AGREEMENT.CLAUSE.")],
    estate: Estate,
    party: Party = None,
    known_at: Day = None,
    event: Events = None,
    solver: Solver = Method.auto,
    time_limit: Limit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Say what a clause costs: the certified difference of the plans with it and without it."""
    from offtake import bootstrap
    from offtake.domain.handoffs import InfeasiblePlan

    with outcomes():
        asked = _question(estate, party, known_at, event, solver, time_limit)
        with _progress() as report:
            found = bootstrap.price(asked, clause, report)
        if isinstance(found, InfeasiblePlan):
            _say_infeasible(found, as_json=as_json)
        result, with_clause, without = found
        if as_json:
            say_json(result.model_dump(mode="json"))
            return
        from offtake.entrypoints.cli.plan_page import show_price

        show_price(result, with_clause, without)


def _question(
    estate: Path,
    party: str | None,
    known_at: datetime | None,
    event: list[str] | None,
    solver: Method,
    limit: float,
) -> Question:
    from offtake import bootstrap

    read = loaded(estate)
    day = None if known_at is None else known_at.date()
    return bootstrap.question(read, day, event or [], party, solver.value, limit)


def _say_infeasible(found: InfeasiblePlan, *, as_json: bool) -> NoReturn:
    if as_json:
        say_json(found.model_dump(mode="json"))
    else:
        from offtake.entrypoints.cli.plan_page import show_infeasible

        show_infeasible(found)
    leave(NO)


STAGES = {
    "reading": "reading the estate and its law",
    "writing": "writing the program",
    "solving": "solving",
    "checking": "checking the answer",
}


@contextmanager
def _progress() -> Generator[Report]:
    """Progress on standard error, only where a person looks: the stage, the time, and how far the solver is."""
    from rich.console import Console
    from rich.progress import Progress as Bar
    from rich.progress import SpinnerColumn, TextColumn, TimeElapsedColumn

    console = Console(stderr=True)
    with Bar(
        SpinnerColumn(),
        TextColumn("{task.description}"),
        TimeElapsedColumn(),
        console=console,
        transient=True,
        disable=not console.is_terminal,
    ) as bar:
        task = bar.add_task("")

        def report(stage: Stage, progress: Progress | None) -> None:
            text = STAGES[stage]
            if progress is not None:
                text += f" ({progress.method}, {progress.iterations} iterations"
                text += f", at most {progress.seconds:.0f} s so far)" if progress.seconds >= 1 else ")"
            bar.update(task, description=text)

        yield report
