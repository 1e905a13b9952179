"""A borrower's accounts as live formulas: from payments and draws to cash, profit, balance and worth, by period.

What the plan decided (payments, draws) is summed from its own sheet, every term of a source is a number beside its
line, and all else is a formula: change a rate, and interest, cash and cover follow.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from fractions import Fraction

import numpy as np

from offtake.adapters.workbook.accounts_sheet import YEAR_DAYS, AccountsSheet
from offtake.adapters.workbook.accounts_sources import add_sources
from offtake.adapters.workbook.assets import DEPRECIATION
from offtake.adapters.workbook.grid import Floats, Grid, quoted
from offtake.domain.quantities import parse_span
from offtake.planner.finance.statements import share_within

SALVAGE, CAPITAL = "salvage", "capital"
ARISING = "costs of operation, as they arise"


def write_accounts(sheet: AccountsSheet, assets: Grid, depreciation: Floats) -> None:
    """The accounts of a borrower; `assets` is its register, with what is written down by period."""
    grid = sheet.grid
    grid.head(f"{sheet.borrower.party}, {sheet.plan.currency}")
    grid.title("Payments of the plan")
    _trade(sheet, "earned", "payee", [f"<>{SALVAGE}"])
    _trade(sheet, ARISING, "payer", [f"<>{SALVAGE}", f"<>{CAPITAL}"])
    _trade(sheet, CAPITAL, "payer", [CAPITAL])
    grid.title("Money from owners, and from nobody")
    sheet.money["equity"] = sheet.drawn("equity", "equity")
    sheet.money["the gap"] = sheet.drawn("the gap", "gap")
    add_sources(sheet)
    _late(sheet)
    _income(sheet, assets, depreciation)
    _cash(sheet)
    _balance(sheet)
    _worth(sheet)
    grid.done()


def _trade(sheet: AccountsSheet, name: str, role: str, kinds: Sequence[str]) -> None:
    """What members of the group are paid, or pay, without what they pay each other."""
    members, other = sheet.members, "payer" if role == "payee" else "payee"
    unwanted = {kind[2:] for kind in kinds if kind.startswith("<>")}
    wanted = {kind for kind in kinds if not kind.startswith("<>")}
    values = sheet.by_period(
        (row.period, row.amount_cents)
        for row in sheet.plan.spend
        if getattr(row, role) in members and not (row.payer in members and row.payee in members)
        if row.kind not in unwanted and (not wanted or row.kind in wanted)
    )

    def total(t: int, *more: tuple[str, str]) -> str:
        conditions = [("kind", quoted(kind)) for kind in kinds]
        return sheet.spend.sum_of("amount_cents", ("period", sheet.grid.label(t)), *conditions, *more)

    def formula(t: int) -> str:
        all_of = [total(t, (role, quoted(one))) for one in members]
        inside = [total(t, (role, quoted(one)), (other, quoted(two))) for one in members for two in members]
        return "+".join(all_of) + "".join(f"-{part}" for part in inside)

    sheet.money[name] = sheet.grid.line(name, formula, values, total=True)


def _late(sheet: AccountsSheet) -> None:
    """What is earned and has not come in, and what arose and is not paid."""
    grid, periods = sheet.grid, sheet.plan.periods
    grid.title("Earned and not yet received, arisen and not yet paid")
    for name, flow, terms in (
        ("receivables", "earned", sheet.borrower.receivables),
        ("payables", ARISING, sheet.borrower.payables),
    ):
        shares = np.zeros((sheet.count, sheet.count))
        days = 0 if terms is None else round(parse_span(terms).approximate_days)
        for t, one in enumerate(periods if days else ()):
            since = date.fromordinal(max(one.ends.toordinal() - days, 1))
            shares[t, : t + 1] = [float(share_within(p, since, one.ends)) for p in periods[: t + 1]]
        note = f"after {terms}" if terms else "at once"
        sheet.money[name] = grid.line(
            name,
            lambda t, shares=shares, flow=flow: (
                "+".join(f"{grid.at(flow, s)}*{float(shares[t, s])!r}" for s in range(t + 1) if shares[t, s])
                or "0"
            ),
            shares @ sheet.money[flow],
            note,
        )
        more = np.diff(sheet.money[name], prepend=0.0)
        sheet.money[f"more {name}"] = grid.line(
            f"more {name}", lambda t, name=name: f"{grid.at(name, t)}-{grid.before(name, t)}", more
        )


def _income(sheet: AccountsSheet, assets: Grid, depreciation: Floats) -> None:
    """Income before and after tax."""
    grid, money, rate = sheet.grid, sheet.money, float(Fraction(sheet.borrower.tax or 0))
    grid.title("Income")
    money[DEPRECIATION] = grid.line(
        DEPRECIATION,
        lambda t: f"'{assets.sheet.title}'!{assets.at(DEPRECIATION, t)}",
        depreciation,
        "straight-line by the day",
        total=True,
    )
    less = (ARISING, DEPRECIATION, "interest", "fees", "revalued")
    sheet.added("profit before tax", ("earned",), less)
    losses, taxed, carried = np.zeros(sheet.count), np.zeros(sheet.count), 0.0
    for t, profit in enumerate(money["profit before tax"]):
        taxed[t] = rate * max(profit - carried, 0.0)
        carried = losses[t] = max(carried - profit, 0.0)
    grid.lines["losses carried forward"] = grid.following

    def lost(t: int) -> str:
        return grid.before("losses carried forward", t)

    grid.line(
        "losses carried forward", lambda t: f"MAX(0,{lost(t)}-{grid.at('profit before tax', t)})", losses
    )
    money["tax"] = grid.line(
        "tax",
        lambda t: f"{rate!r}*MAX(0,{grid.at('profit before tax', t)}-{lost(t)})",
        taxed,
        f"{100 * rate:g} %" if rate else "all is before tax",
        total=True,
    )
    sheet.added("profit", ("profit before tax",), ("tax",))


def _cash(sheet: AccountsSheet) -> None:
    """Cash flow, and how often operating cash covers the debt service."""
    grid, money, opening = sheet.grid, sheet.money, sheet.borrower.opening_cash_cents / 100
    grid.title("Cash flow")
    sheet.added("received", ("earned",), ("more receivables", "credited to customers"))
    sheet.added("operation paid", (ARISING,), ("more payables",))
    plus = ("received", "equity", "debt drawn", "paid in advance by customers", "the gap")
    minus = ("operation paid", CAPITAL, "interest", "fees", "repaid", "tax")
    sheet.rolled("cash at the end", plus, minus, opening, f"{opening:,.2f} at the start" if opening else "")
    operating, owed = money["received"] - money["operation paid"], money["debt service"]
    asked = np.abs(owed) > 0.005
    grid.line(
        "cover",
        lambda t: (
            f"IF(ABS({grid.at('debt service', t)})>0.005,"
            f"({grid.at('received', t)}-{grid.at('operation paid', t)})/{grid.at('debt service', t)},0)"
        ),
        np.divide(operating, owed, out=np.zeros(sheet.count), where=asked),
        "operating cash over debt service; 0 where nothing is due",
    )


def _balance(sheet: AccountsSheet) -> None:
    """What is owned, owed and paid in; the last line is nothing where it balances."""
    opening = sheet.borrower.opening_cash_cents / 100
    sheet.grid.title("Balance at the period's end")
    sheet.rolled("what was built, less depreciation", (CAPITAL,), (DEPRECIATION,))
    sheet.rolled("paid in, the gap included", ("equity", "the gap"), (), opening)
    sheet.rolled("retained", ("profit",), ())
    owned = ("cash at the end", "receivables", "what was built, less depreciation")
    owing = ("debt", "paid in advance, not yet credited", "payables", "paid in, the gap included", "retained")
    note = "nothing, where the balance balances"
    sheet.added("owned less owed and paid in", owned, owing, note, total=False)


def _worth(sheet: AccountsSheet) -> None:
    """The worth of what trade leaves after capital, discounted to the horizon's first day."""
    grid, plan, money, yearly = sheet.grid, sheet.plan, sheet.money, sheet.plan.discount_per_year
    grid.title("Worth of the project")
    middles = np.array(
        [
            ((one.begins - plan.begins).days + (one.ends - one.begins).days / 2) / YEAR_DAYS
            for one in plan.periods
        ]
    )
    start = grid.days(0)[0]
    grid.line(
        "discount factor",
        lambda t: f"(1+{yearly!r})^(-(({grid.days(t)[0]}+{grid.days(t)[1]})/2-${start})/{YEAR_DAYS})",
        (1 + yearly) ** -middles,
        f"{100 * yearly:g} % a year, at the middle of each period",
        form="0.000000",
    )
    sheet.added(
        "left by trade after capital",
        ("received", "paid in advance by customers"),
        ("operation paid", CAPITAL, "tax"),
    )
    members, last = sheet.members, sheet.count - 1
    salvage = sum(
        (-1 if row.payer in members else 1) * row.amount_cents / 100
        for row in plan.spend
        if row.kind == SALVAGE and (row.payer in members) != (row.payee in members)
    )
    end = (1 + yearly) ** -((plan.ends - plan.begins).days / YEAR_DAYS)
    owing = ("payables", "paid in advance, not yet credited")
    left = salvage + money["receivables"][last] - sum(money[name][last] for name in owing)
    stream = "left by trade after capital"
    grid.single(
        "worth of the project",
        f"SUMPRODUCT({grid.across('discount factor')},{grid.across(stream)})"
        f"+({salvage!r}+{grid.at('receivables', last)}"
        + "".join(f"-{grid.at(name, last)}" for name in owing)
        + f")*{end!r}",
        float((1 + yearly) ** -middles @ money[stream] + left * end),
        "with what assets count for on the last day",
    )
