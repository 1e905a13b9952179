"""The worked cases that speak of procedures, leases and meters, played out as deals on a ledger and verified there."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path
from typing import Any

import pytest

from brokered import MORNING, Rehearsal, agreed, clauses, exact, kinds, market, one, right, why
from offtake.broker.commands import Amend, RecordEvent
from offtake.broker.events import (
    HolderAnswered,
    HolderNoticed,
    MeterRead,
    NeedAwarded,
    NoticeLapsed,
    WindowSettled,
)
from offtake.domain.estate import Estate

TERM_HOURS = 731 * 24  # 1 March 2026 to 1 March 2028.
Open = Callable[..., Rehearsal]


@pytest.fixture
def opened(tmp_path: Path) -> Iterator[Open]:
    """Opens a ledger under some agreements; at the end everything in it must follow."""
    made: list[Rehearsal] = []

    def begin(agreements: dict[str, Any] | None = None, at: datetime = MORNING, **estate: Any) -> Rehearsal:
        made.append(Rehearsal(tmp_path, market(agreements=agreements or {}, **estate), at))
        return made[-1]

    yield begin
    for rehearsal in made:
        rehearsal.follows()


def dollars(awarded: NeedAwarded) -> Decimal:
    """The cost of an award for one hour, in dollars."""
    return Decimal(awarded.cost_micros) / 1_000_000 / TERM_HOURS


def taken(awarded: NeedAwarded) -> dict[str, Decimal]:
    return {grant.supply: grant.quantity for grant in awarded.grants}


def test_case_5_what_the_holder_leaves_goes_elsewhere(opened: Open) -> None:
    deal = opened(right(covers={"parties": ["lab"]}))
    deal.need()
    deal.bid("b", 100, 1)
    deal.answer(60, 3)
    awarded = deal.awarded()
    assert taken(awarded) == {"h-gpu": 60, "b-gpu": 40}
    assert dollars(awarded) == 220
    (without,) = awarded.counterfactuals
    assert (without.clause, Decimal(without.cost_micros) / 1_000_000 / TERM_HOURS) == ("lab-h.rofr", 100)


def test_case_5_offering_less_costs_less(opened: Open) -> None:
    deal = opened(right())
    deal.need()
    deal.bid("b", 100, 1)
    deal.answer(50, 3)
    assert dollars(deal.awarded()) == 200


def test_case_5_nobody_is_awarded_before_the_holder_has_answered(opened: Open) -> None:
    deal = opened(right())
    deal.need()
    deal.bid("b", 100, 1)
    assert clauses(deal.award()) == ["lab-h.rofr"]


def test_case_6_an_offer_above_the_maximum_discharges_nothing(opened: Open) -> None:
    deal = opened(right(maximum_price="2 USD/accelerator-hour"))
    deal.need()
    deal.bid("b", 100, 1)
    assert one(deal.answer(60, 3), HolderAnswered).discharges_nothing
    awarded = deal.awarded()
    assert taken(awarded) == {"b-gpu": 100}
    assert dollars(awarded) == 100


def test_case_7_a_late_answer_is_late_whatever_the_clock_says(opened: Open) -> None:
    deal = opened(right())
    deal.need()
    deal.bid("b", 100, 1)
    deadline = datetime(2026, 1, 27, 9, tzinfo=UTC)
    assert deal.state.deals["n1"].askings[0].deadline == deadline
    deal.at = deadline + timedelta(seconds=1)
    late = deal.answer(60, 3)
    assert one(late, NoticeLapsed).deadline == deadline
    assert "too late" in why(late)
    deal.at = deadline - timedelta(hours=1)  # The machine's clock is set back.
    assert "too late" in why(deal.answer(60, 3))
    assert taken(deal.awarded()) == {"b-gpu": 100}


def test_case_7_an_answer_in_the_last_second_stands(opened: Open) -> None:
    deal = opened(right())
    deal.need()
    deal.at = datetime(2026, 1, 27, 9, tzinfo=UTC)
    assert one(deal.answer(60, 3), HolderAnswered).move == "accept-part"


def test_case_8_a_part_that_the_right_allows(opened: Open) -> None:
    deal = opened(right(part={"minimum": 32, "multiple": 16}))
    deal.need()
    assert "not a multiple" in why(deal.answer(40, 3))
    assert "minimum" in why(deal.answer(16, 3))
    deal.answer(48, 3)
    assert deal.state.deals["n1"].left == 52


def test_case_8_a_gang_is_taken_whole_or_not_at_all(opened: Open) -> None:
    deal = opened(right())
    deal.need(whole=True)
    assert "whole" in why(deal.answer(48, 3))
    deal.answer(100, 3)
    assert taken(deal.awarded()) == {"h-gpu": 100}


def test_case_9_a_match_moves_the_supplier_and_not_the_price(opened: Open) -> None:
    deal = opened(right(style="match", discloses=["price", "quantity"]))
    deal.need()
    deal.bid("b", 100, "1.5")
    asked = one(deal.award(), HolderNoticed).notice
    assert (asked.price, asked.quantity) == (exact("1.5"), 100)
    assert set(dict(asked.disclosed)) == {"from", "until", "measure", "price", "quantity"}
    deal.answer(70)
    awarded = deal.awarded()
    assert taken(awarded) == {"h-gpu": 70, "b-gpu": 30}
    assert dollars(awarded) == 150


@pytest.mark.parametrize(("price", "asked_again"), [("1.7", True), ("1.95", False)])
def test_case_10_after_a_material_change_the_holder_is_asked_again(
    opened: Open, price: str, asked_again: bool
) -> None:
    deal = opened(right(material_change="5 %"))
    deal.need(price_limit=exact(2))
    deal.bid("b", 100, 2)
    deal.answer(0)
    deal.bid("b", 100, price)
    outcome = deal.award()
    assert (kinds(outcome) == ["right-revived", "holder-noticed"]) is asked_again
    if asked_again:
        assert one(outcome, HolderNoticed).notice.price == exact(price)
        deal.answer(0)
        assert taken(deal.awarded()) == {"b-gpu": 100}


def test_case_11_a_right_that_lapsed_revives_if_no_contract_was_closed(opened: Open) -> None:
    deal = opened(right(revives_after="30 days"))
    deal.need()
    deal.bid("b", 100, 1)
    deal.answer(0)
    deal.at = MORNING + timedelta(days=30)
    assert kinds(deal.sweep()) == []
    deal.at = MORNING + timedelta(days=31)
    assert kinds(deal.award())[:2] == ["right-revived", "holder-noticed"]


def test_case_11_not_if_a_contract_was_closed(opened: Open) -> None:
    deal = opened(right(revives_after="30 days"))
    deal.need()
    deal.bid("b", 60, 1)
    deal.answer(0)
    assert deal.awarded().unmet == 40
    deal.at = MORNING + timedelta(days=60)
    assert kinds(deal.sweep()) == []


def test_case_12_small_needs_in_a_row_count_as_one(opened: Open) -> None:
    deal = opened(right(threshold="100 accelerators", aggregates_within="30 days"))
    assert kinds(deal.need("n1", 40)) == ["need-filed", "market-opened"]
    deal.at += timedelta(days=7)
    assert kinds(deal.need("n2", 40)) == ["need-filed", "market-opened"]
    deal.at += timedelta(days=6)
    third = deal.need("n3", 40)
    asked = [event.notice.need for event in third.events if isinstance(event, HolderNoticed)]
    assert sorted(asked) == ["n1", "n2", "n3"]


def test_case_12_what_is_contracted_no_longer_counts(opened: Open) -> None:
    deal = opened(right(threshold="100 accelerators", aggregates_within="30 days"))
    deal.need("n1", 40)
    deal.bid("b", 40, 1)
    deal.awarded()
    deal.need("n2", 40)
    assert kinds(deal.need("n3", 40)) == ["need-filed", "market-opened"]


def test_case_13_two_holders_in_rank(opened: Open) -> None:
    rights = {
        "first": {"kind": "first-refusal", "holder": "h", "rank": 1, "window": "5 days"},
        "second": {"kind": "first-refusal", "holder": "b", "rank": 2, "window": "5 days"},
    }
    deal = opened(agreed(**rights))
    deal.need()
    deal.bid("y", 100, 2)
    asked = one(deal.answer(30, 3), HolderNoticed).notice
    assert (asked.holder, asked.quantity) == ("b", 70)
    deal.answer(50, 1, by="b")
    assert taken(deal.awarded()) == {"h-gpu": 30, "b-gpu": 50, "y-gpu": 20}


def test_case_13_holders_of_one_rank_are_asked_in_the_order_of_their_rights(opened: Open) -> None:
    rights = {
        "one": {"kind": "first-refusal", "holder": "h", "window": "5 days"},
        "two": {"kind": "first-refusal", "holder": "b", "window": "5 days"},
    }
    deal = opened(agreed(**rights))
    deal.need()
    deal.bid("y", 100, 2)
    deal.answer(30, 3)
    deal.answer(50, 1, by="b")
    assert taken(deal.awarded()) == {"h-gpu": 30, "b-gpu": 50, "y-gpu": 20}


def test_case_14_a_discharge_travels_and_the_renewal_is_a_new_need(opened: Open) -> None:
    deal = opened(right())
    deal.need()
    deal.bid("b", 100, 1)
    deal.answer(60, 3)
    deal.awarded()
    lease = deal.state.leases["n1-2"]
    assert lease.discharges == ("n1.1",)
    renewed = deal.extend("n1-2", date(2029, 3, 1))
    asked = one(renewed, HolderNoticed).notice
    assert (asked.holder, asked.quantity) == ("h", 40)
    deal.answer(0, need="n1-2.x20290301")
    awarded = deal.awarded("n1-2.x20290301")
    assert deal.state.leases[awarded.grants[0].lease].renews == "n1-2"


def ceiling(upper: int = 100) -> dict[str, Any]:
    stated = {
        "kind": "ceiling",
        "measure": "accelerators",
        "upper": f"{upper} accelerators",
        "window": "month",
    }
    return agreed(most={**stated, "covers": {"providers": ["b"]}})


def test_case_19_of_two_grants_that_pass_a_ceiling_one_wins(opened: Open) -> None:
    deal = opened(ceiling())
    spring = {"begins": date(2026, 3, 1), "ends": date(2026, 6, 1)}
    for id, months in (
        ("n1", spring),
        ("n2", spring),
        ("n3", {"begins": date(2026, 6, 1), "ends": date(2026, 9, 1)}),
    ):
        deal.need(id, 60, minimum=exact(60), **months)
        deal.bid("b", 60, 1, need=id)
    assert taken(deal.awarded("n1")) == {"b-gpu": 60}
    assert "lab-h.most" in clauses(deal.award("n2"))
    assert taken(deal.awarded("n3")) == {"b-gpu": 60}


def settled(deal: Rehearsal, at: datetime) -> list[WindowSettled]:
    deal.at = at
    return [event for event in deal.sweep().events if isinstance(event, WindowSettled)]


@pytest.mark.parametrize(
    ("window", "amount", "make_up", "charged"),
    [("quarter", 25, 0, 115), ("year", 100, 0, 100), ("quarter", 25, 1, 100)],
    ids=["lost by the quarter", "trued up by the year", "made up in the next quarter"],
)
def test_case_20_take_or_pay(opened: Open, window: str, amount: int, make_up: int, charged: int) -> None:
    clause = {
        "kind": "commitment",
        "payer": "lab",
        "payee": "h",
        "measure": "accelerator-hours",
        "amount": f"{amount} accelerator-hours",
        "window": window,
        "shortfall": "1 USD/accelerator-hour",
        "make_up": make_up,
        "from": "2027-01-01",
    }
    deal = opened(agreed(take=clause))
    quarters = [date(2027, 1, 1), date(2027, 4, 1), date(2027, 7, 1), date(2027, 10, 1), date(2028, 1, 1)]
    for n, used in enumerate((10, 40, 25, 25)):
        deal.read("lab-h.take", used, quarters[n], quarters[n + 1])
    windows = settled(deal, datetime(2028, 1, 1, tzinfo=UTC))
    assert sum(w.taken - w.drawn + w.short for w in windows) == charged
    billed = sum(w.billed_micros - w.drawn_micros for w in windows)
    assert billed == (charged - 100) * 1_000_000
    balance = {account: amount for account, unit, amount in deal.ledger.balances("lab") if unit == "USD"}
    assert balance.get("lab:shortfall", 0) == billed


def test_case_20_what_is_made_up_too_late_is_gone(opened: Open) -> None:
    clause = {
        "kind": "commitment",
        "payer": "lab",
        "payee": "h",
        "measure": "accelerator-hours",
        "amount": "25 accelerator-hours",
        "window": "quarter",
        "shortfall": "1 USD/accelerator-hour",
        "make_up": 1,
        "from": "2027-01-01",
    }
    deal = opened(agreed(take=clause))
    quarters = [date(2027, 1, 1), date(2027, 4, 1), date(2027, 7, 1), date(2027, 10, 1)]
    for n, used in enumerate((10, 25, 40)):
        deal.read("lab-h.take", used, quarters[n], quarters[n + 1])
    windows = settled(deal, datetime(2027, 10, 1, tzinfo=UTC))
    assert [w.drawn for w in windows] == [0, 0, 0]
    assert windows[0].banked_until == date(2027, 7, 1)


def test_case_21_a_reservation_inside_a_spend_commitment(opened: Open) -> None:
    spend = {"kind": "commitment", "payer": "lab", "payee": "z", "measure": "money"}
    reservation = {**spend, "amount": "10 USD", "window": "month", "style": "perishable", "within": "spend"}
    year = {**spend, "amount": "200 USD", "window": "year"}
    since = {"from": "2027-01-01"}
    deal = opened(agreed(reservation={**reservation, **since}, spend={**year, **since}))
    used = (10, 4, 10, 10, 10, 10, 10, 0, 10, 10, 10, 10)
    starts = [date(2027, month, 1) for month in range(1, 13)] + [date(2028, 1, 1)]
    for n, amount in enumerate(used):
        deal.read("lab-h.reservation", amount, starts[n], starts[n + 1])
    deal.read("lab-h.spend", 60, date(2027, 5, 1), date(2027, 6, 1))
    windows = settled(deal, datetime(2028, 1, 1, tzinfo=UTC))
    assert sum(w.short for w in windows if w.clause == "lab-h.reservation") == 16
    (outer,) = (w for w in windows if w.clause == "lab-h.spend")
    assert (outer.taken, outer.short, outer.billed_micros) == (180, 20, 20_000_000)


def test_case_26_a_board_approves_first(opened: Open) -> None:
    clause = {"kind": "governance", "approver": "board", "measure": "money", "above": "1 million USD"}
    deal = opened(agreed(board={**clause, "actions": ["acquire"]}))
    deal.need()
    deal.bid("b", 100, 1)
    assert "board must approve" in why(deal.award())
    assert "asks board, not lab" in why(deal.approve("lab-h.board", "lab", "n1"))
    deal.approve("lab-h.board", "board", "n1")
    assert taken(deal.awarded()) == {"b-gpu": 100}


def test_case_26_a_small_lease_needs_no_approval(opened: Open) -> None:
    clause = {"kind": "governance", "approver": "board", "measure": "money", "above": "1 million USD"}
    deal = opened(agreed(board={**clause, "actions": ["acquire"]}))
    deal.need(quantity=50)
    deal.bid("b", 50, 1)
    assert taken(deal.awarded()) == {"b-gpu": 50}


@pytest.mark.parametrize(
    ("clause", "quantities", "owed"),
    [
        ("marginal", (90, 60), (270, 130)),
        ("all-units", (90, 60), (270, 30)),
        ("share", (150, 150, 150), (30, 8, 0)),
    ],
)
def test_cases_28_and_29_prices(
    opened: Open, clause: str, quantities: tuple[int, ...], owed: tuple[int, ...]
) -> None:
    price = {"kind": "price", "payer": "lab", "payee": "h"}
    tiers = [
        {"up_to": "100 accelerator-hours", "price": "3 USD/accelerator-hour"},
        {"price": "2 USD/accelerator-hour"},
    ]
    deal = opened(
        agreed(
            **{
                "marginal": {**price, "measure": "accelerator-hours", "tiers": tiers},
                "all-units": {
                    **price,
                    "measure": "accelerator-hours",
                    "tiers": tiers,
                    "tiering": "all-units",
                },
                "share": {**price, "measure": "money", "share": "20 %", "cap": "38 USD"},
            }
        )
    )
    found = [
        one(
            deal.read(f"lab-h.{clause}", quantity, date(2026, 2, n), date(2026, 2, n + 1)), MeterRead
        ).owed_micros
        for n, quantity in enumerate(quantities, 1)
    ]
    assert found == [amount * 1_000_000 for amount in owed]


def test_case_28_a_reading_is_corrected_by_its_reversal(opened: Open) -> None:
    price = {"kind": "price", "payer": "lab", "payee": "h", "measure": "accelerator-hours"}
    deal = opened(agreed(flat={**price, "tiers": [{"price": "3 USD/accelerator-hour"}]}))
    deal.read("lab-h.flat", 90, date(2026, 2, 1), date(2026, 3, 1), id="wrong")
    deal.correct("wrong")
    assert "reversed" in why(deal.correct("wrong"))
    deal.read("lab-h.flat", 80, date(2026, 2, 1), date(2026, 3, 1), id="right")
    balances = {account: amount for account, _, amount in deal.ledger.balances()}
    assert balances == {"lab:owed": 240_000_000, "h:receivable": -240_000_000}


def test_case_30_a_price_in_euros_over_a_year_of_two_rates(opened: Open) -> None:
    deal = opened(at=datetime(2025, 12, 1, tzinfo=UTC))
    deal.need(quantity=1, begins=date(2026, 1, 1), ends=date(2027, 1, 1))
    deal.bid("b", 1, 1, currency="EUR")
    hours = {"first half": 181 * 24, "second": 184 * 24}
    cost = Decimal("1.10") * hours["first half"] + Decimal("1.05") * hours["second"]
    assert deal.awarded().cost_micros == cost * 1_000_000


def test_case_3_a_lease_may_not_outlive_what_it_needs(opened: Open) -> None:
    licence = {"kind": "licence", "licensee": "b", "covers": {"vendors": ["v"]}, "until": "2027-06-30"}
    place = {"kind": "exclusivity", "to": ["b"], "covers": {"vendors": ["v"]}, "actions": ["place"]}
    deal = opened(agreed(licence=licence, place=place), models={"m": {"vendor": "v"}})
    term = {"begins": date(2026, 2, 1), "ends": date(2027, 7, 1)}
    deal.need("hosting", 10, model="m", **term)
    assert "lab-h.licence" in clauses(deal.bid("b", 10, 1, need="hosting"))
    deal.need("bare", 10, **term)
    deal.bid("b", 10, 1, need="bare")
    assert taken(deal.awarded("bare")) == {"b-gpu": 10}
    deal.need("in-time", 10, model="m", begins=date(2026, 2, 1), ends=date(2027, 6, 30))
    deal.bid("b", 10, 1, need="in-time")
    assert taken(deal.awarded("in-time")) == {"b-gpu": 10}


def test_the_law_of_the_day_rules(opened: Open) -> None:
    agreements = right()
    agreements["lab-h"]["amendments"] = [{"signed": "2026-02-01", "ends": {"rofr": "2026-02-01"}}]
    deal = opened(agreements)
    assert kinds(deal.need("early")) == ["need-filed", "holder-noticed"]
    deal.at = datetime(2026, 2, 1, 12, tzinfo=UTC)
    assert kinds(deal.need("late"))[-2:] == ["need-filed", "market-opened"]


def test_an_amendment_on_the_ledger_changes_what_follows(opened: Open) -> None:
    deal = opened(right())
    deal.give(Amend(agreement="lab-h", amendment='{"ends": {"rofr": "2026-01-12"}}'))
    assert kinds(deal.need()) == ["need-filed", "market-opened"]


def test_an_event_ends_a_right(opened: Open) -> None:
    deal = opened(right(until_event="agi"), events={"agi": {}})
    deal.give(RecordEvent(event="agi", on=date(2026, 1, 12)))
    assert kinds(deal.need()) == ["need-filed", "market-opened"]


def test_the_estate_is_the_one_that_was_given(opened: Open) -> None:
    deal = opened(right())
    assert deal.broker.desk.library.estate(deal.state.estate) == Estate.model_validate(
        market(agreements=right())
    )
