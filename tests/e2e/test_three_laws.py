"""The Stargate example under the agreements of three days: the same questions, and what the law of each day says."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.bootstrap import estates
from offtake.domain.estate import Estate
from offtake.domain.selection import Action, ActionKind, Interval, SupplyFacts
from offtake.law.decide import Permit, decide
from offtake.law.facts import inference_facts, supplies

FILE = Path("examples/stargate/estate.yaml").resolve()
JANUARY, OCTOBER, APRIL = date(2025, 1, 21), date(2025, 10, 28), date(2026, 4, 27)


@pytest.fixture(scope="module")
def estate() -> Estate:
    found = load_estate(FILE)
    assert isinstance(found, Loaded)
    return found.estate


def supply(estate: Estate, id: str) -> SupplyFacts:
    return next(one for one in supplies(estate) if one.id == id)


def says(
    estate: Estate,
    known_at: date,
    kind: ActionKind,
    workload: str,
    model: str,
    at: str,
    on: date,
    *events: str,
) -> tuple[str, ...]:
    """The clauses of Microsoft's that refuse or oblige, on one day."""

    law = estates.law_of(estate, known_at)
    position = estates.position(estate, estates.supposed(estate, events))
    facts = inference_facts(estate, workload, "us-east", model)
    day = Interval(on, date.fromordinal(on.toordinal() + 1))
    found = decide(law, position, Action(kind=kind, interval=day, workload=facts, supply=supply(estate, at)))
    clauses = [one.origin.clause for one in found.obligations] if isinstance(found, Permit) else found.clauses
    return tuple(clause for clause in clauses if clause.startswith("microsoft-openai."))


@pytest.mark.parametrize(
    ("known_at", "clauses"),
    [(JANUARY, ("api-exclusive",)), (OCTOBER, ("api-exclusive",)), (APRIL, ())],
)
def test_the_api_leaves_azure_in_april_2026(estate: Estate, known_at: date, clauses: tuple[str, ...]) -> None:
    found = says(estate, known_at, "place", "api", "gpt-main", "aws-us", date(2026, 6, 1))
    assert found == tuple(f"microsoft-openai.{clause}" for clause in clauses)


@pytest.mark.parametrize(("known_at", "clauses"), [(JANUARY, ("first-refusal",)), (OCTOBER, ()), (APRIL, ())])
def test_microsoft_is_asked_first_until_october_2025(
    estate: Estate, known_at: date, clauses: tuple[str, ...]
) -> None:
    found = says(estate, known_at, "acquire", "chatgpt", "gpt-main", "coreweave-us", date(2026, 6, 1))
    assert found == tuple(f"microsoft-openai.{clause}" for clause in clauses)


@pytest.mark.parametrize(("known_at", "clauses"), [(JANUARY, ("agi",)), (OCTOBER, ()), (APRIL, ())])
def test_rights_end_on_a_declaration_until_october_2025(
    estate: Estate, known_at: date, clauses: tuple[str, ...]
) -> None:
    found = says(
        estate,
        known_at,
        "place",
        "agents",
        "gpt-next",
        "azure-us",
        date(2028, 6, 1),
        "agi-declared=2028-05-01",
    )
    assert found == tuple(f"microsoft-openai.{clause}" for clause in clauses)


def test_money_committed_to_azure_is_known_from_october_2025(estate: Estate) -> None:
    committed = {
        day: sum(
            meter.lower or 0
            for meter in estates.law_of(estate, day).meters
            if meter.origin.clause.startswith("microsoft-openai.azure-")
        )
        for day in (JANUARY, OCTOBER, APRIL)
    }
    assert committed == {JANUARY: 0, OCTOBER: 120_000_000_000, APRIL: 120_000_000_000}
