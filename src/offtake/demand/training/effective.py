"""How progress of algorithms and of prices moves what a loss takes, year by year: effective compute."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

import numpy as np
from numpy.typing import ArrayLike

from offtake.demand.scaling_laws.optimum import Floats, positive

DAYS_PER_YEAR: Final = 365.25

# The FLOP that a fixed performance takes halve in about 8 months, 95 % from 5 to 14, 2012 to 2023.
ALGORITHMS_HALVE_IN_MONTHS: Final = 8.0
ALGORITHMS_SOURCE: Final = "Ho et al. 2024, arXiv:2403.05812: 8 months, 95 % from 5 to 14"
# FLOP/s per dollar of GPUs used in machine learning double in 2.07 years, 95 % from 1.54 to 3.13, 2006 to 2021.
PRICES_HALVE_IN_YEARS: Final = 2.07
PRICES_SOURCE: Final = (
    "Hobbhahn and Besiroglu, Epoch AI 2022, GPU price-performance: 2.07 years, 95 % from 1.54 to 3.13"
)


@dataclass(frozen=True, slots=True)
class Need:
    """What one loss takes in later years: all (year,). `flop` counts computed FLOP, `usd` what they cost."""

    on: tuple[date, ...]
    flop: Floats
    usd_per_flop: Floats
    usd: Floats


def need_over_years(
    flop: ArrayLike,
    usd_per_flop: ArrayLike,
    on: tuple[date, ...],
    *,
    algorithms_from: date,
    prices_from: date,
    algorithms_halve_in_years: float | None,
    prices_halve_in_years: float | None,
) -> Need:
    """The FLOP that a loss takes on each day, and their price, if both trends went on: 2^(−years/halving).

    `flop` is what the law says for the day `algorithms_from`, `usd_per_flop` the price on `prices_from`; None for a
    halving holds its trend still. Trends are means of the past: nobody knows that they go on.
    """
    compute = float(positive(flop, "flop")) * _halved(on, algorithms_from, algorithms_halve_in_years)
    price = float(positive(usd_per_flop, "price per FLOP")) * _halved(on, prices_from, prices_halve_in_years)
    return Need(on, compute, price, compute * price)


def _halved(on: tuple[date, ...], begins: date, halving_years: float | None) -> Floats:
    if halving_years is None:
        return np.ones(len(on))
    years = np.array([(day - begins).days / DAYS_PER_YEAR for day in on])
    return np.exp2(-years / float(positive(halving_years, "halving")))
