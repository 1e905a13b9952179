"""Estates of other futures: drawn values in the place of what is stated. Pure; what does not vary is shared."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import date
from decimal import Decimal
from typing import Final, cast

from offtake.domain.changes import changed
from offtake.domain.estate import Estate
from offtake.domain.futures.distributions import Growth, Reverting
from offtake.domain.futures.parameters import MONTHS
from offtake.domain.futures.reading import Drawable, Value
from offtake.domain.futures.targets import change_of, right_of
from offtake.domain.futures.variables import Hazard
from offtake.domain.moving import Factor, Factors, field_path, scaled, text_of, with_figures
from offtake.domain.quantities import KINDS, MEASURES, Figure, Series, Step, parse_figure

LAST_DAY: Final = date(2300, 1, 1).toordinal()  # Beyond every horizon; `inf` is never.
DIGITS: Final = 9  # Significant digits of a drawn number.


def with_values(estate: Estate, known: tuple[Drawable, ...], values: Mapping[str, Value]) -> Estate:
    """The estate of a future: each variable that has a value acts on it, in the order of the file."""
    for one in known:
        if one.id in values:
            estate = _with_value(estate, one, values[one.id])
    return estate


def _with_value(estate: Estate, one: Drawable, value: Value) -> Estate:
    variable = one.variable
    if variable.event is not None:
        return _with_day(estate, variable.event, cast("float", value), whole=isinstance(variable, Hazard))
    if variable.figure and variable.draws == "value":
        amount = _decimal(cast("float", value))
        return _with_figures(estate, variable.figure, lambda found: _set(found, amount))
    by = _factor(one, value)
    if variable.figure:
        return _with_figures(estate, variable.figure, lambda found: scaled(found, by))
    if variable.answer is not None:
        return _with_offers(estate, variable.answer, cast("Decimal", by))
    target = next(name for name in ("demand", "price", "delay") if getattr(variable, name))
    return changed(estate, [change_of(target, name, by) for name in getattr(variable, target)])


def _factor(one: Drawable, value: Value) -> Factor:
    if isinstance(one.law, Growth | Reverting):
        path = cast("tuple[float, ...]", value)
        return Factors(tuple((day, _decimal(x)) for day, x in zip(one.law.steps.days, path, strict=True)))
    return _decimal(cast("float", value))


def _decimal(value: float) -> Decimal:
    return Decimal(format(value, f".{DIGITS}g"))


def _with_figures(
    estate: Estate, paths: tuple[str, ...], move: Callable[[Figure | Series], Figure | Series]
) -> Estate:
    for path in paths:
        estate = with_figures(estate, field_path(estate, path) or path, move, lambda _: True)
    return estate


def _set(found: Figure | Series, amount: Decimal) -> Figure | Series:
    if isinstance(found, Series):
        return Series(tuple(Step(step.begins, _valued(step.figure, amount)) for step in found))
    return _valued(found, amount)


def _valued(figure: Figure, amount: Decimal) -> Figure:
    unit = KINDS[figure.kind].unit
    shown = f"{amount:f} {figure.currency or ''}".strip() + ("" if unit == "one" else f" ({unit})")
    return replace(figure, amount=amount, text=shown)


def _with_day(estate: Estate, name: str, value: float, *, whole: bool) -> Estate:
    on = date.fromordinal(int(value)) if value <= LAST_DAY else None
    if on is not None and whole:
        on = _next_period(on, MONTHS[estate.horizon.periods])
    if on is not None and on >= estate.horizon.ends:
        on = None
    event = estate.events[name].model_copy(update={"on": on})
    return estate.model_copy(update={"events": {**estate.events, name: event}})


def _next_period(day: date, months: int) -> date:
    """The first day of a month, quarter or year, on or after a day: what happens within a period acts from the next."""
    month = day.year * 12 + day.month - 1
    if day.day == 1 and month % months == 0:
        return day
    month += months - month % months
    return date(month // 12, month % 12 + 1, 1)


def _with_offers(estate: Estate, clause: str, factor: Decimal) -> Estate:
    right = right_of(estate, clause)
    if right is None:
        return estate
    answers = tuple(
        one.model_copy(
            update={"offers": text_of(scaled(parse_figure(one.offers, MEASURES[right.measure]), factor))}
        )
        if one.clause == clause
        else one
        for one in estate.answers
    )
    return estate.model_copy(update={"answers": answers})
