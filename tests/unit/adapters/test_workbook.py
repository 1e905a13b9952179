"""The workbook: a sheet per table, totals that are formulas, and values that a spreadsheet reckons to the same cent."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from openpyxl import Workbook, load_workbook

from offtake.adapters.workbook import workbook
from offtake.domain.handoffs import PLAN_TABLES, SensitivityRow
from reported import Reported, reported
from tools import recomputed

CENT = 0.005


@pytest.fixture(scope="module")
def one() -> Reported:
    return reported("company")


@pytest.fixture(scope="module")
def content(one: Reported) -> bytes:
    return workbook(one.plan, one.estate, one.extras)


@pytest.fixture(scope="module")
def book(content: bytes) -> Workbook:
    return load_workbook(io.BytesIO(content))


def test_the_same_plan_gives_the_same_bytes(one: Reported, content: bytes):
    assert workbook(one.plan, one.estate, one.extras) == content
    modified = load_workbook(io.BytesIO(content)).properties.modified
    assert modified is not None
    assert modified.isoformat() == "2000-01-01T00:00:00"


def test_every_table_has_a_sheet_with_all_of_its_rows(one: Reported, book: Workbook):
    assert book.sheetnames[0] == "summary"
    for name in PLAN_TABLES:
        sheet, rows = book[name], getattr(one.plan, name)
        assert sheet.freeze_panes == "A2"
        filled = [row for row in sheet.iter_rows(min_row=2, values_only=True) if row[0] is not None]
        assert len(filled) - len(rows) in (0, 1), name  # One more where there is a line of totals.
    assert {"clause_prices", "assumptions", "sources"} <= set(book.sheetnames)


def test_numbers_carry_their_source(book: Workbook):
    for sheet in ("spend", "capacity", "served", "clause_prices"):
        comments = [cell.comment.text for cell in book[sheet][1] if cell.comment]
        assert comments, sheet
        assert all(text.startswith("Source: offtake, plan of") for text in comments)


def test_a_text_is_never_a_formula(one: Reported):
    sly = SensitivityRow(
        path='=HYPERLINK("x")', text="@now", source=None, assumed=True, down_cents=1, up_cents=2
    )
    extras = one.extras.model_copy(update={"sensitivities": (sly,)})
    sheet = load_workbook(io.BytesIO(workbook(one.plan, one.estate, extras)))["assumptions"]
    assert sheet["A2"].data_type == "s"
    assert sheet["A2"].value == '=HYPERLINK("x")'


def test_libreoffice_reckons_the_same_to_the_cent(tmp_path: Path, content: bytes, book: Workbook):
    bare = tmp_path / "bare.xlsx"
    load_workbook(io.BytesIO(content)).save(bare)  # Without the values that the workbook states.
    (tmp_path / "out").mkdir()
    theirs = load_workbook(recomputed(bare, tmp_path / "out"), data_only=True)
    ours = load_workbook(io.BytesIO(content), data_only=True)
    formulas = [
        (sheet.title, cell.coordinate)
        for sheet in book
        for row in sheet
        for cell in row
        if cell.data_type == "f"
    ]
    assert len(formulas) > 10
    assert load_workbook(bare, data_only=True)[formulas[0][0]][formulas[0][1]].value is None
    for sheet, cell in formulas:
        assert theirs[sheet][cell].value == pytest.approx(ours[sheet][cell].value, abs=CENT), (sheet, cell)


def test_totals_are_those_of_the_plan(one: Reported, content: bytes):
    sheet = load_workbook(io.BytesIO(content), data_only=True)["spend"]
    column = [cell.value for cell in sheet[1]].index("amount (EUR)") + 1
    total = sheet.cell(sheet.max_row, column).value
    assert total == pytest.approx(sum(row.amount_cents for row in one.plan.spend) / 100, abs=CENT)
