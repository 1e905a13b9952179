"""Runs from CSV files, and what is wrong with them, at its place."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.adapters.scaling_points import points_of, read_points
from offtake.domain.errors import InvalidInput


def test_tokens_are_flop_over_six_parameters() -> None:
    points = points_of("Model Size,Training FLOP,loss\n1e9,6e19,3.0\n", "runs.csv")
    assert points.parameters == (1e9,)
    assert points.tokens == (1e10,)
    assert points.loss == (3.0,)


def test_tokens_are_taken_where_both_are_given() -> None:
    assert points_of("n,d,c,loss\n1e9,5e10,1,3\n", "runs.csv").tokens == (5e10,)


def test_all_points_of_the_example_are_read() -> None:
    points = read_points(Path("examples/scaling-laws/chinchilla_points.csv"))
    assert len(points.loss) == 245
    kept = points.without_highest(5)
    assert len(kept.loss) == 240
    assert max(kept.loss) < 3.42 < sorted(points.loss)[-5]


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("parameters,tokens,loss\n1e9,2e10,3\n1e9,x,3\n", "runs.csv:3:5: `x` is no number of tokens"),
        ("parameters,tokens,loss\n1e9,2e10,-3\n", "runs.csv:2:10: loss of -3 is not above zero"),
        ("parameters,tokens,loss\n1e9,2e10\n", "runs.csv:2:10: the row ends before `loss`"),
        ("parameters,tokens,loss\n1e9,nan,3\n", "runs.csv:2:5: tokens of nan is not above zero"),
        ("parameters,loss\n1e9,3\n", "runs.csv:1: neither `tokens` nor `flop`"),
        ("tokens,loss\n1e9,3\n", "runs.csv:1: no column `parameters`"),
        ("n,params,d,loss\n1,2,3,4\n", "runs.csv:1: two columns are parameters"),
        ("n,d,loss\n", "runs.csv: no run below the header"),
        ('n,d,loss\n1,"2,3\n', "the CSV cannot be read"),
    ],
)
def test_what_is_wrong_is_said_with_its_place(text: str, says: str) -> None:
    with pytest.raises(InvalidInput) as told:
        points_of(text, "runs.csv")
    assert says in told.value.message


def test_a_file_that_is_no_text_or_not_there(tmp_path: Path) -> None:
    (tmp_path / "runs.csv").write_bytes(b"\xff\xfe\x00")
    with pytest.raises(InvalidInput, match="UTF-8"):
        read_points(tmp_path / "runs.csv")
    with pytest.raises(InvalidInput, match="cannot be read"):
        read_points(tmp_path / "none.csv")
