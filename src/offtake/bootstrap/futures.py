"""What is uncertain about an estate, looked at; and many futures planned for."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from hashlib import sha256
from pathlib import Path
from typing import TYPE_CHECKING, Final

from offtake import __version__
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

if TYPE_CHECKING:
    from offtake.domain.outlook import Outlook
    from offtake.planner.futures.outcomes import Outcome
    from offtake.planner.futures.samples import Sample
    from offtake.planner.futures.solving import Family, Job, Solve
    from offtake.planner.planning import Question

BATCHES_EACH: Final = 6  # Batches for each worker: progress shows, and what is stopped loses little.
LARGEST_BATCH: Final = 10
RAY: Final = "ray"

Progressing = Callable[[str, int, int], None]


@dataclass(frozen=True, slots=True)
class Running:
    """How many futures are planned for: of which seed, where, by how many workers, and where they are kept."""

    futures: int
    seed: int = 0
    tornado: bool = False
    workers: int | None = None  # None: one for each processor.
    on: str | None = None  # `ray`, or the address of a cluster of it.
    keep: Path | None = None


@dataclass(frozen=True, slots=True)
class Told:
    """What the futures say together, and whether somebody stopped them before all were done."""

    outlook: Outlook
    interrupted: bool
    resumed: int  # Futures that an earlier run had kept.


def samples(estate: Estate, seed: int = 0) -> tuple[Sample, ...]:
    """A sample of each of the estate's variables; nothing where it has none."""
    if not estate.futures.variables:
        return ()
    from offtake.planner.futures.samples import samples as drawn

    return drawn(estate, seed)


def family_of(asked: Question, seed: int) -> Family:
    """The futures of a question under a seed. The key holds everything that an outcome depends on."""
    from offtake.adapters.highs import HighsSolver
    from offtake.adapters.highs_warm import WarmHighs
    from offtake.planner.futures.solving import Family

    options = asked.options
    said = (
        __version__,
        asked.digest,
        str(asked.law.known_at),
        repr(asked.position.happened),
        asked.party or "",
        f"{options.method} {options.mip_gap} {options.seed}",
        asked.form,
        str(seed),
    )
    return Family(asked, seed, sha256("\0".join(said).encode()).hexdigest(), WarmHighs, HighsSolver())


def plan_futures(asked: Question, running: Running, progress: Progressing) -> Told:
    """Plans for many futures, on as many workers as asked for; what is finished is kept, and goes on from there.

    An interrupt ends it early, with what there is. Raises InvalidInput if nothing is uncertain, SolverFailure if the
    case as stated has no plan.
    """
    from dataclasses import replace

    from offtake.adapters.futures_file import FuturesFile
    from offtake.planner.futures.outlook import HIGH, LOW, Asked, outlook_of
    from offtake.planner.futures.solving import Bench, Job, jobs_of

    variables = asked.estate.futures.variables
    if not variables:
        raise InvalidInput(
            "nothing in this estate is uncertain",
            hint="say under `futures:` what may come otherwise: docs/futures.md",
        )
    family = family_of(asked, running.seed)
    file = None if running.keep is None else FuturesFile(running.keep, family.key)
    kept = {} if file is None else file.kept()
    progress("reading the case as stated", 0, 0)
    bench = Bench(family)
    wanted = [Job(), *jobs_of(range(running.futures), variables if running.tornado else (), (LOW, HIGH))]
    jobs = [job for job in wanted if job.name not in kept]
    resumed = len(wanted) - len(jobs)
    interrupted = False
    if any(job.name == "base" for job in jobs):
        kept["base"] = bench.outcome(Job())
        if file is not None:
            file.add([kept["base"]])
        jobs = jobs[1:]
    results = _results(replace(family, basis=bench.warm.basis), jobs, running)
    progress("planning for futures", resumed, len(wanted))
    try:
        for found in results:
            if file is not None:
                file.add(found)
            kept.update((one.job, one) for one in found)
            progress("planning for futures", len(wanted) - len(jobs) + _done(jobs, kept), len(wanted))
    except KeyboardInterrupt:
        interrupted = True
    return Told(outlook_of(Asked.of(bench, running.seed, running.futures), kept), interrupted, resumed)


def _done(jobs: Sequence[Job], kept: dict[str, Outcome]) -> int:
    return sum(job.name in kept for job in jobs)


def _results(family: Family, jobs: Sequence[Job], running: Running) -> Iterator[list[Outcome]]:
    from offtake.adapters.on_ray import run_on_ray
    from offtake.adapters.parallel import processors, run_unordered
    from offtake.planner.futures.solving import solved

    workers = running.workers or processors()
    size = max(1, min(LARGEST_BATCH, -(-len(jobs) // (workers * BATCHES_EACH))))
    batches = [jobs[at : at + size] for at in range(0, len(jobs), size)]
    solve: Solve = partial(solved, family)
    if running.on is None:
        return run_unordered(solve, batches, running.workers)
    return run_on_ray(solve, batches, None if running.on == RAY else running.on, running.workers)


def write_outlook(outlook: Outlook, folder: Path) -> Path:
    """What the futures say together as `outlook.json`. Raises StorageFailure if it cannot be written."""
    from offtake.adapters.plan_files import write_outlook as write

    return write(outlook, folder)
