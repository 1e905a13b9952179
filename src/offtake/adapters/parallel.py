"""Many plans on all processors, by joblib; one after the other where there is one processor."""

from __future__ import annotations

import signal
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar, cast

Item = TypeVar("Item")
Result = TypeVar("Result")


def run_all(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """The function's results in the order of the items, each as soon as it and those before it are there."""
    import joblib

    if len(items) < 2:
        yield from map(function, items)
        return
    # One process per processor; items go in small batches, so that progress shows and little is sent at a time.
    parallel = joblib.Parallel(n_jobs=-1, return_as="generator")
    yield from cast("Iterator[Result]", parallel(joblib.delayed(function)(item) for item in items))


def run_threads(function: Callable[[Item], Result], items: Sequence[Item]) -> Iterator[Result]:
    """As `run_all`, in this process: for what waits on code that lets other threads run, and is dear to send away."""
    import joblib

    if len(items) < 2:
        yield from map(function, items)
        return
    parallel = joblib.Parallel(n_jobs=-1, prefer="threads", return_as="generator")
    yield from cast("Iterator[Result]", parallel(joblib.delayed(function)(item) for item in items))


def run_unordered(
    function: Callable[[Item], Result], items: Sequence[Item], workers: int | None
) -> Iterator[Result]:
    """The function's results as they come, on so many processes; None for one per processor, 1 for this process."""
    import joblib

    if workers == 1 or len(items) < 2:
        yield from map(function, items)
        return
    parallel = joblib.Parallel(n_jobs=workers or -1, return_as="generator_unordered", batch_size=1)
    work = joblib.delayed(_undisturbed)
    yield from cast("Iterator[Result]", parallel(work(function, item) for item in items))


def _undisturbed(function: Callable[[Item], Result], item: Item) -> Result:
    """In a worker: an interrupt is for the process that asked, which ends its workers and says what there is."""
    _ = signal.signal(signal.SIGINT, signal.SIG_IGN)
    return function(item)


def processors() -> int:
    """Processors that this process may use."""
    import joblib

    return joblib.cpu_count()
