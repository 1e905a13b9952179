"""What a variable acts on, and in which unit its draws are therefore read."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from decimal import Decimal
from typing import Final

from offtake.domain.changes import Delay, Reprice, Scale, changed
from offtake.domain.clauses import FirstRefusal
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.futures.parameters import Reading, Unusable, Where, number_of
from offtake.domain.futures.variables import AnyVariable, Days, Growth, Hazard, Reverting
from offtake.domain.moving import Factor, field_path, with_figures
from offtake.domain.quantities import Figure, QuantityError, Series, Span, parse_figure, parse_span

TARGETS: Final = ("figure", "demand", "price", "delay", "answer", "event")
DAYS_PER_MONTH: Final = 30.4375


def target_of(variable: AnyVariable) -> str:
    """The one thing that a variable acts on. Raises Unusable if it names none, or several, or one that its kind
    cannot act on."""
    named = [target for target in TARGETS if getattr(variable, target)]
    dated = isinstance(variable, Hazard | Days)
    if dated and "event" not in named:
        message = f"`{variable.kind}` draws the day of an event, and it names no event"
        raise Unusable(("kind",), message, "`event: NAME` beside it")
    if len(named) != 1:
        said = "nothing" if not named else " and ".join(f"`{one}`" for one in named)
        raise Unusable(tuple(named[1:2]), f"it acts on {said}", f"one of {', '.join(TARGETS)}")
    (target,) = named
    if target == "event" and not dated:
        message = f"an event happens on a day, and `{variable.kind}` draws none"
        raise Unusable(("kind",), message, "`kind: hazard` or `kind: days`")
    process = isinstance(variable, Growth | Reverting)
    if process and target not in ("figure", "demand", "price"):
        raise Unusable(
            ("kind",), f"`{variable.kind}` moves what is dated; `{target}` is one number", "`triangular`"
        )
    if variable.draws == "value" and (process or target != "figure"):
        raise Unusable(("draws",), "only a single draw of a `figure` can be its value", "`draws: factor`")
    return target


def reading_for(estate: Estate, variable: AnyVariable, target: str) -> Reading:
    """How the texts of a variable's parameters are read, by what it acts on. Raises Unusable for what the estate
    lacks."""
    paths = check_targets(estate, variable, target)
    if target == "delay":
        return _months
    if variable.draws == "factor" or target != "figure":
        return number_of
    figures = [figure for path in paths for figure in figures_at(estate, path)]
    kinds = {(figure.kind, figure.currency) for figure in figures}
    if len(kinds) != 1:
        raise Unusable(("figure",), "numbers of several kinds cannot share one value", "a longer path")
    ((kind, currency),) = kinds

    def amount(where: Where, text: str) -> float:
        try:
            figure = parse_figure(text, kind)
        except QuantityError as error:
            raise Unusable(where, error.problem, f"`{error.expected}`") from None
        if figure.currency != currency:
            raise Unusable(
                where, f"`{text}` is not in {currency}, as the figure is", f"an amount in {currency}"
            )
        return figure.value

    return amount


def _months(where: Where, text: str) -> float:
    try:
        return parse_span(text).approximate_days / DAYS_PER_MONTH
    except QuantityError as error:
        raise Unusable(where, error.problem, "`6 months`") from None


def check_targets(estate: Estate, variable: AnyVariable, target: str) -> tuple[str, ...]:
    """The figures' paths by the names of fields, if it acts on figures. Raises Unusable for what the estate lacks."""
    if target == "figure":
        return tuple(_figure_path(estate, variable, n, path) for n, path in enumerate(variable.figure))
    if target == "event" and variable.event not in estate.events:
        raise Unusable(("event",), f"there is no event `{variable.event}`", _known(estate.events))
    if target == "answer":
        if right_of(estate, variable.answer or "") is None:
            raise Unusable(
                ("answer",), f"`{variable.answer}` is no first refusal", "its name, as `agreement.clause`"
            )
        if all(one.clause != variable.answer for one in estate.answers):
            raise Unusable(
                ("answer",), f"no answer to `{variable.answer}` is stated", "the base case under `answers:`"
            )
    if target in ("demand", "price", "delay"):
        for n, name in enumerate(getattr(variable, target)):
            try:
                changed(estate, (change_of(target, name, Decimal(1)),))
            except InvalidInput as error:
                raise Unusable((target, n), error.message, error.hint) from None
    return ()


def _known(names: Mapping[str, object]) -> str:
    return f"one of {', '.join(sorted(names)[:12])}" if names else "an entry under `events:`"


def change_of(target: str, name: str, by: Factor) -> Delay | Reprice | Scale:
    """What a drawn value does to one of a variable's targets; a delay is in months."""
    if target == "delay":
        return Delay(name, _span(float(by) if isinstance(by, Decimal) else 0.0))
    return Reprice(name, by) if target == "price" else Scale(name, by)


def _span(months: float) -> Span:
    """A drawn delay, in whole months: more would be said than is known."""
    whole = round(months)
    return Span(months=whole, text=f"{whole} months")


# Sections whose figures were used up when the estate was read, or hold what is drawn here.
_NOT_MOVED: Final = {
    "usage": "its traffic was made from it: name the workload under `demand`",
    "profiles": "traffic was made from it: name the workload under `demand`",
    "laws": "runs were sized by it: name the run's `flop`",
    "futures": "a distribution has none of its own",
    "readings": "what was measured is no assumption",
    "paid": "what was paid is no assumption",
}


def _figure_path(estate: Estate, variable: AnyVariable, place: int, path: str) -> str:
    where = ("figure", place)
    steps = re.split(r"[.\[]", path)
    stop = next((step for step in (*steps[:1], *steps[2:3]) if step in _NOT_MOVED), None)
    if stop is not None:
        raise Unusable(where, f"`{path}` cannot move: {_NOT_MOVED[stop]}")
    found = field_path(estate, path)
    if found is None:
        raise Unusable(where, f"nothing stands at `{path}`", "a path such as `sites.abilene.pue`")
    kinds = list(_numbers(estate, found))
    if not kinds:
        raise Unusable(where, f"`{path}` holds no number that can move", "a path such as `sites.abilene.pue`")
    if isinstance(variable, Growth | Reverting) and not all(isinstance(one, Series) for one in kinds):
        message = f"`{path}` holds a single number, and a process moves what is dated"
        raise Unusable(where, message, "`kind: lognormal`, or a dated figure such as a price")
    return found


def _numbers(estate: Estate, path: str) -> Iterator[Figure | Series]:
    """What stands at or under a path, as a move sees it."""
    seen: list[Figure | Series] = []

    def look(value: Figure | Series) -> Figure | Series:
        seen.append(value)
        return value

    _ = with_figures(estate, path, look, lambda _: True)
    yield from seen


def figures_at(estate: Estate, path: str) -> Iterator[Figure]:
    """The figures at or under a path as people write it."""
    for one in _numbers(estate, field_path(estate, path) or path):
        if isinstance(one, Series):
            yield from (step.figure for step in one)
        else:
            yield one


def right_of(estate: Estate, name: str) -> FirstRefusal | None:
    """A first refusal by `agreement.clause`, as last amended; None if it is none."""
    for id, agreement in estate.agreements.items():
        if not name.startswith(f"{id}."):
            continue
        key = name.removeprefix(f"{id}.")
        versions = [agreement.clauses, *(one.clauses for one in agreement.amendments)]
        found = [clauses[key] for clauses in versions if key in clauses]
        if found and isinstance(found[-1], FirstRefusal):
            return found[-1]
    return None
