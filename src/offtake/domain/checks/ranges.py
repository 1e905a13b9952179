"""Numbers that have a sensible range: shares up to one, rates above nothing, days and lengths that a
calendar holds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date
from typing import Final

from pydantic import BaseModel

from offtake.domain.checks.findings import Finding, Path, error
from offtake.domain.checks.walk import fields, records
from offtake.domain.clauses import FirstRefusal, Price
from offtake.domain.estate import Accelerator, Estate, ProvisionedUnits, Rate, Throughput, TypicalHour
from offtake.domain.quantities import Figure, Series, Span
from offtake.domain.scaling import LossLaw
from offtake.domain.usage import Usage, UserRegion
from offtake.domain.workloads import InferenceClass, TrainingRun

FIRST_YEAR: Final = 1900
LAST_YEAR: Final = 2200
MAXIMUM_SPAN_YEARS: Final = 100

_ABOVE_ZERO: Final[Mapping[type[BaseModel], tuple[str, ...]]] = {
    Accelerator: ("power", "mfu", "goodput"),
    Rate: ("in", "out"),
    Throughput: ("in", "out"),
    ProvisionedUnits: ("increment",),
    TrainingRun: ("flop", "parameters", "tokens", "loss", "money", "mfu", "goodput"),
    LossLaw: ("irreducible", "parameter_scale", "token_scale", "alpha", "beta"),
}
_UP_TO_ONE: Final[Mapping[type[BaseModel], tuple[str, ...]]] = {
    TypicalHour: ("weight",),
    Accelerator: ("mfu", "goodput"),
    TrainingRun: ("mfu", "goodput"),
    InferenceClass: ("cached",),
    Usage: ("part",),
    UserRegion: ("share",),
    FirstRefusal: ("material_change",),
    Price: ("share",),
}
_MUST_LAST: Final[Mapping[type[BaseModel], tuple[str, ...]]] = {
    Accelerator: ("life",),
    LossLaw: ("halving",),
    ProvisionedUnits: ("term",),
}


def check_ranges(estate: Estate) -> Iterator[Finding]:
    """Numbers out of their range, and days and lengths of time that no plan can hold."""
    for path, record in records(estate):
        kind = type(record)
        for key, value in fields(record):
            where = (*path, key)
            if isinstance(value, date) and not FIRST_YEAR <= value.year <= LAST_YEAR:
                yield error(
                    "range", where, f"{value} is out of range", f"a day in {FIRST_YEAR} to {LAST_YEAR}"
                )
            elif isinstance(value, Series):
                yield from _days(where, value)
            elif isinstance(value, Span):
                yield from _span(where, value, must_last=key in _MUST_LAST.get(kind, ()))
            elif isinstance(value, Figure):
                if key in _ABOVE_ZERO.get(kind, ()) and value.amount <= 0:
                    yield error("range", where, f"{value} is not above zero")
                if key in _UP_TO_ONE.get(kind, ()) and value.amount > 1:
                    yield error("range", where, f"{value} is more than the whole", "a share such as `40 %`")


def _days(path: Path, series: Series) -> Iterator[Finding]:
    for day in series.dates:
        if not FIRST_YEAR <= day.year <= LAST_YEAR:
            yield error("range", path, f"{day} is out of range", f"a day in {FIRST_YEAR} to {LAST_YEAR}")


def _span(path: Path, span: Span, *, must_last: bool) -> Iterator[Finding]:
    if span.approximate_days > MAXIMUM_SPAN_YEARS * 366:
        yield error("range", path, f"{span.text} is out of range", f"at most {MAXIMUM_SPAN_YEARS} years")
    elif must_last and span.approximate_days == 0:
        yield error("range", path, f"{span.text} is no time at all", "`5 years`")
