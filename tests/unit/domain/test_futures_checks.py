"""What is uncertain, as it should be and as it cannot be: each problem at its line."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, Problems, load_estate, load_estate_text

BASE = """\
offtake: 1
horizon: {from: 2026-01-01, until: 2028-01-01}
parties: {us: {}, them: {}}
providers: {cloud: {party: them}}
regions: {at: {jurisdiction: DE}}
models: {m: {launched: 2025-01-01}}
products: {tokens: {kind: tokens, provider: cloud, prices: {m: {in: 1 USD/Mtoken, out: 2 USD/Mtoken}}}}
deployments: {d: {provider: cloud, region: at, model: m, products: [tokens], may_process_in: [DE]}}
workloads: {chat: {kind: inference, models: [m], worth: 9 USD/Mtok, traffic: [{region: at, in: 1 tok/s, out: 1 tok/s}]}}
events: {end: {}}
futures:
  variables:
    need:
      demand: chat
      kind: triangular
      low: 80 %
      mode: 1
      high: 1.5
      assumed: true
    price:
      price: tokens
      kind: growth
      volatility: 20 %
      assumed: true
    over:
      event: end
      kind: hazard
      rate: 10 %
      assumed: true
    worth:
      figure: workloads.chat.worth
      kind: discrete
      outcomes:
        - {value: 0.5, probability: 40 %}
        - {value: 2, probability: 60 %}
      assumed: true
  correlations:
    market:
      of: [need, worth]
      all: 0.5
"""


def test_variables_as_they_should_be_have_no_problem() -> None:
    found = load_estate_text(BASE)
    assert isinstance(found, Loaded), found
    assert not [one for one in found.problems if one.path.startswith("futures")]


@pytest.mark.parametrize(
    ("before", "after", "line", "column", "said"),
    [
        ("probability: 60 %", "probability: 160 %", 35, 35, "no probability"),
        ("probability: 60 %", "probability: 50 %", 33, 7, "90 %"),
        ("all: 0.5", "all: 1.5", 40, 12, "no correlation"),
        ("all: 0.5", "matrix: [[1, 0.5], [0.4, 1]]", 40, 27, "the other way round"),
        ("      event: end\n", "", 26, 13, "names no event"),
        ("event: end", "event: ned", 26, 14, "no event `ned`"),
        ("figure: workloads.chat.worth", "figure: workloads.chat.wroth", 31, 15, "nothing stands"),
        ("figure: workloads.chat.worth", "figure: workloads.chat.models", 31, 15, "no number"),
        ("demand: chat", "demand: chta", 14, 15, "chta"),
        ("high: 1.5", "high: 0.9", 18, 13, "below `mode`"),
        ("high: 1.5", "high: much", 18, 13, "not a quantity"),
        ("volatility: 20 %", "volatility: -20 %", 23, 19, "out of range"),
        ("of: [need, worth]", "of: [need, price]", 39, 7, "cannot be correlated"),
        ("of: [need, worth]", "of: [need, wroth]", 39, 18, "no variable"),
        ("kind: growth\n      volatility: 20 %", "kind: normal\n      deviation: -1", 23, 18, "negative"),
        ("demand: chat", "demand: chat\n      price: tokens", 15, 7, "`demand` and `price`"),
        ("event: end", "price: tokens", 27, 13, "names no event"),
        ("price: tokens", "delay: tokens", 22, 13, "one number"),
        ("rate: 10 %", "rate: 10 %\n      from: 2027-01-01\n      until: 2026-01-01", 30, 14, "before"),
    ],
)
def test_what_cannot_be_is_said_with_its_line(
    before: str, after: str, line: int, column: int, said: str
) -> None:
    found = load_estate_text(BASE.replace(before, after, 1))
    assert isinstance(found, Problems), found
    errors = [one for one in found.problems if one.severity == "error" and one.path.startswith("futures")]
    assert said in " ".join(one.message for one in errors), errors
    assert (errors[0].line, errors[0].column) == (line, column), errors


def test_a_matrix_that_no_variables_can_have_is_refused() -> None:
    three = BASE.replace("of: [need, worth]", "of: [need, worth, over]").replace(
        "all: 0.5", "matrix: [[1, 0.9, 0.9], [0.9, 1, -0.9], [0.9, -0.9, 1]]"
    )
    found = load_estate_text(three)
    assert isinstance(found, Problems)
    (error,) = (one for one in found.problems if one.severity == "error")
    assert "positive semi-definite" in error.message
    assert error.line == 40


def test_a_distribution_without_a_source_is_a_warning() -> None:
    found = load_estate_text(BASE.replace("      assumed: true\n", "", 1))
    assert isinstance(found, Loaded)
    (warned,) = (one for one in found.problems if one.path.startswith("futures"))
    assert warned.code == "no-source"
    assert warned.line == 13


def estate_with(folder: Path, observations: str, column: str = "factor") -> Loaded | Problems:
    _ = (folder / "seen.csv").write_text(observations, encoding="utf-8")
    kind = f"kind: empirical\n      file: seen.csv\n      column: {column}"
    text = BASE.replace("kind: triangular\n      low: 80 %\n      mode: 1\n      high: 1.5", kind)
    main = folder / "estate.yaml"
    _ = main.write_text(text, encoding="utf-8")
    return load_estate(main)


def test_observations_are_read_from_a_file_and_named_by_the_digest(tmp_path: Path) -> None:
    first = estate_with(tmp_path, "day,factor\n1,0.9\n2,\n3,1.2\n")
    assert isinstance(first, Loaded), first
    need = first.estate.futures.variables["need"]
    assert getattr(need, "values", ()) == ("0.9", "1.2")
    second = estate_with(tmp_path, "day,factor\n1,0.9\n3,1.3\n")
    assert isinstance(second, Loaded)
    assert first.digest != second.digest


@pytest.mark.parametrize(
    ("observations", "column", "file", "line", "said"),
    [
        ("", "factor", "estate.yaml", 17, "no column"),
        ("day,factor\n", "factor", "estate.yaml", 16, "no observations"),
        ("day,factor\n1,0.9\n", "price", "estate.yaml", 17, "no column"),
        ("day,factor\n1,0.9\n2,half\n", "factor", "seen.csv", 3, "not a quantity"),
    ],
)
def test_observations_that_cannot_be_used_are_refused(
    tmp_path: Path, observations: str, column: str, file: str, line: int, said: str
) -> None:
    found = estate_with(tmp_path, observations, column)
    assert isinstance(found, Problems)
    error = found.errors[0]
    assert (error.file, error.line) == (file, line)
    assert said in error.message
