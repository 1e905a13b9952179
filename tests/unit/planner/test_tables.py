"""Money in the tables of a plan: whole cents, and nothing that accounts cannot hold."""

from __future__ import annotations

import pytest

from offtake.domain.errors import InvalidInput
from offtake.planner.tables import MAXIMUM_MONEY, cents


def test_money_is_rounded_half_to_even() -> None:
    assert [cents(amount) for amount in (0.125, 0.135, -0.125, MAXIMUM_MONEY)] == [12, 14, -12, 10**26]


@pytest.mark.parametrize("amount", [1e30, -1e30, float("inf"), float("nan")])
def test_more_than_accounts_can_hold_is_refused(amount: float) -> None:
    with pytest.raises(InvalidInput, match="more than accounts can hold"):
        cents(amount)
