"""`offtake demand` as people use it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

ROOT = Path(__file__).parents[2]
TRACE = ROOT / "examples" / "traces" / "azure-llm-2023-conversations.csv.gz"
STARGATE = ROOT / "examples" / "stargate" / "estate.yaml"
RATE = ("--model", "llama3.1-405b", "--accelerator", "gb200")


def demand(*arguments: object) -> Result:
    return CliRunner().invoke(app, ["demand", *(str(one) for one in arguments)])


def test_a_trace_is_fitted_and_drawn(tmp_path: Path) -> None:
    picture = tmp_path / "fit.svg"
    found = demand("fit", TRACE, *RATE, "--plot", picture)
    assert found.exit_code == 0, found.output
    assert "19,366 requests in 58.4 min" in found.output
    assert "by replay of the trace" in found.output
    assert picture.read_text(encoding="utf-8").startswith("<svg")


def test_the_same_as_json() -> None:
    found = json.loads(demand("fit", TRACE, *RATE, "--json").output)
    assert found["arrivals"]["requests"] == 19_366
    assert found["capacity"]["replay"] == 9
    assert found["capacity"]["curve"][-1]["model_wait_s"] == 0


def test_without_a_rate_there_is_no_capacity() -> None:
    assert json.loads(demand("fit", TRACE, "--json").output)["capacity"] is None


REFUSED = [
    ("--target", "p99", "no target"),
    ("--target", "p0=2s", "no target"),
    ("--target", "p99=2 MW", "not a latency"),
    ("--rate", "-3", "above zero"),
    ("--rate", "0", "above zero"),
    ("--model", "llama3.1-405b", "--accelerator"),
    ("--units-in", "100", "--units-out"),
    ("--plot", "fit.pdf", "no kind of picture"),
]


@pytest.mark.parametrize(("option", "value", "said"), REFUSED)
def test_what_cannot_be_used_is_refused_before_the_trace_is_read(option: str, value: str, said: str) -> None:
    found = demand("fit", "no-such-file.csv", option, value)
    assert found.exit_code == 2
    assert said in found.output


def test_two_rates_are_one_too_many() -> None:
    found = demand("fit", TRACE, *RATE, "--rate", "161")
    assert found.exit_code == 2
    assert "more than one rate" in found.output


def test_rates_say_what_they_mean() -> None:
    found = demand("rates", "--model", "llama3.1-405b", "--scenario", "server")
    assert found.exit_code == 0
    assert "NVIDIA GB300" in found.output
    assert "Server: requests come at random" in found.output


def test_a_profile_shows_each_class_in_typical_hours() -> None:
    found = demand("profile", STARGATE)
    assert found.exit_code == 0, found.output
    assert "chatgpt" in found.output
    chain = json.loads(demand("profile", STARGATE, "chatgpt", "--on", "2026-01-01", "--json").output)[0]
    assert [link["name"] for link in chain["links"]][-3:] == ["accelerators", "power", "to buy"]


@pytest.mark.parametrize(
    ("arguments", "said"),
    [(("chatgtp",), "no inference class"), (("chatgpt", "--on", "1999-01-01"), "outside the horizon"),
     (("chatgpt", "--accelerator", "tpu"), "no rate on")],
)  # fmt: skip
def test_a_profile_of_what_is_not_there_is_refused(arguments: tuple[str, ...], said: str) -> None:
    found = demand("profile", STARGATE, *arguments)
    assert found.exit_code == 2
    assert said in found.output


def test_a_history_is_forecast_and_judged(tmp_path: Path) -> None:
    values = "".join(
        f"{2023 + n // 12}-{n % 12 + 1:02d},{100 * 1.05**n * (1 + n % 3 / 50)}\n" for n in range(18)
    )
    (tmp_path / "usage.csv").write_text(f"month,tokens\n{values}", encoding="utf-8")
    found = demand("forecast", tmp_path / "usage.csv", "--ahead", 3, "--plot", tmp_path / "f.svg")
    assert found.exit_code == 0, found.output
    assert "Judged by the past" in found.output
    assert "2024-07-01" in found.output
    assert (tmp_path / "f.svg").exists()


@pytest.mark.parametrize(
    ("option", "value"), [("--level", "100"), ("--where", "blue"), ("--plot", "f.doc"), ("--ahead", "0")]
)
def test_a_forecast_of_nonsense_is_refused(option: str, value: str) -> None:
    assert demand("forecast", "no-such-file.csv", option, value).exit_code == 2
