"""Traces of requests from CSV files: TIMESTAMP, ContextTokens, GeneratedTokens; each fault at its line and column."""

from __future__ import annotations

import csv
import gzip
import re
from collections.abc import Iterator, Sequence
from datetime import datetime
from pathlib import Path
from typing import Final, Literal, TextIO

import numpy as np

from offtake.demand.traffic.trace import Floats, Trace
from offtake.domain.errors import InvalidInput

MAXIMUM_REQUESTS: Final = 2_000_000
MAXIMUM_TOKENS: Final = 100_000_000
COLUMNS: Final = ("TIMESTAMP", "ContextTokens", "GeneratedTokens")
LEAST_GAP_S: Final = 60.0
GAP_IN_MEANS: Final = 100.0  # A Poisson stream is silent for 100 of its means once in e^100 requests.
_STAMP: Final = re.compile(r"(\d{4}-\d{2}-\d{2}[ T]\d{2}:\d{2}:\d{2})(\.\d{1,9})?(Z|[+-]\d{2}:?\d{2})?")
_EXPECTED: Final = "a first line `TIMESTAMP,ContextTokens,GeneratedTokens`"

Gaps = Literal["refuse", "keep", "cut"]


def read_trace(path: Path, gaps: Gaps = "refuse", gap_s: float | None = None) -> Trace:
    """The requests of a CSV file (or a `.csv.gz`), which must be in order of time.

    A gap is a silence of more than `gap_s`, or else of more than a minute and a hundred times what is usual between
    requests (the mean of the shortest nine tenths). It is refused; kept, as silence in which nobody asked; or cut to
    the mean, as time that was not recorded.
    Raises InvalidInput with file, line and column.
    """
    try:
        with opened(path) as file:
            return _trace(path.name, csv.reader(file), gaps, gap_s)
    except (OSError, EOFError) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInput(f"`{path}` cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"`{path}` is not text in UTF-8") from None


def opened(path: Path) -> TextIO:
    """A text file, compressed or not."""
    if path.suffix == ".gz":
        return gzip.open(path, "rt", encoding="utf-8-sig", newline="")
    return path.open(encoding="utf-8-sig", newline="")


def _trace(name: str, rows: Iterator[list[str]], gaps: Gaps, gap_s: float | None) -> Trace:
    stamps: list[float] = []
    counts: tuple[list[int], list[int]] = ([], [])
    first: datetime | None = None
    lines: list[int] = []
    try:
        header = next(rows, list[str]())
        order = _columns(name, header)
        for line, row in enumerate(rows, start=2):
            if not row:
                continue
            when = _stamp(name, line, row, order[0])
            tokens = [_count(name, line, row, order[1 + n], COLUMNS[1 + n]) for n in (0, 1)]
            if first is None:
                first = when[0]
            since = _since(name, line, row, order[0], when, first)
            if stamps and since < stamps[-1]:
                message = f"{_at(name, line, row, order[0])}: {row[order[0]].strip()} is before the request above it"
                raise InvalidInput(message, hint="a trace is in order of time; sort it")
            stamps.append(since)
            counts[0].append(tokens[0])
            counts[1].append(tokens[1])
            lines.append(line)
            if len(stamps) > MAXIMUM_REQUESTS:
                raise InvalidInput(
                    f"{name}:{line}:1: more than {MAXIMUM_REQUESTS:,} requests", hint="take a part of it"
                )
    except csv.Error as error:
        raise InvalidInput(f"{name}: the CSV cannot be read: {error}") from None
    if first is None or len(stamps) < 2 or stamps[-1] <= stamps[0]:
        raise InvalidInput(f"{name}: a trace needs at least two requests, at different times")
    seconds = np.array(stamps)
    seconds, cut = _without_gaps(name, seconds - seconds[0], lines, gaps, gap_s)
    return Trace(first, seconds, np.array(counts[0], np.int64), np.array(counts[1], np.int64), cut)


def _columns(name: str, header: Sequence[str]) -> tuple[int, int, int]:
    """Where the columns are, by name; others may stand beside them."""
    known = {cell.strip().casefold(): place for place, cell in enumerate(header)}
    found: list[int] = []
    for column in COLUMNS:
        if column.casefold() not in known:
            raise InvalidInput(f"{name}:1:1: there is no column `{column}`", hint=f"expected: {_EXPECTED}")
        found.append(known[column.casefold()])
    return found[0], found[1], found[2]


def _at(name: str, line: int, row: Sequence[str], place: int) -> str:
    """`file:line:column` of a cell, the column counted in characters."""
    return f"{name}:{line}:{sum(len(cell) + 1 for cell in row[:place]) + 1}"


def _cell(name: str, line: int, row: Sequence[str], place: int, column: str) -> str:
    if place >= len(row):
        raise InvalidInput(
            f"{_at(name, line, row, len(row))}: `{column}` is missing", hint=f"expected: {_EXPECTED}"
        )
    return row[place].strip()


def _stamp(name: str, line: int, row: Sequence[str], place: int) -> tuple[datetime, float]:
    """A time to the second, and the fraction of a second, kept apart: there may be seven digits of it or more."""
    text = _cell(name, line, row, place, COLUMNS[0])
    match = _STAMP.fullmatch(text)
    whole = None if match is None else _whole(match[1] + (match[3] or "").replace("Z", "+00:00"))
    if match is None or whole is None:
        message = f"{_at(name, line, row, place)}: `{text[:40]}` is no time"
        raise InvalidInput(message, hint="expected: such as 2023-11-16 18:15:46.6805900")
    return whole, float(match[2] or 0)


def _whole(text: str) -> datetime | None:
    try:
        return datetime.fromisoformat(text)
    except ValueError:
        return None


def _since(
    name: str, line: int, row: Sequence[str], place: int, when: tuple[datetime, float], first: datetime
) -> float:
    if (when[0].tzinfo is None) != (first.tzinfo is None):
        message = f"{_at(name, line, row, place)}: some times have an offset from UTC and some have not"
        raise InvalidInput(message, hint="write all of them in one way")
    return (when[0] - first).total_seconds() + when[1]


def _count(name: str, line: int, row: Sequence[str], place: int, column: str) -> int:
    text = _cell(name, line, row, place, column)
    if not text.isascii() or not text.isdigit() or int(text[:20]) > MAXIMUM_TOKENS:
        message = f"{_at(name, line, row, place)}: `{text[:40]}` is no number of tokens"
        raise InvalidInput(message, hint=f"expected: a whole number up to {MAXIMUM_TOKENS:,}")
    return int(text)


def _without_gaps(
    name: str,
    seconds: Floats,
    lines: Sequence[int],
    gaps: Gaps,
    gap_s: float | None,
) -> tuple[Floats, float]:
    """The times with gaps treated as asked, and the seconds that were taken out."""
    between = np.diff(seconds)
    # The longest tenth is left out of the mean, lest a gap hide itself.
    mean = float(np.sort(between)[: max(1, between.size * 9 // 10)].mean())
    longest = max(LEAST_GAP_S, GAP_IN_MEANS * mean) if gap_s is None else gap_s
    wide = np.flatnonzero(between > longest)
    if wide.size == 0 or gaps == "keep":
        return seconds, 0.0
    if gaps == "refuse":
        place = int(wide[0])
        others = f", and {wide.size - 1} more" if wide.size > 1 else ""
        message = (
            f"{name}:{lines[place + 1]}:1: a gap of {between[place]:,.0f} s before this request, where "
            f"{mean:.3g} s is usual{others}"
        )
        hint = "if nobody asked in that time, --gaps keep; if it was not recorded, --gaps cut"
        raise InvalidInput(message, hint=hint)
    usual = float(between[between <= longest].mean()) if wide.size < between.size else 0.0
    cut = float((between[wide] - usual).sum())
    shortened = between.copy()
    shortened[wide] = usual
    return np.concatenate([[0.0], np.cumsum(shortened)]), cut
