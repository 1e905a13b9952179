"""What has come due by a time without anybody's command. Pure; by recorded times alone."""

from __future__ import annotations

from dataclasses import replace
from datetime import datetime

from offtake.broker.agenda import Due
from offtake.broker.asking import next_step, own_supplies, revived
from offtake.broker.deciding.call import Desk
from offtake.broker.deciding.takes import answer_of, counts, takes_of, unlawful_takes
from offtake.broker.events import Event, HolderAnswered, LawInForce, NoticeLapsed
from offtake.broker.folding import REVIVAL, folded, procedure_of, rules_of
from offtake.broker.invoicing import invoices
from offtake.broker.library import Rules
from offtake.broker.settling import settlements
from offtake.broker.state import Asking, Deal, State
from offtake.broker.terms import Part
from offtake.law.procedures import silent_outcome


def due(desk: Desk, state: State, now: datetime) -> tuple[Event, ...]:
    """What has happened by now without anybody's command: law that came to be known, lapses and the notices that follow
    them, revivals, invoices of months that are over, windows of commitments that ended. By recorded times alone."""
    events: list[Event] = []

    def happen(*more: Event) -> None:
        nonlocal state
        for event in more:
            events.append(event)
            state = folded(desk.library, state, event, now, state.seq + 1)

    known = desk.library.known_at(state.estate, now.date())
    if known != state.known_at or not state.law:
        rules = desk.library.rules(state.estate, known)
        happen(LawInForce(known_at=known, law=rules.law_hash))
    while len(events) < desk.policy.maximum_due_per_entry:
        first = state.due.first
        if first is None or first[0] >= now:
            break
        more = _came_due(desk, state, first, now)
        if not more:  # Another time, perhaps: on the ledger it stays due.
            state = replace(state, due=state.due.minus(first[2]))
        happen(*more)
    while (
        len(events) < desk.policy.maximum_due_per_entry and state.billing and min(state.billing) <= now.date()
    ):
        happen(*invoices(rules_of(desk.library, state), state))
    while (
        len(events) < desk.policy.maximum_due_per_entry
        and state.next_close is not None
        and state.next_close <= now.date()
    ):
        happen(next(settlements(rules_of(desk.library, state), state, now.date())))
    return tuple(events)


def _came_due(desk: Desk, state: State, first: Due, now: datetime) -> tuple[Event, ...]:
    _, need, what = first
    deal, rules = state.deals[need], rules_of(desk.library, state)
    if what.startswith(REVIVAL):
        asking = next(one for one in deal.askings if one.notice.id == what[len(REVIVAL) :])
        procedure = procedure_of(rules, asking.notice.procedure)
        idle = deal.stage != "overflow" or deal.leases or asking.superseded or asking.outcome == "accept"
        if procedure is None or procedure.style == "match" or idle or deal.left <= 0:
            return ()  # Who may match is asked again about the bids that an award would take.
        return revived(rules, desk.policy, state, deal, procedure, now, "revival", None)
    asking = next(one for one in deal.askings if one.notice.id == what)
    said = _silent(rules, state, deal, asking, now)
    if not said:
        return ()
    after = folded(desk.library, state, said[0], now, state.seq + 1)
    return (*said, *next_step(rules, desk.policy, after, after.deals[need], now))


def _silent(rules: Rules, state: State, deal: Deal, asking: Asking, now: datetime) -> tuple[Event, ...]:
    """What a holder's silence past its deadline means."""
    procedure = procedure_of(rules, asking.notice.procedure)
    if asking.outcome != "open" or asking.deadline is None:
        return ()
    means = "declines" if procedure is None else silent_outcome(procedure, asking.deadline, now)
    if means == "open":
        return ()
    if means == "accepts" and procedure is not None:
        for supply in own_supplies(rules, deal.need, asking.notice.holder):
            everything = Part(supply=supply, quantity=asking.notice.quantity)
            takes = takes_of(rules, deal, asking, (everything,), None)
            if takes is None or isinstance(takes, str) or not counts(rules, deal, procedure, takes):
                continue
            if not unlawful_takes(rules, state, deal, asking, takes, now):
                silent = HolderAnswered(
                    need=deal.need.id,
                    notice=asking.notice.id,
                    move="accept",
                    takes=(),
                    price=None,
                    currency=deal.need.currency,
                    by_silence=True,
                )
                return (answer_of(asking, silent, "accept", takes),)
    return (NoticeLapsed(need=deal.need.id, notice=asking.notice.id, deadline=asking.deadline),)
