"""The examples' plans with what a report shows beside them, for the tests of what is written from them."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from pathlib import Path

from offtake.adapters.estate_yaml import Loaded
from offtake.adapters.report.building import report_of
from offtake.adapters.report.document import Figure, Report
from offtake.adapters.report.matter import Matter
from offtake.bootstrap import planning
from offtake.bootstrap.estates import read_estate
from offtake.domain.estate import Estate
from offtake.domain.handoffs import CapacityPlan, ClausePrice, ReportExtras, SensitivityRow
from offtake.domain.numbers import figures_of

EXAMPLES = Path(__file__).parents[2] / "examples"


@dataclass(frozen=True)
class Reported:
    """A plan, its estate, and extras that were made up: nothing is solved for them."""

    plan: CapacityPlan
    estate: Estate
    extras: ReportExtras

    @property
    def matter(self) -> Matter:
        return Matter(self.plan, self.estate, self.extras)

    @property
    def report(self) -> Report:
        return report_of(self.matter)

    def figure(self, id: str) -> Figure:
        """A figure of the report by its id."""
        return next(one for one in self.report.figures if one.id == id)


@cache
def reported(example: str) -> Reported:
    """An example (`company` or `stargate`), planned once for all tests of a process."""
    read = read_estate(EXAMPLES / example / "estate.yaml")
    assert isinstance(read, Loaded)
    plan = planning.plan(planning.question(read, None, [], None, "auto", 120.0), None)
    assert isinstance(plan, CapacityPlan)
    return Reported(plan, read.estate, _extras(plan, read.estate))


def _extras(plan: CapacityPlan, estate: Estate) -> ReportExtras:
    clauses = sorted({row.clause for row in plan.meters})
    prices = tuple(
        ClausePrice(
            clause=clause,
            document="a document",
            section=f"§ {n}",
            with_clause_cents=1_000_000_07 + n * 1_234_567,
            without_clause_cents=1_000_000_07,
            price_cents=n * 1_234_567,
            currency=plan.currency,
        )
        for n, clause in enumerate(clauses[:4])
    )
    assumed = [(path, figure) for path, figure in figures_of(estate) if figure.assumed][:6]
    moved = tuple(
        SensitivityRow(
            path=path,
            text=figure.text,
            source=None,
            assumed=True,
            down_cents=-(n + 1) * 7_654_321,
            up_cents=(n + 2) * 6_543_210,
            solved=n < 3,
        )
        for n, (path, figure) in enumerate(assumed)
    )
    return ReportExtras(
        clause_prices=prices,
        clauses_not_priced=tuple(clauses[4:]),
        sensitivities=moved,
        cost_on_assumptions=0.74,
    )
