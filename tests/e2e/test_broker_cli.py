"""The broker and the ledger on the command line, as a person or a script would use them."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path
from typing import Any

import pytest
import yaml
from rich.console import Console
from typer.testing import CliRunner

from brokered import market, right
from offtake.entrypoints.cli import plan_page
from offtake.entrypoints.cli.app import app

RUNNER = CliRunner()


@pytest.fixture
def ledger(tmp_path: Path) -> str:
    """A ledger that was opened for a rehearsal in January 2026."""
    estate = tmp_path / "estate.yaml"
    estate.write_text(yaml.safe_dump(market(agreements=right(), events={"flood": {}})))
    where = str(tmp_path / "deals.db")
    said(["broker", "open", str(estate), "--rehearsal", "--at", "2026-01-12T09:00"], where)
    return where


def run(command: list[str], ledger: str) -> Any:
    return RUNNER.invoke(app, [*command, "--ledger", ledger])


def said(command: list[str], ledger: str, status: int = 0) -> str:
    """What a command prints; fails if it leaves with another status."""
    result = run(command, ledger)
    assert result.exit_code == status, result.output
    return result.output


def file_need(ledger: str, *more: str) -> str:
    days = ["--from", "2026-03-01", "--until", "2028-03-01"]
    return said(["broker", "file-need", "n1", "100 accelerators", "--for", "lab", *days, *more], ledger)


def test_a_deal_from_its_need_to_its_leases(ledger: str) -> None:
    assert "h is asked about 100 of n1" in file_need(ledger)
    said(["broker", "bid", "n1", "b-gpu", "100", "1 USD/accelerator-hour"], ledger)
    refused = said(["broker", "award", "n1"], ledger, status=1)
    assert "may answer until 2026-01-27 09:00 UTC" in refused
    assert "is accepted: 60 at h-gpu" in said(
        ["broker", "answer", "n1", "--by", "h", "--take", "h-gpu=60"], ledger
    )
    awarded = said(["broker", "award", "n1"], ledger)
    assert "because lab-h.rofr: h takes 60 of 100" in awarded
    assert "without lab-h.rofr: 100 at b-gpu, USD 1.75 million" in awarded
    assert "awarded" in said(["broker", "status", "n1"], ledger)
    assert "1 award is lawful" in said(["ledger", "verify"], ledger)
    assert "lab:committed" in said(["ledger", "balance", "lab"], ledger)


def test_every_table_has_its_json(ledger: str) -> None:
    file_need(ledger, "--json")
    status = json.loads(said(["broker", "status", "--json"], ledger))
    assert status["needs"][0]["stage"] == "noticed"
    assert [entry["seq"] for entry in json.loads(said(["ledger", "log", "--json"], ledger))] == [1, 2]
    assert json.loads(said(["ledger", "show", "2", "--json"], ledger))["command"]["kind"] == "file-need"
    assert json.loads(said(["ledger", "balance", "--json"], ledger)) == []
    assert json.loads(said(["ledger", "verify", "--json"], ledger))["fault"] is None


def test_where_a_table_has_no_room_needs_and_leases_are_lines(
    ledger: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    file_need(ledger)
    monkeypatch.setattr(plan_page, "page_console", lambda: Console(width=60))
    assert said(["broker", "status"], ledger).splitlines() == [
        "n1: 100 accelerators for lab",
        "  2026-03-01 until 2028-03-01",
        "  h may answer until 2026-01-27 09:00 UTC",
    ]


def test_a_refusal_names_its_clause(ledger: str) -> None:
    file_need(ledger)
    assert "may answer until 2026-01-27 09:00 UTC [lab-h.rofr]" in said(["broker", "award", "n1"], ledger, 1)


def test_a_key_counts_once(ledger: str) -> None:
    file_need(ledger, "--key", "k")
    assert "as before" in file_need(ledger, "--key", "k")


def test_what_cannot_be_used_says_what_to_try(ledger: str, tmp_path: Path) -> None:
    assert "there is no need `n9`" in said(["broker", "award", "n9"], ledger, status=2)
    days = ["--from", "2026-03-01", "--until", "2028-03-01"]
    for words, expected in (
        (["--for", "labb"], "did you mean `lab`?"),
        (["--for", "lab", "--accelerator", "gpus"], "did you mean `gpu`?"),
        (["--for", "lab", "--region", "mars"], "the estate has no region `mars`"),
    ):
        output = said(["broker", "file-need", "n1", "100 accelerators", *words, *days], ledger, status=2)
        assert expected in output
    unopened = str(tmp_path / "other.db")
    assert "has not been opened" in said(["broker", "status"], unopened, status=2)
    assert "no quantity of capacity" in said(
        [
            "broker",
            "file-need",
            "n",
            "5 bananas",
            "--for",
            "lab",
            "--from",
            "2026-03-01",
            "--until",
            "2027-03-01",
        ],
        ledger,
        status=2,
    )
    assert "is not a day" in said(["broker", "release", "x", "--on", "soon"], ledger, status=2)
    assert "there is no ledger" in said(["ledger", "log"], str(tmp_path / "none.db"), status=2)
    assert "no folder" in said(["broker", "status"], str(tmp_path / "none" / "x.db"), status=2)
    assert "takes something or declines" in said(["broker", "answer", "n1", "--by", "h"], ledger, status=2)
    assert "events of the estate: flood" in said(
        ["broker", "record-event", "fire", "--on", "2026-01-01"], ledger, 2
    )


def test_the_machine_s_clock_cannot_be_rehearsed(tmp_path: Path) -> None:
    estate = tmp_path / "estate.yaml"
    estate.write_text(yaml.safe_dump(market(agreements={})))
    where = str(tmp_path / "real.db")
    said(["broker", "open", str(estate)], where)
    assert "--rehearsal" in said(["broker", "sweep", "--at", "2030-01-01"], where, status=2)
    assert "opened already" in said(["broker", "open", str(estate)], where, status=3)


def test_events_amendments_and_readings(ledger: str, tmp_path: Path) -> None:
    assert "flood happened" in said(["broker", "record-event", "flood", "--on", "2026-01-10"], ledger)
    amendment = tmp_path / "amendment.yaml"
    amendment.write_text("ends: {rofr: 2026-01-12}\n")
    assert "lab-h is amended" in said(["broker", "amend", "lab-h", str(amendment)], ledger)
    assert "go to the market" in file_need(ledger)
    assert "no clause `lab-h.rofr` counts" in said(
        ["broker", "read-meter", "lab-h.rofr", "5", "--from", "2026-01-01", "--until", "2026-01-02"],
        ledger,
        status=2,
    )
    assert "events follow" in said(["ledger", "verify"], ledger)


def test_what_was_known_when(ledger: str) -> None:
    file_need(ledger)
    said(["broker", "answer", "n1", "--by", "h", "--take", "h-gpu=100", "--at", "2026-01-14T09:00"], ledger)
    said(["broker", "award", "n1", "--at", "2026-01-16T09:00"], ledger)
    early = ["ledger", "as-of", "--known", "2026-01-13", "--about", "2027-01-01", "--json"]
    assert json.loads(said(early, ledger))["leases"] == []
    late = json.loads(
        said(["ledger", "as-of", "--known", "2026-01-17", "--about", "2027-01-01", "--json"], ledger)
    )
    assert [lease["id"] for lease in late["leases"]] == ["n1-1"]
    after = ["ledger", "as-of", "--known", "2026-01-17", "--about", "2029-01-01", "--json"]
    assert json.loads(said(after, ledger))["leases"] == []


def test_an_export_holds_everything(ledger: str, tmp_path: Path) -> None:
    file_need(ledger)
    out = tmp_path / "deals.jsonl"
    said(["ledger", "export", str(out)], ledger)
    records = [json.loads(line) for line in out.read_text().splitlines()]
    assert [record["is"] for record in records].count("entry") == 2
    assert {record["is"] for record in records} == {"document", "entry", "seal"}


def test_tampering_is_an_answer_of_no(ledger: str) -> None:
    file_need(ledger)
    path = Path(ledger)
    said(["ledger", "verify"], ledger)
    with sqlite3.connect(path) as connection:
        connection.execute("DROP TRIGGER entries_no_update")
        connection.execute("UPDATE entries SET body = replace(body, '100', '900') WHERE seq = 2")
    connection.close()
    assert "entry 2 does not follow" in said(["ledger", "verify"], ledger, status=1)


def test_the_key_is_for_its_owner_only(ledger: str) -> None:
    assert Path(f"{ledger}.key").stat().st_mode & 0o077 == 0


RULES = """
responders: 1
parties:
  h: {answers: [{take: 60 %, after: 3 business days}]}
  b: {bids: [{supply: b-gpu, after: 1 business day}]}
  lab: {awards: {after: 2 business days}}
