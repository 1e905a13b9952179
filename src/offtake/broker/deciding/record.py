"""The record: approvals, events, amended agreements."""

from __future__ import annotations

from offtake.broker import amending
from offtake.broker.commands import Amend, Approve, RecordEvent
from offtake.broker.deciding.call import Call, Outcome, refusal
from offtake.broker.events import AgreementAmended, Approved, EventRecorded, LawInForce
from offtake.domain.errors import InvalidInput


def approve(call: Call, command: Approve) -> Outcome:
    if command.need is not None:
        call.deal(command.need)
    for procedure in call.rules.law.procedures:
        if procedure.origin.clause == command.clause and procedure.style == "approve":
            if procedure.holder != command.by:
                return refusal(
                    command.need or command.clause,
                    f"{command.clause} asks {procedure.holder}, not {command.by}",
                )
            return (Approved(procedure=procedure.id, by=command.by, need=command.need),)
    raise InvalidInput(f"no clause `{command.clause}` asks for an approval")


def record_event(call: Call, command: RecordEvent) -> Outcome:
    if command.event not in call.rules.estate.events:
        known = ", ".join(sorted(call.rules.estate.events)) or "none"
        raise InvalidInput(
            f"the estate knows no event `{command.event}`", hint=f"events of the estate: {known}"
        )
    if command.on > call.today:
        raise InvalidInput(f"{command.on} has not come: what is recorded has happened")
    return (EventRecorded(event=command.event, on=command.on, about=command.about),)


def amend(call: Call, command: Amend) -> Outcome:
    estate = amending.amended(call.rules.estate, command.agreement, command.amendment, call.today)
    digest, _ = call.desk.library.add(estate)
    if digest == call.state.estate:
        raise InvalidInput("the amendment changes nothing")
    known = call.desk.library.known_at(digest, call.today)
    law = call.desk.library.rules(digest, known).law_hash
    return (
        AgreementAmended(agreement=command.agreement, amendment=command.amendment, estate=digest),
        LawInForce(known_at=known, law=law),
    )
