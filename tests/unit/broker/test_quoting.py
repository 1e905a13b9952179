"""Quotes: what is free, at which price, who is asked; and nothing of them stays."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest
from typer.testing import CliRunner

from brokered import Rehearsal, market, right
from offtake.broker.quoting import Offer, Quote
from offtake.broker.terms import Need
from offtake.domain.errors import InvalidInput
from offtake.entrypoints.cli.app import app

WANTED = Need(
    id="wanted",
    party="lab",
    measure="accelerators",
    quantity=Decimal(100),
    begins=date(2026, 3, 1),
    ends=date(2028, 3, 1),
    currency="USD",
)


def offer(found: Quote, supply: str) -> Offer:
    return next(one for one in found.offers if one.supply == supply)


@pytest.fixture
def deal(tmp_path: Path) -> Rehearsal:
    agreements = right()
    most = {"kind": "ceiling", "measure": "accelerators", "upper": "100 accelerators", "window": "month"}
    agreements["lab-h"]["clauses"]["most"] = {**most, "covers": {"providers": ["b"]}}
    return Rehearsal(tmp_path, market(agreements=agreements))


def test_a_quote_names_who_is_asked_and_offers_the_cheapest_first(deal: Rehearsal) -> None:
    found = deal.broker.quote(WANTED)
    assert [(one.holder, one.clause) for one in found.asked] == [("h", "lab-h.rofr")]
    assert [one.supply for one in found.offers] == ["b-gpu", "y-gpu", "z-gpu", "h-gpu"]
    hours = (WANTED.ends - WANTED.begins).days * 24
    assert found.offers[0].cost_micros == 100 * hours * 1_000_000
    assert not any(one.reasons for one in found.offers)


def test_what_is_leased_is_not_offered_again(deal: Rehearsal) -> None:
    deal.need(quantity=1000)
    deal.answer(0)
    deal.bid("y", 950, 2)
    deal.awarded()
    assert offer(deal.broker.quote(WANTED), "y-gpu").quantity == 50
    later = replace(WANTED, begins=date(2028, 3, 1), ends=date(2028, 6, 1))
    assert offer(deal.broker.quote(later), "y-gpu").quantity == 100


def test_what_the_law_forbids_is_not_offered_and_the_clause_is_named(deal: Rehearsal) -> None:
    deal.need(quantity=100)
    deal.answer(0)
    deal.bid("b", 100, 1)
    deal.awarded()
    found = deal.broker.quote(WANTED)
    assert offer(found, "b-gpu").quantity == 0
    assert {reason.clause for reason in offer(found, "b-gpu").reasons} == {"lab-h.most"}
    assert found.offers[-1].supply == "b-gpu"


def test_a_quote_leaves_nothing_behind(deal: Rehearsal) -> None:
    before, head = deal.state, deal.ledger.head()
    deal.broker.quote(WANTED)
    assert deal.state == before
    assert deal.ledger.head() == head


def test_a_quote_is_of_what_could_be_filed(deal: Rehearsal) -> None:
    deal.need("n1")
    for wrong in (
        replace(WANTED, id="n1"),
        replace(WANTED, quantity=Decimal("0.5")),
        replace(WANTED, ends=WANTED.begins),
        replace(WANTED, party="nobody"),
    ):
        with pytest.raises(InvalidInput):
            deal.broker.quote(wrong)


def test_the_command_says_it_in_words_and_as_json(deal: Rehearsal) -> None:
    asked = ["broker", "quote", "100 accelerators", "--for", "lab", "--from", "2026-03-01"]
    asked += ["--until", "2028-03-01", "--ledger", deal.where]
    said = CliRunner().invoke(app, asked)
    assert said.exit_code == 0, said.output
    assert "h is asked first (lab-h.rofr)" in said.output
    assert "b-gpu: 100 accelerators at 1 USD an hour each, 1,754,400 USD in all" in said.output
    again = CliRunner().invoke(app, [*asked, "--json"])
    assert '"supply": "b-gpu"' in again.output
