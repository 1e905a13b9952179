"""Rows of CSV and Parquet files as texts, one after the other, under written limits."""

from __future__ import annotations

import csv
from collections.abc import Callable, Generator, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from pyarrow.parquet import ParquetFile

MAXIMUM_ROWS: Final = 20_000_000
MAXIMUM_COLUMNS: Final = 1000
MAXIMUM_BYTES: Final = 64 * 1024 * 1024 * 1024
_BATCH: Final = 10_000
Wanted = Callable[[str], bool]
_SEPARATORS: Final = ",;\t|"
_SNIFFED: Final = 1 << 16
_MAXIMUM_LISTED: Final = 8


@dataclass(frozen=True)
class Table:
    """Rows of one file: `columns` are those it has, in its order; `rows` yields (number, cells) once.

    Numbers are those that a spreadsheet shows: the header is row 1. A row's cells are keyed by column; a row that is
    too short lacks its last columns' texts, which read as empty.
    """

    name: str
    columns: tuple[str, ...]
    rows: Iterator[tuple[int, dict[str, str]]]


@contextmanager
def open_table(path: Path, needed: Sequence[str], *, wanted: Wanted | None = None) -> Generator[Table]:
    """The table in a CSV or Parquet file. `wanted` says which columns are read of Parquet.

    Raises InvalidInput if the file cannot be read, is no text in UTF-8, is empty, or lacks a needed column.
    """
    refuse_if_no_file(path)
    with path.open("rb") as stream:
        head = stream.read(8)
    if head[:4] == b"PAR1":
        with _parquet(path, needed, wanted) as table:
            yield table
        return
    refuse_if_no_text(head, path.name)
    with _readable(path) as stream:
        yield _csv(stream, path.name, needed)


def refuse_if_no_file(path: Path) -> None:
    """Raises InvalidInput if there is nothing to read: no file, another thing than a file, or an empty one."""
    try:
        if not path.is_file():
            missing = f"`{path}` is not a file" if path.exists() else f"there is no file `{path}`"
            raise InvalidInput(missing)
        size = path.stat().st_size
    except OSError as error:
        raise InvalidInput(f"`{path}` cannot be read: {error.strerror}") from None
    if size == 0:
        raise InvalidInput(f"`{path.name}` is empty")
    if size > MAXIMUM_BYTES:
        raise InvalidInput(f"`{path.name}` is larger than {MAXIMUM_BYTES >> 30} GiB")


