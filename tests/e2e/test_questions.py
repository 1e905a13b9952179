"""Questions in one line, as a stranger asks them: what-if, compare, price --walk-away, calendar."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from icalendar import Calendar
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

COMPANY = Path("examples/company/estate.yaml").resolve()
STARGATE = Path("examples/stargate/first-100.yaml").resolve()


def run(*arguments: object) -> Result:
    """Runs a command; whatever a user can type ends without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


SUPPOSITIONS = [
    ["--delay", "server-room=2Q"],
    ["--price", "alpha=-30%"],
    ["--default", "beta=2027-01"],
    ["--drop", "customers.residency"],
    ["--scale", "demand.assistant=1.5"],
]


@pytest.mark.parametrize("options", SUPPOSITIONS, ids=lambda one: one[0])
def test_each_supposition_changes_the_company(options: list[str]) -> None:
    told = json.loads(run("what-if", COMPANY, *options, "--json").output)
    change = told["change"]["cost_cents"]
    assert change == told["after"]["cost_cents"] - told["before"]["cost_cents"]
    falls = options[0] in ("--price", "--drop")
    # Eight more accelerators in the server room do not pay before they may come, so a delay costs nothing there.
    assert change == 0 if options[0] == "--delay" else (change < 0) == falls
    assert told["after"]["cover"] > 0.9


def test_all_suppositions_together_change_stargate() -> None:
    result = run(
        "what-if",
        STARGATE,
        *("--delay", "abilene=2Q", "--price", "gb300=-30%", "--default", "coreweave=2027-01"),
        *("--drop", "microsoft-openai.first-refusal", "--scale", "demand.chatgpt=1.5"),
        *("--known-at", "2025-01-21"),
    )
    assert result.exit_code == 0
    assert (
        "Supposing abilene later by 2Q, prices of gb300 -30%, coreweave in default from 2027-01, "
        "without microsoft-openai.first-refusal, demand.chatgpt times 1.5:" in " ".join(result.output.split())
    )
    for part in ("cost, unmet need included", "need served", "paid to"):
        assert part in result.output


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        ([], "--delay"),
        (["--delay", "server-rom=2Q"], "did you mean `server-room`"),
        (["--delay", "server-room=soon"], "abilene=2Q"),
        (["--price", "h10=-30%"], "did you mean `h100`"),
        (["--default", "alpa=2027-01"], "did you mean `alpha`"),
        (["--drop", "customers.residence"], "did you mean `customers.residency`"),
        (["--scale", "demand.asistant=2"], "did you mean `demand.assistant`"),
    ],
)
def test_a_supposition_that_cannot_be_is_said(options: list[str], hint: str) -> None:
    result = run("what-if", COMPANY, *options)
    assert result.exit_code == 2
    assert hint in result.output


def test_walk_away_is_the_price_and_an_annuity_of_it() -> None:
    told = json.loads(run("price", "alpha-cloud.spend", COMPANY, "--walk-away", "--json").output)
    terms = told["walk_away"]
    assert terms["once_cents"] == told["price_cents"] > 0
    # Two years at 6 %: the factor of an annuity lies between one and two years' worth.
    assert terms["once_cents"] / 2 < terms["each_year_cents"] < terms["once_cents"] / 1.8
    shown = run("price", "alpha-cloud.spend", COMPANY, "--walk-away").output
    assert "company does not mind the clause if it is paid EUR" in shown


def test_all_clauses_have_their_walk_away() -> None:
    told = json.loads(run("price", "all", COMPANY, "--walk-away", "--json").output)
    assert {"alpha-cloud.spend", "customers.residency"} <= {one["clause"] for one in told}
    assert all(one["walk_away"]["once_cents"] == one["price_cents"] for one in told)


def test_two_laws_of_one_estate_are_compared(tmp_path: Path) -> None:
    page = tmp_path / "laws.html"
    days = ("--known-at", "2026-09-14", "--known-at", "2026-09-15")
    told = json.loads(run("compare", COMPANY, *days, "--out", page, "--json").output)
    assert told["format"] == "offtake.comparison/1"
    assert [row["clause"] for row in told["clauses"]] == ["alpha-cloud.spend"]
    assert told["change_cents"] == told["second"]["cost_cents"] - told["first"]["cost_cents"]
    assert "alpha-cloud.spend" in page.read_text()


