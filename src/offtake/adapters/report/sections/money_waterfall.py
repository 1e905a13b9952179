"""From announced to spent money: every dollar once, and at each step the cause."""

from __future__ import annotations

from typing import Final

from offtake.adapters.report.amounts import listed, money, money_scale
from offtake.adapters.report.document import Cells, Figure, Table, numbers, text
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.programmes import programme_totals
from offtake.adapters.report.sections.waterfall import Step, draw_steps

CENT: Final = 0.5  # Steps below it are of no size.


def money_waterfall(matter: Matter) -> Figure | None:
    """The bars from what programmes announced to the capital that the plan spends; None where nothing was announced."""
    steps = money_steps_of(matter)
    if not steps:
        return None
    currency = matter.plan.currency
    per, unit = money_scale((step.amount for step in steps), currency)
    spent = steps[-1].amount
    says = f"Of {money(steps[0].amount, currency)} announced, the plan spends {money(spent, currency)} as capital."
    lost = [step for step in steps if step.kind == "less"]
    if lost:
        largest = max(lost, key=lambda step: step.amount)
        says += f" The largest step is {largest.name}: {money(largest.amount, currency)}."
    cells: Cells = tuple(
        (step.name, (-1 if step.kind == "less" else 1) * step.amount / per, step.cause) for step in steps
    )
    return Figure(
        "money-waterfall",
        "From announced to spent money",
        says,
        Table(
            "money-waterfall",
            "From announced to spent money, over the horizon",
            matter.source("programmes.", "sites.", "accelerators."),
            (text("step"), numbers("money", unit, 3), text("cause")),
            cells,
        ),
        lambda frame: draw_steps(frame, steps, per, unit, lambda cents: money(cents, currency)),
        (
            ("a level", "blue", "fill"),
            ("not spent, with its cause", "vermilion", "light"),
            *([("spent beyond it", "green", "light")] if any(one.kind == "more" for one in steps) else []),
        ),
        open=True,
    )


def money_steps_of(matter: Matter) -> tuple[Step, ...]:
    """The steps in order, in cents; those of no size are left out, levels apart. Empty if no programme has money.

    A programme counts with all that is part of it, so that nested announcements count once; and a payment of capital
    belongs to the one programme that its site is part of.
    """
    totals = programme_totals(matter)
    if not totals:
        return ()
    capital = sum(row.amount_cents for row in matter.plan.spend if row.kind == "capital")
    named = [one for one in totals if one.spent is not None]
    other = [one for one in totals if one.spent is None]
    announced = sum(one.announced for one in totals)
    at_sites = sum(one.spent or 0.0 for one in named)
    unspent = sum(max(one.announced - (one.spent or 0.0), 0.0) for one in named)
    beyond = sum(max((one.spent or 0.0) - one.announced, 0.0) for one in named)
    steps = [
        Step(
            "announced",
            "level",
            announced,
            f"{listed(one.name for one in totals)}; what is part of another once",
        ),
        Step(
            "no site here",
            "less",
            sum(one.announced for one in other),
            f"{listed(one.name for one in other)}: leases and chips, paid as rent and not as capital",
        ),
        Step(
            "for sites here", "level", sum(one.announced for one in named), listed(one.name for one in named)
        ),
        Step(
            "not spent",
            "less",
            unspent,
            "the plan needs no more at these sites within its horizon, or it comes too late",
        ),
        Step("beyond it", "more", beyond, "the plan spends more at these sites than was announced for them"),
        Step(
            "other sites", "more", capital - at_sites, "capital at sites that are part of no such programme"
        ),
        Step("capital spent", "level", capital, "sites and accelerators, by all parties, not discounted"),
    ]
    return tuple(step for step in steps if step.kind == "level" or step.amount > CENT)
