"""What many futures say together, as plain values: spreads, bands over time, what binds, what moves the answer."""

from __future__ import annotations

from typing import Final, Literal

from offtake.domain.rows import Row

OUTLOOK_FORMAT: Final = "offtake.outlook/1"
WAIT_AND_SEE: Final = "wait and see: optimistic"
WAIT_AND_SEE_SAYS: Final = (
    "each future is planned for as if it were known from the start, so every plan is at least as good as one made "
    "without knowing; what can be decided today without knowing costs more"
)


class Spread(Row):
    """How one number lies over the futures; `base` is that of the case as stated. `counts` are of futures, by as many
    bins of the same width from `low` to `high`."""

    base: float
    p5: float
    median: float
    p95: float
    mean: float
    low: float
    high: float
    counts: tuple[int, ...]


class BandRow(Row):
    """One quantity in a month, quarter or year: quantiles over the futures, each by itself, and the case as stated."""

    series: str
    at: str
    unit: str
    p5: float
    median: float
    p95: float
    base: float


class BindingRow(Row):
    """A limit, in which share of the futures it binds, and what one more unit of it is worth where it does (cents)."""

    source: str
    share: float
    in_base: bool
    p5_cents: float
    median_cents: float
    p95_cents: float


class MoverRow(Row):
    """How far a variable moves the cost: alone, at its 5th and 95th percentile with all else as stated, and by the rank
    correlation of its draws with the cost over all futures. Costs are certified; None where there is no plan."""

    variable: str
    acts_on: str
    at_p5: str
    at_p95: str
    cost_p5_cents: int | None
    cost_p95_cents: int | None
    rank_correlation: float | None
    assumed: bool
    source: str | None


class OrderRow(Row):
    """What is ordered by one way from one supply: in which share of the futures at all, how much in those and overall,
    and the variable whose draws go with it most. `first_year`: only what is ordered within the horizon's first year."""

    order: str
    unit: str
    first_year: bool
    share: float
    p5: float
    median: float
    p95: float
    base: float
    goes_with: str | None
    rank_correlation: float | None


class TotalRow(Row):
    """One total over the futures, as a row of a table."""

    total: str
    as_stated_cents: int
    p5_cents: int
    median_cents: int
    p95_cents: int
    mean_cents: int


class Outlook(Row):
    """Many futures of one estate. Money is in cents: `cost` and `unmet_worth` discounted, `gap` as it falls due.

    `planned` futures have a certified plan; `no_plan` cannot meet every limit, `failed` were not solved; both are in no
    spread. `cold` were solved from nothing, `again` after an answer that did not pass its certificate.
    """

    format: Literal["offtake.outlook/1"] = OUTLOOK_FORMAT
    label: str = WAIT_AND_SEE
    says: str = WAIT_AND_SEE_SAYS
    estate: str
    estate_digest: str
    party: str
    currency: str
    seed: int
    asked: int
    planned: int
    no_plan: int
    failed: int
    cold: int
    again: int
    cost: Spread
    unmet_worth: Spread
    unmet_share: Spread  # Of need in tokens, left unserved.
    gap: Spread | None
    bands: tuple[BandRow, ...]
    binding: tuple[BindingRow, ...]
    movers: tuple[MoverRow, ...]
    orders: tuple[OrderRow, ...]

    @property
    def complete(self) -> bool:
        """Whether all futures that were asked for were looked at."""
        return self.planned + self.no_plan + self.failed >= self.asked

    @property
    def totals(self) -> tuple[TotalRow, ...]:
        """The spreads of money as rows."""
        named = [("cost, discounted", self.cost), ("worth of what is unmet, discounted", self.unmet_worth)]
        if self.gap is not None:
            named.append(("money that nobody has promised", self.gap))
        return tuple(
            TotalRow(
                total=name,
                as_stated_cents=round(one.base),
                p5_cents=round(one.p5),
                median_cents=round(one.median),
                p95_cents=round(one.p95),
                mean_cents=round(one.mean),
            )
            for name, one in named
        )
