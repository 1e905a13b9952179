"""Facilities and prepayments as live formulas: terms beside their lines, what is drawn, owed, given back and paid."""

from __future__ import annotations

from dataclasses import dataclass, field
from fractions import Fraction
from typing import Final

import numpy as np

from offtake.adapters.workbook.accounts_sheet import YEAR_DAYS, AccountsSheet
from offtake.adapters.workbook.grid import Floats
from offtake.domain.handoffs import SourceTerms
from offtake.planner.finance.statements import interest_on, share_due, share_within

SHARE: Final = "0.0000%"
ACROSS: Final = (  # A line over all sources: its name, of which part, of debt or of prepayments.
    ("debt drawn", "drawn", "debt"),
    ("paid in advance by customers", "drawn", "prepayment"),
    ("interest", "interest", "debt"),
    ("fees", "fees", "debt"),
    ("repaid", "back", "debt"),
    ("credited to customers", "back", "prepayment"),
    ("debt", "owed", "debt"),
    ("paid in advance, not yet credited", "owed", "prepayment"),
)


@dataclass
class _Source:
    """A source's lines: the values of each in the plan's currency, and the formula of its cell there."""

    terms: SourceTerms
    rates: Floats
    values: dict[str, Floats] = field(default_factory=dict[str, Floats])

    @property
    def abroad(self) -> bool:
        return self.terms.currency is not None

    def line(self, part: str) -> str:
        """A line's name; amounts in the source's own currency say so."""
        own = f" ({self.terms.currency})" if self.abroad and part in ("own", "back", "owed") else ""
        names = {"own": "drawn", "back": "given back"}
        return f"{self.terms.id}: {names.get(part, part)}{own}"

    def cell(self, sheet: AccountsSheet, part: str, t: int) -> str:
        """The formula of a part in the plan's currency."""
        cell = sheet.grid.at(self.line(part), t)
        return (
            f"{cell}*{sheet.grid.at(self.line('rate'), t)}"
            if part in ("back", "owed") and self.abroad
            else cell
        )


def add_sources(sheet: AccountsSheet) -> None:
    """The lines of every facility and prepayment, those over all of them, and the debt service."""
    sources = [_source(sheet, terms) for terms in sheet.borrower.sources if terms.kind != "equity"]
    grid = sheet.grid
    grid.title("All sources together")
    for name, part, kind in ACROSS:
        mine = [one for one in sources if one.terms.kind == kind]
        sheet.money[name] = grid.line(
            name,
            lambda t, mine=mine, part=part: "+".join(one.cell(sheet, part, t) for one in mine) or "0",
            sum((one.values[part] for one in mine), np.zeros(sheet.count)),
            total=part != "owed",
        )
    _revalued(sheet, sources)
    bullets = [one for one in sources if one.terms.kind == "debt" and one.terms.repayment == "bullet"]
    sheet.money["debt service"] = grid.line(
        "debt service",
        lambda t: (
            f"{grid.at('interest', t)}+{grid.at('repaid', t)}"
            + "".join(f"-{one.cell(sheet, 'back', t)}" for one in bullets)
        ),
        sheet.money["interest"]
        + sheet.money["repaid"]
        - sum((one.values["back"] for one in bullets), np.zeros(sheet.count)),
        "interest and what amortises",
        total=True,
    )


def _source(sheet: AccountsSheet, terms: SourceTerms) -> _Source:
    grid, periods = sheet.grid, sheet.plan.periods
    one = _Source(terms, np.array([float(rate) for rate in terms.rates] or [1.0] * sheet.count))
    grid.title(f"{terms.id}, by {terms.provider}")
    if one.abroad:
        grid.stated(one.line("rate"), [float(rate) for rate in one.rates], form="0.000000")
    due = np.array([float(share_due(terms, period)) for period in periods])
    grid.stated(one.line("share given back"), [float(share) for share in due], "of all drawn", SHARE)
    kind = "drawdown" if terms.kind == "debt" else "prepaid"
    one.values["drawn"] = sheet.drawn(one.line("drawn"), kind, terms.id)
    own = one.values["drawn"] / one.rates
    if one.abroad:
        grid.line(
            one.line("own"), lambda t: f"{grid.at(one.line('drawn'), t)}/{grid.at(one.line('rate'), t)}", own
        )
    back = due * own.sum()
    grid.line(
        one.line("back"),
        lambda t: f"{grid.at(one.line('share given back'), t)}*SUM({grid.across(one.line('own'))})",
        back,
        total=True,
    )
    owed = np.cumsum(own - back)
    grid.lines[one.line("owed")] = grid.following
    grid.line(
        one.line("owed"),
        lambda t: (
            f"{grid.before(one.line('owed'), t)}+{grid.at(one.line('own'), t)}-{grid.at(one.line('back'), t)}"
        ),
        owed,
    )
    before = np.concatenate([[0.0], owed[:-1]])
    one.values |= {"back": back * one.rates, "owed": owed * one.rates}
    one.values["revalued"] = before * np.diff(one.rates, prepend=one.rates[:1])
    if terms.kind == "debt":
        _interest(sheet, one, own, before)
        _fees(sheet, one, own)
    return one


