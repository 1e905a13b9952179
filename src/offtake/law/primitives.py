"""The four primitives that every clause compiles to: masks, meters, procedures and prices. Engines know
nothing else."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from datetime import date
from decimal import Decimal
from typing import Final, Literal

from offtake.domain.clauses import Measure, Window
from offtake.domain.currencies import Rates
from offtake.domain.quantities import Span
from offtake.domain.selection import ActionKind, Selection

# Of a field that came later: a law that leaves it at its default is still named by the hash that it had before.
LATER: Final[Mapping[str, bool]] = {"later": True}

HandledFact = Literal["may_process_in", "rests_in", "logs_in"]  # Where a supply handles data.


@dataclass(frozen=True, slots=True)
class Origin:
    """The way back from a primitive to the clause that it came from, as people cite it."""

    clause: str  # "agreement.clause", unique in the estate.
    document: str | None = None
    section: str | None = None
    quote: str | None = None


@dataclass(frozen=True, slots=True)
class Scope:
    """What a primitive is about: a selection less its exceptions, on which actions, and when.

    It holds on [begins, ends), from `since_event` on if one is named (never, while that has not happened),
    and until `until_event` if one is named and has happened.
    """

    actions: frozenset[ActionKind]
    covers: Selection = field(default_factory=Selection)
    excepts: tuple[Selection, ...] = ()
    begins: date | None = None
    ends: date | None = None
    since_event: str | None = None
    until_event: str | None = None


@dataclass(frozen=True, slots=True)
class Covered:
    """Everything in the scope."""


@dataclass(frozen=True, slots=True)
class SuppliedElsewhere:
    """A supply of a provider that is not among these; a supply without a provider too."""

    providers: frozenset[str]


@dataclass(frozen=True, slots=True)
class HandledOutside:
    """A supply of which one of the facts (`may_process_in`, ...) is unknown, or does not lie inside the
    boundary."""

    boundary: frozenset[str]  # Country codes.
    facts: tuple[HandledFact, ...]


@dataclass(frozen=True, slots=True)
class FartherThan:
    """A supply whose round trip from the client region is over the bound, or is unknown."""

    bound_ms: Decimal
    round_trips_ms: Mapping[tuple[str, str], Decimal] = field(hash=False)  # (client region, supply region)


Relation = Covered | SuppliedElsewhere | HandledOutside | FartherThan


@dataclass(frozen=True, slots=True)
class Mask:
    """Forbids the actions in its scope that stand in the relation.

    With `days_from_launch` the mask holds for so many days from the launch of the action's model, and while
    that model's launch is unknown. `running` says what becomes of a placement that is under way when the mask
    sets in.
    """

    id: str
    origin: Origin
    scope: Scope
    relation: Relation
    days_from_launch: int | None = None
    running: Literal["cut", "finish"] = "cut"


@dataclass(frozen=True, slots=True)
class Meter:
    """A linear measure over a scope, counted per window, with bounds.

    `lower` not reached costs `shortfall_price` per missing unit (currency in `currency`), and per hour where
    the measure is a level (accelerators, MW, units, tokens/s); with `make_up_windows` what was paid for and
    not taken may be drawn free in so many following windows. `perishable`: what a window leaves is gone. What
    counts here counts in the meter `within` as well. A money meter counts payments from `payer` (to `payee`)
    of the kinds in `spends` (empty: all).
    """

    id: str
    origin: Origin
    scope: Scope
    measure: Measure
    window: Window
    lower: Decimal | None = None
    upper: Decimal | None = None
    shortfall_price: Decimal | None = None
    currency: str | None = None
    make_up_windows: int = 0
    perishable: bool = False
    within: str | None = None
    payer: str | None = None
    payee: str | None = None
    spends: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class AnswerWindow:
    """The time to answer about a deal below a size, in the procedure's measure; None has no upper end."""

    below: Decimal | None
    window: Span


@dataclass(frozen=True, slots=True)
class Procedure:
    """Somebody who must be asked before an action in the scope with anybody else (`offer`, `match`), or who
    must approve it (`approve`).

    `holder` is the party asked (its own supplies need no asking). What it leaves of a need may be taken
    elsewhere. The time to answer is `window`, or goes by the size of the deal (`windows`, the smallest first).
    """

    id: str
    origin: Origin
    scope: Scope
    style: Literal["offer", "match", "approve"]
    holder: str
    over: Literal["acquisition", "traffic", "action"]
    measure: Measure
    threshold: Decimal | None = None
    minimum: Decimal | None = None
    multiple: Decimal | None = None
    whole_gangs: bool = True
    maximum_price: Decimal | None = None
    currency: str | None = None
    window: Span | None = None
    calendar: str | None = None
    silence: Literal["declines", "accepts"] = "declines"
    discloses: tuple[str, ...] = ()
    revives_after: Span | None = None
    material_change: Decimal | None = None
    aggregates_within: Span | None = None
    rank: int = 1
    windows: tuple[AnswerWindow, ...] = field(default=(), metadata=LATER)


@dataclass(frozen=True, slots=True)
class PriceTier:
    """A price per unit up to a quantity; None has no upper end."""

    up_to: Decimal | None
    price: Decimal


@dataclass(frozen=True, slots=True)
class PriceSchedule:
    """What `payer` owes `payee` for the quantity in the scope per window: tiers, or a share of money up to a
    cap."""

    id: str
    origin: Origin
    scope: Scope
    payer: str
    payee: str
    measure: Measure
    window: Window
    currency: str
    tiers: tuple[PriceTier, ...] = ()
    tiering: Literal["marginal", "all-units"] = "marginal"
    share: Decimal | None = None
    cap: Decimal | None = None


@dataclass(frozen=True, slots=True)
class Unmodelled:
    """A term of an agreement that the law leaves out; every report repeats it."""

    agreement: str
    term: str


@dataclass(frozen=True)
class Law:
    """What was agreed and is known at a date, as primitives in the order of their ids. `known_at` None knows
    all."""

    known_at: date | None
    masks: tuple[Mask, ...] = ()
    meters: tuple[Meter, ...] = ()
    procedures: tuple[Procedure, ...] = ()
    prices: tuple[PriceSchedule, ...] = ()
    launches: Mapping[str, date] = field(
        default_factory=dict[str, date]
    )  # By model, as the estate states them.
    unmodelled: tuple[Unmodelled, ...] = ()
    rates: Rates = field(default_factory=lambda: Rates({}))

    @property
    def dates(self) -> tuple[date, ...]:
        """The days on which the law changes by its own dates; periods are cut there."""
        primitives = (*self.masks, *self.meters, *self.procedures, *self.prices)
        days = {day for p in primitives for day in (p.scope.begins, p.scope.ends) if day is not None}
        for mask in self.masks:
            if mask.days_from_launch is not None:
                days |= {
                    date.fromordinal(d.toordinal() + mask.days_from_launch) for d in self.launches.values()
                }
        return tuple(sorted(days))

    def without(self, clause: str) -> Law:
        """The law as if a clause (`agreement.clause`) had not been written."""
        return replace(
            self,
            masks=tuple(p for p in self.masks if p.origin.clause != clause),
            meters=tuple(p for p in self.meters if p.origin.clause != clause),
            procedures=tuple(p for p in self.procedures if p.origin.clause != clause),
            prices=tuple(p for p in self.prices if p.origin.clause != clause),
        )
