"""Questions about scaling laws: published ones by name, and one fitted to runs in a file."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.demand.scaling_laws.published import LAWS, Law, law_named
from offtake.domain.errors import InvalidInput
from offtake.domain.quantities import QuantityError, parse_figure

if TYPE_CHECKING:
    from offtake.adapters.scaling_points import ScalingPoints
    from offtake.demand.scaling_laws.fitting import Fit, Unidentifiable
    from offtake.demand.scaling_laws.optimum import Optimum

_CONSTANTS = ("E", "A", "B", "alpha", "beta")
_GIVEN = "constants as given"
_KINDS = {"parameters": "parameters", "tokens": "tokens", "flop": "flop", "loss": "number"}


def amount(text: str, what: str) -> float:
    """A number as `5.76e23`, or a quantity as `70 billion` or `1.4 trillion tokens`. Raises InvalidInput for others."""
    try:
        return float(text.replace("_", ""))
    except ValueError:
        pass
    try:
        return parse_figure(text, _KINDS[what]).value
    except QuantityError as error:
        raise InvalidInput(f"{what}: {error.problem}", hint=f"write `{error.expected}`, or 5e24") from None


def law(name: str) -> Law:
    """A published law by its name, or one of one's own as `E,A,B,alpha,beta`.

    Raises InvalidInput with the nearest name, or for a constant that is not above zero.
    """
    if "," not in name:
        return law_named(name)
    from offtake.demand.scaling_laws.parametric import ParametricLaw

    try:
        constants = [float(text) for text in name.split(",")]
    except ValueError:
        constants = []
    if len(constants) != len(_CONSTANTS):
        raise InvalidInput(
            f"`{name}` is no law",
            hint="write its constants as E,A,B,alpha,beta, or a name of `offtake laws list`",
        )
    return ParametricLaw(name, *constants, source=_GIVEN)


def laws() -> Mapping[str, Law]:
    """Every published law by name."""
    return LAWS


def flop_for_loss(name: str, loss: float) -> float:
    """The fewest FLOP that reach a loss. Raises InvalidInput for a law without losses, or one out of reach."""
    from offtake.demand.scaling_laws.frontier import FrontierLaw
    from offtake.demand.scaling_laws.repeated import RepeatedDataLaw

    one = law(name)
    if isinstance(one, FrontierLaw):
        raise one.no_loss()
    return float((one.base if isinstance(one, RepeatedDataLaw) else one).for_loss(loss).flop)


def frontier(of: Law, low: float, high: float) -> Optimum:
    """The best runs of a law for 81 budgets from `low` to `high` FLOP; as if no token were read twice."""
    import numpy as np

    from offtake.demand.scaling_laws.repeated import RepeatedDataLaw

    return (of.base if isinstance(of, RepeatedDataLaw) else of).for_flop(np.geomspace(low, high, 81))


def points(path: Path, drop_highest: int) -> ScalingPoints:
    """The runs in a CSV without those of highest loss. Raises InvalidInput, with line and column."""
    from offtake.adapters.scaling_points import read_points

    return read_points(path).without_highest(drop_highest)


def fit(
    runs: ScalingPoints, resamples: int, seed: int, progress: Callable[[int, int], None] | None
) -> Fit | Unidentifiable:
    """The law that fits the runs, or why they do not tell."""
    from offtake.demand.scaling_laws.fitting import fit_law

    return fit_law(runs.parameters, runs.tokens, runs.loss, resamples=resamples, seed=seed, progress=progress)


def check_picture(path: Path) -> None:
    """Raises InvalidInput if a file's ending says no kind of picture."""
    from offtake.adapters.pictures import check_ending

    check_ending(path)


def draw_fit(found: Fit, runs: ScalingPoints, source: str, path: Path) -> None:
    """Writes the fit's figure. Raises StorageFailure if it cannot be written."""
    from offtake.adapters.law_figures import fit_figure
    from offtake.adapters.pictures import write_picture

    write_picture(fit_figure(found, runs, source), path)


def draw_frontiers(frontiers: Mapping[str, Optimum], path: Path) -> None:
    """Writes the figure of several laws' optima. Raises StorageFailure if it cannot be written."""
    from offtake.adapters.law_figures import frontier_figure
    from offtake.adapters.pictures import write_picture

    sources = "; ".join(dict.fromkeys(law(name).source.split(",")[0] for name in frontiers))
    write_picture(frontier_figure(frontiers, sources), path)
