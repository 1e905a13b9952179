"""Traces of jobs on accelerators from CSV or Parquet, in offtake's own columns or in those of a public trace.

Own columns: `accelerators`, `from`, `until`, and where they are there `kind` (several divided by `|`), `party` and
`class`. Times are ISO 8601, or seconds. Columns of Alibaba's cluster-trace-gpu-v2023 (`openb_pod_list_*.csv`) are known
by their names: a pod is asked for at `creation_time`, runs from `scheduled_time` to `deletion_time`, and has `num_gpu`
accelerators, or `gpu_milli` thousandths of one.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Final

from offtake.adapters.tabular.rows import open_table
from offtake.broker.simulating.jobs import LONGEST_YEARS, MAXIMUM_JOBS, MILLI, Job, Trace
from offtake.domain.errors import InvalidInput

OWN: Final = ("accelerators", "from", "until")
OPTIONAL: Final = ("kind", "party", "class")
PODS: Final = ("num_gpu", "gpu_milli", "gpu_spec", "qos", "creation_time", "deletion_time", "scheduled_time")
MAXIMUM_ACCELERATORS: Final = 1_000_000
LONGEST_S: Final = LONGEST_YEARS * 366 * 86_400
_SHOWN: Final = 40


@dataclass(frozen=True, slots=True)
class Reading:
    """How a trace is read: names of columns in the place of offtake's own, kinds of the estate for those of the trace,
    classes that count alone, and the day on which the trace is to begin."""

    columns: Mapping[str, str]
    kinds: Mapping[str, str]
    known_kinds: Collection[str]
    classes: Collection[str]
    first_day: date | None


@dataclass(frozen=True, slots=True)
class _Raw:
    """A job as it is written: times in seconds since 1970, or since the trace's own beginning."""

    asked_s: float
    length_s: float
    milli: int
    kind: str
    party: str | None
    group: str


def read_jobs(path: Path, how: Reading, fallback: date) -> Trace:
    """The jobs of a trace. Times in seconds begin on `how.first_day`, or else on `fallback`.

    Raises InvalidInput for a file that cannot be read, with its row and column.
    """
    needed = _needed(path, how)
    pods = needed == PODS
    left_out: Counter[str] = Counter()
    found: list[_Raw] = []
    dated: set[bool] = set()
    with open_table(path, needed) as table:
        for row, cells in table.rows:
            cell = _Cells(table.name, row, cells)
            raw = _pod(cell, left_out) if pods else _own(cell, how, dated, left_out)
            if raw is None:
                continue
            if how.classes and raw.group not in how.classes:
                left_out[f"of another class than {', '.join(sorted(how.classes))}"] += 1
                continue
            found.append(raw)
            if len(found) > MAXIMUM_JOBS:
                raise InvalidInput(
                    f"`{table.name}` has more than {MAXIMUM_JOBS:,} jobs", hint="take a part of it"
                )
    if len(dated) > 1:
        raise InvalidInput(
            f"`{path.name}`: some times are dates and some are seconds", hint="write all in one way"
        )
    return _trace(path.name, found, how, fallback, left_out, dates=True in dated)


def _needed(path: Path, how: Reading) -> tuple[str, ...]:
    """The columns that a file must have: those of pods if it has them, else the own ones by the names given."""
    with open_table(path, ()) as table:
        columns = set(table.columns)
    if set(PODS) <= columns and not how.columns:
        return PODS
    wrong = sorted(set(how.columns) - {*OWN, *OPTIONAL})
    if wrong:
        raise InvalidInput(
            f"there is no column `{wrong[0]}` to name", hint=f"name {', '.join((*OWN, *OPTIONAL))}"
        )
    return (
        *(how.columns.get(name, name) for name in OWN),
        *(how.columns[k] for k in OPTIONAL if k in how.columns),
    )


@dataclass(frozen=True, slots=True)
class _Cells:
    """A row, and where it stands."""

    file: str
    row: int
    cells: Mapping[str, str]

    def text(self, column: str) -> str:
        return self.cells.get(column, "").strip()

    def wrong(self, column: str, expected: str) -> InvalidInput:
        shown = self.text(column)[:_SHOWN]
        return InvalidInput(
            f"{self.file}, row {self.row}, column `{column}`: `{shown}` is not understood",
            hint=f"expected: {expected}",
        )

    def number(self, column: str, expected: str, most: float) -> float:
        try:
            value = float(self.text(column))
        except ValueError:
            raise self.wrong(column, expected) from None
        if not 0 <= value <= most:
            raise self.wrong(column, f"{expected}, at most {most:,.0f}")
        return value


