"""`offtake finance`: a plan's money, from who promised it to what is left."""

from __future__ import annotations

from datetime import datetime
from fractions import Fraction
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from offtake.entrypoints.cli.outcome import outcomes, say_json
from offtake.entrypoints.cli.planning import AsJson

if TYPE_CHECKING:
    from offtake.planner.finance.statements import Accounts
    from offtake.planner.finance.summary import Summary, Tenancy


def finance(
    plan: Annotated[Path, typer.Argument(help="A plan: plan.json, or its folder.")],
    party: Annotated[
        str | None,
        typer.Option("--for", help="Say whom this party lives on, and how long without the largest."),
    ] = None,
    stops_on: Annotated[
        datetime | None,
        typer.Option(formats=["%Y-%m-%d"], help="With --for: when the largest payer stops; else midway."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Print who pays for a plan: sources and uses, cash flow, income, balance, debt and its cover, and returns."""
    from offtake.bootstrap import financing

    with outcomes():
        read = financing.read(plan)
        if party is not None:
            accounts, tenancy = financing.lived_on(read, party, None if stops_on is None else stops_on.date())
            if as_json:
                say_json(_tenancy_record(accounts, tenancy))
            else:
                from offtake.entrypoints.cli.finance_page import show_tenancy

                show_tenancy(accounts, tenancy)
            return
        found = financing.borrowed(read)
        if as_json:
            say_json([_record(accounts, summary) for accounts, summary in found])
            return
        from offtake.entrypoints.cli.finance_page import show_accounts

        for accounts, summary in found:
            show_accounts(accounts, summary, read.discount_per_year)


def _number(value: Fraction | None) -> float | None:
    return None if value is None else round(float(value), 6)


def _record(accounts: Accounts, summary: Summary) -> dict[str, Any]:
    """Amounts in whole micro-units of the currency."""
    return {
        "party": accounts.borrower.party,
        "consolidates": list(accounts.borrower.consolidates),
        "currency": accounts.currency,
        "unit": "micro",
        "sources": dict(summary.sources),
        "uses": dict(summary.uses),
        "committed": summary.committed,
        "gap": summary.gap,
        "gap_opens": None if summary.gap_opens is None else summary.gap_opens.isoformat(),
        "least_cover": None if summary.least_cover is None else _number(summary.least_cover[0]),
        "break_even_share_of_receipts": _number(summary.break_even),
        "project_worth": round(summary.project_worth),
        "project_internal_rates": [round(rate, 9) for rate in summary.project_rates],
        "owners_worth": round(summary.owners_worth),
        "owners_internal_rates": [round(rate, 9) for rate in summary.owners_rates],
        "paid_back_years": summary.paid_back_years,
        "equity_at_risk": summary.at_risk,
        "periods": [
            {
                "period": one.period.label,
                "receipts": one.receipts,
                "operating_costs": one.operating_costs,
                "capital": one.capital,
                "equity": one.equity,
                "drawn": one.drawn,
                "paid_ahead": one.paid_ahead,
                "credited": one.credited,
                "gap": one.gap,
                "interest": one.interest,
                "fees": one.fees,
                "repaid": one.repaid,
                "tax": one.tax,
                "depreciation": one.depreciation,
                "revaluation": one.revaluation,
                "profit": one.profit,
                "cash": one.cash,
                "receivables": one.receivables,
                "payables": one.payables,
                "debt": one.debt,
                "prepaid": one.prepaid,
                "assets": one.assets,
                "paid_in": one.paid_in,
                "retained": one.retained,
                "cover": _number(one.cover),
            }
            for one in accounts.periods
        ],
    }


def _tenancy_record(accounts: Accounts, tenancy: Tenancy) -> dict[str, Any]:
    return {
        "party": tenancy.party,
        "consolidates": list(accounts.borrower.consolidates),
        "currency": accounts.currency,
        "unit": "micro",
        "received_from": dict(tenancy.by_payer),
        "received_for": dict(tenancy.by_kind),
        "largest": tenancy.largest,
        "stops_on": tenancy.stops_on.isoformat(),
        "cash_lasts_until": None if tenancy.lasts_until is None else tenancy.lasts_until.isoformat(),
        "years": [
            {
                "year": one.year,
                "received": one.received,
                "from_largest": one.from_largest,
                "operating_costs": one.operating_costs,
                "debt_service": one.debt_service,
            }
            for one in tenancy.years
        ],
    }
