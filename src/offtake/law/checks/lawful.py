"""Needs for which agreements leave no lawful supply for a time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING, Final

from offtake.domain.checks.findings import Finding, listed, warning
from offtake.domain.estate import Estate
from offtake.domain.position import Happened, Position
from offtake.domain.selection import Action, Interval, WorkloadFacts
from offtake.domain.workloads import TrainingRun
from offtake.law.checks.candidates import Candidates, action_kind
from offtake.law.decide import forbids
from offtake.law.primitives import Law

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

MAXIMUM_CELLS: Final = 200_000_000  # Of (stretch, workload, supply); later stretches are left out beyond.
MAXIMUM_TESTS: Final = 5_000_000_000  # Of (mask, workload, supply); a larger estate is not searched.
MAXIMUM_GAPS: Final = 50  # Needs told one by one.
MAXIMUM_NAMED: Final = 4000  # Tests of a mask on an action, to name the clauses behind one gap.

_Need = tuple[str, str | None]  # A workload, and the client region if it has one.


@dataclass(frozen=True, slots=True)
class Gap:
    """Days on which no supply that could serve a need is lawful."""

    begins: date
    ends: date


def check_lawful(estate: Estate, law: Law, candidates: Candidates) -> Iterator[Finding]:
    """Needs that some supply could serve and that no supply may, with the clauses that stand against it."""
    if not law.masks or not candidates.workloads or not candidates.supplies:
        return
    if len(law.masks) * len(candidates.workloads) * len(candidates.supplies) > MAXIMUM_TESTS:
        message = (
            "so many clauses, workloads and supplies that no search was made for needs without lawful supply"
        )
        yield warning("not-checked", ("agreements",), message)
        return
    events = estate.events.items()
    position = Position(
        tuple(Happened(id, event.on, event.about) for id, event in events if event.on is not None)
    )
    stretches = _stretches(estate, law, candidates)
    gaps = _gaps(estate, law, candidates, position, stretches)
    for need, gap in list(gaps.items())[:MAXIMUM_GAPS]:
        where = f" for clients in `{need[1]}`" if need[1] is not None else ""
        against = listed(_against(need, gap, law, candidates, position, stretches))
        message = (
            f"no supply may lawfully serve `{need[0]}`{where} from {gap.begins} to {gap.ends}, by {against}"
        )
        yield warning("nothing-lawful", ("workloads", need[0]), message)


def _stretches(estate: Estate, law: Law, candidates: Candidates) -> list[Interval]:
    """The horizon cut where the law changes, so that each mask holds on all of a stretch or on none of it."""
    horizon = estate.horizon
    events = {event.on for event in estate.events.values() if event.on is not None}
    inside = {day for day in {*law.dates, *events} if horizon.begins < day < horizon.ends}
    cuts = sorted({horizon.begins, horizon.ends, *inside})
    most = max(1, MAXIMUM_CELLS // (len(candidates.workloads) * len(candidates.supplies)))
    return [Interval(begins, ends) for begins, ends in pairwise(cuts)][:most]


def _gaps(
    estate: Estate, law: Law, candidates: Candidates, position: Position, stretches: Sequence[Interval]
) -> dict[_Need, Gap]:
    """For each need, the first days in a row on which nothing is lawful."""
    could = _could(candidates)
    needs: dict[_Need, list[int]] = {}
    servable = _any_supply(could)
    for row, workload in enumerate(candidates.workloads):
        if servable[row]:  # What nothing serves at all, law or no law, is told elsewhere.
            needs.setdefault((workload.id, workload.client_region), []).append(row)
    open_gaps: dict[_Need, Gap] = {}
    closed: set[_Need] = set()
    for stretch in stretches:
        served = _any_supply(_may(law, candidates, position, stretch) & could)
        for need, rows in needs.items():
            asked = need not in closed and _asks(estate, need, stretch)
            if asked and not any(served[row] for row in rows):
                begun = open_gaps[need].begins if need in open_gaps else stretch.begins
                open_gaps[need] = Gap(begun, stretch.ends or estate.horizon.ends)
            elif need in open_gaps:
                closed.add(need)
    return open_gaps


def _any_supply(table: NDArray[np.bool_]) -> list[bool]:
    """Whether a workload has any supply in a table of (workload, supply)."""
    return [bool(row.any()) for row in table]


def _could(candidates: Candidates) -> NDArray[np.bool_]:
    """Which supply could serve which workload, were there no law: (workload, supply)."""
    import numpy as np

    columns = {supply.id: column for column, supply in enumerate(candidates.supplies)}
    could = np.zeros((len(candidates.workloads), len(candidates.supplies)), dtype=np.bool_)
    for row, workload in enumerate(candidates.workloads):
        could[row, [columns[supply.id] for supply in candidates.of(workload)]] = True
    return could


def _may(law: Law, candidates: Candidates, position: Position, stretch: Interval) -> NDArray[np.bool_]:
    """Which workload the masks let use which supply: (workload, supply)."""
    import numpy as np

    from offtake.law.masks import permitted

    workloads, supplies = candidates.workloads, candidates.supplies
    place = permitted(law, workloads, supplies, "place", stretch, position)
    process = permitted(law, workloads, supplies, "process", stretch, position)
    deployed = np.array([supply.deployment is not None for supply in supplies], dtype=np.bool_)
    return np.where(deployed[None, :], process, place)


def _asks(estate: Estate, need: _Need, stretch: Interval) -> bool:
    """Whether there is any need in a stretch: a run asks within its window alone."""
    entry = estate.workloads[need[0]]
    return not isinstance(entry, TrainingRun) or stretch.overlaps(entry.window.begins, entry.window.ends)


def _against(
    need: _Need,
    gap: Gap,
    law: Law,
    candidates: Candidates,
    position: Position,
    stretches: Sequence[Interval],
) -> list[str]:
    """The clauses that refuse a need's supplies during a gap."""
    found: set[str] = set()
    tests = 0
    for action in _actions(need, gap, candidates, stretches):
        for mask in law.masks:
            tests += 1
            if tests > MAXIMUM_NAMED:
                return sorted(found)
            if mask.origin.clause not in found and forbids(mask, law, position, action):
                found.add(mask.origin.clause)
    return sorted(found)


def _actions(
    need: _Need, gap: Gap, candidates: Candidates, stretches: Sequence[Interval]
) -> Iterator[Action]:
    within = [s for s in stretches if gap.begins <= s.begins and s.begins < gap.ends]
    for workload in _rows_of(need, candidates):
        for supply in candidates.of(workload):
            for stretch in within:
                yield Action(action_kind(workload, supply), stretch, workload=workload, supply=supply)


def _rows_of(need: _Need, candidates: Candidates) -> Iterator[WorkloadFacts]:
    return (w for w in candidates.workloads if (w.id, w.client_region) == need)
