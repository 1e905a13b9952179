"""A holder has the time that the size of the deal gives it, whatever the deal is cut into."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokered import MORNING, Rehearsal, exact, market, one, right
from offtake.broker.commands import Acknowledge
from offtake.broker.events import HolderNoticed, NoticeLapsed, NoticeReceived
from offtake.broker.policy import Policy
from offtake.broker.terms import Notice

BY_SIZE: dict[str, Any] = {
    "measure": "power",
    "window": None,
    "windows": [{"below": "10 MW", "window": "5 business days"}, {"window": "20 business days"}],
}
# From Monday 12 January 2026, with the holidays of 19 January and 16 February.
FIVE, TWENTY = datetime(2026, 1, 20, 9, tzinfo=UTC), datetime(2026, 2, 10, 9, tzinfo=UTC)


@pytest.fixture
def deal(tmp_path: Path) -> Iterator[Rehearsal]:
    rehearsal = by_size(tmp_path)
    yield rehearsal
    rehearsal.follows()
    rehearsal.broker.close()


def by_size(folder: Path, policy: Policy | None = None, **more: Any) -> Rehearsal:
    products = {
        f"{seller}-gpu": {**product, "limit": 100_000}
        for seller, product in ((id[0], one) for id, one in market()["products"].items())
    }
    return Rehearsal(folder, market(agreements=right(**BY_SIZE, **more), products=products), policy=policy)


def noticed(outcome: Any) -> Notice:
    return one(outcome, HolderNoticed).notice


@pytest.mark.parametrize(
    ("accelerators", "within", "until"),
    [(9_999, "5 business days", FIVE), (10_000, "20 business days", TWENTY)],
    ids=["a kilowatt below ten megawatts", "ten megawatts"],
)
def test_the_time_to_answer_goes_by_the_size(
    deal: Rehearsal, accelerators: int, within: str, until: datetime
) -> None:
    notice = noticed(deal.need(quantity=accelerators))
    assert (notice.answer_within, notice.deadline) == (within, until)


def test_a_small_deal_lapses_while_a_large_one_may_still_be_answered(deal: Rehearsal) -> None:
    deal.need("small", 5, measure="power")
    deal.need("large", 50, measure="power")
    deal.at = FIVE + timedelta(seconds=1)
    assert one(deal.sweep(), NoticeLapsed).need == "small"
    deal.answer(0, need="large")
    assert deal.state.deals["large"].askings[0].outcome == "decline"


def test_what_is_contracted_no_longer_makes_a_deal_large(tmp_path: Path) -> None:
    deal = by_size(tmp_path, revives_after="30 days", material_change="5 %")
    deal.need("n1", 12, measure="power", price_limit=exact(2))
    deal.answer(0)
    deal.bid("b", 8, "1.99", supply="b-gpu")
    deal.awarded()
    deal.bid("y", 4, "1.5", supply="y-gpu")
    again = noticed(deal.award())
    assert (again.because, again.quantity, again.answer_within) == ("material change", 4, "5 business days")
    deal.follows()


def test_a_deal_cut_into_small_needs_has_the_time_of_the_whole(tmp_path: Path) -> None:
    deal = by_size(tmp_path, aggregates_within="30 days")
    within = [noticed(deal.need(f"n{n}", 4, measure="power")).answer_within for n in range(3)]
    assert within == ["5 business days", "5 business days", "20 business days"]
    deal.follows()


def test_the_window_stands_as_it_was_stated_when_the_notice_is_acknowledged(tmp_path: Path) -> None:
    deal = by_size(tmp_path, Policy(deemed_received_business_days=3), aggregates_within="30 days")
    deal.need("n1", 9, measure="power")
    deal.at = MORNING + timedelta(days=1)
    deal.need("n2", 9, measure="power")  # Together they are large; the first notice was of a small one.
    received = one(deal.give(Acknowledge(need="n1", holder="h")), NoticeReceived)
    assert received.deadline == datetime(2026, 1, 21, 9, tzinfo=UTC)
    deal.follows()


def test_accelerators_are_measured_in_the_power_that_the_right_counts(deal: Rehearsal) -> None:
    need = deal.need(quantity=20_000, begins=date(2026, 6, 1))
    assert noticed(need).answer_within == "20 business days"
    assert deal.state.deals["n1"].need.quantity == Decimal(20_000)
