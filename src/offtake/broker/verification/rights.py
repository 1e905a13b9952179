"""Notices to holders and their answers: terms, deadlines counted again, lapses and revivals."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta
from decimal import Decimal

from offtake.broker.documents import canonical, sha256
from offtake.broker.events import HolderAnswered, HolderNoticed, NoticeLapsed, NoticeReceived, RightRevived
from offtake.broker.terms import Notice
from offtake.broker.verification.books import NOTHING, Case, Told
from offtake.broker.verification.findings import Broken, follows
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.lawful import countable, over, rest
from offtake.broker.verification.market import covered, unasked
from offtake.domain.quantities import Span, parse_span
from offtake.law.primitives import Procedure


def asked(
    audit: Audit, event: HolderNoticed | NoticeReceived | HolderAnswered | NoticeLapsed | RightRevived
) -> None:
    """Whether a holder was told what, and when, it had to be; and whether its answer counts."""
    match event:
        case HolderNoticed():
            _noticed(audit, event.notice)
            _matchable(audit, event)
        case RightRevived():
            case = audit.case(event.need)
            follows(
                case.closed == "no" and case.waiting is None, "the need is closed, or a holder may answer"
            )
            _revives(audit, case, event)
        case NoticeReceived():
            told = _waiting(audit, event.need, event.notice)
            right = _procedure(audit, told.notice)
            follows(event.received == audit.at, "it was received when it was recorded")
            follows(audit.at < told.notice.deemed_received, "it was deemed received before")
            stated = told.notice.answer_within
            window = right.window if stated is None else parse_span(stated)
            follows(event.deadline == _deadline(audit, right, window, audit.at), "the deadline is another")
            told.deadline = event.deadline
        case HolderAnswered():
            _answered(audit, event)
        case NoticeLapsed():
            told = _waiting(audit, event.need, event.notice)
            follows(told.deadline is not None and told.deadline < audit.at, "the time to answer was not over")
            follows(event.deadline == told.deadline, "the deadline is another")
            told.outcome, told.closed_on = "lapsed", event.deadline.date()


def _waiting(audit: Audit, need: str, notice: str) -> Told:
    told = audit.case(need).waiting
    if told is None or told.notice.id != notice:
        raise Broken(f"the notice {notice} is not open")
    return told


def _procedure(audit: Audit, notice: Notice) -> Procedure:
    found = next((one for one in audit.rules.law.procedures if one.id == notice.procedure), None)
    if found is None:
        raise Broken(f"the law knows no right {notice.procedure}")
    return found


def _noticed(audit: Audit, notice: Notice) -> None:
    case, right = audit.case(notice.need), _procedure(audit, notice)
    follows(case.closed == "no" and case.waiting is None, "the need is closed, or another holder may answer")
    follows((notice.holder, notice.clause) == (right.holder, right.origin.clause), "the right is another's")
    times = ("deemed_received", "answer_within", "deadline", "terms_hash")
    said = {k: str(v) for k, v in _fields(notice) if k not in times and (k != "parts" or v)}
    follows(sha256(canonical(said)) == notice.terms_hash, "its terms are not what their hash says")
    follows(0 < notice.quantity <= case.left, f"{notice.quantity} are offered, and {case.left} are left")
    follows(over(audit, right, case) is not None, f"{right.id} is not about this need")
    if notice.because == "need":
        follows(notice.quantity == case.left, "the whole of what is left is offered")
        follows(unasked(audit, case) in (None, right.id), "another holder is asked before")
    follows(_deemed(audit, right) == notice.deemed_received, "it is deemed received at another time")
    window = _window(audit, right, case)
    if notice.answer_within is not None or right.windows:
        text = None if window is None else window.text
        follows(notice.answer_within == text, f"the time to answer is {text}, not {notice.answer_within}")
    deadline = _deadline(audit, right, window, notice.deemed_received)
    follows(notice.deadline == deadline, f"the deadline is {deadline}, not {notice.deadline}")
    told = set(dict(notice.disclosed)) - {"measure", "from", "until", "accelerators", "regions", "whole"}
    follows(
        told <= set(right.discloses),
        f"more is disclosed than the clause lists: {', '.join(sorted(told))}",
    )
    case.told.append(Told(notice, deadline, len(case.grants)))


def _revives(audit: Audit, case: Case, event: RightRevived) -> None:
    right = next((one for one in audit.rules.law.procedures if one.id == event.procedure), None)
    last = next((told for told in reversed(case.told) if told.notice.procedure == event.procedure), None)
    if right is None:
        raise Broken(f"the law knows no right {event.procedure}")
    match event.because:
        case "best bid":
            follows(right.style == "match", "only a right to match is asked about the best bid")
        case "aggregation":
            follows(last is None and covered(audit, right, case), "the needs do not reach the threshold")
        case "material change":
            follows(last is not None and right.material_change is not None, "nothing was refused before")
        case "revival":
            if last is None or last.closed_on is None or right.revives_after is None:
                raise Broken("nothing lapsed or was refused that could revive")
            day = _later(audit, right, last.closed_on, right.revives_after)
            follows(
                audit.at.date() > day and not case.grants,
                f"it revives after {day}, if nothing is contracted",
            )


def _answered(audit: Audit, event: HolderAnswered) -> None:
    told = _waiting(audit, event.need, event.notice)
    case, right = audit.case(event.need), _procedure(audit, told.notice)
    late = told.deadline is not None and told.deadline < audit.at
    follows(
        late == event.by_silence,
        "it was too late" if late else "silence says nothing before the deadline",
    )
    follows(not event.by_silence or right.silence == "accepts", "silence declines")
    quantity = sum((part.quantity for part in event.takes), NOTHING)
    asked = told.notice.quantity
    follows(
        (quantity == asked, 0 < quantity < asked, quantity == 0)
        == (event.move == "accept", event.move == "accept-part", event.move == "decline"),
        f"to take {quantity} of {asked} is not to {event.move}",
    )
    if event.move == "accept-part":
        follows(not (case.need.whole and right.whole_gangs), "the need must stay whole")
        follows(
            right.minimum is None or quantity >= right.minimum, f"{quantity} is less than {right.minimum}"
        )
        follows(
            right.multiple is None or quantity % right.multiple == 0,
            f"{quantity} is no multiple of {right.multiple}",
        )
    if quantity:
        _priced(told, event)
        follows(_counts(audit, right, case, event), "the price is above what the clause lets count")
        for part in event.takes:
            supply = audit.rules.supply(part.supply)
            follows(right.holder in (supply.party, supply.provider), f"{part.supply} is not {right.holder}'s")
    elif event.discharges_nothing:
        follows(right.maximum_price is not None, "the clause states no highest price")
    told.outcome = "took" if quantity else "declined"
    if quantity:
        audit.books.holding[event.need] = None
    told.takes, told.price, told.currency, told.closed_on = (
        event.takes,
        event.price,
        event.currency,
        audit.at.date(),
    )


def _matchable(audit: Audit, event: HolderNoticed) -> None:
    """Whether the parts of a notice are bids that were made, at their prices, and all of what is offered."""
    notice, case = event.notice, audit.case(event.notice.need)
    if not notice.parts:
        return
    follows(notice.style == "match", "only who may match is told of bids")
    follows(len(set(event.bids)) == len(event.bids) == len(notice.parts), "each part of it is one bid")
    total = sum((part.quantity for part in notice.parts), NOTHING)
    follows(total == notice.quantity, f"its parts come to {total}, and {notice.quantity} are offered")
    for id, part in zip(event.bids, notice.parts, strict=True):
        bid = case.bids.get(id)
        if bid is None:
            raise Broken(f"there is no bid `{id}`")
        follows((part.price, part.currency) == (bid.price, bid.currency), f"the bid {id} has another price")
        follows(0 < part.quantity <= bid.quantity, f"the bid {id} is of {bid.quantity}")
        keeps = part.quantity if bid.whole or case.need.whole else min(bid.minimum, part.quantity)
        follows(part.keeps == keeps, f"{keeps} of the bid {id} must be left, or nothing")
    case.told[-1].bids = event.bids


def _priced(told: Told, event: HolderAnswered) -> None:
    """Whether what a holder takes is priced as it must be: a match moves no price."""
    notice = told.notice
    if not notice.parts:
        follows(event.price is not None, "a take has a price")
        follows(notice.style != "match" or event.price == notice.price, "a match moves no price")
        follows(all(take.price is None for take in event.takes), "an offer has one price")
        return
    left = [part.quantity for part in notice.parts]
    for take in event.takes:
        place = (take.matches or 0) - 1
        follows(0 <= place < len(left), f"there is no part {take.matches} to match")
        part = notice.parts[place]
        follows((take.price, take.currency) == (part.price, part.currency), "a match moves no price")
        left[place] -= take.quantity
    for place, (unmatched, part) in enumerate(zip(left, notice.parts, strict=True), 1):
        untouched = unmatched in (part.quantity, NOTHING)
        follows(unmatched >= 0, f"more is matched than part {place} is of")
        follows(untouched or unmatched >= part.keeps, f"{unmatched} of part {place} cannot be left")


def _counts(audit: Audit, right: Procedure, case: Case, event: HolderAnswered) -> bool:
    if right.maximum_price is None:
        return True
    for take in event.takes:
        supply = audit.rules.supply(take.supply)
        unit = audit.rules.amounts(supply, case.need.measure, Decimal(1)).get(right.measure, Decimal(1))
        price = event.price if take.price is None else take.price
        if price is not None and price / unit > right.maximum_price:
            return False
    return True


def _later(audit: Audit, right: Procedure, day: date, span: Span) -> date:
    """A day a span later, business days counted one by one."""
    months = day.year * 12 + day.month - 1 + span.months
    first = date(months // 12, months % 12 + 1, 1)
    following = (first + timedelta(days=31)).replace(day=1)
    moved = first + timedelta(days=min(day.day, (following - first).days) - 1 + span.days)
    works, left = audit.library.calendars(right.calendar), span.business_days
    while left:
        moved += timedelta(days=1)
        if works(moved):
            left -= 1
    return moved


def _window(audit: Audit, right: Procedure, case: Case) -> Span | None:
    """The time to answer, by the size of what is not contracted of the need and of those that count with it."""
    if not right.windows:
        return right.window
    sizes = dict(countable(audit, right))
    size = sizes[case.need.id] if case.need.id in sizes else rest(audit, right, case)
    together = sum(sizes.values(), NOTHING)
    if (
        right.aggregates_within is not None
        and case.need.id in sizes
        and together >= (right.threshold or NOTHING)
    ):
        size = together
    below = [one.window for one in right.windows if one.below is not None and size < one.below]
    return below[0] if below else right.windows[-1].window


def _deadline(audit: Audit, right: Procedure, window: Span | None, received: datetime) -> datetime | None:
    if window is None:
        return None
    day = _later(audit, right, received.date(), window)
    return received.replace(year=day.year, month=day.month, day=day.day)


def _deemed(audit: Audit, right: Procedure) -> datetime:
    left, day = audit.policy.deemed_received_business_days, audit.at.date()
    if not left:
        return audit.at
    while left:
        day += timedelta(days=1)
        left -= audit.library.calendars(right.calendar)(day)
    return audit.at.replace(
        year=day.year, month=day.month, day=day.day, hour=9, minute=0, second=0, microsecond=0
    )


def _fields(notice: Notice) -> Iterator[tuple[str, object]]:
    for name in type(notice).__dataclass_fields__:
        yield name, getattr(notice, name)
