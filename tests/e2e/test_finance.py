"""`offtake finance` as a stranger uses it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

ESTATE = """
offtake: 1
name: financed
for: lab
horizon: {from: 2026-01-01, until: 2029-01-01, periods: quarter, discount: 8 %}
parties: {lab: {}, builder: {}, owners: {}, bank: {}}
providers: {n: {party: builder}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW, price: 30000 USD/accelerator, life: 5 years, lead: 3 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall: {region: here, provider: n, owner: builder, tenant: lab, power: [{value: 20 MW}], builds: [chip],
    rent: 1.80 USD/accelerator-hour}
workloads:
  chat: {kind: inference, party: lab, models: [m], worth: 20 USD per million tokens,
    traffic: [{region: here, in: 0 tokens/s, out: 50000 tokens/s}]}
finance:
  builder:
    sources:
      owners: {kind: equity, provider: owners, amount: 5 million USD}
      loan: {kind: debt, provider: bank, amount: 6 million USD, from: 2026-01-01, until: 2027-01-01,
        interest: 7 %, term: 1 year, assumed: true}
"""


def run(*arguments: object) -> Result:
    """Runs a command; whatever a user can type ends without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture(scope="module")
def plan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("money")
    (folder / "estate.yaml").write_text(ESTATE)
    (folder / "plan.json").write_text(run("plan", folder / "estate.yaml", "--json").output)
    return folder


def test_the_page_says_what_is_covered_and_what_is_assumed(plan: Path) -> None:
    shown = run("finance", plan)
    assert shown.exit_code == 0
    assert "builder builds for USD" in shown.output
    assert "nobody has promised, from 2026-01-01 on" in shown.output
    assert "Assumed, not reported: loan" in shown.output
    for part in (
        "Sources and uses",
        "Cash flow",
        "Income, before tax",
        "Balance",
        "its cover",
        "internal rate",
    ):
        assert part in shown.output


def test_json_adds_up_in_whole_micro_units(plan: Path) -> None:
    (told,) = json.loads(run("finance", plan / "plan.json", "--json").output)
    assert sum(told["sources"].values()) == sum(told["uses"].values())
    assert told["gap"] == told["sources"]["nobody (the gap)"] > 0
    for one in told["periods"]:
        assert one["cash"] + one["assets"] == one["debt"] + one["paid_in"] + one["retained"]
    assert sum(one["repaid"] for one in told["periods"]) == sum(one["drawn"] for one in told["periods"])


def test_the_lessors_view_says_whom_it_lives_on(plan: Path) -> None:
    shown = run("finance", plan, "--for", "builder", "--stops-on", "2027-07-01")
    assert shown.exit_code == 0
    assert "100 % of it from lab" in shown.output
    assert "If lab pays nothing from 2027-07-01 on" in shown.output
    told = json.loads(run("finance", plan, "--for", "builder", "--json").output)
    assert told["largest"] == "lab"
    assert sum(one["received"] for one in told["years"]) == sum(told["received_from"].values())


def test_a_party_without_sources_has_a_view_too(plan: Path) -> None:
    assert "market receives USD" in run("finance", plan, "--for", "market").output


@pytest.mark.parametrize(
    ("options", "hint"),
    [(["--for", "bulder"], "did you mean `builder`"), (["--stops-on", "soon"], "stops-on")],
)
def test_what_cannot_be_asked_is_said(plan: Path, options: list[str], hint: str) -> None:
    result = run("finance", plan, *options)
    assert result.exit_code == 2
    assert hint in result.output


def test_a_plan_without_facilities_says_where_to_state_them(tmp_path: Path) -> None:
    (tmp_path / "estate.yaml").write_text(ESTATE.split("finance:", maxsplit=1)[0])
    (tmp_path / "plan.json").write_text(run("plan", tmp_path / "estate.yaml", "--json").output)
    result = run("finance", tmp_path)
    assert result.exit_code == 2
    assert "finance:" in result.output
    assert run("finance", tmp_path / "none.json").exit_code == 2
