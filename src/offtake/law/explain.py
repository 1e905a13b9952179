"""Why something may or may not run somewhere: the law's answers for an estate's workloads and supplies, as
rows."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Literal

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.domain.selection import NOBODY, Action, ActionKind, Interval, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass
from offtake.law.decide import Obligation, Permit, decide
from offtake.law.facts import inference_facts, supplies, training_facts
from offtake.law.primitives import Law, Origin

Answer = Literal["permitted", "obliged", "refused"]


@dataclass(frozen=True, slots=True)
class Cited:
    """A clause behind an answer, and what it says here."""

    origin: Origin
    text: str


@dataclass(frozen=True, slots=True)
class Explanation:
    """One answer: `obliged` is permitted once somebody was asked or has approved.

    `client_regions` and `models` are those of the workload for which the answer and its reasons are the same;
    both are empty for a training run that names no model.
    """

    workload: str
    supply: str
    action: ActionKind
    answer: Answer
    client_regions: tuple[str, ...]
    models: tuple[str, ...]
    clauses: tuple[Cited, ...]
    obligations: tuple[Obligation, ...]


def explain(
    estate: Estate,
    law: Law,
    position: Position,
    workload_id: str,
    interval: Interval,
    supply_id: str | None = None,
) -> tuple[Explanation, ...]:
    """Where a workload may run over an interval, and why not elsewhere.

    Rows go by supply in the estate's order; a supply that does not hold the model of a row is left out. A
    class has a row per distinct answer, with the client regions and models it is for. Raises InvalidInput for
    an id that is not in the estate.
    """
    rows: list[Explanation] = []
    for supply in _supplies(estate, supply_id):
        facts = [w for w in _needs(estate, workload_id) if _holds(estate, supply, w)]
        kind: ActionKind = "place" if supply.deployment is None else "process"
        answers = [(w, _answer(law, position, kind, interval, w, supply)) for w in facts]
        rows.extend(_merged(workload_id, supply.id, kind, answers))
        rows.extend(_acquired(law, position, workload_id, supply, interval, facts))
    return tuple(rows)


_Answered = tuple[Answer, tuple[Cited, ...], tuple[Obligation, ...]]


def _answer(
    law: Law,
    position: Position,
    kind: ActionKind,
    interval: Interval,
    workload: WorkloadFacts,
    supply: SupplyFacts,
) -> _Answered:
    done = Action(kind=kind, interval=interval, actor=workload.party, workload=workload, supply=supply)
    decided = decide(law, position, done)
    if isinstance(decided, Permit):
        asked = tuple(Cited(o.origin, _obliged(o)) for o in decided.obligations)
        return ("obliged" if asked else "permitted", asked, decided.obligations)
    return ("refused", tuple(Cited(reason.origin, reason.text) for reason in decided.reasons), ())


def _obliged(obligation: Obligation) -> str:
    if obligation.kind == "approval":
        return f"{obligation.who} must approve it first"
    return f"{obligation.who} must be asked first"


def _acquired(
    law: Law,
    position: Position,
    workload_id: str,
    supply: SupplyFacts,
    interval: Interval,
    needs: Sequence[WorkloadFacts],
) -> Iterator[Explanation]:
    """What more capacity there would take, bare or for this workload, where the law has something to say about it.

    What bars it for this workload alone is said of placing it, and not again here.
    """
    if supply.form == "tokens":
        return
    bare = _answer(law, position, "acquire", interval, NOBODY, supply)
    if bare[0] == "refused":
        yield Explanation(workload_id, supply.id, "acquire", "refused", (), (), bare[1], ())
        return
    answers = (bare, *(_answer(law, position, "acquire", interval, need, supply) for need in needs))
    first: dict[str, tuple[Cited, Obligation]] = {}
    for answer, clauses, obligations in answers:
        if answer == "obliged":
            for cited, one in zip(clauses, obligations, strict=True):
                first.setdefault(one.procedure, (cited, one))
    if first:
        clauses, obligations = zip(*(first[procedure] for procedure in sorted(first)), strict=True)
        yield Explanation(workload_id, supply.id, "acquire", "obliged", (), (), clauses, obligations)


def _merged(
    workload: str, supply: str, kind: ActionKind, answers: Iterable[tuple[WorkloadFacts, _Answered]]
) -> list[Explanation]:
    """Rows with one answer for the same reasons put together, where they make a full table of regions and
    models."""
    same: dict[object, list[WorkloadFacts]] = {}
    kept: dict[object, _Answered] = {}
    for facts, answered in answers:
        key = (answered[0], tuple(cited.origin.clause for cited in answered[1]), facts.model)
        same.setdefault(key, []).append(facts)
        kept.setdefault(key, answered)
    by_regions: dict[object, list[object]] = {}
    for key, group in same.items():
        answer, clauses, _ = kept[key]
        regions = tuple(facts.client_region for facts in group)
        names = tuple(cited.origin.clause for cited in clauses)
        by_regions.setdefault((answer, names, regions), []).append(key)
    rows: list[Explanation] = []
    for keys in by_regions.values():
        answer, clauses, obligations = kept[keys[0]]
        regions = _named(facts.client_region for facts in same[keys[0]])
        models = _named(same[key][0].model for key in keys)
        rows.append(Explanation(workload, supply, kind, answer, regions, models, clauses, obligations))
    return rows


def _named(values: Iterable[str | None]) -> tuple[str, ...]:
    return tuple(dict.fromkeys(value for value in values if value is not None))


def _supplies(estate: Estate, supply_id: str | None) -> Sequence[SupplyFacts]:
    """All supplies, or those that an id names: a supply's own, or that of its site, product or deployment."""
    known = supplies(estate)
    if supply_id is None:
        return known
    found = [s for s in known if supply_id in (s.id, s.site, s.product, s.deployment)]
    if not found:
        names = ", ".join(s.id for s in known[:10]) or "none"
        raise InvalidInput(f"there is no supply `{supply_id}` in the estate", hint=f"there are: {names}")
    return found


def _needs(estate: Estate, workload_id: str) -> Sequence[WorkloadFacts]:
    workload = estate.workloads.get(workload_id)
    if workload is None:
        names = ", ".join(sorted(estate.workloads)[:10]) or "none"
        raise InvalidInput(f"there is no workload `{workload_id}` in the estate", hint=f"there are: {names}")
    if not isinstance(workload, InferenceClass):
        return (training_facts(estate, workload_id),)
    return tuple(
        inference_facts(estate, workload_id, row.region, model)
        for model in workload.models
        for row in workload.traffic
    )


def _holds(estate: Estate, supply: SupplyFacts, workload: WorkloadFacts) -> bool:
    """Whether the supply could serve the workload, the law apart: an accelerator has a rate for the model, a
    deployment holds one model and trains none."""
    if supply.deployment is None and workload.purpose == "inference":
        model = estate.models.get(workload.model or "")
        return model is None or supply.accelerator is None or supply.accelerator in model.rates
    if supply.deployment is None:
        return True
    return workload.purpose != "training" and estate.deployments[supply.deployment].model == workload.model
