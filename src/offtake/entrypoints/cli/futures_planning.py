"""`offtake plan --futures`: many futures planned for, told together."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from offtake.entrypoints.cli.outcome import INTERRUPTED, leave, say_json
from offtake.entrypoints.cli.progress import stages_and_counts

if TYPE_CHECKING:
    from offtake.bootstrap.futures import Running
    from offtake.domain.estate import Estate
    from offtake.planner.planning import Question

FUTURES_FILE = "futures.jsonl"


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
