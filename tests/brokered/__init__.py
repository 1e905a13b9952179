"""Deals rehearsed on a ledger of their own: a small estate, commands at stated times, and what came of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, date, datetime
from decimal import Decimal
from itertools import count
from pathlib import Path
from typing import Any

import yaml

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.adapters.ledger_sql import SqlLedger, open_ledger
from offtake.adapters.sealing import seal_holds, sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker.commands import (
    Answer,
    Approve,
    Award,
    Command,
    Correct,
    Extend,
    FileNeed,
    MakeBid,
    ReadMeter,
    Release,
    Sweep,
)
from offtake.broker.events import Event, NeedAwarded
from offtake.broker.policy import Policy
from offtake.broker.service import Broker, Outcome
from offtake.broker.state import State
from offtake.broker.terms import Bid, Need, Part
from offtake.broker.verification import Verification, verified
from offtake.domain.estate import Estate

WORLD = Path(__file__).parents[1] / "cases" / "world.yaml"
MORNING = datetime(2026, 1, 12, 9, tzinfo=UTC)


def exact(value: float | str | Decimal) -> Decimal:
    """A number as it is written."""
    return Decimal(str(value))


def market(**more: Any) -> dict[str, Any]:
    """An estate of a lab, a holder and bidders that lease accelerators at 1 to 3 dollars an hour."""
    world = yaml.safe_load(WORLD.read_text())
    products = {
        f"{seller}-gpu": {
            "kind": "accelerator-hours",
            "provider": seller,
            "region": "east-us",
            "accelerator": "gpu",
            "price": f"{price} USD/accelerator-hour",
            "limit": 1000,
        }
        for seller, price in (("h", 3), ("b", 1), ("y", 2), ("z", 2))
    }
    return {
        **world,
        "parties": {name: {} for name in ("lab", "h", "b", "y", "z", "board")},
        "accelerators": {"gpu": {"power": "1 kW"}},
        "products": products,
        **more,
    }


def right(**clause: Any) -> dict[str, Any]:
    """Agreements with one right of first refusal, H's, answered within ten American business days."""
    rofr = {"kind": "first-refusal", "holder": "h", "window": "10 business days", "calendar": "US", **clause}
    return {"lab-h": {"between": ["lab", "h"], "signed": "2025-01-21", "clauses": {"rofr": rofr}}}


def agreed(**clauses: Any) -> dict[str, Any]:
    """Agreements with these clauses between the lab and H."""
    return {"lab-h": {"between": ["lab", "h"], "signed": "2025-01-21", "clauses": clauses}}


class Rehearsal:
    """A broker on a rehearsed ledger. Every call is one command; `at` moves the time on."""

    def __init__(
        self,
        folder: Path,
        estate: dict[str, Any] | Estate,
        at: datetime = MORNING,
        where: str | None = None,
        policy: Policy | None = None,
    ) -> None:
        self.where = where or str(folder / "deals.db")
        self.ledger: SqlLedger = open_ledger(self.where)
        self.broker = Broker(desk(policy), self.ledger, sealer_at(folder / "key"), lambda: MORNING)
        stated = estate if isinstance(estate, Estate) else Estate.model_validate(estate)
        self.at = at
        self.numbers = count(1)
        self.broker.open(stated, rehearsed=True, by="test", key="open", at=at)

    def give(self, command: Command, *, key: str | None = None, expected: int | None = None) -> Outcome:
        key = key or f"key-{next(self.numbers)}"
        return self.broker.submit(command, key=key, expected_version=expected, at=self.at)

    def need(self, id: str = "n1", quantity: float | str = 100, **more: Any) -> Outcome:
        stated: dict[str, Any] = {
            "party": "lab",
            "measure": "accelerators",
            "begins": date(2026, 3, 1),
            "ends": date(2028, 3, 1),
            "currency": "USD",
            **more,
        }
        return self.give(FileNeed(need=Need(id=id, quantity=exact(quantity), **stated)))

    def bid(
        self,
        by: str,
        quantity: float | str,
        price: float | str,
        need: str = "n1",
        supply: str | None = None,
        id: str | None = None,
        **more: Any,
    ) -> Outcome:
        made = Bid(
            id=id or f"{need}-{by}",
            need=need,
            bidder=by,
            supply=supply or f"{by}-gpu",
            quantity=exact(quantity),
            price=exact(price),
            currency=more.pop("currency", "USD"),
            **more,
        )
        return self.give(MakeBid(bid=made))

    def answer(
        self,
        quantity: float | str,
        price: float | str | None = None,
        need: str = "n1",
        by: str = "h",
        supply: str | None = None,
        matches: int | None = None,
    ) -> Outcome:
        takes: Sequence[Part] = ()
        if exact(quantity):
            takes = (Part(supply=supply or f"{by}-gpu", quantity=exact(quantity), matches=matches),)
        command = Answer(
            need=need, holder=by, takes=tuple(takes), price=None if price is None else exact(price)
        )
        return self.give(command)

    def award(self, need: str = "n1") -> Outcome:
        return self.give(Award(need=need))

    def awarded(self, need: str = "n1") -> NeedAwarded:
        """Awards, and what was awarded; fails if it was not."""
        outcome = self.award(need)
        found = [event for event in outcome.events if isinstance(event, NeedAwarded)]
        assert found, outcome.events
        return found[0]

    def extend(self, lease: str, until: date) -> Outcome:
        return self.give(Extend(lease=lease, until=until))

    def release(self, lease: str, on: date) -> Outcome:
        return self.give(Release(lease=lease, on=on))

    def approve(self, clause: str, by: str, need: str | None = None) -> Outcome:
        return self.give(Approve(clause=clause, by=by, need=need))

    def read(
        self, clause: str, amount: float | str, begins: date, ends: date, id: str | None = None
    ) -> Outcome:
        id = id or f"r{next(self.numbers)}"
        return self.give(ReadMeter(id=id, clause=clause, begins=begins, ends=ends, amount=exact(amount)))

    def correct(self, reading: str) -> Outcome:
        return self.give(Correct(reading=reading, why="a test"))

    def sweep(self) -> Outcome:
        return self.give(Sweep())

    @property
    def state(self) -> State:
        """Where things stand at the rehearsal's time."""
        return self.broker.state(self.at)

    def verify(self) -> Verification:
        return verified(self.ledger, business_days_of, MilpOptimiser(), seal_holds)

    def follows(self) -> None:
        """Fails unless the auditor finds that everything follows."""
        found = self.verify()
        assert found.fault is None, found.fault.sentence


def kinds(outcome: Outcome) -> list[str]:
    """The kinds of what happened, in order."""
    return [event.kind for event in outcome.events]


def one(outcome: Outcome, kind: type[Event]) -> Any:
    """The only event of a kind."""
    (found,) = (event for event in outcome.events if isinstance(event, kind))
    return found


def why(outcome: Outcome) -> str:
    """The reasons of a refusal; fails if it is none."""
    refusal = outcome.refusal
    assert refusal is not None, outcome.events
    return "\n".join(reason.text for reason in refusal.reasons)


def clauses(outcome: Outcome) -> list[str]:
    """The clauses that refused."""
    refusal = outcome.refusal
    assert refusal is not None, outcome.events
    return sorted({reason.clause for reason in refusal.reasons if reason.clause})