"""


def test_rules_make_a_deal_in_their_own_time(ledger: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES)
    file_need(ledger)
    first = said(["broker", "respond", str(rules), "--at", "2026-01-14T09:00"], ledger)
    assert "no rule has anything to answer by now" in first
    then = json.loads(said(["broker", "respond", str(rules), "--at", "2026-02-01", "--json"], ledger))
    assert [(turn["at"][:10], turn["rule"], turn["command"]) for turn in then] == [
        ("2026-01-15", "h.answers[0]", "answer"),
        ("2026-01-16", "b.bids[0]", "bid"),
        ("2026-01-19", "lab.awards", "award"),
    ]
    again = said(["broker", "respond", str(rules), "--at", "2026-03-01"], ledger)
    assert "no rule has anything" in again
    assert "1 award is lawful" in said(["ledger", "verify"], ledger)


def test_rules_that_cannot_be_used_say_where(ledger: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yaml"
    rules.write_text(RULES.replace("b-gpu", "b-cpu"))
    output = said(["broker", "respond", str(rules)], ledger, status=2)
    assert "rules.yaml:5:23: error: parties.b.bids[0].supply: the estate has no supply `b-cpu`" in output
    assert "supplies of b are b-gpu" in output


REHEARSAL = Path(__file__).parents[2] / "examples" / "rehearsal"


def test_a_draft_is_simulated_on_the_jobs_of_the_example(tmp_path: Path) -> None:
    page = tmp_path / "page.html"
    jobs = tmp_path / "jobs.csv"
    lines = (REHEARSAL / "jobs.csv").read_text().splitlines()
    jobs.write_text("\n".join(lines[:250]))
    command = [
        "broker",
        "simulate",
        str(REHEARSAL / "estate.yaml"),
        "--trace",
        str(jobs),
        "--without",
        "draft",
    ]
    rules = ["--respond", str(REHEARSAL / "rules.yaml")]
    result = RUNNER.invoke(app, [*command, *rules, "--out", str(page)])
    assert result.exit_code == 0, result.output
    assert "How rights were used" in result.output
    assert page.read_text().startswith("<!doctype html>")
    said = json.loads(RUNNER.invoke(app, [*command, *rules, "--json"]).stdout)
    first, second = said["simulations"]
    assert (first["name"], second["name"]) == ("with draft", "without draft")
    assert first["totals"]["needs"] == second["totals"]["needs"] > 5
    assert second["totals"]["by_right_hours"] == "0"


def test_the_jobs_of_the_example_are_those_of_their_generator() -> None:
    import subprocess
    import sys

    made = subprocess.run(
        [sys.executable, str(REHEARSAL / "generate.py")], capture_output=True, text=True, check=True
    )
    assert made.stdout == (REHEARSAL / "jobs.csv").read_text()


def test_a_simulation_that_cannot_be_says_what_to_try(tmp_path: Path) -> None:
    jobs = tmp_path / "jobs.csv"
    jobs.write_text("gpus,from,until\n8,2027-01-04,2027-01-05\n")
    command = ["broker", "simulate", str(REHEARSAL / "estate.yaml"), "--trace", str(jobs)]
    result = RUNNER.invoke(app, command)
    assert (result.exit_code, "lacks the column `accelerators`" in result.output) == (2, True)
    result = RUNNER.invoke(app, [*command, "--column", "accelerators=gpus", "--without", "deal"])
    assert (result.exit_code, "its agreements are draft" in result.output) == (2, True)
    result = RUNNER.invoke(app, [*command, "--column", "accelerators=gpus"])
    assert result.exit_code == 0, result.output
