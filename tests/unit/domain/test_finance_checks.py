"""Money that cannot be: refused where it stands, with its line."""

from __future__ import annotations

import pytest

from offtake.adapters.estate_yaml import Loaded, Problems, load_estate_text

GOOD = """offtake: 1
horizon: {from: 2026-01-01, until: 2028-01-01}
parties: {us: {}, bank: {}}
finance:
  us:
    gearing: 60 %
    sources:
      own: {kind: equity, provider: us, amount: 1 million USD}
      loan:
        kind: debt
        provider: bank
        amount: 2 million USD
        from: 2026-01-01
        until: 2027-01-01
        interest: 7 %
        grace: 6 months
        term: 3 years
"""


def test_sources_as_they_should_be_have_no_problem() -> None:
    assert isinstance(load_estate_text(GOOD), Loaded)


@pytest.mark.parametrize(
    ("before", "after", "line", "said"),
    [
        ("until: 2027-01-01", "until: 2025-01-01", 14, "2025-01-01"),
        ("term: 3 years", "term: 3 months", 17, "before repayment begins"),
        ("gearing: 60 %", "gearing: 100 %", 6, "debt alone"),
        ("interest: 7 %", "interest: 7", 15, "doubles"),
        ("interest: 7 %", "interest: [7 % from 2026-06-01]", 15, "no rate is in force"),
        ("grace: 6 months", "upfront_fee: 1", 16, "more than the whole"),
        ("provider: bank", "provider: bnak", 11, "bank"),
        ("  us:\n    gearing", "  usa:\n    gearing", 5, "us"),
        ("gearing: 60 %", "consolidates: [us]", 6, "already"),
        ("gearing: 60 %", "tax: 100 %", 6, "leaves nothing"),
        ("gearing: 60 %", "pro_rata: [[own, lone]]", 6, "no source"),
        ("gearing: 60 %", "pro_rata: [[own, loan]]", 6, "different days"),
        ("gearing: 60 %", "pro_rata: [[own, own]]", 6, "already"),
        ("grace: 6 months", "after: listing", 16, "listing"),
        ("kind: debt", "kind: prepayment", 15, "interest"),
    ],
)
def test_what_cannot_be_is_said_with_its_line(before: str, after: str, line: int, said: str) -> None:
    found = load_estate_text(GOOD.replace(before, after, 1))
    assert isinstance(found, Problems), found
    errors = [one for one in found.problems if one.severity == "error"]
    assert [one.line for one in errors] == [line]
    assert said in f"{errors[0].message} {errors[0].suggestion}"
