"""A match moves the supplier and not the price: each bid is matched at its own, in its own currency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from brokered import Rehearsal, exact, market, one, right, why
from offtake.broker.audience import Audience, seen
from offtake.broker.commands import Answer
from offtake.broker.events import HolderAnswered, HolderNoticed, NeedAwarded
from offtake.broker.terms import Part

YEAR: dict[str, Any] = {"begins": date(2027, 1, 1), "ends": date(2028, 1, 1)}
HOURS = 365 * 24


@pytest.fixture
def deal(tmp_path: Path) -> Iterator[Rehearsal]:
    """A need of a hundred, that B would meet with sixty at one and Y with forty at two; H may match."""
    rehearsal = to_match(tmp_path)
    rehearsal.need(**YEAR)
    rehearsal.bid("b", 60, 1)
    rehearsal.bid("y", 50, 2)
    yield rehearsal
    rehearsal.follows()
    rehearsal.broker.close()


def to_match(folder: Path, **clause: Any) -> Rehearsal:
    clause = {"style": "match", "discloses": ["price", "quantity"], **clause}
    return Rehearsal(folder, market(agreements=right(**clause)))


def asked(deal: Rehearsal) -> HolderNoticed:
    return one(deal.award(), HolderNoticed)


def granted(awarded: NeedAwarded) -> dict[tuple[str, Decimal], Decimal]:
    return {(grant.supply, grant.price): grant.quantity for grant in awarded.grants}


def test_the_holder_is_asked_about_each_bid_at_its_price(deal: Rehearsal) -> None:
    noticed = asked(deal)
    parts = [(part.quantity, part.price) for part in noticed.notice.parts]
    assert parts == [(60, 1), (40, 2)]
    assert noticed.bids == ("n1-b", "n1-y")
    assert noticed.notice.price == exact("1.4")
    disclosed = dict(noticed.notice.disclosed)
    assert (disclosed["price"], disclosed["quantity"]) == ("1, 2", "60, 40")
    (shown,) = seen(deal.state, Audience("provider", "h"), (noticed,))
    assert isinstance(shown, HolderNoticed)
    assert shown.bids == ()


def test_all_of_it_is_supplied_at_the_prices_of_those_who_bid(deal: Rehearsal) -> None:
    asked(deal)
    deal.answer(100)
    awarded = deal.awarded()
    assert granted(awarded) == {("h-gpu", exact(1)): 60, ("h-gpu", exact(2)): 40}
    assert awarded.cost_micros == 140 * HOURS * 1_000_000


@pytest.mark.parametrize(
    ("quantity", "matches", "expected"),
    [
        (70, None, {("h-gpu", 1): 60, ("h-gpu", 2): 10, ("y-gpu", 2): 30}),
        (40, 2, {("h-gpu", 2): 40, ("b-gpu", 1): 60}),
        (25, 1, {("h-gpu", 1): 25, ("b-gpu", 1): 35, ("y-gpu", 2): 40}),
    ],
    ids=["the best first", "the dear one", "a part of the cheap one"],
)
def test_a_part_moves_what_it_matches_and_no_price(
    deal: Rehearsal, quantity: int, matches: int | None, expected: dict[tuple[str, int], int]
) -> None:
    asked(deal)
    deal.answer(quantity, matches=matches)
    awarded = deal.awarded()
    assert granted(awarded) == expected
    assert awarded.cost_micros == 140 * HOURS * 1_000_000


def test_two_parts_are_matched_at_two_supplies_of_the_holder(deal: Rehearsal) -> None:
    asked(deal)
    takes = (Part(supply="h-gpu", quantity=exact(10), matches=2), Part(supply="h-gpu", quantity=exact(5)))
    answered = one(deal.give(Answer(need="n1", holder="h", takes=takes)), HolderAnswered)
    assert [(take.quantity, take.price, take.matches) for take in answered.takes] == [(10, 2, 2), (5, 1, 1)]
    assert answered.price is None
    assert deal.awarded().cost_micros == 140 * HOURS * 1_000_000


def test_more_than_a_part_is_of_cannot_be_matched(deal: Rehearsal) -> None:
    asked(deal)
    assert "1 more are taken than part 2 is of" in why(deal.answer(41, matches=2))
    assert "has 2 parts, and no part 3" in why(deal.answer(41, matches=3))


def test_a_bid_that_is_whole_is_matched_whole_and_a_minimum_is_left(tmp_path: Path) -> None:
    deal = to_match(tmp_path)
    deal.need(**YEAR)
    deal.bid("b", 60, 1, whole=True)
    deal.bid("y", 40, 2, minimum=exact(30))
    asked(deal)
    assert "takes all of its 60, or nothing" in why(deal.answer(50))
    assert "takes all of its 40, or leaves at least 30" in why(deal.answer(20, matches=2))
    deal.answer(70)
    assert granted(deal.awarded()) == {("h-gpu", 1): 60, ("h-gpu", 2): 10, ("y-gpu", 2): 30}
    deal.follows()


def test_a_bid_is_matched_in_its_own_currency(tmp_path: Path) -> None:
    deal = to_match(tmp_path)
    deal.need(begins=date(2026, 3, 1), ends=date(2027, 3, 1))
    deal.bid("b", 100, "1.5", currency="EUR")
    asked(deal)
    deal.answer(70)
    awarded = deal.awarded()
    assert {(g.supply, g.price, g.currency) for g in awarded.grants} == {
        ("h-gpu", exact("1.5"), "EUR"),
        ("b-gpu", exact("1.5"), "EUR"),
    }
    deal.follows()


def test_what_was_matched_is_not_offered_to_others_until_it_is_granted(deal: Rehearsal) -> None:
    asked(deal)
    deal.answer(60, matches=1)
    awarded = deal.awarded()
    assert granted(awarded) == {("h-gpu", 1): 60, ("y-gpu", 2): 40}
    assert [(one.bid, one.reasons[0].text) for one in awarded.excluded] == [("n1-b", "a holder matched it")]
    (without,) = awarded.counterfactuals
    assert ({part.supply: part.quantity for part in without.parts}, without.cost_micros) == (
        {"b-gpu": 60, "y-gpu": 40},
        140 * HOURS * 1_000_000,
    )


def test_a_maximum_price_is_about_each_bid(tmp_path: Path) -> None:
    deal = to_match(tmp_path, maximum_price="1.5 USD/accelerator-hour")
    deal.need(**YEAR)
    deal.bid("b", 60, 1)
    deal.bid("y", 40, 2)
    asked(deal)
    answered = one(deal.answer(40, matches=2), HolderAnswered)
    assert (answered.discharges_nothing, answered.price) == (True, 2)
    deal.follows()


def test_silence_that_accepts_matches_every_bid(tmp_path: Path) -> None:
    deal = to_match(tmp_path, silence="accepts")
    deal.need(**YEAR)
    deal.bid("b", 60, 1)
    deal.bid("y", 40, 2)
    asked(deal)
    deal.at = datetime(2026, 3, 1, tzinfo=UTC)
    deal.sweep()
    assert granted(deal.awarded()) == {("h-gpu", 1): 60, ("h-gpu", 2): 40}
    deal.follows()


@settings(max_examples=15, deadline=None)
@given(
    st.lists(st.tuples(st.integers(1, 40), st.integers(1, 9)), min_size=1, max_size=3),
    st.integers(1, 100),
    st.booleans(),
)
def test_whatever_is_matched_the_price_stays(
    tmp_path_factory: pytest.TempPathFactory, bids: list[tuple[int, int]], take: int, dear: bool
) -> None:
    deal = to_match(tmp_path_factory.mktemp("match"))
    deal.need(**YEAR)
    for n, (quantity, price) in enumerate(bids):
        deal.bid("b", quantity, price, id=f"b{n}")
    notice = asked(deal).notice
    cost = sum((part.quantity * part.price for part in notice.parts), Decimal(0))
    if dear:
        deal.answer(int(min(take, notice.parts[-1].quantity)), matches=len(notice.parts))
    else:
        deal.answer(int(min(take, notice.quantity)))
    awarded = deal.awarded()
    assert awarded.cost_micros == cost * HOURS * 1_000_000
    assert awarded.unmet == 100 - notice.quantity
    deal.follows()
    deal.broker.close()
