"""The first screen: three sentences built from the plan's checked numbers, and the tiles beneath them."""

from __future__ import annotations

from collections import defaultdict

from offtake.adapters.report.amounts import listed, measured, money, power, rate, share
from offtake.adapters.report.document import Tile
from offtake.adapters.report.matter import Matter, column_of
from offtake.adapters.report.sections.limits import matter_share, words_of, worth_of


def sentences(matter: Matter) -> tuple[str, ...]:
    """What it costs and by when; what is met and what not, and why; what binds."""
    return (_cost(matter), _met(matter), _binds(matter))


def _party(matter: Matter) -> str:
    return matter.party(matter.plan.party)


def _cost(matter: Matter) -> str:
    plan = matter.plan
    span = f"from {_month(matter, 0)} to {_month(matter, 1)}"
    if not matter.priced:
        return f"What it costs to serve what {_party(matter)} needs {span} is withheld: {_standing(matter)}."
    paid = money(plan.cost_cents - plan.unmet_worth_cents, plan.currency)
    at = f"discounted at {share(plan.discount_per_year)} a year"
    return f"Serving what {_party(matter)} needs {span} costs {paid}, {at}: {_standing(matter)}."


def _month(matter: Matter, end: int) -> str:
    if end == 0:
        return f"{matter.plan.begins:%B %Y}"
    final = matter.plan.ends
    year, month = (final.year, final.month - 1) if final.month > 1 else (final.year - 1, 12)
    return f"{final.replace(year=year, month=month, day=1):%B %Y}"


def _standing(matter: Matter) -> str:
    """What stands by the end, in the estate's own terms."""
    final = matter.labels[-1]
    if matter.view == "power":
        total = sum(row.power_mw for row in matter.plan.capacity if row.period == final)
        first = sum(row.power_mw for row in matter.plan.capacity if row.period == matter.labels[0])
        return f"IT power grows from {power(first)} to {power(total)} by {final}"
    served: dict[str, float] = defaultdict(float)
    for row in matter.plan.served:
        served[row.period] += row.tokens_per_s
    return f"the load served grows from {rate(served[matter.labels[0]])} to {rate(served[final])} by {final}"


def _met(matter: Matter) -> str:
    rows = matter.plan.unmet
    total = len(matter.estate.workloads)
    if not rows:
        return f"Every need is met: all {total} workloads, in every period and region."
    worth: dict[str, float] = defaultdict(float)
    why: dict[str, float] = defaultdict(float)
    for row in rows:
        worth[row.workload] += row.worth_cents or row.share
        why[_bare(row.why)] += row.worth_cents or row.share
    cause = max(why, key=lambda key: (why[key], key))
    names = sorted(worth, key=lambda key: (-worth[key], key))
    left = share(matter_share(matter))
    amount = f", worth {money(matter.plan.unmet_worth_cents, matter.plan.currency)}," if matter.priced else ""
    return (
        f"It leaves {left} of the tokens needed{amount} unserved, mostly of {listed(names[:2])}; the main cause is "
        f"{cause}."
    )


def _bare(why: str) -> str:
    """A cause without the day from which it holds, so that the same cause of several years counts as one."""
    head, _, clause = why.partition(" (")
    head = head.split(", 2")[0] if ", 2" in head else head
    return f"{head} ({clause}" if clause else head


def _binds(matter: Matter) -> str:
    if not matter.plan.limits:
        return "No limit binds: more of anything would not make it cheaper."
    row = matter.plan.limits[0]
    when = f" in {column_of(row.period)}" if row.period else ""
    what = words_of(row, matter)
    said = f"The tightest limit is that on {what}{when} ({row.source})"
    if not matter.priced:
        return f"{said}."
    one, worth = worth_of(matter, row)
    return f"{said}: one more {one} would be worth {worth}."


def tiles(matter: Matter) -> tuple[Tile, ...]:
    """Four numbers for the first screen."""
    plan = matter.plan
    found: list[Tile] = []
    if matter.priced:
        paid = plan.cost_cents - plan.unmet_worth_cents
        found.append(
            Tile("Cost", money(paid, plan.currency), f"discounted at {share(plan.discount_per_year)} a year")
        )
        cash = sum(
            row.amount_cents for row in plan.spend if row.payer == plan.party and row.kind != "salvage"
        )
        found.append(Tile("Paid over the horizon", money(cash, plan.currency), "before discounting"))
    left = matter_share(matter)
    found.append(Tile("Need met", share(1 - left), "of tokens" if left else "of tokens, in every period"))
    final = matter.labels[-1]
    if matter.view == "power":
        stands = sum(row.power_mw for row in plan.capacity if row.period == final)
        found.append(Tile("IT power that serves", power(stands), f"in {final}"))
    else:
        served = sum(row.tokens_per_s for row in plan.served if row.period == final)
        found.append(Tile("Load served", measured(served, "token-rate", plan.currency), f"mean of {final}"))
    numbered = plan.numbers
    total = numbered.sourced + numbered.assumed + numbered.unsourced
    if matter.extras.cost_on_assumptions is not None:
        found.append(Tile("On assumptions", share(matter.extras.cost_on_assumptions), "of the cost"))
    elif total:
        found.append(
            Tile("On assumptions", share(numbered.assumed / total), f"of the {total} numbers it rests on")
        )
    return tuple(found)
