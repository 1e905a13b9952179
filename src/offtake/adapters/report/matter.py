"""What the sections of a report are written from: the plan, its estate, and the names and sources of things."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import cached_property
from typing import Final, Literal

from offtake.adapters.report.amounts import many
from offtake.domain.estate import Estate
from offtake.domain.handoffs import CapacityPlan, PlanPeriod, ReportExtras
from offtake.domain.numbers import figures_of
from offtake.domain.quantities import Figure
from offtake.domain.selection import SupplyFacts
from offtake.law.facts import supplies

BUILDER_FROM_MW: Final = (
    5.0  # An estate whose sites reach this is told in megawatts; a smaller one in tokens.
)
SHORTEST: Final = 28  # Characters of a name in a figure.
NOBODY_IN_PARTICULAR: Final = "market"


@dataclass(frozen=True)
class Matter:
    """A plan, the estate it was made from, and what was computed beside it."""

    plan: CapacityPlan
    estate: Estate
    extras: ReportExtras

    @cached_property
    def view(self) -> Literal["power", "tokens"]:
        """Which of the two stories the estate tells."""
        largest = max(self.power_by_period.values(), default=0.0)
        return "power" if largest >= BUILDER_FROM_MW else "tokens"

    @cached_property
    def power_by_period(self) -> dict[str, float]:
        """Announced IT power of all sites by period (MW)."""
        found: dict[str, float] = defaultdict(float)
        for row in self.plan.power:
            found[row.period] += row.announced_mw
        return dict(found)

    @property
    def priced(self) -> bool:
        """Whether amounts of money may be shown."""
        return "prices" not in self.plan.redacted

    @cached_property
    def supplies(self) -> dict[str, SupplyFacts]:
        """Facts of every supply by id."""
        return {one.id: one for one in supplies(self.estate)}

    @cached_property
    def years(self) -> dict[str, int]:
        """Each period's year."""
        return {period.label: period.begins.year for period in self.plan.periods}

    @property
    def labels(self) -> list[str]:
        """The periods in order."""
        return [period.label for period in self.plan.periods]

    @property
    def last(self) -> PlanPeriod:
        """The last period."""
        return self.plan.periods[-1]

    @cached_property
    def columns(self) -> list[str]:
        """The periods as figures show them: a quarter that the law cuts is one column again."""
        return list(dict.fromkeys(column_of(label) for label in self.labels))

    def lasting(self, values: Mapping[str, float]) -> dict[str, float]:
        """By column, what is true at its end."""
        found: dict[str, float] = {}
        for label in self.labels:
            found[column_of(label)] = values.get(label, 0.0)
        return {at: value for at, value in found.items() if value}

    def mean(self, values: Mapping[str, float]) -> dict[str, float]:
        """By column, the mean over its days."""
        sums: dict[str, float] = defaultdict(float)
        days: dict[str, int] = defaultdict(int)
        for label in self.labels:
            sums[column_of(label)] += values.get(label, 0.0) * self.days(label)
            days[column_of(label)] += self.days(label)
        return {at: total / days[at] for at, total in sums.items() if total}

    def days(self, label: str) -> int:
        """Days of a period."""
        return self._days[label]

    @cached_property
    def _days(self) -> dict[str, int]:
        return {period.label: (period.ends - period.begins).days for period in self.plan.periods}

    def party(self, id: str) -> str:
        """A party's name, short."""
        if id == NOBODY_IN_PARTICULAR:
            return "open market"
        entry = self.estate.parties.get(id)
        name = _short(None if entry is None else entry.name, id)
        return f"the {name[4:]}" if name.startswith("The ") else name

    def provider(self, id: str | None) -> str:
        """A provider's name, short; else that of its party."""
        if id is None:
            return "unnamed"
        entry = self.estate.providers.get(id)
        if entry is not None and entry.name is None and entry.party is not None:
            return self.party(entry.party)
        return _short(None if entry is None else entry.name, id)

    def site(self, id: str) -> str:
        """A site's name, short."""
        entry = self.estate.sites.get(id)
        name = None if entry is None else entry.name
        short = _short(name, id)
        alike = sum(_short(other.name, other_id) == short for other_id, other in self.estate.sites.items())
        return name if name is not None and alike > 1 else short

    def region(self, id: str | None) -> str:
        """A region with the country whose law holds there."""
        if id is None:
            return "anywhere"
        entry = self.estate.regions.get(id)
        return id if entry is None else f"{id} ({entry.jurisdiction})"

    def supply(self, id: str) -> str:
        """A supply in a few words: what it is and where."""
        facts = self.supplies.get(id)
        if facts is not None and facts.site is not None and facts.form == "owned":
            return f"{self.site(facts.site)} · {facts.accelerator}"
        return id.rsplit("/", 1)[-1] if facts is not None and facts.deployment else id

    def provider_of(self, supply: str) -> str | None:
        """The provider of a pool or supply."""
        facts = self.supplies.get(supply)
        if facts is not None:
            return facts.provider
        product = self.estate.products.get(supply)
        if product is not None:
            return product.provider
        site = self.estate.sites.get(supply.split("/", maxsplit=1)[0])
        return None if site is None else site.provider

    def way(self, supply: str) -> str:
        """How a supply is had: own, leased, reserved throughput, by use."""
        facts = self.supplies.get(supply)
        words = {"owned": "built", "leased": "leased", "provisioned": "reserved", "tokens": "by use"}
        if facts is not None and facts.form in words:
            return words[facts.form]
        product = self.estate.products.get(supply)
        kinds = {"accelerator-hours": "leased", "provisioned": "reserved", "tokens": "by use"}
        return "built" if product is None else kinds[product.kind]

    @cached_property
    def figures(self) -> tuple[tuple[str, Figure], ...]:
        """Every number of the estate with its path."""
        return tuple(figures_of(self.estate))

    def source(self, *paths: str) -> str:
        """The source line of something read from these parts of the estate."""
        known: dict[str, int] = defaultdict(int)
        assumed = 0
        for path, figure in self.figures:
            if not path.startswith(paths):
                continue
            if figure.assumed:
                assumed += 1
            elif figure.source and figure.source not in ("definition", "invented"):
                known[figure.source] += 1
        ranked = sorted(known, key=lambda one: (-known[one], one))
        parts = ranked[:2]
        if len(ranked) > len(parts):
            parts.append(f"{many(len(ranked) - len(parts), 'further source')} listed under Sources")
        if assumed:
            parts.append(f"{many(assumed, 'number')} assumed")
        made = f"offtake, plan of “{self.plan.estate}” (inputs {self.plan.estate_digest[:12] or 'without digest'})"
        return f"{made}. Inputs: {'; '.join(parts)}." if parts else f"{made}."


def _short(name: str | None, id: str) -> str:
    if name is None:
        return id
    head = name.split(",")[0].split(";")[0].strip()
    if len(head) > SHORTEST:
        head = head.split(" with ")[0].split(" and ")[0]
    return head if len(head) <= SHORTEST else f"{head[: SHORTEST - 1].rstrip()}…"


def column_of(label: str) -> str:
    """The month, quarter or year that a period is, or is a part of."""
    return label.split(" ", 1)[0]


def span(labels: Iterable[str]) -> str:
    """Periods in order as `2025Q1` or `2025Q1 to 2026Q3`."""
    found = list(dict.fromkeys(column_of(label) for label in labels))
    return "" if not found else found[0] if len(found) == 1 else f"{found[0]} to {found[-1]}"


def totals(pairs: Iterable[tuple[str, float]]) -> dict[str, float]:
    """Sums by key, in the order of the keys' first appearance."""
    found: dict[str, float] = {}
    for key, value in pairs:
        found[key] = found.get(key, 0.0) + value
    return found


def ranked(sums: dict[str, float]) -> list[str]:
    """Keys, the largest sum first."""
    return sorted(sums, key=lambda key: (-sums[key], key))
