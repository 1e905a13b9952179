"""One page for those who read one page: the report's sentences and tables' first rows, as Markdown and as PDF."""

from __future__ import annotations

import re
import unicodedata
from datetime import UTC, datetime
from typing import Final

from offtake.adapters.report.amounts import money
from offtake.adapters.report.document import Report
from offtake.adapters.report.matter import Matter, column_of
from offtake.adapters.report.sections.limits import words_of, worth_of
from offtake.domain.handoffs import ClausePrice

MOST_LINES: Final = 4
MARGIN_MM: Final = 19.0
_MARKS: Final = str.maketrans(
    {"−": "-", "“": '"', "”": '"', "’": "'", "–": "-", "…": "...", "·": "-", "€": "EUR"}
)


def memo_parts(matter: Matter, report: Report) -> tuple[tuple[str, tuple[str, ...]], ...]:
    """Headings with their sentences, each sentence built from the plan's checked numbers."""
    parts: list[tuple[str, tuple[str, ...]]] = [("In short", report.sentences)]
    figures = {figure.id: figure for figure in report.figures}
    said = (
        ("waterfall", "spend", "money-waterfall")
        if matter.view == "power"
        else ("load", "processing", "spend")
    )
    found = tuple(figures[id].says for id in said if id in figures)
    if found:
        parts.append(("What is planned", found))
    sections = {part.id: part for part in report.sections}
    duties = tuple(figure.says for figure in report.figures if figure.id.startswith("refusal-"))[:1]
    duties += (sections["commitments"].lead,) if "commitments" in sections else ()
    if duties:
        parts.append(("Rights and commitments", duties))
    # The tightest limit is said in short already.
    binding = tuple(_limit(matter, n) for n in range(1, min(MOST_LINES, len(matter.plan.limits))))
    if binding:
        parts.append(("What binds besides", binding))
    prices = sorted(matter.extras.clause_prices, key=lambda one: (-one.price_cents, one.clause))[:2]
    if prices and matter.priced:
        parts.append(
            (
                "What clauses cost",
                tuple(
                    f"{one.clause}{_place(one)}: {money(one.price_cents, one.currency)}." for one in prices
                ),
            )
        )
    careful = [sections["assumptions"].lead] if "assumptions" in sections else []
    careful += (
        [f"{len(matter.plan.unmodelled)} terms of the agreements are left out of the arithmetic."]
        if matter.plan.unmodelled
        else []
    )
    careful.append(
        f"This is {matter.plan.says}. {matter.plan.certificate.says[:1].upper()}{matter.plan.certificate.says[1:]}."
    )
    parts.append(("To be read with care", tuple(careful)))
    return tuple(parts)


def _place(price: ClausePrice) -> str:
    place = ", ".join(part for part in (price.document, price.section) if part)
    return f" ({place})" if place else ""


def _limit(matter: Matter, n: int) -> str:
    row = matter.plan.limits[n]
    when = f" in {column_of(row.period)}" if row.period else ""
    said = f"{words_of(row, matter)[:1].upper()}{words_of(row, matter)[1:]}{when} ({row.source})"
    if not matter.priced:
        return f"{said}."
    one, worth = worth_of(matter, row)
    return f"{said}: one more {one} is worth {worth}."


def memo_markdown(matter: Matter, report: Report) -> str:
    """The memo as Markdown."""
    lines = [f"# {_plain(report.title)}", "", _plain(report.subtitle), "", f"*{'; '.join(report.labels)}*"]
    for heading, sentences in memo_parts(matter, report):
        lines += ["", f"## {heading}", ""]
        lines += [f"- {_plain(one)}" for one in sentences]
    lines += ["", f"Source: {_plain(report.facts['source'])}", ""]
    return "\n".join(lines)


def _plain(text: str) -> str:
    """Text in which nothing is Markdown."""
    return re.sub(r"([\\`*_\[\]<>#])", r"\\\1", text)


def memo_pdf(matter: Matter, report: Report) -> bytes:
    """The memo as a PDF of one A4 page: its type shrinks until everything fits."""
    for size in (10.5, 10.0, 9.5, 9.0, 8.5, 8.0, 7.5, 7.0):
        data, pages = _pdf(matter, report, size)
        if pages == 1:
            return data
    return data


def _pdf(matter: Matter, report: Report, size: float) -> tuple[bytes, int]:
    from fpdf import FPDF

    pdf = FPDF(format="A4")
    pdf.set_creation_date(datetime(2000, 1, 1, tzinfo=UTC))  # The same plan gives the same bytes.
    pdf.set_title(_latin(report.title))
    pdf.set_creator("offtake")
    pdf.set_lang("en")
    pdf.set_margins(MARGIN_MM, MARGIN_MM - 3, MARGIN_MM)
    pdf.set_auto_page_break(auto=True, margin=14)
    pdf.add_page()
    height = size * 0.475

    def put(text: str, points: float, style: str = "", colour: tuple[int, int, int] = (27, 33, 41)) -> None:
        pdf.set_font("helvetica", style, points)
        pdf.set_text_color(*colour)
        pdf.multi_cell(0, points * 0.475, _latin(text), new_x="LMARGIN", new_y="NEXT", align="L")

    soft = (86, 96, 107)
    put(report.title, size * 1.9, "B")
    pdf.ln(height * 0.3)
    put(report.subtitle, size * 0.9, "", soft)
    put("; ".join(report.labels).capitalize(), size * 0.9, "I", soft)
    for heading, sentences in memo_parts(matter, report):
        pdf.ln(height * 0.8)
        pdf.set_draw_color(201, 204, 206)
        pdf.line(MARGIN_MM, pdf.get_y(), 210 - MARGIN_MM, pdf.get_y())
        pdf.ln(height * 0.5)
        put(heading, size * 1.12, "B", (11, 90, 156))
        for sentence in sentences:
            pdf.ln(height * 0.22)
            put(sentence, size * (1.1 if heading == "In short" else 1.0))
    pdf.ln(height)
    put(f"Source: {report.facts['source']}", size * 0.8, "", soft)
    return bytes(pdf.output()), pdf.page


def _latin(text: str) -> str:
    """Text in the letters of the PDF's built-in fonts; others lose their marks, or become a question mark."""
    shown = text.translate(_MARKS)
    kept = [
        one
        if one.encode("latin-1", "ignore")
        else unicodedata.normalize("NFKD", one).encode("ascii", "ignore").decode() or "?"
        for one in shown
    ]
    return "".join(kept)
