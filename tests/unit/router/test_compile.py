"""A routing table of an estate: what it offers, what the law leaves, and what reserved throughput is kept for."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.law.compile import compile_law
from offtake.router.balances import Balances, Opening
from offtake.router.breakers import Breaker
from offtake.router.compile import compile_table
from offtake.router.table import PICO, Profile, RoutingTable, Tiers, Tokens
from offtake.router.worth import cost_of

ESTATE = Path(__file__).parents[3] / "examples" / "company" / "estate.yaml"
DAY = date(2026, 6, 1)
PROFILES = (
    Profile("assistant", "assistant", "munich"),
    Profile("drafts", "drafts", "munich"),
    Profile("extraction", "extraction", "munich"),
)


def company(**changes: Any) -> Estate:
    whole = yaml.safe_load(ESTATE.read_text())
    del whole["futures"]  # As a file writes it; the router asks nothing of it.
    for deployment in whole["deployments"].values():
        deployment["endpoint"] = {"url": "http://127.0.0.1:9/v1"}
    for id, change in changes.items():
        whole["workloads"][id].update(change)
    return Estate.model_validate(whole)


def table_of(estate: Estate, day: date = DAY) -> RoutingTable:
    return compile_table(estate, compile_law(estate), Position(), day, PROFILES)


def test_the_law_leaves_eu_data_what_is_processed_in_europe() -> None:
    entry = table_of(company()).entries["assistant", "atlas"]
    assert [c.id for c in entry.candidates] == [
        "alpha-frankfurt-atlas/alpha-reserved",
        "alpha-frankfurt-atlas/alpha-by-use",
    ]
    assert {b.supply: b.reasons[0].origin.clause for b in entry.barred} == {
        "alpha-stockholm-atlas-global/alpha-by-use-global": "customers.residency"
    }
    assert "customers.residency" in entry.clauses


def test_prices_are_exact_by_token_and_reserved_throughput_costs_nothing_more() -> None:
    reserved, by_use = table_of(company()).entries["assistant", "atlas"].candidates
    assert reserved.price.of(Tokens(1000, 1000, 1000)) == 0
    assert by_use.price.of(Tokens(1_000_000, 1_000_000, 1_000_000)) == round((2.30 + 1.15 + 9.20) * PICO)


def test_a_reservation_is_what_is_held_on_the_day() -> None:
    def capacity(day: date) -> int:
        return next(p.capacity for p in table_of(company(), day).pools if p.id == "alpha-reserved")

    assert capacity(DAY) == 60 * 60 * PICO  # 60 units for 60 seconds.
    assert capacity(date(2027, 6, 1)) == 0
    reserved = table_of(company()).entries["assistant", "atlas"].candidates[0]
    assert reserved.draws is not None
    assert reserved.draws.of(Tokens(42, 0, 0)) == pytest.approx(PICO)


def test_money_meters_count_in_their_own_currency_and_tiers_by_the_month() -> None:
    table = table_of(company())
    by_use = table.entries["assistant", "atlas"].candidates[1]
    meters = {table.meters[c.meter].id: c for c in by_use.charges}
    assert {"alpha-cloud.spend", "house-rules.year"} <= set(meters)
    load = Balances(table, noon())
    # A million tokens, read: the first four billion of a month are screened for nothing.
    assert cost_of(table, by_use, Tokens(1_000_000, 0, 0), load, noon()) == round(2.30 * PICO)
    later = Balances(table, noon(), Opening({}, {"alpha-cloud.screening": 4_000_000_000}))
    assert cost_of(table, by_use, Tokens(1_000_000, 0, 0), later, noon()) == round(2.35 * PICO)


def noon() -> float:
    return 1_780_315_200.0  # 2026-06-01 12:00 UTC


def test_stand_ins_have_the_quality_that_the_class_asks_for() -> None:
    assert table_of(company()).stand_ins["extraction"] == frozenset()
    asked = company(extraction={"quality": 50})
    models = {**asked.models, "open-70b": asked.models["open-70b"].model_copy(update={"quality": figure(80)})}
    table = table_of(asked.model_copy(update={"models": models}))
    assert table.stand_ins["extraction"] == frozenset({"open-70b"})


def figure(amount: int) -> Any:
    return Estate.model_validate(
        {"offtake": 1, "horizon": {"from": DAY, "until": date(2027, 1, 1)}, "models": {"m": {"quality": amount}}}
    ).models["m"].quality  # fmt: skip


def test_who_has_nowhere_else_is_known_from_the_estate() -> None:
    estate = company()
    only_reserved = {"products": ("alpha-reserved",)}
    deployments = {
        id: d.model_copy(update=only_reserved) if id == "alpha-frankfurt-atlas" else d
        for id, d in estate.deployments.items()
    }
    table = table_of(estate.model_copy(update={"deployments": deployments}))
    pool = next(p for p in table.pools if p.id == "alpha-reserved")
    # 1,400 tokens/s in at 42 and 230 out at 10.5 a unit, from Munich.
    assert pool.captive_rate == pytest.approx((1400 / 42 + 230 / 10.5) * PICO)
    assert pool.worth > 0
    assert table.entries["drafts", "atlas"].captive_of == frozenset()


def test_a_version_tells_what_a_table_was_made_from() -> None:
    assert table_of(company()).version == table_of(company()).version
    assert table_of(company()).version != table_of(company(), date(2026, 6, 2)).version


def test_counts_go_on_under_a_new_table() -> None:
    table = table_of(company())
    load = Balances(table, noon())
    candidate = table.entries["assistant", "atlas"].candidates[1]
    tokens = Tokens(1000, 0, 100)
    hold = load.hold(candidate, tokens, tokens, noon(), captive=False)
    place = next(c.meter for c in candidate.charges if table.meters[c.meter].id == "house-rules.year")
    before = load.meter(place, noon())
    fresh = table_of(company(), date(2026, 6, 2))
    load.adopt(fresh, noon() + 86_400)
    place = next(n for n, m in enumerate(fresh.meters) if m.id == "house-rules.year")
    assert load.meter(place, noon() + 86_400) == before
    load.settle(hold, None, noon() + 86_400)
    assert load.meter(place, noon() + 86_400) == 0


@pytest.mark.parametrize(
    ("marginal", "tokens", "cost"), [(True, 150, 400), (False, 150, 300), (True, 100, 300), (False, 100, 300)]
)
def test_tiers_are_marginal_or_for_all_units(marginal: bool, tokens: int, cost: int) -> None:
    from offtake.law.primitives import Origin

    steps: tuple[tuple[int | None, int], ...] = ((100, 3), (None, 2))
    assert Tiers("t", Origin("a.t"), steps, marginal, "month", DAY, None, 0).total(tokens) == cost


def test_what_runs_when_a_table_is_replaced_settles_at_its_own_tiers() -> None:
    table = table_of(company())
    load = Balances(table, noon(), Opening({}, {"alpha-cloud.screening": 3_999_000_000}))
    by_use = table.entries["assistant", "atlas"].candidates[1]
    most, used = Tokens(4_000_000, 0, 0), Tokens(1_000_000, 0, 0)
    hold = load.hold(by_use, used, most, noon(), captive=False)
    load.adopt(replace(table, tiers=(), meters=()), noon())
    # Its own hold does not push it into the next tier: the first million is still free of screening.
    assert load.settle(hold, used, noon()) == round(2.30 * PICO)


def test_a_breaker_opens_after_failures_in_a_row_and_lets_one_probe_through() -> None:
    breaker = Breaker()
    for _ in range(4):
        breaker.failed(0.0)
    breaker.succeeded()
    for _ in range(5):
        assert breaker.lets_through(0.0)
        breaker.failed(0.0)
    assert not breaker.lets_through(0.5)
    assert breaker.lets_through(1.0)
    breaker.sent(1.0)
    assert not breaker.lets_through(1.0)
    breaker.failed(1.0)
    assert not breaker.lets_through(2.9)
    breaker.sent(3.0)
    breaker.succeeded()
    assert breaker.lets_through(3.0)


def test_a_breaker_rests_as_long_as_it_was_told_to() -> None:
    breaker = Breaker()
    breaker.failed(0.0, retry_after_s=7.0)
    assert not breaker.lets_through(6.9)
    assert breaker.lets_through(7.0)
    breaker.failed(7.0, retry_after_s=1e9)
    assert breaker.lets_through(67.0)
