"""A borrower's accounts, counted again from the plan alone in whole micro-units of money, by code that shares nothing
with the program: cash flow, income with depreciation, balance, debt and its cover.

One micro-unit is a millionth of the plan's currency; a cent is ten thousand. What is a share of something is rounded
half to even where it arises, and repayments are differences of rounded sums, so that what is drawn is repaid exactly.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from fractions import Fraction
from typing import Final

from offtake.domain.handoffs import BorrowerPlan, CapacityPlan, PlanPeriod, SourceTerms, SpendRow
from offtake.domain.quantities import parse_span
from offtake.planner.audit import HALF_A_CENT, Mismatch

MICROS_PER_CENT: Final = 10_000
MICROS: Final = 1_000_000
YEAR_DAYS: Final = Fraction(36525, 100)
CAPITAL: Final = "capital"
ALWAYS_COUNTED: Final = ("interest", "fee", "repayment", "outstanding")
SALVAGE: Final = "salvage"


@dataclass(slots=True)
class PeriodAccount:
    """One period of a borrower's accounts, in micro-units. What is owed, held and worth is at the period's end.

    `receipts` and `operating_costs` are what is earned and what arises; what of it moves in another period stands under
    `receivables` and `payables` until then.
    """

    period: PlanPeriod
    receipts: int = 0
    operating_costs: int = 0
    capital: int = 0
    equity: int = 0
    drawn: int = 0
    paid_ahead: int = 0  # By customers, in advance.
    credited: int = 0  # To them, out of what they owe.
    gap: int = 0
    interest: int = 0
    fees: int = 0
    repaid: int = 0
    repaid_at_once: int = 0  # Of it bullets, which are refinanced and no debt service.
    depreciation: int = 0
    revaluation: int = 0  # What is owed in other currencies grew by, as their rates moved.
    tax: int = 0
    receivables: int = 0
    payables: int = 0
    more_receivable: int = 0  # Than at the end of the period before.
    more_payable: int = 0
    cash: int = 0
    debt: int = 0
    prepaid: int = 0  # Paid in advance and not yet credited.
    reserve: int = 0  # What cash is to hold for debt service ahead.
    assets: int = 0  # What was built, at cost less depreciation.
    paid_in: int = 0  # Equity and the gap until here, with the cash at the start.
    retained: int = 0  # Profit until here.
    received_from: dict[str, int] = field(default_factory=dict[str, int])
    received_for: dict[str, int] = field(default_factory=dict[str, int])

    @property
    def operating_cash(self) -> int:
        """What is there for debt service, before tax: what came in of receipts less what operation was paid."""
        return self.received - self.operation_paid

    @property
    def received(self) -> int:
        """What came in: receipts, later than they are earned and less what had been paid in advance."""
        return self.receipts - self.more_receivable - self.credited

    @property
    def operation_paid(self) -> int:
        """What operation was paid, later than its costs arise."""
        return self.operating_costs - self.more_payable

    @property
    def debt_service(self) -> int:
        """Interest and what amortises."""
        return self.interest + self.repaid - self.repaid_at_once

    @property
    def cover(self) -> Fraction | None:
        """Operating cash over debt service; None where nothing is due."""
        return Fraction(self.operating_cash, self.debt_service) if self.debt_service else None

    @property
    def profit_before_tax(self) -> int:
        """What is earned less all it costs but tax."""
        earned = self.receipts - self.operating_costs - self.depreciation
        return earned - self.interest - self.fees - self.revaluation

    @property
    def profit(self) -> int:
        """After tax, where the borrower states one."""
        return self.profit_before_tax - self.tax

    @property
    def uses(self) -> int:
        """All that is paid, but tax: what may be drawn for."""
        return self.operation_paid + self.capital + self.interest + self.fees + self.repaid


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
        if terms.kind != "equity":
            _serve(terms, [drawn[terms.id].get(one.period.label, 0) for one in ordered], ordered)
    _depreciate(plan, borrower, ordered)
    _delay(borrower, ordered)
    _tax(borrower, ordered)
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
        elif flow.kind in ("equity", "drawdown", "prepaid"):
            found[flow.source][flow.period] = found[flow.source].get(flow.period, 0) + amount
            if flow.kind == "equity":
                account.equity += amount
            elif flow.kind == "drawdown":
                account.drawn += amount
            else:
                account.paid_ahead += amount
    return found


def _serve(terms: SourceTerms, drawn: Sequence[int], accounts: Sequence[PeriodAccount]) -> None:
    """Enters a facility's interest, fees and repayments, or a prepayment's credits, and what is owed on it.

    All is counted in the source's own currency, and entered at each period's rate.
    """
    rates = [Fraction(rate) for rate in terms.rates] or [Fraction(1)] * len(accounts)
    own = [round(amount / rate) for amount, rate in zip(drawn, rates, strict=True)]
    committed, total = terms.amount_cents * MICROS_PER_CENT, sum(own)
    owed = so_far = repaid = before = 0
    opened = terms.opens is not None and terms.opens < accounts[0].period.begins
    due = Fraction(0)
    for amount, home, rate, account in zip(own, drawn, rates, accounts, strict=True):
        period = account.period
        years = Fraction((period.ends - period.begins).days) / YEAR_DAYS
        window = share_within(period, terms.opens, terms.closes)
        account.interest += round(
            interest_on(terms, period.begins) * years * (owed + Fraction(amount, 2)) * rate
        )
        undrawn = committed - so_far - Fraction(amount, 2)
        account.fees += round(Fraction(terms.commitment_fee) * years * window * undrawn * rate)
        if window and not opened:
            account.fees += round(Fraction(terms.upfront_fee) * committed * rate)
            opened = True
        so_far += amount
        due += share_due(terms, period)
        back = round(total * due) - repaid
        repaid += back
        owed += amount - back
        _enter_back(terms, account, round(back * rate))
        now = round(owed * rate)
        account.revaluation += now - before - home + round(back * rate)
        before = now
        if terms.kind == "debt":
            account.debt += now
        else:
            account.prepaid += now


def _enter_back(terms: SourceTerms, account: PeriodAccount, back: int) -> None:
    if terms.kind == "prepayment":
        account.credited += back
        return
    account.repaid += back
    if terms.repayment == "bullet":
        account.repaid_at_once += back


def share_within(period: PlanPeriod, opens: date | None, closes: date | None) -> Fraction:
    """The share of a period's days that lie in [opens, closes)."""
    first = period.begins if opens is None else max(period.begins, opens)
    last = period.ends if closes is None else min(period.ends, closes)
    return Fraction(max((last - first).days, 0), (period.ends - period.begins).days)


