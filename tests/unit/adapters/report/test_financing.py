"""The report's page of money: its numbers are the accounts', and it speaks of a gap only where there is one."""

from __future__ import annotations

import pytest

from offtake.adapters.report.building import report_of
from offtake.adapters.report.document import Figure, Section
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.vega import on_page
from offtake.domain.handoffs import ReportExtras
from offtake.planner.finance.statements import accounts_of
from planned import loaded, planned

ESTATE = """
offtake: 1
name: financed
for: lab
currency: USD
horizon: {from: 2026-01-01, until: 2031-01-01, periods: quarter, discount: 8 %}
parties: {lab: {}, builder: {name: The Builder}, owners: {}, bank: {}}
providers: {n: {party: builder}}
regions: {here: {jurisdiction: DE}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW, price: 30000 USD/accelerator, life: 5 years, lead: 6 months}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
sites:
  hall: {region: here, provider: n, owner: builder, tenant: lab, power: [{value: 20 MW}], builds: [chip],
    rent: 1.80 USD/accelerator-hour, energy_price: 50 USD/MWh}
workloads:
  chat: {kind: inference, party: lab, models: [m], worth: 20 USD per million tokens,
    traffic: [{region: here, in: 0 tokens/s, out: 100000 tokens/s, growth: 30 %}]}
finance:
  builder:
    dscr: 1.2
    gap_price: 1 %
    sources:
      own: {kind: equity, provider: owners, amount: 8 million USD, assumed: true}
      loan: {kind: debt, provider: bank, amount: 10 million USD, from: 2026-01-01, until: 2027-01-01, interest: 6 %,
        term: 3 years}
"""


def section(text: str) -> tuple[Section, Matter]:
    matter = Matter(planned(text), loaded(text).estate, ReportExtras())
    return next(one for one in report_of(matter).sections if one.id == "financing"), matter


def figures(one: Section) -> dict[str, Figure]:
    return {block.id: block for block in one.blocks if isinstance(block, Figure)}


@pytest.fixture(scope="module")
def short() -> tuple[Section, Matter]:
    return section(ESTATE)


def test_a_gap_is_said_first_and_with_its_day(short: tuple[Section, Matter]) -> None:
    lead = short[0].lead
    assert lead.startswith("The Builder builds for USD ")
    assert "nobody has promised, from 2026-01-01 on." in lead


def test_without_a_gap_it_says_so() -> None:
    found, _ = section(ESTATE.replace("8 million", "800 million"))
    assert "no gap opens" in found.lead
    assert not any("nobody" in str(row) for row in figures(found)["paid-with"].table.rows)


def test_its_numbers_are_those_of_the_accounts(short: tuple[Section, Matter]) -> None:
    found, matter = short
    accounts = accounts_of(matter.plan, matter.plan.finance[0])
    scale = 1_000_000_000_000  # Micro-units in a million.
    paid = sum(float(str(row[2])) for row in figures(found)["paid-with"].table.rows)
    assert paid == pytest.approx(sum(one.uses for one in accounts.periods) / scale, rel=1e-6)
    steps = {str(row[0]): float(str(row[1])) for row in figures(found)["promised"].table.rows}
    assert steps["committed"] == 18
    assert steps["drawn"] + steps["own receipts"] + steps["the gap"] == pytest.approx(steps["paid"])
    owed = [float(str(row[1])) for row in figures(found)["debt"].table.rows]
    assert owed == pytest.approx([one.debt / scale for one in accounts.periods], abs=1e-9)
    rows = figures(found)["sources-uses"].table.rows
    sides = {side: sum(float(str(row[2])) for row in rows if row[0] == side) for side in ("from", "for")}
    assert sides["from"] == pytest.approx(sides["for"])


def test_every_figure_draws_for_a_page_and_for_a_phone(short: tuple[Section, Matter]) -> None:
    for figure in figures(short[0]).values():
        for drawing in on_page(figure):
            assert drawing.startswith("<svg")


def test_promises_that_are_assumed_are_named(short: tuple[Section, Matter]) -> None:
    assert any("Assumed, not reported: own." in str(block) for block in short[0].blocks)


def test_an_estate_without_finance_has_no_such_page() -> None:
    text = ESTATE[: ESTATE.index("finance:")]
    report = report_of(Matter(planned(text), loaded(text).estate, ReportExtras()))
    assert "financing" not in {one.id for one in report.sections}
