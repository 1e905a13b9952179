"""Money inside the plan: every promise to lenders is kept, a gap is an answer, nothing changes without facilities."""

from __future__ import annotations

from fractions import Fraction

import pytest

from offtake.adapters.highs import HighsSolver
from offtake.planner.finance.statements import MICROS, Accounts, accounts_of, recount_finance
from offtake.planner.finance.summary import summary_of, tenancy_of
from offtake.planner.planning import Solved, solve
from planned import CapacityPlan, planned, question

ESTATE = """
offtake: 1
name: financed
for: lab
horizon: {from: 2026-01-01, until: 2031-01-01, periods: quarter, discount: 8 %}
parties: {lab: {}, builder: {}, owners: {}, bank: {}}
providers: {n: {party: builder}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, goodput: 90 %, power: 1 kW, price: 30000 USD/accelerator,
     life: 5 years, lead: 6 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall:
    region: here
    provider: n
    owner: builder
    tenant: lab
    power: [{value: 20 MW}]
    builds: [chip]
    rent: 1.80 USD/accelerator-hour
    energy_price: 50 USD/MWh
    pue: 1.2
workloads:
  chat:
    kind: inference
    party: lab
    models: [m]
    worth: 20 USD per million tokens
    traffic: [{region: here, in: 0 tokens/s, out: 100000 tokens/s, growth: 30 %}]
"""
MONEY = """
finance:
  builder:
    gearing: 60 %
    dscr: 1.3
    reserve: 6 months
    sources:
      owners: {kind: equity, provider: owners, amount: 20 million USD}
      loan:
        kind: debt
        provider: bank
        amount: 40 million USD
        from: 2026-01-01
        until: 2027-01-01
        interest: 7 %
        upfront_fee: 1 %
        commitment_fee: 0.5 %
        grace: 6 months
        term: 3 years
"""


def accounts(text: str) -> tuple[CapacityPlan, Accounts]:
    plan = planned(text)
    return plan, accounts_of(plan, plan.finance[0])


@pytest.fixture(scope="module")
def financed() -> tuple[CapacityPlan, Accounts]:
    return accounts(ESTATE + MONEY)


def test_without_facilities_a_plan_has_no_word_of_finance() -> None:
    assert "finance" not in planned(ESTATE).model_dump(mode="json")


def test_with_money_enough_the_plan_is_the_one_without_finance(
    financed: tuple[CapacityPlan, Accounts],
) -> None:
    plain = planned(ESTATE)
    assert financed[0].cost_cents == pytest.approx(plain.cost_cents, rel=1e-6)
    assert sum(one.gap for one in financed[1].periods) == 0


def test_cash_is_never_below_zero_nor_below_its_reserve(financed: tuple[CapacityPlan, Accounts]) -> None:
    for one in financed[1].periods:
        assert one.cash >= -MICROS
        assert one.cash >= one.reserve - MICROS


def test_nothing_is_drawn_beyond_what_is_paid_and_kept_in_reserve(
    financed: tuple[CapacityPlan, Accounts],
) -> None:
    plan, found = financed
    funded = {row.period: row.reserve_funded_cents * 10_000 for row in plan.finance[0].cash}
    assert any(funded.values())
    for one in found.periods:
        assert one.equity + one.drawn <= one.uses + funded[one.period.label] + MICROS


def test_gearing_and_cover_hold_in_every_period(financed: tuple[CapacityPlan, Accounts]) -> None:
    equity = 0
    for one in financed[1].periods:
        equity += one.equity
        assert one.debt <= Fraction(6, 10) * (one.debt + equity) + MICROS
        if one.repaid:
            assert one.operating_cash >= Fraction(13, 10) * one.debt_service - MICROS


def test_what_is_drawn_is_repaid_to_the_last_unit(financed: tuple[CapacityPlan, Accounts]) -> None:
    found = financed[1]
    assert found.drawn_by_source["loan"] > 0
    assert sum(one.repaid for one in found.periods) == found.drawn_by_source["loan"]
    assert found.periods[-1].debt == 0
    assert not any(one.drawn for one in found.periods if one.period.begins.year > 2026)
    assert not any(one.repaid for one in found.periods if one.period.begins.isoformat() < "2027-07-01")


def test_the_balance_balances_in_every_period(financed: tuple[CapacityPlan, Accounts]) -> None:
    for one in financed[1].periods:
        assert one.cash + one.assets == one.debt + one.paid_in + one.retained


def test_sources_are_uses(financed: tuple[CapacityPlan, Accounts]) -> None:
    summary = summary_of(*financed)
    assert sum(summary.sources.values()) == sum(summary.uses.values())
    assert summary.gap == 0
    assert summary.gap_opens is None
    assert summary.least_cover is not None
    assert summary.least_cover[0] >= Fraction(13, 10) - Fraction(1, 10**6)


def test_without_money_the_gap_is_the_answer() -> None:
    poor = MONEY.replace("20 million", "2 million").replace("40 million", "3 million")
    plan, found = accounts(ESTATE + poor.replace("reserve: 6 months", "gap_price: 1 %"))
    summary = summary_of(plan, found)
    assert summary.gap > 10_000_000 * MICROS
    assert summary.gap_opens == plan.begins
    assert sum(found.drawn_by_source.values()) == pytest.approx(5_000_000 * MICROS, rel=1e-6)


