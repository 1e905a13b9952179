"""Futures that are the same whoever draws them, and draws that follow what is stated."""

from __future__ import annotations

from datetime import date
from decimal import Decimal
from itertools import pairwise
from math import asin, exp, inf, log, pi, sqrt

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.domain.estate import Estate
from offtake.domain.futures import distributions as dist
from offtake.domain.workloads import InferenceClass
from offtake.planner.futures.sampling import Sampler, draw, uniforms_of

BASE = """\
offtake: 1
horizon: {from: 2026-01-01, until: 2028-01-01}
parties: {us: {}, them: {}}
providers: {cloud: {party: them}}
regions: {here: {jurisdiction: DE}}
accelerators: {gpu: {price: 30000 USD/accelerator, power: 1 kW, life: 5 years}}
sites:
  plant:
    region: here
    status: contracted
    power: [{value: 3 MW from 2026-01-01, status: energised}, {value: 9 MW from 2026-07-01}]
    builds: [gpu]
models: {m: {launched: 2025-01-01, rates: {gpu: {out: 100 tokens/s}}}}
products:
  tokens: {kind: tokens, provider: cloud, prices: {m: {in: 1 USD/Mtoken, out: 2 USD/Mtoken}}}
deployments: {d: {provider: cloud, region: here, model: m, products: [tokens], may_process_in: [DE]}}
workloads:
  chat:
    kind: inference
    models: [m]
    worth: 9 USD/Mtoken
    traffic: [{region: here, in: 10 tokens/s, out: 5 tokens/s, growth: 40 %}]
events: {end: {name: an end}}
agreements:
  house:
    between: [us, them]
    signed: 2025-01-01
    clauses:
      cap: {kind: ceiling, measure: tokens, upper: 4 billion tokens, window: month, covers: {providers: [cloud]}}
      first: {kind: first-refusal, holder: them, measure: accelerators}
answers: [{clause: house.first, offers: 60 accelerators}]
futures:
  variables:
"""


def estate(variables: str, correlations: str = "") -> Estate:
    found = load_estate_text(BASE + variables + correlations)
    assert isinstance(found, Loaded), found
    return found.estate


MANY = """\
    need: {demand: chat, kind: growth, volatility: 30 %, assumed: true}
    other: {price: tokens, kind: growth, growth: -10 %, volatility: 20 %, assumed: true}
    gpu: {price: gpu, kind: lognormal, deviation: 25 %, assumed: true}
    grid: {delay: plant, kind: triangular, low: 0 months, mode: 3 months, high: 12 months, assumed: true}
    over: {event: end, kind: hazard, rate: 30 %, assumed: true}
"""
GROUPED = """\
  correlations:
    market: {of: [need, other], all: -0.6}
    hard: {of: [gpu, grid], matrix: [[1, 0.8], [0.8, 1]]}
"""


def test_a_future_is_the_same_in_any_order_and_by_itself() -> None:
    sampler = Sampler.of(estate(MANY, GROUPED))
    forwards = [sampler.values(7, n) for n in range(40)]
    backwards = [sampler.values(7, n) for n in reversed(range(40))][::-1]
    assert forwards == backwards
    assert Sampler.of(estate(MANY, GROUPED)).values(7, 23) == forwards[23]
    assert draw(sampler.estate, 7, 23) == sampler.draw(7, 23)


def test_seeds_numbers_and_names_each_make_another_draw() -> None:
    base = uniforms_of(1, 2, "need", 3)
    assert (
        len({base, uniforms_of(2, 2, "need", 3), uniforms_of(1, 3, "need", 3), uniforms_of(1, 2, "price", 3)})
        == 4
    )
    assert uniforms_of(1, 2, "need", 5)[:3] == base


def test_a_variable_is_drawn_alike_whatever_others_there_are() -> None:
    alone = Sampler.of(estate(MANY.splitlines(keepends=True)[2]))
    assert alone.values(0, 5)["gpu"] == Sampler.of(estate(MANY)).values(0, 5)["gpu"]


