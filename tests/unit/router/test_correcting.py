"""Estimates beside an invoice: corrected within their bound, and never beyond."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

from hypothesis import given
from hypothesis import strategies as st

from offtake.router.correcting import Line, Used, compared, corrections_of

LINE = Line("use", "m", "out", date(2026, 10, 1))
tokens = st.integers(0, 10**9)


@given(tokens, tokens, tokens, tokens)
def test_a_correction_makes_receipts_say_what_was_billed_and_is_within_the_bound(
    measured: int, estimated: int, bound: int, billed: int
) -> None:
    (found,) = compared({LINE: Used(measured, estimated, bound, 1)}, {LINE: Decimal(billed)})
    if found.verdict == "corrected":
        assert measured + estimated + found.correction == billed
        assert abs(found.correction) <= bound
        assert estimated + found.correction >= 0
    else:
        assert found.correction == 0
        off = billed - measured - estimated
        assert found.verdict == ("agrees" if abs(off) <= 1 else "differs")


def test_what_only_one_side_knows_is_said() -> None:
    other = LINE._replace(model="n")
    found = compared({LINE: Used(5, 0, 0, 1)}, {other: Decimal(7)})
    assert [(each.line.model, each.verdict) for each in found] == [("m", "not billed"), ("n", "not served")]


def test_a_correction_costs_what_its_tokens_cost() -> None:
    found = compared({LINE: Used(10, 90, 50, 2)}, {LINE: Decimal(130)})
    (correction,) = corrections_of("bill", found, {("use", "m", "out"): 8})
    assert (correction.tokens, correction.cost_pico, correction.billed) == (30, 240, 130)
