"""The chain from users to accelerators: every link follows from the one before."""

from __future__ import annotations

from datetime import date

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate_text
from offtake.demand.traffic.chain import InferenceChain, inference_chain
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

ESTATE = """\
offtake: 1
horizon: {from: 2026-01-01, until: 2029-01-01}
hours: {day: {weight: 50 %, utc: 06-18}, night: {weight: 50 %, utc: 18-06}}
regions: {us: {jurisdiction: US}, uk: {jurisdiction: GB}}
parties: {lab: {}}
providers: {lab: {}}
accelerators:
  chip: {peak: {bf16: 2 PFLOP/s}, power: 2 kW, price: 40000 USD/accelerator, life: 5 years, source: a list}
  old: {power: 1 kW}
products:
  lease: {kind: accelerator-hours, provider: lab, region: us, accelerator: chip, price: 2 USD/accelerator-hour}
models: {chat: {rates: {chip: {in: 9000 tokens/s, out: 1000 tokens/s}, old: {out: 100 tokens/s}}}}
profiles:
  days: {day: [0, 0, 0, 0, 0, 0, 5 %, 5 %, 5 %, 5 %, 5 %, 5 %, 10 %, 10 %, 10 %, 10 %, 10 %, 10 %, 0, 0, 0, 10 %, 0, 0]}
workloads:
  talk:
    kind: inference
    models: [chat]
    worth: 9 USD/Mtoken
    usage:
      users: {value: 8.64 million users, source: a report}
      requests: {value: 10 requests/user-day, assumed: true}
      tokens: {in: 300 tokens/request, out: 100 tokens/request}
      growth: {users: 100 %}
      profile: days
      regions: [{region: us, share: 50 %, clock: UTC}, {region: uk, share: 50 %, clock: UTC}]
  batch:
    kind: inference
    models: [chat]
    worth: 9 USD/Mtoken
    traffic: [{region: us, in: 3000 tokens/s, out: 1000 tokens/s}]
"""


def estate() -> Estate:
    found = load_estate_text(ESTATE, "e.yaml")
    assert isinstance(found, Loaded), found
    return found.estate


def values(chain: InferenceChain) -> dict[str, float]:
    return {link.name: link.value for link in chain.links}


def test_every_link_follows_from_the_one_before() -> None:
    chain = inference_chain(estate(), "talk", date(2026, 1, 1))
    # 8.64 million x 10 a day = 1,000 a second, of 400 tokens; nine tenths are asked in the half that is day.
    assert values(chain) == pytest.approx(
        {
            "users": 8.64e6,
            "requests": 8.64e7,
            "tokens": 3.456e10,
            "mean load": 400_000,
            "busiest load": 720_000,
            "accelerators": 720_000 * (0.25 / 1000 + 0.75 / 9000),
            "power": 240 * 0.002,
            "to buy": 240 * 40_000,
        }
    )


def test_growth_compounds_from_the_horizons_start() -> None:
    after = inference_chain(estate(), "talk", date(2028, 1, 1))
    assert values(after)["users"] == pytest.approx(8.64e6 * 2 ** (730 / 365.25))
    assert values(after)["mean load"] == pytest.approx(values(after)["tokens"] / 86_400)


def test_each_link_says_where_its_number_is_from() -> None:
    links = {link.name: link for link in inference_chain(estate(), "talk", date(2026, 1, 1)).links}
    assert (links["users"].source, links["users"].assumed) == ("a report", False)
    assert links["requests"].assumed
    assert links["to buy"].source == "a list"


def test_a_class_in_tokens_begins_with_tokens() -> None:
    chain = inference_chain(estate(), "batch", date(2026, 1, 1), "old")
    assert values(chain) == pytest.approx(
        {"mean load": 4000, "busiest load": 4000, "accelerators": 10, "power": 0.01}
    )


def test_the_accelerator_that_needs_least_power_is_counted() -> None:
    assert inference_chain(estate(), "batch", date(2026, 1, 1)).accelerator == "chip"


@pytest.mark.parametrize(("workload", "accelerator"), [("talking", None), ("talk", "chap")])
def test_what_is_not_there_is_refused_with_what_is(workload: str, accelerator: str | None) -> None:
    with pytest.raises(InvalidInput) as refused:
        inference_chain(estate(), workload, date(2026, 1, 1), accelerator)
    assert refused.value.hint
