"""What the engines hand to each other and to people: plain, versioned values. The plan is the first of them.

Money is in whole cents of the plan's currency, power in MW of IT load, load in tokens per second. Rows come in a fixed
order, and nothing in them depends on the clock: the same estate gives the same bytes.
"""

from __future__ import annotations

import operator
from datetime import date
from typing import Final, Literal

from pydantic import Field

from offtake.domain.outlook import Outlook
from offtake.domain.rows import Row

PLAN_FORMAT: Final = "offtake.capacity-plan/1"
ONE_FUTURE: Final = "the best case with perfect foresight, not a forecast"
CERTIFIED: Final = "arithmetic checked by separate code; the inputs are as true as their sources"


class PlanPeriod(Row):
    """A period of the plan: days from `begins` up to, not including, `ends`."""

    label: str
    begins: date
    ends: date


class SupposedEvent(Row):
    """An event that the plan takes as happened on a day."""

    event: str
    on: date
    about: str | None = None


class CheckRow(Row):
    """One check of the certificate: a residual beside what it may be at most."""

    name: str
    value: float
    tolerance: float
    passed: bool


class PlanCertificate(Row):
    """All checks passed, or there would be no plan. `mip_gap` is the solver's proof where choices are whole."""

    checks: tuple[CheckRow, ...]
    actions_replayed: int
    mip_gap: float | None = None
    prices_from_fixed_integers: bool = False
    says: str = CERTIFIED


class OrderRow(Row):
    """Capacity that the plan orders in a period, and the days it serves."""

    kind: Literal["build", "reserve", "on-demand", "keep", "shell"]
    supply: str
    site: str | None = None
    product: str | None = None
    accelerator: str | None = None
    provider: str | None = None
    owner: str | None = None
    period: str
    serves_from: date
    serves_until: date | None
    quantity: float
    unit: str
    power_mw: float


class CapacityRow(Row):
    """What stands in a pool through a period, and how much of it is used in the busiest typical hour."""

    supply: str
    period: str
    unit: str
    contracted: float
    added: float
    used: float
    power_mw: float


class PowerRow(Row):
    """Power of a site in a period: what has reached each status, what may be planned on, and what is used (IT MW)."""

    site: str
    period: str
    announced_mw: float
    contracted_mw: float
    energised_mw: float
    plannable_mw: float
    used_mw: float


class ServedRow(Row):
    """A class's traffic from one client region, served by a model on a supply through a period."""

    workload: str
    client_region: str
    model: str
    supply: str
    provider: str | None
    region: str | None
    deployment: str | None
    period: str
    tokens_per_s: float
    share: float


class TrainingRow(Row):
    """Accelerators of a run at a supply through a period, and the share of its FLOP done there."""

    workload: str
    supply: str
    period: str
    accelerators: float
    share: float


class UnmetRow(Row):
    """Need that the plan leaves, what it was worth, and why it is left."""

    workload: str
    client_region: str | None
    period: str | None
    share: float
    tokens_per_s: float
    worth_cents: int
    why: str
    clause: str | None


class SpendRow(Row):
    """Money from payer to payee in a period, undiscounted."""

    period: str
    year: int
    payer: str
    payee: str
    kind: str
    supply: str
    amount_cents: int


class LimitRow(Row):
    """A limit that binds, and what one more unit of it would be worth (discounted)."""

    source: str
    what: str
    period: str
    unit: str
    worth_cents_per_unit: float
    document: str | None = None
    section: str | None = None


class MeterRow(Row):
    """A meter in one window: its bounds, what the plan counts on it, and what falling short costs."""

    meter: str
    clause: str
    window: str
    measure: str
    lower: float | None
    upper: float | None
    counted: float
    shortfall: float
    drawn: float
    owed_cents: int


class MeterUseRow(Row):
    """What a meter counts in one period of one of its windows, and in the window so far; in the meter's measure."""

    meter: str
    clause: str
    window: str
    period: str
    measure: str
    counted: float
    so_far: float


class RefusalRightRow(Row):
    """One tranche of a first refusal: the need, what the holder offers, what it takes and what goes elsewhere."""

    clause: str
    holder: str
    begins: date
    ends: date
    measure: str
    needed: float
    offered: float
    taken_by_holder: float
    allowed_elsewhere: float
    taken_elsewhere: float
    binding: bool
    answer_within: str = ""  # The time that the holder has for a need of that size; nothing if it has any.


class ObligationRow(Row):
    """Something that must happen before an action of the plan: somebody is asked, or approves."""

    kind: str
    who: str
    clause: str
    actions: int


class UnmodelledRow(Row):
    """A term that the estate's agreements state and its clauses leave out."""

    agreement: str
    term: str


class NumbersRow(Row):
    """How many numbers of the estate have a source, are marked as assumptions, or say neither."""

    sourced: int
    assumed: int
    unsourced: int


FinanceKind = Literal[
    "equity",
    "drawdown",
    "interest",
    "fee",
    "repayment",
    "outstanding",
    "prepaid",
    "credited",
    "uncredited",
    "tax",
    "gap",
]
NOBODY_PROMISED: Final = "nobody"  # Who pays what no source covers.
THE_STATE: Final = "the state"  # To whom tax is paid.
CUSTOMERS: Final = "customers"  # Who pay for the tokens that a workload serves.


