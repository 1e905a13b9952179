"""The meaning of the agreements: whether an action is permitted, what it obliges to, and which clauses refuse
it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

from offtake.domain.position import Discharge, Position
from offtake.domain.selection import Action, Interval
from offtake.law.force import covers, days_of_mask, stands_in, supplied_by, touches
from offtake.law.meters import converted, passed
from offtake.law.primitives import Law, Mask, Origin, Procedure
from offtake.law.procedures import part_refused
from offtake.law.wording import elsewhere_text, mask_text, meter_text, part_text


@dataclass(frozen=True, slots=True)
class Reason:
    """A clause that refuses, the primitive it refuses by, and why, in words for people."""

    origin: Origin
    primitive: str
    text: str


@dataclass(frozen=True, slots=True)
class Obligation:
    """What must happen before the action: a holder is asked (`ask`), or somebody approves (`approval`)."""

    kind: Literal["ask", "approval"]
    who: str
    procedure: str
    origin: Origin


@dataclass(frozen=True, slots=True)
class Permit:
    """The action is lawful once its obligations are met. Who cannot wait for them must not act."""

    obligations: tuple[Obligation, ...] = ()


@dataclass(frozen=True, slots=True)
class Refusal:
    """The action is not lawful, for every one of these reasons."""

    reasons: tuple[Reason, ...]

    @property
    def clauses(self) -> tuple[str, ...]:
        """The clauses that refuse, each once, in the order of their names."""
        return tuple(sorted({reason.origin.clause for reason in self.reasons}))


def decide(law: Law, position: Position, action: Action) -> Permit | Refusal:
    """Whether an action is lawful over the whole of its interval.

    Pure and total. A refusal carries all reasons, in the order masks, meters, procedures, each by id; a
    permit carries all obligations.
    """
    reasons = [*_masked(law, position, action), *_over_bounds(law, position, action)]
    obligations: list[Obligation] = []
    for procedure in law.procedures:
        found = _procedure(procedure, law, position, action)
        if isinstance(found, Reason):
            reasons.append(found)
        elif found is not None:
            obligations.append(found)
    return Refusal(tuple(reasons)) if reasons else Permit(tuple(obligations))


def forbids(mask: Mask, law: Law, position: Position, action: Action) -> bool:
    """Whether a mask forbids an action on some day of its interval."""
    return _forbidden_days(mask, law, position, action) is not None


def _forbidden_days(mask: Mask, law: Law, position: Position, action: Action) -> Interval | None:
    """The days on which the mask holds, if the action touches them; None if the mask does not forbid it."""
    if action.kind not in mask.scope.actions or not covers(mask.scope, action.workload, action.supply):
        return None
    if not stands_in(mask.relation, action.workload, action.supply):
        return None
    held = days_of_mask(mask, law, position, action.workload, action.supply)
    return held if held is not None and action.interval.overlaps(held.begins, held.ends) else None


def _masked(law: Law, position: Position, action: Action) -> Iterator[Reason]:
    for mask in law.masks:
        held = _forbidden_days(mask, law, position, action)
        if held is not None:
            yield Reason(mask.origin, mask.id, mask_text(mask, held, action))


def _over_bounds(law: Law, position: Position, action: Action) -> Iterator[Reason]:
    for meter in law.meters:
        over = passed(meter, law, position, action)
        if over is not None:
            yield Reason(meter.origin, meter.id, meter_text(meter, over))


def _procedure(
    procedure: Procedure, law: Law, position: Position, action: Action
) -> Reason | Obligation | None:
    if not touches(procedure.scope, position, action):
        return None
    if procedure.style == "approve":
        return _approval(procedure, law, position, action)
    if supplied_by(procedure.holder, action.supply):
        return _own_take(procedure, action)
    if _taken_before(procedure, law, position, action):
        return None
    return _elsewhere(procedure, position, action)


def _approval(procedure: Procedure, law: Law, position: Position, action: Action) -> Obligation | None:
    if any(a.procedure == procedure.id and a.need in (None, action.need) for a in position.approvals):
        return None
    amount = _stated(procedure, action)
    if amount is not None and procedure.measure == "money":
        amount = converted(law, amount, action, procedure.currency)
    if procedure.threshold is not None and amount is not None and amount < procedure.threshold:
        return None
    return Obligation("approval", procedure.holder, procedure.id, procedure.origin)


def _own_take(procedure: Procedure, action: Action) -> Reason | None:
    """The holder supplies: a part of a need must be one that its right allows; the whole always is."""
    amount = _stated(procedure, action)
    if procedure.over != "acquisition" or amount is None or action.need_size is None:
        return None
    why = part_refused(procedure, amount, action.need_size, action.gang)
    return None if why is None else Reason(procedure.origin, procedure.id, part_text(procedure, why))


def _elsewhere(procedure: Procedure, position: Position, action: Action) -> Reason | Obligation | None:
    """Somebody else supplies: what the holder has left of the need, or else the holder is asked first."""
    amount = _stated(procedure, action)
    answered = _discharge(procedure, position, action)
    if answered is not None:
        if procedure.over == "traffic" or amount is None or amount <= answered.elsewhere:
            return None
        return Reason(procedure.origin, procedure.id, elsewhere_text(procedure, answered.elsewhere, amount))
    if procedure.threshold is not None and procedure.over == "acquisition" and amount is not None:
        # Other needs of the aggregation window, not yet contracted, are read under the procedure's id.
        noted = sum((r.amount for r in position.readings if r.meter == procedure.id), Decimal(0))
        if noted + amount < procedure.threshold:
            return None
    return Obligation("ask", procedure.holder, procedure.id, procedure.origin)


def _discharge(procedure: Procedure, position: Position, action: Action) -> Discharge | None:
    """The last answer that is about this need, or travels with the supply, and covers the whole interval.

    What has become a lease frees its use; to acquire more is a new need.
    """
    found: Discharge | None = None
    for each in position.discharges:
        about = each.id in action.discharges or (each.need is not None and each.need == action.need)
        usable = not (each.granted and action.kind == "acquire")
        ends = action.interval.ends
        until = each.ends is None or (ends is not None and ends <= each.ends)
        if (
            each.procedure == procedure.id
            and about
            and usable
            and each.begins <= action.interval.begins
            and until
        ):
            found = each
    return found


def _taken_before(procedure: Procedure, law: Law, position: Position, action: Action) -> bool:
    """Whether a holder of an earlier rank supplies: it is served before this one is asked."""
    return any(
        other.rank < procedure.rank
        and other.style != "approve"
        and supplied_by(other.holder, action.supply)
        and touches(other.scope, position, action)
        for other in law.procedures
    )


def _stated(procedure: Procedure, action: Action) -> Decimal | None:
    """The action's quantity in the procedure's measure; None if it does not say."""
    if procedure.measure == "money":
        return action.money
    return dict(action.quantities).get(procedure.measure)
