"""Distributions as numbers: what probability a draw lies below, turned round. docs/futures.md states each formula.

A `Distribution` of single draws has a `quantile`: the value that a draw lies below with probability `u`, in (0, 1). A
`Process` has a path: factors at days, from one standard normal shock a step; `quantile_path` is what the factor of each
day lies below.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from math import exp, inf, log, sqrt
from statistics import NormalDist
from typing import Final, TypeAlias

from offtake.domain.quantities import HOURS_PER_YEAR

DAYS_PER_YEAR: Final = HOURS_PER_YEAR / 24
NORMAL: Final = NormalDist()


@dataclass(frozen=True, slots=True)
class Triangular:
    """Kotz and van Dorp 2004, *Beyond Beta*, equation 1.9."""

    low: float
    mode: float
    high: float

    def quantile(self, u: float) -> float:
        """The value that a draw lies below with probability `u`."""
        width = self.high - self.low
        if width == 0:
            return self.low
        if u * width <= self.mode - self.low:
            return self.low + sqrt(u * width * (self.mode - self.low))
        return self.high - sqrt((1 - u) * width * (self.high - self.mode))


@dataclass(frozen=True, slots=True)
class Uniform:
    """Each value between two as likely."""

    low: float
    high: float

    def quantile(self, u: float) -> float:
        """The value that a draw lies below with probability `u`."""
        return self.low + u * (self.high - self.low)


@dataclass(frozen=True, slots=True)
class Normal:
    """The inverse of the normal distribution is Wichura 1988, algorithm AS 241, by Python's `statistics`."""

    mean: float
    deviation: float

    def quantile(self, u: float) -> float:
        """The value that a draw lies below with probability `u`."""
        return self.mean + self.deviation * NORMAL.inv_cdf(u)


@dataclass(frozen=True, slots=True)
class Lognormal:
    """Its logarithm is normal."""

    median: float
    deviation: float

    def quantile(self, u: float) -> float:
        """The value that a draw lies below with probability `u`."""
        return self.median * exp(self.deviation * NORMAL.inv_cdf(u))


@dataclass(frozen=True, slots=True)
class Discrete:
    """Values in rising order, with the probability of each and all below it; `inf` is a day that never comes."""

    values: tuple[float, ...]
    below: tuple[float, ...]

    def quantile(self, u: float) -> float:
        """The least value with probability `u` or more at or below it."""
        return self.values[min(bisect_right(self.below, u), len(self.values) - 1)]


@dataclass(frozen=True, slots=True)
class Hazard:
    """The ordinal of a day: the first at which the intensity, added up from `begins`, exceeds -ln(1 - u); `inf` if
    it never does. Rates hold from their day on, in order. (Cox and Oakes 1984, *Analysis of Survival Data*, 2.2.)
    """

    begins: float
    ends: float
    rates: tuple[tuple[float, float], ...]  # (from this day, per year)

    def quantile(self, u: float) -> float:
        """The day before which it has happened with probability `u`."""
        left = -log(1 - u) * DAYS_PER_YEAR
        for (opens, rate), (closes, _) in zip(self.rates, (*self.rates[1:], (inf, 0.0)), strict=True):
            first, last = max(opens, self.begins), min(closes, self.ends)
            if first >= last or rate <= 0:
                continue
            if left < rate * (last - first):
                return first + left / rate
            left -= rate * (last - first)
        return inf


Distribution: TypeAlias = Triangular | Uniform | Normal | Lognormal | Discrete | Hazard


@dataclass(frozen=True, slots=True)
class Steps:
    """The days on which a process moves, after the horizon's first, and the years from each to the one before."""

    days: tuple[date, ...]
    years: tuple[float, ...]


