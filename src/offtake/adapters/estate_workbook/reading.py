"""A workbook's sheets as rows, under written limits; a bomb or a document type is refused before it is unpacked."""

from __future__ import annotations

import zlib
from collections.abc import Generator, Iterator
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Final, cast
from zipfile import BadZipFile, ZipFile

from offtake.adapters.estate_workbook.layout import LATENCY, MAXIMUM_COLUMNS, MAXIMUM_ROWS, columns_of
from offtake.adapters.estate_workbook.values import value_of
from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.tabular.cells import CellProblem
from offtake.domain.checks.findings import close_match
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from openpyxl import Workbook
    from openpyxl.worksheet.worksheet import Worksheet

MAXIMUM_BYTES: Final = 64 * 1024 * 1024
MAXIMUM_UNPACKED: Final = 256 * 1024 * 1024
MAXIMUM_PARTS: Final = 1000
# What openpyxl and the libraries beneath it raise for archives and XML that are broken.
_BROKEN: Final = (
    BadZipFile,
    zlib.error,
    KeyError,
    ValueError,
    TypeError,
    IndexError,
    AttributeError,
    SyntaxError,
    OSError,
    EOFError,
    NotImplementedError,
    RuntimeError,
)

Row = dict[str, Plain] | CellProblem


def read_workbook(path: Path) -> Iterator[tuple[str, int, Row]]:
    """Every row of the sheets that the template has, as (sheet, row, values by column, or why it has none).

    Raises InvalidInput if the file is no workbook, is too large, or has a column that its sheet does not know.
    """
    _inspect(path)
    try:
        from openpyxl import load_workbook

        book = load_workbook(path, read_only=True, data_only=False, keep_links=False)
    except _BROKEN as error:
        raise InvalidInput(
            f"`{path.name}` is a workbook that cannot be read: {type(error).__name__}"
        ) from None
    with closing(book):
        yield from _rows_of(book, path.name)


def sheets_in(path: Path) -> tuple[str, ...]:
    """The names of a workbook's sheets."""
    from openpyxl import load_workbook

    try:
        with closing(load_workbook(path, read_only=True, keep_links=False)) as book:
            return tuple(book.sheetnames)
    except _BROKEN as error:
        raise InvalidInput(
            f"`{path.name}` is a workbook that cannot be read: {type(error).__name__}"
        ) from None


def _inspect(path: Path) -> None:
    try:
        if not path.is_file():
            missing = f"`{path}` is not a file" if path.exists() else f"there is no file `{path}`"
            raise InvalidInput(missing)
        if path.stat().st_size > MAXIMUM_BYTES:
            raise InvalidInput(f"`{path.name}` is larger than {MAXIMUM_BYTES >> 20} MiB")
        if path.stat().st_size == 0:
            raise InvalidInput(f"`{path.name}` is empty")
        with ZipFile(path) as archive:
            parts = archive.infolist()
            unpacked = sum(part.file_size for part in parts)
            if len(parts) > MAXIMUM_PARTS or unpacked > MAXIMUM_UNPACKED:
                raise InvalidInput(
                    f"`{path.name}` unpacks to more than {MAXIMUM_UNPACKED >> 20} MiB or {MAXIMUM_PARTS:,} parts"
                )
            for part in parts:
                _refuse_document_type(archive.read(part), path.name)
    except _BROKEN as error:
        if isinstance(error, OSError) and error.strerror:
            raise InvalidInput(f"`{path}` cannot be read: {error.strerror}") from None
        raise InvalidInput(f"`{path.name}` is no workbook (.xlsx)", hint="save it as .xlsx") from None


def _refuse_document_type(content: bytes, name: str) -> None:
    """Raises InvalidInput for XML that declares entities: they can grow without bound."""
    if b"<!DOCTYPE" in content or b"<!ENTITY" in content:
        raise InvalidInput(f"`{name}` declares a document type, which no workbook needs")


def _rows_of(book: Workbook, file: str) -> Iterator[tuple[str, int, Row]]:
    for name in book.sheetnames:
        columns = columns_of(name)
        if columns is None and name != LATENCY:
            continue
        try:
            yield from _sheet_rows(book[name], name, columns, file)
        except _BROKEN as error:
            raise InvalidInput(f"`{file}`, sheet `{name}` cannot be read: {type(error).__name__}") from None


def _sheet_rows(
    sheet: Worksheet, name: str, columns: tuple[str, ...] | None, file: str
) -> Iterator[tuple[str, int, Row]]:
    # The rows hold a part of the archive open until they are closed.
    rows = cast(
        "Generator[tuple[object, ...]]", sheet.iter_rows(max_row=MAXIMUM_ROWS + 2, max_col=MAXIMUM_COLUMNS)
    )
    with closing(rows):
        header: list[str] | None = None
        for number, cells in enumerate(rows, start=1):
            contents = [cast("object", getattr(cell, "value", None)) for cell in cells]
            if number > MAXIMUM_ROWS + 1:
                raise InvalidInput(f"`{file}`, sheet `{name}` has more than {MAXIMUM_ROWS:,} rows")
            if header is None:
                header = ["" if content is None else str(content).strip() for content in contents]
                _check_header(header, name, columns, file)
            elif any(content is not None for content in contents):
                yield name, number, _row(header, cells)


def _check_header(header: list[str], name: str, columns: tuple[str, ...] | None, file: str) -> None:
    twice = next((column for column in header if column and header.count(column) > 1), None)
    if twice is not None:
        raise InvalidInput(f"`{file}`, sheet `{name}` has two columns `{twice}`")
    if columns is None:
        if "client" not in header:
            raise InvalidInput(f"`{file}`, sheet `{name}` lacks the column `client`")
        return
    for column in header:
        if column and column not in columns:
            meant = close_match(column, columns)
            hint = f"did you mean `{meant}`?" if meant else "see the sheet `read me` of a new template"
            raise InvalidInput(f"`{file}`, sheet `{name}` has an unknown column `{column[:60]}`", hint=hint)
    if columns[0] not in header:
        raise InvalidInput(f"`{file}`, sheet `{name}` lacks the column `{columns[0]}`")


def _row(header: list[str], cells: tuple[object, ...]) -> Row:
    values: dict[str, Plain] = {}
    try:
        for column, cell in zip(header, cells, strict=False):
            content: object = getattr(cell, "value", None)
            kind = getattr(cell, "data_type", "n")
            if content is None:
                continue
            if not column:
                return CellProblem("a cell stands under no column", str(content))
            if kind == "e":
                return CellProblem(f"an error of a formula stands in `{column}`", str(content))
            value = value_of(content, column, formula=kind == "f")
            if value is not None or content == "null":
                values[column] = value
    except CellProblem as problem:
        return problem
    return values
