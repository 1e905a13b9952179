"""The page of plans for many futures: one file that asks nothing of a network, with every order and future on it."""

from __future__ import annotations

import json
import re
from datetime import date
from pathlib import Path

import pytest

from offtake.adapters.recourse_files import write_rolling, write_stochastic
from offtake.adapters.recourse_page import page_report
from offtake.adapters.report.page import page_of
from offtake.domain.handoffs import CheckRow
from offtake.domain.recourse import (
    FreshFutures,
    FutureRow,
    LaterOrder,
    OrderNow,
    RolledFuture,
    RolledOrder,
    RollingPlan,
    Rule,
    StochasticPlan,
    Thing,
)

NASTY = "<script>alert(1)</script>"
BEGINS, UNTIL, ENDS = date(2026, 1, 1), date(2026, 7, 1), date(2028, 1, 1)


def thing(supply: str, power_mw: float = 0.002) -> Thing:
    site, _, _ = supply.partition("/")
    return Thing(
        kind="build", supply=supply, site=site, unit="accelerators", power_mw_per_unit=power_mw, owner="us"
    )


def future(name: str, cost: int, known: int) -> FutureRow:
    return FutureRow(
        name=name,
        about=NASTY,
        probability=0.5,
        weighed_cents=cost,
        cost_cents=cost,
        unmet_worth_cents=7,
        gap_cents=0,
        known_cents=known,
        regret_cents=cost - known,
    )


def many(*, one_future: int | None = 3_400_000) -> StochasticPlan:
    return StochasticPlan(
        estate="An estate",
        estate_digest="",
        party="us",
        known_at=None,
        events=(),
        currency="EUR",
        begins=BEGINS,
        ends=ENDS,
        discount_per_year=0.1,
        rule=Rule(
            decided_until=UNTIL,
            days=(),
            groups=(),
            level=0.95,
            weight=0.0,
            way="benders",
            later="fractions",
            rounds=7,
            refused=0,
            columns=10,
            rows=10,
            entries=30,
            decisions=2,
        ),
        finished=False,
        weighed_cents=3_000_000,
        at_least_cents=2_990_000,
        mean_cents=3_000_000,
        worst_mean_cents=4_000_000,
        known_cents=2_500_000,
        one_future_cents=one_future,
        one_future_cannot=() if one_future else ("dear",),
        information_cents=500_000,
        stochastic_cents=None if one_future is None else one_future - 3_000_000,
        orders=(
            OrderNow(
                thing=thing("hall/chip"),
                period="2026Q1",
                by=BEGINS,
                serves_from=UNTIL,
                quantity=1000.0,
                in_one_future=1500.0,
                known_least=500.0,
                known_middle=1100.0,
                known_most=2500.0,
            ),
        ),
        later=(
            LaterOrder(
                thing=thing("annex/chip"),
                probability=0.5,
                period="2026Q3",
                by=UNTIL,
                serves_from=date(2027, 1, 1),
                middle=400.0,
                most=400.0,
                futures=("dear",),
            ),
        ),
        ruled_out=(),
        futures=(future("dear", 4_000_000, 3_200_000), future("cheap", 2_000_000, 1_800_000)),
        fresh=FreshFutures(
            count=9, cannot=1, mean_cents=3_100_000, low_cents=2_600_000, high_cents=3_600_000
        ),
        checks=(CheckRow(name="row_violation", value=0.0, tolerance=1e-6, passed=True),),
        says="the least expected cost",
    )


def rolled() -> RollingPlan:
    row = RolledFuture(
        name="dear",
        about="",
        probability=1.0,
        rolled_cents=3_300_000,
        once_cents=3_900_000,
        stochastic_cents=3_100_000,
        known_cents=2_500_000,
    )
    order = RolledOrder(thing=thing("hall/chip"), on=BEGINS, probability=1.0, least=1.0, middle=1.0, most=1.0)
    return RollingPlan(
        estate="An estate",
        estate_digest="",
        party="us",
        known_at=None,
        currency="EUR",
        begins=BEGINS,
        ends=ENDS,
        days=(BEGINS, UNTIL),
        finished=True,
        compared=1,
        rolled_cents=3_300_000,
        once_cents=3_900_000,
        stochastic_cents=3_100_000,
        known_cents=2_500_000,
        futures=(row,),
        orders=(order,),
        stochastic=many(),
    )


def words(page: str) -> str:
    return re.sub(r"\s+", " ", re.sub(r"<[^>]+>", " ", page))


@pytest.mark.parametrize("plan", [many(), many(one_future=None), rolled()], ids=["many", "none", "rolled"])
def test_the_page_holds_the_orders_and_the_futures_and_asks_for_nothing(
    plan: StochasticPlan | RollingPlan,
) -> None:
    page = page_of(page_report(plan))
    said = words(page)
    for part in (
        "Commit to 2 MW (1,000 accelerators) of chip at hall now, in 2026Q1; 1 MW (500 accelerators) of it",
        "Keep the option on chip at annex until 2026Q3: 50 % of futures take it",
        "Every future, those first that regret most",
        "interrupted: the best so far" if isinstance(plan, StochasticPlan) else "Deciding again and again",
    ):
        assert part in said
    assert NASTY not in page
    assert not re.search(r"(?:src|href)=\"(?:https?:)?//", page)


def test_what_cannot_be_carried_out_has_no_price() -> None:
    said = words(page_of(page_report(many(one_future=None))))
    assert "its orders cannot be carried out in 1 future" in said
    assert "orders of the plan for one future" not in said


def test_the_files_are_whole_and_the_same_twice(tmp_path: Path) -> None:
    first = {path.name: path.read_bytes() for path in write_stochastic(many(), tmp_path / "one")}
    second = {path.name: path.read_bytes() for path in write_stochastic(many(), tmp_path / "two")}
    assert first == second
    assert set(first) == {
        "stochastic.json",
        "stochastic.html",
        "orders-now.csv",
        "orders-later.csv",
        "futures.csv",
    }
    assert StochasticPlan.model_validate_json(first["stochastic.json"]) == many()
    names = {path.name for path in write_rolling(rolled(), tmp_path / "three")}
    assert names == {"rolling.json", "rolling.html", "orders-rolled.csv", "futures-rolled.csv"}
    assert json.loads((tmp_path / "three" / "rolling.json").read_text())["compared"] == 1
