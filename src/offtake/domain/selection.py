"""Selections and the facts they are tested on: which workload, which supply, which action."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from pydantic import Field

from offtake.domain.records import Record

ActionKind = Literal["acquire", "place", "process", "hold", "pay"]
ACTIONS: tuple[ActionKind, ...] = ("acquire", "place", "process", "hold", "pay")
SupplyForm = Literal["owned", "leased", "provisioned", "tokens"]
Purpose = Literal["training", "inference"]
Spending = Literal["capital", "lease", "tokens", "energy", "operation", "rent", "settlement"]


@dataclass(frozen=True, slots=True)
class WorkloadFacts:
    """What the law may ask about a need. `model` is the one that the action uses (a workload may accept several)."""

    id: str
    purpose: Purpose | None = None
    party: str | None = None  # Whose workload it is.
    model: str | None = None
    vendor: str | None = None
    tags: frozenset[str] = frozenset()
    channel: str | None = None  # How it is sold: `api`, `stateless-api`, `product`, ...
    customer: str | None = None  # A class of customer, such as `government`.
    data_class: str | None = None
    client_region: str | None = None


@dataclass(frozen=True, slots=True)
class SupplyFacts:
    """What the law may ask about a supply. A set that is None was never stated, and unknown means no."""

    id: str
    form: SupplyForm | None = None
    provider: str | None = None
    party: str | None = None  # The party behind the provider, or the owner of the site.
    site: str | None = None
    region: str | None = None
    accelerator: str | None = None
    product: str | None = None
    deployment: str | None = None
    may_process_in: frozenset[str] | None = None  # Country codes; `*` stands for anywhere.
    rests_in: frozenset[str] | None = None
    logs_in: frozenset[str] | None = None


# The workload of an action that serves none in particular (bare capacity).
NOBODY: Final = WorkloadFacts(id="")
NOTHING: Final = SupplyFacts(id="")


class Selection(Record):
    """Every key that is stated must match; a key matches if the fact is one of its values. Empty selects everything."""

    workloads: tuple[str, ...] = ()
    purposes: tuple[Purpose, ...] = ()
    parties: tuple[str, ...] = Field(default=(), description="whose workload it is")
    models: tuple[str, ...] = ()
    vendors: tuple[str, ...] = ()
    tags: tuple[str, ...] = Field(default=(), description="tags of the model; one of them is enough")
    channels: tuple[str, ...] = ()
    customers: tuple[str, ...] = ()
    data_classes: tuple[str, ...] = ()
    client_regions: tuple[str, ...] = ()
    providers: tuple[str, ...] = ()
    owners: tuple[str, ...] = Field(default=(), description="the party behind the supply")
    sites: tuple[str, ...] = ()
    regions: tuple[str, ...] = ()
    accelerators: tuple[str, ...] = ()
    products: tuple[str, ...] = ()
    deployments: tuple[str, ...] = ()
    forms: tuple[SupplyForm, ...] = ()

    def workload_keys(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The stated keys about the workload, as (fact, values)."""
        return tuple((fact, values) for key, fact in WORKLOAD_KEYS.items() if (values := getattr(self, key)))

    def supply_keys(self) -> tuple[tuple[str, tuple[str, ...]], ...]:
        """The stated keys about the supply, as (fact, values)."""
        return tuple((fact, values) for key, fact in SUPPLY_KEYS.items() if (values := getattr(self, key)))

    def selects_workload(self, facts: WorkloadFacts) -> bool:
        """Whether every stated key about the workload matches."""
        return all(_matches(getattr(facts, fact), values) for fact, values in self.workload_keys())

    def selects_supply(self, facts: SupplyFacts) -> bool:
        """Whether every stated key about the supply matches."""
        return all(_matches(getattr(facts, fact), values) for fact, values in self.supply_keys())

    def selects(self, workload: WorkloadFacts, supply: SupplyFacts) -> bool:
        """Whether every stated key matches."""
        return self.selects_workload(workload) and self.selects_supply(supply)


WORKLOAD_KEYS: Final = {
    "workloads": "id",
    "purposes": "purpose",
    "parties": "party",
    "models": "model",
    "vendors": "vendor",
    "tags": "tags",
    "channels": "channel",
    "customers": "customer",
    "data_classes": "data_class",
    "client_regions": "client_region",
}
SUPPLY_KEYS: Final = {
    "providers": "provider",
    "owners": "party",
    "sites": "site",
    "regions": "region",
    "accelerators": "accelerator",
    "products": "product",
    "deployments": "deployment",
    "forms": "form",
}


def _matches(fact: object, values: tuple[str, ...]) -> bool:
    if isinstance(fact, frozenset):
        return any(value in fact for value in values)
    return fact in values


@dataclass(frozen=True, slots=True)
class Interval:
    """Days from `begins` up to, not including, `ends`; None ends never."""

    begins: date
    ends: date | None = None

    def overlaps(self, begins: date | None, ends: date | None) -> bool:
        """Whether it shares a day with [begins, ends)."""
        starts_before = ends is None or self.begins < ends
        return starts_before and (begins is None or self.ends is None or begins < self.ends)


@dataclass(frozen=True, slots=True)
class Action:
    """Something a party wants to do, over an interval, all of which must be lawful.

    `quantities` holds amounts by measure (`accelerators`, `power` in MW, `units`, `accelerator-hours`, `tokens`,
    `token-rate` in tokens/s); `money` is in the currency named; `discharges` are ids of rights already answered that
    travel with the supply.
    """

    kind: ActionKind
    interval: Interval
    actor: str | None = None
    counterparty: str | None = None
    workload: WorkloadFacts = NOBODY
    supply: SupplyFacts = NOTHING
    quantities: tuple[tuple[str, Decimal], ...] = ()
    money: Decimal | None = None
    currency: str | None = None
    spending: Spending | None = None  # What the money is for.
    need: str | None = None  # The id of the need that an acquisition answers.
    # The whole need, in the measure of the quantities, if this may be a part of it.
    need_size: Decimal | None = None
    gang: bool = False  # The need must be met whole by one supplier.
    discharges: frozenset[str] = field(default_factory=frozenset[str])

    def quantity(self, measure: str) -> Decimal:
        """The amount in a measure, zero if not stated."""
        if measure == "money":
            return self.money or Decimal(0)
        return dict(self.quantities).get(measure, Decimal(0))
