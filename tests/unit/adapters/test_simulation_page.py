"""The page of simulations: one file that asks nothing of a network, for one simulation and for two."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from decimal import Decimal
from pathlib import Path

import pytest

from offtake.adapters.simulation_page import simulation_report, write_simulations
from offtake.broker.simulating.answer import (
    CommitmentRow,
    JobsSaid,
    NeedRow,
    RefusalRow,
    RightRow,
    Simulated,
    SupplierRow,
    WindowRow,
)
from offtake.domain.errors import InvalidInput

NASTY = "<script>alert(1)</script>"
DAY = date(2026, 1, 5)


def need(place: int, waited: int | None) -> NeedRow:
    return NeedRow(
        id=f"{place:05}",
        party="lab",
        filed=DAY,
        begins=DAY + timedelta(days=7 * place),
        ends=DAY + timedelta(days=7 * place + 7),
        jobs=3,
        quantity=Decimal(10),
        by_right=Decimal(4),
        at_market=Decimal(5),
        unmet=Decimal(1),
        awarded=None if waited is None else DAY + timedelta(days=waited),
        waited=waited,
        late=waited is None,
        cost_micros=3_000_000_000,
    )


def window(place: int) -> WindowRow:
    return WindowRow(
        begins=DAY + timedelta(days=7 * place),
        asked=Decimal(10),
        by_right=Decimal(4),
        at_market=Decimal(5),
        unmet=Decimal(1),
        by_supplier=(("h", Decimal(4)), (NASTY, Decimal(5))),
        cost_micros=3_000_000_000,
    )


FOUND = Simulated(
    name="with a draft",
    currency="USD",
    begins=DAY,
    ends=DAY + timedelta(days=7 * 300),
    complete=True,
    until=DAY + timedelta(days=7 * 300),
    seed=7,
    trace=JobsSaid(
        name="jobs.csv", jobs=900, hours=Decimal("1234.5"), left_out=(("that never ran", 2),), any_kind=()
    ),
    assumptions=("h takes all",),
    needs=tuple(need(n, None if n == 5 else n % 4) for n in range(300)),
    windows=tuple(window(n) for n in range(300)),
    suppliers=(
        SupplierRow(supplier="h", supply="h-gpu", leases=300, by_right=300, hours=Decimal(9), cost_micros=1),
        SupplierRow(supplier=NASTY, supply="x", leases=300, by_right=0, hours=Decimal(8), cost_micros=2),
    ),
    rights=(
        RightRow(
            clause="draft.rofr",
            holder="h",
            notices=300,
            accepted=1,
            in_part=2,
            declined=3,
            lapsed=294,
            waiting=0,
            for_nothing=0,
            offered_hours=Decimal(100),
            taken_hours=Decimal(40),
        ),
    ),
    refusals=(RefusalRow(clause="draft.ceiling", command="award", count=3, example=f"too much {NASTY}"),),
    commitments=(
        CommitmentRow(
            clause="draft.spend",
            begins=DAY,
            ends=DAY + timedelta(days=30),
            measure="money",
            lower=Decimal(100),
            taken=Decimal(60),
            drawn=Decimal(0),
            short=Decimal(40),
            billed_micros=40_000_000,
            currency="USD",
            ended=True,
        ),
    ),
    entries=1200,
)


def page(*found: Simulated, folder: Path) -> str:
    path = folder / "page.html"
    write_simulations(found, path)
    return path.read_text(encoding="utf-8")


def test_the_page_needs_nothing_but_itself(tmp_path: Path) -> None:
    other = replace(FOUND, name="without a draft", rights=(), commitments=(), complete=False)
    content = page(FOUND, other, folder=tmp_path)
    assert not re.findall(r'(?:src|href)="(?!#|data:)[^"]+"', content)
    assert NASTY not in content
    assert "with a draft" in content
    assert "interrupted, until" in content
    assert "60" in content  # The percent of the commitment that was taken.


def test_every_part_of_one_simulation_is_there(tmp_path: Path) -> None:
    content = page(FOUND, folder=tmp_path)
    for said in (
        "300 notices were sent",
        "of the hours offered were taken",
        "draft.ceiling",
        "900,040",
        "h takes all",
    ):
        assert said in content, said
    # A column that would say the same in every row is left out of tables of one simulation.
    report = simulation_report([FOUND])
    tables = [block for part in report.sections for block in part.blocks if hasattr(block, "columns")]
    assert all(column.name != "under" for table in tables for column in getattr(table, "columns", ()))


def test_a_simulation_of_nothing_is_a_page_too(tmp_path: Path) -> None:
    zero = Decimal(0)
    none = replace(
        window(0), asked=zero, by_right=zero, at_market=zero, unmet=zero, by_supplier=(), cost_micros=0
    )
    empty = replace(FOUND, needs=(), windows=(none,), suppliers=(), rights=(), refusals=(), commitments=())
    assert "nothing was awarded" in page(empty, folder=tmp_path)


def test_a_page_is_html(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="no page"):
        write_simulations([FOUND], tmp_path / "page.pdf")
