"""What accounts come to: sources and uses, when the gap opens, returns by the year, and whom it hangs on."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction

from offtake.domain.handoffs import CapacityPlan, SourceTerms
from offtake.planner.finance.returns import internal_rates, paid_back, worth
from offtake.planner.finance.statements import MICROS_PER_CENT, Accounts, PeriodAccount

DAYS_A_YEAR = 365.25


@dataclass(frozen=True, slots=True)
class YearAccount:
    """A calendar year of accounts, in micro-units: flows added, stocks as at its end."""

    year: int
    flows: Mapping[str, int]
    cash: int
    debt: int
    prepaid: int
    receivables: int
    payables: int
    assets: int
    paid_in: int
    retained: int
    cover: Fraction | None


@dataclass(frozen=True, slots=True)
class Summary:
    """A borrower's money in a few numbers, in micro-units. `sources` and `uses` add up to the same.

    `gap_opens` is the first day of the first period with a gap; `least_cover` the lowest cover of debt service while
    something amortises. Rates are a year; the worth of the project is of what trade leaves after capital, without
    sources, and that of the owners of what they put in and are left with, both with what assets count for at the end.
    """

    sources: Mapping[str, int]
    uses: Mapping[str, int]
    committed: int
    gap: int
    gap_opens: date | None
    least_cover: tuple[Fraction, str] | None
    break_even: Fraction | None
    project_worth: float
    project_rates: tuple[float, ...]
    owners_worth: float
    owners_rates: tuple[float, ...]
    paid_back_years: float | None
    at_risk: int
    years: tuple[YearAccount, ...]


FLOWS = (
    "receipts",
    "operating_costs",
    "capital",
    "received",
    "operation_paid",
    "equity",
    "drawn",
    "paid_ahead",
    "credited",
    "gap",
    "interest",
    "fees",
    "repaid",
    "tax",
    "depreciation",
    "revaluation",
    "profit",
)


def summary_of(plan: CapacityPlan, accounts: Accounts) -> Summary:
    """The summary of a borrower's accounts."""
    periods = accounts.periods
    sums = {name: sum(getattr(one, name) for one in periods) for name in FLOWS}
    opening = accounts.borrower.opening_cash_cents * MICROS_PER_CENT
    sources = {
        **({"cash at the start": opening} if opening else {}),
        **accounts.drawn_by_source,
        "its own receipts": sums["received"],
        "nobody (the gap)": sums["gap"],
    }
    uses = {
        "capital": sums["capital"],
        "costs of operation": sums["operation_paid"],
        "interest": sums["interest"],
        "fees": sums["fees"],
        "repayment": sums["repaid"],
        **({"tax": sums["tax"]} if accounts.borrower.tax else {}),
        "cash at the end": periods[-1].cash,
    }
    covers = [(one.cover, one.period.label) for one in periods if one.repaid > one.repaid_at_once]
    known = [(cover, label) for cover, label in covers if cover is not None]
    project, owners = streams(plan, accounts)
    return Summary(
        sources=sources,
        uses=uses,
        committed=sum(committed_of(terms) for terms in accounts.borrower.sources),
        gap=sums["gap"],
        gap_opens=next((one.period.begins for one in periods if one.gap > 0), None),
        least_cover=min(known, default=None),
        break_even=break_even(accounts),
        project_worth=worth(project, plan.discount_per_year),
        project_rates=internal_rates(project),
        owners_worth=worth(owners, plan.discount_per_year),
        owners_rates=internal_rates(owners),
        paid_back_years=paid_back(project),
        at_risk=sums["equity"],
        years=_years(periods),
    )


def committed_of(terms: SourceTerms) -> int:
    """What a source promises in micro-units of the plan's currency, at the first period's rate; nothing, if what it
    waits for does not happen."""
    if terms.waits_for is not None:
        return 0
    return round(terms.amount_cents * MICROS_PER_CENT * Fraction((terms.rates or ("1",))[0]))


def streams(
    plan: CapacityPlan, accounts: Accounts
) -> tuple[list[tuple[float, float]], list[tuple[float, float]]]:
    """The project's and its owners' money in micro-units with its time in years: flows in the middle of their periods,
    and what is left on the last day. Whoever fills the gap is paid back then, without interest, before the owners."""
    project: list[tuple[float, float]] = []
    owners: list[tuple[float, float]] = []
    for one in accounts.periods:
        days = (one.period.ends - one.period.begins).days
        middle = ((one.period.begins - plan.begins).days + days / 2) / DAYS_A_YEAR
        project.append((middle, float(one.operating_cash + one.paid_ahead - one.capital - one.tax)))
        if one.equity:
            owners.append((middle, float(-one.equity)))
    last, end = accounts.periods[-1], (plan.ends - plan.begins).days / DAYS_A_YEAR
    project.append((end, float(accounts.salvage + last.receivables - last.payables - last.prepaid)))
    gap = sum(one.gap for one in accounts.periods)
    trade = last.receivables - last.payables - last.prepaid
    owners.append((end, float(last.cash + trade - last.debt - gap + accounts.salvage)))
    return project, owners


