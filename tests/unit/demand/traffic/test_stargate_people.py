"""What people need in the Stargate example: made of users that were reported, every other number marked."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.demand.traffic.chain import inference_chain
from offtake.domain.estate import Estate
from offtake.domain.numbers import figures_of
from offtake.domain.usage import Usage
from offtake.domain.workloads import InferenceClass

FILE = Path(__file__).parents[4] / "examples" / "stargate" / "estate.yaml"
PRODUCTS = ("chatgpt", "chatgpt-eu", "m365-copilot", "m365-copilot-eu", "github-copilot")


@cache
def estate() -> Estate:
    found = load_estate(FILE)
    assert isinstance(found, Loaded)
    return found.estate


def usage(product: str) -> tuple[InferenceClass, Usage]:
    workload = estate().workloads[product]
    assert isinstance(workload, InferenceClass)
    assert workload.usage is not None
    return workload, workload.usage


@pytest.mark.parametrize("product", PRODUCTS)
def test_users_are_reported_and_all_else_says_what_it_is(product: str) -> None:
    workload, stated = usage(product)
    assert all(step.figure.source and not step.figure.assumed for step in stated.users)
    assert workload.assumed
    assert all(figure.assumed or figure.source for _, figure in figures_of(workload))


def test_chatgpt_writes_as_many_messages_as_were_reported() -> None:
    chains = [inference_chain(estate(), id, date(2025, 1, 1)) for id in ("chatgpt", "chatgpt-eu")]
    assert sum(chain.links[0].value for chain in chains) == pytest.approx(300e6)
    assert sum(chain.links[1].value for chain in chains) == pytest.approx(1e9, rel=0.01)


@pytest.mark.parametrize(
    ("product", "growth"), [("chatgpt", 0.7), ("m365-copilot", 0.6), ("github-copilot", 0.4)]
)
def test_the_factors_of_growth_are_what_the_notes_say_together(product: str, growth: float) -> None:
    first = usage(product)[0].traffic[0].growth
    assert first is not None
    assert first.value == pytest.approx(growth, abs=1e-4)
