"""The report that people hand on: one page of HTML, every figure as SVG, PNG and CSV, and a memo of one page."""

from offtake.adapters.report.writing import report_files, write_report

__all__ = ["report_files", "write_report"]
