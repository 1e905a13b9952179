"""Writing a report: every file is made before the first is written, and each appears whole or not at all."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from offtake.adapters.report.building import report_of
from offtake.adapters.report.document import Report, Table
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.memo import memo_markdown, memo_pdf
from offtake.adapters.report.page import page_of
from offtake.adapters.report.tables import csv_of
from offtake.adapters.report.vega import alone, as_png
from offtake.adapters.whole_files import write_whole
from offtake.domain.errors import StorageFailure
from offtake.domain.estate import Estate
from offtake.domain.handoffs import CapacityPlan, ReportExtras


def report_files(
    plan: CapacityPlan, estate: Estate, extras: ReportExtras | None = None, *, pictures: bool = True
) -> dict[str, bytes]:
    """The report's files by name, in the order in which they are written. Same plan and estate, same bytes.

    `pictures` off leaves out the SVG and PNG files beside the page. Nothing is looked up outside the arguments: what
    must not be handed on is taken out of plan, estate and extras before they come here.
    """
    matter = Matter(plan, estate, ReportExtras() if extras is None else extras)
    report = report_of(matter)
    files = {
        "report.html": page_of(report).encode(),
        "memo.md": memo_markdown(matter, report).encode(),
        "memo.pdf": memo_pdf(matter, report),
    }
    for figure in report.figures if pictures else ():
        svg = alone(figure)
        files[f"figures/{figure.id}.svg"] = svg.encode()
        files[f"figures/{figure.id}.png"] = as_png(svg)
    for table in _tables(report):
        files[f"figures/{table.id}.csv"] = csv_of(table).encode()
    return files


def _tables(report: Report) -> Iterator[Table]:
    for figure in report.figures:
        yield figure.table
    for part in report.sections:
        yield from (block for block in part.blocks if isinstance(block, Table))


def write_report(
    plan: CapacityPlan,
    estate: Estate,
    folder: Path,
    extras: ReportExtras | None = None,
    *,
    pictures: bool = True,
) -> tuple[Path, ...]:
    """Writes the report into a folder, and returns the files in order; `report.html` is the first.

    Raises StorageFailure if the folder or a file cannot be written.
    """
    files = report_files(plan, estate, extras, pictures=pictures)
    try:
        (folder / "figures").mkdir(parents=True, exist_ok=True)
        return tuple(write_whole(folder / name, content) for name, content in files.items())
    except OSError as error:
        raise StorageFailure(
            f"the report could not be written to `{folder}`: {error.strerror}",
            hint="choose another folder with --out",
        ) from None
