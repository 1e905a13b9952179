"""`offtake check` and `offtake plan --futures` as a person runs them."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner

from offtake.entrypoints.cli.app import app
from uncertain_hall import ESTATE


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    path = tmp_path / "estate.yaml"
    _ = path.write_text(ESTATE, encoding="utf-8")
    return path


def said(*arguments: str | Path, status: int = 0) -> str:
    found = CliRunner().invoke(app, [str(one) for one in arguments])
    assert found.exit_code == status, found.output
    return found.output


def test_check_draws_a_sample_of_each_variable(estate: Path) -> None:
    shown = said("check", estate)
    assert all(name in shown for name in ("need", "price", "grid", "leaves", "never"))
    samples = json.loads(said("check", estate, "--json"))["futures"]
    assert [one["variable"] for one in samples] == ["need", "price", "grid", "leaves", "nothing"]
    assert samples[3]["unit"] == "day"
    assert samples[3]["p5"] >= "2026-01-01"
    assert 0.6 < samples[3]["never"] < 0.75


def test_plan_tells_the_futures_and_goes_on_from_those_kept(estate: Path, tmp_path: Path) -> None:
    keep = tmp_path / "kept.jsonl"
    asked = ("plan", estate, "--futures", "6", "--workers", "1", "--keep", keep)
    first = said(*asked, "--tornado")
    assert "6 of 6 futures" in first
    assert "wait and see: optimistic" in first
    assert "What moves the cost: each alone" in first
    outlook = json.loads(said(*asked, "--json"))
    assert (outlook["planned"], outlook["interrupted"]) == (6, False)
    assert "17 of an earlier run" in said(*asked, "--tornado")


def test_what_cannot_be_asked_is_refused_with_what_to_try(estate: Path) -> None:
    assert "--redact does not go" in said("plan", estate, "--futures", "3", "--redact", "prices", status=2)
    certain = estate.with_name("certain.yaml")
    _ = certain.write_text(ESTATE[: ESTATE.index("futures:")], encoding="utf-8")
    assert "nothing in this estate is uncertain" in said("plan", certain, "--futures", "3", status=2)
