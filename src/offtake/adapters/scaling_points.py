"""Training runs from a CSV: a row for each, with parameters, loss, and tokens or training FLOP."""

from __future__ import annotations

import csv
import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from offtake.domain.errors import InvalidInput

MAXIMUM_BYTES: Final = 16 * 1024 * 1024
MAXIMUM_RUNS: Final = 100_000
NAMES: Final = {
    "parameters": ("parameters", "model size", "model parameters", "params", "n"),
    "tokens": ("tokens", "training tokens", "d"),
    "flop": ("training flop", "training flops", "flop", "flops", "compute", "c"),
    "loss": ("loss", "l"),
}
_EXPECTED: Final = "columns `parameters`, `loss`, and `tokens` or `flop`"


@dataclass(frozen=True, slots=True)
class ScalingPoints:
    """Runs in the order of the file: parameters N, tokens D (C/6N where only FLOP are given), and loss."""

    parameters: tuple[float, ...]
    tokens: tuple[float, ...]
    loss: tuple[float, ...]
    dropped: int = 0

    def without_highest(self, count: int) -> ScalingPoints:
        """The runs without those of highest loss. Raises InvalidInput if none would be left."""
        if not 0 <= count < len(self.loss):
            raise InvalidInput(f"{count} of {len(self.loss)} runs cannot be dropped", hint="drop fewer")
        order = sorted(range(len(self.loss)), key=lambda n: (self.loss[n], n))
        kept = sorted(order[: len(order) - count])
        return ScalingPoints(
            tuple(self.parameters[n] for n in kept),
            tuple(self.tokens[n] for n in kept),
            tuple(self.loss[n] for n in kept),
            count,
        )


def read_points(path: Path) -> ScalingPoints:
    """The runs of a CSV. Raises InvalidInput, with line and column, for what is no number above zero."""
    try:
        if path.stat().st_size > MAXIMUM_BYTES:
            raise InvalidInput(f"`{path}` is larger than {MAXIMUM_BYTES // 1024**2} MiB")
        text = path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise InvalidInput(f"`{path}` cannot be read: {error.strerror}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"`{path}` is not text in UTF-8") from None
    return points_of(text, path.name)


def points_of(text: str, name: str) -> ScalingPoints:
    """The runs of a CSV's text; `name` is what errors call it."""
    reader = csv.reader(io.StringIO(text), strict=True)
    try:
        header = next(reader, list[str]())
        columns = _columns(header, name)
        found: list[tuple[float, float, float]] = []
        for row in reader:
            if not any(cell.strip() for cell in row):
                continue
            if len(found) == MAXIMUM_RUNS:
                raise InvalidInput(f"{name}:{reader.line_num}: more than {MAXIMUM_RUNS:,} runs")
            found.append(_run(row, columns, f"{name}:{reader.line_num}"))
    except csv.Error as error:
        raise InvalidInput(f"{name}:{reader.line_num}: the CSV cannot be read: {error}") from None
    if not found:
        raise InvalidInput(f"{name}: no run below the header", hint=f"expected {_EXPECTED}")
    parameters, tokens, loss = zip(*found, strict=True)
    return ScalingPoints(tuple(parameters), tuple(tokens), tuple(loss))


def _columns(header: Sequence[str], name: str) -> dict[str, int]:
    plain = [" ".join(cell.replace("_", " ").lower().split()) for cell in header]
    found: dict[str, int] = {}
    for what, names in NAMES.items():
        at = [n for n, cell in enumerate(plain) if cell in names]
        if len(at) > 1:
            raise InvalidInput(f"{name}:1: two columns are {what}: `{header[at[0]]}`, `{header[at[1]]}`")
        if at:
            found[what] = at[0]
    for what in ("parameters", "loss"):
        if what not in found:
            raise InvalidInput(f"{name}:1: no column `{what}`", hint=f"expected {_EXPECTED}")
    if "tokens" not in found and "flop" not in found:
        raise InvalidInput(f"{name}:1: neither `tokens` nor `flop`", hint=f"expected {_EXPECTED}")
    return found


def _run(row: Sequence[str], columns: dict[str, int], where: str) -> tuple[float, float, float]:
    parameters = _number(row, columns["parameters"], "parameters", where)
    loss = _number(row, columns["loss"], "loss", where)
    if "tokens" in columns:
        return parameters, _number(row, columns["tokens"], "tokens", where), loss
    return parameters, _number(row, columns["flop"], "flop", where) / (6.0 * parameters), loss


def _number(row: Sequence[str], at: int, what: str, where: str) -> float:
    # A column is counted in characters, as editors do; quotes and escapes before it are not.
    column = sum(len(cell) + 1 for cell in row[:at]) + 1
    if at >= len(row):
        raise InvalidInput(f"{where}:{column}: the row ends before `{what}`", hint="a cell for each column")
    text = row[at].strip().replace("_", "")
    try:
        value = float(text)
    except ValueError:
        raise InvalidInput(
            f"{where}:{column}: `{row[at].strip()[:40]}` is no number of {what}", hint="write it as 5.76e23"
        ) from None
    if not (math.isfinite(value) and value > 0):
        raise InvalidInput(f"{where}:{column}: {what} of {text[:40]} is not above zero")
    return value
