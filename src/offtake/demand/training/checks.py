"""What can be wrong with laws, and with runs that are given by a loss or by money. Pure: an estate in, findings out."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from offtake.demand.scaling_laws.parametric import ParametricLaw
from offtake.demand.scaling_laws.published import LAWS
from offtake.demand.training.resolving import (
    DEFAULT_LAW,
    LOSS_LAWS,
    law_of,
    size_of,
    usd_per_flop,
)
from offtake.demand.training.utilisation import CHIPS
from offtake.domain.checks.findings import Finding, close_match, error, warning
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.scaling import LossLaw
from offtake.domain.workloads import TrainingRun

_CONSTANTS: Final = ("irreducible", "parameter_scale", "token_scale", "alpha", "beta")
_MOST_FLOP: Final = 1e35  # What no plan can mean: a hundred million times all that is planned anywhere.


def check_training(estate: Estate) -> Iterator[Finding]:
    """Laws without constants or with a published one's name, losses out of reach, money without a price by the hour.

    The estate must be free of the errors of `offtake.domain.checks`.
    """
    for id, accelerator in estate.accelerators.items():
        like = accelerator.trains_like
        if like is not None and like not in CHIPS:
            path = ("accelerators", id, "trains_like")
            message = f"nothing measured is known of `{like}` in training"
            near = close_match(like, CHIPS)
            yield Finding("error", "unknown-chip", path, message, ", ".join(CHIPS), near)
    sound: set[str] = set()
    for id, law in estate.laws.items():
        found = tuple(_law(id, law))
        yield from found
        if not found:
            sound.add(id)
    for id, run in estate.workloads.items():
        if isinstance(run, TrainingRun):
            yield from _run(estate, id, run, sound)


def _law(id: str, law: LossLaw) -> Iterator[Finding]:
    path = ("laws", id)
    if id in LAWS:
        message = f"`{id}` is the name of a published law"
        yield Finding(
            "error", "taken-name", path, message, f"another name, with `published: {id}`", at_key=True
        )
    given = [name for name in _CONSTANTS if getattr(law, name) is not None]
    missing = [name for name in _CONSTANTS if name not in given]
    if law.published is not None:
        if given:
            message = f"a published law has its own `{given[0]}`"
            yield error("given-twice", (*path, given[0]), message, "`published`, or all five constants")
        if law.published not in LOSS_LAWS:
            known = law.published in LAWS
            message = f"`{law.published}` states no loss" if known else f"no law is called `{law.published}`"
            near = None if known else close_match(law.published, LOSS_LAWS)
            where = (*path, "published")
            yield Finding("error", "unknown-law", where, message, ", ".join(LOSS_LAWS), near)
    elif missing:
        message = f"a law needs `published`, or its constants: `{missing[0]}` is missing"
        yield error("figures-missing", path, message, "`published: besiroglu`")
    if (law.halving is None) != (law.begins is None):
        key = "halving" if law.begins is None else "from"
        message = "progress of algorithms is a `halving` of the FLOP that is counted `from` a day"
        yield error("figures-missing", (*path, key), message, "`{halving: 8 months, from: 2024-03-01}`")


def _run(estate: Estate, id: str, run: TrainingRun, sound: set[str]) -> Iterator[Finding]:
    path = ("workloads", id)
    if run.law is not None and run.law not in estate.laws and run.law not in LOSS_LAWS:
        known = (*estate.laws, *LOSS_LAWS)
        message = (
            f"`{run.law}` states no loss"
            if run.law in LAWS
            else f"neither the estate nor a paper has a law `{run.law}`"
        )
        where = (*path, "law")
        yield Finding("error", "unknown-law", where, message, ", ".join(known), close_match(run.law, known))
        return
    if run.law in estate.laws and run.law not in sound:
        return  # What is wrong with the law is said there.
    if run.loss is not None:
        yield from _loss(estate, path, run)
    if run.law is not None and run.loss is None:
        message = "a law says nothing about a run that states no loss"
        yield warning("idle", (*path, "law"), message, "`loss: 1.9`")
    if run.money is not None:
        yield from _money(estate, path, run)


def _loss(estate: Estate, path: tuple[str, str], run: TrainingRun) -> Iterator[Finding]:
    if run.loss is None:
        return
    where = (*path, "loss")
    law, _ = law_of(estate, run)
    name = run.law or DEFAULT_LAW
    if isinstance(law, ParametricLaw) and run.loss.value <= law.irreducible:
        message = (
            f"no run reaches a loss of {run.loss}: the irreducible loss of `{name}` is {law.irreducible:.4g}"
        )
        yield error("out-of-reach", where, message, f"a loss above {law.irreducible:.4g}")
        return
    try:
        flop = size_of(law, run)[2]
    except InvalidInput as problem:
        yield error("out-of-reach", where, problem.message, "a higher loss, or neither size nor tokens")
        return
    if not flop < _MOST_FLOP:
        message = f"a loss of {run.loss} takes {flop:.1e} FLOP under `{name}`: more than can be planned"
        yield error("out-of-reach", where, message, f"a loss above {run.loss}")


def _money(estate: Estate, path: tuple[str, str], run: TrainingRun) -> Iterator[Finding]:
    try:
        price = usd_per_flop(estate, run)
    except InvalidInput as problem:
        yield error("no-rate", (*path, "money"), problem.message, problem.hint)
        return
    if price is None or price[0] <= 0:
        message = (
            f"no product sells accelerators by the hour on {run.window.begins} that this run may use, with a price, a "
            f"peak in {run.precision} and an MFU: money cannot be turned into FLOP"
        )
        yield error(
            "no-price", (*path, "money"), message, "`flop: 5e25 FLOP`, or a product of accelerator-hours"
        )
