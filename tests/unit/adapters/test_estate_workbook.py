"""An estate as a workbook and back is the same estate; broken workbooks are refused or accounted for."""

from __future__ import annotations

import io
import zipfile
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from openpyxl import Workbook, load_workbook

from offtake.adapters.estate_workbook.layout import columns_of, sheets
from offtake.adapters.estate_workbook.values import cell_of, value_of
from offtake.adapters.estate_yaml import Loaded, load_estate, load_estate_text
from offtake.adapters.starters import starter
from offtake.adapters.tabular.cells import CellProblem
from offtake.bootstrap.importing import Imported, ImportRequest, run_import
from offtake.bootstrap.workbooks import workbook_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

ROOT = Path(__file__).resolve().parents[3]
ESTATES = {
    "company": ROOT / "examples" / "company" / "estate.yaml",
    "stargate": ROOT / "examples" / "stargate" / "estate.yaml",
    "first-100": ROOT / "examples" / "stargate" / "first-100.yaml",
}


def loaded(found: object) -> Loaded:
    assert isinstance(found, Loaded), getattr(found, "problems", found)
    return found


def compared(estate: Estate) -> Estate:
    """An estate as it is compared: as one file, its table of round trips inside."""
    latency = estate.latency.model_copy(update={"file": None})
    return estate.model_copy(update={"include": (), "latency": latency})


def back(tmp_path: Path, content: bytes) -> Imported:
    book = tmp_path / "book.xlsx"
    book.write_bytes(content)
    return run_import(ImportRequest("xlsx", book, tmp_path / "new" / "estate.yaml"))


@pytest.fixture(autouse=True)
def folder(tmp_path: Path) -> None:
    (tmp_path / "new").mkdir()


@pytest.mark.parametrize("name", [*ESTATES, "starter company", "starter builder"])
def test_an_estate_comes_back_the_same(tmp_path: Path, name: str) -> None:
    if name in ESTATES:
        before = loaded(load_estate(ESTATES[name]))
    else:
        before = loaded(load_estate_text(starter("company" if "company" in name else "builder", "Äcme: #1")))
    done = back(tmp_path, workbook_of(before))
    assert (done.account.left_out, done.refused) == (0, False), done.problems
    after = loaded(load_estate(tmp_path / "new" / "estate.yaml"))
    assert compared(after.estate) == compared(before.estate)
    assert back(tmp_path, workbook_of(before)).account.wrote == ()
    assert workbook_tables(workbook_of(after)) == workbook_tables(workbook_of(before))


def workbook_tables(content: bytes) -> dict[str, set[tuple[object, ...]]]:
    """The rows of each sheet, in no order: entries of a generated file stand in the order of their ids."""
    book = load_workbook(io.BytesIO(content))
    return {
        sheet.title: {tuple(sorted(map(str, row))) for row in sheet.iter_rows(min_row=2, values_only=True)}
        for sheet in book
        if sheet.title != "estate"
    }


def test_every_sheet_of_the_template_is_written_with_its_columns() -> None:
    book = load_workbook(io.BytesIO(workbook_of(loaded(load_estate_text(starter("builder", "Acme"))))))
    assert book.sheetnames == ["read me", *sheets()]
    for name in sheets():
        columns = columns_of(name)
        if columns is not None:
            assert tuple(cell.value for cell in book[name][1]) == columns


VALUES = st.recursive(
    st.one_of(
        st.booleans(),
        st.integers(-(10**20), 10**20),
        st.decimals(allow_nan=False, allow_infinity=False, places=6, min_value=-(10**9), max_value=10**9),
        st.dates(date(1901, 1, 1), date(2199, 12, 31)),
        st.text(st.characters(codec="utf-8", exclude_categories=("Cc", "Cs", "Cn", "Co")), max_size=30),
        st.sampled_from(
            [
                "NO",
                "010",
                "2026-01-01",
                "1.50",
                "true",
                "~",
                "",
                " x ",
                "=1+1",
                "[a]",
                '"q"',
                "'",
                "-",
                "a\nb",
            ]
        ),
    ),
    lambda inner: st.one_of(
        st.lists(inner, max_size=3).map(tuple),
        st.dictionaries(st.text("abc", min_size=1, max_size=3), inner, max_size=3),
    ),
    max_leaves=6,
)


@given(VALUES)
@settings(max_examples=150, deadline=None)
def test_every_value_comes_back_from_its_cell(value: object) -> None:
    cell = cell_of(value)  # pyright: ignore[reportArgumentType]
    if isinstance(cell, float):  # As a workbook's XML holds it.
        cell = float(repr(cell))
    found = value_of(cell, "x")
    assert found == value
    assert type(found) is type(value)
    assert str(found) == str(value)