def break_even(accounts: Accounts) -> Fraction | None:
    """The share of its receipts with which the debt service is just met, over all periods in which something amortises:
    rent times utilisation may fall to it. None where nothing amortises, or nothing is received."""
    asked = [one for one in accounts.periods if one.repaid > one.repaid_at_once]
    received = sum(one.receipts for one in asked)
    needed = sum(one.operating_costs + one.debt_service for one in asked)
    return Fraction(needed, received) if received else None


def _years(periods: Sequence[PeriodAccount]) -> tuple[YearAccount, ...]:
    by_year: dict[int, list[PeriodAccount]] = defaultdict(list)
    for one in periods:
        by_year[one.period.begins.year].append(one)
    found: list[YearAccount] = []
    for year, members in by_year.items():
        last = members[-1]
        service = sum(one.debt_service for one in members)
        cash = sum(one.operating_cash for one in members)
        found.append(
            YearAccount(
                year,
                {name: sum(getattr(one, name) for one in members) for name in FLOWS},
                last.cash,
                last.debt,
                last.prepaid,
                last.receivables,
                last.payables,
                last.assets,
                last.paid_in,
                last.retained,
                Fraction(cash, service) if service else None,
            )
        )
    return tuple(found)


@dataclass(frozen=True, slots=True)
class TenancyYear:
    """A year of a party's trade, in micro-units."""

    year: int
    received: int
    from_largest: int
    operating_costs: int
    debt_service: int


@dataclass(frozen=True, slots=True)
class Tenancy:
    """Whom a party's receipts hang on, in micro-units: by payer and kind over the plan; and per year what is received,
    what of it comes from the largest payer, costs, and debt service."""

    party: str
    by_payer: Mapping[str, int]
    by_kind: Mapping[str, int]
    largest: str | None
    years: tuple[TenancyYear, ...]
    stops_on: date
    lasts_until: (
        date | None
    )  # The end of the last period through which cash lasts; None: to the horizon's end.


def tenancy_of(accounts: Accounts, stops_on: date) -> Tenancy:
    """Whom a party lives on, and how long its cash lasts if the largest payer pays nothing from a day on.

    Nothing else changes: costs go on, debt is served, and nothing more is drawn or built.
    """
    payers: dict[str, int] = defaultdict(int)
    kinds: dict[str, int] = defaultdict(int)
    for one in accounts.periods:
        for payer, amount in one.received_from.items():
            payers[payer] += amount
        for kind, amount in one.received_for.items():
            kinds[kind] += amount
    largest = max(payers, key=lambda payer: (payers[payer], payer), default=None)
    years: dict[int, TenancyYear] = {}
    for one in accounts.periods:
        year = one.period.begins.year
        before = years.get(year, TenancyYear(year, 0, 0, 0, 0))
        years[year] = TenancyYear(
            year,
            before.received + one.receipts,
            before.from_largest + one.received_from.get(largest or "", 0),
            before.operating_costs + one.operating_costs,
            before.debt_service + one.interest + one.fees + one.repaid,
        )
    return Tenancy(
        accounts.borrower.party,
        dict(sorted(payers.items(), key=lambda each: (-each[1], each[0]))),
        dict(sorted(kinds.items(), key=lambda each: (-each[1], each[0]))),
        largest,
        tuple(years.values()),
        stops_on,
        _lasts(accounts, largest, stops_on),
    )


def _lasts(accounts: Accounts, largest: str | None, stops_on: date) -> date | None:
    cash = next(
        (one.cash for one in reversed(accounts.periods) if one.period.ends <= stops_on),
        accounts.borrower.opening_cash_cents * MICROS_PER_CENT,
    )
    lasts: date | None = stops_on
    for one in accounts.periods:
        if one.period.begins < stops_on:
            continue
        cash += one.received - one.received_from.get(largest or "", 0)
        cash -= one.operation_paid + one.interest + one.fees + one.repaid
        if cash < 0:
            return lasts
        lasts = one.period.ends
    return None
