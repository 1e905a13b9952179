"""A plan for many futures on one page of a terminal."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from rich.console import Console
from rich.text import Text

from offtake.domain.recourse import FutureRow, StochasticPlan
from offtake.entrypoints.cli.amounts import money, money_scale, number, scaled, share
from offtake.entrypoints.cli.plan_page import MOST_ROWS, page_console, page_table
from offtake.planner.recourse.wording import name_of, sentences_of

SLIVER = 0.005  # Of the most that is ordered of a thing in a period: less is in the files alone.
NAME_WIDTH = 46  # Characters that a future is told in.
WORST = 6  # Futures that are named, those with the largest regret first.


def show_stochastic(plan: StochasticPlan, written: Sequence[Path]) -> None:
    """Prints the page."""
    console = page_console()
    _headline(console, plan)
    for sentence in sentences_of(plan)[: 2 * MOST_ROWS]:
        console.print(f"• {sentence}", soft_wrap=True)
    left = len(sentences_of(plan)) - 2 * MOST_ROWS
    if left > 0:
        console.print(f"• and {left} more; --out DIR writes them all")
    console.print()
    _values(console, plan)
    _orders(console, plan)
    _futures(console, plan)
    _footer(console, plan, written)


def _headline(console: Console, plan: StochasticPlan) -> None:
    known = f"agreements known on {plan.known_at}" if plan.known_at else "all agreements known"
    console.print(Text(plan.estate, style="bold"))
    console.print(
        f"For {plan.party}, from {plan.begins} until {plan.ends}, {known}: {len(plan.futures)} futures, orders before "
        f"{plan.rule.decided_until} decided now."
    )
    if plan.rule.days:
        groups = ", ".join(map(str, plan.rule.groups))
        console.print(
            f"More becomes known on {plan.rule.decided_until} and on "
            f"{', '.join(map(str, plan.rule.days))}; groups of futures that can be told apart: {groups}."
        )
    worst = ""
    if plan.rule.weight:
        worst = f", with {share(plan.rule.weight)} on the mean of the worst {share(1 - plan.rule.level)} of futures"
    mean = money(plan.mean_cents, plan.currency)
    text = f"It costs {mean} in the mean of all futures, discounted{worst}{_not_paid(plan)}."
    console.print(Text(text, style="bold"))
    if not plan.finished:
        gap = money(plan.weighed_cents - plan.at_least_cents, plan.currency)
        console.print(Text(f"Interrupted: the best of all is at most {gap} better than this.", style="bold"))
    console.print(Text(f"This is {plan.says}.\n", style="dim"))


def _not_paid(plan: StochasticPlan) -> str:
    if abs(plan.not_paid_cents) <= 1e-3 * abs(plan.mean_cents):
        return ""
    return (
        f"; {money(plan.not_paid_cents, plan.currency)} of it is the price put on money that nobody promised"
    )


def finely(cents: int, per: float) -> str:
    """A cell among others that it is told apart from: two digits after the point of a large unit."""
    return f"{cents / per:,.2f}" if per > 100 else scaled(cents, per)


def _values(console: Console, plan: StochasticPlan) -> None:
    amounts = [plan.weighed_cents, plan.known_cents, plan.one_future_cents or 0, plan.worst_mean_cents]
    per, unit = money_scale(amounts, plan.currency)
    table = page_table("What deciding for all of them is worth", "", unit, right=1)
    what = "the mean" if not plan.rule.weight else "what is made least"
    cannot = f"cannot be carried out in {len(plan.one_future_cannot)} of {len(plan.futures)} futures"
    reached = plan.one_future_cents is not None or plan.one_future_cannot
    rows = [
        (f"every future known before ({what}): wait and see, optimistic", finely(plan.known_cents, per)),
        ("these orders", finely(plan.weighed_cents, per)),
        (
            "the orders of the plan for one future",
            cannot if plan.one_future_cents is None else finely(plan.one_future_cents, per),
        ),
        ("so knowing the future is worth, at most", finely(plan.information_cents, per) or "0"),
        (
            "and deciding for all futures instead of one",
            "beyond any amount"
            if plan.stochastic_cents is None
            else finely(plan.stochastic_cents, per) or "0",
        ),
        (
            f"mean of the worst {share(1 - plan.rule.level)} with these orders",
            finely(plan.worst_mean_cents, per),
        ),
    ]
    for n, row in enumerate(rows):
        if reached or n not in (2, 4):
            table.add_row(*row)
    fresh = plan.fresh
    if fresh is not None:
        low, high = finely(fresh.low_cents, per), finely(fresh.high_cents, per)
        table.add_row(
            f"in {fresh.count - fresh.cannot} fresh futures (95 % interval {low} to {high})",
            finely(fresh.mean_cents, per),
        )
        if fresh.one_future_cents is not None:
            table.add_row(
                "the orders of the plan for one future in them", finely(fresh.one_future_cents, per)
            )
    console.print(table)
    if fresh is not None and fresh.cannot:
        console.print(f"{fresh.cannot} fresh futures could not live with the orders, and are left out.")


def _orders(console: Console, plan: StochasticPlan) -> None:
    most: dict[str, float] = {}
    for one in plan.orders:
        name = name_of(one.thing)
        most[name] = max(most.get(name, 0.0), one.quantity, one.in_one_future, one.known_most)
    rows = [
        one
        for one in plan.orders
        if max(one.quantity, one.in_one_future, one.known_most) > SLIVER * most[name_of(one.thing)]
    ]
    if not rows:
        return
    table = page_table(
        f"Orders before {plan.rule.decided_until}, and what each future would order if it were known",
        *("what", "in", "ordered", "for one future", "known: least", "middle", "most"),
        right=5,
    )
    for one in rows[: 2 * MOST_ROWS]:
        amounts = (one.quantity, one.in_one_future, one.known_least, one.known_middle, one.known_most)
        unit = "" if one.thing.unit == "accelerators" else f", {one.thing.unit}"
        shown = (number(amount) if amount else "" for amount in amounts)
        table.add_row(f"{name_of(one.thing)}{unit}", one.period.replace(" from ", ", "), *shown)
    left = len(rows) - 2 * MOST_ROWS
    if left > 0:
        table.caption, table.caption_justify = f"and {left} more; --out DIR writes them all", "left"
    console.print(table)


def _futures(console: Console, plan: StochasticPlan) -> None:
    if len(plan.futures) < 2:
        return
    ranked = sorted(plan.futures, key=lambda one: (-one.regret_cents, -one.weighed_cents, one.name))
    per, unit = money_scale([one.weighed_cents for one in plan.futures], plan.currency)
    gaps = any(one.gap_cents for one in plan.futures)
    table = page_table(
        f"The futures in which today's orders are regretted most, {unit}",
        *("future", "likely", "costs", "unmet"),
        *(("gap",) if gaps else ()),
        *("if known", "regret"),
        right=6 if gaps else 5,
    )
    for one in ranked[:WORST]:
        table.add_row(*_future(one, per, gaps=gaps))
    if len(ranked) > WORST:
        table.caption = f"and {len(ranked) - WORST} more; --out DIR writes them all"
        table.caption_justify = "left"
    console.print(table)


def _future(one: FutureRow, per: float, *, gaps: bool) -> tuple[str, ...]:
    name = future_name(one.name, one.about)
    gap = (scaled(one.gap_cents, per),) if gaps else ()
    return (
        name,
        share(one.probability),
        scaled(one.weighed_cents, per),
        scaled(one.unmet_worth_cents, per),
        *gap,
        scaled(one.known_cents, per),
        scaled(one.regret_cents, per) or "0",
    )


def future_name(name: str, about: str) -> str:
    """A future with what it brings, as far as a table has room."""
    told = f"{name}: {about}" if about else name
    return told if len(told) <= NAME_WIDTH else f"{told[: NAME_WIDTH - 1]}…"


def _footer(console: Console, plan: StochasticPlan, written: Sequence[Path]) -> None:
    rule = plan.rule
    how = (
        "as one program"
        if rule.way == "extensive"
        else f"future by future, {rule.rounds} rounds (Benders' decomposition), {rule.refused} tries refused"
    )
    later = " What is ordered later counts in fractions." if rule.later == "fractions" else ""
    console.print(
        f"Solved {how}: {rule.decisions} decisions shared, {rule.columns:,} columns, {rule.entries:,} entries.{later}"
    )
    passed = sum(one.passed for one in plan.checks)
    text = f"Certified: {passed} of {len(plan.checks)} checks passed"
    if plan.at_least_cents < plan.weighed_cents:
        gap = (plan.weighed_cents - plan.at_least_cents) / max(1, abs(plan.weighed_cents))
        text += f"; no orders cost less by more than {gap:.2g} of it"
    console.print(
        f"{text}. {len(plan.ruled_out)} orders are not to be had in every future, and are not placed."
    )
    if written:
        console.print(f"Wrote {written[0]} and {len(written) - 1} files beside it.")
