"""An entry of the diary: a day, what is due by it, for whom, and the money at stake."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final, Literal

from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.law.primitives import Law, Origin
from offtake.law.procedures import BusinessDay

Kind = Literal[
    "takes effect", "notice", "response", "revival", "renewal", "true-up", "make-up", "expiry"
]  # In the order in which entries of one day stand.
KINDS: Final[tuple[Kind, ...]] = (
    "takes effect",
    "notice",
    "response",
    "revival",
    "renewal",
    "true-up",
    "make-up",
    "expiry",
)
HOURS_PER_DAY: Final = 24
DAYS_PER_YEAR: Final = Decimal("365.25")  # The Julian year, as in `HOURS_PER_YEAR` of the quantities.
LONGEST_REST: Final = (
    31  # Days without a business day among them, after which a calendar is taken to have none.
)

BusinessDays = Callable[[str | None], BusinessDay]
"""The business days of a country's calendar; None asks for those of no country."""


@dataclass(frozen=True, slots=True)
class DiaryEntry:
    """Something due. `on` is the last day on which it may still be done; for what takes effect, the first on which it
    holds. `act_by` is the last business day up to it, by the clause's calendar or Monday to Friday.

    `at_stake_cents` is money of the estate's currency, reckoned as `basis` says; None where no amount is stated.
    `key` names the entry among all of its estate, and stays the same if only its day or its money changes.
    """

    key: str
    on: date
    act_by: date
    kind: Kind
    subject: str
    what: str
    parties: tuple[str, ...]
    at_stake_cents: int | None = None
    basis: str = ""
    clause: str | None = None
    document: str | None = None
    section: str | None = None


@dataclass(frozen=True, slots=True)
class Diarist:
    """What the parts of the diary read, and how they write an entry."""

    estate: Estate
    law: Law
    position: Position
    business_days: BusinessDays

    def entry(
        self,
        key: str,
        on: date,
        kind: Kind,
        subject: str,
        what: str,
        parties: tuple[str, ...],
        *,
        stake: tuple[Decimal, str | None, str] | None = None,
        origin: Origin | None = None,
        calendar: str | None = None,
    ) -> DiaryEntry:
        """An entry; `stake` is an amount, its currency (None: the estate's) and how it was reckoned.

        Raises InvalidInput where there is no rate of the currency on the day.
        """
        cents, basis = None, ""
        if stake is not None:
            amount, currency, basis = stake
            home = self.estate.currency
            converted = self.law.rates.convert(amount, currency or home, home, on)
            cents = int((converted * 100).to_integral_value(ROUND_HALF_EVEN))
        return DiaryEntry(
            key=f"{kind}/{key}",
            on=on,
            act_by=on if kind in ("takes effect", "revival") else self.business_day_by(on, calendar),
            kind=kind,
            subject=subject,
            what=what,
            parties=tuple(dict.fromkeys(party for party in parties if party)),
            at_stake_cents=cents,
            basis=basis,
            clause=None if origin is None else origin.clause,
            document=None if origin is None else origin.document,
            section=None if origin is None else origin.section,
        )

    def business_day_by(self, day: date, calendar: str | None) -> date:
        """The last business day up to and with a day."""
        is_business_day = self.business_days(calendar)
        for back in range(LONGEST_REST):
            found = day - timedelta(days=back)
            if is_business_day(found):
                return found
        return day


def last_day(ends: date) -> date:
    """The last day before an end, which is itself the first day out."""
    return ends - timedelta(days=1)


def years(begins: date, ends: date) -> Decimal:
    """The length of [begins, ends) in years."""
    return Decimal((ends - begins).days) / DAYS_PER_YEAR
