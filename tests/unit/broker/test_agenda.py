"""What is due, against a sorted list of it."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.broker.agenda import LONGEST_RUN, Agenda, Due

FIRST = datetime(2026, 1, 1, tzinfo=UTC)
STEPS = st.lists(st.tuples(st.booleans(), st.integers(0, 9), st.integers(0, 30)), max_size=60)


def entry(name: int, hour: int) -> Due:
    return FIRST + timedelta(hours=hour), f"need {name // 3}", f"notice {name}"


@settings(deadline=None)
@given(STEPS)
def test_an_agenda_is_what_was_added_and_not_taken_out_in_order(steps: list[tuple[bool, int, int]]) -> None:
    agenda, kept = Agenda(), dict[str, Due]()
    for add, name, hour in steps:
        at, need, what = entry(name, hour)
        if add:
            agenda = agenda.plus(at, need, what)
            kept[what] = (at, need, what)
        else:
            agenda = agenda.minus(what)
            kept.pop(what, None)
        assert list(agenda) == sorted(kept.values())
        assert agenda.first == min(kept.values(), default=None)
    assert agenda == Agenda.of(kept.values())


def test_long_agendas_stay_in_order_while_their_runs_split_and_empty() -> None:
    names = [(n * 7919) % (5 * LONGEST_RUN) for n in range(5 * LONGEST_RUN)]
    agenda = Agenda()
    for name in names:
        agenda = agenda.plus(*entry(name, name % 50))
    assert list(agenda) == sorted(entry(name, name % 50) for name in names)
    assert max(len(run) for run in agenda.runs) <= LONGEST_RUN
    for name in names[: 4 * LONGEST_RUN]:
        agenda = agenda.minus(f"notice {name}")
    assert list(agenda) == sorted(entry(name, name % 50) for name in names[4 * LONGEST_RUN :])


def test_what_is_due_at_another_time_is_due_once() -> None:
    agenda = Agenda().plus(*entry(1, 5)).plus(*entry(1, 2))
    assert list(agenda) == [entry(1, 2)]
    assert len(agenda) == 1
