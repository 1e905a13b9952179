"""Quantities as people write them: `1.2 GW`, `45 USD/MWh`, `147 MW from 2025-06-28`, `2.50 USD per million tokens`.

A text must match a strict grammar before pint sees it, because pint evaluates arithmetic (`6^800000` would hang it).
Amounts are exact decimals in the canonical unit of their kind; `Figure.value` is the float that the planner uses.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal, localcontext
from functools import lru_cache
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

if TYPE_CHECKING:
    import pint

# 365.25 days, the Julian year; a month is a twelfth of it (730.5 h), as prices per month use.
HOURS_PER_YEAR: Final = 8766
MAXIMUM_TEXT: Final = 120

# Only these units exist for an estate: a small registry starts faster than pint's own and admits nothing else.
_UNITS: Final = (
    "kilo- = 1e3 = k-",
    "mega- = 1e6 = M-",
    "giga- = 1e9 = G-",
    "tera- = 1e12 = T-",
    "peta- = 1e15 = P-",
    "exa- = 1e18 = E-",
    "zetta- = 1e21 = Z-",
    "yotta- = 1e24 = Y-",
    "milli- = 1e-3 = m-",
    "micro- = 1e-6 = u-",
    "second = [time] = s = sec = seconds",
    "minute = 60 * second = min = minutes",
    "hour = 60 * minute = h = hr = hours",
    "day = 24 * hour = d = days",
    "week = 7 * day = wk = weeks",
    "year = 8766 * hour = yr = years",
    "month = year / 12 = mo = months",
    "quarter = year / 4 = qtr = quarters",
    "watt = [power] = W = watts",
    "watthour = watt * hour = Wh",
    "token = [token] = tok = tokens",
    "accelerator = [accelerator] = acc = accelerators = gpu = gpus = GPU = GPUs",
    "unit = [unit] = pu = units = PTU = PTUs",
    "FLOP = [flop] = flop = FLOPs",
    "byte = [byte] = B = bytes",
    "request = [request] = req = requests",
    "user = [user] = usr = users",
    "one = []",
    "percent = 0.01 = pct",
)


@dataclass(frozen=True, slots=True)
class Kind:
    """A kind of quantity: its canonical unit, whether it is money, an example to show, and its floor."""

    name: str
    unit: str
    money: bool = False
    example: str = ""
    bare: bool = False  # A number without a unit is understood.
    negative: bool = False
    most: Decimal = Decimal("1e18")  # In its unit: beyond it a zero too many is likelier than a quantity.


KINDS: Final = {
    kind.name: kind
    for kind in (
        Kind("power", "MW", example="1.2 GW"),
        Kind("latency", "ms", example="60 ms"),
        Kind("count", "accelerator", example="5000 accelerators", bare=True),
        Kind("units", "unit", example="100 units", bare=True),
        Kind("share", "one", example="20 %", bare=True),
        Kind("number", "one", example="1.25", bare=True),
        Kind("parameters", "one", example="70 billion", bare=True),
        Kind("flop", "FLOP", example="5e25 FLOP", most=Decimal("1e40")),
        Kind("flop_rate", "FLOP/s", example="2.5 PFLOP/s", most=Decimal("1e25")),
        Kind("memory", "GB", example="192 GB"),
        Kind("tokens", "token", example="15 trillion tokens"),
        Kind("token_rate", "token/s", example="12340 tokens/s"),
        Kind("users", "user", example="40 million users", bare=True),
        Kind("request_rate", "request/(user*day)", example="8 requests/user-day"),
        Kind("tokens_per_request", "token/request", example="400 tokens/request"),
        Kind("quota", "accelerator/month", example="50000 accelerators/quarter"),
        Kind("accelerator_hours", "accelerator*hour", example="1 million accelerator-hours"),
        Kind("money", "one", money=True, example="100 billion USD"),
        Kind("price_energy", "MWh", money=True, example="45 USD/MWh"),
        Kind("price_tokens", "Mtoken", money=True, example="2.50 USD per million tokens"),
        Kind("price_accelerator_hour", "accelerator*hour", money=True, example="2.35 USD/accelerator-hour"),
        Kind("price_unit_hour", "unit*hour", money=True, example="1 USD/unit-hour"),
        Kind("price_accelerator", "accelerator", money=True, example="37500 USD/accelerator"),
        Kind("price_power", "MW", money=True, example="12 million USD/MW"),
        Kind("price_power_year", "MW*year", money=True, example="900000 USD/MW-year"),
        Kind("price_flop", "EFLOP", money=True, example="0.001 USD/EFLOP"),
    )
}

MEASURES: Final = {  # What a meter may count, and the kind of quantity that states its bound.
    "accelerators": "count",
    "power": "power",
    "units": "units",
    "accelerator-hours": "accelerator_hours",
    "tokens": "tokens",
    "token-rate": "token_rate",
    "money": "money",
}


@dataclass(frozen=True, slots=True)
class Figure:
    """One number of the estate: exact amount in the kind's canonical unit, as written, and where it comes from."""

    amount: Decimal
    unit: str
    kind: str
    text: str
    currency: str | None = None
    source: str | None = None
    assumed: bool = False

    @property
    def value(self) -> float:
        """The amount as a float, in the canonical unit of its kind."""
        return float(self.amount)

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True, slots=True)
class Step:
    """A figure that holds from a date on; None means from the beginning."""

    begins: date | None
    figure: Figure


