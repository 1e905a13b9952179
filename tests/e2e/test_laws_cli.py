"""`offtake laws` as a stranger uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

POINTS = Path("examples/scaling-laws/chinchilla_points.csv").resolve()


def run(*arguments: object) -> Result:
    result = CliRunner().invoke(app, ["laws", *(str(argument) for argument in arguments)])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def test_the_best_run_for_chinchillas_budget() -> None:
    answer = json.loads(run("optimal", "--flop", "5.76e23", "--law", "besiroglu", "--json").output)
    assert answer["parameters"] == pytest.approx(72.2e9, rel=0.01)
    assert answer["loss"] == pytest.approx(1.974, abs=1e-3)
    assert "Besiroglu" in answer["source"]


def test_constants_of_ones_own_are_a_law() -> None:
    own = "1.8172,482.01,2085.43,0.3478,0.3658"
    answers = [
        json.loads(run("optimal", "--flop", "1e24", "--law", law, "--json").output)
        for law in (own, "besiroglu")
    ]
    assert answers[0]["parameters"] == answers[1]["parameters"]
    assert answers[0]["source"] == "constants as given"


def test_every_law_answers_or_says_why_not() -> None:
    result = run("optimal", "--loss", "2.1", "--law", "all")
    assert result.exit_code == 0
    assert "besiroglu" in result.output
    assert "states no loss" in result.output


@pytest.mark.parametrize(
    "arguments",
    [
        ("list",),
        ("list", "--json"),
        ("loss", "--parameters", "70 billion", "--tokens", "1.4 trillion tokens"),
        ("loss", "--flop", "1e24", "--law", "all"),
        ("loss", "--parameters", "1e9", "--law", "kaplan", "--json"),
        (
            "loss",
            "--parameters",
            "1e9",
            "--tokens",
            "1e11",
            "--unique-tokens",
            "1e10",
            "--law",
            "muennighoff",
        ),
        ("optimal", "--loss", "2.0", "--inference-tokens", "1e13"),
        ("optimal", "--flop", "1e22", "--unique-tokens", "1e10", "--law", "muennighoff"),
        ("optimal", "--parameters", "67e9", "--law", "hoffmann-1"),
        ("reach", "--loss", "2.1", "--parameters", "8e9"),
        ("reach", "--loss", "2.1", "--tokens", "15e12", "--json"),
        ("frontier", "--from", "1e20", "--to", "1e24", "--law", "kaplan"),
        ("frontier", "--json"),
        ("years", "--loss", "1.9", "--from", "2026", "--until", "2030"),
        ("years", "--flop", "5e25", "--halving-months", "0", "--json"),
    ],
)
def test_questions_have_answers(arguments: tuple[str, ...]) -> None:
    result = run(*arguments)
    assert result.exit_code == 0, result.output
    assert result.output.strip()


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        (("optimal",), "one thing"),
        (("optimal", "--flop", "-1"), "not above zero"),
        (("optimal", "--flop", "plenty"), "is not a quantity"),
        (("optimal", "--flop", "1e24", "--law", "besirogli"), "did you mean"),
        (("optimal", "--loss", "1.5"), "irreducible"),
        (("optimal", "--flop", "1e24", "--unique-tokens", "1e9"), "knows no repetition"),
        (("optimal", "--flop", "1e24", "--inference-tokens", "1e9"), "cannot count"),
        (("loss", "--parameters", "1e9"), "--tokens"),
        (("reach", "--loss", "2"), "three terms"),
        (("frontier", "--from", "1e24", "--to", "1e20"), "below"),
        (("frontier", "--plot", "picture.gif"), ".svg"),
        (("years",), "--loss"),
        (("optimal", "--flop", "1e24", "--law", "1.8,400"), "E,A,B,alpha,beta"),
        (("optimal", "--flop", "1e24", "--law", "1.8,400,400,-0.3,0.3"), "above zero"),
        (("years", "--loss", "2", "--law", "hoffmann-1"), "states no loss"),
        (("years", "--loss", "2", "--from", "2030", "--until", "2026"), "no years"),
        (("years", "--loss", "2", "--accelerator", "h10"), "did you mean"),
        (("fit", "nowhere.csv"), "cannot be read"),
        (("fit", POINTS, "--drop-highest", "500"), "cannot be dropped"),
    ],
)
def test_what_cannot_be_used_is_said(arguments: tuple[object, ...], says: str) -> None:
    result = run(*arguments)
    assert result.exit_code == 2, result.output
    assert says in result.output


def test_out_of_reach_is_no() -> None:
    result = run("reach", "--loss", "1.85", "--parameters", "8e9")
    assert result.exit_code == 1
    assert "out of reach" in result.output


def test_a_fit_with_its_picture(tmp_path: Path) -> None:
    for ending, begins in (("svg", b"<svg"), ("png", b"\x89PNG"), ("html", b"<!doctype html>")):
        file = tmp_path / f"fit.{ending}"
        result = run("fit", POINTS, "--drop-highest", 5, "--bootstrap", 20, "--plot", file)
        assert result.exit_code == 0, result.output
        assert "240 runs" in result.output
        assert file.read_bytes().startswith(begins)
    assert sorted(one.name for one in tmp_path.iterdir()) == ["fit.html", "fit.png", "fit.svg"]


def test_a_fit_as_json() -> None:
    answer = json.loads(run("fit", POINTS, "--drop-highest", 5, "--bootstrap", 0, "--json").output)
    assert answer["estimates"]["E"]["value"] == pytest.approx(1.8172, rel=1e-3)
    assert len(answer["residuals"]) == 240


def test_runs_that_cannot_tell_are_no(tmp_path: Path) -> None:
    file = tmp_path / "runs.csv"
    file.write_text(
        "parameters,tokens,loss\n" + "".join(f"{n}e9,{20 * n}e9,{3 - n / 50}\n" for n in range(1, 20))
    )
    result = run("fit", file)
    assert result.exit_code == 1
    assert "does not identify the law" in result.output
    assert "cannot be told apart" in result.output
    answer = json.loads(run("fit", file, "--json").output)
    assert answer["identified"] is False


def test_a_picture_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    result = run("frontier", "--plot", tmp_path / "nowhere" / "picture.svg")
    assert result.exit_code == 3
    assert "was not written" in result.output


def test_published_runs_beside_their_predictions() -> None:
    result = CliRunner().invoke(app, ["demand", "runs"])
    assert result.exit_code == 0
    assert "Llama 3.1 405B*" in result.output
    assert "-64%" in result.output
    records = json.loads(CliRunner().invoke(app, ["demand", "runs", "--json"]).output)
    assert len(records) == 10
    assert all(record["source"] and record["mfu"]["source"] for record in records)


def test_an_estates_runs_from_loss_to_money() -> None:
    estate = Path("examples/stargate/estate.yaml").resolve()
    result = CliRunner().invoke(app, ["demand", "chain", str(estate), "final-2027"])
    assert result.exit_code == 0, result.output
    assert "target loss" in result.output
    assert "MW" in result.output
    records = json.loads(CliRunner().invoke(app, ["demand", "chain", str(estate), "--json"]).output)
    assert {record["run"] for record in records} >= {"research-2025", "final-2026"}
    assert CliRunner().invoke(app, ["demand", "chain", str(estate), "nobody"]).exit_code == 2
