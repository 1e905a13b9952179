"""Bills in FOCUS: columns by version, prices, readings, and commitments as clauses."""

from __future__ import annotations

import csv
import json
from decimal import Decimal
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as parquet
import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate
from offtake.adapters.focus.columns import VERSIONS, Version, columns_of, dataset_of, version_of
from offtake.adapters.starters import starter
from offtake.bootstrap.importing import Imported, ImportRequest, run_import
from offtake.domain.charges import measure_of
from offtake.domain.clauses import Commitment
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "focus" / "focus_sample.csv"
JANUARY = {
    "BillingCurrency": "EUR",
    "BillingPeriodStart": "2026-01-01T00:00:00Z",
    "BillingPeriodEnd": "2026-02-01T00:00:00Z",
    "ChargePeriodStart": "2026-01-01T00:00:00Z",
    "ChargePeriodEnd": "2026-02-01T00:00:00Z",
}
TERM = {
    "BillingCurrency": "EUR",
    "ContractCommitmentCategory": "Spend",
    "ContractCommitmentCost": "2400000",
    "ContractCommitmentId": "c-1-spend",
    "ContractCommitmentPeriodStart": "2026-01-01T00:00:00Z",
    "ContractCommitmentPeriodEnd": "2028-01-01T00:00:00Z",
    "ContractCommitmentQuantity": "",
    "ContractCommitmentType": "Enterprise commitment",
    "ContractCommitmentUnit": "",
    "ContractId": "c-1",
    "ContractPeriodStart": "2025-12-01T00:00:00Z",
    "ContractPeriodEnd": "2028-01-01T00:00:00Z",
    "ContractCommitmentDescription": "Two years",
}


@pytest.fixture
def estate(tmp_path: Path) -> Path:
    path = tmp_path / "estate" / "estate.yaml"
    path.parent.mkdir()
    path.write_text(starter("company", "Acme"), encoding="utf-8")
    return path


def write(path: Path, *rows: dict[str, str]) -> Path:
    columns = list(dict.fromkeys(key for row in rows for key in row))
    with path.open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, columns, restval="")
        writer.writeheader()
        writer.writerows(rows)
    return path


def usage(**more: str) -> dict[str, str]:
    return {
        **JANUARY,
        "ChargeCategory": "Usage",
        "BilledCost": "20",
        "ServiceProviderName": "north",
        "ServiceName": "Models",
        **more,
    }


def bring(file: Path, estate: Path, **more: object) -> Imported:
    return run_import(ImportRequest("focus", file, estate, **more))  # pyright: ignore[reportArgumentType]


def read(path: Path) -> Estate:
    loaded = load_estate(path)
    assert isinstance(loaded, Loaded), loaded.problems
    return loaded.estate


def commitment(estate: Estate, agreement: str, clause: str) -> Commitment:
    found = estate.agreements[agreement].clauses[clause]
    assert isinstance(found, Commitment)
    return found


def test_columns_by_version() -> None:
    assert [len(columns_of("CostAndUsage", version)) for version in VERSIONS] == [43, 50, 57, 65, 65]
    assert [len(columns_of("ContractCommitment", version)) for version in ("1.3", "1.4")] == [13, 30]
    assert "ProviderName" in columns_of("CostAndUsage", "1.3")
    assert "ProviderName" not in columns_of("CostAndUsage", "1.4")


@pytest.mark.parametrize("version", VERSIONS)
def test_a_table_tells_its_version(version: Version) -> None:
    columns = columns_of("CostAndUsage", version)
    assert (dataset_of(columns), version_of(columns)) == ("CostAndUsage", version)


@pytest.mark.parametrize("version", VERSIONS)
def test_every_version_is_read(estate: Path, tmp_path: Path, version: Version) -> None:
    row = usage(SkuId="metered-east/large/in", PricingQuantity="10", PricingUnit="1M Tokens")
    row |= dict.fromkeys(columns_of("CostAndUsage", version), "") | row
    if "ServiceProviderName" not in columns_of("CostAndUsage", version):
        row["ProviderName"] = row.pop("ServiceProviderName")
    done = bring(write(tmp_path / "bill.csv", row), estate)
    assert done.account.used == 1
    assert done.account.notes[0] == f"read as FOCUS CostAndUsage {version}"
    [paid] = read(estate).paid
    assert (paid.product, paid.model, paid.tokens, str(paid.price)) == (
        "metered-east",
        "large",
        "in",
        "2 EUR",
    )


