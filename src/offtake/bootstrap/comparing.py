"""Two plans side by side, from plans as files, estates, or one estate under two laws."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from offtake.adapters.estate_yaml import Loaded
from offtake.bootstrap.estates import law_of, position, supposed
from offtake.bootstrap.planning import known_clause, question
from offtake.domain.comparisons import Comparison, MovedClause
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from offtake.domain.handoffs import CapacityPlan
    from offtake.planner.planning import Question
    from offtake.planner.ports import Method


@dataclass(frozen=True, slots=True)
class Differing:
    """How the two plans differ where they are of one estate, or both of estates.

    `known_at` holds none, one day for both, or one for each; clauses are dropped and events supposed in the second.
    """

    known_at: Sequence[date] = ()
    dropped: Sequence[str] = ()
    events: Sequence[str] = ()
    party: str | None = None

    def __bool__(self) -> bool:
        return bool(self.known_at or self.dropped or self.events or self.party)


def plan_file(path: Path) -> Path | None:
    """The plan's file that a path names: itself if it ends in .json, `plan.json` in it if it is a folder."""
    if path.is_dir():
        return path / "plan.json"
    return path if path.suffix.lower() == ".json" else None


def read_plan(path: Path) -> CapacityPlan:
    """A plan from its file. Raises InvalidInput if it is none."""
    from offtake.adapters.plan_files import read_plan as read

    return read(path)


def questions(
    first: Loaded,
    second: Loaded | None,
    differing: Differing,
    method: Method,
    time_limit_s: float,
) -> tuple[Question, Question, tuple[MovedClause, ...]]:
    """The two questions, and how their laws differ.

    Raises InvalidInput if nothing is to differ, or for an unknown party, event or clause.
    """
    from offtake.law.differences import differences

    days = list(differing.known_at)
    if len(days) > 2:
        raise InvalidInput("two days at most can be compared", hint="give --known-at once or twice")
    if second is None and not (len(days) == 2 or differing.dropped or differing.events):
        raise InvalidInput(
            "there is nothing to compare it with",
            hint="name a second plan or estate, or give --known-at twice, --drop or --event",
        )
    of_days: list[date | None] = [days[0], days[-1]] if days else [None, None]
    one = question(first, of_days[0], (), differing.party, method, time_limit_s)
    other = question(second or first, of_days[1], (), differing.party, method, time_limit_s)
    law = law_of(other.estate, of_days[1])
    for clause in differing.dropped:
        law = law.without(known_clause(other.law, clause))
    happened = supposed(other.estate, differing.events)
    other = replace(other, law=law, position=position(other.estate, happened))
    if second is None:  # One estate: its periods are cut alike, so that nothing differs but what was asked.
        cuts = (*one.law.dates, *law.dates, *(event.on for event in happened))
        one, other = replace(one, cuts=cuts), replace(other, cuts=cuts)
    return one, other, differences(one.law, other.law)


def names_of(first: Path, second: Path | None, differing: Differing) -> tuple[str, str]:
    """What to call the two, by what they differ in."""
    days = list(differing.known_at)
    changes = [
        *(f"without {one}" for one in differing.dropped),
        *(f"supposing {one}" for one in differing.events),
    ]
    if second is None and len(days) < 2:
        return "as agreed", ", ".join(changes)
    if second is None:
        return f"known on {days[0]}", ", ".join((f"known on {days[1]}", *changes))
    names = _apart(first, second)
    if len(days) == 2:
        names = (f"{names[0]} known on {days[0]}", f"{names[1]} known on {days[1]}")
    return names[0], ", ".join((names[1], *changes))


def _apart(first: Path, second: Path) -> tuple[str, str]:
    """The shortest ends of two paths that tell them apart, without what plans' files are all called."""
    one, other = (
        path.parent.parts if path.name in ("plan.json", "estate.yaml") and path.parent.parts else path.parts
        for path in (first, second)
    )
    for count in range(1, max(len(one), len(other)) + 1):
        names = ("/".join(one[-count:]), "/".join(other[-count:]))
        if names[0] != names[1]:
            return names
    return f"{first} (first)", f"{second} (second)"


def compare(
    one: CapacityPlan, other: CapacityPlan, names: tuple[str, str], clauses: Sequence[MovedClause] = ()
) -> Comparison:
    """Two plans side by side. Raises InvalidInput if they cannot be."""
    from offtake.planner.comparison import compared

    return compared(one, other, names, clauses)


def write_page(found: Comparison, path: Path) -> None:
    """The comparison as one page that needs no network. Raises InvalidInput for a name that does not end in .html,
    StorageFailure if it cannot be written."""
    from offtake.adapters.comparison_page import write_comparison

    write_comparison(found, path)
