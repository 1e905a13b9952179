"""Futures kept on disk: what was written comes back, and what was broken off does not."""

from __future__ import annotations

from math import inf
from pathlib import Path

import pytest

from offtake.adapters.futures_file import FuturesFile
from offtake.domain.errors import StorageFailure
from offtake.planner.futures.outcomes import Outcome


def outcome(job: str) -> Outcome:
    return Outcome(
        job,
        "planned",
        "cold",
        cost=12345678901234567,
        values={"need": (1.0, 1.25), "over": inf, "price": 0.8},
        series={"need": (1.0, 2.0)},
        binding={"house.cap": 0.125},
        orders={"build hall/gpu": 40.0},
    )


def test_what_was_added_comes_back_by_its_key(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "futures.jsonl"
    FuturesFile(path, "one").add([outcome("0"), outcome("need@0.05")])
    FuturesFile(path, "other").add([outcome("1")])
    FuturesFile(path, "one").add([Outcome("2", "failed", why="time")])
    kept = FuturesFile(path, "one").kept()
    assert kept == {
        "0": outcome("0"),
        "need@0.05": outcome("need@0.05"),
        "2": Outcome("2", "failed", why="time"),
    }
    assert list(FuturesFile(path, "other").kept()) == ["1"]
    assert FuturesFile(tmp_path / "none.jsonl", "one").kept() == {}


def test_a_line_that_was_broken_off_is_left_out_and_the_next_is_whole(tmp_path: Path) -> None:
    path = tmp_path / "futures.jsonl"
    file = FuturesFile(path, "one")
    file.add([outcome("0"), outcome("1")])
    _ = path.write_bytes(path.read_bytes()[:-40])
    assert list(file.kept()) == ["0"]
    file.add([outcome("2")])
    assert list(file.kept()) == ["0", "2"]
    with path.open("ab") as opened:
        _ = opened.write(b'{"key": "one"}\nnot json\n[1]\n')
    assert list(file.kept()) == ["0", "2"]


def test_a_place_that_cannot_be_written_is_said(tmp_path: Path) -> None:
    _ = (tmp_path / "file").write_text("")
    with pytest.raises(StorageFailure, match="could not be written"):
        FuturesFile(tmp_path / "file" / "futures.jsonl", "one").add([outcome("0")])
