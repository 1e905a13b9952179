"""One suite for both doors of a broker: a ledger in this process, and a server."""

from collections.abc import Callable
from datetime import date
from decimal import Decimal
from pathlib import Path

import httpx2
import pytest

from offtake.adapters.broker_http import BrokerClient
from offtake.broker.commands import Answer, Award, FileNeed, MakeBid
from offtake.broker.door import Door, LedgerDoor
from offtake.broker.terms import Bid, Need
from offtake.domain.errors import Conflict, InvalidInput, UpstreamFailure
from served import Served

FILED = FileNeed(
    need=Need(
        id="n1",
        party="lab",
        measure="accelerators",
        quantity=Decimal(100),
        begins=date(2026, 3, 1),
        ends=date(2028, 3, 1),
        currency="USD",
    )
)
BID = Bid(
    id="n1-b",
    need="n1",
    bidder="b",
    supply="b-gpu",
    quantity=Decimal(100),
    price=Decimal("1.10"),
    currency="USD",
)


class _Through(httpx2.BaseTransport):
    """Carries the client's requests to the app; `lost` of its answers do not come back."""

    def __init__(self, served: Served, lost: int = 0) -> None:
        self._served, self.lost = served, lost

    def handle_request(self, request: httpx2.Request) -> httpx2.Response:
        """The app's answer, unless it is lost after the app has worked."""
        answer = self._served.client.request(
            request.method,
            str(request.url.raw_path, "ascii"),
            content=request.read(),
            headers=dict(request.headers),
        )
        if self.lost:
            self.lost -= 1
            raise httpx2.ReadError("lost")
        return httpx2.Response(answer.status_code, headers=dict(answer.headers), content=answer.content)


def _client(served: Served, lost: int = 0) -> BrokerClient:
    return BrokerClient(
        "http://127.0.0.1:1",
        served.secrets["operator"],
        transport=_Through(served, lost),
        sleep=lambda _: None,
    )


DOORS: dict[str, Callable[[Served], Door]] = {
    "ledger": lambda served: LedgerDoor(served.rehearsal.broker),
    "server": _client,
}


@pytest.fixture(params=DOORS)
def door(request: pytest.FixtureRequest, tmp_path: Path) -> Door:
    return DOORS[request.param](Served(tmp_path))


def test_a_deal_from_need_to_lease(door: Door) -> None:
    door.submit(FILED, key="file")
    door.submit(Answer(need="n1", holder="h"), key="answer")
    door.submit(MakeBid(bid=BID), key="bid")
    awarded = door.submit(Award(need="n1"), key="award")
    assert [event.kind for event in awarded.events] == ["need-awarded"]
    (need,), (lease,) = door.needs(), door.leases()
    assert (need.stage, lease.supplier, lease.price) == ("awarded", "b", Decimal("1.10"))
    assert (door.need("n1"), door.lease(lease.id)) == (need, lease)
    assert (door.need("n2"), door.lease("n2")) == (None, None)
    assert door.standing().entries == 5
    assert [one.id for one in door.supplies()] == ["b-gpu", "h-gpu", "y-gpu", "z-gpu"]


def test_a_quote_says_what_supplies_have_and_records_nothing(door: Door) -> None:
    before = door.standing().entries
    found = door.quote(FILED.need)
    assert found.need == "n1"
    assert {offer.supply for offer in found.offers} >= {"b-gpu", "h-gpu"}
    assert found.offers[0].quantity == 100
    assert door.standing().entries == before == found.entries


def test_the_same_key_counts_once(door: Door) -> None:
    first, again = (door.submit(FILED, key="file") for _ in range(2))
    assert (again.repeated, again.seq, again.events) == (True, first.seq, first.events)


def test_another_version_is_a_conflict(door: Door) -> None:
    door.submit(FILED, key="file")
    with pytest.raises(Conflict, match="has version 2, not 7"):
        door.submit(Award(need="n1"), key="award", expected_version=7)


def test_what_cannot_be_meant_is_invalid_input(door: Door) -> None:
    with pytest.raises(InvalidInput):
        door.submit(Award(need="nothing"), key="award")


def test_a_lost_answer_is_asked_for_again_and_counts_once(tmp_path: Path) -> None:
    served = Served(tmp_path)
    found = _client(served, lost=2).submit(FILED, key="file")
    assert (found.repeated, found.seq, served.rehearsal.ledger.head()[0]) == (True, 2, 2)


def test_a_server_that_is_silent_is_an_upstream_failure(tmp_path: Path) -> None:
    with pytest.raises(UpstreamFailure):
        _client(Served(tmp_path), lost=100).needs()


@pytest.mark.parametrize("url", ["http://broker.example", "ftp://x", "https://me:secret@broker.example"])
def test_a_token_is_not_sent_in_the_clear_or_to_what_is_no_server(url: str) -> None:
    with pytest.raises(InvalidInput):
        BrokerClient(url, "ot-x")
