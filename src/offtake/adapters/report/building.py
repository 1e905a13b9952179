"""The report of a plan, before it is rendered: which sections there are, in which order."""

from __future__ import annotations

from collections.abc import Callable
from typing import Final

from offtake.adapters.report.document import Report, Section
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.sections.assumptions import assumptions
from offtake.adapters.report.sections.capacity import capacity
from offtake.adapters.report.sections.commitments import commitments
from offtake.adapters.report.sections.demand import demand
from offtake.adapters.report.sections.financing import financing
from offtake.adapters.report.sections.futures import futures, robust
from offtake.adapters.report.sections.headline import sentences, tiles
from offtake.adapters.report.sections.limits import limits, unmet
from offtake.adapters.report.sections.money import spending
from offtake.adapters.report.sections.places import places
from offtake.adapters.report.sections.provenance import checks, sources, terms
from offtake.adapters.report.sections.rights import rights
from offtake.adapters.report.sections.serving import serving

Part = Callable[[Matter], Section | None]
# A builder reads of power first, a company of tokens; what binds, what rests on assumptions and the sources come last.
BUILDER: Final[tuple[Part, ...]] = (
    capacity,
    spending,
    financing,
    rights,
    unmet,
    demand,
    serving,
    places,
    commitments,
)
COMPANY: Final[tuple[Part, ...]] = (
    serving,
    spending,
    financing,
    commitments,
    capacity,
    unmet,
    demand,
    rights,
    places,
)
ALWAYS: Final[tuple[Part, ...]] = (robust, futures, limits, assumptions, terms, checks, sources)


def report_of(matter: Matter) -> Report:
    """The report of a plan."""
    plan = matter.plan
    order = (*(BUILDER if matter.view == "power" else COMPANY), *ALWAYS)
    parts = [section for make in order if (section := make(matter)) is not None]
    known = f"agreements known on {plan.known_at.isoformat()}" if plan.known_at else "all agreements known"
    events = "".join(
        f", supposing {one.event}{f' about {one.about}' if one.about else ''} on {one.on.isoformat()}"
        for one in plan.events
    )
    by = {"month": "month", "quarter": "quarter", "year": "year"}[plan.period_length]
    withheld = {"prices": "prices withheld", "parties": "names withheld"}
    return Report(
        title=plan.estate,
        subtitle=" · ".join(
            (
                f"For {matter.party(plan.party)}",
                f"{plan.begins.isoformat()} to {plan.ends.isoformat()} by {by}",
                f"{known}{events}",
            )
        ),
        labels=("arithmetic checked", plan.says, *(withheld[one] for one in plan.redacted)),
        sentences=sentences(matter),
        tiles=tiles(matter),
        sections=tuple(parts),
        facts={"inputs": plan.estate_digest[:16], "source": matter.source()},
    )