def interest_on(terms: SourceTerms, day: date) -> Fraction:
    """The interest in force on a day, else the first that is stated; nothing on what customers paid in advance."""
    steps = terms.interest or ((None, "0"),)
    in_force = [rate for begins, rate in steps if begins is None or begins <= day]
    return Fraction((in_force or [steps[0][1]])[-1])


def share_due(terms: SourceTerms, period: PlanPeriod) -> Fraction:
    """The share of all that was drawn which is repaid at a period's end."""
    first, last = terms.repays_from, terms.matures
    if first is None or last is None:
        return Fraction(0)
    if terms.repayment == "bullet":
        return Fraction(int(period.begins < last <= period.ends))
    days = (min(period.ends, last) - max(period.begins, first)).days
    return Fraction(max(days, 0), (last - first).days)


def written_down(plan: CapacityPlan, borrower: BorrowerPlan) -> Iterator[tuple[int, SpendRow, date, date]]:
    """The payments of capital that are written down: place among the plan's payments, payment, and the asset's life."""
    members = {borrower.party, *borrower.consolidates}
    lives = {(order.period, order.supply): (order.serves_from, order.serves_until) for order in plan.orders}
    for place, row in enumerate(plan.spend):
        life = lives.get((row.period, row.supply))
        if row.kind != CAPITAL or row.payer not in members or row.payee in members or life is None:
            continue
        begins, ends = life
        if ends is not None and ends > begins:
            yield place, row, begins, ends


