"""The page of a comparison: one file that asks nothing of a network, with every number that the comparison holds."""

from __future__ import annotations

import re
from datetime import date
from pathlib import Path

import pytest

from offtake.adapters.comparison_page import comparison_report, write_comparison
from offtake.adapters.report.page import page_of
from offtake.domain.comparisons import (
    ComparedPlan,
    Comparison,
    MovedAccount,
    MovedCapacity,
    MovedClause,
    MovedMoney,
    MovedService,
    MovedUnmet,
    MovedYear,
)
from offtake.domain.errors import InvalidInput

NASTY = "<script>alert(1)</script>"


def side(name: str, cents: int) -> ComparedPlan:
    return ComparedPlan(
        name=name,
        estate="An estate",
        party="us",
        known_at=None,
        events=(),
        begins=date(2026, 1, 1),
        ends=date(2028, 1, 1),
        cost_cents=cents,
        unmet_worth_cents=0,
        cover=1.0,
        training_done=1.0,
    )


FOUND = Comparison(
    currency="USD",
    first=side("as agreed", 1_000_000_000),
    second=side(f"without {NASTY}", 900_000_000),
    money=(MovedMoney(payee="cloud", kind="lease", first_cents=1_000_000_000, second_cents=900_000_000),),
    accounts=(
        MovedAccount(payer="us", payee="cloud", first_cents=1_100_000_000, second_cents=1_000_000_000),
    ),
    years=(
        MovedYear(year=2026, first_cents=500_000_000, second_cents=450_000_000),
        MovedYear(year=2027, first_cents=-5_000_000, second_cents=550_000_000),
    ),
    capacity=(
        MovedCapacity(
            supply="hall/chip",
            unit="accelerators",
            first_most=10,
            second_most=20,
            first_power_mw=3000,
            second_power_mw=6000,
            first_adds_from=None,
            second_adds_from=date(2026, 4, 1),
        ),
    ),
    service=(MovedService(workload="chat", provider="cloud", first_share=0.25, second_share=1.0),),
    unmet=(MovedUnmet(workload="chat", why="not enough", first_cents=0, second_cents=0),),
    clauses=(MovedClause(clause="a.b", first="at most 10", second=None, document="the deal", section="4"),),
    remarks=("A remark.",),
    says="the best case with perfect foresight, not a forecast",
)


def page() -> str:
    return page_of(comparison_report(FOUND))


def test_nothing_is_fetched_and_nothing_runs_but_the_page_s_own_script() -> None:
    content = page()
    assert not re.search(r"""(?:src|href)=["'](?!#|data:)""", content)
    assert "default-src 'none'" in content
    assert content.count("<script") == 1
    assert NASTY not in content


def test_every_part_of_the_comparison_is_there() -> None:
    content = page()
    for text in (
        "cloud",
        "hall/chip",
        "2026-04-01",
        "at most 10",
        "not agreed",
        "the deal, 4",
        "A remark.",
        "chat",
    ):
        assert text in content, text
    for title in ("What it costs, and by whom", "What moved", "Who serves whom", "How the law differs"):
        assert title in content


def test_the_same_comparison_gives_the_same_bytes() -> None:
    assert page() == page()


def test_an_empty_comparison_still_makes_a_page() -> None:
    bare = FOUND.model_copy(
        update={"money": (), "accounts": (), "capacity": (), "service": (), "unmet": (), "clauses": ()}
    )
    assert "Spending by year" in page_of(comparison_report(bare))


def test_another_ending_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match=r"no page"):
        write_comparison(FOUND, tmp_path / "out.pdf")
    write_comparison(FOUND, tmp_path / "new" / "out.html")
    assert [path.name for path in (tmp_path / "new").iterdir()] == ["out.html"]
