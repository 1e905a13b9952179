"""Rights: a holder acknowledges its notice, and answers it."""

from __future__ import annotations

from dataclasses import replace

from offtake.broker.asking import answer_by, open_for
from offtake.broker.commands import Acknowledge, Answer
from offtake.broker.deciding.call import Call, Outcome, Refused, refusal
from offtake.broker.deciding.takes import answer_of, counts, takes_of, unlawful_takes
from offtake.broker.events import HolderAnswered, NoticeReceived
from offtake.broker.folding import procedure_of
from offtake.broker.library import whole_steps
from offtake.broker.profile import ZERO
from offtake.broker.state import Deal
from offtake.domain.errors import InvalidInput
from offtake.law.procedures import answer_stands, part_refused
from offtake.law.wording import number


def acknowledge(call: Call, command: Acknowledge) -> Outcome:
    asking = open_for(call.deal(command.need), command.holder)
    if asking is None:
        return refusal(command.need, f"no notice to {command.holder} is open")
    if asking.received is not None or asking.notice.deemed_received <= call.now:
        return refusal(command.need, f"the notice {asking.notice.id} counts as received")
    procedure = procedure_of(call.rules, asking.notice.procedure)
    by = asking.deadline if procedure is None else answer_by(call.rules, procedure, asking.notice, call.now)
    return (NoticeReceived(need=command.need, notice=asking.notice.id, received=call.now, deadline=by),)


def answer(call: Call, command: Answer) -> Outcome:
    deal = call.deal(command.need)
    asking = open_for(deal, command.holder)
    if asking is None:
        return refusal(command.need, _no_notice(deal, command.holder))
    if not answer_stands(asking.deadline, call.now):
        raise AssertionError("a notice past its deadline has lapsed before any command is heard")
    procedure = procedure_of(call.rules, asking.notice.procedure)
    taken = sum((part.quantity for part in command.takes), ZERO)
    answered = HolderAnswered(
        need=command.need,
        notice=asking.notice.id,
        move="decline",
        takes=(),
        price=None,
        currency=deal.need.currency,
    )
    if taken == 0 or procedure is None:
        return call.then(answered, need=command.need)
    if any(
        part.quantity <= 0 or whole_steps(deal.need.measure, part.quantity) != part.quantity
        for part in command.takes
    ):
        raise InvalidInput(f"parts are above zero, in whole steps of {deal.need.measure}")
    why = part_refused(procedure, taken, asking.notice.quantity, deal.need.whole)
    if why is not None:
        text = f"{command.holder} may not take {number(taken)} of the need: {why}"
        return refusal(command.need, text, procedure.origin.clause)
    takes = takes_of(call.rules, deal, asking, command.takes, command.price)
    if takes is None:
        raise InvalidInput("the answer states no price, and neither do the notice and the product")
    if isinstance(takes, str):
        return refusal(command.need, takes, procedure.origin.clause)
    if not counts(call.rules, deal, procedure, takes):
        dear = max(takes, key=lambda take: take.price or ZERO)
        return call.then(
            replace(
                answered,
                price=dear.price,
                currency=dear.currency or answered.currency,
                discharges_nothing=True,
            ),
            need=command.need,
        )
    unlawful = unlawful_takes(call.rules, call.state, deal, asking, takes, call.now)
    if unlawful:
        return Refused(command.need, unlawful)
    move = "accept" if taken == asking.notice.quantity else "accept-part"
    return call.then(answer_of(asking, answered, move, takes), need=command.need)


def _no_notice(deal: Deal, holder: str) -> str:
    past = [one for one in deal.standing if one.notice.holder == holder]
    if not past:
        return f"{holder} has not been asked about this need"
    last = past[-1]
    if last.outcome == "lapse":
        return f"too late: the notice {last.notice.id} lapsed on {last.deadline:%Y-%m-%d %H:%M:%S} UTC"
    return f"{holder} has answered the notice {last.notice.id}"
