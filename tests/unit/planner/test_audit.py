"""The accounts added again notice what a plan's tables do not hold."""

from __future__ import annotations

from offtake.domain.handoffs import CapacityPlan
from offtake.planner.audit import TOLERANCE, recount
from planned import loaded, planned

ESTATE = """
offtake: 1
for: us
horizon: {from: 2026-01-01, until: 2027-01-01, periods: quarter}
parties: {us: {}, p: {}}
providers: {p: {}}
regions: {r: {jurisdiction: US}}
models: {x: {}}
products: {one: {kind: tokens, provider: p, prices: {x: {in: 1 USD/Mtoken, out: 1 USD/Mtoken}}}}
deployments: {d: {provider: p, region: r, model: x, products: [one]}}
workloads:
  w: {kind: inference, party: us, models: [x], worth: 100 USD/Mtoken,
      traffic: [{region: r, in: 0 tokens/s, out: 100 tokens/s}]}
agreements:
  g:
    between: [us, p]
    signed: 2025-01-01
    clauses: {m: {kind: commitment, payer: us, payee: p, measure: money, amount: 1000 USD, window: quarter}}
"""


def wrong(plan: CapacityPlan) -> list[str]:
    return [one.name for one in recount(loaded(ESTATE).estate, plan) if one.relative > TOLERANCE]


def test_a_certified_plan_adds_up() -> None:
    assert wrong(planned(ESTATE)) == []


def test_a_shortfall_beyond_what_is_missing_is_noticed() -> None:
    plan = planned(ESTATE)
    meters = tuple(row.model_copy(update={"shortfall": row.shortfall + 1}) for row in plan.meters)
    assert wrong(plan.model_copy(update={"meters": meters})) == ["billed by g.m, counted again"]


def test_spending_that_the_quantities_do_not_make_is_noticed() -> None:
    plan = planned(ESTATE)
    spend = tuple(
        row.model_copy(update={"amount_cents": row.amount_cents + 100}) if row.kind == "tokens" else row
        for row in plan.spend
    )
    assert wrong(plan.model_copy(update={"spend": spend})) == [
        "tokens added again",
        "discounted cost added again",
    ]
