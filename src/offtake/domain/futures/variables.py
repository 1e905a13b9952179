"""What is uncertain about an estate: the figures, days and answers that another future may hold, and by how much.

What the rest of the file states stays the base case. A variable names what it acts on, and the distribution of its
draws; `offtake.domain.distributions` reads the numbers of one, `offtake.planner.futures.sampling` draws from it.
"""

from __future__ import annotations

from datetime import date
from typing import Annotated, Literal

from pydantic import Field

from offtake.domain.finance import ShareSeries
from offtake.domain.records import Entry, Id, Length

Amount = Annotated[
    str,
    Field(description="a factor such as `0.8` or `80 %`; a quantity with `draws: value`; a length of time"),
]
Step = Literal["month", "quarter", "year"]


class Variable(Entry):
    """One thing that is uncertain. It acts on one of: `figure`, `demand`, `price`, `delay`, `answer`, `event`."""

    figure: tuple[str, ...] = Field(
        default=(), description="paths of figures, such as `accelerators.h100.lead` or `sites.abilene.power`"
    )
    demand: tuple[str, ...] = Field(
        default=(), description="workloads whose need is multiplied; `all` for every one's"
    )
    price: tuple[Id, ...] = Field(
        default=(), description="accelerators, products, providers or sites whose prices are multiplied"
    )
    delay: tuple[Id, ...] = Field(
        default=(), description="sites or products; what they have still to bring comes so much later"
    )
    answer: str | None = Field(
        default=None, description="a first refusal (`agreement.clause`) whose holder's offers are multiplied"
    )
    event: Id | None = Field(default=None, description="an event, whose day is drawn")
    draws: Literal["factor", "value"] = Field(
        default="factor",
        description="what a draw is: a factor on what is stated, or the figure's value itself",
    )
    at_least: Amount | None = Field(default=None, description="draws below are raised to it; else zero")
    at_most: Amount | None = Field(default=None, description="draws above are lowered to it")


class Triangular(Variable):
    """Between `low` and `high`, likeliest at `mode`."""

    kind: Literal["triangular"]
    low: Amount
    mode: Amount
    high: Amount


class Uniform(Variable):
    """Anywhere between `low` and `high`."""

    kind: Literal["uniform"]
    low: Amount
    high: Amount


class Normal(Variable):
    """Around a mean, by a standard deviation in the same unit."""

    kind: Literal["normal"]
    mean: Amount | None = Field(default=None, description="1 for a factor, if not stated")
    deviation: Amount


class Lognormal(Variable):
    """Around a median; `deviation` is that of the draw's natural logarithm."""

    kind: Literal["lognormal"]
    median: Amount | None = Field(default=None, description="1 for a factor, if not stated")
    deviation: Amount


class Outcome(Entry):
    """A value and how likely it is."""

    value: Amount
    probability: Amount


class Discrete(Variable):
    """One of several values."""

    kind: Literal["discrete"]
    outcomes: tuple[Outcome, ...] = Field(min_length=1)


class Empirical(Variable):
    """One of the values that were observed, each as likely."""

    kind: Literal["empirical"]
    file: str | None = Field(default=None, description="a CSV beside the estate")
    column: str | None = Field(default=None, description="its column; the first, if not named")
    values: tuple[Amount, ...] = Field(default=(), description="the observations, instead of a file")


class Growth(Variable):
    """A factor on a series that grows and wanders: 1 at the horizon's start, no more certain the later it is."""

    kind: Literal["growth"]
    growth: Amount = Field(default="0", description="of the median, per year, beside what the estate states")
    volatility: Amount = Field(
        description="deviation of the logarithm over a year; grows with the root of time"
    )
    step: Step | None = Field(
        default=None, description="how often it moves; the horizon's periods, if not stated"
    )


class Reverting(Variable):
    """A factor on a series that wanders and comes back: 1 at the horizon's start, and drawn to `level`."""

    kind: Literal["mean-reverting"]
    volatility: Amount = Field(description="deviation of the logarithm that a year's shocks would add up to")
    half_life: Length = Field(description="after which half of a deviation is gone")
    level: Amount = Field(default="1", description="the factor that it comes back to")
    step: Step | None = Field(
        default=None, description="how often it moves; the horizon's periods, if not stated"
    )


class Hazard(Variable):
    """An event that may happen at any time: `rate` is its intensity per year, dated where it changes."""

    kind: Literal["hazard"]
    rate: ShareSeries = Field(description="20 % a year: happens within a year with 1 - exp(-0.2) = 18.1 %")
    begins: date | None = Field(default=None, alias="from", description="the horizon's start, if not stated")
    ends: date | None = Field(default=None, alias="until", description="it does not happen from then on")


class Day(Entry):
    """A day on which an event may happen."""

    on: date
    probability: Amount


class Days(Variable):
    """An event that happens on one of several days, or, with what is left of probability, never."""

    kind: Literal["days"]
    outcomes: tuple[Day, ...] = Field(min_length=1)


AnyVariable = Annotated[
    Triangular | Uniform | Normal | Lognormal | Discrete | Empirical | Growth | Reverting | Hazard | Days,
    Field(discriminator="kind"),
]


class Correlation(Entry):
    """Variables that move together, by a Gaussian copula: correlations are those of their normal scores."""

    of: tuple[Id, ...] = Field(min_length=2)
    all_pairs: Amount | None = Field(default=None, alias="all", description="one coefficient for every pair")
    matrix: tuple[tuple[Amount, ...], ...] = Field(
        default=(), description="the coefficients, row by row in the order of `of`"
    )


class Futures(Entry):
    """What is uncertain, and what of it moves together."""

    variables: dict[Id, AnyVariable] = {}
    correlations: dict[Id, Correlation] = {}
