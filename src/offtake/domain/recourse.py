"""A plan for many futures, as plain versioned values: what is decided now, what is left open, and what that is worth.

Money is in whole cents of the estate's currency, discounted. Rows come in a fixed order, and nothing in them depends on
the clock.
"""

from __future__ import annotations

from datetime import date
from typing import Final, Literal

from offtake.domain.handoffs import CheckRow, SupposedEvent
from offtake.domain.rows import Row

STOCHASTIC_FORMAT: Final = "offtake.stochastic-plan/1"
SAYS_STOCHASTIC: Final = (
    "the least {objective} over the futures it was given; what comes after today's orders knows its future"
)
SAYS_WAIT: Final = "wait and see: optimistic, each future known before anything is decided"

OrderKind = Literal["build", "reserve", "on-demand", "keep", "shell"]


class Thing(Row):
    """What is ordered: a kind of order at a supply."""

    kind: OrderKind
    supply: str
    site: str | None = None
    provider: str | None = None
    owner: str | None = None
    unit: str
    power_mw_per_unit: float


class OrderNow(Row):
    """An order of the periods that are decided now, beside what the plan for one future orders, and what each future
    would if it were known: the least, the middle and the most over futures."""

    thing: Thing
    period: str
    by: date
    serves_from: date
    quantity: float
    in_one_future: float
    known_least: float
    known_middle: float
    known_most: float


class LaterOrder(Row):
    """What some futures order later, and how likely they are. An option where others do not: it must be taken in the
    period that holds `by` at the latest, for the first of those futures to be served from `serves_from` on."""

    thing: Thing
    probability: float
    period: str
    by: date
    serves_from: date
    middle: float
    most: float
    futures: tuple[str, ...]


class FutureRow(Row):
    """One future: what today's orders come to in it, what it would cost if it were known, and the regret between."""

    name: str
    about: str
    probability: float
    weighed_cents: int
    cost_cents: int
    unmet_worth_cents: int
    gap_cents: int
    known_cents: int
    regret_cents: int


class FreshFutures(Row):
    """Today's orders in futures that were not used to choose them: the mean, and the interval that holds the true mean
    in 95 of 100 samples. `cannot` is how many could not live with the orders."""

    count: int
    cannot: int
    mean_cents: int
    low_cents: int
    high_cents: int
    one_future_cents: int | None = None
    one_future_cannot: int = 0


class Rule(Row):
    """How it was decided. `decided_until` and `days` are when more becomes known; `level` and `weight` are of the mean
    of the worst futures in what is made least. `rounds`, and tries that some future `refused`, are of a
    decomposition."""

    decided_until: date
    days: tuple[date, ...]
    groups: tuple[int, ...]
    level: float
    weight: float
    way: Literal["extensive", "benders"]
    later: Literal["whole", "fractions"]
    rounds: int
    refused: int
    columns: int
    rows: int
    entries: int
    decisions: int


class StochasticPlan(Row):
    """Orders for the first periods that suit all futures together. What is weighed is the objective of the program: the
    party's cost with need left unmet at its worth and a funding gap at its price."""

    format: str = STOCHASTIC_FORMAT
    estate: str
    estate_digest: str
    party: str
    known_at: date | None
    events: tuple[SupposedEvent, ...]
    currency: str
    begins: date
    ends: date
    discount_per_year: float
    rule: Rule
    finished: bool
    weighed_cents: int
    at_least_cents: int
    mean_cents: int
    worst_mean_cents: int
    known_cents: int
    one_future_cents: int | None
    one_future_cannot: tuple[str, ...]
    information_cents: int
    stochastic_cents: int | None
    orders: tuple[OrderNow, ...]
    later: tuple[LaterOrder, ...]
    ruled_out: tuple[str, ...]
    futures: tuple[FutureRow, ...]
    fresh: FreshFutures | None = None
    checks: tuple[CheckRow, ...]
    says: str
    known_says: str = SAYS_WAIT

    @property
    def not_paid_cents(self) -> int:
        """What of the mean is no cost that anybody pays: the price put on money that nobody promised."""
        return self.mean_cents - round(sum(one.probability * one.cost_cents for one in self.futures))


ROLLING_FORMAT: Final = "offtake.rolling-plan/1"
SAYS_ROLLING: Final = (
    "decided at every stretch for the future as it was known by then, and what was to come taken as expected"
)


class RolledFuture(Row):
    """A future: deciding again and again, deciding once for all, deciding again after the orders of the plan for many
    futures, and known from the start. None where it could not be carried out."""

    name: str
    about: str
    probability: float
    rolled_cents: int | None
    once_cents: int | None
    stochastic_cents: int | None
    known_cents: int | None


class RolledOrder(Row):
    """What is ordered at a decision over the futures: in how many of them, and the least, middle and most."""

    thing: Thing
    on: date
    probability: float
    least: float
    middle: float
    most: float


class RollingPlan(Row):
    """Decisions that are made again and again, in many futures. Means are over the futures in which all ways could be
    carried out (`compared`, by probability)."""

    format: str = ROLLING_FORMAT
    estate: str
    estate_digest: str
    party: str
    known_at: date | None
    currency: str
    begins: date
    ends: date
    days: tuple[date, ...]
    finished: bool
    compared: int
    rolled_cents: int
    once_cents: int
    stochastic_cents: int | None
    known_cents: int
    futures: tuple[RolledFuture, ...]
    orders: tuple[RolledOrder, ...]
    stochastic: StochasticPlan | None = None
    says: str = SAYS_ROLLING
    known_says: str = SAYS_WAIT
