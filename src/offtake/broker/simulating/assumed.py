"""What parties are assumed to answer in a simulation whose file of rules says nothing of them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, Final

from offtake.broker.library import Rules
from offtake.broker.responding.rules import PartyRules, Responders
from offtake.broker.responding.worlds import selling
from offtake.law.primitives import Procedure

ANSWERS_AFTER: Final = "5 business days"
BIDS_AFTER: Final = "1 business day"
AWARDS_AFTER: Final = "2 business days"
GIVES_UP_AFTER: Final = "20 business days"
APPROVES_AFTER: Final = "5 business days"


def with_assumed(
    responders: Responders | None, rules: Rules, procedures: Mapping[str, Procedure], tenants: set[str]
) -> tuple[Responders, tuple[str, ...]]:
    """The rules of everybody: those stated, and for parties that state none those assumed; and the assumptions made.

    Whoever holds a right takes all that it has room for, every supplier bids its price, tenants award. `procedures` are
    those of every law that comes to be in force.
    """
    stated = {} if responders is None else dict(responders.parties)
    rights = {one.holder for one in procedures.values() if one.style != "approve"}
    drafted: dict[str, dict[str, Any]] = {}

    def of(party: str) -> dict[str, Any]:
        return drafted.setdefault(party, {})

    for holder in sorted(rights - set(stated)):
        of(holder)["answers"] = [{"take": "all", "after": ANSWERS_AFTER}]
    for seller, supplies in sorted(selling(rules).items()):
        if seller not in stated and seller not in tenants:
            of(seller)["bids"] = [{"supply": id, "after": BIDS_AFTER} for id in supplies]
    for tenant in sorted(tenants - set(stated)):
        of(tenant)["awards"] = {"after": AWARDS_AFTER, "rest": "cancel", "gives_up_after": GIVES_UP_AFTER}
    for one in procedures.values():
        if one.style == "approve" and one.holder not in stated:
            approves = of(one.holder).setdefault("approves", [])
            approves.append({"clause": one.origin.clause, "after": APPROVES_AFTER})
    said = tuple(_said(drafted))
    parties = {id: PartyRules.model_validate(one) for id, one in drafted.items()}
    return Responders(responders=1, parties={**stated, **parties}), said


def _said(drafted: Mapping[str, Mapping[str, Any]]) -> Iterator[str]:
    words = (
        ("answers", f"takes all that there is room for, at its price, {ANSWERS_AFTER} after a notice"),
        ("bids", f"bids all that is free, at its price, {BIDS_AFTER} after the market opens"),
        (
            "awards",
            f"awards {AWARDS_AFTER} after the market opens, lets go of the rest, and gives up after {GIVES_UP_AFTER}",
        ),
        ("approves", f"approves everything, {APPROVES_AFTER} after it was filed"),
    )
    for key, said in words:
        who = sorted(party for party, one in drafted.items() if key in one)
        if who:
            yield f"{'each of ' if len(who) > 1 else ''}{', '.join(who)} {said}"
