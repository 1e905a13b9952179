"""Programmes that announce money: each with all that is part of it, beside the capital that the plan spends for it."""

from __future__ import annotations

from dataclasses import dataclass

from offtake.adapters.report.matter import Matter


@dataclass(frozen=True, slots=True)
class ProgrammeTotal:
    """What a programme announced, and the plan's capital at its sites (cents); None if it has no site here."""

    name: str
    announced: float
    spent: float | None


def programme_totals(matter: Matter) -> tuple[ProgrammeTotal, ...]:
    """Programmes with money that are part of no other and were known, in the estate's order."""
    found: list[ProgrammeTotal] = []
    estate, plan = matter.estate, matter.plan
    for id, programme in estate.programmes.items():
        hidden = (
            plan.known_at is not None
            and programme.announced is not None
            and programme.announced > plan.known_at
        )
        if programme.money is None or programme.part_of is not None or hidden:
            continue
        if programme.money.currency not in (None, plan.currency):
            continue
        family = _family(matter, id)
        sites = {site for site, one in estate.sites.items() if one.part_of in family}
        spent = sum(
            row.amount_cents
            for row in plan.spend
            if row.kind == "capital" and row.supply.split("/")[0] in sites
        )
        found.append(
            ProgrammeTotal(programme.name or id, programme.money.value * 100, spent if sites else None)
        )
    return tuple(found)


def _family(matter: Matter, id: str) -> set[str]:
    found = {id}
    grown = True
    while grown:
        more = {one for one, entry in matter.estate.programmes.items() if entry.part_of in found} - found
        grown = bool(more)
        found |= more
    return found
