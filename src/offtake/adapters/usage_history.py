"""Histories of use from CSV files: dates and values, FOCUS cost and usage data, or a trace of requests."""

from __future__ import annotations

import csv
import math
from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Final

from offtake.adapters.trace_csv import COLUMNS, opened, read_trace
from offtake.demand.forecast import Every, History, after, checked, history_of, period_of
from offtake.domain.errors import InvalidInput

MAXIMUM_ROWS: Final = 2_000_000
MAXIMUM_VALUE: Final = 1e30  # Sums and squares of so many rows stay far from where floats end.
FOCUS_MEASURES: Final = ("EffectiveCost", "BilledCost", "ListCost", "ContractedCost", "ConsumedQuantity")
TRACE_MEASURES: Final = ("requests", "tokens", "tokens-in", "tokens-out")


def read_history(path: Path, every: Every, measure: str | None, where: Mapping[str, str]) -> History:
    """Use by period. What the file is, its first line says.

    FOCUS (https://focus.finops.org): `ChargePeriodStart` and the measure, EffectiveCost if none is named, of the rows
    in which the columns of `where` have those values; of charges for usage, unless `where` says another ChargeCategory.
    A trace: requests if no other measure is named. Else a column of dates and one of values, a row for each period, in
    order. Raises InvalidInput with file, line and column.
    """
    try:
        with opened(path) as file:
            rows = csv.reader(file)
            header = [cell.strip() for cell in next(rows, list[str]())]
            known = {cell.casefold() for cell in header}
            if {one.casefold() for one in COLUMNS} <= known:
                if where:
                    raise InvalidInput("a trace has no columns to choose rows by", hint="leave --where out")
                return _of_trace(path, every, measure)
            if "chargeperiodstart" in known:
                return _of_focus(path.name, header, rows, every, measure or FOCUS_MEASURES[0], where)
            if where:
                raise InvalidInput(
                    "dates and values have no columns to choose rows by", hint="leave --where out"
                )
            return _of_values(path.name, header, rows, every, measure)
    except (OSError, EOFError, csv.Error) as error:
        reason = error.strerror if isinstance(error, OSError) and error.strerror else str(error)
        raise InvalidInput(f"`{path}` cannot be read: {reason}") from None
    except UnicodeDecodeError:
        raise InvalidInput(f"`{path}` is not text in UTF-8") from None


def _of_trace(path: Path, every: Every, measure: str | None) -> History:
    trace = read_trace(path, "keep")
    name = measure or TRACE_MEASURES[0]
    if name not in TRACE_MEASURES:
        raise InvalidInput(f"a trace has no measure `{name}`", hint=f"there are: {', '.join(TRACE_MEASURES)}")
    weights = {
        "requests": trace.tokens_in * 0 + 1,
        "tokens": trace.tokens_in + trace.tokens_out,
        "tokens-in": trace.tokens_in,
        "tokens-out": trace.tokens_out,
    }[name]
    sums: dict[datetime, float] = {}
    for second, weight in zip(trace.seconds.tolist(), weights.tolist(), strict=True):
        period = period_of(trace.begins + timedelta(seconds=second), every)
        sums[period] = sums.get(period, 0.0) + weight
    return history_of(sums, every, name, trace.begins, trace.begins + timedelta(seconds=trace.span_s))


def _of_focus(
    name: str,
    header: Sequence[str],
    rows: Iterator[list[str]],
    every: Every,
    measure: str,
    where: Mapping[str, str],
) -> History:
    places = {cell.casefold(): n for n, cell in enumerate(header)}
    if measure.casefold() not in places:
        known = ", ".join(one for one in FOCUS_MEASURES if one.casefold() in places)
        raise InvalidInput(f"{name}:1:1: there is no column `{measure}`", hint=f"measures in it: {known}")
    chosen: list[tuple[int, str]] = []
    if "chargecategory" in places and not any(one.casefold() == "chargecategory" for one in where):
        where = {**where, "ChargeCategory": "Usage"}
    for column, value in where.items():
        if column.casefold() not in places:
            raise InvalidInput(
                f"{name}:1:1: there is no column `{column}`", hint="columns are those of the file"
            )
        chosen.append((places[column.casefold()], value))
    begins, amount = places["chargeperiodstart"], places[measure.casefold()]
    ends = places.get("chargeperiodend", begins)
    currency = places.get("billingcurrency") if measure.endswith("Cost") else places.get("consumedunit")
    sums: dict[datetime, float] = {}
    units: dict[str, None] = {}
    first: datetime | None = None
    last: datetime | None = None
    for line, row in enumerate(rows, start=2):
        if line > MAXIMUM_ROWS:
            raise InvalidInput(f"{name}:{line}:1: more than {MAXIMUM_ROWS:,} rows")
        if not row or any(n >= len(row) or row[n].strip() != value for n, value in chosen):
            continue
        moment = _moment(name, line, row, begins)
        end = _moment(name, line, row, ends)
        first, last = min(first or moment, moment), max(last or end, end)
        value = _number(name, line, row, amount, empty=True)
        period = period_of(moment, every)
        sums[period] = sums.get(period, 0.0) + value
        if currency is not None and currency < len(row) and value:
            units.setdefault(row[currency].strip())
    if len(units) > 1:
        raise InvalidInput(
            f"{name}: `{measure}` is in several units: {', '.join(sorted(units))}",
            hint="choose one with --where",
        )
    if first is None or last is None:
        raise InvalidInput(f"{name}: no row is chosen", hint="check --where")
    words = " ".join((measure, *units))
    return history_of(sums, every, words, first, last)


