"""Plans for many futures, as a stranger asks for them."""

from __future__ import annotations

import csv
import json
from datetime import date
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offtake.domain.recourse import RollingPlan, StochasticPlan
from offtake.entrypoints.cli.app import app

COMPANY = Path("examples/company/estate.yaml").resolve()
FIRST = Path("examples/stargate/first-100.yaml").resolve()
FUTURES = (
    "--scenario",
    "25 %: scale demand=1.4",
    "--scenario",
    "35 %: scale demand=0.6, price h100=-30%",
)


def run(*arguments: object) -> Result:
    """Runs a command; whatever a user can type ends without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


def test_the_company_decides_for_three_futures(tmp_path: Path) -> None:
    options = ("--stochastic", "--until", "2027-01-01", "--later", "fractions", *FUTURES)
    result = run("plan", COMPANY, *options, "--out", tmp_path / "out")
    assert result.exit_code == 0, result.output
    said = " ".join(result.output.split())
    for part in ("3 futures", "orders before 2027-01-01", "wait and see, optimistic", "Certified"):
        assert part in said
    plan = StochasticPlan.model_validate_json((tmp_path / "out" / "stochastic.json").read_bytes())
    assert plan.known_cents <= plan.weighed_cents
    assert sum(one.probability for one in plan.futures) == pytest.approx(1)
    with (tmp_path / "out" / "futures.csv").open() as file:
        assert [row["name"] for row in csv.DictReader(file)] == [one.name for one in plan.futures]
    again = json.loads(run("plan", COMPANY, *options, "--way", "benders", "--json").output)
    assert again["weighed_cents"] == pytest.approx(plan.weighed_cents, rel=1e-5)
    assert again["rule"]["way"] == "benders"


def test_futures_are_drawn_by_seed_and_the_orders_tried_in_fresh_ones() -> None:
    options = ("--stochastic", "--until", "2027-01-01", "--later", "fractions", "--scenarios", 4, "--json")
    one, again, other = (
        json.loads(run("plan", COMPANY, *options, "--seed", seed, "--cvar", 0.5).output) for seed in (1, 1, 2)
    )
    assert one == again
    assert [row["about"] for row in one["futures"]] != [row["about"] for row in other["futures"]]
    assert one["fresh"]["count"] == 4
    assert one["fresh"]["low_cents"] <= one["fresh"]["mean_cents"] <= one["fresh"]["high_cents"]
    assert one["rule"]["weight"] == 0.5
    assert one["mean_cents"] <= one["weighed_cents"] <= one["worst_mean_cents"]


def test_people_decide_again_and_again(tmp_path: Path) -> None:
    options = ("--rolling", 2, "--stochastic", "--later", "fractions", *FUTURES)
    result = run("plan", COMPANY, *options, "--out", tmp_path)
    assert result.exit_code == 0, result.output
    plan = RollingPlan.model_validate_json((tmp_path / "rolling.json").read_bytes())
    assert plan.days == (date(2026, 1, 1), date(2027, 1, 1))
    assert plan.stochastic is not None
    assert plan.stochastic_cents is not None
    assert plan.known_cents <= min(plan.rolled_cents, plan.stochastic_cents) + 2
    assert "known from the start: wait and see, optimistic" in " ".join(result.output.split())


def test_an_estate_that_says_nothing_of_other_futures_has_none_to_decide_for() -> None:
    result = run("plan", FIRST, "--stochastic")
    assert result.exit_code == 2
    assert "docs/futures.md" in result.output


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (("--scenario", "30 %: scale demand=2", "--scenarios", "9"), "not both"),
        (("--scenario", "scale demand=2"), "30 %: scale demand=1.5"),
        (("--scenario", "30 %: demand=2"), "kinds: delay, price, default, scale"),
        (("--scenario", "130 %: scale demand=2"), "30 %"),
        (("--scenario", "60 %: scale demand=2", "--scenario", "60 %: scale demand=3"), "100 % at most"),
        (("--scenario", "50 %: scale demand.asistant=2"), "did you mean `demand.assistant`"),
        (("--scenario", "50 %: scale demand=2", "--first-periods", "9"), "8 periods"),
        (("--scenario", "50 %: scale demand=2", "--until", "2030-01-01"), "2028-01-01"),
        (("--scenario", "50 %: scale demand=2", "--rolling", "9"), "8 periods"),
        (("--scenario", "50 %: scale demand=2", "--rolling", "2", "--until", "2027-01-01"), "its own days"),
        (
            ("--scenario", "50 %: scale demand=2", "--way", "benders", "--later", "whole"),
            "--later fractions",
        ),
    ],
)
def test_what_cannot_be_decided_is_said(options: tuple[str, ...], hint: str) -> None:
    result = run("plan", COMPANY, "--stochastic", *options)
    assert result.exit_code == 2
    assert hint in " ".join(result.output.split())
