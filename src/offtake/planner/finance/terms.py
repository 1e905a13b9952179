"""A borrower's sources as arrays over the periods of a plan: what may be drawn when, and what is owed on it."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np

from offtake.domain.finance import Equity, Financing, Prepayment, Source
from offtake.domain.handoffs import SourceTerms
from offtake.domain.quantities import Figure, Span
from offtake.planner.calendar import Calendar
from offtake.planner.instance import Bools, Floats
from offtake.planner.prices import OUTSIDE
from offtake.planner.reading import Reading

GAP_PRICE: Final = Decimal("0.20")  # Of each unit of money that nobody promised, where the estate names none.


@dataclass(frozen=True, slots=True)
class SourceArrays:
    """A source over periods, in its own currency: `open` where it may be drawn; for debt, what each period costs and
    repays.

    `interest` is the rate times the period's years; `undrawn` the commitment fee's; `due` the share of all that was
    drawn which is repaid, or credited, at the period's end; `upfront` money owed in it whatever is drawn; `rates` what
    one unit of its currency is worth in the estate's. All (period,).
    """

    terms: SourceTerms
    amount: float
    open: Bools
    interest: Floats
    undrawn: Floats
    due: Floats
    upfront: Floats
    rates: Floats

    @property
    def is_debt(self) -> bool:
        """Whether it is borrowed, and served."""
        return self.terms.kind == "debt"

    @property
    def is_owed(self) -> bool:
        """Whether it is given back: debt, and what customers paid in advance."""
        return self.terms.kind != "equity"


@dataclass(frozen=True, slots=True)
class Borrower:
    """A party with its sources and covenants.

    `ahead` (period, period): the share of the second's debt service that is to be kept in cash at the end of the first.
    `tax` of profit. `received` and `paid` (period, period): the share of what is earned, or arises as cost of
    operation, in the second period that comes in, or is paid, in the first; None: at once. `together`: sources drawn in
    proportion.
    """

    party: str
    members: frozenset[str]
    financing: Financing
    opening_cash: float
    minimum_cash: float
    gap_price: float
    sources: tuple[SourceArrays, ...]
    ahead: Floats | None
    tax: float | None = None
    received: Floats | None = None
    paid: Floats | None = None
    together: tuple[tuple[str, ...], ...] = ()


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
            _arrays(_terms(reading, calendar, id, source), calendar)
            for id, source in financing.sources.items()
        ),
        ahead=None if financing.reserve is None else _ahead(financing.reserve, calendar),
        tax=None if financing.tax is None else financing.tax.value,
        received=None if financing.receivables is None else _lagged(financing.receivables, calendar),
        paid=None if financing.payables is None else _lagged(financing.payables, calendar),
        together=financing.pro_rata,
    )


def money_cents(reading: Reading, figure: Figure | None) -> int:
    """Money in whole cents of the estate's currency, at the rate of the horizon's first day."""
    if figure is None:
        return 0
    home, day = reading.estate.currency, reading.estate.horizon.begins
    amount = reading.money.rates.convert(figure.amount, figure.currency or home, home, day)
    return _cents(amount)


def _cents(amount: Decimal) -> int:
    return int((amount * 100).to_integral_value(ROUND_HALF_EVEN))


def _terms(reading: Reading, calendar: Calendar, id: str, source: Source) -> SourceTerms:
    """The terms as the plan hands them on, in the source's own currency and with its window as events leave it."""
    home, currency = reading.estate.currency, source.amount.currency
    abroad = currency is not None and currency != home
    opens, waits_for = _opening(reading, source)
    common = SourceTerms(
        id=id,
        kind=source.kind,
        provider=source.provider or OUTSIDE,
        amount_cents=_cents(source.amount.amount),
        opens=opens,
        closes=opens if waits_for else source.ends,
        assumed=source.amount.assumed or source.assumed,
        currency=currency if abroad else None,
        rates=tuple(
            str(reading.money.rates.convert(Decimal(1), currency, home, p.begins)) for p in calendar.periods
        )
        if abroad and currency is not None
        else (),
        waits_for=waits_for,
    )
    if isinstance(source, Equity):
        return common
    repaid = {
        "repays_from": source.ends if source.grace is None else source.grace.after(source.ends),
        "matures": source.term.after(source.ends),
    }
    if isinstance(source, Prepayment):
        return common.model_copy(update=repaid)
    return common.model_copy(
        update={
            **repaid,
            "interest": tuple((step.begins, str(step.figure.amount)) for step in source.interest),
            "upfront_fee": "0" if source.upfront_fee is None else str(source.upfront_fee.amount),
            "commitment_fee": "0" if source.commitment_fee is None else str(source.commitment_fee.amount),
            "repayment": source.repayment,
        }
    )


def _opening(reading: Reading, source: Source) -> tuple[date | None, str | None]:
    """The day on which a source opens, not before its event; and the event, if it does not happen while it could."""
    if source.after is None:
        return source.begins, None
    days = [one.on for one in reading.position.happened if one.event == source.after]
    if not days:
        return source.begins or reading.estate.horizon.begins, source.after
    opens = max(min(days), source.begins or min(days))
    missed = source.ends is not None and opens >= source.ends
    return (source.ends, source.after) if missed else (opens, None)


def _arrays(terms: SourceTerms, calendar: Calendar) -> SourceArrays:
    periods = calendar.periods
    within = np.array([one.share_within(terms.opens, terms.closes) for one in periods])
    years = np.array([one.years for one in periods])
    nothing = np.zeros(len(periods))
    fx = np.array([float(rate) for rate in terms.rates]) if terms.rates else np.ones(len(periods))
    amount = terms.amount_cents / 100
    if terms.kind == "equity":
        return SourceArrays(terms, amount, within > 0, nothing, nothing, nothing, nothing, fx)
    due = np.array([_due(terms, one.begins, one.ends) for one in periods])
    if terms.kind == "prepayment":
        return SourceArrays(terms, amount, within > 0, nothing, nothing, due, nothing, fx)
    rates = np.array([_rate(terms, one.begins) for one in periods])
    upfront = nothing.copy()
    if within.any() and terms.opens is not None and terms.opens >= periods[0].begins:
        upfront[int(np.argmax(within > 0))] = float(terms.upfront_fee) * amount
    undrawn = float(terms.commitment_fee) * years * within
    return SourceArrays(terms, amount, within > 0, rates * years, undrawn, due, upfront, fx)


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


def _ahead(reserve: Span, calendar: Calendar) -> Floats:
    """(period, period) shares of later periods' days within the reserve's span after the end of each."""
    count = len(calendar.periods)
    found = np.zeros((count, count))
    for t, one in enumerate(calendar.periods):
        until = reserve.after(one.ends)
        for later in range(t + 1, count):
            found[t, later] = calendar.periods[later].share_within(one.ends, until)
    return found


def _lagged(lag: Span, calendar: Calendar) -> Floats:
    """(cash period, period) shares of what arises in a period, evenly by the day, that moves in each a lag later."""
    periods = calendar.periods
    days = round(lag.approximate_days)
    open_ = np.zeros((len(periods), len(periods)))  # Open at the first's end, of the second.
    for t, one in enumerate(periods):
        since = date.fromordinal(max(one.ends.toordinal() - days, 1))
        for s in range(t + 1):
            open_[t, s] = periods[s].share_within(since, one.ends)
    before = np.vstack([np.zeros(len(periods)), open_[:-1]])
    return np.eye(len(periods)) + before - open_
