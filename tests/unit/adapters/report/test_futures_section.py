"""What the report and the workbook show of many futures."""

from __future__ import annotations

import io
import re

import openpyxl
import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.adapters.report.document import Figure
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.sections.futures import futures, robust
from offtake.adapters.report.vega import on_page
from offtake.adapters.report.writing import report_files
from offtake.adapters.workbook.book import workbook
from offtake.bootstrap.futures import Running, plan_futures
from offtake.bootstrap.planning import plan, question
from offtake.domain.estate import Estate
from offtake.domain.handoffs import CapacityPlan, ReportExtras
from uncertain_hall import ESTATE


@pytest.fixture(scope="module")
def told() -> tuple[CapacityPlan, Estate, ReportExtras]:
    found = load_estate_text(ESTATE)
    assert isinstance(found, Loaded)
    asked = question(found, None, (), None, "auto", 60.0)
    base = plan(asked, None)
    assert isinstance(base, CapacityPlan)
    outlook = plan_futures(asked, Running(20, tornado=True, workers=1), lambda *_: None).outlook
    return base, found.estate, ReportExtras(outlook=outlook)


def test_a_report_without_futures_is_as_it_was(told: tuple[CapacityPlan, Estate, ReportExtras]) -> None:
    matter = Matter(told[0], told[1], ReportExtras())
    assert (futures(matter), robust(matter)) == (None, None)


def test_the_sections_say_what_the_outlook_says(told: tuple[CapacityPlan, Estate, ReportExtras]) -> None:
    section = futures(Matter(*told))
    assert section is not None
    assert section.lead.startswith("20 of 20 futures that were asked for (seed 0)")
    figures = {one.id: one for one in section.blocks if isinstance(one, Figure)}
    assert set(figures) == {"futures-cost", "futures-bands", "futures-movers"}
    for figure in figures.values():
        wide, narrow = on_page(figure)
        assert wide.startswith("<svg")
        assert narrow.startswith("<svg")
    outlook = told[2].outlook
    assert outlook is not None
    assert sum(int(str(row[2])) for row in figures["futures-cost"].table.rows) == 20
    said = robust(Matter(*told))
    assert said is not None
    assert "95 %" in said.lead
    text = " ".join(" ".join(getattr(block, "items", ())) for block in said.blocks)
    assert "All 5 distributions are assumed" in text
    assert re.search(r"The cost hardly moves with .*nothing", text)


def test_a_run_that_was_stopped_says_so(told: tuple[CapacityPlan, Estate, ReportExtras]) -> None:
    outlook = told[2].outlook
    assert outlook is not None
    partial = ReportExtras(outlook=outlook.model_copy(update={"asked": 50, "no_plan": 2, "again": 1}))
    section = futures(Matter(told[0], told[1], partial))
    assert section is not None
    assert "stopped early" in section.lead
    assert "In 2 no plan meets every limit" in section.lead
    assert "failed its certificate" in section.lead


def test_the_page_has_the_band_on_the_chart_of_power(told: tuple[CapacityPlan, Estate, ReportExtras]) -> None:
    page = report_files(*told, pictures=False)["report.html"].decode()
    assert 'id="robust"' in page
    assert 'id="futures"' in page
    assert "wait and see: optimistic" in page.lower()


def test_the_workbook_has_sheets_of_the_futures(told: tuple[CapacityPlan, Estate, ReportExtras]) -> None:
    book = openpyxl.load_workbook(io.BytesIO(workbook(*told)))
    assert {"futures", "futures_bands", "futures_limits", "futures_movers", "futures_orders"} <= set(
        book.sheetnames
    )
    outlook = told[2].outlook
    assert outlook is not None
    rows = [[cell.value for cell in row] for row in book["futures"].iter_rows()]
    assert rows[0][0] == "total"
    assert rows[1][3] == pytest.approx(outlook.cost.median / 100)
    assert book["futures_movers"].max_row == len(outlook.movers) + 1