def test_what_moves_together_has_the_rank_correlation_of_its_copula_and_its_own_distribution() -> None:
    sampler = Sampler.of(estate(MANY, GROUPED))
    drawn = [sampler.values(3, n) for n in range(3000)]
    gpu = np.array([one["gpu"] for one in drawn])
    grid = np.array([one["grid"] for one in drawn])
    # Kruskal 1958: Spearman's rho of a normal copula; its standard error here is below 0.02.
    assert stats.spearmanr(gpu, grid).statistic == pytest.approx(6 / pi * asin(0.8 / 2), abs=0.05)
    paths = {name: np.array([one[name] for one in drawn]) for name in ("need", "other")}
    steps = [np.diff(np.log(path), axis=1, prepend=0.0) for path in paths.values()]
    assert np.corrcoef(steps[0].ravel(), steps[1].ravel())[0, 1] == pytest.approx(-0.6, abs=0.02)
    assert stats.kstest(gpu, stats.lognorm(0.25).cdf).pvalue > 1e-4
    assert stats.kstest(grid, stats.triang(3 / 12, 0, 12).cdf).pvalue > 1e-4


UNIT = st.floats(1e-9, 1 - 1e-9)


@given(low=st.floats(-5, 5), left=st.floats(0, 5), right=st.floats(0.01, 5), u=UNIT)
def test_a_triangular_quantile_is_the_inverse_of_the_distribution(
    low: float, left: float, right: float, u: float
) -> None:
    mode, high = low + left, low + left + right
    ours = dist.Triangular(low, mode, high).quantile(u)
    theirs = stats.triang((mode - low) / (high - low), low, high - low).ppf(u)
    assert ours == pytest.approx(theirs, rel=1e-6, abs=1e-6)


@given(u=UNIT, rates=st.lists(st.tuples(st.integers(0, 4000), st.floats(0, 3)), min_size=1, max_size=5))
def test_a_hazard_has_added_up_to_what_was_drawn_on_its_day(u: float, rates: list[tuple[int, float]]) -> None:
    ordered = tuple((float(day), rate) for day, rate in sorted(dict(rates).items()))
    law = dist.Hazard(100.0, 3000.0, ordered)
    day = law.quantile(u)

    def intensity(at: float) -> float:
        return next((rate for begins, rate in reversed(ordered) if begins <= at), 0.0)

    edges = sorted({100.0, min(day, 3000.0), *(b for b, _ in ordered if 100 < b < min(day, 3000.0))})
    added = sum(intensity(a) * (b - a) for a, b in pairwise(edges)) / dist.DAYS_PER_YEAR
    if day == inf:
        assert added <= -log(1 - u) * (1 + 1e-9)
    else:
        assert 100 <= day <= 3000
        assert added == pytest.approx(-log(1 - u), rel=1e-9, abs=1e-12)


@given(st.integers(2, 5), st.integers(0, 2**32 - 1))
def test_a_factor_of_a_correlation_multiplies_back(size: int, seed: int) -> None:
    shape = np.random.default_rng(seed).normal(size=(size, size))
    covariance = shape @ shape.T
    deviations = np.sqrt(np.diag(covariance))
    matrix = covariance / np.outer(deviations, deviations)
    np.fill_diagonal(matrix, 1.0)
    factor = dist.lower_factor(tuple(tuple(row) for row in matrix.tolist()))
    assert factor is not None
    assert np.allclose(np.array(factor) @ np.array(factor).T, matrix, atol=1e-6)


@given(st.integers(2, 4), st.integers(0, 2**32 - 1))
@settings(max_examples=60)
def test_what_is_not_semi_definite_has_no_factor(size: int, seed: int) -> None:
    upper = np.triu(np.random.default_rng(seed).uniform(-1, 1, (size, size)), 1)
    matrix = upper + upper.T + np.eye(size)
    least = float(np.linalg.eigvalsh(matrix)[0])
    if abs(least) > 1e-4:
        found = dist.lower_factor(tuple(tuple(row) for row in matrix.tolist()))
        assert (found is not None) == (least > 0)


