"""Traces from CSV files: what cannot be used is refused at its line and column."""

from __future__ import annotations

import gzip
from datetime import datetime
from pathlib import Path

import pytest

from offtake.adapters.trace_csv import Gaps, read_trace
from offtake.demand.traffic.trace import Trace
from offtake.domain.errors import InvalidInput

SOUND = """\
TIMESTAMP,ContextTokens,GeneratedTokens
2023-11-16 18:15:46.6805900,374,44
2023-11-16 18:15:46.9051690,396,109
2023-11-16 18:15:51.2224670,879,55
"""


def read(tmp_path: Path, text: str, gaps: Gaps = "refuse", gap_s: float | None = None) -> Trace:
    path = tmp_path / "t.csv"
    path.write_text(text, encoding="utf-8")
    return read_trace(path, gaps, gap_s)


def test_a_trace_is_read(tmp_path: Path) -> None:
    found = read(tmp_path, SOUND)
    assert found.begins == datetime(2023, 11, 16, 18, 15, 46)  # noqa: DTZ001 - the file states no zone
    assert found.seconds.tolist() == pytest.approx([0.0, 0.224579, 4.541877])
    assert found.tokens_in.tolist() == [374, 396, 879]
    assert found.tokens_out.tolist() == [44, 109, 55]


def test_columns_go_by_name_and_lines_may_end_as_they_like(tmp_path: Path) -> None:
    text = (
        "\ufeffid,generatedtokens,timestamp,contexttokens\r\n1,2,2023-01-01T00:00:00Z,3\r\n\r\n"
        "1,4,2023-01-01T01:00:01+01:00,5\r\n"
    )
    found = read(tmp_path, text)
    assert (found.seconds.tolist(), found.tokens_in.tolist(), found.tokens_out.tolist()) == (
        [0, 1],
        [3, 5],
        [2, 4],
    )


def test_a_compressed_trace_is_read(tmp_path: Path) -> None:
    path = tmp_path / "t.csv.gz"
    path.write_bytes(gzip.compress(SOUND.encode()))
    assert read_trace(path).seconds.size == 3


REFUSED = [
    ("18:15:51.2224670", "18:15:45.2224670", "t.csv:4:1:", "before"),
    ("18:15:46.9051690,396", "quarter past six,396", "t.csv:3:1:", "no time"),
    ("2023-11-16 18:15:46.9", "2023-13-16 18:15:46.9", "t.csv:3:1:", "no time"),
    (",396,109", ",-396,109", "t.csv:3:29:", "no number of tokens"),
    (",396,109", ",396,10.9", "t.csv:3:33:", "no number of tokens"),
    (",396,109", ",396", "t.csv:3:33:", "missing"),
    (",396,109", f",396,{'9' * 5000}", "t.csv:3:33:", "no number of tokens"),
    ("18:15:46.9051690", "18:15:46.9051690Z", "t.csv:3:1:", "offset"),
    ("ContextTokens", "Context", "t.csv:1:1:", "no column `ContextTokens`"),
    ("18:15:51", "18:25:51", "t.csv:4:1:", "a gap of"),
]


@pytest.mark.parametrize(("before", "after", "where", "what"), REFUSED)
def test_what_cannot_be_used_is_refused_at_its_place(
    tmp_path: Path, before: str, after: str, where: str, what: str
) -> None:
    with pytest.raises(InvalidInput) as refused:
        read(tmp_path, SOUND.replace(before, after, 1))
    assert refused.value.message.startswith(where)
    assert what in refused.value.message
    assert refused.value.hint


@pytest.mark.parametrize("text", ["", "TIMESTAMP,ContextTokens,GeneratedTokens\n", SOUND[:75]])
def test_too_little_is_refused(tmp_path: Path, text: str) -> None:
    with pytest.raises(InvalidInput):
        read(tmp_path, text)


@pytest.mark.parametrize("content", [b"\xff\xfe\x00", b"TIMESTAMP,ContextTokens,GeneratedTokens\n\x00\n"])
def test_what_is_no_text_is_refused(tmp_path: Path, content: bytes) -> None:
    (tmp_path / "t.csv").write_bytes(content)
    with pytest.raises(InvalidInput):
        read_trace(tmp_path / "t.csv")
    (tmp_path / "t.csv.gz").write_bytes(content)
    with pytest.raises(InvalidInput):
        read_trace(tmp_path / "t.csv.gz")


def test_a_file_that_is_not_there_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_trace(tmp_path / "none.csv")


def test_a_gap_may_be_kept_or_cut(tmp_path: Path) -> None:
    text = SOUND + "2023-11-16 19:15:51.2224670,1,1\n2023-11-16 19:15:52.2224670,1,1\n"
    kept, cut = read(tmp_path, text, "keep"), read(tmp_path, text, "cut", 60.0)
    assert kept.span_s == pytest.approx(3605.541877)
    usual = (4.541877 + 1.0) / 3
    assert cut.span_s == pytest.approx(4.541877 + usual + 1.0)
    assert cut.cut_s == pytest.approx(3600 - usual)
    assert kept.cut_s == 0.0
