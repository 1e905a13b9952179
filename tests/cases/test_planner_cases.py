"""The worked cases as plans: small estates, each with the exact numbers that the agreements make of it.

A file states an `estate` and `cases`; a case changes the estate by `with` (a mapping laid over it, None takes a key
out) and says what is expected. Money is per hour of the horizon where `hours` says how many it has.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml

from planned import CapacityPlan, InfeasiblePlan, OfftakeError, cost, ordered, priced, served, solved

FOLDER = Path(__file__).parent / "planner"


@dataclass(frozen=True)
class Case:
    name: str
    text: str
    hours: float
    ask: Mapping[str, Any]
    expect: Mapping[str, Any]


def laid_over(base: Any, change: Any) -> Any:
    """One mapping over another, all the way down; anything else takes the place of what was there."""
    if not isinstance(base, Mapping) or not isinstance(change, Mapping):
        return change
    found = {key: value for key, value in base.items() if key not in change or change[key] is not None}
    return found | {key: laid_over(base.get(key), one) for key, one in change.items() if one is not None}


def cases() -> Iterator[Case]:
    for path in sorted(FOLDER.glob("*.yaml")):
        content = yaml.safe_load(path.read_text("utf-8"))
        for one in content["cases"]:
            estate = laid_over(content["estate"], one.get("with", {}))
            yield Case(
                f"{path.stem}: {one['name']}",
                yaml.safe_dump(estate, sort_keys=False, width=1000),
                float(one.get("hours", content.get("hours", 1))),
                one.get("ask", {}),
                one["expect"],
            )


@pytest.mark.parametrize("case", list(cases()), ids=lambda case: case.name)
def test_case(case: Case) -> None:
    expect = dict(case.expect)
    if "refused" in expect:
        with pytest.raises(OfftakeError, match=expect["refused"]):
            answered(case)
        return
    plan = answered(case)
    if "infeasible" in expect:
        assert isinstance(plan, InfeasiblePlan)
        named = " ".join(f"{row.source} {row.what}" for row in plan.conflicts)
        assert all(word in named for word in expect["infeasible"]), named
        return
    assert isinstance(plan, CapacityPlan), plan
    assert all(check.passed for check in plan.certificate.checks)
    readings = {
        "cost": lambda _: round(cost(plan) / case.hours, 6),
        "orders": lambda stated: {supply: ordered(plan, supply) for supply in stated},
        "served": lambda stated: {supply: served(plan, supply) for supply in stated},
        "unmet": lambda _: {f"{row.workload} {row.period}": row.share for row in plan.unmet},
        "why": lambda stated: [
            clause for clause in stated if any(row.clause == clause for row in plan.unmet)
        ],
        "periods": lambda _: [period.label for period in plan.periods],
        "owed": lambda stated: {
            meter: [row.owed_cents / 100 for row in plan.meters if row.meter == meter] for meter in stated
        },
        "counted": lambda stated: {
            meter: [row.counted for row in plan.meters if row.meter == meter] for meter in stated
        },
        "elsewhere": lambda _: [row.taken_elsewhere for row in plan.first_refusals],
        "holders": lambda _: [row.taken_by_holder for row in plan.first_refusals],
        "obligations": lambda _: [f"{row.who} about {row.clause}" for row in plan.obligations],
        "price": lambda stated: {
            clause: round(priced(case.text, clause).price_cents / 100 / case.hours, 6) for clause in stated
        },
    }
    for key, stated in expect.items():
        assert readings[key](stated) == near(stated), f"{key} of {case.name}"


def near(stated: Any) -> Any:
    """What is stated, with its numbers met to a millionth."""
    if isinstance(stated, Mapping):
        return {key: near(one) for key, one in stated.items()}
    if isinstance(stated, list):
        return [near(one) for one in stated]
    return pytest.approx(stated, rel=1e-6, abs=1e-6) if isinstance(stated, int | float) else stated


def answered(case: Case) -> CapacityPlan | InfeasiblePlan:
    known_at = case.ask.get("known_at")
    assert known_at is None or isinstance(known_at, date)
    return solved(
        case.text, known_at=known_at, events=tuple(case.ask.get("events", ())), party=case.ask.get("for")
    )
