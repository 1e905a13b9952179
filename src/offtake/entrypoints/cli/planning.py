"""`offtake plan`: the certified plan of an estate, on the terminal and as files."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NoReturn

import typer

from offtake.entrypoints.cli.futures_planning import (
    Futures,
    Keep,
    On,
    Tornado,
    Workers,
    plan_futures,
    refuse_redacted,
    running_of,
)
from offtake.entrypoints.cli.outcome import NO, leave, loaded, outcomes, say_json
from offtake.entrypoints.cli.progress import stages_and_counts
from offtake.entrypoints.cli.recourse_options import (
    Branches,
    ByHand,
    FirstPeriods,
    Fresh,
    Later,
    LaterOption,
    Level,
    Rolling,
    Scenarios,
    Seed,
    Stage,
    Stochastic,
    Until,
    Wanted,
    Way,
    WayOption,
    Weight,
    days,
    decide_and_say,
    roll_and_say,
)

if TYPE_CHECKING:
    from offtake.adapters.estate_yaml import Loaded
    from offtake.domain.handoffs import InfeasiblePlan
    from offtake.planner.planning import Question


class Redact(StrEnum):
    """What is taken out before a plan is handed on."""

    prices = "prices"
    parties = "parties"
    both = "both"


class Method(StrEnum):
    """How to solve."""

    auto = "auto"
    simplex = "simplex"
    ipx = "ipx"
    hipo = "hipo"
    sifting = "sifting"


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
    out: Annotated[
        Path | None,
        typer.Option(
            help="Write plan.json, its tables, the report, the workbook and the memo into this folder."
        ),
    ] = None,
    redact: Annotated[
        Redact | None,
        typer.Option(help="Take prices, parties or both out of everything that is shown and written."),
    ] = None,
    redact_word: Annotated[
        list[str] | None,
        typer.Option(help="Another word to take out, such as the name of a product. May be repeated."),
    ] = None,
    quick: Annotated[
        bool,
        typer.Option("--quick", help="Leave clause prices and assumptions out: they take many solves."),
    ] = False,
    stochastic: Stochastic = False,
    rolling: Rolling = None,
    by_hand: ByHand = None,
    scenarios: Scenarios = None,
    seed: Seed = 0,
    fresh: Fresh = None,
    first_periods: FirstPeriods = None,
    until: Until = None,
    stage: Stage = None,
    branches: Branches = 3,
    cvar: Level = None,
    weight: Weight = None,
    way: Way = WayOption.auto,
    later: Later = LaterOption.auto,
    futures: Futures = None,
    tornado: Tornado = False,
    workers: Workers = None,
    on: On = None,
    keep: Keep = None,
    solver: Solver = Method.auto,
    time_limit: Limit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Find what to build, lease and buy, so that the need is met at least cost under the agreements."""
    from offtake.bootstrap import planning
    from offtake.domain.errors import InvalidInput
    from offtake.domain.handoffs import InfeasiblePlan, ReportExtras

    with outcomes():
        read = loaded(estate)
        asked = question(read, party, known_at, event, solver, time_limit)
        if stochastic or rolling is not None:
            day = None if until is None else until.date()
            drawn = (tuple(by_hand or ()), scenarios, seed, fresh)
            wanted = Wanted(*drawn, first_periods, day, days(stage), branches, cvar, weight, way, later)
            if rolling is None:
                decide_and_say(asked, event or [], wanted, out, as_json=as_json)
            else:
                roll_and_say(asked, event or [], wanted, rolling, out, stochastic=stochastic, as_json=as_json)
            return
        if futures is not None:
            running = running_of(futures, seed, tornado, workers, on, keep or out)
            refuse_redacted(redact is not None or bool(redact_word))
            plan_futures(asked, read.estate, running, out, quick=quick, as_json=as_json)
            return
        with stages_and_counts() as (report, count):
            if out is None or quick:
                found = planning.plan(asked, report)
                extras = ReportExtras()
            else:
                both = planning.plan_with_extras(asked, report, count)
                found, extras = (both, ReportExtras()) if isinstance(both, InfeasiblePlan) else both
            if isinstance(found, InfeasiblePlan):
                say_infeasible(found, as_json=as_json)
            if redact is None and redact_word:
                raise InvalidInput("--redact-word goes with --redact parties or both")
            described, written = read.estate, ()
            if redact is not None:
                found, described, extras = planning.withheld(
                    found, described, extras, redact.value, redact_word or []
                )
            if out is not None:
                count("writing the plan", 0, 0)
                written = planning.write_all(found, described, extras, out)
        if as_json:
            say_json(found.model_dump(mode="json"))
            return
        from offtake.entrypoints.cli.plan_page import show_plan

        show_plan(found, written)


def ask(
    estate: Path,
    party: str | None,
    known_at: datetime | None,
    event: list[str] | None,
    solver: Method,
    limit: float,
) -> Question:
    """The question that a command's arguments ask; leaves with all problems if the estate has any."""
    return question(loaded(estate), party, known_at, event, solver, limit)


def question(
    read: Loaded,
    party: str | None,
    known_at: datetime | None,
    event: list[str] | None,
    solver: Method,
    limit: float,
) -> Question:
    """As `ask`, for an estate that is loaded."""
    from offtake.bootstrap import planning

    day = None if known_at is None else known_at.date()
    return planning.question(read, day, event or [], party, solver.value, limit)


def say_infeasible(found: InfeasiblePlan, *, as_json: bool) -> NoReturn:
    """Says why there is no plan, and leaves."""
    if as_json:
        say_json(found.model_dump(mode="json"))
    else:
        from offtake.entrypoints.cli.plan_page import show_infeasible

        show_infeasible(found)
    leave(NO)
