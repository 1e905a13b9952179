"""Every worked case of the law, as the files beside this one state it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import date, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import holidays
import pytest
import yaml

from offtake.domain.currencies import rates_of
from offtake.domain.estate import Estate
from offtake.domain.position import Approval, Discharge, Happened, Position, Reading
from offtake.domain.selection import NOBODY, NOTHING, Action, Interval, SupplyFacts, WorkloadFacts
from offtake.law.compile import compile_law
from offtake.law.decide import Permit, decide
from offtake.law.facts import supplies
from offtake.law.masks import permitted
from offtake.law.pricing import is_convex, owed, paid_in
from offtake.law.primitives import Law, Meter, PriceSchedule, Procedure
from offtake.law.procedures import (
    BusinessDay,
    Need,
    aggregate,
    answer_stands,
    answer_window,
    deadline,
    disclosed,
    ladder,
    monday_to_friday,
    must_ask_again,
    offer_counts,
    part_refused,
    recorded,
    residual,
    silent_outcome,
)
from offtake.law.settlement import burned, cost, perish, settle
from reference import decide as reference

HERE = Path(__file__).parent
Data = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """What a check is put to: the case's estate, what of it is known, and the law that follows."""

    estate: Estate
    law: Law
    known_at: date | None
    position: Position

    def procedure(self, clause: str) -> Procedure:
        return next(p for p in self.law.procedures if p.origin.clause == clause)

    def meter(self, clause: str) -> Meter:
        return next(m for m in self.law.meters if m.origin.clause == clause)

    def price(self, clause: str) -> PriceSchedule:
        return next(p for p in self.law.prices if p.origin.clause == clause)

    def supply(self, stated: Data | str | None) -> SupplyFacts:
        if isinstance(stated, str):
            return next(s for s in supplies(self.estate) if s.id == stated)
        return NOTHING if stated is None else SupplyFacts(**stated)


def exact(value: float | str | None) -> Decimal:
    """A number of a file as it is written."""
    return Decimal(str(value or 0))


def checks() -> Iterator[Any]:
    """Each check of each file, under a name that says what it is about."""
    for path in sorted(HERE.glob("case_*.yaml")):
        case = yaml.safe_load(path.read_text())
        for check in case["checks"]:
            yield pytest.param(case, check, id=f"{case['case']}: {check['name']}")


def the_case(case: Data, check: Data) -> Case:
    world = yaml.safe_load((HERE / "world.yaml").read_text())
    estate = Estate.model_validate({**world, **case.get("estate", {})})
    law = compile_law(estate, check.get("known_at"))
    if "without" in check:
        law = law.without(check["without"])
    return Case(estate, law, check.get("known_at"), the_position(check.get("position", {})))


def the_position(stated: Data) -> Position:
    return Position(
        happened=tuple(Happened(h["event"], h["day"], h.get("about")) for h in stated.get("happened", ())),
        readings=tuple(
            Reading(r["meter"], r["from"], r.get("until"), exact(r["amount"]))
            for r in stated.get("readings", ())
        ),
        discharges=tuple(
            Discharge(
                d["id"],
                d["procedure"],
                d["need"],
                exact(d["elsewhere"]),
                d["from"],
                d.get("until"),
                d.get("granted", False),
            )
            for d in stated.get("discharges", ())
        ),
        approvals=tuple(Approval(a["procedure"], a.get("need")) for a in stated.get("approvals", ())),
    )


def the_workload(stated: Data | None) -> WorkloadFacts:
    if stated is None:
        return NOBODY
    plain: Data = {**stated, "tags": frozenset(stated.get("tags", ()))}
    return WorkloadFacts(**plain)


