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
    from offtake.domain.handoffs import ClausePrice
    from offtake.planner.indifference import Indifference


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
    from offtake.planner.indifference import indifference

    with outcomes():
        asked = ask(estate, party, known_at, event, solver, time_limit)
        if clause == "all":
            with stages_and_counts() as (_, count):
                every = planning.prices(asked, count)
            if isinstance(every, InfeasiblePlan):
                say_infeasible(every, as_json=as_json)
            found_prices, plan = every
            terms = [indifference(plan, one.price_cents) for one in found_prices] if walk_away else []
            _say_all(found_prices, terms, as_json=as_json)
            return
        with stages() as report:
            found = planning.price(asked, clause, report)
        if isinstance(found, InfeasiblePlan):
            say_infeasible(found, as_json=as_json)
        result, with_clause, without = found
        terms_of = indifference(with_clause, result.price_cents) if walk_away else None
        if as_json:
            say_json({**result.model_dump(mode="json"), **(_record(terms_of) if terms_of else {})})
            return
        from offtake.entrypoints.cli.plan_page import show_price

        show_price(result, with_clause, without)
        if terms_of:
            _say_terms(terms_of, result)


def _record(terms: Indifference) -> dict[str, Any]:
    return {
        "walk_away": {
            "party": terms.party,
            "once_cents": terms.once_cents,
            "on": terms.begins.isoformat(),
            "each_year_cents": terms.each_year_cents,
            "from": terms.begins.isoformat(),
            "until": terms.ends.isoformat(),
            "discount_per_year": terms.discount_per_year,
        }
    }


def _say_terms(terms: Indifference, found: ClausePrice) -> None:
    from offtake.entrypoints.cli.amounts import money
    from offtake.entrypoints.cli.plan_page import page_console

    console = page_console()
    once, yearly = (money(abs(cents), found.currency) for cents in (terms.once_cents, terms.each_year_cents))
    if not terms.once_cents:
        console.print(f"{terms.party} does not mind the clause, and would walk away over no payment for it.")
        return
    if terms.once_cents > 0:
        text = f"{terms.party} does not mind the clause if it is paid {once} on {terms.begins}, or {yearly} a year"
        rest = "For less it is better off without the clause."
    else:
        text = (
            f"{terms.party} would pay up to {once} on {terms.begins}, or {yearly} a year, to keep the clause"
        )
        rest = "Were it to cost more, it would be better off without."
    console.print(f"{text}, evenly until {terms.ends}. {rest}")


def _say_all(found: tuple[ClausePrice, ...], terms: list[Indifference], *, as_json: bool) -> None:
    if as_json:
        records = [one.model_dump(mode="json") for one in found]
        if terms:
            records = [{**record, **_record(one)} for record, one in zip(records, terms, strict=True)]
        say_json(records)
        return
    from offtake.entrypoints.cli.amounts import money_scale, scaled
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    if not found:
        console.print("The law has no clauses.")
        return
    per, unit = money_scale([one.price_cents for one in found], found[0].currency)
    more = ("or a year",) if terms else ()
    table = page_table(
        f"What each clause costs, {unit}, discounted",
        "clause",
        "where it is written",
        "costs",
        *more,
        right=1 + len(more),
    )
    for n, one in enumerate(found):
        place = ", ".join(part for part in (one.document, one.section) if part)
        yearly = [scaled(terms[n].each_year_cents, per) or "nothing"] if terms else []
        table.add_row(one.clause, place, scaled(one.price_cents, per) or "nothing", *yearly)
    console.print(table)
    if terms:
        console.print(
            f"Paid so much on {terms[0].begins}, or so much a year until {terms[0].ends}, {terms[0].party} does not "
            "mind a clause; where the amount is negative, it would pay so much to keep it.",
            style="dim",
        )
    console.print(f"Each is {found[0].says}.", style="dim")
