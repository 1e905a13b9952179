"""Comparisons: the rows add up to the change, mirror when the plans are swapped, and hold nothing where plans agree."""

from __future__ import annotations

import pytest

from offtake.domain.comparisons import UNMET, Comparison
from offtake.domain.errors import InvalidInput
from offtake.law.differences import differences
from offtake.planner.comparison import compared, sentence_of
from offtake.planner.indifference import annuity_factor, indifference
from planned import CapacityPlan, planned, priced, question

ESTATE = """
offtake: 1
name: two sellers
for: us
horizon: {from: 2026-01-01, until: 2028-01-01, periods: quarter, discount: 8 %}
parties: {us: {}, near: {}, far: {}}
providers: {n: {party: near}, f: {party: far}}
regions: {here: {jurisdiction: DE}}
accelerators: {chip: {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, goodput: 90 %, power: 1 kW}}
models: {m: {vendor: us, rates: {chip: {out: 100 tokens/s}}}}
products:
  dear:
    {kind: accelerator-hours, provider: n, region: here, accelerator: chip, price: 3 USD/accelerator-hour, limit: 80}
  cheap:
    {kind: accelerator-hours, provider: f, region: here, accelerator: chip, price: 2 USD/accelerator-hour, limit: 100}
workloads:
  chat:
    kind: inference
    party: us
    models: [m]
    worth: 20 USD per million tokens
    traffic: [{region: here, in: 0 tokens/s, out: 9000 tokens/s, growth: 50 %}]
agreements:
  deal:
    between: [us, near]
    signed: 2026-01-01
    clauses:
      here-only: {kind: ceiling, measure: accelerators, upper: 40 accelerators, covers: {providers: [f]}}
"""


@pytest.fixture(scope="module")
def plans() -> tuple[CapacityPlan, CapacityPlan]:
    return planned(ESTATE), planned(ESTATE.replace("upper: 40", "upper: 60"))


@pytest.fixture(scope="module")
def found(plans: tuple[CapacityPlan, CapacityPlan]) -> Comparison:
    return compared(*plans, ("tight", "loose"))


def test_who_is_paid_adds_up_to_the_change_in_cost(found: Comparison) -> None:
    assert found.change_cents < 0
    total = sum(row.second_cents - row.first_cents for row in found.money)
    assert abs(total - found.change_cents) <= len(found.money)
    assert {row.payee for row in found.money} == {"near", "far", ""}


def test_what_is_left_unmet_is_a_row_without_a_payee(found: Comparison) -> None:
    unmet = [row for row in found.money if row.kind == UNMET]
    assert [(row.payee, row.first_cents) for row in unmet] == [("", found.first.unmet_worth_cents)]


def test_capacity_and_service_move_to_the_cheap_one(found: Comparison) -> None:
    moved = {row.supply: (row.first_most, row.second_most) for row in found.capacity}
    assert moved["cheap"] == (pytest.approx(40), pytest.approx(60))
    shares = {row.provider: row.second_share - row.first_share for row in found.service}
    assert shares["f"] > 0 > shares["n"]


def test_swapped_plans_mirror(plans: tuple[CapacityPlan, CapacityPlan], found: Comparison) -> None:
    back = compared(plans[1], plans[0], ("loose", "tight"))
    assert back.change_cents == -found.change_cents
    assert {(row.payee, row.kind): (row.second_cents, row.first_cents) for row in back.money} == {
        (row.payee, row.kind): (row.first_cents, row.second_cents) for row in found.money
    }


def test_a_plan_beside_itself_moves_nothing(plans: tuple[CapacityPlan, CapacityPlan]) -> None:
    same = compared(plans[0], plans[0], ("one", "other"))
    assert (same.money, same.accounts, same.capacity, same.service, same.unmet, same.remarks) == ((),) * 6
    assert "costs us as much as one" in sentence_of(same, str)


def test_a_path_is_named_as_it_is_written(plans: tuple[CapacityPlan, CapacityPlan]) -> None:
    same = compared(plans[0], plans[0], ("out/one", "out/other"))
    assert sentence_of(same, str).startswith("out/other costs us")


def test_the_sentence_says_how_much_and_to_whom(found: Comparison) -> None:
    text = sentence_of(found, lambda cents: f"<{cents}>")
    assert text.startswith(f"Loose costs us <{-found.change_cents}> less than tight: ")
    assert "the share of the need served rises" in text


def test_other_currencies_cannot_be_compared(plans: tuple[CapacityPlan, CapacityPlan]) -> None:
    with pytest.raises(InvalidInput, match="EUR"):
        compared(plans[0], plans[1].model_copy(update={"currency": "EUR"}), ("a", "b"))


def test_a_redacted_plan_cannot_be_compared(plans: tuple[CapacityPlan, CapacityPlan]) -> None:
    with pytest.raises(InvalidInput, match="without its prices"):
        compared(plans[0], plans[1].model_copy(update={"redacted": ("prices",)}), ("a", "b"))


def test_other_parties_and_horizons_are_remarked(plans: tuple[CapacityPlan, CapacityPlan]) -> None:
    other = plans[1].model_copy(update={"party": "near", "discount_per_year": 0.1})
    remarks = compared(plans[0], other, ("a", "b")).remarks
    assert any("near" in one for one in remarks)
    assert any("10.00%" in one for one in remarks)


def test_laws_differ_by_clause() -> None:
    first, second = (question(text).law for text in (ESTATE, ESTATE.replace("upper: 40", "upper: 60")))
    (row,) = differences(first, second)
    assert (row.clause, row.first, row.second) == (
        "deal.here-only",
        "at most 40 accelerators by any-time from 2026-01-01",
        "at most 60 accelerators by any-time from 2026-01-01",
    )
    (gone,) = differences(first, first.without("deal.here-only"))
    assert gone.second is None
    assert differences(first, first) == ()


def test_paid_its_price_once_or_by_the_year_a_party_does_not_mind_a_clause() -> None:
    price = priced(ESTATE, "deal.here-only")
    plan = planned(ESTATE)
    terms = indifference(plan, price.price_cents)
    assert price.price_cents > 0
    assert terms.once_cents == price.with_clause_cents - price.without_clause_cents
    # Paid in the middle of each quarter, at so much a year, discounted at 8 %: worth as much as once on the first day.
    worth = 0.0
    for period in plan.periods:
        days = (period.ends - period.begins).days
        middle = (period.begins - plan.begins).days + days / 2
        worth += terms.each_year_cents * days / 365.25 * 1.08 ** (-middle / 365.25)
    assert worth == pytest.approx(terms.once_cents, abs=2)
    assert annuity_factor(plan) < 730 / 365.25


def test_an_annuity_without_discount_is_the_length_of_the_horizon() -> None:
    plan = planned(ESTATE.replace(", discount: 8 %", ""))
    assert annuity_factor(plan) == pytest.approx(730 / 365.25)