def _depreciate(plan: CapacityPlan, borrower: BorrowerPlan, accounts: Sequence[PeriodAccount]) -> None:
    """Straight-line by the day, from the first day of service to the end of the asset's life."""
    for _, row, begins, ends in written_down(plan, borrower):
        cost, written = row.amount_cents * MICROS_PER_CENT, 0
        for account in accounts:
            days = min(max((account.period.ends - begins).days, 0), (ends - begins).days)
            until_here = round(Fraction(cost * days, (ends - begins).days))
            account.depreciation += until_here - written
            written = until_here


def _delay(borrower: BorrowerPlan, accounts: Sequence[PeriodAccount]) -> None:
    """What is earned and has not come in, and what arose and is not paid, at each period's end."""
    for terms, flow, stock, more in (
        (borrower.receivables, "receipts", "receivables", "more_receivable"),
        (borrower.payables, "operating_costs", "payables", "more_payable"),
    ):
        if terms is None:
            continue
        days, before = round(parse_span(terms).approximate_days), 0
        for n, one in enumerate(accounts):
            since = date.fromordinal(max(one.period.ends.toordinal() - days, 1))
            late = (
                getattr(e, flow) * share_within(e.period, since, one.period.ends) for e in accounts[: n + 1]
            )
            now = round(sum(late, Fraction(0)))
            setattr(one, stock, now)
            setattr(one, more, now - before)
            before = now


def _tax(borrower: BorrowerPlan, accounts: Sequence[PeriodAccount]) -> None:
    """The rate of what profits are beyond the losses carried forward."""
    rate, losses = Fraction(borrower.tax or 0), 0
    for one in accounts:
        profit = one.profit_before_tax - losses
        one.tax = round(rate * max(profit, 0))
        losses = max(-profit, 0)


def _close(borrower: BorrowerPlan, accounts: Sequence[PeriodAccount]) -> None:
    """Cash, assets and equity at each period's end."""
    cash = paid_in = borrower.opening_cash_cents * MICROS_PER_CENT
    assets = retained = 0
    for one in accounts:
        cash += one.received + one.equity + one.drawn + one.paid_ahead + one.gap - one.uses - one.tax
        assets += one.capital - one.depreciation
        paid_in += one.equity + one.gap
        retained += one.profit
        one.cash, one.assets, one.paid_in, one.retained = cash, assets, paid_in, retained
    if borrower.reserve is not None:
        span = parse_span(borrower.reserve)
        for n, one in enumerate(accounts):
            until = span.after(one.period.ends)
            ahead = (
                later.debt_service * share_within(later.period, None, until) for later in accounts[n + 1 :]
            )
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
        "credited": sum(one.credited for one in accounts.periods),
        "uncredited": accounts.periods[-1].prepaid,
        "tax": sum(one.tax for one in accounts.periods),
    }
    found = [
        Mismatch(f"{borrower.party}: {kind} counted again", stated[kind] / 100, amount / MICROS, rounding)
        for kind, amount in again.items()
        if amount or stated[kind] or kind in ALWAYS_COUNTED
    ]
    scale = (stated["equity"] + stated["drawdown"] + stated["prepaid"] + stated["gap"]) / 100
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
        worst = max(worst, one.equity + one.drawn + one.paid_ahead - one.uses - now)
        if now:
            worst = max(worst, so_far - one.reserve)
    return float(worst)


def _beyond(accounts: Accounts) -> float:
    """What is drawn beyond what a source promised, in its own currency, at the first period's rate."""
    own: dict[str, Fraction] = defaultdict(Fraction)
    rates = {terms.id: terms.rates for terms in accounts.borrower.sources}
    place = {one.period.label: n for n, one in enumerate(accounts.periods)}
    for flow in accounts.borrower.flows:
        if flow.kind in ("equity", "drawdown", "prepaid"):
            at = rates[flow.source]
            own[flow.source] += (
                flow.amount_cents * MICROS_PER_CENT / Fraction(at[place[flow.period]] if at else 1)
            )
    return float(
        max(
            Fraction(0),
            *(
                (own[terms.id] - terms.amount_cents * MICROS_PER_CENT) * Fraction((terms.rates or ("1",))[0])
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
