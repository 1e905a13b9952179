"""A borrower's accounts, counted again from the plan alone in whole micro-units of money, by code that shares nothing
with the program: cash flow, income with depreciation, balance, debt and its cover.

One micro-unit is a millionth of the plan's currency; a cent is ten thousand. What is a share of something is rounded
half to even where it arises, and repayments are differences of rounded sums, so that what is drawn is repaid exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from offtake.domain.handoffs import BorrowerPlan, CapacityPlan, PlanPeriod, SourceTerms
from offtake.domain.quantities import parse_span
from offtake.planner.audit import HALF_A_CENT, Mismatch

MICROS_PER_CENT: Final = 10_000
MICROS: Final = 1_000_000
YEAR_DAYS: Final = Fraction(36525, 100)
CAPITAL: Final = "capital"
SALVAGE: Final = "salvage"


@dataclass(slots=True)
class PeriodAccount:
    """One period of a borrower's accounts, in micro-units. What is owed, held and worth is at the period's end."""

    period: PlanPeriod
    receipts: int = 0
    operating_costs: int = 0
    capital: int = 0
    equity: int = 0
    drawn: int = 0
    gap: int = 0
    interest: int = 0
    fees: int = 0
    repaid: int = 0
    repaid_at_once: int = 0  # Of it bullets, which are refinanced and no debt service.
    depreciation: int = 0
    cash: int = 0
    debt: int = 0
    reserve: int = 0  # What cash is to hold for debt service ahead.
    assets: int = 0  # What was built, at cost less depreciation.
    paid_in: int = 0  # Equity and the gap until here, with the cash at the start.
    retained: int = 0  # Profit until here.
    received_from: dict[str, int] = field(default_factory=dict[str, int])
    received_for: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def operating_cash(self) -> int:
        """What is there for debt service: receipts less costs of operation."""
        return self.receipts - self.operating_costs

    @property
    def debt_service(self) -> int:
        """Interest and what amortises."""
        return self.interest + self.repaid - self.repaid_at_once

    @property
    def cover(self) -> Fraction | None:
        """Operating cash over debt service; None where nothing is due."""
        return Fraction(self.operating_cash, self.debt_service) if self.debt_service else None

    @property
    def profit(self) -> int:
        """Before tax."""
        return self.operating_cash - self.depreciation - self.interest - self.fees

    @property
    def uses(self) -> int:
        """All that is paid."""
        return self.operating_costs + self.capital + self.interest + self.fees + self.repaid


@dataclass(frozen=True, slots=True)
class Accounts:
    """A borrower's accounts over the plan. `salvage` is what assets count for after the horizon, in micro-units."""

    borrower: BorrowerPlan
    currency: str
    periods: tuple[PeriodAccount, ...]
    drawn_by_source: Mapping[str, int]
    salvage: int


def accounts_of(plan: CapacityPlan, borrower: BorrowerPlan) -> Accounts:
    """The accounts of a borrower of a plan."""
    accounts = {period.label: PeriodAccount(period) for period in plan.periods}
    salvage = _trade(plan, borrower, accounts)
    drawn = _sources(borrower, accounts)
    ordered = tuple(accounts.values())
    for terms in borrower.sources:
        if terms.kind == "debt":
            _serve(terms, [drawn[terms.id].get(one.period.label, 0) for one in ordered], ordered)
    _depreciate(plan, borrower, ordered)
    _close(borrower, ordered)
    return Accounts(
        borrower,
        plan.currency,
        ordered,
        {id: sum(by_period.values()) for id, by_period in drawn.items()},
        salvage,
    )


def _trade(plan: CapacityPlan, borrower: BorrowerPlan, accounts: Mapping[str, PeriodAccount]) -> int:
    """Enters what the group is paid and pays; returns the salvage value."""
    members, salvage = {borrower.party, *borrower.consolidates}, 0
    for row in plan.spend:
        gets, pays = row.payee in members, row.payer in members
        if gets == pays:
            continue
        amount, account = row.amount_cents * MICROS_PER_CENT, accounts[row.period]
        if row.kind == SALVAGE:
            salvage -= amount if pays else -amount
        elif gets:
            account.receipts += amount
            account.received_from[row.payer] = account.received_from.get(row.payer, 0) + amount
            account.received_for[row.kind] = account.received_for.get(row.kind, 0) + amount
        elif row.kind == CAPITAL:
            account.capital += amount
        else:
            account.operating_costs += amount
    return salvage


