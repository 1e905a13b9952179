"""Price clauses steer awards: tiers on top of what is counted already, exact where they fall, jump or are capped."""

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

from brokered import Rehearsal, agreed, market
from offtake.broker.events import NeedAwarded
from offtake.law.pricing import pieces, total
from offtake.law.primitives import Origin, PriceSchedule, PriceTier, Scope

YEAR: dict[str, Any] = {"begins": date(2027, 1, 1), "ends": date(2028, 1, 1)}
HOURS = 365 * 24
HOURLY = "USD/accelerator-hour"


def tiers(*stated: tuple[int | None, float], **more: Any) -> dict[str, Any]:
    """A price of Y's accelerator-hours by the year, in years of an accelerator."""
    said = [
        {"price": f"{price} {HOURLY}", **({} if up is None else {"up_to": f"{up * HOURS} accelerator-hours"})}
        for up, price in stated
    ]
    return {
        "kind": "price",
        "payer": "lab",
        "payee": "y",
        "measure": "accelerator-hours",
        "tiers": said,
        "window": "year",
        "covers": {"providers": ["y"]},
        **more,
    }


def opened(folder: Path, **clauses: Any) -> Rehearsal:
    return Rehearsal(folder, market(agreements=agreed(**clauses)))


def taken(awarded: NeedAwarded) -> dict[str, Decimal]:
    return {grant.source: grant.quantity for grant in awarded.grants}


@pytest.fixture
def falling(tmp_path: Path) -> Iterator[Rehearsal]:
    """Y's first forty cost three, whatever is beyond one; its bids are at nothing."""
    deal = opened(tmp_path, tiers=tiers((40, 3), (None, 1)))
    yield deal
    deal.follows()


def test_tiers_that_fall_make_a_large_deal_cheap_and_a_small_one_dear(falling: Rehearsal) -> None:
    for id, quantity in (("small", 50), ("large", 200)):
        falling.need(id, quantity, **YEAR)
        falling.bid("y", quantity, 0, need=id)
        falling.bid("b", quantity, 2, need=id)
    # Fifty at Y: 40 x 3 + 10 x 1 = 130, and at B 100. Two hundred: 280 against 400.
    assert taken(falling.awarded("small")) == {"small-b": 50}
    large = falling.awarded("large")
    assert taken(large) == {"large-y": 200}
    assert (large.cost_micros, dict(large.prices)) == (0, {"lab-h.tiers": 280 * HOURS * 1_000_000})
    assert (large.objective_micros, large.gap) == (280 * HOURS * 1_000_000, 0)


def test_what_is_taken_already_has_used_up_the_first_tier(falling: Rehearsal) -> None:
    falling.need("first", 100, **YEAR)
    falling.bid("y", 100, 0, need="first")
    falling.awarded("first")
    falling.need("second", 50, **YEAR)
    falling.bid("y", 50, 0, need="second")
    falling.bid("b", 50, 2, need="second")
    second = falling.awarded("second")
    assert taken(second) == {"second-y": 50}
    assert dict(second.prices) == {"lab-h.tiers": 50 * HOURS * 1_000_000}


def test_what_was_read_counts_as_taken_too(falling: Rehearsal) -> None:
    falling.read("lab-h.tiers", 40 * HOURS, date(2027, 1, 1), date(2027, 2, 1))
    falling.need(quantity=50, **YEAR)
    falling.bid("y", 50, 0)
    falling.bid("b", 50, 2)
    assert taken(falling.awarded()) == {"n1-y": 50}


def test_a_ramp_that_rises_is_taken_up_to_where_others_are_cheaper(tmp_path: Path) -> None:
    deal = opened(tmp_path, ramp=tiers((30, 0), (60, 1), (None, 3)))
    deal.need(quantity=100, **YEAR)
    deal.bid("y", 100, 1)
    deal.bid("b", 100, "2.5")
    awarded = deal.awarded()
    assert taken(awarded) == {"n1-y": 60, "n1-b": 40}
    (without,) = awarded.counterfactuals
    assert (without.clause, without.cost_micros) == ("lab-h.ramp", 100 * HOURS * 1_000_000)
    deal.follows()


@pytest.mark.parametrize(
    ("quantity", "at"), [(100, "b"), (101, "y")], ids=["at the tier's end", "one beyond"]
)
def test_a_price_of_all_units_jumps_where_the_next_tier_begins(
    tmp_path: Path, quantity: int, at: str
) -> None:
    deal = opened(tmp_path, all=tiers((100, 3), (None, 1), tiering="all-units"))
    deal.need(quantity=quantity, **YEAR)
    deal.bid("y", quantity, 0)
    deal.bid("b", quantity, 2)
    assert taken(deal.awarded()) == {f"n1-{at}": quantity}
    deal.follows()


def test_more_is_taken_than_is_cheap_to_reach_the_next_tier(tmp_path: Path) -> None:
    deal = opened(tmp_path, all=tiers((60, 3), (None, 1), tiering="all-units"))
    deal.need(quantity=100, **YEAR)
    deal.bid("y", 100, 0)
    deal.bid("b", 100, "0.5")
    # Sixty-one at Y for 61 and the rest at B for 19.5 is dearer than all at B; without B's last fifty it is not.
    assert taken(deal.awarded()) == {"n1-b": 100}
    deal.need("n2", 100, **YEAR)
    deal.bid("y", 100, 0, need="n2")
    deal.bid("b", 30, "0.5", need="n2")
    assert taken(deal.awarded("n2")) == {"n2-b": 30, "n2-y": 70}
    deal.follows()