def test_processes_have_the_marginals_that_the_page_states() -> None:
    steps = dist.steps_of(date(2026, 1, 1), date(2029, 1, 1), 3)
    years = sum(steps.years)
    shocks = np.random.default_rng(0).normal(size=(4000, len(steps.days)))
    growth = dist.Growth(-0.2, 0.3, steps)
    ends = np.log([growth.path(row)[-1] for row in shocks.tolist()])
    assert float(ends.mean()) == pytest.approx(years * log(0.8), abs=0.03)
    assert float(ends.std()) == pytest.approx(0.3 * sqrt(years), rel=0.05)
    reverting = dist.Reverting(0.5, 0.5, 1.2, steps)
    ends = np.log([reverting.path(row)[-1] for row in shocks.tolist()])
    speed = log(2) / 0.5
    assert float(ends.mean()) == pytest.approx(log(1.2) * (1 - exp(-speed * years)), abs=0.02)
    assert float(ends.std()) == pytest.approx(0.5 * sqrt((1 - exp(-2 * speed * years)) / 2 / speed), rel=0.05)
    assert growth.quantile_path(0.5)[-1] == pytest.approx(0.8**years)
    assert [float(np.quantile(np.exp(ends), q)) for q in (0.05, 0.95)] == pytest.approx(
        [reverting.quantile_path(q)[-1] for q in (0.05, 0.95)], rel=0.06
    )


def test_draws_act_on_what_they_name_and_on_nothing_else() -> None:
    base = estate(
        """\
    need: {demand: chat, kind: discrete, outcomes: [{value: 1.5, probability: 1}], assumed: true}
    cap: {figure: agreements.house.clauses.cap.upper, kind: uniform, low: 2, high: 2, assumed: true}
    power: {figure: sites.plant.power, kind: uniform, low: 0.5, high: 0.5, assumed: true}
    rack: {figure: accelerators.gpu.price, draws: value, kind: uniform, low: 20000 USD/GPU, high: 20000 USD/GPU}
    grid: {delay: plant, kind: uniform, low: 4 months, high: 4 months, assumed: true}
    offer: {answer: house.first, kind: uniform, low: 0.5, high: 0.5, assumed: true}
    over: {event: end, kind: days, outcomes: [{on: 2027-02-03, probability: 1}], assumed: true}
"""
    )
    future = draw(base, 0, 0)
    chat = future.workloads["chat"]
    assert isinstance(chat, InferenceClass)
    assert chat.traffic[0].tokens_in.steps[0].figure.amount == 15
    assert chat.traffic[0].growth is not None
    assert chat.traffic[0].growth.text == "40 %"
    assert getattr(future.agreements["house"].clauses["cap"], "upper", "") == "8000000000 token"
    first, second = future.sites["plant"].power
    assert (str(first.value), first.begins) == ("1.5 MW", date(2026, 1, 1))
    assert (str(second.value), second.begins) == ("4.5 MW", date(2026, 11, 1))
    price = future.accelerators["gpu"].price
    assert price is not None
    assert price.steps[0].figure.amount == Decimal(20000)
    assert price.steps[0].figure.currency == "USD"
    assert future.answers[0].offers == "30 accelerator"
    assert future.events["end"].on == date(2027, 2, 3)
    assert future.products == base.products
    assert future.models == base.models


def test_a_process_moves_a_price_step_by_step_and_leaves_its_first_value() -> None:
    base = estate("    other: {price: tokens, kind: growth, growth: -50 %, volatility: 0, assumed: true}\n")
    rates = getattr(draw(base, 0, 0).products["tokens"], "prices", {})["m"]
    day = date(2027, 1, 1)
    years = (day - date(2026, 1, 1)).days / dist.DAYS_PER_YEAR
    assert rates.tokens_out.value_at(date(2026, 2, 1)) == 2
    assert rates.tokens_out.value_at(day) == pytest.approx(2 * 0.5**years)


def test_an_event_by_hazard_acts_from_the_next_period_and_not_at_all_if_never() -> None:
    sampler = Sampler.of(estate(MANY))
    days = [sampler.draw(1, n).events["end"].on for n in range(60)]
    inside = [day for day in days if day is not None and day < date(2028, 1, 1)]
    assert inside
    assert all((day.day, day.month % 3) == (1, 1) for day in inside)
    assert sampler.estate_with({"over": inf}).events["end"].on is None
