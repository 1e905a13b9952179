"""Who asks: the profiles of keys, each with a stricter data class beside it, and what the law is asked about them."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from offtake.domain.estate import Estate
from offtake.domain.selection import WorkloadFacts
from offtake.law.facts import inference_facts
from offtake.law.primitives import Law
from offtake.router.table import Profile


def data_classes_of(estate: Estate, law: Law) -> tuple[str, ...]:
    """Every data class that the estate's workloads or its law speak of."""
    stated = {w.data_class for w in estate.workloads.values() if w.data_class is not None}
    primitives = (*law.masks, *law.meters, *law.procedures, *law.prices)
    for scope in (p.scope for p in primitives):
        for selection in (scope.covers, *scope.excepts):
            stated.update(selection.data_classes)
    return tuple(sorted(stated))


def stricter_profiles(profiles: Iterable[Profile], data_classes: Sequence[str]) -> tuple[Profile, ...]:
    """Profiles as they are, and as each would be with a data class that a request states of itself."""
    return tuple(
        each
        for profile in profiles
        for each in (
            profile,
            *(replace(profile, id=f"{profile.id}+{name}", stricter=name) for name in data_classes),
        )
    )


def profile_facts(estate: Estate, profile: Profile, model: str) -> WorkloadFacts:
    """What the law is asked about a profile. What the class states stands; a profile adds where it is silent."""
    facts = inference_facts(estate, profile.workload, profile.client_region, model)
    return replace(
        facts,
        data_class=profile.stricter or facts.data_class or profile.data_class,
        customer=facts.customer or profile.customer,
    )
