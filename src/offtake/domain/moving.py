"""Numbers of an estate moved: by a factor, by factors that change over time, or one by one. What is not is shared."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import date
from decimal import Decimal
from typing import TypeAlias, TypeVar, cast, overload

from pydantic import BaseModel

from offtake.domain.clauses import Ceiling, Commitment
from offtake.domain.estate import PowerStep
from offtake.domain.quantities import MEASURES, Figure, Series, Step, parse_dated, parse_figure

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Factors:
    """A factor that changes: each holds from its day on, 1 before the first."""

    steps: tuple[tuple[date, Decimal], ...]

    def at(self, day: date | None) -> Decimal:
        """The factor in force on a day; None is before all days."""
        found = Decimal(1)
        for begins, factor in self.steps:
            if day is None or begins > day:
                break
            found = factor
        return found


Factor: TypeAlias = Decimal | Factors
Move: TypeAlias = Callable[[Figure | Series], Figure | Series]
Keep: TypeAlias = Callable[[str], bool]


@overload
def scaled(value: Figure, factor: Factor, on: date | None = None) -> Figure: ...
@overload
def scaled(value: Series, factor: Factor, on: date | None = None) -> Series: ...
@overload
def scaled(value: Figure | Series, factor: Factor, on: date | None = None) -> Figure | Series: ...
def scaled(value: Figure | Series, factor: Factor, on: date | None = None) -> Figure | Series:
    """A figure, or every step of a series, multiplied; its provenance stays.

    A series takes a changing factor day by day; a single figure takes the one in force `on` a day.
    """
    if isinstance(value, Figure):
        return _times(value, factor.at(on) if isinstance(factor, Factors) else factor)
    if not isinstance(factor, Factors):
        return Series(tuple(Step(step.begins, _times(step.figure, factor)) for step in value))
    first = value.steps[0].begins if value.steps else None
    days = {step.begins for step in value}
    days |= {day for day, _ in factor.steps if value.steps and (first is None or day > first)}
    steps: list[Step] = []
    for day in sorted(days, key=lambda one: one or date.min):
        figure = value.steps[0].figure if day is None else value.at(day)
        if figure is not None:
            steps.append(Step(day, _times(figure, factor.at(day))))
    return Series(tuple(steps))


def _times(figure: Figure, factor: Decimal) -> Figure:
    return replace(figure, amount=figure.amount * factor, text=f"{figure.text} × {factor}")


def text_of(figure: Figure) -> str:
    """A figure's exact amount as a text that reads as the same quantity again."""
    amount = format(figure.amount, "f")
    amount = amount.rstrip("0").rstrip(".") if "." in amount else amount
    if figure.currency is not None:
        return f"{amount} {figure.currency}"
    return amount if figure.unit == "one" else f"{amount} {figure.unit}"


def with_figures(model: Model, path: str, move: Move, keep: Keep, at: str = "") -> Model:
    """The model with the numbers at or under a path moved where `keep` says so; the rest is shared with it.

    Power of sites, and the bounds of ceilings and commitments, are texts and are read and written again.
    """
    update: dict[str, object] = {}
    for name in type(model).model_fields:
        here = f"{at}.{name}" if at else name
        if not (_under(here, path) or _under(path, here)):
            continue
        value = getattr(model, name)
        quantity = _stated(model, name, value)
        if quantity is None:
            after = _moved(value, path, move, keep, here)
        else:
            moved = move(quantity) if _under(here, path) and keep(here) else quantity
            after = value if moved is quantity else text_of(cast("Figure", moved))
            if moved is not quantity and isinstance(model, PowerStep):
                update["begins"] = model.begins or parse_dated(str(value), "power").begins
        if after is not value:
            update[name] = after
    return model.model_copy(update=update) if update else model


def _stated(model: BaseModel, name: str, value: object) -> Figure | None:
    """The quantity that a text field states, where its model says of what kind."""
    if isinstance(model, PowerStep) and name == "value":
        return parse_dated(str(value), "power").figure
    if isinstance(model, Ceiling) and name == "upper":
        return parse_figure(str(value), MEASURES[model.measure])
    if isinstance(model, Commitment) and name == "amount":
        return parse_figure(str(value), MEASURES[model.measure])
    return None


def _moved(value: object, path: str, move: Move, keep: Keep, at: str) -> object:
    if not (_under(at, path) or _under(path, at)):
        return value
    if isinstance(value, Figure | Series):
        return move(value) if _under(at, path) and keep(at) else value
    if isinstance(value, BaseModel):
        return with_figures(value, path, move, keep, at)
    if isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        after = {key: _moved(one, path, move, keep, f"{at}.{key}") for key, one in entries.items()}
        return entries if all(after[key] is entries[key] for key in entries) else after
    if isinstance(value, tuple):
        items = cast("tuple[object, ...]", value)
        made = tuple(_moved(one, path, move, keep, f"{at}[{n}]") for n, one in enumerate(items))
        return items if all(a is b for a, b in zip(made, items, strict=True)) else made
    return value


def _under(path: str, ancestor: str) -> bool:
    return path == ancestor or (path.startswith(ancestor) and (not ancestor or path[len(ancestor)] in ".["))


def field_path(value: object, path: str) -> str | None:
    """A path as people write it (`from`, ids with dots) by the names of fields; None if nothing stands there."""
    if not path:
        return ""
    if isinstance(value, BaseModel):
        names = {(info.alias or name): name for name, info in type(value).model_fields.items()}
        names |= {name: name for name in type(value).model_fields}
        steps: list[tuple[str, str, object]] = [
            (said, name, getattr(value, name)) for said, name in names.items()
        ]
    elif isinstance(value, Mapping):
        entries = cast("Mapping[str, object]", value)
        steps = [(key, key, one) for key, one in sorted(entries.items(), key=lambda item: -len(item[0]))]
    else:
        return _item_path(value, path)
    for said, name, inner in steps:
        rest = path.removeprefix(said)
        if rest == path or not (not rest or rest[0] in ".["):
            continue
        found = field_path(inner, rest.removeprefix("."))
        if found is not None:
            return name + ("" if not found else found if found[0] == "[" else f".{found}")
    return None


def _item_path(value: object, path: str) -> str | None:
    match = re.match(r"\[(\d{1,6})\]\.?", path)
    if match is None or not isinstance(value, tuple):
        return None
    items = cast("tuple[object, ...]", value)
    place = int(match[1])
    found = field_path(items[place], path[match.end() :]) if place < len(items) else None
    if found is None:
        return None
    return f"[{place}]" + ("" if not found else found if found[0] == "[" else f".{found}")
