"""Published training runs, and the shares of peak they are predicted with."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.demand.training.cost import accelerator_hours, run_cost
from offtake.demand.training.published_runs import RUNS, PublishedRun, predicted
from offtake.demand.training.utilisation import CHIPS, GOODPUT, MFU, Measured, typical_goodput, typical_mfu
from offtake.domain.errors import InvalidInput

DOCUMENT = Path(__file__).parents[3] / "docs" / "scaling-laws.md"


def run_named(name: str) -> PublishedRun:
    return next(run for run in RUNS if run.name == name)


def test_hours_days_energy_and_money_by_hand() -> None:
    assert accelerator_hours(3.6e21, 1e15, 0.5, 0.8) == pytest.approx(2500)
    cost = run_cost(2400, 10, 1000, 1.25, 2.0)
    assert (cost.days, cost.energy_mwh, cost.usd) == (10.0, 3.0, 4800.0)
    assert run_cost(2400, None, 1000, 1.25, 2.0).days is None


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_reported_hours_are_between_all_of_peak_and_a_tenth_of_it(run: PublishedRun) -> None:
    """Guards against a slip in N, D, hours or peak: no run uses more than 60 % of peak all in, or less than 10 %."""
    share = 6 * run.parameters * run.tokens / (run.hours * 3600 * CHIPS[run.chip].peak_flop_per_s)
    assert 0.10 < share < 0.60


@pytest.mark.parametrize(
    ("name", "share"),
    [
        ("Llama 3.1 405B", 0.345),
        ("Llama 3.1 70B", 0.255),
        ("Llama 3.1 8B", 0.139),
        ("DeepSeek-V3", 0.346),
        ("PaLM 540B", 0.304),
    ],
)
def test_shares_of_peak_all_in_are_those_known(name: str, share: float) -> None:
    run = run_named(name)
    flop = predicted(run).flop
    assert flop / (run.hours * 3600 * CHIPS[run.chip].peak_flop_per_s) == pytest.approx(share, abs=0.001)


# Errors as they are: predicted over reported hours, less one, to the nearest percent.
ERRORS = {
    "Llama 3.1 8B": -64,
    "Llama 3.1 70B": -34,
    "Llama 3.1 405B": -6,
    "Llama 2 70B": -6,
    "DeepSeek-V3": -10,
    "PaLM 540B": -26,
    "BLOOM 176B": -5,
    "OPT-175B": 3,
    "Falcon-180B": -1,
    "Nemotron-4 340B": 3,
}


@pytest.mark.parametrize("run", RUNS, ids=lambda run: run.name)
def test_errors_are_those_in_the_documentation(run: PublishedRun) -> None:
    assert round(100 * predicted(run).error) == ERRORS[run.name]


def test_a_run_that_gave_the_default_says_so() -> None:
    assert "MFU was measured in this run" in predicted(run_named("Llama 3.1 405B")).circular
    assert "reported hours are FLOP" in " ".join(predicted(run_named("OPT-175B")).circular)
    assert predicted(run_named("Falcon-180B")).circular == ()


def test_utilisation_goes_by_kind_and_scale() -> None:
    assert typical_mfu("h100", 8_192).share == 0.43
    assert typical_mfu("h100", 100_000).share == 0.41
    assert typical_goodput("h100", 64).assumed
    assert not typical_goodput("h100", 16_384).assumed
    assert typical_mfu("a100", 512, recomputed=True).share < typical_mfu("a100", 512).share


def test_every_chip_has_both_from_one_accelerator_up_with_a_source() -> None:
    for chip in CHIPS:
        for measured in (typical_mfu(chip, 1), typical_goodput(chip, 1)):
            assert 0 < measured.share <= 1
    assert all(one.source for one in (*MFU, *GOODPUT))


@pytest.mark.parametrize("one", [*MFU, *GOODPUT], ids=lambda one: f"{one.chip}-{one.share}")
def test_the_documentation_has_every_default_with_its_source(one: Measured) -> None:
    rows = [
        row for row in DOCUMENT.read_text(encoding="utf-8").splitlines() if row.startswith(f"| {one.chip}")
    ]
    assert any(one.source in row and f"{one.share:.1%}" in row for row in rows)


def test_an_unknown_chip_is_told_its_nearest() -> None:
    with pytest.raises(InvalidInput) as told:
        typical_mfu("h10", 8)
    assert told.value.hint == "did you mean `h100`?"
