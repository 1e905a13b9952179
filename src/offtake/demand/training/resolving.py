"""Training runs given by loss or money as FLOP, so that planner, law and report know of FLOP alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.demand.scaling_laws.kaplan import KaplanLaw
from offtake.demand.scaling_laws.optimum import training_flop
from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.demand.scaling_laws.published import LAWS
from offtake.demand.scaling_laws.repeated import RepeatedDataLaw
from offtake.demand.training.utilisation import typical_goodput, typical_mfu
from offtake.domain.currencies import rates_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Accelerator, AcceleratorHours, Estate
from offtake.domain.quantities import Figure
from offtake.domain.scaling import LossLaw
from offtake.domain.workloads import TrainingRun

DEFAULT_LAW: Final = "besiroglu"
DEFAULT_SCALE: Final = 16_384.0
DAYS_PER_YEAR: Final = 365.25
_SECONDS_PER_HOUR: Final = 3600.0

LossLawForm = ParametricLaw | KaplanLaw
"""A law that states losses."""

LOSS_LAWS: Final[Mapping[str, LossLawForm]] = {
    name: law.base if isinstance(law, RepeatedDataLaw) else law
    for name, law in LAWS.items()
    if isinstance(law, LossLawForm | RepeatedDataLaw)
}


def resolved(estate: Estate) -> Estate:
    """The estate with the FLOP of every run that states a loss or money, and with MFU and goodput where an
    accelerator takes those of a measured kind; the same object if there is nothing to do.

    Runs keep what they state. The estate must be free of errors, those of `check_training` among them.
    """
    accelerators = {id: _with_utilisation(one) for id, one in estate.accelerators.items()}
    if any(accelerators[id] is not one for id, one in estate.accelerators.items()):
        estate = estate.model_copy(update={"accelerators": accelerators})
    made = {
        id: run.model_copy(update={"flop": flop})
        for id, run in estate.workloads.items()
        if isinstance(run, TrainingRun) and (flop := flop_figure(estate, run)) is not None
    }
    return estate.model_copy(update={"workloads": {**estate.workloads, **made}}) if made else estate


def law_of(estate: Estate, run: TrainingRun) -> tuple[LossLawForm, LossLaw | None]:
    """The law of a run, and the estate's entry for it if it is no published one. Raises InvalidInput for none."""
    name = run.law or DEFAULT_LAW
    entry = estate.laws.get(name)
    if entry is not None:
        return form_of(name, entry), entry
    if name not in LOSS_LAWS:
        raise InvalidInput(f"no law of losses is called `{name}`", hint=f"laws: {', '.join(LOSS_LAWS)}")
    return LOSS_LAWS[name], None


def form_of(name: str, entry: LossLaw) -> LossLawForm:
    """An estate's law as a law. Raises InvalidInput if it is neither a published one nor has all its constants."""
    if entry.published is not None:
        found = LOSS_LAWS.get(entry.published)
        if found is None:
            raise InvalidInput(f"no law of losses is called `{entry.published}`")
        return found
    given = (entry.irreducible, entry.parameter_scale, entry.token_scale, entry.alpha, entry.beta)
    constants = [one.value for one in given if one is not None]
    if len(constants) < len(given):
        raise InvalidInput(f"law `{name}` lacks constants")
    return ParametricLaw(name, *constants, source=entry.source or "stated in the estate")


def size_of(law: LossLawForm, run: TrainingRun) -> tuple[float, float, float]:
    """N, D and FLOP of the run that reaches the run's loss; without progress. Raises InvalidInput out of reach."""
    if run.loss is None:
        raise InvalidInput("the run states no loss")
    loss = run.loss.value
    if run.parameters is None and run.tokens is None:
        best = law.for_loss(loss)
        return float(best.parameters), float(best.tokens), float(best.flop)
    if not isinstance(law, ParametricLaw):
        raise InvalidInput(f"`{law.name}` gives no size for a loss and a number of tokens, or the reverse")
    if run.parameters is not None:
        n = run.parameters.value
        d = float(law.tokens_for(loss, n))
    else:
        d = 0.0 if run.tokens is None else run.tokens.value
        n = float(law.parameters_for(loss, d))
    if n == float("inf") or d == float("inf"):
        what = "size" if run.parameters is not None else "number of tokens"
        raise InvalidInput(f"a loss of {loss:g} is out of reach for this {what} under `{law.name}`")
    return n, d, float(training_flop(n, d))