def refuse_if_no_text(head: bytes, name: str) -> None:
    """Raises InvalidInput for bytes that begin like UTF-16, an archive or another file that is no text."""
    if head[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise InvalidInput(f"`{name}` is UTF-16", hint="save it as CSV in UTF-8")
    if head[:2] == b"PK":
        raise InvalidInput(f"`{name}` is an archive or a workbook, not a CSV")
    if head[:2] == b"\x1f\x8b":
        raise InvalidInput(f"`{name}` is compressed", hint="unpack it first")
    if b"\0" in head:
        raise InvalidInput(f"`{name}` is not a text file")


@contextmanager
def _readable(path: Path) -> Generator[IO[str]]:
    """The file as text in UTF-8. What goes wrong while it is read is said in terms of the file."""
    try:
        with path.open(encoding="utf-8-sig", newline="") as stream:
            yield stream
    except UnicodeDecodeError:
        raise InvalidInput(_not_utf8(path), hint="save it as CSV in UTF-8") from None
    except OSError as error:
        raise InvalidInput(f"`{path}` cannot be read: {error.strerror}") from None


def _not_utf8(path: Path) -> str:
    """Where a file stops being UTF-8: the line of its first byte that is not."""
    with path.open("rb") as stream:
        for line, content in enumerate(stream, start=1):
            try:
                content.decode("utf-8")
            except UnicodeDecodeError:
                return f"`{path.name}` is not UTF-8 from line {line} on"
    return f"`{path.name}` is not UTF-8"


def _csv(stream: IO[str], name: str, needed: Sequence[str]) -> Table:
    head = stream.read(_SNIFFED)
    if "\0" in head:
        raise InvalidInput(f"`{name}` is not a text file")
    if not head.strip():
        raise InvalidInput(f"`{name}` is empty")
    stream.seek(0)
    separator = _separator(head, needed)
    lines = csv.reader(stream, delimiter=separator, strict=True)
    try:
        header = [cell.strip() for cell in next(lines)]
    except csv.Error as error:
        raise InvalidInput(f"`{name}` is no CSV: {error}") from None
    _check_header(header, name, needed)
    return Table(name, tuple(header), _csv_rows(lines, header, name))


def _separator(head: str, needed: Sequence[str]) -> str:
    """The separator under which the first line has most of the columns that are needed."""
    line = head.split("\n", 1)[0]

    def found(separator: str) -> tuple[int, int]:
        cells = {cell.strip(' \r"') for cell in line.split(separator)}
        return sum(column in cells for column in needed), len(cells)

    return max(_SEPARATORS, key=found)


def _check_header(header: Sequence[str], name: str, needed: Sequence[str]) -> None:
    if len(header) > MAXIMUM_COLUMNS:
        raise InvalidInput(f"`{name}` has more than {MAXIMUM_COLUMNS:,} columns")
    twice = sorted({cell for cell in header if cell and header.count(cell) > 1})
    if twice:
        raise InvalidInput(f"`{name}` has two columns `{twice[0]}`")
    missing = [column for column in needed if column not in header]
    if missing:
        there = ", ".join(f"`{cell[:40]}`" for cell in header[:_MAXIMUM_LISTED])
        more = f" and {len(header) - _MAXIMUM_LISTED} more" if len(header) > _MAXIMUM_LISTED else ""
        wanted = ", ".join(f"`{column}`" for column in missing)
        raise InvalidInput(
            f"`{name}` lacks the column{'s' * (len(missing) > 1)} {wanted}", hint=f"it has {there}{more}"
        )


def _csv_rows(
    lines: Iterator[list[str]], header: Sequence[str], name: str
) -> Iterator[tuple[int, dict[str, str]]]:
    width = len(header)
    row = 1
    while True:
        row += 1
        try:
            cells = next(lines, None)
        except csv.Error as error:
            raise InvalidInput(f"`{name}`, row {row}: {error}") from None
        if cells is None:
            return
        if row > MAXIMUM_ROWS:
            raise InvalidInput(f"`{name}` has more than {MAXIMUM_ROWS:,} rows")
        if len(cells) > width:
            raise InvalidInput(f"`{name}`, row {row}: {len(cells)} cells under {width} columns")
        if any(cells):
            if len(cells) < width:
                cells += [""] * (width - len(cells))
            yield row, dict(zip(header, cells, strict=True))


@contextmanager
def _parquet(path: Path, needed: Sequence[str], wanted: Wanted | None) -> Generator[Table]:
    import pyarrow as pa
    from pyarrow.parquet import ParquetFile

    try:
        file = ParquetFile(path)
    except (pa.ArrowException, OSError):
        raise InvalidInput(f"`{path.name}` is a Parquet file that cannot be read") from None
    with file:
        columns = tuple(file.schema_arrow.names)
        _check_header(columns, path.name, needed)
        kept = [column for column in columns if wanted is None or wanted(column)]
        yield Table(path.name, columns, _parquet_rows(file, kept, path.name))


def _parquet_rows(
    file: ParquetFile, columns: Sequence[str], name: str
) -> Iterator[tuple[int, dict[str, str]]]:
    import pyarrow as pa

    if file.metadata.num_rows > MAXIMUM_ROWS:
        raise InvalidInput(f"`{name}` has more than {MAXIMUM_ROWS:,} rows")
    row = 1
    batches = file.iter_batches(batch_size=_BATCH, columns=list(columns))
    while True:
        try:
            batch = next(batches, None)
        except (pa.ArrowException, OSError):
            raise InvalidInput(f"`{name}` cannot be read after row {row}") from None
        if batch is None:
            return
        for cells in batch.to_pylist():
            row += 1
            yield row, {key: _as_text(value) for key, value in cells.items()}


def _as_text(value: object) -> str:
    """A value of Parquet as a CSV would hold it; nested values as JSON."""
    if value is None:
        return ""
    if isinstance(value, str):
        return value
    if isinstance(value, dict | list):
        import json

        return json.dumps(value, default=str)
    return str(value)
