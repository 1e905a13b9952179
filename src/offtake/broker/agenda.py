"""What happens by itself at a time, in the order of time. A frozen value that shares what did not change.

A tuple of sorted runs: to add or take out costs one run and the tuple of runs, however much is due.
"""

from __future__ import annotations

from bisect import bisect_left, bisect_right, insort
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Final, TypeAlias

from immutables import Map

LONGEST_RUN: Final = 256

# A notice of a need lapses, or its rights revive: when, of which need, and what.
Due: TypeAlias = tuple[datetime, str, str]


@dataclass(frozen=True, slots=True)
class Agenda:
    """Everything that is due. `when` has each by its name, which is unique; it alone tells agendas apart."""

    when: Map[str, tuple[datetime, str]] = field(default_factory=Map[str, tuple[datetime, str]])
    runs: tuple[tuple[Due, ...], ...] = field(default=(), compare=False)

    @staticmethod
    def of(due: Iterable[Due]) -> Agenda:
        """The agenda of what is due, in whatever order it is given."""
        ordered = sorted(due)
        runs = tuple(
            tuple(ordered[n : n + LONGEST_RUN // 2]) for n in range(0, len(ordered), LONGEST_RUN // 2)
        )
        return Agenda(Map((what, (at, need)) for at, need, what in ordered), runs)

    @property
    def first(self) -> Due | None:
        """What is due next."""
        return self.runs[0][0] if self.runs else None

    def __len__(self) -> int:
        return len(self.when)

    def __iter__(self) -> Iterator[Due]:
        for run in self.runs:
            yield from run

    def plus(self, at: datetime, need: str, what: str) -> Agenda:
        """The agenda with something more due; if it was due at another time, it is no longer due then."""
        if what in self.when:
            return self.minus(what).plus(at, need, what)
        one = (at, need, what)
        place = self._place(one)
        run = list(self.runs[place]) if self.runs else []
        insort(run, one)
        cut = [tuple(run)]
        if len(run) > LONGEST_RUN:
            cut = [tuple(run[: LONGEST_RUN // 2]), tuple(run[LONGEST_RUN // 2 :])]
        return Agenda(self.when.set(what, (at, need)), (*self.runs[:place], *cut, *self.runs[place + 1 :]))

    def minus(self, what: str) -> Agenda:
        """The agenda without something; the same if it is not due."""
        found = self.when.get(what)
        if found is None:
            return self
        one = (*found, what)
        place = self._place(one)
        run = self.runs[place]
        at = bisect_left(run, one)
        left = run[:at] + run[at + 1 :]
        runs = (*self.runs[:place], *((left,) if left else ()), *self.runs[place + 1 :])
        return Agenda(self.when.delete(what), runs)

    def _place(self, one: Due) -> int:
        """The run that something is in, or belongs in."""
        return max(bisect_right(self.runs, one, key=lambda run: run[0]) - 1, 0)
