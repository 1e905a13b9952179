"""A small estate planned for in many futures: each certified and repeatable, and told together."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.adapters.parallel import run_unordered
from offtake.bootstrap import futures as door
from offtake.bootstrap.futures import Running, family_of, plan_futures
from offtake.bootstrap.planning import question
from offtake.domain.errors import InvalidInput
from offtake.planner.futures.outlook import Asked, outlook_of, rank_correlation
from offtake.planner.futures.solving import Bench, Job, solved
from offtake.planner.planning import Question, certified_cost
from offtake.planner.ports import Basis, Infeasible, Solution, SolverOptions
from offtake.planner.program import Program
from uncertain_hall import ESTATE


def asked(text: str = ESTATE) -> Question:
    found = load_estate_text(text)
    assert isinstance(found, Loaded), found
    return question(found, None, (), None, "auto", 60.0)


def silent(_what: str, _done: int, _of: int) -> None:
    """Nobody looks."""


def test_every_future_is_that_of_a_plan_made_for_it_alone() -> None:
    family = family_of(asked(), 3)
    bench = Bench(family)
    for number in range(6):
        found = bench.outcome(Job(number))
        again = Bench(replace(family, basis=bench.warm.basis)).outcome(Job(number))
        assert found == again
        estate = bench.sampler.draw(3, number)
        alone = replace(family.question, estate=estate, cuts=family.question.law.dates)
        # The event is in the drawn estate, and a position is made of it as for any estate.
        from offtake.planner.reading import position_of

        cost = certified_cost(replace(alone, position=position_of(estate)), family.cold)
        assert cost == pytest.approx(found.cost, rel=1e-6)


def test_shapes_that_differ_are_planned_for_as_well() -> None:
    family = family_of(asked(), 0)
    bench = Bench(family)
    found = [bench.outcome(Job(number)) for number in range(25)]
    assert {one.status for one in found} == {"planned"}
    left = [one for one in found if bench.sampler.estate_with(dict(one.values)).events["end"].on is not None]
    assert left
    assert all(one.how in ("warm", "cold") for one in found)


def test_an_answer_that_fails_its_certificate_is_solved_again_and_counted() -> None:
    family = family_of(asked(), 0)

    class Wrong:
        def __init__(self, base: Program, options: SolverOptions, basis: Basis | None = None) -> None:
            self.inner = family.warm(base, options, basis)
            self.basis = self.inner.basis

        def solve(self, program: Program) -> object:
            found = self.inner.solve(program)
            assert isinstance(found, Solution)
            return replace(found, x=found.x * 1.01)

    bench = Bench(replace(family, warm=Wrong))  # pyright: ignore[reportArgumentType] - it is wrong on purpose
    right = Bench(family)
    for number in range(3):
        found, expected = bench.outcome(Job(number)), right.outcome(Job(number))
        assert found.how == "again"
        assert found.cost == pytest.approx(expected.cost, rel=1e-6)
    kept = {job.name: bench.outcome(job) for job in (Job(), Job(0), Job(1))}
    assert outlook_of(Asked.of(bench, 0, 2), kept).again == 2


def test_a_failure_is_an_outcome_and_the_others_go_on() -> None:
    family = family_of(asked(), 0)
    bench = Bench(family)
    bench.warm = _Raising()  # pyright: ignore[reportAttributeAccessIssue] - it fails on purpose
    bench.family = replace(family, cold=_Raising())  # pyright: ignore[reportArgumentType]
    found = bench.outcome(Job(1))
    assert (found.status, found.why) == ("failed", "no time")


class _Raising:
    def solve(self, *_: object) -> Solution | Infeasible:
        from offtake.domain.errors import SolverFailure

        raise SolverFailure("no time")


def test_the_outlook_tells_quantiles_limits_and_what_moves_the_cost() -> None:
    told = plan_futures(asked(), Running(40, seed=1, tornado=True, workers=1), silent)
    outlook = told.outlook
    assert (outlook.planned, outlook.failed, outlook.complete, told.interrupted) == (40, 0, True, False)
    assert outlook.label.startswith("wait and see")
    assert outlook.cost.low <= outlook.cost.p5 <= outlook.cost.median <= outlook.cost.p95 <= outlook.cost.high
    assert sum(outlook.cost.counts) == 40
    assert {band.series for band in outlook.bands} >= {"need", "served", "spent", "site_power_mw"}
    assert all(band.p5 <= band.median <= band.p95 for band in outlook.bands)
    assert {one.at for one in outlook.bands} == {f"{year}Q{q}" for year in (2026, 2027) for q in (1, 2, 3, 4)}
    by_name = {one.variable: one for one in outlook.movers}
    assert by_name["nothing"].cost_p5_cents == by_name["nothing"].cost_p95_cents == round(outlook.cost.base)
    assert by_name["nothing"].rank_correlation is None
    need = by_name["need"]
    assert need.cost_p5_cents is not None
    assert need.cost_p95_cents is not None
    assert need.cost_p5_cents < need.cost_p95_cents
    assert (need.rank_correlation or 0) > 0.5
    assert outlook.movers[0].variable == "need"
    power = next(row for row in outlook.binding if row.source == "sites.hall.power")
    assert 0 < power.share <= 1
    assert any(row.order == "build hall/gpu" and row.unit == "accelerators" for row in outlook.orders)


def test_workers_and_order_change_nothing_and_a_run_goes_on_from_what_is_kept(tmp_path: Path) -> None:
    question = asked()
    keep = tmp_path / "futures.jsonl"
    alone = plan_futures(question, Running(12, workers=1), silent).outlook
    two = plan_futures(question, Running(12, workers=2, keep=keep), silent)
    assert two.outlook == alone
    more = plan_futures(question, Running(15, workers=1, keep=keep), silent)
    assert more.resumed == 13
    assert plan_futures(question, Running(12, workers=1, keep=keep), silent).outlook == alone
    other = plan_futures(question, Running(12, seed=1, workers=1, keep=keep), silent)
    assert (other.resumed, other.outlook.cost == alone.cost) == (0, False)


def test_an_interrupt_leaves_what_is_finished_and_says_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def stopped(
        function: Callable[[list[Job]], object], items: list[list[Job]], workers: int | None
    ) -> object:
        for n, found in enumerate(run_unordered(function, items, workers)):
            if n == 2:
                raise KeyboardInterrupt
            yield found

    keep = tmp_path / "futures.jsonl"
    with monkeypatch.context() as patch:
        patch.setattr("offtake.adapters.parallel.run_unordered", stopped)
        told = plan_futures(asked(), Running(30, workers=1, keep=keep), silent)
    assert told.interrupted
    assert 0 < told.outlook.planned < 30
    assert not told.outlook.complete
    rest = plan_futures(asked(), Running(30, workers=1, keep=keep), silent)
    assert rest.resumed == told.outlook.planned + 1
    assert rest.outlook == plan_futures(asked(), Running(30, workers=1), silent).outlook


def test_an_estate_without_uncertainty_has_no_futures() -> None:
    certain = ESTATE[: ESTATE.index("futures:")]
    with pytest.raises(InvalidInput, match="nothing in this estate is uncertain"):
        _ = plan_futures(asked(certain), Running(3), silent)


def test_the_key_of_a_family_is_of_all_that_an_outcome_depends_on() -> None:
    base = asked()
    keys = {
        family_of(base, 0).key,
        family_of(base, 1).key,
        family_of(asked(ESTATE.replace("60 USD/MWh", "61 USD/MWh")), 0).key,
        family_of(replace(base, party="cloud"), 0).key,
    }
    assert len(keys) == 4
    assert family_of(asked(), 0).key == family_of(base, 0).key
    assert [one.job for one in solved(family_of(base, 0), [Job(4), Job()])] == ["4", "base"]
    assert door.samples(base.estate)[0].variable == "need"


def test_rank_correlations_are_spearmans() -> None:
    from scipy import stats

    generator = np.random.default_rng(0)
    one = generator.normal(size=50).round(1)
    other = one + generator.normal(size=50)
    assert rank_correlation(one, other) == pytest.approx(stats.spearmanr(one, other).statistic, abs=1e-3)
    assert rank_correlation(one, np.ones(50)) is None
    assert rank_correlation(one[:5], other[:5]) is None
