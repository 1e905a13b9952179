"""How much of the need a plan meets."""

from __future__ import annotations

from offtake.domain.handoffs import CapacityPlan


def cover_of(plan: CapacityPlan) -> float:
    """The share of all tokens asked for that is served; runs count by their number. 1 if nothing is asked for."""
    days = {period.label: (period.ends - period.begins).days for period in plan.periods}
    served = sum(row.tokens_per_s * days[row.period] for row in plan.served)
    unmet = sum(row.tokens_per_s * days[row.period] for row in plan.unmet if row.period is not None)
    return served / (served + unmet) if served + unmet > 0 else 1.0


def runs_done(plan: CapacityPlan) -> float:
    """The share of all training that is done, every run counting as one; 1 if there is none."""
    undone = {row.workload: row.share for row in plan.unmet if row.client_region is None}
    runs = {row.workload for row in plan.training} | set(undone)
    return 1.0 - sum(undone.values()) / len(runs) if runs else 1.0
