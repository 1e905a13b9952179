"""From a loss to money in one chain: loss, size, tokens, FLOP, accelerators, power, price; each with its source."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from offtake.demand.links import Link, provenance
from offtake.demand.training.resolving import (
    DEFAULT_LAW,
    law_of,
    progress_factor,
    size_of,
    usd_per_flop,
    useful_flop_per_hour,
)
from offtake.domain.checks.serving import kinds_at_hand
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Accelerator, Estate
from offtake.domain.workloads import TrainingRun

KAPLAN_SOURCE: Final = "Kaplan et al. 2020, arXiv:2001.08361, section 2.1"
_HOURS_PER_DAY: Final = 24.0


@dataclass(frozen=True, slots=True)
class TrainingChain:
    """A run's need. `accelerator` is None where no accelerator that it may use states peak and MFU."""

    run: str
    accelerator: str | None
    links: tuple[Link, ...]

    def value(self, name: str) -> float | None:
        """The number of a link by its name, or None if the chain has no such link."""
        return next((link.value for link in self.links if link.name == name), None)


def training_chain(estate: Estate, run_id: str, accelerator: str | None = None) -> TrainingChain:
    """The chain of one run; `estate` is one that was loaded, so that its runs have their FLOP.

    The accelerator is the one named, or else the one at hand that needs least power for a useful FLOP (each counts the
    same where none is stated). Raises InvalidInput if there is no such run, or it cannot use that accelerator.
    """
    run = estate.workloads.get(run_id)
    if not isinstance(run, TrainingRun):
        known = (
            ", ".join(id for id, one in estate.workloads.items() if isinstance(one, TrainingRun)) or "none"
        )
        raise InvalidInput(f"there is no training run `{run_id}`", hint=f"runs of the estate: {known}")
    links, flop = _compute(estate, run)
    kind = _accelerator(estate, run, accelerator)
    if kind is not None:
        links += _machines(run, kind, estate.accelerators[kind], flop)
    return TrainingChain(run_id, kind, tuple(links))


def _compute(estate: Estate, run: TrainingRun) -> tuple[list[Link], float]:
    """The links from what the run states to its FLOP, and the FLOP."""
    if run.loss is not None:
        return _from_loss(estate, run)
    if run.money is not None and run.flop is not None:
        links = [
            Link(
                "money",
                run.money.value,
                run.money.currency or estate.currency,
                "stated",
                *provenance(run.money, run),
            )
        ]
        price = usd_per_flop(estate, run)
        product = "" if price is None else f" on {price[1]}"
        flop = run.flop.value
        return [*links, Link("training FLOP", flop, "FLOP", f"rent by the hour{product}")], flop
    if run.flop is not None:
        return [
            Link("training FLOP", run.flop.value, "FLOP", "stated", *provenance(run.flop, run))
        ], run.flop.value
    if run.parameters is None or run.tokens is None:
        raise InvalidInput("the run has no size")
    flop = 6.0 * run.parameters.value * run.tokens.value
    return [
        Link("parameters", run.parameters.value, "", "stated", *provenance(run.parameters, run)),
        Link("tokens", run.tokens.value, "tokens", "stated", *provenance(run.tokens, run)),
        Link("training FLOP", flop, "FLOP", "6 × parameters × tokens", KAPLAN_SOURCE),
    ], flop


def _from_loss(estate: Estate, run: TrainingRun) -> tuple[list[Link], float]:
    law, entry = law_of(estate, run)
    n, d, flop = size_of(law, run)
    factor = progress_factor(entry, run.window.begins)
    loss = run.loss
    if loss is None:
        raise InvalidInput("the run states no loss")
    source = (entry.source or law.source) if entry is not None and entry.published is None else law.source
    name = run.law or DEFAULT_LAW
    how = {True: f"the cheapest run under `{name}`", False: f"under `{name}`"}[
        run.parameters is None and run.tokens is None
    ]
    links = [
        Link("target loss", loss.value, "nats/token", "stated", *provenance(loss, run)),
        Link("parameters", n, "", how if run.parameters is None else "stated", source),
        Link("tokens", d, "tokens", how if run.tokens is None else "stated", source),
        Link("training FLOP", flop, "FLOP", "6 × parameters × tokens", KAPLAN_SOURCE),
    ]
    if entry is not None and factor != 1.0:
        halving = "" if entry.halving is None else f", halving in {entry.halving.text} from {entry.begins}"
        links.append(
            Link(
                "FLOP with better algorithms",
                flop * factor,
                "FLOP",
                f"× {factor:.3g}{halving}",
                entry.source,
                entry.assumed,
            )
        )
    stated = run.flop.value if run.flop is not None else flop * factor
    if (
        abs(stated / (flop * factor) - 1.0) > 1e-9
    ):  # An estate changed by a supposition, such as demand × 1.5.
        links.append(Link("FLOP supposed", stated, "FLOP", f"× {stated / (flop * factor):.3g}"))
    return links, stated


def _machines(run: TrainingRun, kind: str, accelerator: Accelerator, flop: float) -> list[Link]:
    mfu, goodput = run.mfu or accelerator.mfu, run.goodput or accelerator.goodput
    peak = accelerator.peak[run.precision]
    useful = useful_flop_per_hour(run, kind, accelerator)
    days = (run.window.ends - run.window.begins).days
    count = flop / useful / (days * _HOURS_PER_DAY)
    how = f"{kind}: {peak.text} × MFU {mfu.text if mfu else '?'} × goodput {goodput.text if goodput else '100 %'}"
    share = mfu if mfu is not None else peak
    links = [
        Link("useful FLOP of one", useful / 3600.0, "FLOP/s", how, *provenance(share, accelerator)),
        Link("accelerator-hours", flop / useful, f"{kind}-hours", "FLOP / useful FLOP"),
        Link("accelerators", count, kind, f"over {days} days, {run.window.begins} to {run.window.ends}"),
    ]
    if accelerator.power is not None:
        power = count * accelerator.power.value
        how = f"× {accelerator.power.text} of IT power"
        links.append(Link("power", power, "MW", how, *provenance(accelerator.power, accelerator)))
    price = None if accelerator.price is None else accelerator.price.at(run.window.begins)
    if price is not None:
        unit = price.currency or "USD"
        links.append(
            Link("to buy", count * price.value, unit, f"× {price.text}", *provenance(price, accelerator))
        )
        life = 0.0 if accelerator.life is None else accelerator.life.approximate_days
        if life > days and accelerator.life is not None:
            part = count * price.value * days / life
            how = f"× {days} days of {accelerator.life.text}"
            links.append(
                Link("the run's part of it", part, unit, how, accelerator.source, accelerator.assumed)
            )
    return links


def _accelerator(estate: Estate, run: TrainingRun, asked: str | None) -> str | None:
    at_hand = kinds_at_hand(estate)
    usable = {
        kind: useful
        for kind, one in estate.accelerators.items()
        if (kind in at_hand or kind == asked) and (useful := useful_flop_per_hour(run, kind, one)) > 0
    }
    if asked is not None:
        if asked not in usable:
            known = ", ".join(usable) or "none"
            raise InvalidInput(f"the run cannot use `{asked}`", hint=f"accelerators that it can: {known}")
        return asked

    def weight(kind: str) -> tuple[float, str]:
        power = estate.accelerators[kind].power
        return (1.0 if power is None else power.value) / usable[kind], kind

    return min(usable, key=weight, default=None)
