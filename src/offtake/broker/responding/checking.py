"""What rules name that an estate does not have: a misspelt supply must not mean silence."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

from offtake.broker.library import Rules
from offtake.broker.responding.rules import PartyRules, Responders


@dataclass(frozen=True, slots=True)
class Unknown:
    """A name that is not known: where it stands in the file, what is wrong, and what to try."""

    path: tuple[str | int, ...]
    message: str
    hint: str
    at_key: bool = False


def unknown(responders: Responders, rules: Rules) -> Iterator[Unknown]:
    """Every name in rules that the estate does not have."""
    parties = {*rules.estate.parties, *rules.estate.providers}
    clauses = {
        f"{id}.{clause}"
        for id, agreement in rules.estate.agreements.items()
        for one in (agreement, *agreement.amendments)
        for clause in one.clauses
    }
    for party, one in responders.parties.items():
        if parties and party not in parties:
            hint = f"parties are {_some(parties)}"
            yield Unknown(("parties", party), f"the estate has no party `{party}`", hint, at_key=True)
            continue
        yield from _supplies(party, one, rules)
        asked: list[tuple[tuple[str | int, ...], str]] = [
            (("answers", n, "clauses"), id) for n, rule in enumerate(one.answers) for id in rule.clauses
        ]
        asked += [(("approves", n, "clause"), rule.clause) for n, rule in enumerate(one.approves)]
        for where, id in asked:
            if id not in clauses:
                hint = f"clauses are {_some(clauses)}"
                yield Unknown(("parties", party, *where), f"the estate has no clause `{id}`", hint)


def _supplies(party: str, one: PartyRules, rules: Rules) -> Iterator[Unknown]:
    own = {id for id, facts in rules.supplies.items() if party in (facts.party, facts.provider)}
    named: list[tuple[tuple[str | int, ...], str]] = [
        (("answers", n, "from", m), id)
        for n, rule in enumerate(one.answers)
        for m, id in enumerate(rule.supplies)
    ]
    named += [(("bids", n, "supply"), rule.supply) for n, rule in enumerate(one.bids)]
    for where, id in named:
        if id not in own:
            known = f"`{id}` is not {party}'s" if id in rules.supplies else f"the estate has no supply `{id}`"
            yield Unknown(("parties", party, *where), known, f"supplies of {party} are {_some(own)}")


def _some(names: set[str]) -> str:
    shown = sorted(names)
    return ", ".join(shown[:12]) + (", ..." if len(shown) > 12 else "") if shown else "none"