def test_the_foundations_sample_is_read(estate: Path) -> None:
    done = bring(SAMPLE, estate)
    assert done.account.rows == 103
    assert done.account.used > 0
    found = read(estate)
    assert {paid.provider for paid in found.paid} == {"microsoft"}
    assert any("Savings Plan" in term for term in found.agreements["aws-discounts"].unmodelled)
    assert bring(SAMPLE, estate).account.wrote == ()


def test_a_provider_is_mapped_and_its_charges_count_on_its_clause(estate: Path) -> None:
    known = estate.read_text().replace("signed: 2026-01-01", "signed: 2024-01-01")
    estate.write_text(known)
    mapped = {"AWS": "north", "Microsoft": "east"}
    reasons = {line.reason for line in bring(SAMPLE, estate, mapped=mapped, dry_run=True).account.lines}
    assert "no rate from USD to EUR is stated for its day" in reasons
    estate.write_text(known.replace("0.92 EUR from 2026-01-01", "0.92 EUR"))
    bring(SAMPLE, estate, mapped=mapped)
    found = read(estate)
    with SAMPLE.open(newline="") as file:
        rows = {tuple(row.values()): row for row in csv.DictReader(file)}.values()
    by_month: dict[str, Decimal] = {}
    for row in rows:
        if row["ProviderName"] == "AWS" and row["ChargeCategory"] in ("Usage", "Purchase", "Adjustment"):
            month = row["ChargePeriodStart"][:7]
            by_month[month] = by_month.get(month, Decimal(0)) + Decimal(row["BilledCost"])
    assert {reading.clause for reading in found.readings} == {"cloud-spend.spend"}
    told = {f"{reading.begins:%Y-%m}": float(reading.amount.split()[0]) for reading in found.readings}
    assert told == pytest.approx(
        {month: float(amount) * 0.92 for month, amount in by_month.items()}, rel=1e-9
    )


def test_parquet_is_the_same_as_csv(estate: Path, tmp_path: Path) -> None:
    with SAMPLE.open(newline="") as file:
        rows = [
            {key: None if cell == "NULL" else cell for key, cell in row.items()}
            for row in csv.DictReader(file)
        ]
    path = tmp_path / "focus_sample.csv"
    parquet.write_table(pa.Table.from_pylist(rows), path, compression="zstd")
    told = bring(path, estate, dry_run=True).account
    assert told == bring(SAMPLE, estate, dry_run=True).account


def test_charges_count_on_clauses_in_their_currency(estate: Path, tmp_path: Path) -> None:
    rows = [
        usage(BilledCost="100"),
        usage(BilledCost="50", BillingCurrency="USD"),
        usage(ChargeCategory="Tax"),
    ]
    bring(write(tmp_path / "bill.csv", *rows), estate)
    [reading] = read(estate).readings
    assert (reading.clause, reading.amount) == ("cloud-spend.spend", "146 EUR")


def test_a_spend_commitment_of_a_contract_is_a_clause_by_its_windows(estate: Path, tmp_path: Path) -> None:
    term = {
        **TERM,
        "ContractCommitmentFulfillmentInterval": "Annual",
        "ContractCommitmentModel": "Discontinuous",
        "ContractCommitmentLifecycleStatus": "Active",
        "ServiceProviderName": "north",
    }
    hours = {
        **term,
        "ContractCommitmentCategory": "Usage",
        "ContractCommitmentId": "c-1-hours",
        "ContractCommitmentQuantity": "1000000",
        "ContractCommitmentUnit": "GPU-Hours",
        "ContractCommitmentCost": "2500000",
        "ContractCommitmentFulfillmentInterval": "Full Period",
    }
    odd = {**term, "ContractCommitmentId": "c-1-odd", "ContractCommitmentFulfillmentInterval": "Hourly"}
    gone = {**term, "ContractCommitmentId": "c-1-old", "ContractCommitmentLifecycleStatus": "Superseded"}
    done = bring(write(tmp_path / "terms.csv", term, hours, odd, gone, term), estate)
    assert (done.account.used, done.account.changed, done.account.left_out) == (1, 2, 2)
    found = read(estate)
    spend = commitment(found, "north-c-1", "c-1-spend")
    assert (spend.amount, spend.window, spend.style, spend.payee) == (
        "1200000 EUR",
        "year",
        "cumulative",
        "north",
    )
    used = commitment(found, "north-c-1", "c-1-hours")
    assert (used.amount, used.shortfall) == ("1000000 accelerator-hours", "2.5 EUR/accelerator-hour")
    assert found.agreements["north-c-1"].unmodelled == (
        "commitment c-1-odd: it is measured Hourly, which no window of a clause is",
    )


