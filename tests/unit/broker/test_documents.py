"""Estates as documents: what is hashed can be read again, and says the same."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate, load_estate_text
from offtake.adapters.starters import starter
from offtake.broker.documents import estate_document, estate_of, law_digest
from offtake.domain.estate import Estate
from offtake.law.compile import compile_law

EXAMPLES = Path(__file__).parents[3] / "examples"


def estates() -> dict[str, Estate]:
    found = {path.parent.name: load_estate(path) for path in EXAMPLES.glob("*/estate.yaml")}
    found |= {f"new {kind}": load_estate_text(starter(kind, "acme")) for kind in ("company", "builder")}
    return {name: one.estate for name, one in found.items() if isinstance(one, Loaded)}


@pytest.mark.parametrize("name", sorted(estates()))
def test_an_estate_is_read_again_from_its_document(name: str) -> None:
    estate = estates()[name]
    document = estate_document(estate)
    again = estate_of(document)
    assert estate_document(again) == document
    assert law_digest(compile_law(again)) == law_digest(compile_law(estate))


def test_the_examples_are_there() -> None:
    assert {"company", "stargate", "new company", "new builder"} <= set(estates())


def test_the_same_law_has_one_digest_and_another_law_another() -> None:
    estate = estates()["stargate"]
    law = compile_law(estate)
    assert law_digest(law) == law_digest(compile_law(estate))
    assert law_digest(law.without("microsoft-openai.licence")) != law_digest(law)
