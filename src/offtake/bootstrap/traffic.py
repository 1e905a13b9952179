"""Questions about traffic: what an estate's users need, what a trace says, and where a history leads."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

if TYPE_CHECKING:
    from offtake.adapters.trace_csv import Gaps
    from offtake.demand.forecast import Errors, Every, Forecast, Growth, History
    from offtake.demand.queueing import Target
    from offtake.demand.traffic.capacity import AcceleratorRate, Need, UnitRate
    from offtake.demand.traffic.chain import InferenceChain
    from offtake.demand.traffic.rates import Rate
    from offtake.demand.traffic.trace import Trace, TraceSummary


def chains(
    estate: Estate, workload: str | None, on: date | None, accelerator: str | None
) -> tuple[InferenceChain, ...]:
    """From users to accelerators, for one class or every one, on a day or the horizon's first.

    Raises InvalidInput for an unknown class, a day outside the horizon, or an accelerator without a rate.
    """
    from offtake.demand.traffic.chain import inference_chain
    from offtake.domain.workloads import InferenceClass

    horizon = estate.horizon
    day = on or horizon.begins
    if not horizon.begins <= day < horizon.ends:
        raise InvalidInput(
            f"{day} is outside the horizon", hint=f"a day from {horizon.begins} to before {horizon.ends}"
        )
    classes = [id for id, one in estate.workloads.items() if isinstance(one, InferenceClass)]
    if workload is None and not classes:
        raise InvalidInput("the estate has no inference class", hint="add one under `workloads:`")
    asked = classes if workload is None else [workload]
    return tuple(inference_chain(estate, one, day, accelerator) for one in asked)


DEFAULT_SPEED_TOKENS_PER_S: Final = 20.0  # An assumption; adults read English at 5 or 6 tokens a second.


def read_trace(path: Path, gaps: Gaps, gap: str | None) -> Trace:
    """The requests in a file. Raises InvalidInput, with line and column."""
    from offtake.adapters.trace_csv import read_trace as read

    return read(path, gaps, None if gap is None else duration_s(gap, "gap"))


def duration_s(text: str, what: str) -> float:
    """Seconds in `2s`, `500 ms` or `10 minutes`. Raises InvalidInput."""
    return _figure(text, "latency", what, "2s") / 1000.0


def target_of(text: str) -> Target:
    """`p99=2s`: 99 % of requests wait at most 2 seconds. Raises InvalidInput."""
    from offtake.demand.queueing import Target

    match = re.fullmatch(r"p(\d{1,2}(?:\.\d{1,4})?)=(.+)", text.strip())
    if match is None or float(match[1]) == 0:
        raise InvalidInput(f"`{text[:80]}` is no target", hint="write --target p99=2s")
    return Target(float(match[1]) / 100.0, duration_s(match[2], "target"))


def accelerator_rate(
    rate: str | None,
    rate_in: str | None,
    speed: str | None,
    measured: tuple[str, str, str] | None,
) -> tuple[AcceleratorRate, str]:
    """How fast an accelerator serves, as stated or as MLPerf measured it, and where that is from.

    ``measured`` is (model, accelerator, scenario). Raises InvalidInput for what cannot be read or was not measured.
    """
    from offtake.demand.traffic.capacity import AcceleratorRate

    read = None if rate_in is None else _rate(rate_in, "rate-in")
    own = None if speed is None else _rate(speed, "speed")
    if measured is not None:
        from offtake.adapters import mlperf
        from offtake.demand.traffic.rates import one_rate

        found = one_rate(mlperf.measured(), *measured)
        least = own or found.speed_tokens_per_s or DEFAULT_SPEED_TOKENS_PER_S
        words = (
            f"MLPerf Inference v5.1, {found.scenario}, {found.model} on {found.accelerator}, "
            f"result {found.best_result}"
        )
        return AcceleratorRate(found.tokens_per_s, least, read), words
    if rate is None:
        raise InvalidInput(
            "no rate is given", hint="--rate 161, or --model llama3.1-405b --accelerator gb200"
        )
    out = _rate(rate, "rate")
    return AcceleratorRate(out, own or min(out, DEFAULT_SPEED_TOKENS_PER_S), read), "as stated"


def unit_rate(units_in: str, units_out: str, burst: str) -> UnitRate:
    """What one provisioned unit takes. Raises InvalidInput."""
    from offtake.demand.traffic.capacity import UnitRate

    return UnitRate(_rate(units_in, "units-in"), _rate(units_out, "units-out"), duration_s(burst, "burst"))


def rates(model: str | None, accelerator: str | None, scenario: str | None) -> tuple[tuple[Rate, ...], str]:
    """Measured serving rates, and their source. Raises InvalidInput for what was not measured."""
    from offtake.adapters import mlperf
    from offtake.demand.traffic.rates import rates_of

    return rates_of(mlperf.measured(), model, accelerator, scenario), mlperf.SOURCE


def check_picture(path: Path) -> None:
    """Raises InvalidInput if a file's ending says no kind of picture."""
    from offtake.adapters.pictures import check_ending

    check_ending(path)


