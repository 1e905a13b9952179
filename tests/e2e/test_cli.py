"""The commands as a stranger uses them: what they print, what they write, and how they end."""

from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pyarrow.parquet as parquet
import pytest
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

COMPANY = Path("examples/company/estate.yaml").resolve()

STUCK = """
offtake: 1
for: us
horizon: {from: 2026-01-01, until: 2027-01-01, periods: quarter}
parties: {us: {}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip: {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW, price: 1 USD/accelerator, life: 5 years}
sites:
  hall: {region: here, power: [{value: 1 MW}], stock: [{accelerator: chip, count: 10}]}
workloads:
  run: {kind: training, flop: 1e26 FLOP, window: {from: 2026-01-01, until: 2026-12-31}}
"""


def run(*arguments: object) -> Result:
    """Runs a command; whatever a user can type ends without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.mark.parametrize("kind", ["company", "builder"])
def test_a_new_estate_checks_and_plans_at_once(kind: str, tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    assert run("new", "Müller & Söhne: #1", "--kind", kind, "--out", estate).exit_code == 0
    if kind == "company":
        assert len(estate.read_text().splitlines()) < 40
    checked = run("check", estate)
    assert checked.exit_code == 0
    assert "no errors, no warnings" in checked.output
    planned = run("plan", estate)
    assert planned.exit_code == 0
    assert "It costs" in planned.output
    assert "best case with perfect foresight, not a forecast" in planned.output
    assert "Certified" in planned.output


def test_new_names_the_file_after_the_estate(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    assert run("new", "--kind", "builder", "../Müller & Söhne: #1").exit_code == 0
    assert [path.name for path in tmp_path.iterdir()] == ["müller-söhne-1.yaml"]
    assert run("new", "acme", "--out", "-").output.startswith("# What acme buys")


def test_new_writes_over_nothing(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text("mine")
    assert run("new", "acme", "--out", estate).exit_code == 2
    assert estate.read_text() == "mine"


def test_check_names_every_problem_with_its_line(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text(
        "offtake: 1\nhorizon: {from: 2026-01-01, until: 2027-01-01}\nregoins: {}\n"
        "accelerators:\n  chip: {power: 12 parsec}\n"
    )
    shown = run("check", estate)
    assert shown.exit_code == 1
    assert f"{estate.name}:3:" in shown.output
    assert "regions" in shown.output
    assert f"{estate.name}:5:" in shown.output
    told = json.loads(run("check", estate, "--json").output)
    assert told["errors"] == 2
    assert {problem["line"] for problem in told["problems"]} == {3, 5}


JUNK = [b"", b"\x00\x01\x02", b"- 1\n- 2\n", b"a: &a [*a]\n", b"\xff\xfe\x00", b"x" * 100_000]


@pytest.mark.parametrize("content", JUNK)
@pytest.mark.parametrize("command", [["check"], ["plan"], ["explain", "w"]])
def test_junk_is_refused_in_words(content: bytes, command: list[str], tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_bytes(content)
    result = run(command[0], estate, *command[1:])
    assert result.exit_code in (1, 2)
    assert result.output.strip()


def test_a_missing_file_and_a_folder_are_refused_in_words(tmp_path: Path) -> None:
    assert run("plan", tmp_path / "none.yaml").exit_code == 2
    assert run("plan", tmp_path).exit_code == 2
    assert run("check", tmp_path / "none.yaml").exit_code == 2
    assert run("check", "/").exit_code == 2


def test_plan_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("first", "second"):
        assert run("plan", COMPANY, "--out", tmp_path / name).exit_code == 0
    first = sorted(path for path in (tmp_path / "first").rglob("*") if path.is_file())
    assert len(first) > 20
    for path in first:
        twin = tmp_path / "second" / path.relative_to(tmp_path / "first")
        assert path.read_bytes() == twin.read_bytes(), path.name


def test_plan_json_keeps_its_schema_and_its_tables_agree(tmp_path: Path) -> None:
    run("plan", COMPANY, "--out", tmp_path)
    plan = json.loads((tmp_path / "plan.json").read_text())
    schema = json.loads((tmp_path / "plan.schema.json").read_text())
    jsonschema.Draft202012Validator.check_schema(schema)
    jsonschema.validate(plan, schema)
    assert plan["format"] == "offtake.capacity-plan/1"
    spend = parquet.read_table(tmp_path / "tables" / "spend.parquet").to_pylist()
    assert sum(row["amount_cents"] for row in spend) == sum(row["amount_cents"] for row in plan["spend"])
    assert len(spend) == len((tmp_path / "tables" / "spend.csv").read_text().splitlines()) - 1
    assert all(check["passed"] for check in plan["certificate"]["checks"])


def test_plan_as_json_is_the_plan(tmp_path: Path) -> None:
    run("plan", COMPANY, "--out", tmp_path)
    assert json.loads(run("plan", COMPANY, "--json").output) == json.loads(
        (tmp_path / "plan.json").read_text()
    )


def test_an_output_folder_that_cannot_be_made_is_said(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("")
    result = run("plan", COMPANY, "--out", tmp_path / "taken" / "deeper")
    assert result.exit_code == 3
    assert "--out" in result.output


def test_no_plan_names_what_cannot_hold_together(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text(STUCK)
    result = run("plan", estate)
    assert result.exit_code == 1
    assert "cannot hold together" in result.output
    assert "workloads.run" in result.output
    told = json.loads(run("plan", estate, "--json").output)
    assert any(row["source"] == "workloads.run" for row in told["conflicts"])


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--for", "nobody"], "parties of the estate"),
        (["--event", "nothing=2026-01-01"], "events of the estate"),
        (["--known-at", "soon"], "known-at"),
        (["--solver", "magic"], "solver"),
    ],
)
def test_options_that_cannot_be_used_say_what_can(options: list[str], hint: str) -> None:
    result = run("plan", COMPANY, *options)
    assert result.exit_code == 2
    assert hint in result.output


def test_price_is_the_difference_of_two_plans() -> None:
    plan = json.loads(run("plan", COMPANY, "--json").output)
    price = json.loads(run("price", "alpha-cloud.spend", COMPANY, "--json").output)
    assert price["with_clause_cents"] == plan["cost_cents"]
    assert price["price_cents"] == price["with_clause_cents"] - price["without_clause_cents"]
    assert "do not add up" in price["says"]
    assert "alpha-cloud.spend" in run("price", "alpha-cloud.spend", COMPANY).output


def test_price_of_an_unknown_clause_offers_the_nearest() -> None:
    result = run("price", "alpha-cloud.spned", COMPANY)
    assert result.exit_code == 2
    assert "did you mean `alpha-cloud.spend`" in result.output


def test_explain_says_where_and_why_not() -> None:
    table = run("explain", COMPANY, "assistant", "--on", "2026-06-01")
    assert table.exit_code == 0
    assert "permitted" in table.output
    assert "refused" in table.output
    rows = json.loads(run("explain", COMPANY, "assistant", "--on", "2026-06-01", "--json").output)
    refused = [row for row in rows if row["answer"] == "refused" and row["action"] == "process"]
    assert refused
    assert all(row["clauses"] for row in refused)
    answer = run("explain", COMPANY, "assistant", refused[0]["supply"], "--on", "2026-06-01")
    assert answer.exit_code == 1
    assert refused[0]["clauses"][0]["clause"] in answer.output


def test_explain_of_an_unknown_workload_is_said() -> None:
    result = run("explain", COMPANY, "asistant")
    assert result.exit_code == 2
    assert "asistant" in result.output


@pytest.mark.parametrize("options", [[], ["--plan"]])
def test_schema_is_a_json_schema(options: list[str]) -> None:
    schema = json.loads(run("schema", *options).output)
    jsonschema.Draft202012Validator.check_schema(schema)


def test_every_command_has_an_example() -> None:
    for command in ("new", "check", "schema", "explain", "plan", "price"):
        shown = run(command, "--help")
        assert shown.exit_code == 0
        assert "Example:" in shown.output
