"""`offtake compare`: two plans, estates or laws side by side, on the terminal, as JSON and as a page."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import loaded, outcomes, say_json
from offtake.entrypoints.cli.planning import AsJson, Events, Limit, Method, Party, Solver, say_infeasible
from offtake.entrypoints.cli.progress import working

if TYPE_CHECKING:
    from offtake.bootstrap.comparing import Differing
    from offtake.domain.comparisons import Comparison
    from offtake.domain.handoffs import CapacityPlan


def compare(
    first: Annotated[Path, typer.Argument(help="A plan (plan.json or its folder) or an estate.")],
    second: Annotated[
        Path | None, typer.Argument(help="Another one; left out, the estate is compared with itself.")
    ] = None,
    known_at: Annotated[
        list[datetime] | None,
        typer.Option(
            formats=["%Y-%m-%d"], help="Agreements known on this day; twice, on the one's and the other's."
        ),
    ] = None,
    drop: Annotated[
        list[str] | None, typer.Option(help="Plan the second without a clause, AGREEMENT.CLAUSE.")
    ] = None,
    event: Events = None,
    party: Party = None,
    out: Annotated[Path | None, typer.Option(help="Write a page, a file that ends in .html.")] = None,
    solver: Solver = Method.auto,
    time_limit: Limit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Put two plans, estates or laws side by side: what moved, what it cost, and by whom.

    Clauses are dropped and events supposed in the second.
    """
    from offtake.bootstrap import comparing

    with outcomes():
        days = [day.date() for day in known_at or []]
        differing = comparing.Differing(days, drop or [], event or [], party)
        found = _found(first, second, differing, solver, time_limit, as_json=as_json)
        if out is not None:
            comparing.write_page(found, out)
        if as_json:
            say_json({**found.model_dump(mode="json"), "change_cents": found.change_cents})
            return
        from offtake.entrypoints.cli.comparison_table import show_comparison

        show_comparison(found)
        if out is not None:
            typer.echo(f"written: {out}")


def _found(
    first: Path, second: Path | None, differing: Differing, solver: Method, limit: float, *, as_json: bool
) -> Comparison:
    from offtake.bootstrap import comparing, planning
    from offtake.domain.errors import InvalidInput
    from offtake.domain.handoffs import InfeasiblePlan

    files = [None if path is None else comparing.plan_file(path) for path in (first, second)]
    names = comparing.names_of(first, second, differing)
    if files[0] is not None and files[1] is not None:
        if differing:
            raise InvalidInput(
                "plans that are made stay as they are",
                hint="--known-at, --drop, --event and --for are for estates: give the estate instead of its plan",
            )
        return comparing.compare(comparing.read_plan(files[0]), comparing.read_plan(files[1]), names)
    if any(file is not None for file in files):
        raise InvalidInput(
            "a plan is compared with a plan, and an estate with an estate",
            hint="plan the estate first: `offtake plan ESTATE --out FOLDER`",
        )
    one, other, clauses = comparing.questions(
        loaded(first),
        None if second is None else loaded(second),
        differing,
        solver.value,
        limit,
    )
    with working("planning both"):
        answers = planning.plans([one, other])
    plans: list[CapacityPlan] = []
    for answer in answers:
        if isinstance(answer, InfeasiblePlan):
            say_infeasible(answer, as_json=as_json)
        plans.append(answer)
    return comparing.compare(plans[0], plans[1], names, clauses)