def _sources(borrower: BorrowerPlan, accounts: Mapping[str, PeriodAccount]) -> dict[str, dict[str, int]]:
    """Enters what is drawn; by source and period."""
    found: dict[str, dict[str, int]] = {terms.id: {} for terms in borrower.sources}
    for flow in borrower.flows:
        amount, account = flow.amount_cents * MICROS_PER_CENT, accounts[flow.period]
        if flow.kind == "gap":
            account.gap += amount
        elif flow.kind in ("equity", "drawdown"):
            found[flow.source][flow.period] = found[flow.source].get(flow.period, 0) + amount
            if flow.kind == "equity":
                account.equity += amount
            else:
                account.drawn += amount
    return found


def _serve(terms: SourceTerms, drawn: Sequence[int], accounts: Sequence[PeriodAccount]) -> None:
    """Enters a facility's interest, fees and repayments, and what is owed on it."""
    committed, total = terms.amount_cents * MICROS_PER_CENT, sum(drawn)
    owed = so_far = repaid = 0
    opened = terms.opens is not None and terms.opens < accounts[0].period.begins
    due = Fraction(0)
    for amount, account in zip(drawn, accounts, strict=True):
        period = account.period
        years = Fraction((period.ends - period.begins).days) / YEAR_DAYS
        window = _within(period, terms.opens, terms.closes)
        account.interest += round(_rate(terms, period.begins) * years * (owed + Fraction(amount, 2)))
        undrawn = committed - so_far - Fraction(amount, 2)
        account.fees += round(Fraction(terms.commitment_fee) * years * window * undrawn)
        if window and not opened:
            account.fees += round(Fraction(terms.upfront_fee) * committed)
            opened = True
        so_far += amount
        due += _due(terms, period)
        back = round(total * due) - repaid
        repaid += back
        account.repaid += back
        if terms.repayment == "bullet":
            account.repaid_at_once += back
        owed += amount - back
        account.debt += owed


def _within(period: PlanPeriod, opens: date | None, closes: date | None) -> Fraction:
    first = period.begins if opens is None else max(period.begins, opens)
    last = period.ends if closes is None else min(period.ends, closes)
    return Fraction(max((last - first).days, 0), (period.ends - period.begins).days)


def _rate(terms: SourceTerms, day: date) -> Fraction:
    """The rate in force on a day, else the first that is stated."""
    in_force = [rate for begins, rate in terms.interest if begins is None or begins <= day]
    return Fraction((in_force or [terms.interest[0][1]])[-1])


def _due(terms: SourceTerms, period: PlanPeriod) -> Fraction:
    """The share of all that was drawn which is repaid at a period's end."""
    first, last = terms.repays_from, terms.matures
    if first is None or last is None:
        return Fraction(0)
    if terms.repayment == "bullet":
        return Fraction(int(period.begins < last <= period.ends))
    days = (min(period.ends, last) - max(period.begins, first)).days
    return Fraction(max(days, 0), (last - first).days)


def _depreciate(plan: CapacityPlan, borrower: BorrowerPlan, accounts: Sequence[PeriodAccount]) -> None:
    """Straight-line by the day, from the first day of service to the end of the asset's life."""
    members = {borrower.party, *borrower.consolidates}
    lives = {(order.period, order.supply): (order.serves_from, order.serves_until) for order in plan.orders}
    for row in plan.spend:
        life = lives.get((row.period, row.supply))
        if row.kind != CAPITAL or row.payer not in members or row.payee in members or life is None:
            continue
        begins, ends = life
        if ends is None or ends <= begins:
            continue
        cost, written = row.amount_cents * MICROS_PER_CENT, 0
        for account in accounts:
            days = min(max((account.period.ends - begins).days, 0), (ends - begins).days)
            until_here = round(Fraction(cost * days, (ends - begins).days))
            account.depreciation += until_here - written
            written = until_here