def _of_values(
    name: str, header: Sequence[str], rows: Iterator[list[str]], every: Every, measure: str | None
) -> History:
    """A row for each period, none left out, none twice, in order."""
    if len(header) < 2:
        raise InvalidInput(
            f"{name}:1:1: a history has a column of dates and one of values", hint="`date,value`"
        )
    place = 1
    if measure is not None:
        names = [cell.casefold() for cell in header]
        if measure.casefold() not in names[1:]:
            raise InvalidInput(
                f"{name}:1:1: there is no column `{measure}`", hint=f"there are: {', '.join(header[1:])}"
            )
        place = names.index(measure.casefold())
    begins: list[datetime] = []
    values: list[float] = []
    for line, row in enumerate(rows, start=2):
        if not row:
            continue
        if line > MAXIMUM_ROWS:
            raise InvalidInput(f"{name}:{line}:1: more than {MAXIMUM_ROWS:,} rows")
        moment = period_of(_moment(name, line, row, 0), every)
        if begins and moment <= begins[-1]:
            message = f"{name}:{line}:1: {row[0].strip()} is not after the {every} above it"
            raise InvalidInput(
                message, hint="one row for each period, in order; --every says how long one is"
            )
        if begins and moment != after(begins[-1], every):
            missing = f"{after(begins[-1], every):%Y-%m-%d}"
            message = f"{name}:{line}:1: a gap before {row[0].strip()}: the {every} of {missing} is missing"
            raise InvalidInput(message, hint="one row for each period; --every says how long one is")
        value = _number(name, line, row, place)
        if value <= 0:
            message = f"{_at(name, line, row, place)}: {row[place].strip()} is not above zero"
            raise InvalidInput(message, hint="growth is fitted to what is above zero; take longer periods")
        begins.append(moment)
        values.append(value)
    checked(len(values), every)
    return History(every, tuple(begins), tuple(values), header[place])


def _at(name: str, line: int, row: Sequence[str], place: int) -> str:
    return f"{name}:{line}:{sum(len(cell) + 1 for cell in row[:place]) + 1}"


def _moment(name: str, line: int, row: Sequence[str], place: int) -> datetime:
    text = row[place].strip() if place < len(row) else ""
    try:
        found = datetime.fromisoformat(f"{text}-01" if len(text) == len("2024-09") else text)
    except ValueError:
        message = f"{_at(name, line, row, place)}: `{text[:40]}` is no date"
        raise InvalidInput(message, hint="expected: such as 2024-09-18 or 2024-09") from None
    return found.replace(tzinfo=None) - (found.utcoffset() or timedelta())


def _number(name: str, line: int, row: Sequence[str], place: int, *, empty: bool = False) -> float:
    text = row[place].strip() if place < len(row) else ""
    if empty and text in ("", "NULL"):
        return 0.0
    try:
        value = float(text.replace("_", ""))
    except ValueError:
        value = math.nan
    if not math.isfinite(value):
        message = f"{_at(name, line, row, place)}: `{text[:40]}` is no number"
        raise InvalidInput(message, hint="expected: such as 1250.5")
    if abs(value) > MAXIMUM_VALUE:
        message = f"{_at(name, line, row, place)}: {text[:40]} is more than {MAXIMUM_VALUE:.0e}"
        raise InvalidInput(message, hint="write it in a larger unit")
    return value
