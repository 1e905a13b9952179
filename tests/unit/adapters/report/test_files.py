"""The report's files: the same bytes for the same plan, a source in each, one page where one is promised."""

from __future__ import annotations

import csv
import io
import re
from html.parser import HTMLParser

import pytest

from offtake.adapters.report.writing import report_files
from reported import Reported, reported

PNG = b"\x89PNG\r\n\x1a\n"


@pytest.fixture(scope="module")
def files() -> dict[str, bytes]:
    one = reported("company")
    return report_files(one.plan, one.estate, one.extras)


class Page(HTMLParser):
    """Headings, ids and references of a page."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.named: set[str] = set()
        self.outside: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if re.fullmatch("h[1-6]", tag):
            self.headings.append(int(tag[1]))
        for name, value in attrs:
            if name == "id" and value:
                self.ids.append(value)
            if name in ("aria-labelledby", "aria-describedby") and value:
                self.named |= set(value.split())
            if (
                name in ("src", "href", "srcset", "action", "data")
                and value
                and not value.startswith(("#", "data:"))
            ):
                self.outside.append(value)


def test_the_same_plan_gives_the_same_bytes(files: dict[str, bytes]):
    one = reported("company")
    again = report_files(one.plan, one.estate, one.extras)
    assert list(again) == list(files)
    assert [name for name in files if files[name] != again[name]] == []


def test_each_figure_is_there_three_times_with_its_source(files: dict[str, bytes]):
    figures = reported("company").report.figures
    for figure in figures:
        svg = files[f"figures/{figure.id}.svg"].decode()
        assert "Source: offtake, plan of" in svg
        assert files[f"figures/{figure.id}.png"].startswith(PNG)
        rows = list(csv.reader(io.StringIO(files[f"figures/{figure.id}.csv"].decode())))
        assert rows[0][-1] == "source"
        assert {row[-1] for row in rows[1:]} == {figure.source}
        assert len(rows) == len(figure.table.rows) + 1


def test_the_page_needs_nothing_else(files: dict[str, bytes]):
    page = files["report.html"].decode()
    read = Page(page)
    assert read.outside == []
    assert "default-src 'none'" in page
    assert not re.search(r"@import|url\((?!#)", page)


def test_headings_come_in_order_and_names_lead_somewhere(files: dict[str, bytes]):
    read = Page(files["report.html"].decode())
    assert read.headings[0] == 1
    assert read.headings.count(1) == 1
    assert all(after <= before + 1 for before, after in zip(read.headings, read.headings[1:], strict=False))
    assert len(read.ids) == len(set(read.ids))
    assert read.named <= set(read.ids)


@pytest.mark.parametrize("example", ["company", "stargate"])
def test_the_memo_is_one_page_of_the_reports_sentences(example: str):
    one: Reported = reported(example)
    made = report_files(one.plan, one.estate, one.extras, pictures=False)
    assert len(re.findall(rb"/Type /Page\b(?!s)", made["memo.pdf"])) == 1
    memo = made["memo.md"].decode().replace("\\", "")
    for sentence in one.report.sentences:
        assert sentence in memo
    assert one.report.facts["source"] in memo
    assert "the best case with perfect foresight, not a forecast" in memo
