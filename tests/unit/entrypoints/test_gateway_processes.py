"""What processes of one gateway tell of each other, and how long one that dies rests."""

from __future__ import annotations

from pathlib import Path

import orjson

from offtake.entrypoints.gateway.beside import HEARD_WITHIN_S, Beside, merged
from offtake.entrypoints.gateway.supervising import LONGEST_REST_S, rest_s


def test_one_that_dies_again_and_again_rests_longer_up_to_a_bound() -> None:
    assert [rest_s(n) for n in range(4)] == [0.1, 0.2, 0.4, 0.8]
    assert rest_s(7) == rest_s(10**6) == LONGEST_REST_S


def test_metrics_of_processes_are_one_text_with_each_family_once() -> None:
    first = '# TYPE a counter\na{x="1"} 2\n# TYPE b gauge\nb 3\n'
    second = '# TYPE a counter\na{x="1"} 5\n# TYPE c gauge\nc 1\n'
    assert merged({2: second, 1: first}) == (
        '# TYPE a counter\na{process="1",x="1"} 2\na{process="2",x="1"} 5\n'
        '# TYPE b gauge\nb{process="1"} 3\n# TYPE c gauge\nc{process="2"} 1\n'
    )


def test_what_was_told_long_ago_or_cannot_be_read_is_not_heard(tmp_path: Path) -> None:
    now = 1_000.0
    beside = Beside(tmp_path, 1, 4, lambda: now)

    def told(slot: int, at: float) -> bytes:
        return orjson.dumps({"slot": slot, "pid": 1, "at": at, "lack": None, "metrics": ""})

    (tmp_path / "2.json").write_bytes(told(2, now - 1))
    (tmp_path / "3.json").write_bytes(told(3, now - HEARD_WITHIN_S - 1))
    (tmp_path / "4.json").write_bytes(b"{")
    assert [each.slot for each in beside.others()] == [2]
    assert beside.readiness(None) == (True, "ready: 2 of 4 processes take requests")
    assert beside.readiness("the gateway is ending") == (
        False,
        "the gateway is ending: 1 of 4 processes take requests",
    )