def _close(borrower: BorrowerPlan, accounts: Sequence[PeriodAccount]) -> None:
    """Cash, assets and equity at each period's end."""
    cash = paid_in = borrower.opening_cash_cents * MICROS_PER_CENT
    assets = retained = 0
    for one in accounts:
        cash += one.receipts + one.equity + one.drawn + one.gap - one.uses
        assets += one.capital - one.depreciation
        paid_in += one.equity + one.gap
        retained += one.profit
        one.cash, one.assets, one.paid_in, one.retained = cash, assets, paid_in, retained
    if borrower.reserve is not None:
        span = parse_span(borrower.reserve)
        for n, one in enumerate(accounts):
            until = span.after(one.period.ends)
            ahead = (later.debt_service * _within(later.period, None, until) for later in accounts[n + 1 :])
            one.reserve = round(sum(ahead, Fraction(0)))


# Compared with the program -------------------------------------------------------------------------------------------


def recount_finance(plan: CapacityPlan) -> tuple[Mismatch, ...]:
    """What the plan states of each borrower, beside its accounts; and by how much a promise to lenders is broken."""
    return tuple(found for borrower in plan.finance for found in _recounted(plan, borrower))


def _recounted(plan: CapacityPlan, borrower: BorrowerPlan) -> list[Mismatch]:
    accounts = accounts_of(plan, borrower)
    stated: dict[str, int] = defaultdict(int)
    for flow in borrower.flows:
        stated[flow.kind] += flow.amount_cents
    rows = len(borrower.flows) + len(plan.spend) + len(plan.periods)
    rounding = HALF_A_CENT * rows
    again = {
        "interest": sum(one.interest for one in accounts.periods),
        "fee": sum(one.fees for one in accounts.periods),
        "repayment": sum(one.repaid for one in accounts.periods),
        "outstanding": accounts.periods[-1].debt,
    }
    found = [
        Mismatch(f"{borrower.party}: {kind} counted again", stated[kind] / 100, amount / MICROS, rounding)
        for kind, amount in again.items()
    ]
    scale = (stated["equity"] + stated["drawdown"] + stated["gap"]) / 100
    scale += sum(one.receipts for one in accounts.periods) / MICROS
    cash = {row.period: row.cash_cents * MICROS_PER_CENT for row in borrower.cash}
    apart = max(abs(cash[one.period.label] - one.cash) for one in accounts.periods) / MICROS
    found.append(Mismatch(f"{borrower.party}: cash counted again", scale, scale + apart, rounding))
    for name, excess in (
        (
            "cash below its least",
            _worst(accounts, lambda one: borrower.minimum_cash_cents * MICROS_PER_CENT - one.cash),
        ),
        ("drawn beyond uses", _beyond_uses(accounts)),
        ("cash below its reserve", _worst(accounts, lambda one: one.reserve - one.cash)),
        ("drawn beyond commitments", _beyond(accounts)),
        ("debt beyond gearing", _geared(accounts)),
        ("cover below the covenant", _uncovered(accounts)),
    ):
        found.append(Mismatch(f"{borrower.party}: {name}", scale, scale + excess / MICROS, rounding))
    return found


def _worst(accounts: Accounts, excess: Callable[[PeriodAccount], int]) -> float:
    return float(max(0, *(excess(one) for one in accounts.periods)))


def _beyond_uses(accounts: Accounts) -> float:
    """What is drawn beyond uses and the reserve, or into the reserve beyond what it is to hold."""
    funded = {row.period: row.reserve_funded_cents * MICROS_PER_CENT for row in accounts.borrower.cash}
    worst = so_far = 0
    for one in accounts.periods:
        now = funded[one.period.label]
        so_far += now
        worst = max(worst, one.equity + one.drawn - one.uses - now)
        if now:
            worst = max(worst, so_far - one.reserve)
    return float(worst)


def _beyond(accounts: Accounts) -> float:
    return float(
        max(
            0,
            *(
                accounts.drawn_by_source[terms.id] - terms.amount_cents * MICROS_PER_CENT
                for terms in accounts.borrower.sources
            ),
        )
    )


def _geared(accounts: Accounts) -> float:
    if accounts.borrower.gearing is None:
        return 0.0
    most, equity, worst = Fraction(accounts.borrower.gearing), 0, Fraction(0)
    for one in accounts.periods:
        equity += one.equity
        worst = max(worst, one.debt - most * (one.debt + equity))
    return float(worst)


def _uncovered(accounts: Accounts) -> float:
    if accounts.borrower.dscr is None:
        return 0.0
    least, worst = Fraction(accounts.borrower.dscr), Fraction(0)
    for one in accounts.periods:
        if one.repaid > one.repaid_at_once:
            worst = max(worst, least * one.debt_service - one.operating_cash - one.gap)
    return float(worst)
