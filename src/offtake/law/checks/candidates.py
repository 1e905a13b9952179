"""Which supplies could serve which workload, were there no law: by model, by rate, by kind of accelerator."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Literal

from offtake.domain.estate import Estate
from offtake.domain.selection import SupplyFacts, WorkloadFacts
from offtake.domain.workloads import TrainingRun
from offtake.law.facts import supplies, workloads


@dataclass(frozen=True)
class Candidates:
    """Every workload and supply of an estate as the law sees them, and the supplies that each workload
    could use."""

    workloads: tuple[WorkloadFacts, ...]
    supplies: tuple[SupplyFacts, ...]
    by_model: Mapping[str, tuple[SupplyFacts, ...]]
    by_run: Mapping[str, tuple[SupplyFacts, ...]]

    def of(self, workload: WorkloadFacts) -> tuple[SupplyFacts, ...]:
        """The supplies that could serve a workload."""
        if workload.purpose == "training":
            return self.by_run.get(workload.id, ())
        return self.by_model.get(workload.model or "", ())


def candidates_of(estate: Estate) -> Candidates:
    """The candidates of an estate whose references are sound."""
    found = supplies(estate)
    by_model = {
        id: tuple(s for s in found if _serves(estate, s, id, frozenset(model.rates)))
        for id, model in estate.models.items()
    }
    by_run = {
        id: tuple(s for s in found if _trains(s, run))
        for id, run in estate.workloads.items()
        if isinstance(run, TrainingRun)
    }
    return Candidates(workloads(estate), found, by_model, by_run)


def _serves(estate: Estate, supply: SupplyFacts, model: str, kinds: frozenset[str]) -> bool:
    if supply.deployment is not None:
        return estate.deployments[supply.deployment].model == model
    return supply.accelerator in kinds


def _trains(supply: SupplyFacts, run: TrainingRun) -> bool:
    return supply.accelerator is not None and (not run.accelerators or supply.accelerator in run.accelerators)


def action_kind(workload: WorkloadFacts, supply: SupplyFacts) -> Literal["place", "process"]:
    """What using a supply is: capacity of one's own or leased is placed on, a deployment processes."""
    return "process" if supply.deployment is not None and workload.purpose != "training" else "place"
