"""From FLOP to accelerator-hours, days, energy and money."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

SECONDS_PER_HOUR: Final = 3600.0
HOURS_PER_DAY: Final = 24.0
WATTS_PER_MEGAWATT: Final = 1e6


@dataclass(frozen=True, slots=True)
class RunCost:
    """What a run takes: days are None where nobody says on how many accelerators it runs."""

    accelerator_hours: float
    days: float | None
    energy_mwh: float
    usd: float


def accelerator_hours(flop: float, peak_flop_per_s: float, mfu: float, goodput: float) -> float:
    """Hours of one accelerator for so many FLOP: C / (peak × MFU × goodput × 3,600)."""
    return flop / (peak_flop_per_s * mfu * goodput * SECONDS_PER_HOUR)


def run_cost(
    hours: float, accelerators: float | None, power_w: float, pue: float, usd_per_hour: float
) -> RunCost:
    """Days on so many accelerators, energy at the meter (IT power × PUE), and rent."""
    return RunCost(
        hours,
        None if accelerators is None else hours / accelerators / HOURS_PER_DAY,
        hours * power_w * pue / WATTS_PER_MEGAWATT,
        hours * usd_per_hour,
    )
