"""Meters whose bounds cannot all be kept: a ceiling below a commitment, a budget below what is owed."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import date, timedelta
from decimal import Decimal
from typing import Final

from offtake.domain.checks.findings import Finding, Path, listed, warning
from offtake.domain.checks.walk import clauses
from offtake.domain.estate import Estate
from offtake.domain.selection import Interval, Selection
from offtake.law.primitives import Law, Meter

_DAY: Final = timedelta(days=1)
_CAPACITY: Final = frozenset({"accelerators", "power", "units", "token-rate"})


def check_bounds(estate: Estate, law: Law) -> Iterator[Finding]:
    """Ceilings and budgets below what somebody committed to."""
    paths: dict[str, Path] = {f"{id}.{path[-1]}": path for path, id, _, _ in clauses(estate)}
    uppers = [meter for meter in law.meters if meter.upper is not None]
    lowers = [meter for meter in law.meters if meter.lower is not None]
    for upper in uppers:
        against = [lower for lower in lowers if _comparable(upper, lower)]
        bound = upper.upper or Decimal(0)
        for lower in against:
            owed = _in_currency(law, lower, upper)
            if owed is not None and owed > bound:
                commits = f"`{lower.origin.clause}` commits to {_of(owed, upper)}"
                message = f"{commits}, and `{upper.origin.clause}` allows no more than {_of(bound, upper)}"
                place = paths.get(upper.origin.clause, ("agreements",))
                yield warning("bound-below-commitment", place, message)
        yield from _together(law, upper, against, paths)


def _together(law: Law, upper: Meter, against: Sequence[Meter], paths: dict[str, Path]) -> Iterator[Finding]:
    """A budget under several commitments of its payer that stand on one day, none within another."""
    if upper.payer is None or upper.upper is None:
        return
    counted = [lower for lower in against if lower.within is None]
    for day in sorted({lower.scope.begins or date.min for lower in counted}):
        standing = [lower for lower in counted if Interval(day, day + _DAY).overlaps(*_days(lower))]
        owed = [amount for lower in standing if (amount := _in_currency(law, lower, upper)) is not None]
        if len(owed) > 1 and max(owed) <= upper.upper < sum(owed):
            total = _of(sum(owed, Decimal(0)), upper)
            names = listed(lower.origin.clause for lower in standing)
            message = f"{names} together commit to {total}, more than the budget of {_of(upper.upper, upper)}"
            yield warning("bound-below-commitment", paths.get(upper.origin.clause, ("agreements",)), message)
            return


def _days(meter: Meter) -> tuple[date | None, date | None]:
    return meter.scope.begins, meter.scope.ends


def _comparable(upper: Meter, lower: Meter) -> bool:
    """Whether what the one counts is certainly counted by the other too, over the same windows, on some
    same day."""
    if upper.measure != lower.measure or upper.spends:
        return False
    if upper.payer is not None and upper.payer != lower.payer:
        return False
    same_window = upper.window == lower.window or (upper.window == "any-time" and upper.measure in _CAPACITY)
    everything = upper.scope.covers == Selection() and not upper.scope.excepts
    same = upper.scope.covers == lower.scope.covers and set(upper.scope.excepts) <= set(lower.scope.excepts)
    begins = lower.scope.begins or date.min
    overlap = Interval(begins, lower.scope.ends).overlaps(upper.scope.begins, upper.scope.ends)
    return same_window and (everything or same) and overlap


def _in_currency(law: Law, lower: Meter, upper: Meter) -> Decimal | None:
    """What is committed to, in the currency of the bound, on the first day on which both hold."""
    amount = lower.lower
    if amount is None or lower.currency is None or upper.currency is None or lower.currency == upper.currency:
        return amount
    day = max(lower.scope.begins or date.min, upper.scope.begins or date.min)
    rate = law.rates.rate(lower.currency, upper.currency, day)
    return None if rate is None else amount * rate


def _of(amount: Decimal, meter: Meter) -> str:
    unit = meter.currency if meter.measure == "money" else meter.measure
    return f"{amount:,f} {unit or ''}".strip()
