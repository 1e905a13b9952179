"""Whether grants are lawful: every one is put to `decide`, on the position that the grants before it left."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from decimal import Decimal

from offtake.broker.terms import Grant
from offtake.broker.verification.books import LEVEL_MEASURES, NOTHING, Case, Held, Told
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.tally import MOMENTS, in_force, windows_between
from offtake.domain.position import Approval, Discharge, Position, Reading
from offtake.law.decide import Refusal, decide
from offtake.law.force import supplied_by, touches
from offtake.law.meters import burns
from offtake.law.primitives import Law, Meter, Procedure
from offtake.law.procedures import after


def unlawful(audit: Audit, case: Case, grants: Sequence[Grant], leases: Sequence[Held]) -> Iterator[str]:
    """Every grant is put to `decide`, on the position that the grants before it left."""
    law = audit.rules.law
    levels = _only(law, lambda meter: meter.measure in LEVEL_MEASURES)
    for n, (grant, lease) in enumerate(zip(grants, leases, strict=True)):
        position = _position(audit, case, grants[:n], leases[:n], lease)
        action = lease.action(audit.rules)
        asked = next((told.notice.quantity for told in case.told if told.notice.id == grant.source), None)
        total = lease.price * lease.quantity * 24 * (case.need.ends - case.need.begins).days
        found = decide(levels, position, replace(action, need_size=asked, money=total))
        if isinstance(found, Refusal):
            yield f"the law refuses {grant.lease}: {found.reasons[0].text}"
        elif found.obligations:
            one = found.obligations[0]
            yield f"{grant.lease} was granted before {one.who} was asked ({one.origin.clause})"


def _only(law: Law, wanted: Callable[[Meter], bool]) -> Law:
    return replace(law, meters=tuple(meter for meter in law.meters if wanted(meter)))


def _position(
    audit: Audit, case: Case, grants: Sequence[Grant], leases: Sequence[Held], lease: Held
) -> Position:
    rules, books = audit.rules, audit.books
    readings: list[Reading] = []
    for meter in rules.law.meters:
        if meter.upper is None or meter.measure not in LEVEL_MEASURES:
            continue
        if not burns(meter, rules.law, lease.action(rules)):
            continue
        readings.extend(_tallied(audit, meter, lease))
        for other in (*books.kept(rules, case.need.id), *leases):
            amount = other.amounts.get(meter.measure, NOTHING)
            if amount and other.until > other.need.begins and burns(meter, rules.law, other.action(rules)):
                readings.append(Reading(meter.id, other.need.begins, other.until, amount))
    return Position(
        happened=(*rules.happened, *books.happened),
        readings=(*readings, *_noted(audit, case, lease)),
        discharges=tuple(_discharges(audit, case, grants, lease)),
        approvals=tuple(
            Approval(procedure, need)
            for need in (None, case.need.id)
            for procedure in books.approvals.get(need, ())
        ),
    )


def _tallied(audit: Audit, meter: Meter, lease: Held) -> Iterator[Reading]:
    """What leases and readings make a level read where a lease counts on it: by window, or where it changes."""
    begins, ends = in_force(meter, lease.need.begins, lease.need.ends)
    if begins >= ends:
        return
    if meter.window in MOMENTS:
        steps = audit.tally.levels[meter.id].steps(begins, ends)
        for (day, level), until in zip(steps, [*(day for day, _ in steps[1:]), ends], strict=True):
            yield Reading(meter.id, day, until, level)
        return
    for window in windows_between(meter, begins, ends):
        amount = audit.tally.windowed.get((meter.id, window.begins), NOTHING)
        yield Reading(meter.id, max(window.begins, begins), min(window.ends or ends, ends), amount)


def _noted(audit: Audit, case: Case, lease: Held) -> Iterator[Reading]:
    """The rest of this need, and the other needs that count with it toward a right's threshold."""
    for procedure in audit.rules.law.procedures:
        if procedure.threshold is None or procedure.over != "acquisition":
            continue
        ratio = _ratio(procedure, case, lease)
        others = NOTHING
        if procedure.aggregates_within is not None:
            others = sum(
                (size for id, size in countable(audit, procedure) if id != case.need.id),
                NOTHING,
            )
        amount = others + (case.need.quantity - lease.quantity) * ratio
        yield Reading(procedure.id, case.need.begins, case.need.ends, amount)


