"""`offtake what-if`: one supposition or several, and what they change."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.outcome import NO, leave, outcomes, say_json
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
from offtake.entrypoints.cli.progress import working

if TYPE_CHECKING:
    from offtake.domain.changes import Change
    from offtake.domain.handoffs import CapacityPlan


Delays = Annotated[list[str] | None, typer.Option(help="A site or product comes later: abilene=2Q.")]
Prices = Annotated[
    list[str] | None,
    typer.Option(help="An accelerator's, product's, provider's or site's prices move: h100=-30%."),
]
Defaults = Annotated[list[str] | None, typer.Option(help="A party stops delivering: oracle=2027-01.")]
Drops = Annotated[list[str] | None, typer.Option(help="A clause falls away: AGREEMENT.CLAUSE.")]
Scales = Annotated[
    list[str] | None, typer.Option(help="Demand is multiplied: demand.chat=1.5, or demand=0.8.")
]


def what_if(
    estate: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    delay: Delays = None,
    price: Prices = None,
    default: Defaults = None,
    drop: Drops = None,
    scale: Scales = None,
    party: Party = None,
    known_at: Day = None,
    event: Events = None,
    solver: Solver = Method.auto,
    time_limit: Limit = 600.0,
    as_json: AsJson = False,
) -> None:
    """Say what a supposition changes: cost, unmet need and cover, against the plan without it."""
    from offtake.bootstrap import planning
    from offtake.domain import changes as suppositions
    from offtake.domain.errors import InvalidInput
    from offtake.domain.handoffs import InfeasiblePlan

    with outcomes():
        changes: list[Change] = [
            *map(suppositions.read_delay, delay or []),
            *map(suppositions.read_price, price or []),
            *map(suppositions.read_default, default or []),
            *map(suppositions.read_scale, scale or []),
        ]
        if not changes and not drop:
            raise InvalidInput(
                "nothing is supposed", hint="give --delay, --price, --default, --drop or --scale"
            )
        asked = ask(estate, party, known_at, event, solver, time_limit)
        other = planning.supposing(asked, changes, drop or [])
        with working("planning both ways"):
            before, after = planning.plans([asked, other])
        for found in (before, after):
            if isinstance(found, InfeasiblePlan):
                say_infeasible(found, as_json=as_json)
        if isinstance(before, InfeasiblePlan) or isinstance(after, InfeasiblePlan):
            leave(NO)
        words = [
            *(_worded(one, "{} later by {}") for one in delay or []),
            *(_worded(one, "prices of {} {}") for one in price or []),
            *(_worded(one, "{} in default from {}") for one in default or []),
            *(f"without {one}" for one in drop or []),
            *(_worded(one, "{} times {}") for one in scale or []),
        ]
        if as_json:
            say_json(_record(words, before, after))
        else:
            _show(words, before, after)


def _worded(supposed: str, sentence: str) -> str:
    target, _, change = supposed.partition("=")
    return sentence.format(target.strip(), change.strip())


def _record(words: list[str], before: CapacityPlan, after: CapacityPlan) -> dict[str, Any]:
    from offtake.planner.cover import cover_of, runs_done

    def side(plan: CapacityPlan) -> dict[str, Any]:
        return {
            "cost_cents": plan.cost_cents,
            "unmet_worth_cents": plan.unmet_worth_cents,
            "cover": round(cover_of(plan), 9),
            "training_done": round(runs_done(plan), 9),
        }

    return {
        "supposing": words,
        "party": before.party,
        "currency": before.currency,
        "before": side(before),
        "after": side(after),
        "change": {
            "cost_cents": after.cost_cents - before.cost_cents,
            "unmet_worth_cents": after.unmet_worth_cents - before.unmet_worth_cents,
            "cover": round(cover_of(after) - cover_of(before), 9),
            "training_done": round(runs_done(after) - runs_done(before), 9),
        },
    }


def _show(words: list[str], before: CapacityPlan, after: CapacityPlan) -> None:
    from rich.text import Text

    from offtake.entrypoints.cli.amounts import money_scale, scaled, share
    from offtake.entrypoints.cli.plan_page import page_console, page_table, paid_to
    from offtake.planner.cover import cover_of, runs_done

    console = page_console()
    console.print(Text.assemble("Supposing ", (", ".join(words), "bold"), f": {_sentence(before, after)}."))
    both = (before, after)
    per, unit = money_scale([plan.cost_cents for plan in both], before.currency)
    table = page_table("", unit, "before", "after", "change", right=3)

    def add(name: str, first: int, second: int) -> None:
        table.add_row(name, *(scaled(cents, per) or "0" for cents in (first, second, second - first)))

    add("cost, unmet need included (discounted)", before.cost_cents, after.cost_cents)
    add("of it unmet need (discounted)", before.unmet_worth_cents, after.unmet_worth_cents)
    paid = [paid_to(plan) for plan in both]
    for payee in sorted(
        {*paid[0], *paid[1]}, key=lambda one: (-abs(paid[1].get(one, 0) - paid[0].get(one, 0)), one)
    )[:6]:
        add(f"paid to {payee}", paid[0].get(payee, 0), paid[1].get(payee, 0))
    table.add_section()
    for name, measure in (("need served", cover_of), ("training done", runs_done)):
        values = [measure(plan) for plan in both]
        table.add_row(
            name, *(share(value) for value in values), f"{(values[1] - values[0]) * 100:+.2f} points"
        )
    console.print(table)
    console.print(Text(f"Both plans are certified. Each is {before.says}.", style="dim"))


def _sentence(before: CapacityPlan, after: CapacityPlan) -> str:
    """What it costs or saves, and what becomes of the need: only what reads as a change is said."""
    from offtake.entrypoints.cli.amounts import money
    from offtake.planner.cover import cover_of, runs_done

    change = after.cost_cents - before.cost_cents
    verb = "costs" if change > 0 else "saves"
    text = f"it {verb} {before.party} {money(abs(change), before.currency)}" if change else "it costs nothing"
    unmet = after.unmet_worth_cents - before.unmet_worth_cents
    if unmet:
        text += f", with need worth {money(abs(unmet), before.currency)} {'more' if unmet > 0 else 'less'} left unmet"
    for name, measure in (("of the need is served", cover_of), ("of the training is done", runs_done)):
        points = (measure(after) - measure(before)) * 100
        if abs(points) >= 0.005:
            share = f"{measure(after) * 100:.2f} %"
            text += f"; {share} {name}, {abs(points):.2f} points {'more' if points > 0 else 'less'}"
    return text