def progress_factor(entry: LossLaw | None, on: date) -> float:
    """What better algorithms leave of the FLOP that a loss takes: 2^(−years/halving) from the law's day to `on`."""
    if entry is None or entry.halving is None or entry.begins is None:
        return 1.0
    return 2.0 ** (-(on - entry.begins).days / entry.halving.approximate_days)


def flop_figure(estate: Estate, run: TrainingRun) -> Figure | None:
    """The FLOP of a run that states a loss or money, with their provenance; None for any other run."""
    if run.flop is not None:
        return None
    if run.loss is not None:
        law, entry = law_of(estate, run)
        flop = size_of(law, run)[2] * progress_factor(entry, run.window.begins)
        assumed = run.loss.assumed or (entry is not None and entry.assumed)
        return _flop(
            flop, f"loss of {run.loss.text} under {run.law or DEFAULT_LAW}", run.loss, assumed=assumed
        )
    if run.money is not None:
        price = usd_per_flop(estate, run)
        if price is None:
            raise InvalidInput("no price by the hour turns the run's money into FLOP")
        return _flop(run.money.value / price[0], f"{run.money.text} on {price[1]}", run.money)
    return None


def _flop(amount: float, text: str, stated: Figure, *, assumed: bool = False) -> Figure:
    made = Figure(Decimal(repr(amount)), "FLOP", "flop", text)
    return replace(made, source=stated.source, assumed=assumed or stated.assumed)


def usd_per_flop(estate: Estate, run: TrainingRun) -> tuple[float, str] | None:
    """The least price of a useful FLOP by the hour on the window's first day, in the money's currency, and the product.

    None if no product of accelerator-hours that the run may use has a price, a peak in its precision and an MFU.
    """
    found: list[tuple[float, str]] = []
    currency = run.money.currency if run.money is not None else estate.currency
    on = run.window.begins
    for id, product in estate.products.items():
        if not isinstance(product, AcceleratorHours):
            continue
        accelerator = estate.accelerators.get(product.accelerator)
        price = product.price.at(on)
        if accelerator is None or price is None or price.currency is None:
            continue
        useful = useful_flop_per_hour(run, product.accelerator, accelerator)
        if useful > 0:
            amount = rates_of(estate).convert(price.amount, price.currency, currency or estate.currency, on)
            found.append((float(amount) / useful, id))
    return min(found, default=None)


def useful_flop_per_hour(run: TrainingRun, kind: str, accelerator: Accelerator) -> float:
    """Peak × MFU × goodput of one accelerator in an hour; 0 where the run cannot use it. The planner's own rule."""
    peak = accelerator.peak.get(run.precision)
    accelerator = _with_utilisation(accelerator)
    mfu, goodput = run.mfu or accelerator.mfu, run.goodput or accelerator.goodput
    if (run.accelerators and kind not in run.accelerators) or peak is None or mfu is None:
        return 0.0
    return peak.value * mfu.value * (1.0 if goodput is None else goodput.value) * _SECONDS_PER_HOUR


def _with_utilisation(accelerator: Accelerator) -> Accelerator:
    """The accelerator with what it takes from a measured kind at its scale, where it states nothing itself."""
    if accelerator.trains_like is None:
        return accelerator
    scale = DEFAULT_SCALE if accelerator.trains_at is None else accelerator.trains_at.value
    update: dict[str, Figure] = {}
    for name, measured in (
        ("mfu", typical_mfu(accelerator.trains_like, scale)),
        ("goodput", typical_goodput(accelerator.trains_like, scale)),
    ):
        if getattr(accelerator, name) is None:
            update[name] = Figure(
                Decimal(repr(round(measured.share, 6))),
                "one",
                "share",
                f"{measured.share:.1%} as {accelerator.trains_like}",
                source=None if measured.assumed else measured.source,
                assumed=measured.assumed,
            )
    return accelerator.model_copy(update=update) if update else accelerator