def test_a_share_with_a_cap_is_owed_on_the_money_of_leases(tmp_path: Path) -> None:
    share = {
        "kind": "price",
        "payer": "lab",
        "payee": "y",
        "measure": "money",
        "share": "50 %",
        "cap": f"{60 * HOURS} USD",
        "window": "year",
        "covers": {"providers": ["y"]},
    }
    deal = opened(tmp_path, share=share)
    deal.need(quantity=100, **YEAR)
    deal.bid("y", 100, 2)
    deal.bid("b", 100, "2.7")
    # At Y 200 and the cap of 60 come to 260, and at B 270; without the cap Y would cost 300.
    awarded = deal.awarded()
    assert taken(awarded) == {"n1-y": 100}
    assert dict(awarded.prices) == {"lab-h.share": 60 * HOURS * 1_000_000}
    deal.follows()


def test_a_price_by_the_level_goes_by_what_stands_on_each_day(tmp_path: Path) -> None:
    level = {
        **tiers(),
        "measure": "accelerators",
        "tiers": [{"up_to": "40 accelerators", "price": f"3 {HOURLY}"}, {"price": f"1 {HOURLY}"}],
    }
    deal = opened(tmp_path, level=level)
    deal.need("half", 40, begins=date(2027, 1, 1), ends=date(2027, 7, 1))
    deal.bid("y", 40, 0, need="half")
    assert dict(deal.awarded("half").prices) == {"lab-h.level": 40 * 3 * 181 * 24 * 1_000_000}
    deal.need("year", 10, **YEAR)
    deal.bid("y", 10, 0, need="year")
    # While the first forty stand, ten more cost one each; from July on they are the first.
    expected = 10 * (181 * 1 + 184 * 3) * 24 * 1_000_000
    assert dict(deal.awarded("year").prices) == {"lab-h.level": expected}
    deal.follows()


def test_what_somebody_else_pays_steers_nothing(tmp_path: Path) -> None:
    deal = opened(tmp_path, tiers=tiers((None, 9), payer="z"))
    deal.need(quantity=10, **YEAR)
    deal.bid("y", 10, 1)
    deal.bid("b", 10, 2)
    awarded = deal.awarded()
    assert (taken(awarded), awarded.prices) == ({"n1-y": 10}, ())
    deal.follows()


Schedule = tuple[list[tuple[int, int]], int, bool]
prices = st.tuples(
    st.lists(st.tuples(st.integers(1, 5), st.integers(0, 5)), min_size=1, max_size=3),
    st.integers(0, 5),
    st.booleans(),
)


def schedule_of(stated: Schedule, cap: int | None = None) -> PriceSchedule:
    """Tiers of so many units at a price, then a last price without end."""
    widths, last, all_units = stated
    reached, found = 0, list[PriceTier]()
    for width, price in widths:
        reached += width
        found.append(PriceTier(Decimal(reached), Decimal(price)))
    found.append(PriceTier(None, Decimal(last)))
    return PriceSchedule(
        "p",
        Origin("a.p"),
        Scope(frozenset()),
        "lab",
        "y",
        "accelerator-hours",
        "year",
        "USD",
        tuple(found),
        "all-units" if all_units else "marginal",
        None,
        None if cap is None else Decimal(cap),
    )


@given(prices, st.none() | st.integers(1, 30), st.integers(0, 80))
def test_pieces_are_the_price(stated: Schedule, cap: int | None, quarters: int) -> None:
    schedule, quantity = schedule_of(stated, cap), Decimal(quarters) / 4
    found = pieces(schedule)
    (piece,) = (
        one
        for n, one in enumerate(found)
        if (one.begins < quantity or (n == 0 and not quantity)) and (one.ends is None or quantity <= one.ends)
    )
    assert abs(piece.at(quantity) - total(schedule, quantity)) < Decimal("1e-20")


@settings(max_examples=30, deadline=None)
@given(prices, st.integers(0, 6), st.integers(1, 9), st.integers(0, 5), st.booleans())
def test_an_award_under_tiers_is_the_best_of_all_that_are_possible(
    tmp_path_factory: pytest.TempPathFactory,
    stated: Schedule,
    before: int,
    quantity: int,
    other: int,
    whole: bool,
) -> None:
    widths, last, all_units = stated
    reached, said = 0, list[tuple[int | None, float]]()
    for width, price in widths:
        reached += width
        said.append((reached, price))
    clause = tiers(*said, (None, last), tiering="all-units" if all_units else "marginal")
    deal = opened(tmp_path_factory.mktemp("tiers"), tiers=clause)
    if before:
        deal.read("lab-h.tiers", before * HOURS, date(2027, 1, 1), date(2027, 2, 1))
    deal.need(quantity=quantity, **YEAR)
    deal.bid("y", 5, 1, whole=whole)
    deal.bid("b", 5, other)
    awarded = deal.awarded()

    schedule = schedule_of(stated)
    options = product((0, 5) if whole else range(6), range(6))
    met = max(y + b for y, b in product((0, 5) if whole else range(6), range(6)) if y + b <= quantity)
    paid = total(schedule, Decimal(before))
    least = min(
        y + b * other + total(schedule, Decimal(before + y)) - paid for y, b in options if y + b == met
    )
    assert (quantity - awarded.unmet, awarded.objective_micros) == (met, least * HOURS * 1_000_000)
    assert abs(awarded.gap) <= Decimal("0.000001")
    deal.follows()
    deal.broker.close()


def test_a_price_in_another_currency_is_converted(tmp_path: Path) -> None:
    clause = tiers((None, 1))
    clause["tiers"] = [{"price": "1 EUR/accelerator-hour"}]
    deal = opened(tmp_path, tiers=clause)
    deal.need(quantity=10, **YEAR)
    deal.bid("y", 10, 1)
    # 1.05 USD from July 2026 on.
    assert dict(deal.awarded().prices) == {"lab-h.tiers": 10 * HOURS * 1_050_000}
    deal.follows()
