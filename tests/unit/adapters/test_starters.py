"""Estates to start from load as they stand, whatever the name."""

from __future__ import annotations

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.adapters.highs import HighsSolver
from offtake.adapters.starters import Kind, starter
from offtake.domain.errors import InvalidInput
from offtake.domain.handoffs import CapacityPlan
from offtake.law.compile import compile_law
from offtake.planner.planning import Question, plan
from offtake.planner.reading import position_of

NAMES = [
    "Acme",
    'A "b" c',
    "it's: a #test",
    "- x",
    "{a}",
    "NO",
    "back\\slash",
    "Ünïcode 😀",
    "@NAME@",
    "*a",
    "%",
    "2026",
]


@pytest.mark.parametrize("kind", ["company", "builder"])
@pytest.mark.parametrize("name", NAMES)
def test_a_starter_loads_without_problems(kind: Kind, name: str) -> None:
    found = load_estate_text(starter(kind, name))
    assert found.problems == ()
    assert isinstance(found, Loaded)
    assert found.estate.name == name


@pytest.mark.parametrize("name", ["", "   ", "two\nlines", "bell\a", "x" * 201, "\ud800", "\u2028"])
def test_what_is_no_name_is_refused(name: str) -> None:
    with pytest.raises(InvalidInput):
        starter("company", name)


def test_the_company_needs_no_site_and_few_lines() -> None:
    text = starter("company", "Acme")
    found = load_estate_text(text)
    assert isinstance(found, Loaded)
    assert not found.estate.sites
    assert not found.estate.accelerators
    assert len(text.splitlines()) < 40
    assert not any(word in text for word in (" MW", "FLOP", "accelerator"))


def test_the_builder_has_what_a_builder_needs() -> None:
    found = load_estate_text(starter("builder", "Acme"))
    assert isinstance(found, Loaded)
    estate = found.estate
    assert len(estate.sites) == 2
    assert {workload.kind for workload in estate.workloads.values()} == {"training", "inference"}
    kinds = {clause.kind for agreement in estate.agreements.values() for clause in agreement.clauses.values()}
    assert kinds == {"first-refusal", "budget"}
    assert [answer.clause for answer in estate.answers] == ["partnership.first-offer"]


@pytest.mark.parametrize("kind", ["company", "builder"])
def test_a_starter_plans_at_once_and_meets_every_need(kind: Kind) -> None:
    found = load_estate_text(starter(kind, "Acme"))
    assert isinstance(found, Loaded)
    estate = found.estate
    answer = plan(Question(estate, compile_law(estate), position_of(estate), found.digest), HighsSolver())
    assert isinstance(answer, CapacityPlan)
    assert answer.orders
    assert not answer.unmet
