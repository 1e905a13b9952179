"""Where a history of use leads: periods of equal kind, forecasts with intervals, and how wrong they were before.

The forecaster itself is a library's (behind `Forecaster`); what is here is what it is asked and how it is judged.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Final, Literal, Protocol

import numpy as np
from numpy.typing import NDArray

from offtake.domain.errors import InvalidInput

Floats = NDArray[np.float64]
Every = Literal["minute", "hour", "day", "week", "month", "quarter", "year"]

PER_YEAR: Final[Mapping[Every, float]] = {
    "minute": 525_960.0,
    "hour": 8766.0,
    "day": 365.25,
    "week": 365.25 / 7,
    "month": 12.0,
    "quarter": 4.0,
    "year": 1.0,
}
# Periods after which a season comes again, if a history holds three of them: hours of a day, days of a week and so on.
SEASONS: Final[Mapping[Every, int]] = {
    "minute": 1,
    "hour": 24,
    "day": 7,
    "week": 52,
    "month": 12,
    "quarter": 4,
    "year": 1,
}
LEAST_PERIODS: Final = 8
MAXIMUM_PERIODS: Final = 20_000
MAXIMUM_AHEAD: Final = 2_000
MAXIMUM_ORIGINS: Final = 20
LEAST_YEARS: Final = 0.25  # Ahead, for growth to be stated by the year.
_MONTHS: Final[Mapping[Every, int]] = {"month": 1, "quarter": 3, "year": 12}
_STEPS: Final[Mapping[Every, timedelta]] = {
    "minute": timedelta(minutes=1),
    "hour": timedelta(hours=1),
    "day": timedelta(days=1),
    "week": timedelta(days=7),
}


@dataclass(frozen=True, slots=True)
class History:
    """Use by period: the first moment of each, and how much; `dropped` periods at the ends were not whole."""

    every: Every
    begins: tuple[datetime, ...]
    values: tuple[float, ...]
    measure: str
    dropped: int = 0

    @property
    def season(self) -> int:
        """Periods of a season, if the history holds three of them; else 1."""
        season = SEASONS[self.every]
        return season if len(self.values) >= 3 * season else 1


@dataclass(frozen=True, slots=True, eq=False)
class Forecast:
    """Medians ahead, ``median`` (period,), and bounds of central intervals, (period,) for each share that they hold."""

    form: str
    median: Floats
    lower: Mapping[float, Floats]
    upper: Mapping[float, Floats]


class Forecaster(Protocol):
    """Forecasts positive values of equal periods. Raises InvalidInput where it cannot."""

    def __call__(self, values: Floats, ahead: int, season: int, shares: Sequence[float]) -> Forecast: ...


@dataclass(frozen=True, slots=True)
class Errors:
    """Errors of forecasts made from earlier ends of the history, over all steps ahead.

    `mape` is the mean absolute error in parts of what came; `naive_mape` that of repeating the last value (or season).
    `pinball` is the mean pinball loss at the medians and the bounds, in parts of the mean value. `coverage` is the
    share of what came that lay in each interval; `scored` how many values were judged.
    """

    origins: int
    ahead: int
    scored: int
    mape: float
    naive_mape: float
    pinball: float
    coverage: tuple[tuple[float, float], ...]


@dataclass(frozen=True, slots=True)
class Growth:
    """Growth over the forecast, in parts: median, and the bounds of the widest interval (`share`); and the same a year.

    From the last period to the last one ahead; where a season or more is forecast, from season's mean to season's mean.
    `per_year` is None where the forecast is so short that a year would be made up.
    """

    share: float
    over_forecast: tuple[float, float, float]
    per_year: tuple[float, float, float] | None


def period_of(moment: datetime, every: Every) -> datetime:
    """The first moment of the period in which a moment lies; weeks begin on Monday."""
    day = moment.replace(hour=0, minute=0, second=0, microsecond=0)
    if every == "minute":
        return moment.replace(second=0, microsecond=0)
    if every == "hour":
        return moment.replace(minute=0, second=0, microsecond=0)
    if every == "day":
        return day
    if every == "week":
        return day - timedelta(days=day.weekday())
    months = _MONTHS[every]
    return day.replace(day=1, month=(day.month - 1) // months * months + 1)


def after(begins: datetime, every: Every, count: int = 1) -> datetime:
    """The first moment of the period `count` after the one that begins then. Raises InvalidInput past the calendar."""
    try:
        if every in _STEPS:
            return begins + count * _STEPS[every]
        months = begins.year * 12 + begins.month - 1 + count * _MONTHS[every]
        return begins.replace(year=months // 12, month=months % 12 + 1)
    except (ValueError, OverflowError):
        raise InvalidInput("the forecast runs past the calendar", hint="forecast fewer periods") from None


def history_of(
    sums: Mapping[datetime, float], every: Every, measure: str, first: datetime, last: datetime
) -> History:
    """Sums by period as a history, from what was recorded between two moments; ends that are not whole are left out.

    ``last`` is the end of what was recorded. Raises InvalidInput for a period of nothing, or too few of them.
    """
    if not sums:
        raise InvalidInput("there is no use in it to forecast from")
    begins: list[datetime] = []
    here, end = period_of(first, every), period_of(max(sums), every)
    while here <= end:
        begins.append(here)
        if len(begins) > MAXIMUM_PERIODS:
            raise InvalidInput(
                f"more than {MAXIMUM_PERIODS:,} periods", hint="take longer ones: --every week"
            )
        here = after(here, every)
    whole = [b for b in begins if b >= first and after(b, every) <= last]
    for one in whole:
        if sums.get(one, 0.0) <= 0:
            message = f"the sum of the {every} of {one:%Y-%m-%d %H:%M} is not above zero; growth is fitted to what is"
            raise InvalidInput(message, hint="take longer periods, such as --every week")
    checked(len(whole), every)
    return History(every, tuple(whole), tuple(sums[one] for one in whole), measure, len(begins) - len(whole))


def checked(periods: int, every: Every) -> None:
    """Raises InvalidInput if there are too few periods to say anything."""
    if periods < LEAST_PERIODS:
        hint = "give a longer history, or shorter periods (--every)"
        raise InvalidInput(f"{periods} whole {every}s; a forecast needs {LEAST_PERIODS}", hint=hint)


def growth_of(history: History, forecast: Forecast) -> Growth:
    """What a forecast says about growth."""
    ahead = forecast.median.size
    span = history.season if ahead >= history.season else 1
    base = float(np.mean(history.values[-span:]))
    share = max(forecast.lower)
    low, middle, high = (
        float(one[-span:].mean()) / base
        for one in (forecast.lower[share], forecast.median, forecast.upper[share])
    )
    years = ahead / PER_YEAR[history.every]
    yearly = None
    if years >= LEAST_YEARS:
        yearly = middle ** (1 / years) - 1.0, low ** (1 / years) - 1.0, high ** (1 / years) - 1.0
    return Growth(share, (middle - 1.0, low - 1.0, high - 1.0), yearly)


def backtest(
    values: Floats,
    forecaster: Forecaster,
    ahead: int,
    season: int,
    shares: Sequence[float],
    progress: Callable[[int, int], None] | None = None,
) -> Errors | None:
    """Forecasts from earlier ends of the history (rolling origins), judged by what came; None if it is too short.

    Each is made from all that was known at its origin and from nothing later: the form is chosen anew. At most
    MAXIMUM_ORIGINS origins, evenly spaced, each with at least half of the history, and LEAST_PERIODS, before it.
    """
    first = max(LEAST_PERIODS, values.size // 2, 3 * season if season > 1 else 0)
    possible = np.arange(first, values.size)
    if possible.size == 0:
        return None
    chosen = np.unique(
        np.linspace(0, possible.size - 1, min(MAXIMUM_ORIGINS, possible.size)).round().astype(np.intp)
    )
    relative: list[Floats] = []
    naive: list[Floats] = []
    losses: list[Floats] = []
    inside: dict[float, list[Floats]] = {share: [] for share in shares}
    for n, place in enumerate(chosen):
        origin = int(possible[place])
        known, came = values[:origin], values[origin : origin + ahead]
        found = forecaster(known, came.size, season, shares)
        relative.append(np.abs(found.median - came) / came)
        naive.append(np.abs(repeated(known, came.size, season) - came) / came)
        losses.append(pinball(found, came))
        for share in shares:
            inside[share].append(
                ((found.lower[share] <= came) & (came <= found.upper[share])).astype(np.float64)
            )
        if progress is not None:
            progress(n + 1, chosen.size)
    return Errors(
        int(chosen.size),
        ahead,
        int(sum(one.size for one in relative)),
        float(np.concatenate(relative).mean()),
        float(np.concatenate(naive).mean()),
        float(np.concatenate(losses).mean() / values.mean()),
        tuple((share, float(np.concatenate(inside[share]).mean())) for share in shares),
    )


def repeated(known: Floats, ahead: int, season: int) -> Floats:
    """(period,): the last value again, or the last season over and over: what a forecast must be better than."""
    return np.resize(known[-season:], ahead)


def pinball(forecast: Forecast, came: Floats) -> Floats:
    """(period,): pinball loss, the mean over the median and the bounds of the intervals (Koenker and Bassett 1978)."""
    quantiles = [(0.5, forecast.median)]
    for share in forecast.lower:
        quantiles += [((1 - share) / 2, forecast.lower[share]), ((1 + share) / 2, forecast.upper[share])]
    losses = [np.maximum(q * (came - value), (q - 1.0) * (came - value)) for q, value in quantiles]
    return np.mean(losses, axis=0)