def test_a_dear_gap_leaves_unbuilt_what_a_cheap_one_builds() -> None:
    poor = MONEY.replace("20 million", "2 million").replace("40 million", "3 million")
    cheap, dear = (
        planned(ESTATE + poor.replace("reserve: 6 months", f"gap_price: {price}"))
        for price in ("1 %", "100 %")
    )
    assert dear.unmet_worth_cents >= cheap.unmet_worth_cents
    gaps = [
        sum(flow.amount_cents for flow in one.finance[0].flows if flow.kind == "gap") for one in (cheap, dear)
    ]
    assert gaps[1] < gaps[0]


def test_a_larger_facility_without_fees_never_costs_more() -> None:
    poor = MONEY.replace("20 million", "5 million")
    for fee in ("        upfront_fee: 1 %\n", "        commitment_fee: 0.5 %\n"):
        poor = poor.replace(fee, "")
    found: list[float] = []
    for amount in ("5 million", "10 million", "40 million"):
        solved = solve(question(ESTATE + poor.replace("40 million", amount)), HighsSolver())
        assert isinstance(solved, Solved)
        found.append(solved.solution.objective)
    assert found[0] >= found[1] * (1 - 1e-9)
    assert found[1] >= found[2] * (1 - 1e-9)


def test_a_bullet_is_repaid_at_once_and_is_no_debt_service() -> None:
    bullet = MONEY.replace("term: 3 years", "term: 3 years\n        repayment: bullet")
    _, found = accounts(ESTATE + bullet)
    repaid = {one.period.label: one.repaid for one in found.periods if one.repaid}
    assert list(repaid) == ["2029Q4"]
    assert repaid["2029Q4"] == found.drawn_by_source["loan"]
    assert all(one.debt_service == one.interest for one in found.periods)


def test_debt_that_outlives_the_horizon_is_outstanding() -> None:
    plan, found = accounts(ESTATE + MONEY.replace("term: 3 years", "term: 20 years"))
    stated = [flow for flow in plan.finance[0].flows if flow.kind == "outstanding"]
    assert [flow.period for flow in stated] == ["2030Q4"]
    assert found.periods[-1].debt == pytest.approx(stated[0].amount_cents * 10_000, abs=MICROS)


def test_the_borrowers_own_plan_counts_its_debt_as_its_cash_flow() -> None:
    rich = MONEY.replace("amount: 20 million", "amount: 900 million")
    for fee in ("        upfront_fee: 1 %\n", "        commitment_fee: 0.5 %\n"):
        rich = rich.replace(fee, "")
    without = planned(ESTATE, party="builder")
    cheap = planned(ESTATE + rich.replace("7 %", "3 %"), party="builder")
    dear = planned(ESTATE + rich.replace("7 %", "15 %"), party="builder")
    drawn = [accounts_of(one, one.finance[0]).drawn_by_source["loan"] for one in (cheap, dear)]
    # At 8 % a year money at 3 % is worth having, and money at 15 % is not.
    assert drawn[0] > 20_000_000 * MICROS
    assert drawn[1] == 0
    assert cheap.cost_cents < without.cost_cents - 10_000_000
    assert dear.cost_cents == pytest.approx(without.cost_cents, rel=1e-6)


def test_indexed_interest_takes_the_rate_of_the_period() -> None:
    indexed = MONEY.replace("interest: 7 %", "interest: [5 % from 2026-01-01, 9 % from 2027-01-01]")
    _, found = accounts(ESTATE + indexed)
    year = {one.period.label: one for one in found.periods}
    one, before = year["2027Q1"], year["2026Q4"]
    assert one.interest == round(Fraction(9, 100) * Fraction(90 * 100, 36525) * before.debt)


def test_a_tampered_draw_is_found() -> None:
    plan = planned(ESTATE + MONEY)
    borrower = plan.finance[0]
    flows = tuple(
        flow.model_copy(update={"amount_cents": flow.amount_cents * 2}) if flow.kind == "drawdown" else flow
        for flow in borrower.flows
    )
    wrong = plan.model_copy(update={"finance": (borrower.model_copy(update={"flows": flows}),)})
    found = {one.name: one.relative for one in recount_finance(wrong)}
    assert found["builder: interest counted again"] > 0.1
    assert found["builder: repayment counted again"] > 0.1
    assert max(one.relative for one in recount_finance(plan)) <= 1e-6


def test_what_happens_if_the_tenant_stops_paying(financed: tuple[CapacityPlan, Accounts]) -> None:
    plan, found = financed
    day = next(period.begins for period in plan.periods if period.label == "2028Q1")
    tenancy = tenancy_of(found, day)
    assert tenancy.largest == "lab"
    assert tenancy.by_payer == {"lab": sum(one.receipts for one in found.periods)}
    assert tenancy.lasts_until is not None
    assert tenancy.lasts_until >= day
    rich = planned(ESTATE + MONEY.replace("gearing: 60 %", "gearing: 60 %\n    opening_cash: 1 billion USD"))
    assert tenancy_of(accounts_of(rich, rich.finance[0]), day).lasts_until is None
