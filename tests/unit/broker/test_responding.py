"""Answers by rule: what is taken, at which price and when, and that no rule does what its party may not."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokered import MORNING, Rehearsal, market, right
from offtake.adapters.estate_yaml import Loaded
from offtake.bootstrap.estates import read_estate
from offtake.bootstrap.responding import checked_rules, read_rules
from offtake.broker.door import LedgerDoor, in_force
from offtake.broker.library import Library
from offtake.broker.responding.rules import Responders
from offtake.broker.responding.turns import Turn, Turns, through
from offtake.broker.responding.worlds import drawn, most_held
from offtake.domain.errors import InvalidInput

EXAMPLES = Path(__file__).parents[3] / "examples"
LATER = MORNING + timedelta(days=60)


def rules(**parties: Any) -> Responders:
    return Responders.model_validate({"responders": 1, "parties": parties})


def played(rehearsal: Rehearsal, responders: Responders, seed: int = 0) -> list[Turn]:
    """Everything that rules do within sixty days; fails if a command could not be given."""
    turns = list(Turns(rehearsal.broker, responders, seed).until(LATER))
    assert [turn.problem for turn in turns if turn.problem] == []
    return turns


def events(turns: list[Turn]) -> list[str]:
    return [event.kind for turn in turns if turn.outcome is not None for event in turn.outcome.events]


def test_a_deal_makes_itself(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    deals.need()
    turns = played(
        deals,
        rules(
            h={"answers": [{"take": "60 %", "after": "3 business days"}]},
            b={"bids": [{"supply": "b-gpu", "price": "1.50 USD/accelerator-hour", "after": "1 day"}]},
            lab={"awards": {"after": "2 days"}},
        ),
    )
    assert events(turns) == ["holder-answered", "market-opened", "bid-made", "need-awarded"]
    days = [turn.at.date() for turn in turns]
    assert days == [date(2026, 1, 15), date(2026, 1, 16), date(2026, 1, 17)]
    leases = {one.supply: (one.quantity, one.price) for one in deals.state.leases.values()}
    assert leases == {"h-gpu": (60, 3), "b-gpu": (40, Decimal("1.5"))}
    assert [turn.rule for turn in turns] == ["h.answers[0]", "b.bids[0]", "lab.awards"]
    deals.follows()


@pytest.mark.parametrize(
    ("rule", "taken"),
    [
        ({"take": "all"}, 100),
        ({"take": "all", "at_most": 40}, 40),
        ({"take": "all", "each": 30}, 30),
        ({"take": "55 accelerators", "multiple": 16}, 48),
        ({"take": "55 kW"}, 0),  # In another measure it says nothing.
        ({"take": "all", "price": "5 USD/accelerator-hour"}, 100),
        ({"take": "all", "least": 200}, None),
        ({"take": "all", "longest": "1 year"}, None),
        ({"take": "all", "clauses": ["lab-h.other"]}, None),
        ({"take": "all", "accelerators": ["gpu"]}, 100),
        ({"take": "all", "chance": "0 %"}, None),
    ],
)
def test_what_a_holder_takes(tmp_path: Path, rule: dict[str, Any], taken: int | None) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    deals.need()
    turns = played(deals, rules(h={"answers": [rule]}))
    asking = deals.broker.state(LATER).deals["n1"].askings[0]
    assert asking.outcome == {None: "lapse", 0: "decline", 100: "accept"}.get(taken, "accept-part")
    assert asking.taken == (taken or 0)
    assert len(turns) == 1


def test_who_is_paid_less_than_it_asks_declines(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    deals.need(price_limit=Decimal(2))
    played(deals, rules(h={"answers": [{"take": "all", "price": "2.50 USD/accelerator-hour"}]}))
    assert deals.state.deals["n1"].askings[0].outcome == "decline"


def test_the_first_rule_that_fits_decides_and_the_rest_is_otherwise(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    deals.need("small", 10)
    deals.need("large", 100)
    answers = [{"take": "all", "least": 50}, {"take": "nothing", "least": 5}]
    played(deals, rules(h={"answers": answers, "otherwise": "decline"}))
    found = {id: deal.askings[0].outcome for id, deal in deals.state.deals.items()}
    assert found == {"small": "decline", "large": "accept"}


def test_what_is_leased_in_all_is_bounded(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    for place in range(3):
        deals.need(f"n{place}", 100)
    played(deals, rules(h={"answers": [{"take": "all", "in_all": 250}]}))
    assert [deal.askings[0].taken for _, deal in sorted(deals.state.deals.items())] == [100, 100, 50]


def test_no_more_than_there_is_room_for_is_taken_or_bid(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    deals.need(quantity=1500)
    played(deals, rules(h={"answers": [{"take": "all"}]}, b={"bids": [{"supply": "b-gpu"}]}))
    assert deals.state.deals["n1"].askings[0].taken == 1000
    assert [bid.quantity for bid in deals.state.bids.values()] == [500]


def test_an_approval_is_waited_for_and_given_up_to_its_size(tmp_path: Path) -> None:
    clauses = {"board": {"kind": "governance", "approver": "board"}}
    estate = market(agreements={"charter": {"between": ["lab"], "signed": "2025-01-21", "clauses": clauses}})
    deals = Rehearsal(tmp_path, estate)
    deals.need("small", 50)
    deals.need("large", 100)
    played(
        deals,
        rules(
            b={"bids": [{"supply": "b-gpu"}]},
            lab={"awards": {}},
            board={"approves": [{"clause": "charter.board", "up_to": 60, "after": "5 business days"}]},
        ),
    )
    assert {id: deal.stage for id, deal in deals.state.deals.items()} == {
        "small": "awarded",
        "large": "overflow",
    }
    deals.follows()


def test_what_nobody_supplies_is_cancelled_or_given_up(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market())
    deals.need("part", 2000)
    deals.need("nothing", 10, price_limit=Decimal("0.10"))
    played(
        deals,
        rules(
            b={"bids": [{"supply": "b-gpu"}]},
            lab={"awards": {"rest": "cancel", "gives_up_after": "20 business days"}},
        ),
    )
    assert {id: deal.stage for id, deal in deals.state.deals.items()} == {
        "part": "cancelled",
        "nothing": "cancelled",
    }
    assert [lease.quantity for lease in deals.state.leases.values()] == [1000]


def test_a_rule_gives_no_command_that_its_party_may_not(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market())
    deals.need()
    # The lab is no supplier, and another's need is not y's to award.
    turns = played(deals, rules(lab={"bids": [{"supply": "b-gpu"}]}, y={"awards": {}}))
    assert turns == []


def test_delays_and_chances_follow_from_the_seed_alone(tmp_path: Path) -> None:
    responders = rules(h={"answers": [{"take": "all", "after": "1 to 9 business days", "chance": "70 %"}]})
    found: dict[int, list[Any]] = {}
    for turn in range(6):
        folder = tmp_path / str(turn)
        folder.mkdir()
        deals = Rehearsal(folder, market(agreements=right()))
        for place in range(5):
            deals.need(f"n{place}", 10)
        played(deals, responders, seed=turn % 3)
        state = deals.broker.state(LATER)
        days = [(one.askings[0].outcome, one.askings[0].closed) for _, one in sorted(state.deals.items())]
        assert found.setdefault(turn % 3, days) == days
    assert len({str(days) for days in found.values()}) > 1
    assert 0 <= drawn(1, "x") < 1


def test_the_most_that_is_held_is_that_of_the_fullest_day() -> None:
    day = date(2026, 1, 1)
    later = [day + timedelta(days=n) for n in range(10)]
    held = [
        (later[0], later[4], Decimal(5)),
        (later[4], later[8], Decimal(7)),
        (later[3], later[5], Decimal(2)),
    ]
    assert most_held(held, later[0], later[9]) == 9
    assert most_held(held, later[0], later[3]) == 5
    assert most_held(held, later[8], later[9]) == 0


def test_a_file_s_faults_are_told_at_their_places(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text(
        "responders: 1\nparties:\n  h:\n    answers:\n      - take: some\n      - {take: all, prise: 1}\n"
        "    otherwise: shrug\n"
    )
    with pytest.raises(InvalidInput) as caught:
        read_rules(path)
    said = str(caught.value)
    assert "rules.yaml:5:15: error: parties.h.answers[0].take: `some` is neither" in said
    assert "rules.yaml:6:21: error: parties.h.answers[1].prise: the key `prise` is not known here" in said
    assert "did you mean: price" in said
    assert "rules.yaml:7:16" in said


def test_names_that_the_estate_does_not_have_are_told_at_their_places(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    path = tmp_path / "rules.yaml"
    path.write_text(
        "responders: 1\nparties:\n  h:\n    answers: [{take: all, from: [b-gpu]}]\n"
        "    bids: [{supply: h-cpu}]\n    approves: [{clause: lab-h.rofl}]\n  who: {}\n"
    )
    with pytest.raises(InvalidInput) as caught:
        checked_rules(path, in_force(deals.broker, deals.broker.state()))
    said = str(caught.value).splitlines()
    places = [line.split(": error")[0] for line in said if ": error" in line]
    assert places == ["rules.yaml:4:34", "rules.yaml:5:21", "rules.yaml:6:25", "rules.yaml:7:3"]
    assert "the estate has no supply `h-cpu`" in str(caught.value)


def test_through_a_door_rules_see_what_it_shows(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market(agreements=right()))
    deals.need()
    responders = rules(
        h={"answers": [{"take": "all", "in_all": 30, "price": "2 USD/accelerator-hour"}]},
        b={"bids": [{"supply": "b-gpu", "price": "1 USD/accelerator-hour"}, {"supply": "b-gpu"}]},
        lab={"awards": {}},
    )
    given: set[str] = set()
    turns = list(through(LedgerDoor(deals.broker), responders, 0, LATER, given))
    assert [turn.command.kind for turn in turns] == ["answer", "bid", "award"]
    assert {one.supply: one.quantity for one in deals.state.leases.values()} == {"h-gpu": 30, "b-gpu": 70}
    # Another process, with no memory of its own, finds its keys on the ledger.
    assert list(through(LedgerDoor(deals.broker), responders, 0, LATER, set())) == []


@pytest.mark.parametrize(
    ("estate", "file"), [("stargate", "stargate/responders.yaml"), ("rehearsal", "rehearsal/rules.yaml")]
)
def test_the_rules_of_the_examples_can_be_used(estate: str, file: str) -> None:
    loaded = read_estate(EXAMPLES / estate / "estate.yaml")
    assert isinstance(loaded, Loaded)
    library = Library()
    digest, _ = library.add(loaded.estate)
    rules = checked_rules(EXAMPLES / file, library.rules(digest, date(2026, 1, 1)))
    assert len(rules.parties) > 2


def test_a_bidder_that_says_how_much_it_sells_bids_so_much(tmp_path: Path) -> None:
    deals = Rehearsal(tmp_path, market())
    deals.need(quantity=100)
    bids = [{"supply": "b-gpu", "at_most": 300}]
    played(deals, rules(b={"bids": bids}, y={"bids": [{"supply": "y-gpu"}]}))
    assert {id: bid.quantity for id, bid in deals.state.bids.items()} == {"n1.b-gpu": 300, "n1.y-gpu": 100}
