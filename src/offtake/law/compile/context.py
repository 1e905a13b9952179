"""What a clause is compiled in: where it stands, from when until when it holds, and how its texts are
read."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass
from datetime import date
from decimal import Decimal, localcontext
from fractions import Fraction
from typing import Final

from offtake.domain.clauses import Clause, Measure
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.quantities import HOURS_PER_YEAR, MEASURES, Figure, QuantityError, parse_figure
from offtake.domain.selection import WORKLOAD_KEYS, ActionKind, Selection
from offtake.law.primitives import Mask, Meter, Origin, PriceSchedule, Procedure, Scope

# What counts in a measure: capacity when it is acquired, tokens when they are processed, money on whatever
# carries it.
COUNTED: Final[Mapping[Measure, frozenset[ActionKind]]] = {
    "accelerators": frozenset({"acquire"}),
    "power": frozenset({"acquire"}),
    "units": frozenset({"acquire"}),
    "accelerator-hours": frozenset({"acquire"}),
    "tokens": frozenset({"process"}),
    "token-rate": frozenset({"process"}),
    "money": frozenset({"acquire", "place", "process", "hold", "pay"}),
}

# The kind of quantity that prices a measure, and how many of the law's units one of the kind's is. A level is
# priced per unit and hour: power is written by the MW and year (or MWh), a token rate by the tokens that it
# makes.
PRICED: Final[Mapping[Measure, tuple[str, Fraction]]] = {
    "accelerators": ("price_accelerator_hour", Fraction(1)),
    "power": ("price_power_year", Fraction(HOURS_PER_YEAR)),
    "units": ("price_unit_hour", Fraction(1)),
    "accelerator-hours": ("price_accelerator_hour", Fraction(1)),
    "tokens": ("price_tokens", Fraction(1_000_000)),
    "token-rate": ("price_tokens", Fraction(1_000_000, 3600)),
    "money": ("share", Fraction(1)),
}
_DIGITS: Final = 40  # Digits kept where a division does not end.


@dataclass(frozen=True, slots=True)
class Primitives:
    """What a clause compiles to."""

    masks: tuple[Mask, ...] = ()
    meters: tuple[Meter, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    prices: tuple[PriceSchedule, ...] = ()


@dataclass(frozen=True, slots=True)
class Context:
    """One version of a clause in its agreement.

    It is in force on [begins, ends). `follows` tells that it replaced an earlier version, and `resumes` is
    the first day of the version that replaces it.
    """

    agreement: str
    clause: str
    id: str  # `agreement.clause`, with `@day` for a version that an amendment put in the place of another.
    document: str | None
    estate: Estate
    begins: date | None
    ends: date | None
    follows: bool = False
    resumes: date | None = None
    round_trips_ms: Mapping[tuple[str, str], Decimal] | None = None

    @property
    def name(self) -> str:
        """The clause as people cite it."""
        return f"{self.agreement}.{self.clause}"

    def origin(self, clause: Clause) -> Origin:
        """The way back to the clause."""
        return Origin(self.name, clause.document or self.document, clause.section, clause.quote)

    def scope(
        self,
        clause: Clause,
        actions: Collection[ActionKind],
        covers: Selection | None = None,
        *excepts: Selection,
    ) -> Scope:
        """What the clause covers, on these actions, while it is in force."""
        return Scope(
            actions=frozenset(actions),
            covers=clause.covers if covers is None else covers,
            excepts=(*clause.excepts, *excepts),
            begins=self.begins,
            ends=self.ends,
            until_event=clause.until_event,
        )

    def invalid(self, problem: str, hint: str | None = None) -> InvalidInput:
        """The error for a clause that cannot be used, naming it."""
        return InvalidInput(f"{self.name}: {problem}", hint=hint)

    def narrowed(self, covers: Selection, key: str, values: Collection[str]) -> Selection:
        """The selection with one key narrowed to these values. Raises InvalidInput if nothing would be
        left."""
        stated: tuple[str, ...] = getattr(covers, key)
        left = tuple(value for value in values if not stated or value in stated)
        if not left:
            raise self.invalid(f"it covers nothing, for its `covers: {key}` leaves out {', '.join(values)}")
        return covers.model_copy(update={key: left})

    def figure(self, text: str, measure: Measure, field: str) -> Figure:
        """A quantity of a measure. Raises InvalidInput that names the clause and the field."""
        return self._read(text, MEASURES[measure], field)

    def price(self, text: str, measure: Measure, field: str) -> tuple[Decimal, str | None]:
        """A price per unit of a measure, and hour if the measure is a level; and its currency (None for a
        share)."""
        kind, units = PRICED[measure]
        figure = self._read(text, kind, field)
        with localcontext() as context:
            context.prec = _DIGITS
            return figure.amount * units.denominator / units.numerator, figure.currency

    def _read(self, text: str, kind: str, field: str) -> Figure:
        try:
            return parse_figure(text, kind)
        except QuantityError as error:
            raise self.invalid(
                f"`{field}`: {error.problem}", f"write something like `{error.expected}`"
            ) from None


def with_acquisition(actions: Collection[ActionKind], covers: Selection) -> frozenset[ActionKind]:
    """Where a clause bars placing certain workloads, acquiring capacity for them is barred too.

    Bare capacity, which serves no workload in particular, is matched by no key about a workload; so a
    selection that states none bars placements only.
    """
    names_workloads = any(getattr(covers, key) for key in WORKLOAD_KEYS)
    extra: frozenset[ActionKind] = frozenset({"acquire"} if names_workloads and "place" in actions else ())
    return frozenset(actions) | extra
