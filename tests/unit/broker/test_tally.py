"""The auditor's sums, against going through everything in its books again at every award of simulated years."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from decimal import Decimal
from typing import Any

import pytest

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.broker.events import NeedAwarded
from offtake.broker.verification import tenure, verified
from offtake.broker.verification.awards import faults
from offtake.broker.verification.books import LEVEL_MEASURES, Case
from offtake.broker.verification.inspection import Audit
from offtake.broker.verification.tally import MOMENTS, Level, Tally, in_force, mean, windows_between
from offtake.law.meters import burns
from offtake.law.primitives import Meter
from simulation.play import PlainSealer, played

NOTHING = Decimal(0)


def plainly_used(audit: Audit, pool: str, day: date) -> Decimal:
    rules, total = audit.rules, NOTHING
    for held in audit.books.leases.values():
        found = rules.pool(rules.supply(held.supply))
        if found.id == pool and held.on(day):
            total += held.amounts[found.measure]
    return total


def plainly_counted(audit: Audit, meter: Meter, begins: date, ends: date) -> Decimal:
    """What a meter counted on the days of one window on which it is in force."""
    rules, total = audit.rules, NOTHING
    window = next(windows_between(meter, begins, ends))
    for held in audit.books.leases.values():
        if burns(meter, rules.law, held.action(rules)):
            first, last = max(begins, held.need.begins), min(ends, held.need.ends)
            if first < last:
                total += mean(rules, held, meter, window, first, last)
    for one in audit.books.readings.values():
        if one.id not in audit.books.gone and one.primitive == meter.id and begins <= one.begins < ends:
            total += one.amount
    return total


def plainly_level(audit: Audit, meter: Meter, begins: date, ends: date) -> Decimal:
    """Everything that shares a day with [begins, ends) and counts on a meter."""
    rules = audit.rules
    return sum(
        (
            held.amounts[meter.measure]
            for held in audit.books.leases.values()
            if held.need.begins < min(held.until, ends)
            and begins < held.until
            and burns(meter, rules.law, held.action(rules))
        ),
        NOTHING,
    )


def differences(audit: Audit, case: Case) -> Iterator[str]:
    tally, rules = audit.tally, audit.rules
    first, last = case.need.begins, case.need.ends
    for pool in {rules.pool(supply).id for supply in rules.supplies.values()}:
        for day in (first, last - timedelta(days=1), first + (last - first) // 2):
            if tally.pools[pool].on(day) != plainly_used(audit, pool, day):
                yield f"{pool} on {day}"
    for meter in rules.law.meters:
        begins, ends = in_force(meter, first, last)
        if begins >= ends or meter.window in MOMENTS:
            continue
        for window in windows_between(meter, begins, ends):
            days = in_force(meter, window.begins, window.ends or date.max)
            if meter.measure not in LEVEL_MEASURES or meter.lower is not None:
                counted = tally.counted.get((meter.id, window.begins), NOTHING)
                if abs(counted - plainly_counted(audit, meter, *days)) > Decimal("1e-15"):
                    yield f"{meter.id} from {window.begins}"
            if meter.measure in LEVEL_MEASURES and meter.upper is not None:
                level = tally.windowed.get((meter.id, window.begins), NOTHING)
                if level != plainly_level(audit, meter, window.begins, window.ends or date.max):
                    yield f"{meter.id} in {window.begins}"


def played_out(seed: int, monkeypatch: pytest.MonkeyPatch) -> tuple[int, list[str]]:
    """How many awards a seed's ledger has, and where the sums are not what going through everything gives."""
    run, seals = played(seed, range(250)), PlainSealer()
    wrong: list[str] = []

    def compared(audit: Audit, case: Case, event: NeedAwarded) -> Iterator[str]:
        wrong.extend(differences(audit, case))
        yield from faults(audit, case, event)

    monkeypatch.setattr(tenure, "faults", compared)
    found = verified(
        run.ledger,
        business_days_of,
        MilpOptimiser(),
        lambda _, message, signature: seals.sign(message) == signature,
    )
    assert found.fault is None
    return found.awards, wrong


@pytest.mark.parametrize("seed", range(5))
def test_sums_are_what_going_through_everything_gives(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    awards, wrong = played_out(seed, monkeypatch)
    assert awards > 3
    assert wrong == []


def test_a_lease_that_is_not_added_is_noticed(monkeypatch: pytest.MonkeyPatch) -> None:
    added = Tally.lease

    def forgetting(tally: Tally, held: Any, sign: int) -> None:
        if not held.id.endswith("-1"):
            added(tally, held, sign)

    monkeypatch.setattr(Tally, "lease", forgetting)
    assert played_out(8, monkeypatch)[1]  # A world without prices, whose awards would be wrong at once.


def test_a_level_is_the_sum_of_its_spans() -> None:
    level, day = Level(), date(2026, 1, 1)
    spans = [(0, 9, 3), (2, 5, 4), (5, 7, -1), (9, 12, 2), (4, 4, 100)]
    for begins, ends, amount in spans:
        level.add(Decimal(amount), day + timedelta(days=begins), day + timedelta(days=ends))
    plain = [sum(a for b, e, a in spans if b <= n < e) for n in range(15)]
    assert [level.on(day + timedelta(days=n)) for n in range(15)] == plain
    steps = dict(level.steps(day + timedelta(days=3), day + timedelta(days=11)))
    assert steps == {day + timedelta(days=n): plain[n] for n in (3, 5, 7, 9)}
