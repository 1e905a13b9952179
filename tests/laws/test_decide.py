"""Properties of the law: it says what a second reading of the agreements says, and relaxing it refuses nothing more."""

from __future__ import annotations

from dataclasses import replace
from datetime import date

import numpy as np
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from laws.strategies import actions, days, estates, intervals, positions, supplies, workloads
from offtake.domain.estate import Estate
from offtake.domain.position import Position
from offtake.domain.selection import ACTIONS, Action
from offtake.law.compile import compile_law
from offtake.law.decide import Permit, decide
from offtake.law.masks import forbidding, permitted
from offtake.law.primitives import Law
from reference import decide as reference

searching = settings(
    max_examples=150,
    deadline=None,
    derandomize=True,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much],
)


def drawn(data: st.DataObject) -> tuple[Estate, date | None, Law, Position]:
    """An estate, what is known of it and when, and where things stand."""
    estate = data.draw(estates())
    known_at = data.draw(st.none() | days)
    law = compile_law(estate, known_at)
    meters = tuple(meter.id for meter in law.meters)
    procedures = tuple(procedure.id for procedure in law.procedures)
    return estate, known_at, law, data.draw(positions(meters, procedures))


@searching
@given(st.data())
def test_the_law_says_what_a_second_reading_of_the_clauses_says(data: st.DataObject) -> None:
    estate, known_at, law, position = drawn(data)
    for action in data.draw(st.lists(actions(), min_size=1, max_size=4)):
        expected = reference.decide(estate, known_at, position, action)
        answer = decide(law, position, action)
        if isinstance(answer, Permit):
            assert expected.clauses == frozenset()
            obligations = {(o.kind, o.who, o.origin.clause) for o in answer.obligations}
            assert obligations == expected.obligations
        else:
            assert set(answer.clauses) == expected.clauses


@searching
@given(st.data())
def test_masks_in_bulk_are_the_masks_of_single_decisions(data: st.DataObject) -> None:
    _, _, law, position = drawn(data)
    needs = data.draw(st.lists(workloads(), max_size=5))
    places = data.draw(st.lists(supplies(), max_size=5))
    kind, interval = data.draw(st.sampled_from(ACTIONS)), data.draw(intervals())
    bulk = permitted(law, needs, places, kind, interval, position)
    masks_only = replace(law, meters=(), procedures=())
    single = [
        [
            isinstance(decide(masks_only, position, Action(kind, interval, workload=w, supply=s)), Permit)
            for s in places
        ]
        for w in needs
    ]
    assert bulk.shape == (len(needs), len(places))
    assert np.array_equal(bulk, np.array(single, dtype=np.bool_).reshape(bulk.shape))
    for w, row in zip(needs, bulk, strict=True):
        for s, free in zip(places, row, strict=True):
            assert bool(free) == (not forbidding(law, w, s, kind, interval, position))


@searching
@given(st.data())
def test_a_law_with_less_in_it_refuses_no_more(data: st.DataObject) -> None:
    _, _, law, position = drawn(data)
    action = data.draw(actions())
    dropped = data.draw(st.sampled_from((*law.masks, *law.meters, None)))
    relaxed = replace(
        law,
        masks=tuple(mask for mask in law.masks if mask is not dropped),
        meters=tuple(meter for meter in law.meters if meter is not dropped),
    )
    if isinstance(decide(law, position, action), Permit):
        assert isinstance(decide(relaxed, position, action), Permit)


@searching
@given(st.data())
def test_the_order_of_what_is_recorded_as_read_does_not_matter(data: st.DataObject) -> None:
    _, _, law, position = drawn(data)
    action = data.draw(actions())
    turned = replace(
        position,
        happened=position.happened[::-1],
        readings=position.readings[::-1],
        approvals=position.approvals[::-1],
    )
    assert decide(law, position, action) == decide(law, turned, action)
