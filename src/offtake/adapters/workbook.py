"""A plan as `plan.xlsx`: one sheet per table, totals as live formulas, sources in comments. Same plan, same bytes."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime
from pathlib import Path
from typing import TYPE_CHECKING, Final, TypeAlias, cast, get_args

from offtake.adapters.report.matter import Matter
from offtake.adapters.whole_files import write_whole
from offtake.domain.errors import StorageFailure
from offtake.domain.estate import Estate
from offtake.domain.handoffs import PLAN_TABLES, CapacityPlan, ClausePrice, ReportExtras, Row, SensitivityRow

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell
    from openpyxl.styles import Font
    from openpyxl.worksheet.worksheet import Worksheet

Value: TypeAlias = str | int | float | bool | date | None

NAME: Final = "plan.xlsx"
WRITTEN: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook's dates have no zone; the same plan gives the same bytes
ZIPPED: Final = (1980, 1, 1, 0, 0, 0)
WIDEST: Final = 46
HEADER: Final = "0B5A9C"
# Columns that may be added over all rows of a table; of the others a sum says nothing.
ADDED: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("power_mw",),
    "unmet": ("worth_cents",),
    "spend": ("amount_cents",),
    "meters": ("owed_cents",),
    "obligations": ("actions",),
}
# Parts of the estate that a table's numbers are made from.
SOURCES: Final[Mapping[str, tuple[str, ...]]] = {
    "orders": ("products.", "sites.", "accelerators."),
    "capacity": ("products.", "sites.", "accelerators."),
    "power": ("sites.",),
    "served": ("workloads.", "models.", "products."),
    "training": ("workloads.", "accelerators."),
    "unmet": ("workloads.",),
    "spend": ("products.", "sites.", "accelerators.", "agreements."),
    "limits": ("sites.", "agreements.", "products."),
    "meters": ("agreements.", "products."),
    "meter_use": ("agreements.", "products."),
    "first_refusals": ("agreements.", "workloads.", "answers"),
}
_ILLEGAL: Final = re.compile(r"[\x00-\x08\x0b\x0c\x0e-\x1f]")
_FORMULA: Final = re.compile(r'<c r="([A-Z]+\d+)"([^>]*)><f>([^<]*)</f><v\s*/?>(?:</v>)?</c>')


def write_workbook(plan: CapacityPlan, estate: Estate, extras: ReportExtras, folder: Path) -> Path:
    """Writes the workbook into a folder, whole or not at all. Raises StorageFailure if it cannot be written."""
    content = workbook(plan, estate, extras)
    try:
        folder.mkdir(parents=True, exist_ok=True)
        return write_whole(folder / NAME, content)
    except OSError as error:
        raise StorageFailure(
            f"the workbook could not be written to `{folder}`: {error.strerror}",
            hint="choose another folder with --out",
        ) from None


def workbook(plan: CapacityPlan, estate: Estate, extras: ReportExtras) -> bytes:
    """The workbook's bytes. Every formula carries its value, so that a preview that does not reckon shows it, too."""
    from openpyxl import Workbook

    book = Workbook()
    book.properties.creator = "offtake"
    book.properties.title = plan.estate
    book.properties.created = WRITTEN
    writer = _Writer(book, plan, Matter(plan, estate, extras))
    summary = cast("Worksheet", book.active)
    summary.title = "summary"
    for name in PLAN_TABLES:
        kind = cast("type[Row]", get_args(CapacityPlan.model_fields[name].annotation)[0])
        writer.table(name, kind, cast("Sequence[Row]", getattr(plan, name)))
    if extras.clause_prices:
        writer.table("clause_prices", ClausePrice, extras.clause_prices, {"price_cents": _price})
    if extras.sensitivities:
        writer.table("assumptions", SensitivityRow, extras.sensitivities)
    writer.sources()
    writer.summary(summary)
    draft = io.BytesIO()
    book.save(draft)
    return _settled(draft.getvalue(), writer.values)


def _price(row: Row, at: Callable[[str], str]) -> tuple[str, float]:
    one = cast("ClausePrice", row)
    formula = f"={at('with_clause_cents')}-{at('without_clause_cents')}"
    return formula, one.price_cents / 100


