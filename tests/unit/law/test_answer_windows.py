"""Time to answer by the size of the deal: what fits together, and where a file says so when it does not."""

from __future__ import annotations

from datetime import date
from decimal import Decimal

import pytest

from offtake.adapters.estate_yaml import Loaded, Problem, load_estate_text
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.law.compile import compile_law
from offtake.law.differences import differences
from offtake.law.procedures import answer_window
from offtake.law.wording import windows_text

ESTATE = """\
offtake: 1
for: lab
horizon: {from: 2026-01-01, until: 2029-01-01}
parties: {lab: {}, cloud: {}}
agreements:
  deal:
    between: [lab, cloud]
    signed: 2025-12-01
    clauses:
      first:
        kind: first-refusal
        holder: cloud
        measure: power
        CLAUSE
answers: [{clause: deal.first, offers: 1 MW}]
"""


def problem(clause: str) -> Problem | None:
    found = load_estate_text(ESTATE.replace("CLAUSE", clause), "estate.yaml").problems
    return next((one for one in found if one.severity == "error"), None)


@pytest.mark.parametrize(
    ("windows", "at", "says"),
    [
        ("[{below: 10 MW, window: 5 days}, {from: 8 MW, window: 9 days}]", "8 MW", "begins at 8 MW, within"),
        (
            "[{below: 10 MW, window: 5 days}, {from: 12 MW, window: 9 days}]",
            "12 MW",
            "needs from 10 MW on and below 12 MW",
        ),
        ("[{from: 1 MW, window: 5 days}]", "1 MW", "needs below 1 MW have no window"),
        ("[{below: 10 MW, window: 5 days}]", "10 MW", "needs of 10 MW and more have no window"),
        ("[{window: 5 days}, {window: 9 days}]", "{window: 5 days}", "no upper end, and another follows"),
        (
            "[{below: 9 MW, window: 5 days}, {below: 9 MW, window: 6 days}, {window: 7 days}]",
            "9 MW, window: 6",
            "ends at 9 MW",
        ),
        ("[{below: 10 chips, window: 5 days}, {window: 9 days}]", "10 chips", "10 chips"),
    ],
    ids=[
        "overlap",
        "gap",
        "nothing for the smallest",
        "nothing for the largest",
        "two without end",
        "empty",
        "unit",
    ],
)
def test_windows_that_do_not_fit_together_are_found_at_their_place(windows: str, at: str, says: str) -> None:
    found = problem(f"windows: {windows}")
    assert found is not None
    column = len("        windows: ") + windows.index(at) + 1
    assert (found.line, found.column, says in found.message) == (14, column, True), found


def test_one_window_and_windows_by_size_are_two_answers_to_one_question() -> None:
    found = problem("window: 5 days\n        windows: [{window: 9 days}]")
    assert found is not None
    assert (found.line, "both stated" in found.message) == (14, True)


def test_the_law_knows_the_window_of_every_size() -> None:
    loaded = load_estate_text(
        ESTATE.replace(
            "CLAUSE",
            "windows: [{below: 10 MW, window: 5 days}, {below: 1 GW, window: 9 days}, {window: 20 days}]",
        ),
        "estate.yaml",
    )
    assert isinstance(loaded, Loaded)
    law = compile_law(loaded.estate, date(2026, 1, 1))
    (right,) = law.procedures
    sizes = {0: "5 days", 9: "5 days", 10: "9 days", 999: "9 days", 1000: "20 days", 10**9: "20 days"}
    for size, text in sizes.items():
        window = answer_window(right, Decimal(size))
        assert window is not None
        assert window.text == text
    said = "5 days below 10 MW, 9 days from 10 MW below 1000 MW, 20 days from 1000 MW on"
    assert windows_text(right) == said
    (moved,) = differences(law.without("deal.first"), law)
    assert said in str(moved.second)


def test_a_law_cannot_be_compiled_from_windows_that_leave_a_gap() -> None:
    clause = {
        "kind": "first-refusal",
        "holder": "cloud",
        "windows": [{"below": "10 accelerators", "window": "5 days"}],
    }
    estate = Estate.model_validate(
        {
            "offtake": 1,
            "horizon": {"from": "2026-01-01", "until": "2029-01-01"},
            "parties": {"lab": {}, "cloud": {}},
            "agreements": {
                "deal": {"between": ["lab", "cloud"], "signed": "2025-12-01", "clauses": {"first": clause}}
            },
        }
    )
    with pytest.raises(InvalidInput, match=r"deal\.first: needs of 10 accelerators and more have no window"):
        compile_law(estate)
