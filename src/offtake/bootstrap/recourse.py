"""Questions about many futures, put to the planner's engine for recourse and its solver."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import replace
from datetime import date
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.bootstrap.estates import law_of
from offtake.domain.changes import Change, changed, read_default, read_delay, read_price, read_scale
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.domain.handoffs import InfeasiblePlan
    from offtake.domain.recourse import StochasticPlan
    from offtake.planner.planning import Question, Report
    from offtake.planner.recourse.outcome import StochasticQuestion
    from offtake.planner.recourse.settling import Later, Way
    from offtake.planner.recourse.stochastic import Decided
    from offtake.planner.recourse.writing import Scenario

MOST_FUTURES = 10_000
AS_STATED = "as stated"
READERS: dict[str, Callable[[str], Change]] = {
    "delay": read_delay,
    "price": read_price,
    "default": read_default,
    "scale": read_scale,
}


def scenarios(base: Question, texts: Sequence[str]) -> tuple[Scenario, ...]:
    """Futures written by hand, as `30 %: scale demand=1.5, delay abilene=2Q`. What is left of the whole is the estate
    as it is stated. Raises InvalidInput for one that cannot be read, and for more than the whole."""
    from offtake.planner.recourse.writing import Scenario

    found: list[Scenario] = []
    left = 1.0
    for n, text in enumerate(texts, 1):
        chance, changes = _read(text)
        left -= chance
        estate = changed(base.estate, changes)
        question = replace(base, estate=estate, law=law_of(estate, base.law.known_at))
        found.append(Scenario(f"future {n}", chance, question, text.partition(":")[2].strip()))
    if isclose(left, 0.0, abs_tol=1e-9):
        return tuple(found)
    if left < 0:
        raise InvalidInput(
            f"the scenarios are {1 - left:.4g} of the whole together",
            hint="their shares add to 100 % at most",
        )
    return (*found, Scenario(AS_STATED, left, base, "the estate as it is stated"))


def _read(text: str) -> tuple[float, list[Change]]:
    share, colon, rest = text.partition(":")
    hint = "write something like '30 %: scale demand=1.5, delay abilene=2Q'"
    match = re.fullmatch(r"\s*(\d{1,3}(?:\.\d{1,9})?)\s*%\s*", share)
    if match is None or not colon or len(text) > 2000 or not 0 < float(match[1]) <= 100:
        raise InvalidInput(f"--scenario `{text[:200]}` does not say how likely it is", hint=hint)
    changes: list[Change] = []
    for part in rest.split(","):
        kind, _, what = part.strip().partition(" ")
        if kind not in READERS or not what:
            raise InvalidInput(
                f"--scenario: `{part.strip()[:200]}` is no change",
                hint=f"{hint}; kinds: {', '.join(READERS)}",
            )
        changes.append(READERS[kind](what.strip()))
    return float(match[1]) / 100, changes


def decided_until(base: Question, first_periods: int | None, until: date | None) -> date:
    """The day before which orders are decided now: one that is named, or the end of the first periods.

    Raises InvalidInput for both at once and for more periods than there are.
    """
    from offtake.planner.calendar import calendar_of

    if until is not None:
        if first_periods is not None:
            raise InvalidInput("name --first-periods or --until, not both")
        return until
    periods = calendar_of(base.estate.horizon, ()).periods
    count = 1 if first_periods is None else first_periods
    if not 1 <= count <= len(periods):
        raise InvalidInput(f"the estate has {len(periods)} periods, not {count}")
    return periods[count - 1].ends


def question(
    base: Question,
    by_hand: Sequence[str],
    until: date,
    days: tuple[date, ...],
    branches: int,
    later: Later,
) -> StochasticQuestion:
    """What is to be decided. Raises InvalidInput for futures that cannot be read, and where there are none."""
    from offtake.planner.recourse.outcome import StochasticQuestion

    if not by_hand:
        raise InvalidInput("there are no futures to decide for", hint="name some with --scenario")
    return StochasticQuestion(base, scenarios(base, by_hand), until, days, branches, later)


def write(plan: StochasticPlan, folder: Path) -> tuple[Path, ...]:
    """The plan as files in a folder. Raises StorageFailure if one cannot be written."""
    from offtake.adapters.recourse_files import write_stochastic

    return write_stochastic(plan, folder)


def decide(
    asked: StochasticQuestion,
    weight: float,
    level: float,
    way: Way,
    count: Callable[[str, int, int], None],
    report: Report,
) -> Decided | InfeasiblePlan:
    """The certified orders of the first periods for all futures."""
    from offtake.adapters.highs import HighsSolver
    from offtake.adapters.parallel import run_all, run_threads
    from offtake.planner.recourse.risk import Risk
    from offtake.planner.recourse.settling import Settling
    from offtake.planner.recourse.stochastic import stochastic

    settling = Settling(
        Risk(weight, level), HighsSolver(), asked.base.options, run_all, way, run_threads=run_threads
    )
    return stochastic(asked, settling, count, report)
