"""Histories of use from files of three kinds, each fault at its line and column."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

import pytest

from offtake.adapters.usage_history import read_history
from offtake.demand.forecast import Every, History
from offtake.domain.errors import InvalidInput

VALUES = "month,cost,tokens\n" + "".join(f"2024-{month:02d},{month * 10},{month}\n" for month in range(1, 10))
HEAD = "ChargePeriodStart,ChargePeriodEnd,EffectiveCost,BillingCurrency,ChargeCategory,ServiceCategory\n"
FOCUS = HEAD + "".join(
    f"2024-09-{day:02d} {hour:02d}:00:00,2024-09-{day:02d} {hour + 11:02d}:00:00,{day}.5,USD,Usage,Compute\n"
    f"2024-09-{day:02d} {hour:02d}:00:00,2024-09-{day:02d} {hour + 11:02d}:00:00,100,USD,Tax,Compute\n"
    for day in (9, 1, 2, 3, 4, 5, 6, 7, 8, 10)
    for hour in (0, 12)
)
TRACE = "TIMESTAMP,ContextTokens,GeneratedTokens\n" + "".join(
    f"2024-01-01 00:{minute:02d}:{second:02d},{minute},1\n" for minute in range(12) for second in (0, 30)
)


def read(
    tmp_path: Path,
    text: str,
    every: Every,
    measure: str | None = None,
    where: Mapping[str, str] | None = None,
) -> History:
    path = tmp_path / "h.csv"
    path.write_text(text, encoding="utf-8")
    return read_history(path, every, measure, where or {})


def test_dates_and_values(tmp_path: Path) -> None:
    found = read(tmp_path, VALUES, "month")
    assert found.values == tuple(month * 10.0 for month in range(1, 10))
    assert found.measure == "cost"
    assert read(tmp_path, VALUES, "month", "tokens").values == tuple(float(month) for month in range(1, 10))


def test_charges_for_use_are_summed_by_day(tmp_path: Path) -> None:
    found = read(tmp_path, FOCUS, "day")
    assert found.values == tuple(2 * (day + 0.5) for day in range(1, 10))
    assert found.measure == "EffectiveCost USD"
    assert found.dropped == 1  # The tenth ends at 23:00, so that it may not be whole.
    assert read(tmp_path, FOCUS, "day", None, {"ChargeCategory": "Tax"}).values == (200.0,) * 9


def test_a_trace_counts_requests_or_tokens(tmp_path: Path) -> None:
    assert read(tmp_path, TRACE, "minute").values == (2.0,) * 11
    assert read(tmp_path, TRACE, "minute", "tokens").values == tuple(2.0 * (m + 1) for m in range(11))


REFUSED = [
    (VALUES, "2024-05,", "2024-04,", "h.csv:6:1:", "not after"),
    (VALUES, "2024-05,50,5\n", "", "h.csv:6:1:", "gap"),
    (VALUES, "2024-05,50", "2024-05,0", "h.csv:6:9:", "above zero"),
    (VALUES, "2024-05,50", "2024-05,-50", "h.csv:6:9:", "above zero"),
    (VALUES, "2024-05,50", "2024-05,fifty", "h.csv:6:9:", "no number"),
    (VALUES, "2024-05,50", "2024-05,1e308", "h.csv:6:9:", "more than 1e+30"),
    (VALUES, "2024-05,50", "2024-05,nan", "h.csv:6:9:", "no number"),
    (VALUES, "2024-05,", "May 2024,", "h.csv:6:1:", "no date"),
    (FOCUS, "2024-09-01 00:00:00,2", "yesterday,2", "h.csv:6:1:", "no date"),
    (FOCUS, "1.5,USD,Usage", "1.5 USD,USD,Usage", "h.csv:6:41:", "no number"),
    (FOCUS, "1.5,USD,Usage", "1.5,EUR,Usage", "h.csv:", "several units"),
    (FOCUS, "EffectiveCost", "Cost", "h.csv:1:1:", "no column"),
]


@pytest.mark.parametrize(("text", "before", "after", "where", "what"), REFUSED)
def test_what_cannot_be_used_is_refused_at_its_place(
    tmp_path: Path, text: str, before: str, after: str, where: str, what: str
) -> None:
    assert before in text
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, text.replace(before, after, 1), "day" if text is FOCUS else "month")
    assert refused.value.message.startswith(where)
    assert what in refused.value.message


@pytest.mark.parametrize(
    ("text", "every", "measure", "where"),
    [
        ("", "month", None, {}),
        ("month\n2024-01\n", "month", None, {}),
        (VALUES, "month", "power", {}),
        (VALUES, "month", None, {"a": "b"}),
        (TRACE, "minute", "power", {}),
        (TRACE, "minute", None, {"a": "b"}),
        (FOCUS, "day", None, {"Colour": "blue"}),
        (FOCUS, "day", None, {"ServiceCategory": "Storage"}),
        (FOCUS, "month", None, {}),
    ],
)
def test_what_is_not_there_is_refused(
    tmp_path: Path, text: str, every: Every, measure: str | None, where: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput):
        read(tmp_path, text, every, measure, where)


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_history(tmp_path / "none.csv", "month", None, {})
