"""The one table: every stage can be reached, every one but the last can be left, and no move is known twice."""

from __future__ import annotations

from typing import get_args

import pytest

from offtake.broker.transitions import TRANSITIONS, Move, Stage, legal, moved

CLOSED = {"awarded", "cancelled"}


def test_every_stage_is_reached_and_left() -> None:
    stages = set(get_args(Stage))
    assert {stage for stage, _ in TRANSITIONS} == stages - CLOSED
    assert set(TRANSITIONS.values()) >= stages - {"drafted"}


def test_every_move_is_of_use() -> None:
    assert {move for _, move in TRANSITIONS} == set(get_args(Move))


@pytest.mark.parametrize("stage", sorted(CLOSED))
def test_what_is_closed_stays_closed(stage: Stage) -> None:
    assert legal(stage) == ()
    assert all(moved(stage, move) is None for move in get_args(Move))


def test_nothing_is_awarded_while_a_holder_may_answer() -> None:
    assert moved("noticed", "award") is None
    assert {stage for stage, move in TRANSITIONS if move == "award"} == {"accepted", "overflow"}
