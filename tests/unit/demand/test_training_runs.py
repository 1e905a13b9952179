"""Runs of an estate given by a loss or by money become FLOP; what cannot be is said at its place."""

from __future__ import annotations

import pytest

from offtake.adapters.estate_yaml import Loaded, Problems, load_estate_text
from offtake.demand.scaling_laws.published import BESIROGLU, KAPLAN, LAWS
from offtake.demand.training.resolving import LOSS_LAWS, resolved
from offtake.domain.estate import Estate
from offtake.domain.numbers import figures_of
from offtake.domain.workloads import TrainingRun

HEAD = """\
offtake: 1
horizon: {from: 2026-01-01, until: 2029-01-01}
currencies: {EUR: 1.25 USD}
parties: {lab: {}, cloud: {}}
providers: {cloud: {}}
regions: {us: {jurisdiction: US}}
accelerators:
  chip: {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, goodput: 80 %}
  other: {peak: {bf16: 2 PFLOP/s}, trains_like: h100, trains_at: 8000}
products:
  chips: {kind: accelerator-hours, provider: cloud, region: us, accelerator: chip, price: 2 USD/accelerator-hour}
  others: {kind: accelerator-hours, provider: cloud, region: us, accelerator: other, price: 6 USD/accelerator-hour}
"""
WINDOW = "window: {from: 2026-01-01, until: 2027-01-01}"


def text(run: str, laws: str = "") -> str:
    return f"{HEAD}{laws}workloads:\n  run: {{kind: training, {run}, {WINDOW}}}\n"


def estate_of(run: str, laws: str = "") -> Estate:
    found = load_estate_text(text(run, laws))
    assert isinstance(found, Loaded), found.problems
    return found.estate


def flop_of(run: str, laws: str = "") -> float:
    workload = estate_of(run, laws).workloads["run"]
    assert isinstance(workload, TrainingRun)
    assert workload.flop is not None
    return workload.flop.value


def test_a_loss_is_the_cheapest_run_that_reaches_it() -> None:
    assert flop_of("loss: 2.0") == pytest.approx(float(BESIROGLU.for_loss(2.0).flop), rel=1e-12)
    assert flop_of("loss: 2.0, law: kaplan") == pytest.approx(float(KAPLAN.for_loss(2.0).flop), rel=1e-12)


def test_a_loss_for_a_size_or_for_tokens() -> None:
    tokens = float(BESIROGLU.tokens_for(2.0, 20e9))
    assert flop_of("loss: 2.0, parameters: 20 billion") == pytest.approx(6 * 20e9 * tokens)
    parameters = float(BESIROGLU.parameters_for(2.0, 3e12))
    assert flop_of("loss: 2.0, tokens: 3 trillion tokens") == pytest.approx(6 * 3e12 * parameters)


def test_an_estates_own_law() -> None:
    laws = (
        "laws:\n  ours: {irreducible: 1.8172, parameter_scale: 482.01, token_scale: 2085.43, alpha: 0.3478, "
        "beta: 0.3658}\n"
    )
    assert flop_of("loss: 2.0, law: ours", laws) == pytest.approx(float(BESIROGLU.for_loss(2.0).flop))


def test_algorithms_halve_the_need_in_the_stated_time() -> None:
    laws = "laws:\n  faster: {published: besiroglu, halving: 12 months, from: 2024-01-01}\n"
    assert flop_of("loss: 2.0, law: faster", laws) == pytest.approx(flop_of("loss: 2.0") / 4, rel=0.005)


def test_money_buys_where_a_useful_flop_is_cheapest() -> None:
    """2 USD buy 1e15 × 0.4 × 0.8 × 3,600 FLOP, and 6 USD buy 2e15 × 0.43 × 0.9 × 3,600: the second is dearer."""
    assert flop_of("money: 1000 USD") == pytest.approx(1000 / 2 * 1e15 * 0.32 * 3600)
    assert flop_of("money: 800 EUR") == pytest.approx(1000 / 2 * 1e15 * 0.32 * 3600)
    other = flop_of("money: 1000 USD, accelerators: [other]")
    assert other == pytest.approx(1000 / 6 * 2e15 * 0.43 * 0.90 * 3600)
    assert flop_of("money: 1000 USD, goodput: 40 %, accelerators: [chip]") == pytest.approx(
        1000 / 2 * 1e15 * 0.16 * 3600
    )