def draw_trace(trace: Trace, summary: TraceSummary, need: Need | None, source: str, path: Path) -> None:
    """Writes the trace's figure. Raises StorageFailure if it cannot be written."""
    from offtake.adapters.pictures import write_picture
    from offtake.adapters.traffic_figures import trace_figure

    write_picture(trace_figure(trace, summary, need, source), path)


def _rate(text: str, what: str) -> float:
    """Tokens a second, with or without the unit."""
    bare = re.fullmatch(r"-?\d{1,12}(?:\.\d{1,9})?", text.strip())
    value = float(text) if bare else _figure(text, "token_rate", what, "161 tokens/s")
    if value <= 0:
        raise InvalidInput(f"--{what} {text}: a rate is above zero")
    return value


def _figure(text: str, kind: str, what: str, example: str) -> float:
    from offtake.domain.quantities import QuantityError, parse_figure

    try:
        return parse_figure(text, kind).value
    except QuantityError as error:
        raise InvalidInput(f"--{what}: {error.problem}", hint=f"write --{what} {example}") from None


def shares_of(levels: Sequence[float]) -> tuple[float, ...]:
    """Shares of intervals from percents, narrowest first. Raises InvalidInput."""
    for level in levels:
        if not 0 < level < 100:
            raise InvalidInput(
                f"--level {level:g}: an interval holds some of what may come, not all", hint="--level 80"
            )
    return tuple(sorted({level / 100.0 for level in levels}))


def read_history(path: Path, every: Every, measure: str | None, where: Sequence[str]) -> History:
    """Use by period. Raises InvalidInput, with line and column."""
    from offtake.adapters.usage_history import read_history as read

    chosen: dict[str, str] = {}
    for text in where:
        column, sign, value = text.partition("=")
        if not sign or not column.strip():
            raise InvalidInput(
                f"--where {text[:80]} cannot be read", hint="write --where ServiceCategory=Compute"
            )
        chosen[column.strip()] = value.strip()
    return read(path, every, measure, chosen)


def forecast(
    history: History, ahead: int, shares: Sequence[float], progress: Callable[[int, int], None] | None
) -> tuple[Forecast, Growth, Errors | None]:
    """The forecast by exponential smoothing, its growth, and how wrong such forecasts were before.

    Raises InvalidInput where statsmodels is not installed or fits nothing.
    """
    import numpy as np

    from offtake.adapters.smoothing import smoothed
    from offtake.demand.forecast import after, backtest, growth_of

    after(history.begins[-1], history.every, ahead)
    values = np.array(history.values)
    found = smoothed(values, ahead, history.season, shares)
    return (
        found,
        growth_of(history, found),
        backtest(values, smoothed, ahead, history.season, shares, progress),
    )


def draw_forecast(history: History, found: Forecast, errors: Errors | None, source: str, path: Path) -> None:
    """Writes the forecast's figure. Raises StorageFailure if it cannot be written."""
    from offtake.adapters.forecast_figures import forecast_figure
    from offtake.adapters.pictures import write_picture

    write_picture(forecast_figure(history, found, errors, source), path)
