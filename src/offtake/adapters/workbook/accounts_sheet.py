"""What the lines of a borrower's accounts share: the grid, the plan, and the tables that they add up."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Final

import numpy as np

from offtake.adapters.workbook.grid import Floats, Grid, Rows, quoted
from offtake.domain.handoffs import BorrowerPlan, CapacityPlan

YEAR_DAYS: Final = 365.25


@dataclass
class AccountsSheet:
    """A borrower's sheet while it is written. `spend` and `flows` are the tables of payments and of money from others;
    `money` the values of the lines so far, by name, (period,)."""

    grid: Grid
    plan: CapacityPlan
    borrower: BorrowerPlan
    spend: Rows
    flows: Rows
    money: dict[str, Floats] = field(default_factory=dict[str, Floats])

    @property
    def count(self) -> int:
        """How many periods there are."""
        return len(self.plan.periods)

    @property
    def members(self) -> tuple[str, ...]:
        """The parties whose money counts as one."""
        return (self.borrower.party, *self.borrower.consolidates)

    def by_period(self, amounts: Iterable[tuple[str, int]]) -> Floats:
        """(period,) sums of (label, cents), in units of money."""
        sums: dict[str, int] = defaultdict(int)
        for label, cents in amounts:
            sums[label] += cents
        return np.array([sums[one.label] / 100 for one in self.plan.periods])

    def drawn(self, name: str, kind: str, source: str | None = None) -> Floats:
        """A line of what the plan draws of a kind, of one source or of all."""
        wanted = [
            (flow.period, flow.amount_cents)
            for flow in self.borrower.flows
            if flow.kind == kind and source in (None, flow.source)
        ]
        more = [("kind", quoted(kind)), ("payee", quoted(self.borrower.party))]
        if source is not None:
            more.append(("source", quoted(source)))
        values = self.by_period(wanted)
        self.grid.line(
            name,
            lambda t: self.flows.sum_of("amount_cents", ("period", self.grid.label(t)), *more),
            values,
            total=True,
        )
        return values

    def added(
        self, name: str, plus: Sequence[str], minus: Sequence[str], note: str = "", *, total: bool = True
    ) -> None:
        """A line that adds other lines of its period and takes others off."""
        self.money[name] = self.grid.line(
            name,
            lambda t: (
                "+".join(self.grid.at(one, t) for one in plus)
                + "".join(f"-{self.grid.at(one, t)}" for one in minus)
            ),
            self._sum(plus) - self._sum(minus),
            note,
            total=total,
        )

    def rolled(
        self, name: str, plus: Sequence[str], minus: Sequence[str], start: float = 0.0, note: str = ""
    ) -> None:
        """A line that goes on from the period before, with other lines added and others taken off."""
        self.grid.lines[name] = self.grid.following
        self.money[name] = self.grid.line(
            name,
            lambda t: (
                self.grid.before(name, t, repr(start))
                + "".join(f"+{self.grid.at(one, t)}" for one in plus)
                + "".join(f"-{self.grid.at(one, t)}" for one in minus)
            ),
            start + np.cumsum(self._sum(plus) - self._sum(minus)),
            note,
        )

    def _sum(self, names: Sequence[str]) -> Floats:
        return sum((self.money[name] for name in names), np.zeros(self.count))