class FinanceFlowRow(Row):
    """Money between a borrower and a source in a period, undiscounted, in the plan's currency at the period's rate.
    `outstanding` is debt left at the horizon's end, counted as if it were repaid on its last day; `uncredited` what a
    customer paid in advance and has not had yet; `gap` is money that nobody has promised."""

    period: str
    kind: FinanceKind
    source: str
    payer: str
    payee: str
    amount_cents: int


class CashRow(Row):
    """A borrower's cash at a period's end, and what of its draws in the period went into the reserve."""

    period: str
    cash_cents: int
    reserve_funded_cents: int


class SourceTerms(Row):
    """The terms of a tranche or facility, exact: shares and rates as decimals in texts. The amount is in `currency`, if
    it is named, of which one is worth `rates` of the plan's in each period; `waits_for` is an event that does not
    happen in this plan."""

    id: str
    kind: Literal["equity", "debt", "prepayment"]
    provider: str
    amount_cents: int
    opens: date | None
    closes: date | None
    assumed: bool
    interest: tuple[tuple[date | None, str], ...] = ()
    upfront_fee: str = "0"
    commitment_fee: str = "0"
    repays_from: date | None = None
    matures: date | None = None
    repayment: Literal["amortising", "bullet"] = "amortising"
    currency: str | None = Field(default=None, exclude_if=operator.not_)
    rates: tuple[str, ...] = Field(default=(), exclude_if=operator.not_)
    waits_for: str | None = Field(default=None, exclude_if=operator.not_)


class BorrowerPlan(Row):
    """How a party pays for what the plan has it build and run: its sources with their terms, and every flow."""

    party: str
    consolidates: tuple[str, ...]
    opening_cash_cents: int
    minimum_cash_cents: int
    gearing: str | None
    dscr: str | None
    reserve: str | None
    gap_price: str
    tax: str | None = Field(default=None, exclude_if=operator.not_)
    receivables: str | None = Field(default=None, exclude_if=operator.not_)
    payables: str | None = Field(default=None, exclude_if=operator.not_)
    sources: tuple[SourceTerms, ...]
    flows: tuple[FinanceFlowRow, ...]
    cash: tuple[CashRow, ...]


class CapacityPlan(Row):
    """A certified plan: what to build, lease and buy, for whom, at what cost, and what limits it."""

    format: Literal["offtake.capacity-plan/1"] = PLAN_FORMAT
    says: str = ONE_FUTURE
    estate: str
    estate_digest: str
    party: str
    known_at: date | None
    events: tuple[SupposedEvent, ...]
    currency: str
    begins: date
    ends: date
    period_length: str
    discount_per_year: float
    end_value: str
    cuts: tuple[date, ...]
    periods: tuple[PlanPeriod, ...]
    cost_cents: int  # Discounted cost to the party, unmet need included at its worth.
    unmet_worth_cents: int  # The discounted part of it that is unmet need.
    orders: tuple[OrderRow, ...]
    capacity: tuple[CapacityRow, ...]
    power: tuple[PowerRow, ...]
    served: tuple[ServedRow, ...]
    training: tuple[TrainingRow, ...]
    unmet: tuple[UnmetRow, ...]
    spend: tuple[SpendRow, ...]
    limits: tuple[LimitRow, ...]
    meters: tuple[MeterRow, ...]
    meter_use: tuple[MeterUseRow, ...]
    first_refusals: tuple[RefusalRightRow, ...]
    obligations: tuple[ObligationRow, ...]
    unmodelled: tuple[UnmodelledRow, ...]
    numbers: NumbersRow
    certificate: PlanCertificate
    # Only where the estate states facilities.
    finance: tuple[BorrowerPlan, ...] = Field(default=(), exclude_if=operator.not_)
    # What was taken out before the plan was handed on.
    redacted: tuple[Literal["prices", "parties"], ...] = ()


PLAN_TABLES: Final = (
    "orders",
    "capacity",
    "power",
    "served",
    "training",
    "unmet",
    "spend",
    "limits",
    "meters",
    "meter_use",
    "first_refusals",
    "obligations",
    "unmodelled",
)


class ClausePrice(Row):
    """The price of a clause: the certified cost with it less the certified cost without it. Prices do not add up."""

    clause: str
    document: str | None
    section: str | None
    with_clause_cents: int
    without_clause_cents: int
    price_cents: int
    currency: str
    says: str = "the difference of two certified plans; prices of several clauses do not add up"


class SensitivityRow(Row):
    """How the cost moves if one number of the estate moves by a tenth, down and up, the rest as it is.

    `solved`: the difference of two certified costs; else to first order, at the prices of the plan.
    """

    path: str
    text: str
    source: str | None
    assumed: bool
    down_cents: int
    up_cents: int
    solved: bool = True


class ReportExtras(Row):
    """What a report shows beside the plan where it was computed. `cost_on_assumptions` is a share of the cost."""

    clause_prices: tuple[ClausePrice, ...] = ()
    clauses_not_priced: tuple[str, ...] = ()  # Clauses that weigh less, for which no plan was made without.
    sensitivities: tuple[SensitivityRow, ...] = ()
    cost_on_assumptions: float | None = None
    outlook: Outlook | None = None


class ConflictRow(Row):
    """One member of a set of limits that cannot hold together, in words."""

    source: str
    what: str
    when: str
    bound: str


class InfeasiblePlan(Row):
    """No plan meets every limit: these cannot hold together, and without any one of them the others can."""

    conflicts: tuple[ConflictRow, ...]
    minimal: bool
