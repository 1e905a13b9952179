"""`offtake price`: what a clause costs, or every one, and the payment at which the party is indifferent."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.outcome import outcomes, say_json
from offtake.entrypoints.cli.planning import (
    AsJson,
    Day,
    Events,
    Limit,
    Method,
    Party,
    Solver,
    ask,
    say_infeasible,
)
from offtake.entrypoints.cli.progress import stages, stages_and_counts

if TYPE_CHECKING:
    from offtake.domain.handoffs import CapacityPlan, ClausePrice
    from offtake.planner.planning import Question


def price(
    clause: Annotated[str, typer.Argument(help="A clause, as AGREEMENT.CLAUSE; or `all`.")],
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    walk_away: Annotated[
        bool, typer.Option("--walk-away", help="Say the payment at which the party does not mind the clause.")
    ] = False,
    party: Party = None,
    known_at: Day = None,
    event: Events = None,
    solver: Solver = Method.auto,
    time_limit: Limit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Say what a clause costs: the certified difference of the plans with it and without it."""
    from offtake.bootstrap import planning
    from offtake.domain.handoffs import InfeasiblePlan

    with outcomes():
        asked = ask(estate, party, known_at, event, solver, time_limit)
        if clause == "all":
            with stages_and_counts() as (_, count):
                every = planning.prices(asked, count)
            if isinstance(every, InfeasiblePlan):
                say_infeasible(every, as_json=as_json)
            _say_all(every, as_json=as_json)
            return
        with stages() as report:
            found = planning.price(asked, clause, report)
        if isinstance(found, InfeasiblePlan):
            say_infeasible(found, as_json=as_json)
        result, with_clause, without = found
        terms = _indifference(asked, result, with_clause) if walk_away else None
        if as_json:
            say_json({**result.model_dump(mode="json"), **({"walk_away": terms} if terms else {})})
            return
        from offtake.entrypoints.cli.plan_page import show_price

        show_price(result, with_clause, without)
        if terms:
            _say_terms(terms, result)


def _indifference(asked: Question, found: ClausePrice, with_clause: CapacityPlan) -> dict[str, Any]:
    """The clause's price as one payment at the horizon's start, and as equal ones in each year that it spans.

    A party that is paid so much for the clause, or pays so much to be rid of it, is as well off as without it.
    """
    calendar = [(period.begins, period.ends) for period in with_clause.periods]
    begins, ends = calendar[0][0], calendar[-1][1]
    rate = with_clause.discount_per_year
    years = range(begins.year, ends.year + (ends.month > 1 or ends.day > 1))
    factor = sum((1 + rate) ** -(n + 0.5) for n in range(len(years)))
    return {
        "once_cents": found.price_cents,
        "each_year_cents": round(found.price_cents / factor),
        "years": [min(years), max(years)],
        "on": begins.isoformat(),
        "party": asked.party or with_clause.party,
        "discount_per_year": rate,
    }


def _say_terms(terms: dict[str, Any], found: ClausePrice) -> None:
    from offtake.entrypoints.cli.amounts import money
    from offtake.entrypoints.cli.plan_page import page_console

    console = page_console()
    once, yearly = (money(abs(terms[key]), found.currency) for key in ("once_cents", "each_year_cents"))
    first, last = terms["years"]
    if found.price_cents > 0:
        text = f"{terms['party']} does not mind the clause if it is paid {once} on {terms['on']}, or {yearly} in each"
    elif found.price_cents < 0:
        text = f"{terms['party']} would pay {once} on {terms['on']} to keep the clause, or {yearly} in each"
    else:
        console.print(f"{terms['party']} does not mind the clause.")
        return
    console.print(f"{text} year from {first} to {last}.")


def _say_all(found: tuple[ClausePrice, ...], *, as_json: bool) -> None:
    if as_json:
        say_json([one.model_dump(mode="json") for one in found])
        return
    from offtake.entrypoints.cli.amounts import money_scale, scaled
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    if not found:
        console.print("The law has no clauses.")
        return
    per, unit = money_scale([one.price_cents for one in found], found[0].currency)
    table = page_table(
        f"What each clause costs, {unit}, discounted", "clause", "where it is written", "costs", right=1
    )
    for one in found:
        place = ", ".join(part for part in (one.document, one.section) if part)
        table.add_row(one.clause, place, scaled(one.price_cents, per) or "nothing")
    console.print(table)
    console.print(f"Each is {found[0].says}.", style="dim")
