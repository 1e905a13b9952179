"""Measured serving rates: what is asked for, and what the rate means."""

from __future__ import annotations

import pytest

from offtake.adapters import mlperf
from offtake.demand.traffic.rates import MEANINGS, one_rate, rates_of
from offtake.domain.errors import InvalidInput


def test_rates_are_those_published_per_accelerator() -> None:
    rate = one_rate(mlperf.measured(), "llama3.1-405b", "gb200", "server")
    assert rate.tokens_per_s == pytest.approx(11_614.3 / 72)
    assert (rate.best_result, rate.results) == ("5.1-0071", 3)
    assert rate.median_tokens_per_s <= rate.tokens_per_s


@pytest.mark.parametrize(
    ("model", "accelerator", "scenario", "tokens_per_s"),
    [
        ("llama2-70b-99", "NVIDIA H100-SXM-80GB", "Server", 3821),
        ("llama2-70b-99", "gb200", "Server", 12_340),
        ("llama3.1-405b", "gb300", "Server", 170),
        ("deepseek-r1", "b200", "server", 2324),
        ("deepseek-r1", "gb300", "server", 2907),
    ],
)
def test_the_stargate_examples_rates_are_among_them(
    model: str, accelerator: str, scenario: str, tokens_per_s: float
) -> None:
    assert one_rate(mlperf.measured(), model, accelerator, scenario).tokens_per_s == pytest.approx(
        tokens_per_s, abs=0.6
    )


def test_a_limit_on_latency_is_a_speed_and_offline_has_none() -> None:
    found = {rate.scenario: rate for rate in rates_of(mlperf.measured(), "llama3.1-405b", "gb200")}
    assert set(found) == set(MEANINGS)
    assert found["Offline"].speed_tokens_per_s is None
    assert found["Server"].speed_tokens_per_s == pytest.approx(5.714, abs=0.001)
    assert found["Interactive"].speed_tokens_per_s == 12.5
    assert found["Offline"].tokens_per_s > found["Server"].tokens_per_s > found["Interactive"].tokens_per_s


def test_words_of_a_name_are_whole() -> None:
    names = {rate.accelerator for rate in rates_of(mlperf.measured(), None, "b200")}
    assert names == {"NVIDIA B200-SXM-180GB"}


@pytest.mark.parametrize(
    ("model", "accelerator", "scenario"),
    [("gpt-4", "gb200", "server"), ("llama3.1-405b", "tpu", "server"), ("deepseek-r1", "gb200", "interactive"),
     ("llama2-70b", "h200", "server")],
)  # fmt: skip
def test_what_was_not_measured_or_is_not_one_is_refused(model: str, accelerator: str, scenario: str) -> None:
    with pytest.raises(InvalidInput) as refused:
        one_rate(mlperf.measured(), model, accelerator, scenario)
    assert refused.value.hint