@dataclass
class _Writer:
    book: Workbook
    plan: CapacityPlan
    matter: Matter
    # Values of formulas, by sheet and cell.
    values: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])

    @property
    def priced(self) -> bool:
        return self.matter.priced

    def table(
        self,
        name: str,
        kind: type[Row],
        rows: Sequence[Row],
        formulas: Mapping[str, Callable[[Row, Callable[[str], str]], tuple[str, float]]] | None = None,
    ) -> None:
        """A sheet with a header, the rows, and a line of totals where sums mean something."""
        sheet = cast("Worksheet", self.book.create_sheet(name))
        keys = list(kind.model_fields)
        self._header(sheet, [_title(key, self.plan.currency) for key in keys])
        self._comments(sheet, name, keys, kind)
        letters = {key: _letter(n) for n, key in enumerate(keys, start=1)}
        for number, row in enumerate(rows, start=2):
            for n, key in enumerate(keys, start=1):
                cell = _at(sheet, number, n)
                made = (formulas or {}).get(key)
                if made is not None:
                    here = number
                    formula, value = made(row, lambda other, here=here: f"{letters[other]}{here}")
                    self._formula(sheet, cell, formula, value)
                else:
                    _put(cell, _natural(key, getattr(row, key)))
                cell.number_format = _format(key)
        last = len(rows) + 1
        if rows:
            sheet.auto_filter.ref = f"A1:{_letter(len(keys))}{last}"
            self._totals(sheet, name, keys, rows, last)
        _widths(sheet, len(keys))
        _printed(sheet)

    def _header(self, sheet: Worksheet, titles: Sequence[str]) -> None:
        from openpyxl.styles import Alignment, PatternFill

        for n, title in enumerate(titles, start=1):
            cell = _at(sheet, 1, n)
            _put(cell, title)
            cell.font = _font(bold=True, colour="FFFFFF")
            cell.fill = PatternFill("solid", start_color=HEADER)
            cell.alignment = Alignment(vertical="center", wrap_text=True)
        sheet.freeze_panes = "A2"
        sheet.row_dimensions[1].height = 32

    def _comments(self, sheet: Worksheet, name: str, keys: Sequence[str], kind: type[Row]) -> None:
        """The source of a table's numbers, at the head of each column of numbers."""
        from openpyxl.comments import Comment

        source = self.matter.source(*SOURCES.get(name, ()))
        for n, key in enumerate(keys, start=1):
            if str(kind.model_fields[key].annotation).find("float") >= 0 or key.endswith("_cents"):
                comment = Comment(f"Source: {source}", "offtake", height=120, width=380)
                _at(sheet, 1, n).comment = comment

    def _totals(
        self, sheet: Worksheet, name: str, keys: Sequence[str], rows: Sequence[Row], last: int
    ) -> None:
        from openpyxl.styles import Border, Side

        added = ADDED.get(name, ())
        if not added:
            return
        for n, key in enumerate(keys, start=1):
            cell = _at(sheet, last + 1, n)
            cell.font = _font(bold=True)
            cell.border = Border(top=Side(style="thin"))
            if n == 1:
                _put(cell, "total of the rows shown")
            if key in added:
                column = _letter(n)
                value = sum(float(cast("float", _natural(key, getattr(row, key)))) for row in rows)
                self._formula(sheet, cell, f"=SUBTOTAL(109,{column}2:{column}{last})", value)
                cell.number_format = _format(key)

    def _formula(self, sheet: Worksheet, cell: Cell, formula: str, value: float) -> None:
        cell.value = formula
        self.values[sheet.title, cell.coordinate] = value

    def sources(self) -> None:
        """Every number of the estate with its source."""
        sheet = cast("Worksheet", self.book.create_sheet("sources"))
        self._header(sheet, ["number", "as stated", "source", "assumed"])
        for number, (path, figure) in enumerate(self.matter.figures, start=2):
            cells = (path, figure.text, figure.source or "", "yes" if figure.assumed else "no")
            for n, value in enumerate(cells, start=1):
                _put(_at(sheet, number, n), value)
        sheet.auto_filter.ref = f"A1:D{len(self.matter.figures) + 1}"
        _widths(sheet, 4)
        _printed(sheet)

    def summary(self, sheet: Worksheet) -> None:
        """What the plan is, what is paid each year as formulas, and where to find the rest."""
        from openpyxl.styles import Alignment

        plan = self.plan
        lines: list[tuple[str, Value]] = [
            (plan.estate, None),
            ("what this is", f"{plan.says}; {plan.certificate.says}"),
            ("made for", plan.party),
            ("from", plan.begins),
            ("until, not including", plan.ends),
            ("agreements known on", plan.known_at or "all"),
            ("inputs", plan.estate_digest[:16] or "without digest"),
        ]
        if plan.redacted:
            lines.append(("withheld", ", ".join(plan.redacted)))
        for number, (name, value) in enumerate(lines, start=1):
            _put(_at(sheet, number, 1), name)
            _put(_at(sheet, number, 2), value)
            _at(sheet, number, 2).number_format = "yyyy-mm-dd" if isinstance(value, date) else "General"
            _at(sheet, number, 2).alignment = Alignment(horizontal="left")
        _at(sheet, 1, 1).font = _font(bold=True, size=16)
        at = len(lines) + 2
        if self.priced:
            at = self._paid(sheet, at) + 1
        at = self._numbers(sheet, at) + 1
        _put(_at(sheet, at, 1), "sheets")
        _at(sheet, at, 1).font = _font(bold=True)
        for n, name in enumerate(self.book.sheetnames[1:], start=at + 1):
            cell = _at(sheet, n, 1)
            _put(cell, name)
            cell.hyperlink = f"#'{name}'!A1"
            cell.font = _font(colour=HEADER, underlined=True)
        sheet.column_dimensions["A"].width = 38
        sheet.column_dimensions["B"].width = 24
        _printed(sheet)

    def _paid(self, sheet: Worksheet, at: int) -> int:
        """Payments of the party by year, and what they come to; the next free row."""
        from openpyxl.styles import Alignment, Border, Side

        plan, currency = self.plan, self.plan.currency
        mine = [row for row in plan.spend if row.payer == plan.party and row.kind != "salvage"]
        years = sorted({row.year for row in plan.spend})
        _put(_at(sheet, at, 1), "paid each year, not discounted")
        _put(_at(sheet, at, 2), currency)
        for n in (1, 2):
            _at(sheet, at, n).font = _font(bold=True)
        last = len(plan.spend) + 1
        columns = (
            {key: _letter(n) for n, key in enumerate(type(plan.spend[0]).model_fields, start=1)}
            if mine
            else {}
        )
        for n, year in enumerate(years if mine else (), start=at + 1):
            ranges = {key: f"spend!${column}$2:${column}${last}" for key, column in columns.items()}
            formula = (
                f"=SUMIFS({ranges['amount_cents']},{ranges['year']},A{n},{ranges['payer']},$B$3,"
                f'{ranges["kind"]},"<>salvage")'
            )
            _put(_at(sheet, n, 1), year)
            _at(sheet, n, 1).alignment = Alignment(horizontal="left")
            value = sum(row.amount_cents for row in mine if row.year == year) / 100
            self._formula(sheet, _at(sheet, n, 2), formula, value)
            _at(sheet, n, 2).number_format = "#,##0.00"
        end = at + (len(years) if mine else 0)
        if end > at:
            total = _at(sheet, end + 1, 2)
            _put(_at(sheet, end + 1, 1), "paid over the horizon")
            self._formula(
                sheet, total, f"=SUM(B{at + 1}:B{end})", sum(row.amount_cents for row in mine) / 100
            )
            total.number_format = "#,##0.00"
            for n in (1, 2):
                _at(sheet, end + 1, n).font = _font(bold=True)
                _at(sheet, end + 1, n).border = Border(top=Side(style="thin"))
            end += 1
        for name, cents in (
            ("cost, discounted, with unmet need at its worth", plan.cost_cents),
            ("of it unmet need", plan.unmet_worth_cents),
        ):
            end += 1
            _put(_at(sheet, end, 1), name)
            _put(_at(sheet, end, 2), cents / 100)
            _at(sheet, end, 2).number_format = "#,##0.00"
        return end + 1

    def _numbers(self, sheet: Worksheet, at: int) -> int:
        """How many numbers of the estate rest on what; the next free row."""
        last = len(self.matter.figures) + 1
        assumed = sum(figure.assumed for _, figure in self.matter.figures)
        _put(_at(sheet, at, 1), "numbers of the estate")
        _at(sheet, at, 1).font = _font(bold=True)
        counted = (
            ("all", f"=COUNTA(sources!$A$2:$A${last})", len(self.matter.figures)),
            ("assumed", f'=COUNTIF(sources!$D$2:$D${last},"yes")', assumed),
        )
        for n, (name, formula, value) in enumerate(counted, start=at + 1):
            _put(_at(sheet, n, 1), name)
            self._formula(sheet, _at(sheet, n, 2), formula, value)
        return at + len(counted) + 1


