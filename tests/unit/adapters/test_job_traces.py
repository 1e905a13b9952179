"""Traces of jobs: own columns, columns by other names, pods of a public trace, and every fault at its row."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pytest

from offtake.adapters.job_traces import Reading, read_jobs
from offtake.broker.simulating.jobs import Trace
from offtake.domain.errors import InvalidInput

DAY = date(2026, 1, 1)
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos,pod_phase,creation_time,deletion_time,scheduled_time\n"


def read(tmp_path: Path, content: str, **more: Any) -> Trace:
    path = tmp_path / "jobs.csv"
    path.write_text(content)
    how: dict[str, Any] = {
        "columns": {},
        "kinds": {},
        "known_kinds": ("h100", "t4"),
        "classes": (),
        "first_day": None,
        **more,
    }
    return read_jobs(path, Reading(**how), DAY)


def test_own_columns_with_dates(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "accelerators,from,until,kind,party,class\n8,2026-03-02T12:00,2026-03-03,H100|t4,lab,a b\n"
        "0.5,2026-03-04T00:00+01:00,2026-03-05T00:00Z,,,\n0,2026-03-02,2026-03-03,,,\n",
    )
    assert found.first_day == date(2026, 3, 2)
    one, other = found.jobs
    assert (one.begins_s, one.ends_s, one.milli) == (43_200, 86_400, 8000)
    assert (one.kinds, one.party, one.group) == (("h100", "t4"), "lab", "a-b")
    assert (other.begins_s, other.milli, other.kinds) == (86_400 + 82_800, 500, ())
    assert found.left_out == (("without an accelerator", 1),)
    assert found.accelerator_hours == pytest.approx(8 * 12 + 0.5 * 25)


def test_seconds_begin_on_the_day_that_is_given(tmp_path: Path) -> None:
    content = "accelerators,from,until\n1,60,3660\n"
    assert read(tmp_path, content).first_day == DAY
    found = read(tmp_path, content, first_day=date(2030, 5, 6))
    assert (found.first_day, found.jobs[0].begins_s) == (date(2030, 5, 6), 60)


def test_columns_by_other_names_and_kinds_by_other_kinds(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        "gpus;start;end;type\n2;0;10;V100\n1;0;10;A9\n",
        columns={"accelerators": "gpus", "from": "start", "until": "end", "kind": "type"},
        kinds={"V100": "t4"},
    )
    assert [one.kinds for one in found.jobs] == [("t4",), ()]
    assert found.any_kind == (("A9", 1),)


def test_pods_count_from_when_they_were_asked_for_and_as_long_as_they_ran(tmp_path: Path) -> None:
    found = read(
        tmp_path,
        PODS
        + "a,1,1,1,460,T4,LS,Running,100,400,200\n"  # Waited for 100 seconds, ran for 200.
        + "b,1,1,4,1000,,BE,Succeeded,100,400,100\n"
        + "c,1,1,0,0,,BE,Succeeded,100,400,100\n"
        + "d,1,1,1,1000,,BE,Pending,100,400,\n"
        + "e,1,1,1,1000,,BE,Failed,100,400,400\n",
    )
    said = [(one.begins_s, one.ends_s, one.milli, one.kinds, one.group) for one in found.jobs]
    assert said == [(100, 300, 460, ("t4",), "LS"), (100, 400, 4000, (), "BE")]
    assert found.left_out == (
        ("that never ran", 1),
        ("that ran for no time", 1),
        ("without an accelerator", 1),
    )


def test_classes_may_be_chosen(tmp_path: Path) -> None:
    content = PODS + "a,1,1,1,460,,LS,Running,100,400,200\nb,1,1,4,1000,,BE,Succeeded,100,400,100\n"
    found = read(tmp_path, content, classes=frozenset({"LS"}))
    assert [one.group for one in found.jobs] == ["LS"]
    assert found.left_out == (("of another class than LS", 1),)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("accelerators,from\n1,2\n", "lacks the column `until`"),
        ("accelerators,from,until\nmany,0,1\n", "row 2, column `accelerators`: `many` is not understood"),
        ("accelerators,from,until\n1,0,5\n1,soon,1\n", "row 3, column `from`: `soon` is not understood"),
        ("accelerators,from,until\n1,2026-01-01,5\n", "some times are dates and some are seconds"),
        ("accelerators,from,until\n-1,0,1\n", "row 2, column `accelerators`"),
        ("accelerators,from,until\nnan,0,1\n", "row 2, column `accelerators`"),
        ("accelerators,from,until\n1,1900-01-01,2026-01-01\n", "spans more than 20 years"),
        (PODS + "a,1,1,1,2000,,LS,Running,100,400,200\n", "row 2, column `gpu_milli`"),
        ("", "is empty"),
    ],
)
def test_faults_are_told_where_they_stand(tmp_path: Path, content: str, said: str) -> None:
    with pytest.raises(InvalidInput, match=said):
        read(tmp_path, content)


def test_a_trace_without_jobs_has_none(tmp_path: Path) -> None:
    assert read(tmp_path, "accelerators,from,until\n").jobs == ()
