"""A bill beside what the estate expects: prices as stated, what is held, commitments and price clauses by window."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, NamedTuple

from offtake.domain.actuals import reading_of
from offtake.domain.charges import (
    Charge,
    Matched,
    held_quantity,
    is_about_ai,
    measure_of,
    stated_price,
)
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import AcceleratorHours, ProvisionedUnits
from offtake.domain.quantities import HOURS_PER_YEAR
from offtake.domain.reconciliation import ChargeRow, ClauseRow, Reconciliation, Verdict
from offtake.domain.selection import Interval
from offtake.law.billing import LEVELS, Billing
from offtake.law.facts import party_of
from offtake.law.pricing import total
from offtake.law.primitives import Meter, PriceSchedule
from offtake.law.windows import windows_over

MAXIMUM_KINDS: Final = 20_000  # Kinds of charges and months that one bill may hold.
_CENT: Final = Decimal("0.01")
_HOURS_PER_MONTH: Final = Decimal(HOURS_PER_YEAR) / 12
_ROUNDING: Final = Decimal("0.5")  # Cents that a row of a bill may be off by rounding.


class _Kind(NamedTuple):
    """What makes charges one line."""

    provider: str
    matched: Matched | None
    what: str
    month: date
    currency: str


@dataclass
class _Sum:
    rows: int = 0
    first_row: int | None = None
    billed: Decimal = Decimal(0)
    quantity: Decimal = Decimal(0)
    unit: str = ""
    by_month: bool = False
    expected: Decimal | None = None
    verdict: Verdict | None = None
    why: str = ""


@dataclass
class Reconciler:
    """Takes charges one by one; what it holds grows with kinds and months, not with charges."""

    billing: Billing
    bill: str
    sums: dict[_Kind, _Sum] = field(default_factory=dict[_Kind, _Sum])
    counts: dict[tuple[str, date], Decimal] = field(default_factory=dict[tuple[str, date], Decimal])
    priced: dict[tuple[str, date], Decimal] = field(default_factory=dict[tuple[str, date], Decimal])
    owed: dict[tuple[str, date], Decimal] = field(default_factory=dict[tuple[str, date], Decimal])
    providers: set[str] = field(default_factory=set[str])
    currency: str | None = None
    begins: date | None = None
    ends: date | None = None
    totals: dict[str, Decimal] = field(default_factory=dict[str, Decimal])

    def add(self, row: int, charge: Charge) -> None:
        """Adds a charge. Raises InvalidInput if the bill holds more than MAXIMUM_KINDS kinds of charges."""
        matched = self.billing.matched(charge)
        provider = self.billing.provider(charge, matched)
        if provider is not None:
            self.providers.add(provider)
        self.currency = self.currency or charge.currency
        begins, ends = charge.billing_begins.date(), charge.billing_ends.date()
        self.begins, self.ends = min(self.begins or begins, begins), max(self.ends or ends, ends)
        self.totals[charge.currency] = self.totals.get(charge.currency, Decimal(0)) + charge.billed
        month = charge.day.replace(day=1)
        for one in self.billing.counts(charge, matched):
            key = (one.clause, month)
            self.counts[key] = self.counts.get(key, Decimal(0)) + one.amount
        for schedule, amount in self.billing.schedules(charge, matched):
            key = (schedule.id, month)
            self.priced[key] = self.priced.get(key, Decimal(0)) + amount
        clause = self.billing.clause(charge)
        if clause is not None and matched is None:
            self.owed[(clause, month)] = self.owed.get((clause, month), Decimal(0)) + charge.billed
        self._sum(_kind(charge, matched, provider, clause, month), row, charge, matched, clause)

    def _sum(
        self, kind: _Kind, row: int, charge: Charge, matched: Matched | None, clause: str | None
    ) -> None:
        if kind not in self.sums and len(self.sums) >= MAXIMUM_KINDS:
            raise InvalidInput(f"the bill holds more than {MAXIMUM_KINDS:,} kinds of charges")
        one = self.sums.setdefault(kind, _Sum())
        one.rows, one.billed = one.rows + 1, one.billed + charge.billed
        one.first_row = one.first_row or row
        counted = measure_of(charge.unit)
        if charge.quantity is not None and not charge.covered:
            one.quantity += charge.quantity * (counted[1] if counted else 1)
        one.unit = counted[0] if counted else charge.unit or ""
        one.by_month = "month" in (charge.unit or "").lower()
        verdict, why = _beside(charge, matched, clause)
        if verdict is not None:
            one.verdict, one.why = verdict, why
        elif matched is not None:
            self._expect(one, charge, matched)

    def _expect(self, one: _Sum, charge: Charge, matched: Matched) -> None:
        if charge.covered:
            one.expected = one.expected or Decimal(0)
            return
        counted, stated = measure_of(charge.unit), stated_price(matched, self.billing.estate, charge.day)
        if stated is None:
            one.verdict, one.why = "differs", _unpriced(matched)
            return
        if counted is None or charge.quantity is None or counted[0] != stated[0]:
            one.verdict = "differs"
            one.why = f"billed in `{charge.unit or 'no unit'}`, and the estate prices {stated[0]}"
            return
        price = self._in(stated[1], stated[2], charge.currency, charge.day)
        if price is None:
            one.verdict, one.why = "open", f"no rate from {stated[2]} to {charge.currency} is stated"
            return
        one.expected = (one.expected or Decimal(0)) + charge.quantity * counted[1] * price

    def _in(self, amount: Decimal, currency: str, to: str, day: date) -> Decimal | None:
        rate = self.billing.law.rates.rate(currency, to, day)
        return None if rate is None else amount * rate

    # The answer ------------------------------------------------------------------------------------------------------

    def result(self, left_out: int) -> Reconciliation:
        """What agrees, what is explained, and what differs. `left_out` rows of the bill could not be read."""
        self._expect_held()
        charges = tuple(
            _charge_row(kind, one) for kind, one in sorted(self.sums.items(), key=lambda item: str(item[0]))
        )
        clauses = tuple(self._clauses())
        every = [row.verdict for row in (*charges, *clauses)]
        return Reconciliation(
            estate=self.billing.estate.name or "",
            bill=self.bill,
            begins=self.begins,
            ends=self.ends,
            rows=sum(one.rows for one in self.sums.values()) + left_out,
            left_out=left_out,
            billed_cents={currency: _cents(amount) for currency, amount in sorted(self.totals.items())},
            charges=charges,
            clauses=clauses,
            differing=every.count("differs"),
            open=every.count("open"),
        )

    def _expect_held(self) -> None:
        """What is held of a product is expected whether it was used or not."""
        if self.begins is None or self.ends is None or self.currency is None:
            return
        for id, product in self.billing.estate.products.items():
            if not isinstance(product, ProvisionedUnits | AcceleratorHours) or not product.held:
                continue
            if product.provider not in self.providers:
                continue
            for month in windows_over("month", self.begins, self.ends):
                self._expect_month(id, product, month)

    def _expect_month(self, id: str, product: ProvisionedUnits | AcceleratorHours, month: Interval) -> None:
        if month.ends is None or self.currency is None:
            return
        hours = held_quantity(product, month.begins, month.ends)
        stated = stated_price(Matched(id), self.billing.estate, month.begins)
        if not hours or stated is None:
            return
        kind = next(
            (k for k in self.sums if k.matched == Matched(id) and k.month == month.begins),
            _Kind(product.provider, Matched(id), id, month.begins, self.currency),
        )
        one = self.sums.setdefault(kind, _Sum(unit=stated[0]))
        if one.verdict is not None:
            return
        if one.by_month:  # A month of a bill is a twelfth of a year, however many days it has.
            hours = hours * _HOURS_PER_MONTH / ((month.ends - month.begins).days * 24)
        price = self._in(stated[1], stated[2], kind.currency, month.begins)
        if price is None:
            one.verdict, one.why = "open", f"no rate from {stated[2]} to {kind.currency} is stated"
            return
        one.expected = max(hours, one.quantity) * price
        if not one.rows:
            one.why = "held, and not billed"
        elif hours > one.quantity:
            one.why = f"{_plain(hours)} {one.unit} are held, {_plain(one.quantity)} are billed"

    def _clauses(self) -> Iterator[ClauseRow]:
        if self.begins is None or self.ends is None:
            return
        parties = {party_of(self.billing.estate, provider) for provider in self.providers}
        for meter in self.billing.law.meters:
            if meter.lower is not None and meter.payee in parties:
                for window in _windows(meter, self.begins, self.ends):
                    yield self._commitment(meter, window)
        for schedule in self.billing.law.prices:
            if schedule.payee in parties:
                for window in _windows(schedule, self.begins, self.ends):
                    yield self._schedule(schedule, window)

    def _commitment(self, meter: Meter, window: Interval) -> ClauseRow:
        counted, missing = self._counted(meter, window)
        lower, hours = meter.lower or Decimal(0), Decimal(1)
        if meter.measure in LEVELS and window.ends is not None:
            hours = Decimal((window.ends - window.begins).days * 24)
            counted = counted / hours
        short = max(lower - counted, Decimal(0))
        expected = short * hours * (meter.shortfall_price or Decimal(0))
        unit = meter.currency if meter.measure == "money" else meter.measure
        why = f"{_plain(short)} {unit} short" if short else "met"
        return self._clause_row(
            meter, window, f"{_plain(lower)} {unit}", f"{_plain(counted)} {unit}", expected, missing, why
        )

    def _schedule(self, schedule: PriceSchedule, window: Interval) -> ClauseRow:
        inside = [
            amount
            for (id, month), amount in self.priced.items()
            if id == schedule.id and _holds(window, month)
        ]
        counted = sum(inside, Decimal(0))
        unit = schedule.currency if schedule.measure == "money" else schedule.measure
        expected = total(schedule, counted)
        missing = _missing(window, self.begins, set())
        why = f"by its tiers for {_plain(counted)} {unit}"
        return self._clause_row(schedule, window, None, f"{_plain(counted)} {unit}", expected, missing, why)

    def _clause_row(
        self,
        clause: Meter | PriceSchedule,
        window: Interval,
        committed: str | None,
        counted: str,
        expected: Decimal,
        missing: str | None,
        why: str,
    ) -> ClauseRow:
        billed = sum(
            (
                amount
                for (name, month), amount in self.owed.items()
                if name == clause.origin.clause and _holds(window, month)
            ),
            Decimal(0),
        )
        running = self.ends is None or window.ends is None or window.ends > self.ends
        verdict: Verdict
        if running:
            verdict, why = "open", f"{why} so far; the window ends on {window.ends or 'no day'}"
        elif missing:
            verdict, why = "open", missing
        else:
            verdict = "agrees" if abs(billed - expected) <= _CENT else "differs"
        settled = None if verdict == "open" else _cents(expected)
        return ClauseRow(
            clause=clause.origin.clause,
            document=clause.origin.document,
            section=clause.origin.section,
            begins=window.begins,
            ends=window.ends,
            measure=clause.measure,
            committed=committed,
            counted=counted,
            expected_cents=settled,
            billed_cents=_cents(billed),
            difference_cents=None if settled is None else _cents(billed) - settled,
            currency=clause.currency or self.currency or "",
            verdict=verdict,
            why=why,
        )

    def _counted(self, meter: Meter, window: Interval) -> tuple[Decimal, str | None]:
        """What a window counts by the bill and by earlier readings, and which months neither knows."""
        months = {month for month in self._billed_months() if _holds(window, month)}
        found = sum(
            (self.counts.get((meter.origin.clause, month), Decimal(0)) for month in months), Decimal(0)
        )
        known = set(months)
        for stated in self.billing.estate.readings:
            if stated.clause != meter.origin.clause or not _holds(window, stated.begins):
                continue
            spanned = {one.begins for one in windows_over("month", stated.begins, stated.ends)}
            if not spanned & months:
                found += reading_of(stated, meter.measure).amount
                known |= spanned
        return found, _missing(window, self.begins, known)

    def _billed_months(self) -> set[date]:
        if self.begins is None or self.ends is None:
            return set()
        return {window.begins for window in windows_over("month", self.begins, self.ends)}


def _kind(
    charge: Charge, matched: Matched | None, provider: str | None, clause: str | None, month: date
) -> _Kind:
    if (
        matched is not None
        and charge.category in ("Usage", "Purchase", "Adjustment")
        and not charge.correction
    ):
        what = matched.product
    elif charge.category in ("Tax", "Credit"):
        matched, what = None, charge.category.lower()
    elif charge.correction:
        matched, what = None, "correction"
    elif clause is not None:
        what = clause
    else:
        what = charge.sku if is_about_ai(charge) else charge.service or charge.sku
    return _Kind(provider or charge.provider, matched, what[:200], month, charge.currency)


def _beside(charge: Charge, matched: Matched | None, clause: str | None) -> tuple[Verdict | None, str]:
    """The verdict on what no product's price speaks of."""
    if charge.category == "Tax":
        return "explained", "a tax, which no estate states"
    if charge.category == "Credit":
        return "explained", "a credit"
    if charge.correction:
        return "explained", "it corrects a closed period"
    if matched is not None:
        return None, ""
    if clause is not None:
        return "explained", "it is settled under the clause"
    if charge.category == "Purchase" and charge.discount is not None:
        return "explained", f"it buys the commitment {charge.discount.id}"[:200]
    if charge.applied:
        return "explained", "it counts towards a contract that it names"
    if is_about_ai(charge):
        return "differs", "no product of the estate answers to it; map it with --map"
    return "explained", "no compute for AI"