def test_the_thirteen_columns_of_1_3_need_a_provider(estate: Path, tmp_path: Path) -> None:
    file = write(tmp_path / "terms.csv", TERM)
    assert bring(file, estate).account.left_out == 1
    assert bring(file, estate, provider="north").account.used == 1
    spend = commitment(read(estate), "north-c-1", "c-1-spend")
    assert (spend.amount, spend.window) == ("2400000 EUR", "term")


@pytest.mark.parametrize("letter", ["d", "D"])
def test_what_a_charge_applies_to_counts_on_its_clause(estate: Path, tmp_path: Path, letter: str) -> None:
    bring(write(tmp_path / "terms.csv", TERM), estate, provider="north", name="terms")
    applied = {
        "Elements": [
            {
                f"ContractI{letter}": "c-1",
                f"ContractCommitmentI{letter}": "c-1-spend",
                "ContractCommitmentAppliedCost": 42.5,
            }
        ]
    }
    bring(write(tmp_path / "bill.csv", usage(ContractApplied=json.dumps(applied))), estate)
    readings = {reading.clause: reading.amount for reading in read(estate).readings}
    assert readings == {"north-c-1.c-1-spend": "42.5 EUR", "cloud-spend.spend": "20 EUR"}


def test_a_bought_discount_is_a_clause_with_readings(estate: Path, tmp_path: Path) -> None:
    discount = {
        "CommitmentDiscountId": "arn:plan/abc",
        "CommitmentDiscountCategory": "Spend",
        "CommitmentDiscountType": "Savings Plan",
    }
    bought = usage(ChargeCategory="Purchase", BilledCost="7440", ChargeFrequency="Recurring", **discount)
    used = usage(BilledCost="0", EffectiveCost="7000", CommitmentDiscountStatus="Used", **discount)
    left = usage(BilledCost="0", EffectiveCost="440", CommitmentDiscountStatus="Unused", **discount)
    bring(write(tmp_path / "bill.csv", bought, used, left), estate)
    found = read(estate)
    clause = commitment(found, "north-discounts", "abc")
    assert (clause.amount, clause.window, str(clause.begins)) == ("7440 EUR", "month", "2026-01-01")
    readings = {reading.clause: reading.amount for reading in found.readings}
    assert readings == {"north-discounts.abc": "7000 EUR", "cloud-spend.spend": "7440 EUR"}


BAD = {
    "ChargeCategory": "Gift",
    "BilledCost": "",
    "BillingCurrency": "euro",
    "ChargePeriodStart": "01/02/2026",
    "ContractApplied": '{"Elements": [{"ContractId": 1}]}',
    "PricingQuantity": "=1+1",
}


@pytest.mark.parametrize("column", BAD)
def test_a_bad_cell_leaves_its_row_out(estate: Path, tmp_path: Path, column: str) -> None:
    good = usage(ContractApplied="", PricingQuantity="")
    done = bring(write(tmp_path / "bill.csv", good, {**good, column: BAD[column]}), estate)
    assert (done.account.used, done.account.left_out) == (1, 1)
    [line] = [line for line in done.account.lines if line.outcome == "left out"]
    assert line.which == "3"


def test_a_bill_cannot_be_read_against_an_estate_with_errors(estate: Path, tmp_path: Path) -> None:
    estate.write_text(estate.read_text().replace("for: us", "for: nobody"))
    with pytest.raises(InvalidInput):
        bring(write(tmp_path / "bill.csv", usage()), estate)


@pytest.mark.parametrize(
    ("unit", "counted"),
    [
        ("1M Tokens", ("tokens", Decimal(10**6))),
        ("1,000 Tokens", ("tokens", Decimal(1000))),
        ("Million tokens", ("tokens", Decimal(10**6))),
        ("GPU-Hours", ("accelerator-hours", Decimal(1))),
        ("100 GPU Hours", ("accelerator-hours", Decimal(100))),
        ("PTU-Months", ("unit-hours", Decimal("730.5"))),
        ("Units", ("units", Decimal(1))),
        ("GB", None),
        ("Hours", None),
        ("", None),
        (None, None),
    ],
)
def test_units_of_bills(unit: str | None, counted: tuple[str, Decimal] | None) -> None:
    assert measure_of(unit) == counted