@dataclass(frozen=True, slots=True)
class Series:
    """Dated figures in order of their dates."""

    steps: tuple[Step, ...]

    def at(self, day: date) -> Figure | None:
        """The figure in force on a day; None before the first step."""
        found: Figure | None = None
        for step in self.steps:
            if step.begins is not None and step.begins > day:
                break
            found = step.figure
        return found

    def value_at(self, day: date, otherwise: float = 0.0) -> float:
        """The float in force on a day, or `otherwise` before the first step."""
        figure = self.at(day)
        return otherwise if figure is None else figure.value

    @property
    def dates(self) -> tuple[date, ...]:
        """The days on which the figure changes."""
        return tuple(step.begins for step in self.steps if step.begins is not None)

    def __iter__(self) -> Iterator[Step]:
        return iter(self.steps)


@dataclass(frozen=True, slots=True)
class Span:
    """A length of calendar time: whole months and days, or business days of a calendar."""

    months: int = 0
    days: int = 0
    business_days: int = 0
    text: str = ""

    def after(self, day: date) -> date:
        """The day this span after `day`; the day of the month is clipped to the month's length. Business days are
        not known here: the calendar decides them (Monday to Friday is assumed)."""
        total = day.year * 12 + (day.month - 1) + self.months
        year, month = divmod(total, 12)
        moved = date(year, month + 1, min(day.day, _days_in_month(year, month + 1)))
        moved = date.fromordinal(moved.toordinal() + self.days)
        left = self.business_days
        while left > 0:
            moved = date.fromordinal(moved.toordinal() + 1)
            left -= moved.weekday() < 5
        return moved

    @property
    def approximate_days(self) -> float:
        """The span in days with months of 30.4375 days."""
        return self.months * 365.25 / 12 + self.days + self.business_days * 7 / 5