def _title(key: str, currency: str) -> str:
    for ending, unit in (
        ("worth_cents_per_unit", f"worth of one more ({currency})"),
        ("_cents", f" ({currency})"),
        ("_mw", " (MW)"),
        ("_per_s", "/s"),
    ):
        if key == ending:
            return unit
        if key.endswith(ending):
            return f"{key.removesuffix(ending).replace('_', ' ')}{unit}"
    return key.replace("_", " ")


def _natural(key: str, value: object) -> Value:
    """A field as a cell: money in its currency, not in cents."""
    if value is not None and "_cents" in key:
        return cast("float", value) / 100
    return cast("Value", value)


def _format(key: str) -> str:
    if "_cents" in key:
        return "#,##0.00"
    named = {
        "year": "0",
        "share": "0.0%",
        "tokens_per_s": "#,##0",
        "begins": "yyyy-mm-dd",
        "ends": "yyyy-mm-dd",
    }
    if key in named:
        return named[key]
    if key.startswith("serves_"):
        return "yyyy-mm-dd"
    return "#,##0.0" if key.endswith("_mw") else "#,##0.00" if key in _QUANTITIES else "General"


_QUANTITIES: Final = (
    "quantity contracted added used accelerators lower upper counted shortfall drawn so_far needed offered "
    "taken_by_holder allowed_elsewhere taken_elsewhere".split()
)


