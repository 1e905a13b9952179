"""The file of a workbook with the values of its formulas, and the same bytes for the same plan."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import datetime
from typing import Final

WRITTEN: Final = datetime(2000, 1, 1)  # noqa: DTZ001 - a workbook's dates have no zone; the same plan gives the same bytes
ZIPPED: Final = (1980, 1, 1, 0, 0, 0)
_FORMULA: Final = re.compile(r'<c r="([A-Z]+\d+)"([^>]*)><f>([^<]*)</f><v\s*/?>(?:</v>)?</c>')


def settled(content: bytes, values: Mapping[tuple[str, str], float]) -> bytes:
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
