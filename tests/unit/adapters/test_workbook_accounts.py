"""The workbook's accounts: a spreadsheet reckons them to the cent, and they are those that the certificate compares."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from offtake.adapters.workbook import workbook
from offtake.domain.handoffs import CapacityPlan, ReportExtras
from offtake.planner.finance.statements import MICROS, Accounts, accounts_of
from offtake.planner.finance.summary import summary_of
from planned import loaded, planned
from tools import recomputed

CENT = 0.01
# Everything that a borrower may state at once: two currencies, a bullet, a syndicate, customers, tax, late money.
ESTATE = """
offtake: 1
name: financed
for: lab
currency: USD
currencies: {EUR: [1.10 USD, 1.25 USD from 2027-01-01]}
horizon: {from: 2026-01-01, until: 2030-01-01, periods: quarter, discount: 8 %}
parties: {lab: {}, builder: {}, owner: {}, bank: {}}
providers: {n: {party: builder}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW, price: 30000 USD/accelerator, life: 5 years, lead: 6 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall: {region: here, provider: n, owner: owner, tenant: lab, power: [{value: 20 MW}], builds: [chip],
    rent: 2.20 USD/accelerator-hour, energy_price: 50 USD/MWh}
workloads:
  chat: {kind: inference, party: lab, models: [m], worth: 20 USD per million tokens,
    traffic: [{region: here, in: 0 tokens/s, out: 100000 tokens/s, growth: 30 %}]}
finance:
  builder:
    consolidates: [owner]
    opening_cash: 1 million USD
    dscr: 1.1
    reserve: 3 months
    tax: 25 %
    receivables: 45 days
    payables: 20 days
    gap_price: 30 %
    pro_rata: [[one, two]]
    sources:
      own: {kind: equity, provider: bank, amount: 3 million USD}
      one: {kind: debt, provider: bank, amount: 4 million USD, from: 2026-02-01, until: 2027-01-01, interest: 6 %,
        upfront_fee: 2 %, commitment_fee: 1 %, term: 3 years}
      two: {kind: debt, provider: bank, amount: 8 million EUR, from: 2026-02-01, until: 2027-01-01,
        interest: [5 %, 7 % from 2028-01-01], upfront_fee: 1 %, commitment_fee: 1 %, grace: 6 months, term: 2 years,
        repayment: bullet}
      tenant: {kind: prepayment, provider: lab, amount: 2 million USD, from: 2026-01-01, until: 2027-01-01,
        term: 2 years}
"""


@pytest.fixture(scope="module")
def plan() -> CapacityPlan:
    return planned(ESTATE)


@pytest.fixture(scope="module")
def content(plan: CapacityPlan) -> bytes:
    return workbook(plan, loaded(ESTATE).estate, ReportExtras())


@pytest.fixture(scope="module")
def accounts(plan: CapacityPlan) -> Accounts:
    return accounts_of(plan, plan.finance[0])


def lines(book: Workbook) -> dict[str, list[float]]:
    """The lines of the sheet of accounts by name: the total, and the periods."""
    rows = book["accounts builder"].iter_rows(min_row=4, values_only=True)
    return {str(row[0]): [float(str(cell or 0)) for cell in row[2:]] for row in rows if row[0]}


def test_its_lines_are_the_accounts_that_the_certificate_compares(content: bytes, accounts: Accounts) -> None:
    found = lines(load_workbook(io.BytesIO(content), data_only=True))
    for name, part in {
        "earned": "receipts",
        "capital": "capital",
        "equity": "equity",
        "the gap": "gap",
        "debt drawn": "drawn",
        "paid in advance by customers": "paid_ahead",
        "interest": "interest",
        "fees": "fees",
        "repaid": "repaid",
        "credited to customers": "credited",
        "debt": "debt",
        "revalued": "revaluation",
        "receivables": "receivables",
        "payables": "payables",
        "depreciation": "depreciation",
        "tax": "tax",
        "profit": "profit",
        "cash at the end": "cash",
        "debt service": "debt_service",
        "retained": "retained",
    }.items():
        exact = [getattr(one, part) / MICROS for one in accounts.periods]
        assert any(exact), name  # Otherwise the estate does not reach this line.
        assert found[name][1:] == pytest.approx(exact, abs=CENT), name
    assert found["owned less owed and paid in"][1:] == pytest.approx([0] * len(accounts.periods), abs=CENT)


def test_its_worth_is_the_summarys(content: bytes, plan: CapacityPlan, accounts: Accounts) -> None:
    found = lines(load_workbook(io.BytesIO(content), data_only=True))["worth of the project"][0]
    assert found == pytest.approx(summary_of(plan, accounts).project_worth / MICROS, abs=CENT)


def test_libreoffice_reckons_the_same_to_the_cent(tmp_path: Path, content: bytes) -> None:
    bare = tmp_path / "bare.xlsx"
    book = load_workbook(io.BytesIO(content))
    book.save(bare)  # Without the values that the workbook states.
    (tmp_path / "out").mkdir()
    theirs = load_workbook(recomputed(bare, tmp_path / "out"), data_only=True)
    ours = load_workbook(io.BytesIO(content), data_only=True)
    compared = 0
    for sheet in ("accounts builder", "assets builder"):
        for row in book[sheet].iter_rows():
            for cell in row:
                if cell.data_type == "f":
                    compared += 1
                    value = theirs[sheet][cell.coordinate].value
                    assert value == pytest.approx(ours[sheet][cell.coordinate].value, abs=CENT), (sheet, cell)
    assert compared > 500


def test_a_dearer_loan_costs_more_once_the_spreadsheet_has_reckoned(tmp_path: Path, content: bytes) -> None:
    book = load_workbook(io.BytesIO(content))
    sheet = book["accounts builder"]
    row = next(row for row in sheet.iter_rows(min_row=4) if row[0].value == "one: interest a year")
    for cell in row[3:]:
        sheet[cell.coordinate] = 0.12
    book.save(tmp_path / "dear.xlsx")
    (tmp_path / "out").mkdir()
    dear = lines(load_workbook(recomputed(tmp_path / "dear.xlsx", tmp_path / "out"), data_only=True))
    plain = lines(load_workbook(io.BytesIO(content), data_only=True))
    assert dear["one: interest"][0] == pytest.approx(2 * plain["one: interest"][0], abs=CENT)
    extra = dear["interest"][0] - plain["interest"][0]
    taxed = plain["tax"][0] - dear["tax"][0]
    assert plain["cash at the end"][-1] - dear["cash at the end"][-1] == pytest.approx(
        extra - taxed, abs=CENT
    )
