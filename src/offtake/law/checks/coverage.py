"""Clauses that cover nothing of the estate, and facts that a clause asks for and that nobody states."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from offtake.domain.areas import countries
from offtake.domain.checks.findings import Finding, Path, listed, warning
from offtake.domain.checks.walk import clauses
from offtake.domain.clauses import AnyClause, LatencyBound, Licence, Residency
from offtake.domain.estate import Estate
from offtake.domain.selection import NOBODY, NOTHING, Selection, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass
from offtake.law.checks.candidates import Candidates
from offtake.law.compile import round_trips

_FACTS = {"processing": "may_process_in", "rest": "rests_in", "logs": "logs_in"}
MAXIMUM_PAIRS = 200  # Missing pairs told one by one.


def check_coverage(estate: Estate, candidates: Candidates) -> Iterator[Finding]:
    """Clauses that select nothing; supplies silent on residency; pairs without a round trip."""
    for path, _, _, clause in clauses(estate):
        selection = _selected(clause)
        if not _covers_any(selection, clause.excepts, candidates):
            message = f"it covers nothing: {_why(selection, candidates)}"
            yield warning("covers-nothing", (*path, "covers"), message)
        elif isinstance(clause, Residency):
            yield from _silent(estate, path, clause, selection, candidates)
    yield from _missing_pairs(estate, candidates)


def _selected(clause: AnyClause) -> Selection:
    """What a clause covers, the keys that its own fields state included."""
    covers = clause.covers
    if isinstance(clause, Residency) and not covers.data_classes:
        return covers.model_copy(update={"data_classes": clause.data_classes})
    if isinstance(clause, Licence) and not covers.owners:
        return covers.model_copy(update={"owners": (clause.licensee,)})
    return covers


def _covers_any(selection: Selection, excepts: Sequence[Selection], candidates: Candidates) -> bool:
    """Whether some workload, or none in particular, on some supply is selected and not excepted."""
    workloads = (w for w in candidates.workloads if selection.selects_workload(w))
    supplies = (s for s in candidates.supplies if selection.selects_supply(s))
    if not excepts:
        some_workload = not selection.workload_keys() or any(True for _ in workloads)
        return some_workload and (not selection.supply_keys() or any(True for _ in supplies))
    rows = list(workloads) or ([] if selection.workload_keys() else [NOBODY])
    columns = list(supplies) or ([] if selection.supply_keys() else [NOTHING])
    return any(not any(e.selects(w, s) for e in excepts) for w in rows for s in columns)


def _why(selection: Selection, candidates: Candidates) -> str:
    if selection.workload_keys() and not any(selection.selects_workload(w) for w in candidates.workloads):
        return "no workload of the estate has all that it asks for"
    if selection.supply_keys() and not any(selection.selects_supply(s) for s in candidates.supplies):
        return "no supply of the estate has all that it asks for"
    return "its exceptions take out all that it covers"


def _silent(
    estate: Estate, path: Path, clause: Residency, selection: Selection, candidates: Candidates
) -> Iterator[Finding]:
    """Supplies that could serve what is covered, were it not that they do not say where they handle data."""
    regions = {id: region.jurisdiction for id, region in estate.regions.items()}
    boundary = countries(clause.boundary, estate.areas, regions)
    facts = [_FACTS[part] for part in clause.includes]
    silent: dict[str, dict[str, None]] = {fact: {} for fact in facts}
    usable = {
        supply.id: supply
        for key in _kinds_of_need(selection, candidates)
        for supply in candidates.of(key)
        if any(getattr(supply, fact) is None for fact in facts) and selection.selects_supply(supply)
    }
    for supply in usable.values():
        places = {fact: getattr(supply, fact) for fact in facts}
        if all(
            place is None or place <= boundary for place in places.values()
        ):  # Else it is refused already.
            name = supply.deployment or supply.product or supply.site or supply.id
            for fact in (fact for fact, place in places.items() if place is None):
                silent[fact][name] = None
    for fact, names in silent.items():
        if names:
            message = f"{listed(names)}: where `{fact}` is not stated, this clause refuses what it covers"
            yield warning("residency-unknown", path, message, f"`{fact}: [EU]` where it is known")


def _kinds_of_need(selection: Selection, candidates: Candidates) -> Iterator[WorkloadFacts]:
    """One selected workload for each model, and each selected run: others could use the same supplies."""
    seen: dict[tuple[str | None, str | None], WorkloadFacts] = {}
    for workload in candidates.workloads:
        key = (None, workload.id) if workload.purpose == "training" else (workload.model, None)
        if key not in seen and selection.selects_workload(workload):
            seen[key] = workload
    return iter(seen.values())


def _missing_pairs(estate: Estate, candidates: Candidates) -> Iterator[Finding]:
    known = round_trips(estate)
    bounds = [(path, clause) for path, _, _, clause in clauses(estate) if isinstance(clause, LatencyBound)]
    told: set[tuple[str, str]] = set()
    for workload in candidates.workloads:
        entry = estate.workloads[workload.id]
        if not isinstance(entry, InferenceClass) or workload.client_region is None:
            continue
        for supply in candidates.of(workload):
            pair = (workload.client_region, supply.region or "")
            if supply.region is None or pair in known or pair in told or len(told) >= MAXIMUM_PAIRS:
                continue
            asked = next((path for path, clause in bounds if _bound_covers(clause, workload, supply)), None)
            if entry.latency is not None:
                asked = ("workloads", workload.id, "latency")
            if asked is not None:
                told.add(pair)
                message = (
                    f"no round trip is known from `{pair[0]}` to `{pair[1]}`, so the bound refuses that pair"
                )
                yield warning("latency-unknown", asked, message, f"`latency.pairs.{pair[0]}.{pair[1]}`")


def _bound_covers(clause: LatencyBound, workload: WorkloadFacts, supply: SupplyFacts) -> bool:
    return clause.covers.selects(workload, supply) and not any(
        e.selects(workload, supply) for e in clause.excepts
    )