def _unpriced(matched: Matched) -> str:
    if matched.model is None and matched.tokens is None:
        return "the estate states no price for it then"
    part = " ".join(part for part in (matched.model, matched.tokens) if part)
    return f"the estate states no price for {part or 'this'}; say which with --map 'SKU=PRODUCT/MODEL/in'"


def _charge_row(kind: _Kind, one: _Sum) -> ChargeRow:
    billed = _cents(one.billed)
    expected = None if one.expected is None or one.verdict is not None else _cents(one.expected)
    difference = None if expected is None else billed - expected
    verdict, why = one.verdict, one.why
    if verdict is None:
        verdict, why = _judged(one, difference)
    matched = kind.matched
    return ChargeRow(
        provider=kind.provider,
        product=None if matched is None else matched.product,
        model=None if matched is None else matched.model,
        tokens=None if matched is None else matched.tokens,
        what=kind.what,
        month=kind.month,
        rows=one.rows,
        quantity=_plain(one.quantity),
        unit=one.unit,
        billed_cents=billed,
        expected_cents=expected,
        difference_cents=difference,
        currency=kind.currency,
        verdict=verdict,
        why=why,
        first_row=one.first_row,
    )


def _judged(one: _Sum, difference: int | None) -> tuple[Verdict, str]:
    if difference is None or one.expected is None:
        return "differs", "nothing is expected"
    if abs(difference) <= max(1, one.rows * _ROUNDING):
        return "agrees", one.why if difference else ""
    if one.why:
        return "differs", one.why
    if not one.quantity or not one.expected:
        return "differs", "billed, though a commitment covers it"
    paid, stated = one.billed / one.quantity, one.expected / one.quantity
    percent = (paid / stated - 1) * 100
    per = Decimal(10**6) if one.unit == "tokens" else Decimal(1)
    of = "a million tokens" if one.unit == "tokens" else f"one of {one.unit}"
    return (
        "differs",
        f"billed at {_plain(paid * per)} for {of}, the estate states {_plain(stated * per)} ({percent:+.1f} %)",
    )


