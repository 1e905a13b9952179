"""The schema for editors: it admits what reading admits, and underlines what reading refuses."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Any, cast

import jsonschema
import pytest

from offtake.adapters.estate_yaml.nodes import plain
from offtake.adapters.estate_yaml.schema import estate_schema
from offtake.adapters.estate_yaml.source import NodeBudget, parse
from offtake.adapters.starters import starter

# Rules of auto-responders stand in files of their own, which are no estates.
EXAMPLES = [
    path
    for path in sorted((Path(__file__).parents[3] / "examples").glob("**/*.yaml"))
    if "\nresponders: 1\n" not in f"\n{path.read_text()}"
]


def as_json(value: object) -> Any:
    if isinstance(value, dict):
        return {key: as_json(inner) for key, inner in cast("dict[str, object]", value).items()}
    if isinstance(value, tuple):
        return [as_json(inner) for inner in cast("tuple[object, ...]", value)]
    if isinstance(value, date):
        return value.isoformat()
    return float(value) if isinstance(value, Decimal) else value


def complaints(content: bytes) -> list[str]:
    root, _ = parse(content, "e.yaml", NodeBudget())
    validator = jsonschema.Draft202012Validator(estate_schema())
    return [error.message for error in validator.iter_errors(as_json(plain(root)))]


def test_the_schema_is_one() -> None:
    jsonschema.Draft202012Validator.check_schema(estate_schema())


def test_the_schema_is_the_same_each_time() -> None:
    assert estate_schema() == estate_schema()


@pytest.mark.parametrize("kind", ["company", "builder"])
def test_starters_fit(kind: Any) -> None:
    assert complaints(starter(kind, "Acme").encode()) == []


@pytest.mark.parametrize("path", EXAMPLES, ids=[f"{path.parent.name}/{path.name}" for path in EXAMPLES])
def test_examples_fit(path: Path) -> None:
    assert complaints(path.read_bytes()) == []


@pytest.mark.parametrize(
    "text",
    [
        "sites: {s: {region: r, power: 5 MW}}",
        "sites: {s: {region: r, power: [5 MW, {value: 6 MW, from: 2027-01-01}]}}",
        "parties:\n  a:\n",
        "models: {m: {tags: agi}}",
    ],
)
def test_short_forms_fit(text: str) -> None:
    assert complaints(text.encode()) == []


@pytest.mark.parametrize(
    "text",
    [
        "horizn: {}",
        "regions: {r: {jurisdiction: NOR}}",
        "workloads: {w: {kind: trainin}}",
        "sites: {s: {power: 5 MW}}",
        "sites: {s: {region: r, status: energized}}",
        "horizon: {from: 2026-01-01}",
    ],
)
def test_what_reading_refuses_is_underlined(text: str) -> None:
    assert complaints(text.encode()) != []
