"""Entries of earlier formats are brought to this one's shape step by step, and later ones are not guessed at."""

from __future__ import annotations

from typing import Any

import pytest

from offtake.broker.entries import entry_of
from offtake.broker.upcasting import FORMAT, upcast
from offtake.domain.errors import StorageFailure

STEPS = {
    1: lambda entry: {**entry, "by": entry.get("actor", "operator")},
    2: lambda entry: {key: value for key, value in entry.items() if key != "actor"},
}


def test_an_entry_goes_through_every_format_between() -> None:
    old: dict[str, Any] = {"format": 1, "actor": "lab"}
    assert upcast(old, STEPS, to=3) == {"format": 3, "by": "lab"}
    assert old == {"format": 1, "actor": "lab"}


def test_a_notice_of_format_1_stated_no_time_to_answer() -> None:
    old: dict[str, Any] = {
        "format": 1,
        "events": [{"kind": "holder-noticed", "notice": {"id": "n1.1"}}, {"kind": "market-opened"}],
    }
    new = upcast(old)
    assert new["format"] == FORMAT
    assert new["events"] == [
        {
            "kind": "holder-noticed",
            "notice": {"id": "n1.1", "answer_within": None, "parts": []},
            "bids": [],
        },
        {"kind": "market-opened"},
    ]


def test_an_entry_of_this_format_is_left_as_it_is() -> None:
    entry = {"format": FORMAT, "by": "lab"}
    assert upcast(entry) is entry


@pytest.mark.parametrize("version", [FORMAT + 1, 0, -1])
def test_what_no_upcaster_reads_is_refused(version: int) -> None:
    with pytest.raises(ValueError, match="format"):
        upcast({"format": version})


def test_a_later_entry_is_a_storage_failure_with_something_to_try() -> None:
    with pytest.raises(StorageFailure) as failed:
        entry_of('{"format": 99}', "")
    assert "verify" in str(failed.value.hint)
