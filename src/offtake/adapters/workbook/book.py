"""A plan as `plan.xlsx`: one sheet per table, totals as live formulas, sources in comments. Same plan, same bytes."""

from __future__ import annotations

import io
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast, get_args

from offtake.adapters.report.matter import Matter
from offtake.adapters.whole_files import write_whole
from offtake.adapters.workbook.accounts import write_accounts
from offtake.adapters.workbook.accounts_sheet import AccountsSheet
from offtake.adapters.workbook.assets import sheet_names, write_assets
from offtake.adapters.workbook.cells import (
    HEADER,
    Value,
    cell_at,
    font,
    letter,
    natural,
    number_format_of,
    printed,
    put,
    title,
    widths,
)
from offtake.adapters.workbook.grid import Grid, Rows
from offtake.adapters.workbook.settling import WRITTEN, settled
from offtake.domain.errors import StorageFailure
from offtake.domain.estate import Estate
from offtake.domain.handoffs import (
    PLAN_TABLES,
    CapacityPlan,
    ClausePrice,
    FinanceFlowRow,
    ReportExtras,
    SensitivityRow,
    SpendRow,
)
from offtake.domain.outlook import BandRow, BindingRow, MoverRow, OrderRow, Outlook, TotalRow
from offtake.domain.rows import Row

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.cell.cell import Cell
    from openpyxl.worksheet.worksheet import Worksheet

NAME: Final = "plan.xlsx"
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
    if extras.outlook is not None:
        _futures(writer, extras.outlook)
    writer.accounts()
    writer.sources()
    writer.summary(summary)
    draft = io.BytesIO()
    book.save(draft)
    return settled(draft.getvalue(), writer.values)


