"""Whether what is needed could be met at all: models with supplies, deployments with products, rounds with
times."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from offtake.domain.checks.findings import Finding, error, listed, warning
from offtake.domain.estate import AcceleratorHours, Deployment, Estate, ProvisionedUnits
from offtake.domain.workloads import InferenceClass, TrainingRun

TOKENS_TAKEN_BY: Final = ("azure", "openai", "mistral")


def check_serving(estate: Estate) -> Iterator[Finding]:
    """Deployments without a product that serves their model, needs without any supply, runs without a
    size."""
    for id, deployment in estate.deployments.items():
        yield from _deployment(estate, id, deployment)
    at_hand = kinds_at_hand(estate)
    deployed = frozenset(deployment.model for deployment in estate.deployments.values())
    for id, workload in estate.workloads.items():
        if isinstance(workload, InferenceClass):
            yield from _inference(estate, id, workload, at_hand, deployed)
        else:
            yield from _training(estate, id, workload, at_hand)


def _endpoint(id: str, deployment: Deployment) -> Iterator[Finding]:
    endpoint = deployment.endpoint
    if endpoint is None or endpoint.token is None:
        return
    path = ("deployments", id, "endpoint", "token")
    if endpoint.key is not None:
        message = "the endpoint has a `key` and a `token`: one of them proves who asks"
        yield error("two-proofs", path, message, "a `key`, or a `token`")
    if endpoint.dialect not in TOKENS_TAKEN_BY:
        message = f"`{endpoint.dialect}` takes no token"
        yield error("wrong-proof", path, message, f"a `key`; tokens are taken by {listed(TOKENS_TAKEN_BY)}")


def _deployment(estate: Estate, id: str, deployment: Deployment) -> Iterator[Finding]:
    yield from _endpoint(id, deployment)
    for place, name in enumerate(deployment.products):
        product = estate.products.get(name)
        path = ("deployments", id, "products", place)
        if product is None:
            continue
        if isinstance(product, AcceleratorHours):
            message = (
                f"`{name}` sells accelerators by the hour; a deployment draws on tokens or provisioned units"
            )
            yield error("wrong-product", path, message, "a product of `kind: tokens` or `kind: provisioned`")
            continue
        served = product.throughput if isinstance(product, ProvisionedUnits) else product.prices
        if deployment.model not in served:
            message = f"`{name}` does not serve `{deployment.model}`; it serves {listed(served)}"
            key = "throughput" if isinstance(product, ProvisionedUnits) else "prices"
            yield error("wrong-product", path, message, f"`{deployment.model}` under `products.{name}.{key}`")
        if product.provider != deployment.provider:
            message = (
                f"`{name}` is sold by `{product.provider}`, the deployment is at `{deployment.provider}`"
            )
            yield warning("wrong-provider", path, message)


def kinds_at_hand(estate: Estate) -> frozenset[str]:
    """The kinds of accelerator that stand, may be built or may be leased anywhere."""
    at_sites = {s.accelerator for site in estate.sites.values() for s in site.stock}
    to_build = {kind for site in estate.sites.values() for kind in site.builds}
    leased = {p.accelerator for p in estate.products.values() if isinstance(p, AcceleratorHours)}
    return frozenset(at_sites | to_build | leased)


def _inference(
    estate: Estate, id: str, workload: InferenceClass, at_hand: frozenset[str], deployed: frozenset[str]
) -> Iterator[Finding]:
    for model in workload.models:
        rates = estate.models[model].rates if model in estate.models else {}
        if model in deployed or at_hand & set(rates):
            return
    message = f"nothing serves {listed(workload.models)}: all of `{id}` will be unmet"
    expected = "a deployment of the model, or its rate on an accelerator that stands or may be had"
    yield warning("no-supply", ("workloads", id, "models"), message, expected)


def _training(estate: Estate, id: str, run: TrainingRun, at_hand: frozenset[str]) -> Iterator[Finding]:
    path = ("workloads", id)
    yield from _size(path, run)
    if run.minimum is not None and run.maximum is not None and run.maximum.amount < run.minimum.amount:
        yield error(
            "range", (*path, "maximum"), f"`maximum` ({run.maximum}) is below `minimum` ({run.minimum})"
        )
    usable = set(at_hand)
    if run.accelerators:
        usable &= set(run.accelerators)
    known = {kind: estate.accelerators[kind] for kind in sorted(usable) if kind in estate.accelerators}
    if not known:
        message = f"no accelerator that `{id}` may use stands or may be had: all of it will be undone"
        yield warning("no-supply", path, message)
        return
    if not any(run.precision in accelerator.peak for accelerator in known.values()):
        message = f"no accelerator at hand states its peak in {run.precision}: all of `{id}` will be undone"
        yield warning(
            "no-supply", path, message, f"`peak: {{{run.precision}: 2.5 PFLOP/s}}` of {listed(known)}"
        )
    elif run.mfu is None and not any(one.mfu or one.trains_like for one in known.values()):
        message = f"neither `{id}` nor an accelerator states `mfu`"
        yield warning("figures-missing", path, message, "`mfu: 40 %`")


def _size(path: tuple[str, str], run: TrainingRun) -> Iterator[Finding]:
    """A run is given in one way: FLOP, parameters and tokens, a loss, or money."""
    ways = [key for key in ("flop", "loss", "money") if getattr(run, key) is not None]
    both = run.parameters is not None and run.tokens is not None
    if not ways and not both:
        message = "a run needs `flop`, or both `parameters` and `tokens`, or `loss`, or `money`"
        yield error("figures-missing", path, message, "`flop: 5e25 FLOP`")
    elif len(ways) > 1:
        message = f"a run is given by {' and by '.join(f'`{way}`' for way in ways)}: one of them is enough"
        yield error("given-twice", (*path, ways[1]), message)
    elif both and ways in (["loss"], ["money"]):
        message = f"`parameters` and `tokens` already say the FLOP, and so does `{ways[0]}`"
        yield error("given-twice", (*path, ways[0]), message, "at most one of the two beside a `loss`")
