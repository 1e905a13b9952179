"""What is taken out of a plan before it is handed on, and what stays."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as some

from offtake.domain.handoffs import BorrowerPlan
from offtake.domain.redaction import AmountsOut, NamesOut, redacted, words_of
from reported import reported

OUT = AmountsOut.of(reported("company").estate)
NAMES = NamesOut.of(reported("stargate").estate, also=["ChatGPT"])


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("440_000 EUR", "withheld"),
        ("costs USD 20,000 to 27,000 each", "costs withheld each"),
        ("resembles USD 2.50 and 10 a million", "resembles withheld a million"),
        ("Stargate, with USD 500 billion", "Stargate, with withheld"),
        ("$4.2bn over five years", "withheld over five years"),
        ("2.30 EUR per million tokens", "withheld per million tokens"),
        ("€ 17 or 18", "withheld"),
        ("12 kW from 2024-07-01, 60 units", "12 kW from 2024-07-01, 60 units"),
        ("the EUR zone", "the EUR zone"),
    ],
)
def test_amounts_go_and_other_numbers_stay(text: str, left: str):
    assert OUT.text(text) == left


@pytest.mark.parametrize(
    ("id", "name", "words"),
    [
        ("alpha", "Alpha, a large cloud with regions in Europe", ("alpha",)),
        ("g42", "G42 and the partners of Stargate UAE", ("g42",)),
        ("sb", "SoftBank, with SB Energy", ("sb", "softbank")),
        ("company", "The company", ()),
        ("customers", "customers of someone with data in the European Union", ()),
        ("acme", None, ("acme",)),
    ],
)
def test_names_give_away_what_names_somebody(id: str, name: str | None, words: tuple[str, ...]):
    assert set(words_of(id, name)) == set(words)


@given(
    some.lists(some.sampled_from([*NAMES.names, "and", "-", ".", "'s", "API", "xyz"]), max_size=12),
    some.booleans(),
)
def test_no_name_survives_in_any_company(words: list[str], upper: bool):
    text = " ".join(words)
    after = NAMES.text(text.upper() if upper else text.title()).lower()
    assert not NAMES.pattern.search(after)


def test_ids_stay_apart_and_lead_to_the_same_entries():
    one = reported("stargate")
    plan, estate, _ = redacted(one.plan, one.estate, one.extras, "parties")
    for family in ("parties", "providers", "products", "sites", "agreements", "deployments"):
        assert len(getattr(estate, family)) == len(getattr(one.estate, family)), family
    assert plan.party in estate.parties
    assert {row.provider for row in plan.served if row.provider} <= set(estate.providers)
    assert plan.redacted == ("parties",)
    assert plan.cost_cents == one.plan.cost_cents


def test_prices_leave_quantities_alone():
    one = reported("company")
    plan, estate, extras = redacted(one.plan, one.estate, one.extras, "prices")
    assert plan.capacity == one.plan.capacity
    assert plan.cost_cents == 0
    assert plan.spend == ()
    assert not [row for row in plan.meters if row.measure == "money"]
    assert extras.clause_prices == ()
    assert estate.sites.keys() == one.estate.sites.keys()


def test_without_prices_nothing_is_left_of_finance():
    one = reported("company")
    borrower = BorrowerPlan(
        party="company",
        consolidates=(),
        opening_cash_cents=123_456_700,
        minimum_cash_cents=0,
        gearing="0.7",
        dscr=None,
        reserve=None,
        gap_price="0.2",
        sources=(),
        flows=(),
        cash=(),
    )
    plan = one.plan.model_copy(update={"finance": (borrower,)})
    taken, estate, _ = redacted(plan, one.estate, one.extras, "prices")
    assert taken.finance == ()
    assert estate.finance == {}
    assert "1234567" not in taken.model_dump_json()
