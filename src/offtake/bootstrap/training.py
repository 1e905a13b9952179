"""Questions about training runs: published ones beside their predictions, those of an estate, and later years."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

if TYPE_CHECKING:
    from offtake.demand.training.chain import TrainingChain
    from offtake.demand.training.effective import Need
    from offtake.demand.training.published_runs import Prediction


def published() -> tuple[Prediction, ...]:
    """Every published run with its prediction."""
    from offtake.demand.training.published_runs import RUNS, predicted

    return tuple(predicted(run) for run in RUNS)


def chains(estate: Estate, run: str | None, accelerator: str | None) -> tuple[TrainingChain, ...]:
    """From loss to money, for one run or every one. Raises InvalidInput for an unknown run or accelerator."""
    from offtake.demand.training.chain import training_chain
    from offtake.domain.workloads import TrainingRun

    known = [id for id, one in estate.workloads.items() if isinstance(one, TrainingRun)]
    if run is None and not known:
        raise InvalidInput("the estate has no training run", hint="add one under `workloads:`")
    return tuple(training_chain(estate, id, accelerator) for id in (known if run is None else [run]))


def later(
    flop: float,
    chip: str,
    years: tuple[int, int],
    algorithms_from: date,
    algorithms_halve_in_years: float | None,
    prices_halve_in_years: float | None,
) -> Need:
    """What a loss takes at the start of each year on rented chips. Raises InvalidInput for an unknown chip."""
    from offtake.demand.training.effective import need_over_years
    from offtake.demand.training.resolving import DEFAULT_SCALE
    from offtake.demand.training.utilisation import CHIPS, typical_goodput, typical_mfu

    begin, end = years
    if not 1950 <= begin < end <= 2200:
        raise InvalidInput(f"{begin} to {end} are no years to show", hint="--from 2025 --until 2031")
    mfu, goodput = typical_mfu(chip, DEFAULT_SCALE), typical_goodput(chip, DEFAULT_SCALE)
    one = CHIPS[chip]
    useful = one.peak_flop_per_s * mfu.share * goodput.share * 3600.0
    return need_over_years(
        flop,
        one.usd_per_hour / useful,
        tuple(date(year, 1, 1) for year in range(begin, end)),
        algorithms_from=algorithms_from,
        prices_from=date(begin, 1, 1),
        algorithms_halve_in_years=algorithms_halve_in_years,
        prices_halve_in_years=prices_halve_in_years,
    )
