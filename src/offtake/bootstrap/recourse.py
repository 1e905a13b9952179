"""Questions about many futures, put to the planner's engine for recourse and its solver."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from datetime import date
from math import isclose
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.bootstrap.estates import law_of, position, supposed
from offtake.domain.changes import Change, changed, read_default, read_delay, read_price, read_scale
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

if TYPE_CHECKING:
    from offtake.domain.futures.reading import Drawable, Value
    from offtake.domain.handoffs import InfeasiblePlan
    from offtake.domain.recourse import RollingPlan, StochasticPlan
    from offtake.planner.planning import Question, Report
    from offtake.planner.recourse.outcome import StochasticQuestion
    from offtake.planner.recourse.rolling import Course, Decisions, Travelled
    from offtake.planner.recourse.settling import Later, Way
    from offtake.planner.recourse.stochastic import Decided
    from offtake.planner.recourse.writing import Scenario

MOST_NAMED = 3  # Variables that a future is told by.
AS_STATED = "as stated"
READERS: dict[str, Callable[[str], Change]] = {
    "delay": read_delay,
    "price": read_price,
    "default": read_default,
    "scale": read_scale,
}


@dataclass(frozen=True, slots=True)
class Sampling:
    """How many futures are drawn from what the estate says may come otherwise; `fresh` more try the orders."""

    count: int
    seed: int = 0
    fresh: int = 0


@dataclass(frozen=True, slots=True)
class Deciding:
    """How it is decided for all futures at once."""

    weight: float
    level: float
    way: Way
    later: Later


def by_hand(base: Question, events: Sequence[str], texts: Sequence[str]) -> tuple[Scenario, ...]:
    """Futures as `30 %: scale demand=1.5, delay abilene=2Q`. What is left of the whole is the estate as it is stated.

    Raises InvalidInput for one that cannot be read, and for more than the whole.
    """
    from offtake.planner.recourse.writing import Scenario

    found: list[Scenario] = []
    left = 1.0
    for n, text in enumerate(texts, 1):
        chance, changes = _read(text)
        left -= chance
        question = _asked(base, events, changed(base.estate, changes))
        found.append(Scenario(f"future {n}", chance, question, text.partition(":")[2].strip()))
    if isclose(left, 0.0, abs_tol=1e-9):
        return tuple(found)
    if left < 0:
        raise InvalidInput(
            f"the scenarios are {1 - left:.4g} of the whole together",
            hint="their shares add to 100 % at most",
        )
    return (*found, Scenario(AS_STATED, left, base, "the estate as it is stated"))


def sampled(base: Question, events: Sequence[str], seed: int, numbers: range) -> tuple[Scenario, ...]:
    """Futures drawn by number, equally likely.

    Raises InvalidInput if the estate does not say what may come otherwise.
    """
    from offtake.planner.futures.sampling import Sampler
    from offtake.planner.recourse.writing import Scenario

    if not base.estate.futures.variables:
        raise InvalidInput(
            "the estate does not say what may come otherwise",
            hint="state it under `futures:` (docs/futures.md), or name futures with --scenario",
        )
    sampler = Sampler.of(base.estate)
    found: list[Scenario] = []
    for number in numbers:
        values = sampler.values(seed, number)
        question = _asked(base, events, sampler.estate_with(values))
        about = ", ".join(f"{one.id} {_shown(one, values[one.id])}" for one in sampler.variables[:MOST_NAMED])
        found.append(Scenario(f"future {number + 1}", 1 / len(numbers), question, about))
    return tuple(found)


def _shown(one: Drawable, value: Value) -> str:
    """A drawn value in a few characters: a day, or a number; of a process its last factor."""
    from offtake.planner.futures.samples import last_of

    last = last_of(value)
    if one.variable.event is not None:
        return date.fromordinal(int(last)).isoformat() if last <= date.max.toordinal() else "never"
    return f"{last:.3g}"


def _asked(base: Question, events: Sequence[str], estate: Estate) -> Question:
    """The question with another estate, under its law, and where it stands."""
    law = law_of(estate, base.law.known_at)
    return replace(base, estate=estate, law=law, position=position(estate, supposed(estate, events)))


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
    events: Sequence[str],
    futures: Sequence[str] | Sampling,
    until: date,
    days: tuple[date, ...],
    branches: int,
    later: Later,
) -> StochasticQuestion:
    """What is to be decided, for futures by hand or drawn. `events` are those that are supposed in all of them.

    Raises InvalidInput for futures that cannot be read or drawn.
    """
    from offtake.planner.recourse.outcome import StochasticQuestion

    if not isinstance(futures, Sampling):
        found = by_hand(base, events, futures)
        return StochasticQuestion(base, found, until, days, branches, later)
    found = sampled(base, events, futures.seed, range(futures.count))
    more = range(futures.count, futures.count + futures.fresh)
    fresh = sampled(base, events, futures.seed, more) if futures.fresh else ()
    return StochasticQuestion(base, found, until, days, branches, later, fresh)


def write(plan: StochasticPlan | RollingPlan, folder: Path) -> tuple[Path, ...]:
    """The plan as files in a folder. Raises StorageFailure if one cannot be written."""
    from offtake.adapters.recourse_files import write_rolling, write_stochastic
    from offtake.domain.recourse import RollingPlan

    return write_rolling(plan, folder) if isinstance(plan, RollingPlan) else write_stochastic(plan, folder)


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


def courses(
    base: Question, events: Sequence[str], futures: Sequence[str] | Sampling, decisions: Decisions
) -> tuple[tuple[Course, ...], tuple[Scenario, ...]]:
    """Futures as they are revealed at the decisions, and as they come in the end.

    Raises InvalidInput as `question` does. A future by hand is known from the second decision on.
    """
    from offtake.planner.futures.sampling import Sampler
    from offtake.planner.recourse.revealing import known_on
    from offtake.planner.recourse.rolling import Course

    if not isinstance(futures, Sampling):
        by_name = by_hand(base, events, futures)
        later = len(decisions.days)
        return tuple(
            Course(one.name, (base, *(one.question,) * later), one.about) for one in by_name
        ), by_name
    drawn = sampled(base, events, futures.seed, range(futures.count))
    sampler = Sampler.of(base.estate)
    found: list[Course] = []
    for number, scenario in enumerate(drawn):
        uniforms = sampler.uniforms(futures.seed, number)
        known = (_asked(base, events, known_on(sampler, uniforms, day)) for day in decisions.days)
        found.append(Course(scenario.name, (*known, scenario.question), scenario.about))
    return tuple(found), drawn


def decision_days(base: Question, count: int) -> Decisions:
    """So many decisions, as evenly as the horizon's periods allow. Raises InvalidInput for more than there are."""
    from offtake.planner.calendar import calendar_of
    from offtake.planner.recourse.rolling import Decisions

    periods = calendar_of(base.estate.horizon, ()).periods
    if count > len(periods):
        raise InvalidInput(f"the estate has {len(periods)} periods: it cannot be decided {count} times")
    days = tuple(periods[n * len(periods) // count].begins for n in range(count))
    return Decisions(days, base.estate.horizon.ends)


def roll(
    base: Question,
    events: Sequence[str],
    futures: Sequence[str] | Sampling,
    count: int,
    decided: Deciding | None,
    told: Callable[[str, int, int], None],
    report: Report,
) -> RollingPlan | InfeasiblePlan:
    """Decisions made `count` times in every future, beside those made once and those of perfect foresight; with
    `decided`, from the orders for many futures as well. What an interruption leaves is kept."""
    from offtake.adapters.highs import HighsSolver
    from offtake.adapters.parallel import run_all
    from offtake.domain.handoffs import InfeasiblePlan
    from offtake.planner.recourse.outcome import StochasticQuestion
    from offtake.planner.recourse.rolled import rolling_plan
    from offtake.planner.recourse.rolling import travel
    from offtake.planner.recourse.stochastic import first_orders
    from offtake.planner.recourse.writing import cuts_of

    decisions = decision_days(base, count)
    told("drawing the futures", 0, 0)
    found, scenarios = courses(base, events, futures, decisions)
    cuts = cuts_of([base, *(one for course in found for one in course.known)])
    base = replace(base, cuts=cuts)
    stochastic, given = None, None
    if decided is not None:
        asked = StochasticQuestion(base, scenarios, decisions.until(0), later=decided.later)
        answer = decide(asked, decided.weight, decided.level, decided.way, told, report)
        if isinstance(answer, InfeasiblePlan):
            return answer
        stochastic, given = answer.plan, first_orders(answer)
    done: list[Travelled] = []
    told("deciding again and again", 0, len(found))
    try:
        for one in travel(base, found, decisions, HighsSolver(), base.options, run_all, given):
            done.append(one)
            told("deciding again and again", len(done), len(found))
    except KeyboardInterrupt:
        if not done:
            raise
    return rolling_plan(base, decisions, [one.probability for one in scenarios], done, stochastic)