def _days_in_month(year: int, month: int) -> int:
    following = date(year + month // 12, month % 12 + 1, 1)
    return following.toordinal() - date(year, month, 1).toordinal()


class QuantityError(ValueError):
    """A text is not a quantity of the kind asked for; `expected` shows one that would be."""

    def __init__(self, problem: str, expected: str) -> None:
        super().__init__(f"{problem}; expected something like `{expected}`" if expected else problem)
        self.problem = problem
        self.expected = expected


_SCALES: Final = {
    "": Decimal(1),
    "hundred": Decimal(100),
    "thousand": Decimal(1000),
    "k": Decimal(1000),
    "million": Decimal(10) ** 6,
    "mn": Decimal(10) ** 6,
    "billion": Decimal(10) ** 9,
    "bn": Decimal(10) ** 9,
    "trillion": Decimal(10) ** 12,
    "tn": Decimal(10) ** 12,
}
_SCALE: Final = r"(?:hundred|thousand|million|billion|trillion|mn|bn|tn|k(?=\s|$))"
_NUMBER: Final = r"-?(?:\d{1,3}(?:[,_]\d{3}){1,7}|\d{1,30})(?:\.\d{1,30})?(?:[eE][+-]?\d{1,2})?"
_WORD: Final = r"[A-Za-zµ%]{1,20}"
_PRODUCT: Final = rf"{_WORD}(?:[-*]{_WORD}){{0,2}}"
_TEXT: Final = re.compile(
    rf"(?:(?P<before>[A-Z]{{3}})\s+)?(?P<number>{_NUMBER})\s*(?P<scale>{_SCALE})?\s*"
    rf"(?P<over>{_PRODUCT})?(?:(?:\s*/\s*|\s+per\s+|\s+an?\s+)(?P<per>\d{{1,12}})?\s*(?P<perscale>{_SCALE})?\s*(?P<under>{_PRODUCT}))?"
)
_DATED: Final = re.compile(r"(?P<text>.+?)\s+from\s+(?P<date>\d{4}-\d{2}-\d{2})")
_SPAN: Final = re.compile(
    r"(?P<count>\d{1,5})\s*(?P<unit>business days?|days?|weeks?|months?|quarters?|years?|Q|d|w|mo|y)"
)
_ALIASES: Final = {"%": "percent", "µs": "us", "flops": "FLOP", "FLOPS": "FLOP", "ptu": "PTU"}


class _Amount(Protocol):
    """What is used of pint's quantities, whose own hints leave the type of a magnitude open."""

    @property
    def magnitude(self) -> Decimal: ...

    def to(self, unit: str, /) -> _Amount: ...


@lru_cache(maxsize=1)
def _registry() -> pint.UnitRegistry[Any]:
    import pint

    # pint takes None for no units of its own, and any type for numbers that are no integers; its hints do not say so.
    registry: pint.UnitRegistry[Any] = pint.UnitRegistry(
        cast("str", None), non_int_type=cast("type[float]", Decimal), cache_folder=None
    )
    registry.load_definitions(list(_UNITS))
    return registry


@lru_cache(maxsize=4096)
def _factor(unit: str, canonical: str) -> Decimal:
    """How many canonical units one `unit` is; raises ValueError if they do not measure the same thing."""
    import pint

    try:
        one = cast("_Amount", _registry().Quantity(Decimal(1), unit))
        return Decimal(one.to(canonical).magnitude)
    except pint.errors.PintError as error:
        raise ValueError(str(error)) from None


def _unit(text: str) -> str:
    """The grammar's product of words as an expression that pint may see: names, `*` and nothing else."""
    return "*".join(_ALIASES.get(word, word) for word in re.split(r"[-*]", text))


def parse_figure(text: str | float | Decimal, kind_name: str) -> Figure:
    """The figure that a text states, in the canonical unit of its kind. Raises QuantityError with an example."""
    kind = KINDS[kind_name]
    shown = str(text).strip()
    if len(shown) > MAXIMUM_TEXT:
        raise QuantityError(f"a quantity of {len(shown)} characters is not read", kind.example)
    match = _TEXT.fullmatch(shown)
    if match is None:
        hint = "; write 1.5, not 1,5" if re.search(r"\d,\d{1,2}(?!\d)", shown) else ""
        raise QuantityError(f"`{shown}` is not a quantity{hint}", kind.example)
    with localcontext() as context:
        context.prec = 60
        number = Decimal(re.sub("[,_]", "", match["number"])) * _SCALES[match["scale"] or ""]
        figure = _money(match, kind, number, shown) if kind.money else _physical(match, kind, number, shown)
    if figure.amount < 0 and not kind.negative:
        raise QuantityError(f"`{shown}` is negative", kind.example)
    if abs(figure.amount) > kind.most:
        raise QuantityError(f"`{shown}` is larger than any {kind.name.replace('_', ' ')}", kind.example)
    return figure


def _physical(match: re.Match[str], kind: Kind, number: Decimal, shown: str) -> Figure:
    over, under = match["over"], match["under"]
    if match["before"] is not None:
        raise QuantityError(f"`{shown}` is an amount of money, not {_a(kind)}", kind.example)
    if over is None and under is None:
        if not kind.bare:
            raise QuantityError(f"`{shown}` has no unit", kind.example)
        return Figure(number, kind.unit, kind.name, shown)
    unit = _unit(over or "one")
    if under is not None:
        number = number / (Decimal(match["per"] or 1) * _SCALES[match["perscale"] or ""])
        unit = f"{unit}/({_unit(under)})"
    try:
        factor = _factor(unit, kind.unit)
    except ValueError:
        raise QuantityError(f"`{shown}` is not {_a(kind)}", kind.example) from None
    return Figure(number * factor, kind.unit, kind.name, shown)


def _money(match: re.Match[str], kind: Kind, number: Decimal, shown: str) -> Figure:
    before, over, under = match["before"], match["over"], match["under"]
    currency = before or over
    if currency is None or not re.fullmatch("[A-Z]{3}", currency) or (before and over):
        raise QuantityError(f"`{shown}` names no currency", kind.example)
    if kind.unit == "one":
        if under is not None:
            raise QuantityError(f"`{shown}` is a price, not an amount of money", kind.example)
        return Figure(number, "one", kind.name, shown, currency)
    if under is None:
        raise QuantityError(f"`{shown}` does not say what it is a price of", kind.example)
    try:
        factor = _factor(_unit(under), kind.unit)
    except ValueError:
        raise QuantityError(f"`{shown}` is not {_a(kind)}", kind.example) from None
    under_amount = Decimal(match["per"] or 1) * _SCALES[match["perscale"] or ""] * factor
    if under_amount == 0:
        raise QuantityError(f"`{shown}` divides by nothing", kind.example)
    return Figure(number / under_amount, kind.unit, kind.name, shown, currency)


def _a(kind: Kind) -> str:
    return f"a {kind.name.replace('_', ' ')}" if not kind.name.startswith("accel") else "accelerator-hours"


def parse_span(text: str) -> Span:
    """A length of calendar time such as `18 months`, `5 years`, `30 days`, `10 business days`."""
    shown = str(text).strip()
    match = _SPAN.fullmatch(shown)
    if match is None:
        raise QuantityError(f"`{shown[:MAXIMUM_TEXT]}` is not a length of time", "18 months")
    count, unit = int(match["count"]), match["unit"]
    if unit.startswith("business"):
        return Span(business_days=count, text=shown)
    months = {"m": 1, "q": 3, "Q": 3, "y": 12}.get(unit[0])
    if months is not None:
        return Span(months=months * count, text=shown)
    return Span(days=count * (7 if unit[0] == "w" else 1), text=shown)


def parse_dated(text: str, kind_name: str) -> Step:
    """A figure with its date: `147 MW from 2025-06-28`."""
    shown = str(text).strip()
    if len(shown) > MAXIMUM_TEXT:
        raise QuantityError(f"a quantity of {len(shown)} characters is not read", KINDS[kind_name].example)
    match = _DATED.fullmatch(shown)
    if match is None:
        return Step(None, parse_figure(shown, kind_name))
    try:
        begins = date.fromisoformat(match["date"])
    except ValueError:
        raise QuantityError(
            f"`{match['date']}` is no day of the calendar", "147 MW from 2025-06-28"
        ) from None
    return Step(begins, parse_figure(match["text"], kind_name))


def _step(value: object, kind_name: str) -> Step:
    """A step from a text, a number, or a mapping `{value, from, source, assumed}`."""
    example = KINDS[kind_name].example
    if isinstance(value, Step):
        return value
    if isinstance(value, Figure):
        return Step(None, value)
    if isinstance(value, dict):
        fields = cast("dict[str, object]", value)
        unknown = sorted(set(fields) - {"value", "from", "source", "assumed", "note"})
        if unknown:
            allowed = "a number may carry value, from, source, assumed, note"
            raise QuantityError(f"unknown key `{unknown[0]}` ({allowed})", example)
        if "value" not in fields:
            raise QuantityError("a number with a source needs `value:`", example)
        step = _step(fields["value"], kind_name)
        begins = fields.get("from", step.begins)
        if isinstance(begins, str):
            begins = date.fromisoformat(begins)
        if isinstance(begins, datetime) or not (begins is None or isinstance(begins, date)):
            raise QuantityError("`from:` is not a date", "2026-01-31")
        source, assumed = fields.get("source"), fields.get("assumed", False)
        if not isinstance(assumed, bool) or not (source is None or isinstance(source, str)):
            raise QuantityError("`source:` is a text and `assumed:` is true or false", example)
        old = step.figure
        figure = Figure(old.amount, old.unit, old.kind, old.text, old.currency, source, assumed)
        return Step(begins, figure)
    if isinstance(value, bool) or not isinstance(value, str | int | float | Decimal):
        raise QuantityError(f"`{type(value).__name__}` is not a quantity", example)
    return parse_dated(str(value), kind_name)


def read_figure(value: object, kind_name: str) -> Figure:
    """A single undated figure from a text, number or mapping."""
    if isinstance(value, Figure):
        return value
    step = _step(value, kind_name)
    if step.begins is not None:
        raise QuantityError("a date has no place here: one number holds throughout", KINDS[kind_name].example)
    return step.figure


def read_series(value: object, kind_name: str) -> Series:
    """Dated figures from one text, number or mapping, or from a list of them."""
    if isinstance(value, Series):
        return value
    items = cast("list[object]", value) if isinstance(value, list | tuple) else [value]
    steps = [_step(item, kind_name) for item in items]
    ordered = sorted(steps, key=lambda step: step.begins or date.min)
    if len({step.begins for step in ordered}) < len(ordered):
        raise QuantityError(
            "two figures begin on the same day", f"{KINDS[kind_name].example} from 2026-01-01"
        )
    currencies = {step.figure.currency for step in ordered}
    if len(currencies) > 1:
        raise QuantityError("one series is stated in two currencies", KINDS[kind_name].example)
    return Series(tuple(ordered))