def _pod(cell: _Cells, left_out: Counter[str]) -> _Raw | None:
    count = cell.number("num_gpu", "a whole number", MAXIMUM_ACCELERATORS)
    if count == 0:
        left_out["without an accelerator"] += 1
        return None
    if not cell.text("scheduled_time"):
        left_out["that never ran"] += 1
        return None
    asked, began, ended = (
        cell.number(column, "seconds", LONGEST_S)
        for column in ("creation_time", "scheduled_time", "deletion_time")
    )
    share = cell.number("gpu_milli", "thousandths of an accelerator", MILLI) if count == 1 else MILLI
    if ended <= began or not share:
        left_out["that ran for no time"] += 1
        return None
    return _Raw(asked, ended - began, round(count * share), cell.text("gpu_spec"), None, cell.text("qos"))


def _own(cell: _Cells, how: Reading, dated: set[bool], left_out: Counter[str]) -> _Raw | None:
    def name(column: str) -> str:
        return how.columns.get(column, column)

    count = cell.number(name("accelerators"), "a number of accelerators", MAXIMUM_ACCELERATORS)
    if not count:
        left_out["without an accelerator"] += 1
        return None
    begins, ends = (_time(cell, name(column), dated) for column in ("from", "until"))
    if ends <= begins:
        left_out["that ran for no time"] += 1
        return None
    return _Raw(
        begins,
        ends - begins,
        max(round(count * MILLI), 1),
        cell.text(name("kind")),
        cell.text(name("party")) or None,
        cell.text(name("class")),
    )


def _time(cell: _Cells, column: str, dated: set[bool]) -> float:
    text = cell.text(column)
    try:
        moment = datetime.fromisoformat(text)
    except ValueError:
        dated.add(False)
        return cell.number(column, "a time such as 2026-01-12T09:30, or seconds", LONGEST_S)
    if text.isdigit():  # Eight digits are seconds rather than a day without dashes.
        dated.add(False)
        return cell.number(column, "seconds", LONGEST_S)
    dated.add(True)
    return (moment if moment.tzinfo is not None else moment.replace(tzinfo=UTC)).timestamp()


def _trace(
    name: str, found: list[_Raw], how: Reading, fallback: date, left_out: Counter[str], *, dates: bool
) -> Trace:
    if not found:
        return Trace(name, how.first_day or fallback, (), tuple(sorted(left_out.items())))
    earliest = min(one.asked_s for one in found)
    if dates:
        own_day = datetime.fromtimestamp(earliest, UTC)
        midnight = own_day.replace(hour=0, minute=0, second=0, microsecond=0)
        zero, first_day = midnight.timestamp(), how.first_day or own_day.date()
    else:
        zero, first_day = 0.0, how.first_day or fallback
    span = max(one.asked_s + one.length_s for one in found) - zero
    if span > LONGEST_S:
        raise InvalidInput(
            f"`{name}` spans more than {LONGEST_YEARS} years",
            hint="look for a time that is far from the others",
        )
    any_kind: Counter[str] = Counter()
    kind_of = _kinds(how, any_kind)
    jobs: list[Job] = []
    for one in found:
        begins = one.asked_s - zero
        jobs.append(
            Job(
                begins,
                begins + one.length_s,
                one.milli,
                kind_of(one.kind),
                one.party,
                _class(one.group),
            )
        )
    return Trace(
        name, first_day, tuple(jobs), tuple(sorted(left_out.items())), tuple(sorted(any_kind.items()))
    )


def _kinds(how: Reading, any_kind: Counter[str]) -> Callable[[str], tuple[str, ...]]:
    by_name = {kind.casefold(): kind for kind in how.known_kinds}

    def kind_of(text: str) -> tuple[str, ...]:
        found: list[str] = []
        for part in (part.strip() for part in text.split("|") if part.strip()):
            known = how.kinds.get(part) or by_name.get(part.casefold())
            if known is None:
                any_kind[part[:_SHOWN]] += 1
                return ()
            found.append(known)
        return tuple(dict.fromkeys(found))

    return kind_of


def _class(text: str) -> str:
    return "".join(char if char.isalnum() or char in "-_." else "-" for char in text[:20])