def test_days_of_a_spreadsheet_and_of_people_are_read() -> None:
    for cell in (
        datetime.fromisoformat("2026-01-31T00:00"),
        date(2026, 1, 31),
        "2026-01-31",
        "2026/01/31",
        "31.01.2026",
        "31-Jan-2026",
    ):
        assert value_of(cell, "from") == date(2026, 1, 31)
    with pytest.raises(CellProblem, match="may be two days"):
        value_of("01/02/2026", "from")
    with pytest.raises(CellProblem, match="a time"):
        value_of(datetime.fromisoformat("2026-01-31T08:00"), "from")


def company_book() -> Workbook:
    return load_workbook(io.BytesIO(workbook_of(loaded(load_estate_text(starter("company", "Acme"))))))


def saved(book: Workbook) -> bytes:
    content = io.BytesIO()
    book.save(content)
    return content.getvalue()


def test_broken_rows_are_left_out_with_the_reason(tmp_path: Path) -> None:
    book = company_book()
    book["parties"].append(["them", "=1+1"])
    book["parties"].append(["us", "again"])
    book["prices"].append(["nobody", None, None, "1 EUR/unit-hour"])
    book["clauses"].append(["privacy", 7, "x", "residency"])
    book["events"].append(["soon", "Soon", "01/02/2026"])
    book.create_sheet("notes of mine").append(["x"])
    done = back(tmp_path, saved(book))
    reasons = {(line.table, line.reason) for line in done.account.lines if line.outcome == "left out"}
    assert reasons == {
        ("parties", "a formula stands in `name`; paste its value"),
        ("parties", "an earlier row states this id"),
        ("prices", "the sheet `products` has no such product"),
        ("clauses", "the sheet `amendments` has no row of this number for the agreement"),
        ("events", "`date` may be two days: the month may stand first or second; write 2026-01-31"),
    }
    assert any("notes of mine" in note for note in done.account.notes)


def test_the_estates_own_entries_stand(tmp_path: Path) -> None:
    estate = tmp_path / "new" / "estate.yaml"
    estate.write_text(starter("company", "Acme"))
    book = company_book()
    book["parties"].append(["them"])
    done = back(tmp_path, saved(book))
    assert done.account.added == ("parties.them",)
    assert set(loaded(load_estate(estate)).estate.parties) == {"us", "them"}


def test_an_unknown_column_is_refused_with_the_one_that_was_meant(tmp_path: Path) -> None:
    book = company_book()
    book["products"]["C1"].value = "providr"
    with pytest.raises(InvalidInput, match="unknown column `providr`") as refused:
        back(tmp_path, saved(book))
    assert refused.value.hint == "did you mean `provider`?"


def test_a_sheet_without_its_id_is_refused(tmp_path: Path) -> None:
    book = company_book()
    book["parties"].delete_cols(1)
    with pytest.raises(InvalidInput, match="lacks the column `id`"):
        back(tmp_path, saved(book))


def zipped(**parts: bytes) -> bytes:
    content = io.BytesIO()
    with zipfile.ZipFile(content, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, part in parts.items():
            archive.writestr(name.replace("__", "/") + ".xml", part)
    return content.getvalue()


BROKEN = {
    "empty": (b"", "is empty"),
    "junk": (bytes(range(256)) * 9, "is no workbook"),
    "a csv": (b"id,name\nus,Us\n", "is no workbook"),
    "cut off": (b"", "is no workbook"),
    "an archive of nothing": (zipped(), "cannot be read"),
    "another archive": (zipped(a=b"<a/>"), "cannot be read"),
    "a bomb": (zipped(xl__workbook=b"\0" * (300 * 1024 * 1024)), "unpacks to more than"),
    "many parts": (zipped(**{f"p{n}": b"" for n in range(1001)}), "parts"),
    "entities": (zipped(a=b'<!DOCTYPE x [<!ENTITY y "z">]><x>&y;</x>'), "document type"),
}


@pytest.mark.parametrize("case", BROKEN)
def test_what_is_no_workbook_is_refused(tmp_path: Path, case: str) -> None:
    content, says = BROKEN[case]
    if case == "cut off":
        content = saved(company_book())[:5000]
    with pytest.raises(InvalidInput, match=says):
        back(tmp_path, content)
    assert not list((tmp_path / "new").iterdir())


def test_a_sheet_with_too_many_rows_is_refused(tmp_path: Path) -> None:
    book = company_book()
    book["parties"].cell(50_005, 1, "far")
    with pytest.raises(InvalidInput, match="more than 50,000 rows"):
        back(tmp_path, saved(book))


def test_a_number_written_with_two_digits_keeps_them() -> None:
    assert cell_of(Decimal("0.10")) == "0.10"
    assert cell_of(Decimal("0.35")) == 0.35
    assert cell_of(Decimal("2.0")) == "2.0"
