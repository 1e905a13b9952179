"""Seeds run, and failing ones shrunk to the steps that are needed."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.broker.verification import verified
from simulation.auditor import audit
from simulation.play import PlainSealer, played

Fails = Callable[[Sequence[int]], str | None]


def failure(seed: int, steps: Sequence[int]) -> str | None:
    """What is wrong with a run; None if nothing is. Both auditors must agree: the run's own and the project's."""
    try:
        run = played(seed, steps)
    except Exception as error:  # noqa: BLE001 -- any fault of the broker's is a finding
        return f"{type(error).__name__}: {error}"
    wrong = next(audit(run.world, run.ledger.bodies(), run.acknowledged), None)
    if wrong is not None:
        return wrong
    seals = PlainSealer()
    found = verified(
        run.ledger,
        business_days_of,
        MilpOptimiser(),
        lambda _, message, signature: seals.sign(message) == signature,
    )
    return None if found.fault is None else found.fault.sentence


def shrunk(fails: Fails, steps: Sequence[int]) -> list[int]:
    """Steps of which none can be left out without the failure going away, found by halves, then quarters, ..."""
    kept, size = list(steps), max(len(steps) // 2, 1)
    while size:
        place = 0
        while place < len(kept):
            fewer = kept[:place] + kept[place + size :]
            if fails(fewer) is not None:
                kept = fewer
            else:
                place += size
        size //= 2
    return kept


def report(seed: int, steps: int) -> str | None:
    """A failing seed with the steps that fail it, and what is wrong; None if it does not fail."""
    wrong = failure(seed, range(steps))
    if wrong is None:
        return None
    needed = shrunk(lambda some: failure(seed, some), range(steps))
    again = failure(seed, needed)
    return f"seed {seed}: {wrong}\n  with steps {needed} alone: {again}"