def the_action(case: Case, stated: Data) -> Action:
    plain = ("kind", "actor", "counterparty", "currency", "spending", "need", "gang")
    return Action(
        interval=Interval(stated["from"], stated.get("until")),
        workload=the_workload(stated.get("workload")),
        supply=case.supply(stated.get("supply")),
        quantities=tuple((measure, exact(q)) for measure, q in stated.get("quantities", {}).items()),
        money=None if stated.get("money") is None else exact(stated["money"]),
        need_size=None if "need_size" not in stated else exact(stated["need_size"]),
        discharges=frozenset(stated.get("discharges", ())),
        **{key: stated[key] for key in plain if key in stated},
    )


def check_action(case: Case, check: Data) -> None:
    action = the_action(case, check["action"])
    answer = decide(case.law, case.position, action)
    if "refused" in check:
        assert not isinstance(answer, Permit)
        assert list(answer.clauses) == check["refused"]
        assert check.get("says", "") in "\n".join(reason.text for reason in answer.reasons)
        assert all(clause in answer.reasons[n].text for n, clause in enumerate(check["refused"]))
    else:
        assert isinstance(answer, Permit), answer
        found = [{o.kind: o.who, "clause": o.origin.clause} for o in answer.obligations]
        assert sorted(found, key=str) == sorted(check["permitted"], key=str)
    if "without" not in check:
        second = reference.decide(case.estate, case.known_at, case.position, action)
        assert sorted(second.clauses) == check.get("refused", [])
        obliged = {
            (kind, o[kind], o["clause"]) for o in check.get("permitted", []) for kind in o if kind != "clause"
        }
        assert second.obligations == obliged


def check_dates(case: Case, check: Data) -> None:
    assert list(case.law.dates) == check["dates"]


def check_routes(case: Case, check: Data) -> None:
    stated = check["routes"]
    known = supplies(case.estate)
    interval = Interval(stated["from"], stated["until"])
    needs = [the_workload(stated["workload"])]
    free = permitted(case.law, needs, known, stated["kind"], interval, case.position)
    assert [supply.id for supply, may in zip(known, free[0], strict=True) if may] == stated["supplies"]


def check_residual(_: Case, check: Data) -> None:
    stated = check["residual"]
    assert residual(exact(stated["need"]), exact(stated["offered"])) == exact(stated["is"])


def check_cost(_: Case, check: Data) -> None:
    stated = check["cost"]
    assert sum(exact(t["quantity"]) * exact(t["price"]) for t in stated["takes"]) == exact(stated["is"])


def check_offer(case: Case, check: Data) -> None:
    stated = check["offer"]
    assert offer_counts(case.procedure(stated["clause"]), exact(stated["price"])) is stated["counts"]


def business_days(procedure: Procedure) -> BusinessDay:
    if procedure.calendar is None:
        return monday_to_friday
    closed = holidays.country_holidays(procedure.calendar)
    return closed.is_working_day


def check_answers(case: Case, check: Data) -> None:
    stated = check["answers"]
    procedure = case.procedure(stated["clause"])
    size = exact(stated["size"]) if "size" in stated else None
    until = deadline(answer_window(procedure, size), stated["asked"], business_days(procedure))
    assert until == stated["deadline"]
    if "recorded" in stated:
        at: datetime = recorded(stated.get("last"), stated["recorded"])
        assert answer_stands(until, at) is stated["in_time"]
        assert silent_outcome(procedure, until, at) == stated["silence"]


def check_part(case: Case, check: Data) -> None:
    stated = check["part"]
    why = part_refused(
        case.procedure(stated["clause"]), exact(stated["quantity"]), exact(stated["need"]), stated["gang"]
    )
    assert (why is None) is stated["allowed"]


def check_disclosed(case: Case, check: Data) -> None:
    stated = check["disclosed"]
    assert disclosed(case.procedure(stated["clause"]), stated["bid"]) == stated["is"]


def check_again(case: Case, check: Data) -> None:
    stated = check["again"]
    found = must_ask_again(
        case.procedure(stated["clause"]),
        None if "refused_price" not in stated else exact(stated["refused_price"]),
        None if "price" not in stated else exact(stated["price"]),
        stated.get("lapsed"),
        stated.get("today"),
        stated.get("contracted", False),
    )
    assert found == stated["because"]


