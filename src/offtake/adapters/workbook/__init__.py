"""A plan as `plan.xlsx`: one sheet per table, totals and accounts as live formulas, sources in comments."""

from offtake.adapters.workbook.book import workbook, write_workbook

__all__ = ["workbook", "write_workbook"]
