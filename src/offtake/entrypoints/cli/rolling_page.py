"""Decisions made again and again, on one page of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from offtake.domain.recourse import RolledFuture, RollingPlan
from offtake.entrypoints.cli.amounts import money, money_scale, number, scaled, share
from offtake.entrypoints.cli.plan_page import MOST_ROWS, page_console, page_table
from offtake.entrypoints.cli.recourse_page import finely, future_name
from offtake.planner.recourse.wording import name_of

WORST = 6  # Futures that are named, those that cost most beyond perfect foresight first.


def show_rolling(plan: RollingPlan, written: Sequence[Path]) -> None:
    """Prints the page."""
    console = page_console()
    console.print(Text(plan.estate, style="bold"))
    days = ", ".join(map(str, plan.days))
    console.print(
        f"For {plan.party}, from {plan.begins} until {plan.ends}: decided on {days}, in {len(plan.futures)} futures."
    )
    if not plan.finished:
        console.print(Text("Interrupted: these are the futures that were finished.", style="bold"))
    text = f"Deciding {len(plan.days)} times costs {money(plan.rolled_cents, plan.currency)} in the mean, discounted."
    console.print(Text(text, style="bold"))
    console.print(Text(f"It was {plan.says}.\n", style="dim"))
    _compared(console, plan)
    _orders(console, plan)
    _futures(console, plan)
    if written:
        console.print(f"Wrote {written[0]} and {len(written) - 1} files beside it.")


def _compared(console: Console, plan: RollingPlan) -> None:
    rows = [
        ("known from the start: wait and see, optimistic", plan.known_cents),
        ("deciding again and again, from the orders for many futures", plan.stochastic_cents),
        ("deciding again and again, each time for the one future expected", plan.rolled_cents),
        ("deciding once, and holding to every order", plan.once_cents),
    ]
    per, unit = money_scale([cents for _, cents in rows if cents is not None], plan.currency)
    table = page_table(
        f"What it costs to know less, mean of {plan.compared} futures", "", unit, "beyond knowing", right=2
    )
    for name, cents in rows:
        if cents is not None:
            table.add_row(name, finely(cents, per), finely(cents - plan.known_cents, per))
    console.print(table)
    left = len(plan.futures) - plan.compared
    if left:
        console.print(f"{left} futures could not be carried out in every way, and are left out.")


def _orders(console: Console, plan: RollingPlan) -> None:
    if not plan.orders:
        return
    table = page_table(
        "What is ordered at each decision", *("on", "what", "in", "least", "middle", "most"), right=4
    )
    for n, one in enumerate(plan.orders[: 2 * MOST_ROWS]):
        same = n > 0 and plan.orders[n - 1].on == one.on
        unit = "" if one.thing.unit == "accelerators" else f", {one.thing.unit}"
        amounts = (number(amount) if amount else "" for amount in (one.least, one.middle, one.most))
        table.add_row(
            "" if same else str(one.on), f"{name_of(one.thing)}{unit}", share(one.probability), *amounts
        )
    left = len(plan.orders) - 2 * MOST_ROWS
    if left > 0:
        table.caption, table.caption_justify = f"and {left} more; --out DIR writes them all", "left"
    console.print(table)


def _futures(console: Console, plan: RollingPlan) -> None:
    def beyond(one: RolledFuture) -> int:
        return (one.rolled_cents or 0) - (one.known_cents or 0)

    ranked = sorted(plan.futures, key=lambda one: (-beyond(one), one.name))
    per, unit = money_scale([one.rolled_cents or 0 for one in plan.futures], plan.currency)
    many = plan.stochastic_cents is not None
    table = page_table(
        f"Futures in which knowing less costs most, {unit}",
        *("future", "known", *(("from many",) if many else ()), "again", "once"),
        right=4 if many else 3,
    )
    for one in ranked[:WORST]:
        costs = (
            one.known_cents,
            *((one.stochastic_cents,) if many else ()),
            one.rolled_cents,
            one.once_cents,
        )
        shown = ("cannot be" if cost is None else scaled(cost, per) or "0" for cost in costs)
        table.add_row(future_name(one.name, one.about), *shown)
    console.print(table)