def _put(cell: Cell, value: Value) -> None:
    """A value in a cell; a text that looks like a formula stays a text."""
    if isinstance(value, str):
        cell.value = _ILLEGAL.sub("", value)
        cell.data_type = "s"
    else:
        cell.value = value


def _at(sheet: Worksheet, row: int, column: int) -> Cell:
    """A cell by its place; no cells of these sheets are merged."""
    return cast("Cell", sheet.cell(row, column))


def _font(
    *, bold: bool = False, size: float = 11, colour: str | None = None, underlined: bool = False
) -> Font:
    from openpyxl.styles import Font

    return Font(
        name="Calibri", bold=bold, size=size, color=colour, underline="single" if underlined else None
    )


def _letter(column: int) -> str:
    from openpyxl.utils import get_column_letter

    return get_column_letter(column)


def _widths(sheet: Worksheet, columns: int) -> None:
    for n in range(1, columns + 1):
        shown = (_at(sheet, row, n) for row in range(1, min(sheet.max_row, 200) + 1))
        widest = max((_length(cell) for cell in shown), default=8)
        sheet.column_dimensions[_letter(n)].width = min(WIDEST, max(9, widest + 3))


def _length(cell: Cell) -> int:
    if isinstance(cell.value, float):
        return len(f"{cell.value:,.2f}")
    return 12 if cell.data_type == "f" else len(str(cell.value or ""))


def _printed(sheet: Worksheet) -> None:
    """Printed across one page, its header on each."""
    from openpyxl.worksheet.properties import PageSetupProperties

    sheet.page_setup.orientation = "landscape"
    sheet.page_setup.paperSize = 9  # A4
    sheet.page_setup.fitToWidth = 1
    sheet.page_setup.fitToHeight = 0
    sheet.sheet_properties.pageSetUpPr = PageSetupProperties(fitToPage=True)
    sheet.print_title_rows = "1:1"


def _settled(content: bytes, values: Mapping[tuple[str, str], float]) -> bytes:
    """The file with the values of its formulas, and without the clock."""
    draft = zipfile.ZipFile(io.BytesIO(content))
    names = [name for name, _ in _sheets(draft)]
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as final:
        for item in sorted(draft.namelist(), key=lambda name: (name != "[Content_Types].xml", name)):
            data = draft.read(item)
            found = re.fullmatch(r"xl/worksheets/sheet(\d+)\.xml", item)
            if found:
                data = _with_values(data.decode(), names[int(found.group(1)) - 1], values).encode()
            elif item == "docProps/core.xml":
                stamp = WRITTEN.strftime("%Y-%m-%dT%H:%M:%SZ")
                data = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp.encode(), data)
            entry = zipfile.ZipInfo(item, ZIPPED)
            entry.compress_type = zipfile.ZIP_DEFLATED
            entry.external_attr = 0o644 << 16
            final.writestr(entry, data)
    return out.getvalue()


def _sheets(draft: zipfile.ZipFile) -> list[tuple[str, str]]:
    """The sheets in order, as (name, id)."""
    return re.findall(
        r'<sheet [^>]*?name="([^"]+)"[^>]*?sheetId="(\d+)"', draft.read("xl/workbook.xml").decode()
    )


def _with_values(sheet: str, name: str, values: Mapping[tuple[str, str], float]) -> str:
    def valued(found: re.Match[str]) -> str:
        cell, rest, formula = found.groups()
        return f'<c r="{cell}"{rest}><f>{formula}</f><v>{values[name, cell]!r}</v></c>'

    return _FORMULA.sub(valued, sheet)
