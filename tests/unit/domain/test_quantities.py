"""Amounts beyond anything that exists are refused where they are written; the largest that exist are read."""

from __future__ import annotations

import pytest

from offtake.domain.quantities import QuantityError, parse_figure


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("99999999999999999999999 tokens/s", "token_rate"),
        ("1e25 EUR/unit-month", "price_unit_hour"),
        ("1e41 FLOP", "flop"),
        ("-1e19", "number"),
    ],
)
def test_more_than_anything_is_refused(text: str, kind: str) -> None:
    with pytest.raises(QuantityError, match=r"larger than any|negative"):
        parse_figure(text, kind)


@pytest.mark.parametrize(
    ("text", "kind"),
    [
        ("8e15 IDR", "money"),
        ("1e30 FLOP", "flop"),
        ("20 EFLOP/s", "flop_rate"),
        ("100 thousand tokens/s", "token_rate"),
    ],
)
def test_the_largest_that_exist_are_read(text: str, kind: str) -> None:
    assert parse_figure(text, kind).amount > 0