def _windows(clause: Meter | PriceSchedule, begins: date, ends: date) -> Iterator[Interval]:
    """The windows of a clause that a bill's period touches, within the days on which it is in force."""
    first = max(begins, clause.scope.begins or begins)
    last = min(ends, clause.scope.ends or ends)
    if first < last:
        window = clause.window if clause.window in ("month", "quarter", "year", "term") else "month"
        for found in windows_over(window, first, last):
            if window == "term":
                yield Interval(clause.scope.begins or begins, clause.scope.ends)
            else:
                yield found


def _holds(window: Interval, month: date) -> bool:
    return window.begins.replace(day=1) <= month and (window.ends is None or month < window.ends)


def _missing(window: Interval, begins: date | None, known: set[date]) -> str | None:
    """Which months of a window before the bill nobody has told of."""
    if begins is None or window.begins >= begins:
        return None
    months = [one.begins for one in windows_over("month", window.begins, begins) if one.begins not in known]
    months = [month for month in months if month < begins.replace(day=1)]
    if not months:
        return None
    return f"no readings from {months[0]:%Y-%m} to {months[-1]:%Y-%m}; import the bills of these months"


def _cents(amount: Decimal) -> int:
    return int((amount * 100).to_integral_value(rounding=ROUND_HALF_EVEN))


def _plain(amount: Decimal) -> str:
    if not amount:
        return "0"
    return f"{round(amount, max(0, 6 - amount.adjusted())).normalize():f}"
