"""What an estate's workloads and supplies look like to the law."""

from __future__ import annotations

from collections.abc import Iterable

from offtake.domain.areas import countries
from offtake.domain.estate import AcceleratorHours, Deployment, Estate, Site
from offtake.domain.selection import SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass, TrainingRun


def party_of(estate: Estate, provider: str | None) -> str | None:
    """The party behind a provider: the one it names, else itself."""
    if provider is None:
        return None
    entry = estate.providers.get(provider)
    return provider if entry is None or entry.party is None else entry.party


def _countries(estate: Estate, names: Iterable[str] | None) -> frozenset[str] | None:
    if names is None:
        return None
    return countries(names, estate.areas, {id: region.jurisdiction for id, region in estate.regions.items()})


def site_supply(estate: Estate, site_id: str, accelerator: str) -> SupplyFacts:
    """A kind of accelerator at a site: it processes where it stands."""
    site: Site = estate.sites[site_id]
    return SupplyFacts(
        id=f"{site_id}/{accelerator}",
        form="owned",
        provider=site.provider,
        party=site.owner or party_of(estate, site.provider),
        site=site_id,
        region=site.region,
        accelerator=accelerator,
        may_process_in=_countries(estate, (site.region,)),
        rests_in=_countries(estate, site.rests_in if site.rests_in is not None else (site.region,)),
        logs_in=_countries(estate, site.logs_in),
    )


def leased_supply(estate: Estate, product_id: str, product: AcceleratorHours) -> SupplyFacts:
    """Accelerators leased by the hour: they process where they stand, unless the product says otherwise."""
    return SupplyFacts(
        id=product_id,
        form="leased",
        provider=product.provider,
        party=party_of(estate, product.provider),
        site=product.site,
        region=product.region,
        accelerator=product.accelerator,
        product=product_id,
        may_process_in=_countries(estate, product.may_process_in or (product.region,)),
        rests_in=_countries(estate, product.rests_in or (product.region,)),
        logs_in=_countries(estate, product.logs_in),
    )


def deployed_supply(estate: Estate, deployment_id: str, product_id: str) -> SupplyFacts:
    """A deployment drawing on a product; where it may process is known only if it is stated."""
    deployment: Deployment = estate.deployments[deployment_id]
    form = "provisioned" if estate.products[product_id].kind == "provisioned" else "tokens"
    return SupplyFacts(
        id=f"{deployment_id}/{product_id}",
        form=form,
        provider=deployment.provider,
        party=party_of(estate, deployment.provider),
        region=deployment.region,
        product=product_id,
        deployment=deployment_id,
        may_process_in=_countries(estate, deployment.may_process_in),
        rests_in=_countries(estate, deployment.rests_in),
        logs_in=_countries(estate, deployment.logs_in),
    )


def supplies(estate: Estate) -> tuple[SupplyFacts, ...]:
    """Every supply of the estate: kinds at sites, leased products, and deployments by product, in the file's
    order."""
    found: list[SupplyFacts] = []
    for site_id, site in estate.sites.items():
        kinds = dict.fromkeys((*(stock.accelerator for stock in site.stock), *site.builds))
        found.extend(site_supply(estate, site_id, kind) for kind in kinds)
    for product_id, product in estate.products.items():
        if isinstance(product, AcceleratorHours):
            found.append(leased_supply(estate, product_id, product))
    for deployment_id, deployment in estate.deployments.items():
        found.extend(deployed_supply(estate, deployment_id, product) for product in deployment.products)
    return tuple(found)


def inference_facts(estate: Estate, workload_id: str, client_region: str, model: str) -> WorkloadFacts:
    """A class's traffic from one client region, served by one of its acceptable models."""
    workload = estate.workloads[workload_id]
    if not isinstance(workload, InferenceClass):
        raise TypeError(f"{workload_id} is not an inference class")
    entry = estate.models.get(model)
    return WorkloadFacts(
        id=workload_id,
        purpose="inference",
        party=workload.party,
        model=model,
        vendor=None if entry is None else entry.vendor,
        tags=frozenset(() if entry is None else entry.tags),
        channel=workload.channel,
        customer=workload.customer,
        data_class=workload.data_class,
        client_region=client_region,
    )


def training_facts(estate: Estate, workload_id: str) -> WorkloadFacts:
    """A training run, with the model it makes, if it names one."""
    run = estate.workloads[workload_id]
    if not isinstance(run, TrainingRun):
        raise TypeError(f"{workload_id} is not a training run")
    entry = estate.models.get(run.model) if run.model else None
    return WorkloadFacts(
        id=workload_id,
        purpose="training",
        party=run.party,
        model=run.model,
        vendor=None if entry is None else entry.vendor,
        tags=frozenset(() if entry is None else entry.tags),
        data_class=run.data_class,
    )


def workloads(estate: Estate) -> tuple[WorkloadFacts, ...]:
    """Every need of the estate: runs, and classes by client region and acceptable model, in the file's
    order."""
    found: list[WorkloadFacts] = []
    for workload_id, workload in estate.workloads.items():
        if isinstance(workload, TrainingRun):
            found.append(training_facts(estate, workload_id))
        else:
            found.extend(
                inference_facts(estate, workload_id, row.region, model)
                for row in workload.traffic
                for model in workload.models
            )
    return tuple(found)
