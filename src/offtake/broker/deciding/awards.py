"""An award: who must be asked first, what is granted, why, and what would be granted without each clause."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from decimal import Decimal

from offtake.broker.admission import left_elsewhere
from offtake.broker.asking import BestBid, asked_again, covered, revived, rights_over
from offtake.broker.awarding import (
    Impossible,
    Proposal,
    admitted,
    grants_of,
    parts_of,
    per_hour,
    proposal,
    without_holds,
)
from offtake.broker.commands import Award
from offtake.broker.deciding.call import Call, Outcome, Refused, refusal
from offtake.broker.events import Event, NeedAwarded
from offtake.broker.policy import TIE_RULE
from offtake.broker.profile import ZERO
from offtake.broker.state import Deal, State
from offtake.broker.terms import Cited, Counterfactual, Matchable
from offtake.broker.transitions import moved
from offtake.law.primitives import Procedure
from offtake.law.procedures import disclosed
from offtake.law.wording import number


def award(call: Call, command: Award) -> Outcome:
    deal = call.deal(command.need)
    waiting = deal.open
    if waiting is not None:
        until = "" if waiting.deadline is None else f" until {waiting.deadline:%Y-%m-%d %H:%M} UTC"
        text = f"{waiting.notice.holder} has been asked, and may answer{until}"
        return refusal(command.need, text, waiting.notice.clause)
    if moved(deal.stage, "award") is None:
        return refusal(command.need, f"the need is {deal.stage}")
    bare = without_holds(call.rules, call.state, deal)
    found = proposal(call.rules, call.policy, bare, deal, call.now, call.desk.optimiser)
    if isinstance(found, Impossible):
        return Refused(command.need, found.reasons)
    first = _asked_first(call, deal, found)
    if first:
        return first
    unlawful = admitted(call.rules, bare, deal, found, call.today)
    if unlawful:
        return Refused(command.need, unlawful)
    named = _named(deal, found)
    return (
        NeedAwarded(
            need=command.need,
            grants=grants_of(deal, found),
            unmet=found.unmet,
            currency=deal.need.currency,
            cost_micros=found.cost_micros,
            objective_micros=found.objective_micros,
            bound_micros=found.bound_micros,
            gap=found.gap,
            rule=TIE_RULE,
            excluded=found.excluded,
            named=named,
            counterfactuals=_counterfactuals(call, bare, deal, named),
            prices=tuple((clause, micros) for clause, micros in found.prices if micros),
        ),
    )


def _asked_first(call: Call, deal: Deal, found: Proposal) -> tuple[Event, ...]:
    """The notices that must go out before others are awarded what they would be: after a material change or a revival,
    and to those who may match the best bids."""
    if not found.elsewhere:
        return ()
    best = _best(call, deal, found)
    again = asked_again(call.rules, deal, best.price, call.today)
    if again is not None:
        procedure, because = again
        offered = best if procedure.style == "match" else replace(best, quantity=deal.left)
        return revived(
            call.rules,
            call.policy,
            call.state,
            deal,
            procedure,
            call.now,
            because,
            _shown(procedure, offered),
        )
    standing = {asking.notice.procedure: asking for asking in deal.standing}
    taken = [(source.id, each) for source, each in found.quantities]
    for procedure in rights_over(call.rules, call.state, deal.need):
        asking = standing.get(procedure.id)
        unasked = procedure.style == "match" and (
            asking is None or left_elsewhere(call.rules, deal, asking, taken) < 0
        )
        if unasked and covered(call.rules, call.state, procedure, deal.need, call.today):
            shown = _shown(procedure, best)
            return revived(call.rules, call.policy, call.state, deal, procedure, call.now, "best bid", shown)
    return ()


def _best(call: Call, deal: Deal, found: Proposal) -> BestBid:
    """The bids that would be awarded, the cheapest first, each to be matched at its own price."""
    need = deal.need
    elsewhere = sorted(found.elsewhere, key=lambda pair: (pair[0].cost, pair[0].order))
    quantity = sum((each for _, each in elsewhere), ZERO)
    cost = sum((source.cost * each for source, each in elsewhere), ZERO)
    supplies = [call.rules.supply(source.lease.supply) for source, _ in elsewhere]
    terms = {
        "price": _each(number(source.lease.price) for source, _ in elsewhere),
        "currency": _each(source.lease.currency for source, _ in elsewhere),
        "quantity": _each(number(each) for _, each in elsewhere),
        "term": f"{need.begins} until {need.ends}",
        "bidder": _each(source.lease.supplier for source, _ in elsewhere),
        "supply": _each(source.lease.supply for source, _ in elsewhere),
        "site": _each(supply.region or "" for supply in supplies),
    }
    parts = tuple(
        Matchable(
            quantity=each,
            price=source.lease.price,
            currency=source.lease.currency,
            keeps=each if source.whole or need.whole else min(source.minimum, each),
        )
        for source, each in elsewhere
    )
    price = per_hour(cost / quantity, need.begins, need.ends)
    return BestBid(price, quantity, terms, parts, tuple(source.id for source, _ in elsewhere))


def _each(values: Iterable[str]) -> str:
    """The values of several bids as one text, or the one that all have."""
    found = list(values)
    return found[0] if len(set(found)) == 1 else ", ".join(found)


def _shown(procedure: Procedure, best: BestBid) -> BestBid:
    """What of the best bids a right's holder is shown."""
    return replace(best, terms=disclosed(procedure, best.terms))


def _named(deal: Deal, found: Proposal) -> tuple[Cited, ...]:
    """The clauses that shaped an award, each once: rights that were answered, bids excluded, bounds reached."""
    said: dict[str | None, Cited] = {}
    for asking in deal.standing:
        notice = asking.notice
        verb = {
            "accept": "takes all of",
            "accept-part": f"takes {number(asking.taken)} of",
            "decline": "declined",
            "lapse": "was silent about",
        }.get(asking.outcome, "was asked for")
        said[notice.clause] = Cited(
            clause=notice.clause, text=f"{notice.clause}: {notice.holder} {verb} {number(notice.quantity)}"
        )
    for one in found.excluded:
        for reason in one.reasons:
            if reason.clause is not None:
                said.setdefault(reason.clause, reason)
    for clause, micros in found.prices:
        amount = f"{number(Decimal(micros) / 1_000_000)} {deal.need.currency}" if micros else "nothing"
        text = f"{clause}: adds {amount} over the term to what is awarded"
        said.setdefault(clause, Cited(clause=clause, text=text))
    for bound in found.binding:
        said.setdefault(bound.clause or bound.text, bound)
    return tuple(said.values())


def _counterfactuals(
    call: Call, bare: State, deal: Deal, named: Sequence[Cited]
) -> tuple[Counterfactual, ...]:
    """What would have been awarded without each of the clauses that shaped an award."""
    found: list[Counterfactual] = []
    for cited in named:
        if cited.clause is None or len(found) >= call.policy.maximum_counterfactuals:
            continue
        rules = replace(call.rules, law=call.rules.law.without(cited.clause))
        other = proposal(
            rules, call.policy, bare, deal, call.now, call.desk.optimiser, free=frozenset({cited.clause})
        )
        if isinstance(other, Proposal):
            found.append(
                Counterfactual(
                    clause=cited.clause,
                    parts=parts_of(other),
                    cost_micros=other.cost_micros,
                    unmet=other.unmet,
                )
            )
    return tuple(found)
