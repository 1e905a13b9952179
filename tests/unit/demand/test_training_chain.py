"""From loss to money in one chain, and what later years make of it."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate, load_estate_text
from offtake.demand.scaling_laws.published import BESIROGLU
from offtake.demand.training.chain import training_chain
from offtake.demand.training.effective import (
    ALGORITHMS_HALVE_IN_MONTHS,
    PRICES_HALVE_IN_YEARS,
    need_over_years,
)
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.workloads import TrainingRun

TEXT = """\
offtake: 1
horizon: {from: 2026-01-01, until: 2029-01-01}
regions: {us: {jurisdiction: US}}
parties: {lab: {}}
laws:
  faster: {published: besiroglu, halving: 12 months, from: 2024-01-01, source: a trend}
accelerators:
  chip:
    {peak: {bf16: 1 PFLOP/s}, mfu: 50 %, goodput: 80 %, power: 2 kW, price: 40000 USD/accelerator, life: 4 years,
     source: a sheet}
  idle: {peak: {bf16: 9 PFLOP/s}, mfu: 90 %, power: 1 W}
  mute: {power: 1 W}
sites: {hall: {region: us, owner: lab, power: 10 MW, builds: [chip], stock: [{accelerator: mute, count: 1}]}}
workloads:
  by-loss:
    {kind: training, loss: {value: 2.0, source: a target}, law: faster,
     window: &window {from: 2026-01-01, until: 2027-01-01}}
  by-flop: {kind: training, flop: 1.2614e24 FLOP, window: *window, assumed: true}
  by-size: {kind: training, parameters: 1e9, tokens: 2e10 tokens, window: *window}
  by-size-and-loss: {kind: training, parameters: 20 billion, loss: 2.0, window: *window}
"""


@pytest.fixture(scope="module")
def estate() -> Estate:
    found = load_estate_text(TEXT)
    assert isinstance(found, Loaded), found.problems
    return found.estate


def test_each_link_follows_from_the_one_before(estate: Estate) -> None:
    chain = training_chain(estate, "by-loss")
    names = [link.name for link in chain.links]
    assert names == [
        "target loss",
        "parameters",
        "tokens",
        "training FLOP",
        "FLOP with better algorithms",
        "useful FLOP of one",
        "accelerator-hours",
        "accelerators",
        "power",
        "to buy",
        "the run's part of it",
    ]
    value = {link.name: link.value for link in chain.links}
    best = BESIROGLU.for_loss(2.0)
    assert value["parameters"] == pytest.approx(float(best.parameters))
    assert value["training FLOP"] == pytest.approx(6 * value["parameters"] * value["tokens"])
    flop = value["FLOP with better algorithms"]
    assert flop == pytest.approx(value["training FLOP"] / 4, rel=0.005)
    assert value["accelerator-hours"] == pytest.approx(flop / (1e15 * 0.4 * 3600))
    assert value["accelerators"] == pytest.approx(value["accelerator-hours"] / 8760)
    assert value["power"] == pytest.approx(value["accelerators"] * 2e-3)
    assert value["to buy"] == pytest.approx(value["accelerators"] * 40000)
    assert value["the run's part of it"] == pytest.approx(value["to buy"] / 4, rel=0.002)


def test_each_link_says_where_it_is_from(estate: Estate) -> None:
    source = {link.name: link.source for link in training_chain(estate, "by-loss").links}
    assert source["target loss"] == "a target"
    assert "Besiroglu" in (source["parameters"] or "")
    assert "Kaplan" in (source["training FLOP"] or "")
    assert source["FLOP with better algorithms"] == "a trend"
    assert source["power"] == "a sheet"
    assert training_chain(estate, "by-flop").links[0].assumed


def test_the_chain_ends_in_the_flop_that_are_planned(estate: Estate) -> None:
    for id, run in estate.workloads.items():
        assert isinstance(run, TrainingRun)
        chain = training_chain(estate, id)
        useful, hours = chain.value("useful FLOP of one"), chain.value("accelerator-hours")
        assert useful is not None
        assert hours is not None
        planned = 6e9 * 2e10 if run.flop is None else run.flop.value
        assert useful * 3600 * hours == pytest.approx(planned)


def test_a_stated_size_is_trained_longer(estate: Estate) -> None:
    chain = training_chain(estate, "by-size-and-loss")
    assert chain.value("parameters") == 20e9
    assert chain.value("tokens") == pytest.approx(float(BESIROGLU.tokens_for(2.0, 20e9)))


def test_the_accelerator_is_one_that_can_be_had_and_used(estate: Estate) -> None:
    """`idle` stands nowhere and `mute` states no peak, however little power they draw."""
    assert training_chain(estate, "by-flop").accelerator == "chip"
    assert training_chain(estate, "by-flop", "idle").accelerator == "idle"
    with pytest.raises(InvalidInput, match="cannot use `mute`"):
        training_chain(estate, "by-flop", "mute")
    with pytest.raises(InvalidInput, match="no training run `nobody`"):
        training_chain(estate, "nobody")


def test_stargates_final_runs_are_given_by_their_loss() -> None:
    found = load_estate(Path("examples/stargate/estate.yaml"))
    assert isinstance(found, Loaded)
    finals = [id for id in found.estate.workloads if id.startswith("final-")]
    assert len(finals) == 4
    for id in finals:
        chain = training_chain(found.estate, id)
        assert chain.links[0].name == "target loss"
        assert all(link.source or link.assumed for link in chain.links if link.how == "stated")
        assert (chain.value("power") or 0) > 100


def test_both_trends_halve_in_their_time() -> None:
    on = (date(2024, 1, 1), date(2025, 1, 1), date(2026, 1, 1))
    need = need_over_years(
        1e25,
        1e-18,
        on,
        algorithms_from=on[0],
        prices_from=on[0],
        algorithms_halve_in_years=1.0,
        prices_halve_in_years=2.0,
    )
    assert need.flop.tolist() == pytest.approx([1e25, 5e24, 2.5e24], rel=0.002)
    assert need.usd_per_flop.tolist() == pytest.approx([1e-18, 0.7071e-18, 0.5e-18], rel=0.002)
    assert need.usd.tolist() == pytest.approx((need.flop * need.usd_per_flop).tolist())


def test_trends_may_be_held_still() -> None:
    need = need_over_years(
        1e25,
        1e-18,
        (date(2030, 1, 1),),
        algorithms_from=date(2020, 1, 1),
        prices_from=date(2020, 1, 1),
        algorithms_halve_in_years=None,
        prices_halve_in_years=None,
    )
    assert (need.flop.tolist(), need.usd_per_flop.tolist()) == ([1e25], [1e-18])


def test_the_command_states_the_same_halvings() -> None:
    from offtake.entrypoints.cli import laws_years

    assert laws_years._ALGORITHMS == ALGORITHMS_HALVE_IN_MONTHS
    assert pytest.approx(PRICES_HALVE_IN_YEARS * 12) == laws_years._PRICES


def test_a_supposed_scale_of_demand_is_a_link_of_its_own(estate: Estate) -> None:
    from offtake.domain.changes import changed, read_scale

    chain = training_chain(changed(estate, [read_scale("demand.by-loss=1.5")]), "by-loss")
    flop, supposed = chain.value("FLOP with better algorithms"), chain.value("FLOP supposed")
    assert flop is not None
    assert supposed == pytest.approx(1.5 * flop)