def countable(audit: Audit, procedure: Procedure) -> list[tuple[str, Decimal]]:
    """Open needs within a right's aggregation window, each with what is not contracted of it in the right's measure."""
    found: list[tuple[str, Decimal]] = []
    today = audit.at.date()
    for id, case in audit.books.open.items():
        within = procedure.aggregates_within
        works = audit.rules.calendars(procedure.calendar)
        if within is not None and today >= after(within, case.filed.date(), works):
            continue
        if over(audit, procedure, case) is not None:
            found.append((id, rest(audit, procedure, case)))
    return found


def rest(audit: Audit, procedure: Procedure, case: Case) -> Decimal:
    """What is not contracted of a need, in a right's measure; nothing where the right is not over it."""
    concerned = over(audit, procedure, case)
    granted = sum((grant.quantity for grant in case.grants), NOTHING)
    return (
        NOTHING if concerned is None else (case.need.quantity - granted) * _ratio(procedure, case, concerned)
    )


def over(audit: Audit, procedure: Procedure, case: Case) -> Held | None:
    """The first supply at which a need would have to be offered to a holder first; None if there is none."""
    rules = audit.rules
    position = Position(happened=(*rules.happened, *audit.books.happened))
    for id, supply in rules.supplies.items():
        if (
            procedure.style == "approve"
            or procedure.over != "acquisition"
            or supplied_by(procedure.holder, supply)
        ):
            continue
        if rules.serves(supply, case.need) is not None:
            continue
        amounts = rules.amounts(supply, case.need.measure, case.need.quantity)
        whole = Held(
            "",
            case.need,
            supply.party or "",
            id,
            case.need.quantity,
            NOTHING,
            case.need.currency,
            Decimal(1),
            None,
            amounts,
        )
        if touches(procedure.scope, position, whole.action(rules)):
            return whole
    return None


def _ratio(procedure: Procedure, case: Case, lease: Held) -> Decimal:
    """A unit of the need's measure in the right's measure, at a supply."""
    if procedure.measure == case.need.measure:
        return Decimal(1)
    mine, other = lease.amounts.get(case.need.measure), lease.amounts.get(procedure.measure)
    return other / mine if mine and other else Decimal(1)


def _discharges(audit: Audit, case: Case, grants: Sequence[Grant], lease: Held) -> Iterator[Discharge]:
    rights = {procedure.id: procedure for procedure in audit.rules.law.procedures}
    for told in case.latest:
        right = rights.get(told.notice.procedure)
        if told.outcome == "open" or right is None:
            continue
        left = told.notice.quantity - told.took
        for other in case.latest:
            peer = rights.get(other.notice.procedure)
            if peer is not None and peer.rank == right.rank and peer.id < right.id:
                left += other.took
        for grant in (*case.grants[told.awarded_before :], *grants):
            if _elsewhere(rights, case, grant, right):
                left -= grant.quantity
        yield Discharge(
            told.notice.id,
            right.id,
            case.need.id,
            max(left, NOTHING) * _ratio(right, case, lease),
            case.need.begins,
            case.need.ends,
        )


def _elsewhere(rights: dict[str, Procedure], case: Case, grant: Grant, right: Procedure) -> bool:
    told: Told | None = next((one for one in case.told if one.notice.id == grant.source), None)
    peer = None if told is None else rights.get(told.notice.procedure)
    return peer is None or (peer.id != right.id and peer.rank >= right.rank)
