"""`offtake reconcile` as a stranger uses it: what it says, and how it ends."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from typer.testing import CliRunner, Result

from offtake.entrypoints.cli.app import app

HEAD = (
    "BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,"
    "ServiceProviderName,ServiceName,SkuId,PricingQuantity,PricingUnit\n"
)
MONTH = "2026-01-01T00:00:00Z,2026-02-01T00:00:00Z"
HELD = f"89280,EUR,{MONTH},Purchase,{MONTH},north,Models,reserved,14880,Unit-Hours\n"


def run(*arguments: object) -> Result:
    """Runs a command; whatever a user can type ends without a traceback."""
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    assert "Traceback" not in result.output
    return result


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    path = tmp_path / "estate.yaml"
    assert run("new", "acme", "--out", path).exit_code == 0
    return path


def bill(estate: Path, *rows: str) -> Path:
    path = estate.parent / "bill.csv"
    path.write_text(HEAD + "".join(rows))
    return path


def test_a_bill_that_agrees_is_a_yes(estate: Path) -> None:
    done = run("reconcile", estate, bill(estate, HELD))
    assert done.exit_code == 0
    assert "1 kind of charges agrees to the cent" in done.output
    assert "cloud-spend.spend" in done.output


def test_a_difference_is_a_no_and_says_how_much(estate: Path) -> None:
    dear = f"2200,EUR,{MONTH},Usage,{MONTH},east,Models,metered-east/large/in,1000,1M Tokens\n"
    done = run("reconcile", estate, bill(estate, HELD, dear))
    assert done.exit_code == 1
    assert "2,200.00 EUR" in done.output
    assert "2,000.00" in done.output
    told = json.loads(run("reconcile", estate, bill(estate, HELD, dear), "--json").output)
    assert told["format"] == "offtake.reconciliation/1"
    assert told["differing"] == 1
    [row] = [row for row in told["charges"] if row["verdict"] == "differs"]
    assert (row["product"], row["model"], row["tokens"], row["difference_cents"]) == (
        "metered-east",
        "large",
        "in",
        20000,
    )


def test_rows_that_cannot_be_read_are_named(estate: Path) -> None:
    bad = HELD.replace("89280", "=1+1")
    done = run("reconcile", estate, bill(estate, HELD, bad))
    assert done.exit_code == 1
    assert "a formula stands in `BilledCost`" in done.output


@pytest.mark.parametrize("content", [b"", b"colour,taste\n1,2\n", b"\xff\xfeh\0i\0", bytes(range(256))])
def test_what_is_no_bill_is_refused(estate: Path, content: bytes) -> None:
    path = estate.parent / "bill.csv"
    path.write_bytes(content)
    assert run("reconcile", estate, path).exit_code == 2
    assert run("reconcile", estate, estate.parent / "missing.csv").exit_code == 2