def steps_of(begins: date, ends: date, months: int) -> Steps:
    """The first days of months, quarters or years within a horizon."""
    days: list[date] = []
    month = begins.year * 12 + begins.month - 1
    month -= month % months
    while True:
        month += months
        day = date(month // 12, month % 12 + 1, 1)
        if day >= ends:
            break
        days.append(day)
    edges = [begins, *days]
    years = tuple(
        (after.toordinal() - before.toordinal()) / DAYS_PER_YEAR
        for before, after in zip(edges, days, strict=False)
    )
    return Steps(tuple(days), years)


@dataclass(frozen=True, slots=True)
class Growth:
    """Geometric Brownian motion whose median grows: ln F = ln(1 + growth) t + volatility W(t) (Samuelson 1965)."""

    growth: float
    volatility: float
    steps: Steps

    def path(self, shocks: Sequence[float]) -> tuple[float, ...]:
        """The factor from each step's day on, from a standard normal shock each."""
        found: list[float] = []
        at = 0.0
        for step, shock in zip(self.steps.years, shocks, strict=True):
            at += log(1 + self.growth) * step + self.volatility * sqrt(step) * shock
            found.append(exp(at))
        return tuple(found)

    def quantile_path(self, u: float) -> tuple[float, ...]:
        """What the factor of each step lies below with probability `u`."""
        z, time, found = NORMAL.inv_cdf(u), 0.0, list[float]()
        for step in self.steps.years:
            time += step
            found.append(exp(log(1 + self.growth) * time + self.volatility * sqrt(time) * z))
        return tuple(found)


@dataclass(frozen=True, slots=True)
class Reverting:
    """An Ornstein-Uhlenbeck process of the logarithm (Schwartz 1997, *The Stochastic Behavior of Commodity Prices*,
    model 1), with its exact steps (Gillespie 1996, Physical Review E 54, 2084)."""

    volatility: float
    half_life_years: float
    level: float
    steps: Steps

    @property
    def _speed(self) -> float:
        return log(2) / self.half_life_years

    def path(self, shocks: Sequence[float]) -> tuple[float, ...]:
        """The factor from each step's day on, from a standard normal shock each."""
        home, at, found = log(self.level), 0.0, list[float]()
        for step, shock in zip(self.steps.years, shocks, strict=True):
            stays = exp(-self._speed * step)
            at = home + (at - home) * stays + self._deviation(step) * shock
            found.append(exp(at))
        return tuple(found)

    def quantile_path(self, u: float) -> tuple[float, ...]:
        """What the factor of each step lies below with probability `u`."""
        z, home, time, found = NORMAL.inv_cdf(u), log(self.level), 0.0, list[float]()
        for step in self.steps.years:
            time += step
            found.append(exp(home - home * exp(-self._speed * time) + self._deviation(time) * z))
        return tuple(found)

    def _deviation(self, years: float) -> float:
        return self.volatility * sqrt((1 - exp(-2 * self._speed * years)) / (2 * self._speed))


Process: TypeAlias = Growth | Reverting


# Correlation ---------------------------------------------------------------------------------------------------------

Matrix: TypeAlias = tuple[tuple[float, ...], ...]
SEMIDEFINITE: Final = 1e-9  # A pivot that should be zero may be off by so much.


def lower_factor(matrix: Matrix) -> Matrix | None:
    """L with L L' = the matrix, lower triangular (Cholesky); None if the matrix is not positive semi-definite.

    A pivot of zero, as two variables that move as one have it, leaves its column zero.
    """
    size = len(matrix)
    found = [[0.0] * size for _ in range(size)]
    for j in range(size):
        pivot = matrix[j][j] - sum(found[j][k] ** 2 for k in range(j))
        if pivot < -SEMIDEFINITE:
            return None
        found[j][j] = sqrt(pivot) if pivot > SEMIDEFINITE else 0.0
        for i in range(j + 1, size):
            rest = matrix[i][j] - sum(found[i][k] * found[j][k] for k in range(j))
            if found[j][j] == 0.0:
                if abs(rest) > sqrt(SEMIDEFINITE):
                    return None
            else:
                found[i][j] = rest / found[j][j]
    return tuple(tuple(row) for row in found)
