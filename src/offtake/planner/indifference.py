"""The payment at which a party does not mind a clause: its walk-away point in a negotiation.

A clause's price is the party's discounted cost with it less its cost without it. Paid that much on the plan's first
day, the party is as well off with the clause as without it; paid less it is better off without. Where the price is
negative it is what the party would pay to keep the clause.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from offtake.domain.handoffs import CapacityPlan

DAYS_A_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True)
class Indifference:
    """The payment in whole cents: once on the day `begins`, or so much a year, paid evenly from `begins` until `ends`.

    Both are worth the same at the plan's discount; positive is paid to the party, negative by it.
    """

    party: str
    begins: date
    ends: date
    discount_per_year: float
    once_cents: int
    each_year_cents: int


def indifference(plan: CapacityPlan, price_cents: int) -> Indifference:
    """The payment that makes up for a clause of such a price, in the plan with the clause."""
    return Indifference(
        party=plan.party,
        begins=plan.begins,
        ends=plan.ends,
        discount_per_year=plan.discount_per_year,
        once_cents=price_cents,
        each_year_cents=round(price_cents / annuity_factor(plan)),
    )


def annuity_factor(plan: CapacityPlan) -> float:
    """What one unit of money a year, paid evenly over the plan's days, is worth on its first day.

    The sum over periods of their length in years (days over 365.25) times the discount of their middle, as costs of the
    plan are discounted themselves.
    """
    total = 0.0
    for period in plan.periods:
        days = (period.ends - period.begins).days
        middle = (period.begins - plan.begins).days + days / 2
        total += days / DAYS_A_YEAR * (1 + plan.discount_per_year) ** (-middle / DAYS_A_YEAR)
    return total
