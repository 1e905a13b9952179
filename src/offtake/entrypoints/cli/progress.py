"""Progress on standard error, only where a person looks."""

from __future__ import annotations

from collections.abc import Callable, Generator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offtake.planner.planning import Report, Stage
    from offtake.planner.ports import Progress

STAGES = {
    "reading": "reading the estate and its law",
    "writing": "writing the program",
    "solving": "solving",
    "checking": "checking the answer",
}


@contextmanager
def working(what: str) -> Generator[None]:
    """A spinner beside what is being done, and the time it takes."""
    with stages_and_counts() as (_, count):
        count(what, 0, 0)
        yield


@contextmanager
def stages() -> Generator[Report]:
    """The stage of a plan, and how far the solver is."""
    with stages_and_counts() as (report, _):
        yield report


@contextmanager
def stages_and_counts() -> Generator[tuple[Report, Callable[[str, int, int], None]]]:
    """Two ways to tell: a plan's stages, and how much of how much is done, with the time that is left."""
    from rich.console import Console
    from rich.progress import (
        BarColumn,
        MofNCompleteColumn,
        SpinnerColumn,
        TextColumn,
        TimeElapsedColumn,
        TimeRemainingColumn,
    )
    from rich.progress import Progress as Bars

    console = Console(stderr=True)
    columns = (SpinnerColumn(), TextColumn("{task.description}"), TimeElapsedColumn())
    counting = (
        *columns[:2],
        BarColumn(),
        MofNCompleteColumn(),
        TimeElapsedColumn(),
        TextColumn("left"),
        TimeRemainingColumn(),
    )
    with Bars(*columns, console=console, transient=True, disable=not console.is_terminal) as bars:
        task = bars.add_task("")

        def report(stage: Stage, progress: Progress | None) -> None:
            text = STAGES[stage]
            if progress is not None:
                text += f" ({progress.method}, {progress.iterations} iterations)"
            bars.columns = columns
            bars.update(task, description=text)

        def count(what: str, done: int, of: int) -> None:
            bars.columns = counting if of else columns
            bars.update(task, description=what, completed=done, total=of or None)

        yield report, count
