"""Dated prices in the estate's currency, and whom a payment names where the estate names nobody."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np

from offtake.domain.currencies import Rates
from offtake.domain.quantities import Figure, Series
from offtake.planner.calendar import Calendar
from offtake.planner.instance import Floats

UNNAMED: Final = "us"  # The party of an estate that names none.
OUTSIDE: Final = "market"  # Whoever sells what the estate names no seller of.


@dataclass(frozen=True, slots=True)
class Money:
    """Turns dated prices into the estate's currency: `amounts` is by period, NaN before the first step."""

    rates: Rates
    currency: str

    def of(self, figure: Figure, on: date) -> float:
        """One figure in the estate's currency at a day's rate."""
        return float(self.rates.convert(figure.amount, figure.currency or self.currency, self.currency, on))

    def by_period(self, series: Series | None, calendar: Calendar) -> Floats:
        """A price on the first day of each period; NaN where none is in force yet, or none was stated."""
        found = np.full(len(calendar.periods), np.nan)
        if series is not None:
            for n, period in enumerate(calendar.periods):
                figure = series.at(period.begins)
                if figure is not None:
                    found[n] = self.of(figure, period.begins)
        return found
