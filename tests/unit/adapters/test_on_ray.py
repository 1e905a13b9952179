"""Futures on a real local Ray of two workers, one of which is killed half-way."""

from __future__ import annotations

import os
import signal
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

from offtake.adapters.on_ray import run_on_ray
from offtake.domain.errors import InvalidInput

pytestmark = pytest.mark.filterwarnings("ignore")  # Ray warns of what it finds on a machine.


def killed_once(marks: Path) -> Callable[[list[int]], list[tuple[int, int]]]:
    """A function that kills the process it runs in, the first time that it is given 5."""

    def work(batch: list[int]) -> list[tuple[int, int]]:
        mark = marks / "killed"
        if 5 in batch and not mark.exists():
            _ = mark.write_text(str(os.getpid()))
            os.kill(os.getpid(), signal.SIGKILL)
        return [(one, os.getpid()) for one in batch]

    return work


def test_every_batch_comes_back_though_a_worker_is_killed_half_way(tmp_path: Path) -> None:
    batches = [[n, n + 1] for n in range(0, 20, 2)]
    found = [pair for batch in run_on_ray(killed_once(tmp_path), batches, None, 2) for pair in batch]
    assert sorted(n for n, _ in found) == list(range(20))
    dead = int((tmp_path / "killed").read_text())
    done_by = dict(found)
    assert done_by[5] != dead
    assert len(set(done_by.values())) >= 2


def test_without_ray_it_is_said_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(InvalidInput, match="not installed") as refused:
        _ = list(run_on_ray(sorted, [[1]], None, 2))
    assert "offtake[ray]" in (refused.value.hint or "")