def _futures(writer: _Writer, outlook: Outlook) -> None:
    """What many futures say, a sheet for each of its tables."""
    writer.table("futures", TotalRow, outlook.totals)
    writer.table("futures_bands", BandRow, outlook.bands)
    writer.table("futures_limits", BindingRow, outlook.binding)
    writer.table("futures_movers", MoverRow, outlook.movers)
    writer.table("futures_orders", OrderRow, outlook.orders)


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
        self._header(sheet, [title(key, self.plan.currency) for key in keys])
        self._comments(sheet, name, keys, kind)
        letters = {key: letter(n) for n, key in enumerate(keys, start=1)}
        for number, row in enumerate(rows, start=2):
            for n, key in enumerate(keys, start=1):
                cell = cell_at(sheet, number, n)
                made = (formulas or {}).get(key)
                if made is not None:
                    here = number
                    formula, value = made(row, lambda other, here=here: f"{letters[other]}{here}")
                    self._formula(sheet, cell, formula, value)
                else:
                    put(cell, natural(key, getattr(row, key)))
                cell.number_format = number_format_of(key)
        last = len(rows) + 1
        if rows:
            sheet.auto_filter.ref = f"A1:{letter(len(keys))}{last}"
            self._totals(sheet, name, keys, rows, last)
        widths(sheet, len(keys))
        printed(sheet)

    def _header(self, sheet: Worksheet, titles: Sequence[str]) -> None:
        from openpyxl.styles import Alignment, PatternFill

        for n, head in enumerate(titles, start=1):
            cell = cell_at(sheet, 1, n)
            put(cell, head)
            cell.font = font(bold=True, colour="FFFFFF")
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
                cell_at(sheet, 1, n).comment = comment

    def _totals(
        self, sheet: Worksheet, name: str, keys: Sequence[str], rows: Sequence[Row], last: int
    ) -> None:
        from openpyxl.styles import Border, Side

        added = ADDED.get(name, ())
        if not added:
            return
        for n, key in enumerate(keys, start=1):
            cell = cell_at(sheet, last + 1, n)
            cell.font = font(bold=True)
            cell.border = Border(top=Side(style="thin"))
            if n == 1:
                put(cell, "total of the rows shown")
            if key in added:
                column = letter(n)
                value = sum(float(cast("float", natural(key, getattr(row, key)))) for row in rows)
                self._formula(sheet, cell, f"=SUBTOTAL(109,{column}2:{column}{last})", value)
                cell.number_format = number_format_of(key)

    def _formula(self, sheet: Worksheet, cell: Cell, formula: str, value: float) -> None:
        cell.value = formula
        self.values[sheet.title, cell.coordinate] = value

    def accounts(self) -> None:
        """The accounts of who borrows, and what each built, as live formulas over the plan's own tables."""
        plan = self.plan
        if not plan.finance:
            return
        self.table("money_flows", FinanceFlowRow, [flow for one in plan.finance for flow in one.flows])
        spend, flows = (
            Rows(name, {key: n for n, key in enumerate(kind.model_fields, start=1)}, count)
            for name, kind, count in (
                ("spend", SpendRow, len(plan.spend)),
                ("money_flows", FinanceFlowRow, sum(len(one.flows) for one in plan.finance)),
            )
        )
        names, registers = (sheet_names(kind, plan.finance) for kind in ("accounts", "assets"))
        for borrower in plan.finance:
            grids = [
                Grid(cast("Worksheet", self.book.create_sheet(of[borrower.party])), plan.periods, self.values)
                for of in (names, registers)
            ]
            written = write_assets(grids[1], plan, borrower, spend)
            write_accounts(AccountsSheet(grids[0], plan, borrower, spend, flows), grids[1], written)
            grids[1].done()

    def sources(self) -> None:
        """Every number of the estate with its source."""
        sheet = cast("Worksheet", self.book.create_sheet("sources"))
        self._header(sheet, ["number", "as stated", "source", "assumed"])
        for number, (path, figure) in enumerate(self.matter.figures, start=2):
            cells = (path, figure.text, figure.source or "", "yes" if figure.assumed else "no")
            for n, value in enumerate(cells, start=1):
                put(cell_at(sheet, number, n), value)
        sheet.auto_filter.ref = f"A1:D{len(self.matter.figures) + 1}"
        widths(sheet, 4)
        printed(sheet)

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
            put(cell_at(sheet, number, 1), name)
            put(cell_at(sheet, number, 2), value)
            cell_at(sheet, number, 2).number_format = "yyyy-mm-dd" if isinstance(value, date) else "General"
            cell_at(sheet, number, 2).alignment = Alignment(horizontal="left")
        cell_at(sheet, 1, 1).font = font(bold=True, size=16)
        at = len(lines) + 2
        if self.priced:
            at = self._paid(sheet, at) + 1
        at = self._numbers(sheet, at) + 1
        put(cell_at(sheet, at, 1), "sheets")
        cell_at(sheet, at, 1).font = font(bold=True)
        for n, name in enumerate(self.book.sheetnames[1:], start=at + 1):
            cell = cell_at(sheet, n, 1)
            put(cell, name)
            cell.hyperlink = f"#'{name}'!A1"
            cell.font = font(colour=HEADER, underlined=True)
        sheet.column_dimensions["A"].width = 38
        sheet.column_dimensions["B"].width = 24
        printed(sheet)

    def _paid(self, sheet: Worksheet, at: int) -> int:
        """Payments of the party by year, and what they come to; the next free row."""
        from openpyxl.styles import Alignment, Border, Side

        plan, currency = self.plan, self.plan.currency
        mine = [row for row in plan.spend if row.payer == plan.party and row.kind != "salvage"]
        years = sorted({row.year for row in plan.spend})
        put(cell_at(sheet, at, 1), "paid each year, not discounted")
        put(cell_at(sheet, at, 2), currency)
        for n in (1, 2):
            cell_at(sheet, at, n).font = font(bold=True)
        last = len(plan.spend) + 1
        columns = (
            {key: letter(n) for n, key in enumerate(type(plan.spend[0]).model_fields, start=1)}
            if mine
            else {}
        )
        for n, year in enumerate(years if mine else (), start=at + 1):
            ranges = {key: f"spend!${column}$2:${column}${last}" for key, column in columns.items()}
            formula = (
                f"=SUMIFS({ranges['amount_cents']},{ranges['year']},A{n},{ranges['payer']},$B$3,"
                f'{ranges["kind"]},"<>salvage")'
            )
            put(cell_at(sheet, n, 1), year)
            cell_at(sheet, n, 1).alignment = Alignment(horizontal="left")
            value = sum(row.amount_cents for row in mine if row.year == year) / 100
            self._formula(sheet, cell_at(sheet, n, 2), formula, value)
            cell_at(sheet, n, 2).number_format = "#,##0.00"
        end = at + (len(years) if mine else 0)
        if end > at:
            total = cell_at(sheet, end + 1, 2)
            put(cell_at(sheet, end + 1, 1), "paid over the horizon")
            self._formula(
                sheet, total, f"=SUM(B{at + 1}:B{end})", sum(row.amount_cents for row in mine) / 100
            )
            total.number_format = "#,##0.00"
            for n in (1, 2):
                cell_at(sheet, end + 1, n).font = font(bold=True)
                cell_at(sheet, end + 1, n).border = Border(top=Side(style="thin"))
            end += 1
        for name, cents in (
            ("cost, discounted, with unmet need at its worth", plan.cost_cents),
            ("of it unmet need", plan.unmet_worth_cents),
        ):
            end += 1
            put(cell_at(sheet, end, 1), name)
            put(cell_at(sheet, end, 2), cents / 100)
            cell_at(sheet, end, 2).number_format = "#,##0.00"
        return end + 1

    def _numbers(self, sheet: Worksheet, at: int) -> int:
        """How many numbers of the estate rest on what; the next free row."""
        last = len(self.matter.figures) + 1
        assumed = sum(figure.assumed for _, figure in self.matter.figures)
        put(cell_at(sheet, at, 1), "numbers of the estate")
        cell_at(sheet, at, 1).font = font(bold=True)
        counted = (
            ("all", f"=COUNTA(sources!$A$2:$A${last})", len(self.matter.figures)),
            ("assumed", f'=COUNTIF(sources!$D$2:$D${last},"yes")', assumed),
        )
        for n, (name, formula, value) in enumerate(counted, start=at + 1):
            put(cell_at(sheet, n, 1), name)
            self._formula(sheet, cell_at(sheet, n, 2), formula, value)
        return at + len(counted) + 1