def test_plans_that_are_made_are_compared(tmp_path: Path) -> None:
    for name, days in (("all", ()), ("early", ("--known-at", "2026-01-01"))):
        (tmp_path / name).mkdir()
        (tmp_path / name / "plan.json").write_text(run("plan", COMPANY, *days, "--json").output)
    result = run("compare", tmp_path / "early", tmp_path / "all" / "plan.json")
    assert result.exit_code == 0
    assert "All costs company" in result.output
    assert "in all" in result.output


def test_a_clause_dropped_is_compared_with_the_law_as_agreed() -> None:
    result = run("compare", COMPANY, "--drop", "customers.residency")
    assert result.exit_code == 0
    assert "Without customers.residency costs company EUR" in result.output
    assert "not agreed" in result.output


@pytest.mark.parametrize(
    ("arguments", "hint"),
    [
        ([COMPANY], "--known-at twice"),
        ([COMPANY, "--known-at", "2026-01-01"], "--known-at twice"),
        ([COMPANY, "--drop", "customers.residence"], "did you mean `customers.residency`"),
        ([COMPANY, "nothing.json"], "an estate with an estate"),
        (["nothing.json", "nothing.json"], "cannot be read"),
        (["a.json", "b.json", "--drop", "x.y"], "plans that are made"),
        (
            [COMPANY, "--known-at", "2026-01-01", "--known-at", "2026-02-01", "--known-at", "2026-03-01"],
            "two days",
        ),
    ],
)
def test_what_cannot_be_compared_is_said(arguments: list[object], hint: str) -> None:
    result = run("compare", *arguments)
    assert result.exit_code == 2
    assert hint in result.output


def test_the_calendar_is_a_table_json_csv_and_icalendar(tmp_path: Path) -> None:
    shown = run("calendar", COMPANY)
    assert shown.exit_code == 0
    for kind in ("notice", "true-up", "renewal", "expiry", "takes effect"):
        assert kind in shown.output
    told = json.loads(run("calendar", COMPANY, "--json", "--out", tmp_path / "dates.ics").output)
    assert run("calendar", COMPANY, "--out", tmp_path / "dates.csv").exit_code == 0
    events = Calendar.from_ical((tmp_path / "dates.ics").read_bytes()).walk("VEVENT")
    assert len(told) == len(events) == len((tmp_path / "dates.csv").read_text().splitlines()) - 1
    spend = next(one for one in told if one["kind"] == "true-up" and one["subject"] == "alpha-cloud.spend")
    assert (spend["on"], spend["at_stake_cents"], spend["currency"]) == ("2026-12-31", 44_000_000, "EUR")


def test_the_calendar_of_stargate_knows_what_was_known(tmp_path: Path) -> None:
    early = json.loads(run("calendar", STARGATE, "--known-at", "2025-01-21", "--json").output)
    later = json.loads(run("calendar", STARGATE, "--known-at", "2025-10-28", "--json").output)
    assert {one["kind"] for one in early} >= {"response", "renewal", "expiry"}
    assert not [one for one in early if one["subject"] == "oracle-openai.take"]
    assert [one for one in later if one["subject"] == "oracle-openai.take"]
    files = [tmp_path / name for name in ("a.ics", "b.ics")]
    for file in files:
        run("calendar", STARGATE, "--event", "agi-declared=2028-05-01", "--out", file)
    assert files[0].read_bytes() == files[1].read_bytes()


@pytest.mark.parametrize(
    ("options", "hint"),
    [
        (["--out", "dates.pdf"], ".ics or .csv"),
        (["--for", "alpa"], "did you mean `alpha`"),
        (["--from", "2027-01-01", "--until", "2026-01-01"], "--until"),
        (["--event", "nothing=2026-01-01"], "events of the estate"),
    ],
)
def test_a_calendar_that_cannot_be_is_said(options: list[str], hint: str) -> None:
    result = run("calendar", COMPANY, *options)
    assert result.exit_code == 2
    assert hint in result.output
