"""What a plan for many futures is asked with, and how it is answered."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import outcomes, say_json
from offtake.entrypoints.cli.progress import stages_and_counts

if TYPE_CHECKING:
    from offtake.bootstrap.recourse import Sampling
    from offtake.planner.planning import Question

PANEL = "Many futures"
DRAWN = 20  # Futures, where --scenarios does not say.
WORST_WEIGHT = 0.5  # Of the worst futures' mean, where --cvar is given and --weight is not.


class WayOption(StrEnum):
    """How all futures are solved together."""

    auto = "auto"
    extensive = "extensive"
    benders = "benders"


class LaterOption(StrEnum):
    """Whether later orders are kept whole."""

    auto = "auto"
    whole = "whole"
    fractions = "fractions"


Stochastic = Annotated[
    bool,
    typer.Option(
        "--stochastic",
        help="Decide the orders of the first periods for many futures at once.",
        rich_help_panel=PANEL,
    ),
]
Rolling = Annotated[
    int | None,
    typer.Option(
        min=2,
        max=60,
        help="Decide so many times, each for the future as it is known by then, as people do.",
        rich_help_panel=PANEL,
    ),
]
ByHand = Annotated[
    list[str] | None,
    typer.Option(
        "--scenario",
        help="A future by hand, '30 %: scale demand=1.5, delay SITE=2Q'. May be repeated; the rest is as stated.",
        rich_help_panel=PANEL,
    ),
]
Scenarios = Annotated[
    int | None,
    typer.Option(
        min=2,
        max=5000,
        help=f"Draw so many futures from what the estate says under `futures:`; else {DRAWN}.",
        rich_help_panel=PANEL,
    ),
]
Seed = Annotated[int, typer.Option(min=0, help="The seed of the futures drawn.", rich_help_panel=PANEL)]
Fresh = Annotated[
    int | None,
    typer.Option(
        min=0,
        max=5000,
        help="Try the orders in so many futures more; else in as many as they were chosen for.",
        rich_help_panel=PANEL,
    ),
]
FirstPeriods = Annotated[
    int | None,
    typer.Option(help="How many periods are decided now; else one.", min=1, rich_help_panel=PANEL),
]
Until = Annotated[
    datetime | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="Decide orders of periods before this day, when all is known.",
        rich_help_panel=PANEL,
    ),
]
Stage = Annotated[
    list[datetime] | None,
    typer.Option(
        formats=["%Y-%m-%d"],
        help="A further day on which more becomes known. May be repeated.",
        rich_help_panel=PANEL,
    ),
]
Branches = Annotated[
    int,
    typer.Option(min=2, max=100, help="Groups of futures told apart at each --stage.", rich_help_panel=PANEL),
]
Level = Annotated[
    float | None,
    typer.Option(
        "--cvar",
        min=0,
        max=0.9999,
        help="Weigh the mean cost of the worst futures too: those beyond this level.",
        rich_help_panel=PANEL,
    ),
]
Weight = Annotated[
    float | None,
    typer.Option(
        min=0, max=1, help="The weight of the worst futures, between 0 and 1.", rich_help_panel=PANEL
    ),
]
Way = Annotated[WayOption, typer.Option(help="As one program, or future by future.", rich_help_panel=PANEL)]
Later = Annotated[
    LaterOption,
    typer.Option(
        help="Keep what is ordered later whole, or count it in fractions; `auto` goes by size.",
        rich_help_panel=PANEL,
    ),
]


@dataclass(frozen=True, slots=True)
class Wanted:
    """The options together."""

    by_hand: tuple[str, ...]
    drawn: int | None
    seed: int
    fresh: int | None
    first_periods: int | None
    until: date | None
    stages: tuple[date, ...]
    branches: int
    level: float | None
    weight: float | None
    way: WayOption
    later: LaterOption

    @property
    def risk(self) -> tuple[float, float]:
        """The weight and the level of the worst futures."""
        level = 0.95 if self.level is None else self.level
        if self.weight is not None:
            return self.weight, level
        return (0.0 if self.level is None else WORST_WEIGHT), level

    def futures(self) -> tuple[str, ...] | Sampling:
        """Those by hand, or how many are drawn. Raises InvalidInput for both at once."""
        from offtake.bootstrap.recourse import Sampling
        from offtake.domain.errors import InvalidInput

        if not self.by_hand:
            count = self.drawn or DRAWN
            return Sampling(count, self.seed, count if self.fresh is None else self.fresh)
        if self.drawn or self.fresh:
            raise InvalidInput("futures are named with --scenario or drawn with --scenarios, not both")
        return self.by_hand


def days(found: list[datetime] | None) -> tuple[date, ...]:
    """The days of an option that may be repeated."""
    return tuple(one.date() for one in found or [])


def roll_and_say(
    asked: Question,
    events: list[str],
    wanted: Wanted,
    count: int,
    out: Path | None,
    *,
    stochastic: bool,
    as_json: bool,
) -> None:
    """Decides again and again in many futures, writes what is asked for, and says it."""
    from offtake.bootstrap import recourse
    from offtake.domain.errors import InvalidInput
    from offtake.domain.handoffs import InfeasiblePlan

    with outcomes():
        if wanted.until is not None or wanted.first_periods is not None or wanted.stages:
            raise InvalidInput(
                "--rolling sets its own days", hint="leave --until, --first-periods, --stage out"
            )
        deciding = recourse.Deciding(*wanted.risk, wanted.way.value, wanted.later.value)
        with stages_and_counts() as (report, told):
            found = recourse.roll(
                asked, events, wanted.futures(), count, deciding if stochastic else None, told, report
            )
            if isinstance(found, InfeasiblePlan):
                from offtake.entrypoints.cli.planning import say_infeasible

                say_infeasible(found, as_json=as_json)
            written = () if out is None else recourse.write(found, out)
        if as_json:
            say_json(found.model_dump(mode="json"))
            return
        from offtake.entrypoints.cli.rolling_page import show_rolling

        show_rolling(found, written)


def decide_and_say(
    asked: Question, events: list[str], wanted: Wanted, out: Path | None, *, as_json: bool
) -> None:
    """Decides for many futures, writes what is asked for, and says it."""
    from offtake.bootstrap import recourse
    from offtake.domain.handoffs import InfeasiblePlan

    with outcomes():
        with stages_and_counts() as (report, count):
            count("drawing the futures", 0, 0)
            question = recourse.question(
                asked,
                events,
                wanted.futures(),
                recourse.decided_until(asked, wanted.first_periods, wanted.until),
                wanted.stages,
                wanted.branches,
                wanted.later.value,
            )
            found = recourse.decide(question, *wanted.risk, wanted.way.value, count, report)
            if isinstance(found, InfeasiblePlan):
                from offtake.entrypoints.cli.planning import say_infeasible

                say_infeasible(found, as_json=as_json)
            written = () if out is None else recourse.write(found.plan, out)
        if as_json:
            say_json(found.plan.model_dump(mode="json"))
            return
        from offtake.entrypoints.cli.recourse_page import show_stochastic

        show_stochastic(found.plan, written)
