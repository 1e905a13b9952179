"""Numbers that escalate: so much more every year, as the dated figures that they are.

`{value: 2.50 USD/accelerator-hour, from: 2026-01-01, escalates: 3 %, until: 2031-01-01}` is five figures: on each
anniversary until the last day, that of the year before and three percent of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import date, datetime
from decimal import Decimal, localcontext
from typing import Final, cast

from offtake.domain.quantities import Figure, QuantityError, Span, parse_dated, parse_figure

MOST_YEARS: Final = 60
DIGITS: Final = (
    15  # Of an escalated amount: far below a micro-unit of any price, and no tail of digits in texts.
)
FORM: Final = "{value: 2.50 USD/accelerator-hour, from: 2026-01-01, escalates: 3 %, until: 2031-01-01}"


def escalated(value: object, kind: str) -> object:
    """Dated figures with those that escalate written out, year by year; all else as it was. Raises QuantityError."""
    items = cast("list[object]", value) if isinstance(value, list) else [value]
    stated = [_stated(item) for item in items]
    if not any(stated):
        return cast("object", value)
    found: list[object] = []
    for item, fields in zip(items, stated, strict=True):
        found.extend(_steps(fields, kind) if fields else (item,))
    return found


def _stated(item: object) -> Mapping[str, object]:
    """The keys of a number that escalates; none, if it does not."""
    fields = cast("dict[str, object]", item) if isinstance(item, dict) else {}
    return fields if "escalates" in fields else {}


def _steps(stated: Mapping[str, object], kind: str) -> list[object]:
    rest = {key: part for key, part in stated.items() if key not in ("value", "from", "escalates", "until")}
    step = parse_dated(str(stated.get("value", "")), kind)
    begins, ends = _day(stated.get("from", step.begins), "from"), _day(stated.get("until"), "until")
    rate = parse_figure(str(stated["escalates"]), "share").amount
    if ends <= begins:
        raise QuantityError("`until:` is not after `from:`", FORM)
    if Span(months=12 * MOST_YEARS).after(begins) < ends:
        raise QuantityError(f"it escalates for more than {MOST_YEARS} years", FORM)
    found: list[object] = []
    for year in range(MOST_YEARS):
        day = Span(months=12 * year).after(begins)
        if day >= ends:
            break
        figure = step.figure
        text = figure.text if year == 0 else _written(figure, _grown(figure.amount, rate, year))
        found.append({**rest, "value": text, "from": day.isoformat()})
    return found


def _grown(amount: Decimal, rate: Decimal, years: int) -> Decimal:
    with localcontext() as context:
        context.prec = DIGITS
        return +(amount * (1 + rate) ** years)


def _written(figure: Figure, amount: Decimal) -> str:
    """An amount in its kind's canonical unit, as people would write it."""
    unit = "" if figure.unit == "one" else figure.unit.replace("*", "-").replace("(", "").replace(")", "")
    number = f"{amount.normalize():f}"
    if figure.currency is None:
        return f"{number} {unit}".strip()
    return f"{number} {figure.currency}" + (f"/{unit}" if unit else "")


def _day(value: object, key: str) -> date:
    if isinstance(value, str):
        try:
            return date.fromisoformat(value)
        except ValueError:
            raise QuantityError(f"`{key}: {value}` is no day of the calendar", FORM) from None
    if isinstance(value, datetime) or not isinstance(value, date):
        raise QuantityError(f"what escalates needs `{key}:`", FORM)
    return value
