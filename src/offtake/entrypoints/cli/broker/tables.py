"""Where needs and leases stand, as records and as tables."""

from __future__ import annotations

from datetime import date, datetime
from decimal import Decimal
from typing import TYPE_CHECKING, Any

import typer

from offtake.domain.errors import InvalidInput
from offtake.entrypoints.cli.broker.wording import UNITS, plain

if TYPE_CHECKING:
    from collections.abc import Sequence

    from offtake.broker.door import Door
    from offtake.broker.state import State
    from offtake.broker.views import LeaseView, NeedView, NoticeView

NARROW = 84  # Columns below which needs and leases are lines, and not tables.
STAGES = {
    "pending": "others are asked",
    "noticed": "waits for an answer",
    "overflow": "at the market",
    "accepted": "taken by holders; to be awarded",
}


def status_through(door: Door, at: datetime | None, subject: str | None) -> dict[str, Any]:
    """Needs and leases as JSON; one of them, if it is named. Raises InvalidInput if there is none of that name."""
    standing = door.standing(at)
    return _status(standing.entries, standing.law_known_at, door.needs(at), door.leases(at), subject)


def status_of(state: State, subject: str | None) -> dict[str, Any]:
    """The same of a state that was known at some time."""
    from offtake.broker.views import leases_of, needs_of

    needs, leases = tuple(needs_of(state)), tuple(leases_of(state))
    return _status(state.seq, state.known_at, needs, leases, subject)


def _status(
    entries: int,
    known_at: date,
    all_needs: Sequence[NeedView],
    all_leases: Sequence[LeaseView],
    subject: str | None,
) -> dict[str, Any]:
    needs = [one for one in all_needs if subject in (None, one.id)]
    leases = [one for one in all_leases if subject in (None, one.id, one.need)]
    if subject is not None and not needs and not leases:
        raise InvalidInput(f"there is no need or lease `{subject}`", hint="`offtake broker status` lists all")
    return {
        "entries": entries,
        "law_known_at": known_at.isoformat(),
        "needs": [_need(one) for one in needs],
        "leases": [_lease(one) for one in leases],
    }


def _need(need: NeedView) -> dict[str, Any]:
    return {
        "id": need.id,
        "party": need.party,
        "stage": need.stage,
        "quantity": str(need.quantity),
        "measure": need.measure,
        "from": need.begins.isoformat(),
        "until": need.ends.isoformat(),
        "left": str(need.left),
        "version": need.version,
        "notices": [_notice(notice) for notice in need.notices],
        "bids": [
            {
                "id": bid.id,
                "supply": bid.supply,
                "quantity": str(bid.quantity),
                "price": str(bid.price),
                "currency": bid.currency,
            }
            for bid in need.bids
        ],
        "leases": list(need.leases),
    }


def _notice(notice: NoticeView) -> dict[str, Any]:
    return {
        "id": notice.id,
        "holder": notice.holder,
        "clause": notice.clause,
        "round": notice.round,
        "because": notice.because,
        "quantity": str(notice.quantity),
        "deadline": None if notice.deadline is None else notice.deadline.isoformat(),
        "outcome": notice.outcome,
        "taken": str(notice.taken),
        "terms_hash": notice.terms_hash,
    }


def _lease(lease: LeaseView) -> dict[str, Any]:
    return {
        "id": lease.id,
        "need": lease.need,
        "tenant": lease.tenant,
        "supplier": lease.supplier,
        "supply": lease.supply,
        "quantity": str(lease.quantity),
        "measure": lease.measure,
        "from": lease.begins.isoformat(),
        "until": lease.ends.isoformat(),
        "price": str(lease.price),
        "currency": lease.currency,
        "released": None if lease.released is None else lease.released.isoformat(),
        "discharges": list(lease.discharges),
        "version": lease.version,
    }


def show_status(found: dict[str, Any]) -> None:
    """Needs, then leases."""
    from offtake.entrypoints.cli.plan_page import page_console, page_table

    console = page_console()
    if not found["needs"] and not found["leases"]:
        console.print("No need has been filed.")
        return
    if console.width < NARROW:
        _show_lines(found)
        return
    needs = page_table(
        "Needs", "need", "for", "quantity", "from", "until", "stands", whole=("quantity", "from", "until")
    )
    for one in found["needs"]:
        needs.add_row(one["id"], one["party"] or "", _amount(one), one["from"], one["until"], _stands(one))
    console.print(needs)
    if found["leases"]:
        whole = ("of", "quantity", "from", "until")
        leases = page_table(
            "Leases", "lease", "of", "quantity", "an hour", "from", "until", whole=(*whole, "an hour")
        )
        for one in found["leases"]:
            until = one["released"] or one["until"]
            leases.add_row(one["id"], one["supply"], _amount(one), _price(one), one["from"], until)
        console.print(leases)


def _show_lines(found: dict[str, Any]) -> None:
    """The same where a table has no room."""
    for one in found["needs"]:
        whose = f" for {one['party']}" if one["party"] else ""
        typer.secho(f"{one['id']}: {_amount(one)}{whose}", bold=True)
        typer.echo(f"  {one['from']} until {one['until']}\n  {_stands(one)}")
    for one in found["leases"]:
        typer.secho(f"{one['id']}: {_amount(one)} of {one['supply']}", bold=True)
        typer.echo(f"  {one['from']} until {one['released'] or one['until']}, {_price(one)} an hour")


def _price(one: dict[str, Any]) -> str:
    return f"{plain(Decimal(one['price']))} {one['currency']}"


def _amount(one: dict[str, Any]) -> str:
    return f"{plain(Decimal(one['quantity']))} {UNITS[one['measure']]}"


def _stands(need: dict[str, Any]) -> str:
    waiting = next((notice for notice in need["notices"] if notice["outcome"] == "open"), None)
    if waiting is not None:
        until = (
            "" if waiting["deadline"] is None else f" until {waiting['deadline'][:16].replace('T', ' ')} UTC"
        )
        return f"{waiting['holder']} may answer{until}"
    if need["stage"] == "overflow":
        count = len(need["bids"])
        return f"{plain(Decimal(need['left']))} at the market, {count} bid{'' if count == 1 else 's'}"
    return STAGES.get(str(need["stage"]), str(need["stage"]))


def running(found: dict[str, Any], day: date) -> dict[str, Any]:
    """A status with those leases alone that run on a day."""
    on = day.isoformat()
    leases = [one for one in found["leases"] if one["from"] <= on < (one["released"] or one["until"])]
    return {**found, "about": on, "leases": leases}
