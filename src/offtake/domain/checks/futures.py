"""Uncertainty that cannot be drawn from: unknown figures, no probabilities, no correlations."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from offtake.domain.checks.findings import Finding, Path, close_match, error, listed, warning
from offtake.domain.estate import Estate
from offtake.domain.futures.distributions import lower_factor
from offtake.domain.futures.parameters import Unusable, matrix_of
from offtake.domain.futures.reading import Drawable, drawable
from offtake.domain.futures.variables import AnyVariable, Correlation

MOST_VARIABLES = 200


def check_futures(estate: Estate) -> Iterator[Finding]:
    """Variables and correlations, each at the value that is at fault."""
    here: Path = ("futures", "variables")
    usable: dict[str, Drawable] = {}
    if len(estate.futures.variables) > MOST_VARIABLES:
        yield error("futures", here, f"more than {MOST_VARIABLES} variables")
        return
    for id, variable in estate.futures.variables.items():
        try:
            usable[id] = drawable(estate, id, variable)
        except Unusable as stop:
            yield error("futures", (*here, id, *stop.path), stop.message, stop.expected)
        if not variable.assumed and variable.source is None:
            message = f"nothing says where the distribution of `{id}` is from"
            yield warning("no-source", (*here, id), message, "`source:`, or `assumed: true`")
    yield from _twice(estate.futures.variables)
    grouped: dict[str, str] = {}
    for name, correlation in estate.futures.correlations.items():
        yield from _correlation(name, correlation, estate.futures.variables, usable, grouped)


def _twice(variables: Mapping[str, AnyVariable]) -> Iterator[Finding]:
    """Two variables that draw the day of one event: the second would undo the first."""
    first: dict[str, str] = {}
    for id, variable in variables.items():
        if variable.event is not None and first.setdefault(variable.event, id) != id:
            message = f"`{first[variable.event]}` draws the day of `{variable.event}` already"
            yield error("futures", ("futures", "variables", id, "event"), message)


def _correlation(
    name: str,
    correlation: Correlation,
    variables: Mapping[str, AnyVariable],
    usable: Mapping[str, Drawable],
    grouped: dict[str, str],
) -> Iterator[Finding]:
    here: Path = ("futures", "correlations", name)
    for n, id in enumerate(correlation.of):
        if id not in variables:
            suggestion = close_match(id, variables)
            message = f"there is no variable `{id}`"
            yield Finding(
                "error", "unknown-reference", (*here, "of", n), message, listed(variables), suggestion
            )
        elif grouped.setdefault(id, name) != name or correlation.of.index(id) != n:
            yield error(
                "futures", (*here, "of", n), f"`{id}` is in `{grouped[id]}` already", "each in one group"
            )
    steps = {
        None if one.steps is None else one.steps.days for id in correlation.of if (one := usable.get(id))
    }
    if len(steps) > 1:
        message = (
            "what is drawn once and what moves step by step cannot be correlated, nor can different steps"
        )
        yield error("futures", (*here, "of"), message, "processes of one `step`, or single draws")
    try:
        matrix = matrix_of(correlation)
    except Unusable as stop:
        yield error("futures", (*here, *stop.path), stop.message, stop.expected)
        return
    if lower_factor(matrix) is None:
        key = "matrix" if correlation.matrix else "all"
        message = "no variables can have these correlations: the matrix is not positive semi-definite"
        yield error("futures", (*here, key), message, "weaker correlations, or such as hang together")
