"""A borrower's sources as arrays over the periods of a plan: what may be drawn when, and what is owed on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np

from offtake.domain.finance import Debt, Equity, Financing
from offtake.domain.handoffs import SourceTerms
from offtake.domain.quantities import Figure
from offtake.planner.calendar import Calendar
from offtake.planner.instance import Bools, Floats
from offtake.planner.prices import OUTSIDE
from offtake.planner.reading import Reading

GAP_PRICE: Final = Decimal("0.20")  # Of each unit of money that nobody promised, where the estate names none.


@dataclass(frozen=True, slots=True)
class SourceArrays:
    """A source over periods: `open` where it may be drawn; for debt, what each period costs and repays.

    `interest` is the rate times the period's years; `undrawn` the commitment fee's; `due` the share of all that was
    drawn which is repaid at the period's end; `upfront` money owed in it whatever is drawn. All (period,).
    """

    terms: SourceTerms
    amount: float
    open: Bools
    interest: Floats
    undrawn: Floats
    due: Floats
    upfront: Floats

    @property
    def is_debt(self) -> bool:
        """Whether it is to be repaid."""
        return self.terms.kind == "debt"


@dataclass(frozen=True, slots=True)
class Borrower:
    """A party with its sources and covenants. `ahead` (period, period): the share of the second's debt service that is
    to be kept in cash at the end of the first."""

    party: str
    members: frozenset[str]
    financing: Financing
    opening_cash: float
    minimum_cash: float
    gap_price: float
    sources: tuple[SourceArrays, ...]
    ahead: Floats | None


def borrowers_of(reading: Reading, calendar: Calendar) -> tuple[Borrower, ...]:
    """Every party whose money the estate states, in its order."""
    return tuple(
        _borrower(reading, calendar, party, financing) for party, financing in reading.estate.finance.items()
    )


def _borrower(reading: Reading, calendar: Calendar, party: str, financing: Financing) -> Borrower:
    price = GAP_PRICE if financing.gap_price is None else financing.gap_price.amount
    return Borrower(
        party=party,
        members=frozenset((party, *financing.consolidates)),
        financing=financing,
        opening_cash=money_cents(reading, financing.opening_cash) / 100,
        minimum_cash=money_cents(reading, financing.minimum_cash) / 100,
        gap_price=float(price),
        sources=tuple(
            _arrays(_terms(reading, id, source), calendar) for id, source in financing.sources.items()
        ),
        ahead=None if financing.reserve is None else _ahead(financing, calendar),
    )


def money_cents(reading: Reading, figure: Figure | None) -> int:
    """Money in whole cents of the estate's currency, at the rate of the horizon's first day."""
    if figure is None:
        return 0
    home, day = reading.estate.currency, reading.estate.horizon.begins
    amount = reading.money.rates.convert(figure.amount, figure.currency or home, home, day)
    return int((amount * 100).to_integral_value(ROUND_HALF_EVEN))


def _terms(reading: Reading, id: str, source: Equity | Debt) -> SourceTerms:
    cents, assumed = money_cents(reading, source.amount), source.amount.assumed or source.assumed
    if isinstance(source, Equity):
        return SourceTerms(
            id=id,
            kind="equity",
            provider=source.provider,
            amount_cents=cents,
            opens=source.begins,
            closes=source.ends,
            assumed=assumed,
        )
    return SourceTerms(
        id=id,
        kind="debt",
        provider=source.provider or OUTSIDE,
        amount_cents=cents,
        opens=source.begins,
        closes=source.ends,
        assumed=assumed,
        interest=tuple((step.begins, str(step.figure.amount)) for step in source.interest),
        upfront_fee="0" if source.upfront_fee is None else str(source.upfront_fee.amount),
        commitment_fee="0" if source.commitment_fee is None else str(source.commitment_fee.amount),
        repays_from=source.ends if source.grace is None else source.grace.after(source.ends),
        matures=source.term.after(source.ends),
        repayment=source.repayment,
    )


def _arrays(terms: SourceTerms, calendar: Calendar) -> SourceArrays:
    periods = calendar.periods
    within = np.array([one.share_within(terms.opens, terms.closes) for one in periods])
    years = np.array([one.years for one in periods])
    nothing = np.zeros(len(periods))
    amount = terms.amount_cents / 100
    if terms.kind == "equity":
        return SourceArrays(terms, amount, within > 0, nothing, nothing, nothing, nothing)
    rates = np.array([_rate(terms, one.begins) for one in periods])
    upfront = nothing.copy()
    if within.any() and terms.opens is not None and terms.opens >= periods[0].begins:
        upfront[int(np.argmax(within > 0))] = float(terms.upfront_fee) * amount
    due = np.array([_due(terms, one.begins, one.ends) for one in periods])
    undrawn = float(terms.commitment_fee) * years * within
    return SourceArrays(terms, amount, within > 0, rates * years, undrawn, due, upfront)


def _rate(terms: SourceTerms, day: date) -> float:
    found = 0.0
    for begins, rate in terms.interest:
        if begins is None or begins <= day or found == 0.0:
            found = float(rate)
    return found


def _due(terms: SourceTerms, begins: date, ends: date) -> float:
    first, last = terms.repays_from, terms.matures
    if first is None or last is None:
        return 0.0
    if terms.repayment == "bullet":
        return float(begins < last <= ends)
    days = min(ends, last).toordinal() - max(begins, first).toordinal()
    return max(days, 0) / (last.toordinal() - first.toordinal())


def _ahead(financing: Financing, calendar: Calendar) -> Floats:
    """(period, period) shares of later periods' days within the reserve's span after the end of each."""
    count = len(calendar.periods)
    found = np.zeros((count, count))
    if financing.reserve is not None:
        for t, one in enumerate(calendar.periods):
            until = financing.reserve.after(one.ends)
            for later in range(t + 1, count):
                found[t, later] = calendar.periods[later].share_within(one.ends, until)
    return found