def _interest(sheet: AccountsSheet, one: _Source, own: Floats, before: Floats) -> None:
    """On what was owed before, and on half of what is drawn in the period."""
    grid = sheet.grid
    yearly = np.array([float(interest_on(one.terms, period.begins)) for period in sheet.plan.periods])
    grid.stated(one.line("interest a year"), [float(rate) for rate in yearly], form=SHARE)

    def formula(t: int) -> str:
        owed = f"({grid.before(one.line('owed'), t)}+{grid.at(one.line('own'), t)}/2)"
        return f"{grid.at(one.line('interest a year'), t)}*{_years(sheet, t)}*{owed}{_rated(sheet, one, t)}"

    values = yearly * _lengths(sheet) * (before + own / 2) * one.rates
    one.values["interest"] = grid.line(one.line("interest"), formula, values, total=True)


def _fees(sheet: AccountsSheet, one: _Source, own: Floats) -> None:
    """Up front on the commitment when it opens, and a year on what is not drawn."""
    grid, terms, periods = sheet.grid, one.terms, sheet.plan.periods
    window = np.array([float(share_within(p, terms.opens, terms.closes)) for p in periods])
    upfront = np.zeros(sheet.count)
    committed, yearly = terms.amount_cents / 100, float(Fraction(terms.commitment_fee))
    if window.any() and terms.opens is not None and terms.opens >= periods[0].begins:
        upfront[int(np.argmax(window > 0))] = float(Fraction(terms.upfront_fee)) * committed
    grid.stated(one.line("share of days open"), [float(share) for share in window], form=SHARE)

    def formula(t: int) -> str:
        drawn = f"SUM({grid.at(one.line('own'), 0, fixed=True)}:{grid.at(one.line('own'), t)})"
        undrawn = f"({committed!r}-{drawn}+{grid.at(one.line('own'), t)}/2)"
        running = f"{yearly!r}*{_years(sheet, t)}*{grid.at(one.line('share of days open'), t)}*{undrawn}"
        return f"({running}+{float(upfront[t])!r}){_rated(sheet, one, t)}"

    running = yearly * _lengths(sheet) * window * (committed - np.cumsum(own) + own / 2)
    one.values["fees"] = grid.line(one.line("fees"), formula, (running + upfront) * one.rates, total=True)


def _revalued(sheet: AccountsSheet, sources: list[_Source]) -> None:
    """What is owed now, less what was owed and drawn since, and what was given back: what rates alone added to it."""
    grid, owed = sheet.grid, ("debt", "paid in advance, not yet credited")

    def formula(t: int) -> str:
        now = "+".join(grid.at(name, t) for name in owed)
        before = "".join(f"-{grid.before(name, t)}" for name in owed)
        drawn = f"-{grid.at('debt drawn', t)}-{grid.at('paid in advance by customers', t)}"
        return f"{now}{before}{drawn}+{grid.at('repaid', t)}+{grid.at('credited to customers', t)}"

    values = sum((one.values["revalued"] for one in sources), np.zeros(sheet.count))
    sheet.money["revalued"] = grid.line(
        "revalued", formula, values, "with the rates of currencies", total=True
    )


def _rated(sheet: AccountsSheet, one: _Source, t: int) -> str:
    return f"*{sheet.grid.at(one.line('rate'), t)}" if one.abroad else ""


def _years(sheet: AccountsSheet, t: int) -> str:
    begins, ends = sheet.grid.days(t)
    return f"({ends}-{begins})/{YEAR_DAYS}"


def _lengths(sheet: AccountsSheet) -> Floats:
    return np.array([(one.ends - one.begins).days for one in sheet.plan.periods]) / YEAR_DAYS
