"""Awards: exact under whole bids, minimums, tranches, ceilings and commitments; ties by rule; prices of clauses."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import Decimal
from itertools import product
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokered import Rehearsal, agreed, clauses, exact, kinds, market, right, why
from offtake.broker.events import NeedAwarded
from offtake.broker.terms import Tranche

YEAR: dict[str, Any] = {"begins": date(2027, 1, 1), "ends": date(2028, 1, 1)}
HOURS = 365 * 24


@pytest.fixture
def deal(tmp_path: Path) -> Iterator[Rehearsal]:
    rehearsal = Rehearsal(tmp_path, market(agreements={}))
    yield rehearsal
    rehearsal.follows()
    rehearsal.broker.close()


def taken(awarded: NeedAwarded) -> dict[str, Decimal]:
    return {grant.source: grant.quantity for grant in awarded.grants}


def test_whole_bids_are_combined_where_greed_would_fail(deal: Rehearsal) -> None:
    deal.need(quantity=100, **YEAR)
    deal.bid("b", 60, 1, whole=True)
    deal.bid("y", 50, "1.1", whole=True, id="y1")
    deal.bid("y", 50, "1.1", whole=True, id="y2")
    assert taken(deal.awarded()) == {"y1": 50, "y2": 50}


def test_a_minimum_is_kept(deal: Rehearsal) -> None:
    deal.need(quantity=100, **YEAR)
    deal.bid("b", 90, 1)
    deal.bid("y", 100, 2, minimum=exact(40))
    assert taken(deal.awarded()) == {"n1-b": 60, "n1-y": 40}


def test_a_gang_stands_at_one_supply(deal: Rehearsal) -> None:
    deal.need(quantity=100, whole=True, **YEAR)
    deal.bid("b", 60, 1)
    deal.bid("y", 100, 2)
    assert taken(deal.awarded()) == {"n1-y": 100}


def test_tranches_have_prices_and_floors(deal: Rehearsal) -> None:
    tranches = (
        Tranche(quantity=exact(40), price_limit=exact(3), floor=exact(40)),
        Tranche(quantity=exact(60), price_limit=exact("1.5")),
    )
    deal.need(quantity=100, tranches=tranches, **YEAR)
    deal.bid("b", 30, 1)
    deal.bid("y", 100, 2)
    # The dear supplier fits into the first tranche alone, and only because the cheap one is used in the second.
    assert taken(deal.awarded()) == {"n1-b": 30, "n1-y": 40}


def test_a_floor_that_cannot_be_met_refuses_the_award(deal: Rehearsal) -> None:
    deal.need(quantity=100, tranches=(Tranche(quantity=exact(100), floor=exact(80)),), **YEAR)
    deal.bid("b", 70, 1)
    assert "needs at least 80" in why(deal.award())


def test_ties_go_to_the_bid_made_first(deal: Rehearsal) -> None:
    deal.need(quantity=50, **YEAR)
    deal.bid("y", 50, 2)
    deal.bid("z", 50, 2)
    assert taken(deal.awarded()) == {"n1-y": 50}


def test_a_supply_is_never_sold_twice(deal: Rehearsal) -> None:
    for id in ("n1", "n2"):
        deal.need(id, 600, **YEAR)
        deal.bid("b", 600, 1, need=id)
    assert deal.awarded("n1").unmet == 0
    second = deal.awarded("n2")
    assert (second.grants[0].quantity, second.unmet) == (400, 200)
    assert "b-gpu has 400 accelerators free" in str(second.named)


def test_what_is_left_is_awarded_later_and_a_bid_only_once(deal: Rehearsal) -> None:
    deal.need(quantity=100, **YEAR)
    deal.bid("b", 30, 1)
    assert deal.awarded().unmet == 70
    assert "nobody has bid" in why(deal.award())
    deal.bid("y", 70, 2)
    assert deal.awarded().unmet == 0
    assert deal.state.deals["n1"].stage == "awarded"


def test_a_price_limit_leaves_bids_out_and_says_so(deal: Rehearsal) -> None:
    deal.need(quantity=100, price_limit=exact(2), **YEAR)
    deal.bid("b", 100, 3)
    assert "above the need's limit of 2" in why(deal.award())


def test_a_bid_that_has_ended_is_left_out(deal: Rehearsal) -> None:
    deal.need(quantity=10, **YEAR)
    deal.bid("b", 10, 1, valid_until=deal.at)
    deal.bid("y", 10, 2)
    deal.at = deal.at.replace(hour=23)
    awarded = deal.awarded()
    assert taken(awarded) == {"n1-y": 10}
    assert "the bid ended" in str(awarded.excluded)


def commitment(amount: int, **more: object) -> dict[str, object]:
    stated = {
        "kind": "commitment",
        "payer": "lab",
        "payee": "y",
        "measure": "accelerator-hours",
        "amount": f"{amount} accelerator-hours",
        "window": "year",
        "shortfall": "2 USD/accelerator-hour",
        "covers": {"providers": ["y"]},
        "from": "2027-01-01",
    }
    return {**stated, **more}


def test_a_commitment_is_used_while_the_alternative_costs_more_than_falling_short(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=agreed(take=commitment(40 * HOURS))))
    deal.need(quantity=100, **YEAR)
    deal.bid("b", 100, 1)
    deal.bid("y", 100, 2)
    # At Y an hour costs 2 and saves 2 that would be paid anyway, up to the commitment; beyond it B is cheaper.
    assert taken(deal.awarded()) == {"n1-b": 60, "n1-y": 40}
    deal.follows()


def test_one_commitment_inside_another_counts_on_both(tmp_path: Path) -> None:
    spend = {
        "kind": "commitment",
        "payer": "lab",
        "payee": "y",
        "measure": "money",
        "amount": f"{200 * HOURS} USD",
        "window": "year",
        "covers": {"providers": ["y"]},
        "from": "2027-01-01",
    }
    inner = commitment(40 * HOURS, within="spend")
    deal = Rehearsal(tmp_path, market(agreements=agreed(inner=inner, spend=spend)))
    deal.need(quantity=100, **YEAR)
    deal.bid("b", 100, "0.5")
    deal.bid("y", 100, 2)
    # Every dollar at Y saves a dollar of the spend commitment, so all of it is as good as free there.
    assert taken(deal.awarded()) == {"n1-y": 100}
    deal.follows()


def test_a_ceiling_is_named_and_priced(tmp_path: Path) -> None:
    most = {
        "kind": "ceiling",
        "measure": "accelerators",
        "upper": "40 accelerators",
        "covers": {"providers": ["b"]},
    }
    deal = Rehearsal(tmp_path, market(agreements=agreed(most=most)))
    deal.need(quantity=100, **YEAR)
    deal.bid("b", 100, 1)
    deal.bid("y", 100, 2)
    awarded = deal.awarded()
    assert taken(awarded) == {"n1-b": 40, "n1-y": 60}
    (without,) = awarded.counterfactuals
    assert (without.clause, without.cost_micros) == ("lab-h.most", 100 * HOURS * 1_000_000)
    deal.follows()


def test_a_budget_bounds_what_each_year_owes(tmp_path: Path) -> None:
    budget = {
        "kind": "budget",
        "payer": "lab",
        "amount": f"{50 * HOURS} USD",
        "window": "year",
        "spends": ["lease"],
    }
    deal = Rehearsal(tmp_path, market(agreements=agreed(year=budget)))
    deal.need(quantity=100, begins=date(2027, 1, 1), ends=date(2029, 1, 1))
    deal.bid("b", 100, 1)
    awarded = deal.awarded()
    # 2028 is a day longer: 366 days at one dollar an hour are over the budget of 365 x 24 x 50.
    assert taken(awarded) == {"n1-b": 49}
    deal.follows()


def test_a_budget_of_a_term_bounds_all_leases_together(tmp_path: Path) -> None:
    budget = {
        "kind": "budget",
        "payer": "lab",
        "amount": f"{50 * HOURS} USD",
        "window": "term",
        "spends": ["lease"],
    }
    deal = Rehearsal(tmp_path, market(agreements=agreed(all=budget)))
    for year, granted in ((2027, 30), (2029, 20)):
        term = {"begins": date(year, 1, 1), "ends": date(year + 1, 1, 1)}
        deal.need(f"n{year}", 30, **term)
        deal.bid("b", 30, 1, need=f"n{year}")
        assert taken(deal.awarded(f"n{year}")) == {f"n{year}-b": granted}
    deal.follows()


def test_a_ceiling_of_a_term_bounds_all_that_stand_in_it(tmp_path: Path) -> None:
    most = {"kind": "ceiling", "measure": "accelerators", "upper": "40 accelerators", "window": "term"}
    deal = Rehearsal(tmp_path, market(agreements=agreed(most=most)))
    for year, granted in ((2027, 30), (2029, 10)):
        deal.need(f"n{year}", 30, begins=date(year, 1, 1), ends=date(year + 1, 1, 1))
        deal.bid("b", 30, 1, need=f"n{year}")
        assert taken(deal.awarded(f"n{year}")) == {f"n{year}-b": granted}
    deal.follows()


def test_the_law_itself_excludes_a_bid(tmp_path: Path) -> None:
    only = {"kind": "exclusivity", "to": ["y"], "covers": {"models": ["m"]}, "actions": ["acquire"]}
    estate = market(agreements=agreed(only=only), models={"m": {"vendor": "v"}})
    deal = Rehearsal(tmp_path, estate)
    deal.need(quantity=10, model="m", **YEAR)
    assert clauses(deal.bid("b", 10, 1)) == ["lab-h.only"]
    deal.bid("y", 10, 2)
    assert taken(deal.awarded()) == {"n1-y": 10}
    deal.follows()


def test_what_a_need_asks_for_excludes_supplies(deal: Rehearsal) -> None:
    deal.need(quantity=10, accelerators=("gpu",), regions=("sweden",), **YEAR)
    assert "the need is for sweden" in why(deal.bid("b", 10, 1))
    deal.need("n2", 10, residency=("EU",), **YEAR)
    assert "may process outside EU" in why(deal.bid("b", 10, 1, need="n2"))


Bids = list[tuple[int, int, bool]]


def cheapest(quantity: int, bids: Bids) -> tuple[int, int]:
    """By trying everything: how much can be met at most, and what that costs at least."""
    options = [(0, most) if whole else tuple(range(most + 1)) for most, _, whole in bids]
    best = (0, 0)
    for amounts in product(*options):
        met = sum(amounts)
        if met <= quantity:
            cost = sum(amount * price for amount, (_, price, _) in zip(amounts, bids, strict=True))
            best = max(best, (met, -cost))
    return best[0], -best[1]


@settings(max_examples=25, deadline=None)
@given(
    st.integers(1, 9),
    st.lists(st.tuples(st.integers(1, 4), st.integers(1, 5), st.booleans()), min_size=1, max_size=4),
)
def test_an_award_is_the_best_of_all_that_are_possible(
    tmp_path_factory: pytest.TempPathFactory, quantity: int, bids: Bids
) -> None:
    deal = Rehearsal(tmp_path_factory.mktemp("best"), market(agreements={}))
    deal.need(quantity=quantity, **YEAR)
    for n, (most, price, whole) in enumerate(bids):
        deal.bid("b", most, price, whole=whole, id=f"b{n}")
    met, cost = cheapest(quantity, bids)
    if not met:
        assert deal.award().refusal is not None
    else:
        awarded = deal.awarded()
        assert (quantity - awarded.unmet, awarded.cost_micros) == (met, cost * HOURS * 1_000_000)
        assert awarded.gap <= Decimal("0.000001")
    deal.follows()
    deal.broker.close()


def test_silence_that_accepts_becomes_a_lease(tmp_path: Path) -> None:
    deal = Rehearsal(tmp_path, market(agreements=right(silence="accepts")))
    deal.need(**YEAR)
    deal.at = deal.at.replace(month=3)
    assert kinds(deal.sweep()) == ["holder-answered"]
    assert {grant.supply for grant in deal.awarded().grants} == {"h-gpu"}
    deal.follows()
