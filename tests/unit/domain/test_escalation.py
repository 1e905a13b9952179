"""What escalates is its figures, year by year, exactly."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offtake.adapters.estate_yaml import Problems, load_estate_text
from offtake.domain.escalation import escalated
from offtake.domain.quantities import KINDS, QuantityError, read_series
from planned import planned

PRICE = {
    "value": "2.50 USD/accelerator-hour",
    "from": "2026-02-28",
    "escalates": "3 %",
    "until": "2029-02-28",
}


def test_each_anniversary_adds_its_share() -> None:
    series = read_series(
        escalated({**PRICE, "assumed": True}, "price_accelerator_hour"), "price_accelerator_hour"
    )
    assert [(step.begins, step.figure.amount) for step in series] == [
        (date(2026, 2, 28), Decimal("2.50")),
        (date(2027, 2, 28), Decimal("2.575")),
        (date(2028, 2, 28), Decimal("2.65225")),
    ]
    assert all(step.figure.assumed for step in series)
    assert series.at(date(2028, 2, 28)).text == "2.65225 USD/accelerator-hour"  # type: ignore[union-attr] - it is in force


@pytest.mark.parametrize("kind", sorted(KINDS))
def test_every_kind_can_be_written_and_read_back(kind: str) -> None:
    stated = {"value": KINDS[kind].example, "from": "2026-01-01", "escalates": 0.5, "until": "2027-06-01"}
    first, second = read_series(escalated(stated, kind), kind)
    assert second.figure.amount == pytest.approx(first.figure.amount * Decimal("1.5"))
    assert second.figure.currency == first.figure.currency


def test_what_does_not_escalate_stays_as_it_was() -> None:
    for value in ("5 MW", ["5 MW", "6 MW from 2027-01-01"], {"value": "5 MW"}, 7):
        assert escalated(value, "power") is value


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"until": "2026-01-01"}, "not after"),
        ({"until": "2126-01-01"}, "more than 60"),
        ({"until": None}, "needs `until:`"),
        ({"from": "2026-02-30"}, "no day"),
        ({"escalates": "much"}, "not a quantity"),
        ({"value": "2.50"}, "currency"),
        ({"colour": "red"}, "colour"),
    ],
)
def test_what_cannot_escalate_is_said(change: dict[str, object], said: str) -> None:
    with pytest.raises(QuantityError, match=said):
        read_series(escalated({**PRICE, **change}, "price_accelerator_hour"), "price_accelerator_hour")


ESTATE = """offtake: 1
currency: USD
horizon: {from: 2026-01-01, until: 2028-01-01, periods: year}
parties: {lab: {}}
providers: {cloud: {}}
regions: {here: {jurisdiction: DE}}
accelerators: {chip: {peak: {bf16: 1 PFLOP/s}, mfu: 40 %, power: 1 kW}}
products:
  hours: {kind: accelerator-hours, provider: cloud, region: here, accelerator: chip,
    price: {value: 2 USD/accelerator-hour, from: 2026-01-01, escalates: 10 %, until: 2030-01-01}}
models: {m: {vendor: lab, rates: {chip: {out: 100 tokens/s}}}}
workloads:
  chat: {kind: inference, party: lab, models: [m], worth: 90 USD per million tokens,
    traffic: [{region: here, in: 0 tokens/s, out: 1000 tokens/s}]}
"""


def test_a_plan_pays_what_the_year_asks() -> None:
    paid = [row.amount_cents for row in planned(ESTATE).spend if row.kind == "lease"]
    assert paid == [20 * 365 * 24 * 100, 22 * 365 * 24 * 100]


def test_a_mistake_is_shown_where_it_stands() -> None:
    found = load_estate_text(ESTATE.replace("escalates: 10 %", "escalates: ten"))
    assert isinstance(found, Problems)
    assert found.problems[0].line == 10