def check_needs(case: Case, check: Data) -> None:
    stated = check["needs"]
    noted = [
        Need(n["id"], n["day"], exact(n["quantity"]), n.get("contracted", False)) for n in stated["noted"]
    ]
    covered = aggregate(case.procedure(stated["clause"]), noted, stated["today"])
    assert [need.id for need in covered] == stated["covered"]


def check_ladder(case: Case, check: Data) -> None:
    stated = check["ladder"]
    offers = [(case.procedure(clause), exact(offered)) for clause, offered in stated["offers"].items()]
    takes = ladder(exact(stated["need"]), offers)
    assert [[take.holder, take.quantity] for take in takes] == [[h, exact(q)] for h, q in stated["takes"]]


def check_settled(case: Case, check: Data) -> None:
    stated = check["settled"]
    meter = case.meter(stated["clause"])
    windows = settle(meter, [exact(amount) for amount in stated["taken"]])
    assert [window.charged for window in windows] == [exact(amount) for amount in stated["charged"]]
    if "short" in stated:
        assert [window.short for window in windows] == [exact(amount) for amount in stated["short"]]
    assert cost(meter, windows, exact(stated["price"])) == exact(stated["is"])


def check_burned(case: Case, check: Data) -> None:
    stated = check["burned"]
    charged = {id: exact(amount) for id, amount in stated["charged"].items()}
    assert burned(case.law.meters, charged) == {id: exact(amount) for id, amount in stated["is"].items()}


def check_perished(_: Case, check: Data) -> None:
    stated = check["perished"]
    minutes = perish(exact(stated["reserved"]), [exact(amount) for amount in stated["wanted"]])
    for part in ("served", "overflow", "gone"):
        assert [getattr(minute, part) for minute in minutes] == [exact(amount) for amount in stated[part]]


def check_running(case: Case, check: Data) -> None:
    stated = check["running"]
    found = {mask.running for mask in case.law.masks if mask.origin.clause == stated["clause"]}
    assert found == {stated["is"]}


def check_owed(case: Case, check: Data) -> None:
    stated = check["owed"]
    schedule = case.price(stated["clause"])
    before, found = Decimal(0), list[Decimal]()
    for quantity in stated["quantities"]:
        found.append(owed(schedule, exact(quantity), before))
        before += exact(quantity)
    assert found == [exact(amount) for amount in stated["are"]]
    assert is_convex(schedule) is stated["convex"]


def check_converted(case: Case, check: Data) -> None:
    stated = check["converted"]
    payments = [(day, exact(amount), stated["from"]) for day, amount in stated["payments"]]
    assert paid_in(stated["currency"], payments, rates_of(case.estate)) == exact(stated["is"])


CHECKS: dict[str, Callable[[Case, Data], None]] = {
    "action": check_action,
    "dates": check_dates,
    "routes": check_routes,
    "residual": check_residual,
    "cost": check_cost,
    "offer": check_offer,
    "answers": check_answers,
    "part": check_part,
    "disclosed": check_disclosed,
    "again": check_again,
    "needs": check_needs,
    "ladder": check_ladder,
    "settled": check_settled,
    "burned": check_burned,
    "perished": check_perished,
    "running": check_running,
    "owed": check_owed,
    "converted": check_converted,
}


@pytest.mark.parametrize(("case", "check"), list(checks()))
def test_case(case: Data, check: Data) -> None:
    (kind,) = CHECKS.keys() & check.keys()
    CHECKS[kind](the_case(case, check), check)


def test_every_case_is_there() -> None:
    numbers = [yaml.safe_load(path.read_text())["case"] for path in sorted(HERE.glob("case_*.yaml"))]
    assert numbers == list(range(1, 32))
