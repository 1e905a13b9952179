"""Suppositions: what each kind changes in an estate, on both examples, and what cannot be supposed."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from functools import cache
from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.domain.changes import (
    Change,
    changed,
    read_default,
    read_delay,
    read_price,
    read_scale,
)
from offtake.domain.clauses import Commitment
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import AcceleratorHours, Estate, ProvisionedUnits, TokensByUse
from offtake.domain.quantities import parse_dated
from offtake.domain.workloads import InferenceClass, TrainingRun


@cache
def example(name: str) -> Estate:
    found = load_estate(Path(f"examples/{name}/estate.yaml").resolve())
    assert isinstance(found, Loaded), found
    return found.estate


def with_(name: str, *changes: Change) -> Estate:
    return changed(example(name), changes)


def power_days(estate: Estate, site: str) -> list[date | None]:
    return [step.begins or parse_dated(str(step.value), "power").begins for step in estate.sites[site].power]


def test_a_site_that_is_late_brings_later_what_is_not_energised() -> None:
    before, after = (
        power_days(example("stargate"), "abilene"),
        power_days(with_("stargate", read_delay("abilene=2Q")), "abilene"),
    )
    assert before[:2] == after[:2]  # Two buildings stand.
    assert after[2:] == [date(2026, 10, 1), date(2027, 1, 1), date(2027, 9, 3)]


def test_a_site_of_the_company_and_a_product_may_be_late_too() -> None:
    late = with_("company", read_delay("server-room=3 months"), read_delay("beta-by-use=1 year"))
    assert power_days(late, "server-room") == [date(2024, 7, 1), date(2027, 4, 1)]
    assert late.products["beta-by-use"].begins == date(2027, 1, 1)


def test_an_accelerators_price_moves_where_it_is_bought_and_where_it_is_leased() -> None:
    before, after = example("stargate"), with_("stargate", read_price("gb200=-30%"))
    bought = [estate.accelerators["gb200"].price for estate in (before, after)]
    assert bought[0] is not None
    assert bought[1] is not None
    ratio = bought[1].steps[0].figure.amount / bought[0].steps[0].figure.amount
    assert ratio == Decimal("0.7")
    leased = [estate.products["azure-georgia"] for estate in (before, after)]
    rates = [one.price.steps[0].figure.amount for one in leased if isinstance(one, AcceleratorHours)]
    assert rates[1] == rates[0] * Decimal("0.7")
    assert after.accelerators["gb300"] == before.accelerators["gb300"]


def test_a_party_moves_the_prices_of_all_that_it_sells() -> None:
    before, after = example("company"), with_("company", read_price("alpha=+10%"))
    for id in ("alpha-reserved", "alpha-by-use"):
        one, other = before.products[id], after.products[id]
        if isinstance(one, ProvisionedUnits) and isinstance(other, ProvisionedUnits):
            assert other.price.steps[0].figure.amount == one.price.steps[0].figure.amount * Decimal("1.1")
        if isinstance(one, TokensByUse) and isinstance(other, TokensByUse):
            was, now = one.prices["atlas"].tokens_out, other.prices["atlas"].tokens_out
            assert now.steps[0].figure.amount == was.steps[0].figure.amount * Decimal("1.1")
    assert after.products["beta-by-use"] == before.products["beta-by-use"]


def test_a_party_in_default_delivers_no_more_and_is_paid_no_more() -> None:
    day = date(2027, 1, 1)
    after = with_("stargate", read_default("oracle=2027-01"))
    site = after.sites["abilene"]
    assert site.power[-1].value == "0 MW"
    assert site.power[-1].begins == day
    assert all(stock.ends is not None and stock.ends <= day for stock in site.stock)
    clauses = after.agreements["oracle-openai"].clauses
    commitments = [one for one in clauses.values() if isinstance(one, Commitment)]
    assert commitments
    assert all(one.ends is not None and one.ends <= day for one in commitments)
    assert after.sites["milam"] == example("stargate").sites["milam"]


def test_a_provider_in_default_ends_its_products_and_deployments() -> None:
    after = with_("company", read_default("gamma=2026-07-15"))
    assert after.products["gamma-by-use"].ends == date(2026, 7, 15)
    assert after.deployments["gamma-virginia-8b"].ends == date(2026, 7, 15)
    assert after.products["beta-by-use"].ends is None


@pytest.mark.parametrize(("name", "workload"), [("company", "assistant"), ("stargate", "chatgpt")])
def test_demand_is_multiplied_for_one_or_for_all(name: str, workload: str) -> None:
    before = example(name)
    one = with_(name, read_scale(f"demand.{workload}=1.5"))
    every = with_(name, read_scale("demand=0.5"))
    for id, was in before.workloads.items():
        if isinstance(was, InferenceClass):
            for estate, factor in ((one, "1.5" if id == workload else "1"), (every, "0.5")):
                now = estate.workloads[id]
                assert isinstance(now, InferenceClass)
                for row, then in zip(now.traffic, was.traffic, strict=True):
                    stated = then.tokens_in.steps[0].figure.amount * Decimal(factor)
                    assert row.tokens_in.steps[0].figure.amount == stated
        elif was.flop is not None:
            now = every.workloads[id]
            assert isinstance(now, TrainingRun)
            assert now.flop is not None
            assert now.flop.amount == was.flop.amount * Decimal("0.5")


def test_the_estate_given_is_left_as_it_is() -> None:
    before = example("company").model_dump()
    with_("company", read_price("alpha=-50%"), read_scale("demand=2"), read_default("beta=2026-06"))
    assert example("company").model_dump() == before


@pytest.mark.parametrize(
    ("read", "text", "said"),
    [
        (read_delay, "abilene", "abilene=2Q"),
        (read_delay, "abilene=soon", "abilene=2Q"),
        (read_delay, "=2Q", "abilene=2Q"),
        (read_price, "h100=30", "h100=-30%"),
        (read_price, "h100=-130%", "h100=-30%"),
        (read_price, "h100=%", "h100=-30%"),
        (read_default, "oracle=2027-13", "oracle=2027-01"),
        (read_default, "oracle=", "oracle=2027-01"),
        (read_scale, "chat=1.5", "demand.chat=1.5"),
        (read_scale, "demand.chat=-1", "demand.chat=1.5"),
        (read_scale, "demand=" + "9" * 300, "demand.chat=1.5"),
    ],
)
def test_what_cannot_be_read_shows_an_example(read: Callable[[str], Change], text: str, said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        read(text)
    assert said in f"{error.value.hint}"


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (read_delay("server-rom=2Q"), "server-room"),
        (read_price("h10=-30%"), "h100"),
        (read_default("alpa=2027-01"), "alpha"),
        (read_scale("demand.asistant=2"), "demand.assistant"),
    ],
)
def test_a_target_that_is_not_there_offers_the_nearest(change: Change, said: str) -> None:
    with pytest.raises(InvalidInput) as error:
        changed(example("company"), [change])
    assert f"did you mean `{said}`" in f"{error.value.hint}"
