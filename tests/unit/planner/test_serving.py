"""The serving block: the split form against the direct form, on random instances with and without
structure."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.highs import HighsSolver
from offtake.planner.certificate import certify
from offtake.planner.ports import Solution, SolverOptions
from offtake.planner.program import ABSENT, Program, ProgramBuilder
from offtake.planner.serving import Form, Measure, ServingBlock, ServingColumns, add_serving

OPTIONS = SolverOptions(method="simplex", time_limit_s=60.0)


@dataclass(frozen=True)
class Instance:
    """A small plan: capacity to buy per supply, demand that may be left unmet, and two meters with
    ceilings."""

    block: ServingBlock
    demand: np.ndarray  # (load, period, hour)
    existing: np.ndarray  # (supply,)
    penalty: np.ndarray  # (load,)
    ceilings: np.ndarray  # (measure,)
    limited: np.ndarray  # (supply,): whether the supply has a limit of capacity


def instance(seed: int, *, structured: bool) -> Instance:
    generator = np.random.default_rng(seed)
    supplies, loads, periods, hours = (int(generator.integers(1, top)) for top in (7, 8, 4, 4))
    classes, sites = int(generator.integers(1, 4)), int(generator.integers(1, 4))
    class_of, site_of = generator.integers(0, classes, loads), generator.integers(0, sites, supplies)
    axes = (supplies, loads, periods)
    if structured:
        permitted = (generator.random((sites, loads, periods)) < 0.7)[site_of]
        by_class = (supplies, classes, periods)
        use = generator.uniform(0.3, 1.5, by_class)[:, class_of]
        cost, first, second = (
            generator.uniform(0.1, 2.0, by_class)[:, class_of]
            + generator.uniform(0.0, 1.0, (sites, loads, periods))[site_of]
            for _ in range(3)
        )
    else:
        permitted = generator.random(axes) < 0.6
        use, cost, first, second = (generator.uniform(0.1, 2.0, axes) for _ in range(4))
    block = ServingBlock(
        supplies=[f"s{one}" for one in range(supplies)],
        loads=[f"j{one}" for one in range(loads)],
        periods=[f"t{one}" for one in range(periods)],
        hours=[f"h{one}" for one in range(hours)],
        permitted=permitted,
        use=use,
        cost=cost,
        weight=generator.uniform(0.5, 2.0, (periods, hours)),
        class_of=class_of,
        measures=(
            Measure(ABSENT, first, generator.uniform(0.5, 1.5, (periods, hours))),
            Measure(ABSENT, second),
        ),
    )
    return Instance(
        block=block,
        demand=generator.uniform(0.0, 4.0, (loads, periods, hours)),
        existing=generator.uniform(0.0, 3.0, supplies),
        penalty=generator.choice([4.0, 6.0], loads),
        ceilings=generator.uniform(2.0, 30.0, 2),
        limited=generator.random(supplies) < 0.8,
    )


@dataclass(frozen=True)
class Built:
    program: Program
    serving: ServingColumns
    unmet: np.ndarray
    first_row_of_block: int


def built(of: Instance, form: Form) -> Built:
    block, builder = of.block, ProgramBuilder()
    axes = {"load": block.loads, "period": block.periods, "hour": block.hours}
    extra = builder.columns("extra", {"supply": block.supplies}, cost=5.0, upper=2.0)
    unmet = builder.columns("unmet", axes, cost=of.penalty[:, None, None] * block.weights)
    supply_axes = {"supply": block.supplies, "period": block.periods, "hour": block.hours}
    capacity = builder.rows(
        "capacity", supply_axes, upper=of.existing[:, None, None], where=of.limited[:, None, None]
    )
    demand = builder.rows("demand", axes, lower=of.demand, upper=of.demand)
    # The first meter is a sum over everything, the second one of each period.
    total = builder.rows("total", {}, upper=of.ceilings[0])
    each = builder.rows("each", {"period": block.periods}, upper=of.ceilings[1])
    builder.entries(capacity.index, extra.index[:, None, None], -1.0)
    builder.entries(demand.index, unmet.index, 1.0)
    rows = (total.index, each.index[:, None])
    measures = tuple(replace(measure, rows=ids) for measure, ids in zip(block.measures, rows, strict=True))
    before = builder.row_count
    serving = add_serving(builder, replace(block, measures=measures), capacity.index, demand.index, form=form)
    return Built(builder.build(), serving, unmet.index, before)


def solved(program: Program) -> Solution:
    answer = HighsSolver().solve(program, OPTIONS)
    assert isinstance(answer, Solution)
    certificate = certify(program, answer)
    assert certificate.passed, certificate.failures
    return answer


def answer_in_direct_form(direct: Built, other: Built, answer: Solution) -> Solution:
    """The other form's answer, with its serves spread and its own rows' prices left out."""
    assert direct.first_row_of_block == direct.program.row_count == other.first_row_of_block
    x = np.zeros(direct.program.column_count)
    before = direct.serving.serve.first
    x[:before] = answer.x[:before]
    served = other.serving.expand(answer.x)
    present = direct.serving.serve.index != ABSENT
    assert (served[direct.serving.direct_supplies][~present] == 0).all()
    x[direct.serving.serve.index[present]] = served[present]
    return replace(answer, x=x, row_dual=answer.row_dual[: direct.program.row_count])


@settings(max_examples=150, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), structured=st.booleans(), form=st.sampled_from(["auto", "split"]))
def test_every_form_has_the_optimum_of_the_direct_form(seed: int, structured: bool, form: Form) -> None:
    of = instance(seed, structured=structured)
    direct, other = built(of, "direct"), built(of, form)
    expected, found = solved(direct.program), solved(other.program)
    assert found.objective == pytest.approx(expected.objective, rel=1e-9, abs=1e-9)
    spread = answer_in_direct_form(direct, other, found)
    # The certificate of the direct program proves the spread answer feasible, as cheap, and optimal.
    certificate = certify(direct.program, spread)
    assert certificate.passed, certificate.failures
    assert certificate.objective == pytest.approx(expected.objective, rel=1e-9, abs=1e-9)


@settings(max_examples=50, deadline=None)
@given(seed=st.integers(0, 2**32 - 1))
def test_pooling_never_adds_columns_when_chosen_by_itself(seed: int) -> None:
    of = instance(seed, structured=True)
    assert built(of, "auto").program.column_count <= built(of, "direct").program.column_count


def test_a_structured_block_pools_and_an_unstructured_one_does_not() -> None:
    pooled = [built(instance(seed, structured=True), "split").serving.stations for seed in range(20)]
    assert sum(len(one) > 0 for one in pooled) > 10
    direct = [built(instance(seed, structured=False), "split").serving.stations for seed in range(20)]
    assert (
        sum(len(one) > 0 for one in direct) <= 2
    )  # two supplies that may serve one load alone can pool by chance


@settings(max_examples=60, deadline=None)
@given(seed=st.integers(0, 2**32 - 1), form=st.sampled_from(["direct", "auto"]))
def test_merged_loads_cost_the_same_and_spread_into_single_ones(seed: int, form: Form) -> None:
    base = instance(seed, structured=True)
    # Each load stands twice, with demands of its own: nothing else tells the two apart.
    twice = np.repeat(np.arange(len(base.block.loads)), 2)
    single = replace(
        base,
        block=replace(
            base.block,
            loads=[f"{base.block.loads[int(one)]}.{place % 2}" for place, one in enumerate(twice)],
            permitted=base.block.permitted_cells[:, twice],
            use=base.block.use_per_load[:, twice],
            cost=base.block.cost_per_load[:, twice],
            class_of=base.block.class_of[twice],
            measures=tuple(
                replace(measure, coefficient=coefficient[:, twice])
                for measure, coefficient in zip(base.block.measures, base.block.coefficients, strict=True)
            ),
        ),
        demand=np.random.default_rng(seed).uniform(0.0, 3.0, (len(twice), *base.demand.shape[1:])),
        penalty=base.penalty[twice],
    )
    merge = single.block.merging(np.unique(single.penalty, return_inverse=True)[1])
    assert len(merge.first) <= len(base.block.loads)
    merged = replace(
        single,
        block=merge.block(single.block),
        demand=merge.total(single.demand),
        penalty=single.penalty[merge.first],
    )
    direct, small = built(single, "direct"), built(merged, form)
    expected, found = solved(direct.program), solved(small.program)
    assert found.objective == pytest.approx(expected.objective, rel=1e-9, abs=1e-9)
    served = merge.spread(small.serving.expand(found.x), single.demand)
    unmet = merge.spread(found.x[small.unmet], single.demand)
    assert served.sum(axis=0) + unmet == pytest.approx(single.demand, abs=1e-7)
    x = np.zeros(direct.program.column_count)
    x[: len(single.block.supplies)] = found.x[: len(single.block.supplies)]
    x[direct.unmet] = unmet
    present = direct.serving.serve.index != ABSENT
    x[direct.serving.serve.index[present]] = served[present]
    spread = replace(expected, x=x)
    certificate = certify(direct.program, spread)
    assert certificate.passed, certificate.failures


def test_loads_with_another_price_of_unmet_load_stay_apart() -> None:
    of = instance(4, structured=True)
    block = replace(
        of.block, permitted=True, use=1.0, cost=1.0, class_of=np.zeros(len(of.block.loads), int), measures=()
    )
    assert len(block.merging(np.zeros(len(block.loads), int)).first) == 1
    assert len(block.merging(np.arange(len(block.loads))).first) == len(block.loads)


def test_labels_name_supply_load_period_and_hour() -> None:
    of = instance(2, structured=False)
    result = built(of, "direct")
    first = result.serving.serve.first
    assert result.program.column_label(first).startswith("serve[s0, j")
