"""The numbers of a variable's distribution, read from the texts that state them."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from itertools import accumulate, pairwise
from math import inf
from typing import Final, TypeAlias

from offtake.domain.estate import Estate
from offtake.domain.futures import distributions as dist
from offtake.domain.futures.variables import (
    AnyVariable,
    Correlation,
    Days,
    Discrete,
    Empirical,
    Growth,
    Hazard,
    Lognormal,
    Normal,
    Reverting,
    Triangular,
    Uniform,
)
from offtake.domain.quantities import QuantityError, parse_figure

Where: TypeAlias = tuple[str | int, ...]
Reading: TypeAlias = Callable[[Where, str], float]
SingleDraw: TypeAlias = Triangular | Uniform | Normal | Lognormal | Discrete | Days | Empirical
MONTHS: Final = {"month": 1, "quarter": 3, "year": 12}
SUMS_TO_ONE: Final = 1e-9
MOST_VOLATILITY: Final = 10.0  # A year.


class Unusable(ValueError):
    """A variable that cannot be drawn from; `path` leads to the value at fault, from the variable on."""

    def __init__(self, path: Where, message: str, expected: str | None = None) -> None:
        super().__init__(message)
        self.path = path
        self.message = message
        self.expected = expected


def number_of(where: Where, text: str) -> float:
    """A plain number or percentage, which may be negative. Raises Unusable."""
    bare = text.strip()
    negative = bare.startswith("-")
    try:
        found = parse_figure(bare[1:].strip() if negative else bare, "number").value
    except QuantityError as error:
        raise Unusable(where, error.problem, "`0.8` or `80 %`") from None
    return -found if negative else found


def law_of(estate: Estate, variable: AnyVariable, read: Reading) -> dist.Distribution | dist.Process:
    """The distribution or process of a variable, its parameters read by `read`. Raises Unusable."""
    match variable:
        case Hazard():
            return _hazard(estate, variable)
        case Growth() | Reverting():
            return _process(estate, variable)
        case _:
            return _single(variable, read)


def _single(variable: SingleDraw, read: Reading) -> dist.Distribution:
    match variable:
        case Triangular():
            low, mode, high = (read((one,), getattr(variable, one)) for one in ("low", "mode", "high"))
            _in_order(("low", low), ("mode", mode), ("high", high))
            return dist.Triangular(low, mode, high)
        case Uniform():
            low, high = read(("low",), variable.low), read(("high",), variable.high)
            _in_order(("low", low), ("high", high))
            return dist.Uniform(low, high)
        case Normal():
            mean = _centre(variable, "mean", variable.mean, read)
            return dist.Normal(mean, _deviation(variable.deviation, read))
        case Lognormal():
            median = _centre(variable, "median", variable.median, read)
            if median <= 0:
                raise Unusable(("median",), "a median of a lognormal is above zero")
            return dist.Lognormal(median, _deviation(variable.deviation, number_of))
        case Discrete():
            values = [read(("outcomes", n, "value"), one.value) for n, one in enumerate(variable.outcomes)]
            return _discrete(values, [one.probability for one in variable.outcomes], whole=True)
        case Days():
            days = [float(one.on.toordinal()) for one in variable.outcomes]
            return _discrete(days, [one.probability for one in variable.outcomes], whole=False)
        case Empirical():
            if not variable.values:
                raise Unusable(
                    ("values",), "there are no observations", "`file: prices.csv`, or a list of values"
                )
            ordered = sorted(read(("values", n), one) for n, one in enumerate(variable.values))
            share = 1 / len(ordered)
            return dist.Discrete(tuple(ordered), tuple(share * (n + 1) for n in range(len(ordered))))


def _process(estate: Estate, variable: Growth | Reverting) -> dist.Process:
    volatility = number_of(("volatility",), variable.volatility)
    if not 0 <= volatility <= MOST_VOLATILITY:
        raise Unusable(
            ("volatility",), f"a volatility of {variable.volatility} a year is out of range", "`20 %`"
        )
    months = MONTHS[variable.step or estate.horizon.periods]
    steps = dist.steps_of(estate.horizon.begins, estate.horizon.ends, months)
    if not steps.days:
        raise Unusable(("step",), "the horizon is shorter than one step: the process never moves")
    if isinstance(variable, Growth):
        growth = number_of(("growth",), variable.growth)
        if growth <= -1:
            raise Unusable(("growth",), "nothing is left after a year", "a share above -100 %")
        return dist.Growth(growth, volatility, steps)
    half_life = variable.half_life.approximate_days / dist.DAYS_PER_YEAR
    if half_life <= 0:
        raise Unusable(("half_life",), "a half-life of no time", "`1 year`")
    level = number_of(("level",), variable.level)
    if level <= 0:
        raise Unusable(("level",), f"a level of {variable.level} is not above zero", "`1`")
    return dist.Reverting(volatility, half_life, level, steps)


def _in_order(*named: tuple[str, float]) -> None:
    for (name, one), (following, other) in pairwise(named):
        if other < one:
            raise Unusable((following,), f"`{following}` is below `{name}`")


def _centre(variable: AnyVariable, name: str, text: str | None, read: Reading) -> float:
    if text is not None:
        return read((name,), text)
    if variable.draws == "value" or variable.delay:
        raise Unusable((), f"`{name}` is not stated")
    return 1.0


def _deviation(text: str, read: Reading) -> float:
    if text.strip().startswith("-"):
        raise Unusable(("deviation",), f"a deviation of {text} is negative", "`20 %`")
    return read(("deviation",), text)


def _discrete(values: list[float], texts: list[str], *, whole: bool) -> dist.Discrete:
    shares: list[float] = []
    for n, text in enumerate(texts):
        where: Where = ("outcomes", n, "probability")
        share = number_of(where, text)
        if not 0 <= share <= 1:
            raise Unusable(where, f"{text} is no probability", "a share from 0 to 100 %")
        shares.append(share)
    total = sum(shares)
    if total > 1 + SUMS_TO_ONE or (whole and total < 1 - SUMS_TO_ONE):
        said = "make" if len(shares) > 1 else "is"
        raise Unusable(("outcomes",), f"the probabilities {said} {100 * total:.6g} %", "100 % in all")
    pairs = sorted(zip(values, shares, strict=True))
    below = list(accumulate(share for _, share in pairs))
    if whole:
        return dist.Discrete(tuple(one for one, _ in pairs), tuple(below))
    return dist.Discrete((*(one for one, _ in pairs), inf), (*below, 1.0))


def _hazard(estate: Estate, variable: Hazard) -> dist.Hazard:
    begins = max(variable.begins or estate.horizon.begins, estate.horizon.begins)
    rates = tuple(
        (float((step.begins or date.min).toordinal()), step.figure.value) for step in variable.rate.steps
    )
    ends = inf if variable.ends is None else float(variable.ends.toordinal())
    return dist.Hazard(float(begins.toordinal()), ends, rates)


def matrix_of(correlation: Correlation) -> dist.Matrix:
    """The coefficients of a group, row by row. Raises Unusable if they are no correlations."""
    size = len(correlation.of)
    if (correlation.all_pairs is None) == (not correlation.matrix):
        raise Unusable((), "the coefficients are not stated once", "`all: 0.5`, or `matrix:`")
    if correlation.all_pairs is not None:
        rho = _coefficient(("all",), correlation.all_pairs)
        return tuple(tuple(1.0 if i == j else rho for j in range(size)) for i in range(size))
    if len(correlation.matrix) != size or any(len(row) != size for row in correlation.matrix):
        raise Unusable(("matrix",), f"it is not {size} by {size}, as there are variables")
    found = tuple(
        tuple(_coefficient(("matrix", i, j), text) for j, text in enumerate(row))
        for i, row in enumerate(correlation.matrix)
    )
    for i in range(size):
        if found[i][i] != 1:
            raise Unusable(("matrix", i, i), "what varies goes with itself: the diagonal is 1")
        for j in range(i):
            if found[i][j] != found[j][i]:
                raise Unusable(("matrix", i, j), f"{found[i][j]} here and {found[j][i]} the other way round")
    return found


def _coefficient(path: Where, text: str) -> float:
    found = number_of(path, text)
    if not -1 <= found <= 1:
        raise Unusable(path, f"{text} is no correlation", "from -1 to 1")
    return found
