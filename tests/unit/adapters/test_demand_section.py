"""The report's account of where the need comes from, on a small estate that was planned."""

from __future__ import annotations

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.adapters.highs import HighsSolver
from offtake.adapters.report.document import WIDE, Figure, Section, Table
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.sections.demand import demand
from offtake.adapters.report.vega import drawn
from offtake.domain.handoffs import CapacityPlan, ReportExtras
from offtake.law.compile import compile_law
from offtake.planner.planning import Question, plan
from offtake.planner.reading import position_of

TEXT = """\
offtake: 1
for: lab
horizon: {from: 2026-01-01, until: 2028-01-01, periods: year}
parties: {lab: {}}
regions: {us: {jurisdiction: US}}
latency: {pairs: {us: {us: 2 ms}}}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 50 %, goodput: 80 %, power: 2 kW, price: 40000 USD/accelerator, life: 4 years,
     source: a sheet}
sites:
  hall: {region: us, owner: lab, payer: lab, power: 40 MW, stock: [{accelerator: chip, count: 20000}]}
models: {chat: {vendor: lab, rates: {chip: {out: 1000 tokens/s}}}}
workloads:
  run:
    {kind: training, party: lab, RUN, window: {from: 2026-01-01, until: 2027-01-01}, worth: 1 million USD}
  talk:
    {kind: inference, party: lab, models: [chat], worth: 9 USD/Mtoken,
     traffic: [{region: us, in: 900000 tokens/s, out: 900000 tokens/s, growth: 100 %}]}
"""


def section_of(run: str) -> Section | None:
    loaded = load_estate_text(TEXT.replace("RUN", run))
    assert isinstance(loaded, Loaded), loaded.problems
    estate = loaded.estate
    made = plan(
        Question(estate, compile_law(estate, None), position_of(estate, ()), loaded.digest), HighsSolver()
    )
    assert isinstance(made, CapacityPlan)
    return demand(Matter(made, estate, ReportExtras()))


@pytest.fixture(scope="module")
def section() -> Section:
    found = section_of("loss: {value: 2.0, source: a target}")
    assert found is not None
    return found


def table(section: Section, id: str) -> Table:
    return next(block for block in section.blocks if isinstance(block, Table) and block.id == id)


def test_an_estate_without_a_loss_or_users_needs_no_such_section() -> None:
    assert section_of("flop: 2e23 FLOP") is None


def test_every_run_has_its_row_and_the_loss_its_chain(section: Section) -> None:
    row = table(section, "demand-runs").rows[0]
    assert row[:3] == ("run", "2", "2.47e+23")
    links = table(section, "demand-run").rows
    assert [link[0] for link in links][:4] == ["target loss", "parameters", "tokens", "training FLOP"]
    assert links[0][3] == "a target"
    assert "Besiroglu" in str(links[1][3])
    assert "Kaplan" in str(links[3][3])
    assert {link[0] for link in links} >= {"accelerators", "power", "to buy"}


def test_power_adds_runs_and_traffic_up_by_period(section: Section) -> None:
    figure = next(block for block in section.blocks if isinstance(block, Figure))
    first, second = figure.table.rows
    assert [column.name for column in figure.table.columns] == ["period", "training runs", "talk"]
    # 2.47e23 FLOP / (1e15 × 0.4 × 3,600 × 8,760) is 19.6 accelerators of 2 kW; 900,000 / 1,000 of them serve.
    assert first[1] == pytest.approx(19.6 * 2e-3, rel=0.01)
    assert first[2] == pytest.approx(900 * 2e-3, rel=0.01)
    assert second[1] == 0
    assert second[2] == pytest.approx(2 * 900 * 2e-3, rel=0.01)
    assert "talk</text>" in drawn(figure, WIDE)
