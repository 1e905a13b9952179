"""Measured serving rates by model and accelerator, and what such a rate means."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Final

from offtake.domain.errors import InvalidInput

RULES: Final = "MLCommons, MLPerf Inference rules and benchmark descriptions for rounds v4.0 to v5.1"


@dataclass(frozen=True, slots=True)
class Latency:
    """What 99 of 100 requests must keep: seconds to the first token, and seconds for each further one."""

    first_token_s: float
    each_token_s: float


# 99th percentiles that the benchmark's rules ask of a Server or Interactive result; Offline asks none (RULES).
LATENCIES: Final = {
    ("llama2-70b", "Server"): Latency(2.0, 0.200),
    ("llama2-70b", "Interactive"): Latency(0.45, 0.040),
    ("mixtral-8x7b", "Server"): Latency(2.0, 0.200),
    ("llama3.1-405b", "Server"): Latency(6.0, 0.175),
    ("llama3.1-405b", "Interactive"): Latency(4.5, 0.080),
    ("llama3.1-8b", "Server"): Latency(2.0, 0.100),
    ("deepseek-r1", "Server"): Latency(2.0, 0.080),
}
MEANINGS: Final = {
    "Offline": "all requests at once, no limit on latency: the most an accelerator writes; for batches",
    "Server": "requests come at random and 99 % keep a limit on the first and on each further token; for chat",
    "Interactive": "as Server with a tighter limit; for people who wait and agents that call one another",
}
SCENARIOS: Final = tuple(MEANINGS)


@dataclass(frozen=True, slots=True)
class Measured:
    """One result: tokens written per second by one accelerator of a system, while it also reads the input."""

    result: str
    submitter: str
    system: str
    accelerator: str
    model: str
    scenario: str
    tokens_per_s: float
    accelerators: int


@dataclass(frozen=True, slots=True)
class Rate:
    """A model on an accelerator in a scenario: the best result and the median of all, tokens/s for each accelerator."""

    model: str
    accelerator: str
    scenario: str
    tokens_per_s: float
    median_tokens_per_s: float
    results: int
    best_result: str
    latency: Latency | None

    @property
    def speed_tokens_per_s(self) -> float | None:
        """Tokens a second that each user has at least, by the scenario's limit; None without one."""
        return None if self.latency is None else 1.0 / self.latency.each_token_s


def rates_of(
    measured: Iterable[Measured],
    model: str | None = None,
    accelerator: str | None = None,
    scenario: str | None = None,
) -> tuple[Rate, ...]:
    """Rates of what is asked for, by model, scenario and rate, the fastest first.

    `model` is a benchmark's name or its beginning; `accelerator` words of its name (`b200`, `h200 nvl`); `scenario` one
    of SCENARIOS. Raises InvalidInput for what no result has.
    """
    found = list(measured)
    for what, asked, name in (("model", model, _model), ("accelerator", accelerator, _accelerator)):
        if asked is None:
            continue
        exact = [one for one in found if name(one).casefold() == asked.strip().casefold()]
        kept = exact or [one for one in found if _is(asked, name(one), begins=what == "model")]
        if not kept:
            known = ", ".join(sorted({name(one) for one in found}))
            raise InvalidInput(f"no result is of the {what} `{asked}`", hint=f"there are: {known}")
        found = kept
    if scenario is not None:
        kept = [one for one in found if one.scenario.casefold() == scenario.casefold()]
        if not kept:
            known = ", ".join(one for one in SCENARIOS if one in {result.scenario for result in found})
            raise InvalidInput(f"no such result is of the scenario `{scenario}`", hint=f"there are: {known}")
        found = kept
    groups: dict[tuple[str, str, str], list[Measured]] = {}
    for one in found:
        groups.setdefault((one.model, one.scenario, one.accelerator), []).append(one)
    rates = [_rate(results) for results in groups.values()]
    return tuple(
        sorted(rates, key=lambda r: (r.model, SCENARIOS.index(r.scenario), -r.tokens_per_s, r.accelerator))
    )


def one_rate(measured: Iterable[Measured], model: str, accelerator: str, scenario: str) -> Rate:
    """The rate that is meant. Raises InvalidInput where none or several are."""
    found = rates_of(measured, model, accelerator, scenario)
    names = {rate.accelerator for rate in found}
    if len(names) > 1:
        hint = f"name one of: {', '.join(sorted(names))}"
        raise InvalidInput(f"several accelerators are called `{accelerator}`", hint=hint)
    # Of a model measured at two accuracies (99 and 99.9 % of the full model's), the looser; it is never slower.
    return max(found, key=lambda rate: (rate.tokens_per_s, rate.model))


def _rate(results: Sequence[Measured]) -> Rate:
    best = max(results, key=lambda one: (one.tokens_per_s, one.result))
    base = re.sub(r"-99(\.9)?$", "", best.model)
    return Rate(
        best.model,
        best.accelerator,
        best.scenario,
        best.tokens_per_s,
        median(one.tokens_per_s for one in results),
        len(results),
        best.result,
        LATENCIES.get((base, best.scenario)),
    )


def _model(one: Measured) -> str:
    return one.model


def _accelerator(one: Measured) -> str:
    return one.accelerator


def _is(asked: str, name: str, *, begins: bool) -> bool:
    if begins:
        return name.casefold().startswith(asked.casefold())
    words = [re.split(r"[\s-]+", one.casefold().strip()) for one in (asked, name)]
    return bool(asked.strip()) and set(words[0]) <= set(words[1])
