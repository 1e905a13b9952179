"""Typical hours and the load profiles over them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from offtake.domain.checks.findings import Finding, Path, error
from offtake.domain.estate import Estate
from offtake.domain.quantities import Figure
from offtake.domain.workloads import InferenceClass

_WEIGHTS: Final = Decimal("0.001")
_PROFILE: Final = Decimal("0.01")


def check_hours(estate: Estate) -> Iterator[Finding]:
    """Weights that are not all hours together, and profiles whose mean is not one."""
    total = sum((hour.weight.amount for hour in estate.hours.values()), Decimal(0))
    if estate.hours and abs(total - 1) > _WEIGHTS:
        message = f"the weights of the typical hours sum to {total.normalize():f}, not to 1"
        yield error("weights", ("hours",), message, "shares of all hours, such as 0.25 and 0.75")
        return
    for id, workload in estate.workloads.items():
        if isinstance(workload, InferenceClass):
            yield from _mean(estate, ("workloads", id, "profile"), workload.profile)
            for place, traffic in enumerate(workload.traffic):
                yield from _mean(estate, ("workloads", id, "traffic", place, "profile"), traffic.profile)


def _mean(estate: Estate, path: Path, profile: Mapping[str, Figure]) -> Iterator[Finding]:
    if not profile or not set(profile) <= set(estate.hours):
        return  # An hour that is not known is a dangling reference, told elsewhere.
    mean = sum(
        (
            hour.weight.amount * (profile[name].amount if name in profile else 1)
            for name, hour in estate.hours.items()
        ),
        Decimal(0),
    )
    if abs(mean - 1) > _PROFILE:
        message = f"the weighted mean of the profile is {mean:.3f}, not 1; it would change the traffic stated"
        yield error("profile", path, message, "load relative to the mean; hours left out count 1")