def test_stated_flop_are_left_alone() -> None:
    found = estate_of("flop: 5e25 FLOP")
    assert resolved(found) is found
    assert flop_of("flop: 5e25 FLOP") == 5e25


def test_utilisation_is_taken_as_measured_where_it_is_not_stated() -> None:
    estate = estate_of("flop: 5e25 FLOP")
    other, chip = estate.accelerators["other"], estate.accelerators["chip"]
    assert other.mfu is not None
    assert other.goodput is not None
    assert (other.mfu.value, other.goodput.value) == (0.43, 0.9)
    assert "Llama 3" in (other.mfu.source or "")
    assert chip.mfu is not None
    assert chip.mfu.text == "40 %"


def test_each_number_counts_once_and_an_assumed_loss_is_an_assumption() -> None:
    estate = estate_of("loss: {value: 2.0, assumed: true}")
    counted = {path: figure for path, figure in figures_of(estate) if path.startswith("workloads.")}
    assert list(counted) == ["workloads.run.flop"]
    assert counted["workloads.run.flop"].assumed


def test_laws_of_losses_are_the_published_ones_that_state_one() -> None:
    assert set(LOSS_LAWS) == {name for name in LAWS if name[:10] not in ("hoffmann-1", "hoffmann-2")}


LAW = "laws:\n  ours: "
CONSTANTS = "irreducible: 1.8, parameter_scale: 480, token_scale: 2000, alpha: 0.35, beta: "


@pytest.mark.parametrize(
    ("run", "laws", "code"),
    [
        ("loss: §1.5", "", "out-of-reach"),
        ("loss: §1.8172001", "", "out-of-reach"),
        ("loss: §-2", "", "quantity"),
        ("loss: §1.9, parameters: 1e9", "", "out-of-reach"),
        ("loss: §2.0, flop: 1e25 FLOP", "", "given-twice"),
        ("loss: §2.0, parameters: 1e9, tokens: 1e12 tokens", "", "given-twice"),
        ("loss: 2.0, law: §besirogli", "", "unknown-law"),
        ("loss: 2.0, law: §hoffmann-1", "", "unknown-law"),
        ("loss: 2.0, law: ours", f"{LAW}{{{CONSTANTS}§-0.3}}\n", "quantity"),
        ("loss: 2.0, law: ours", f"{LAW}{{{CONSTANTS}§0}}\n", "range"),
        ("loss: 2.0, law: ours", "laws:\n  §ours: {irreducible: 1.8}\n", "figures-missing"),
        ("loss: 2.0", f"{LAW}{{published: §nobody}}\n", "unknown-law"),
        ("loss: 2.0", f"{LAW}{{published: besiroglu, alpha: §0.3}}\n", "given-twice"),
        ("loss: 2.0", f"{LAW}{{published: besiroglu, halving: §8 months}}\n", "figures-missing"),
        ("loss: 2.0", "laws:\n  §kaplan: {published: besiroglu}\n", "taken-name"),
        ("money: §5 USD, precision: fp4", "", "no-price"),
        ("money: §5 GBP", "", "no-rate"),
        ("parameters: 1e9, tokens: §1e12", "", "quantity"),
    ],
)
def test_what_cannot_be_used_is_said_at_its_place(run: str, laws: str, code: str) -> None:
    marked = text(run, laws)
    before, after = marked.split("§")
    found = load_estate_text(before + after)
    assert isinstance(found, Problems)
    lines = before.split("\n")
    assert (found.errors[0].line, found.errors[0].column) == (len(lines), len(lines[-1]) + 1)
    assert found.errors[0].code == code


def test_a_run_without_a_size_is_told_the_ways_to_give_one() -> None:
    found = load_estate_text(text("parameters: 1e9"))
    assert isinstance(found, Problems)
    assert "`loss`, or `money`" in found.errors[0].message


def test_an_unknown_kind_to_train_like_is_told_its_nearest() -> None:
    found = load_estate_text(text("loss: 2.0").replace("trains_like: h100", "trains_like: h10"))
    assert isinstance(found, Problems)
    assert found.errors[0].code == "unknown-chip"
    assert found.errors[0].suggestion == "h100"


def test_a_law_without_a_loss_is_idle() -> None:
    found = load_estate_text(text("flop: 1e25 FLOP, law: besiroglu"))
    assert isinstance(found, Loaded)
    assert "idle" in [problem.code for problem in found.problems]
