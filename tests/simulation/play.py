"""What people do in a world, drawn step by step; every step has a draw of its own, so that any may be left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from decimal import Decimal
from random import Random
from typing import Any, Literal

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.broker.commands import (
    Answer,
    Award,
    Cancel,
    Command,
    Correct,
    Extend,
    FileNeed,
    MakeBid,
    ReadMeter,
    Release,
    Sweep,
    Withdraw,
)
from offtake.broker.deciding import Desk
from offtake.broker.library import Library
from offtake.broker.policy import Policy
from offtake.broker.service import Broker
from offtake.broker.terms import Bid, Need, Part
from offtake.domain.errors import Conflict, InvalidInput, StorageFailure
from offtake.domain.estate import Estate
from simulation.memory import MemoryLedger
from simulation.world import World, world_of

MAXIMUM_OPEN: int = 12


class PlainSealer:
    """Seals that anybody could make: what is simulated is not cryptography."""

    public_key = "none"

    def sign(self, message: bytes) -> str:
        return message.decode()


@dataclass
class Run:
    """A run under way: the ledger survives crashes, the broker does not."""

    world: World
    ledger: MemoryLedger = field(default_factory=MemoryLedger)
    broker: Broker = field(init=False)
    now: datetime = field(init=False)
    acknowledged: dict[str, str] = field(default_factory=dict[str, str])  # Key to the hash of its entry.
    last: tuple[str, Command] | None = None
    numbers: int = 0

    def __post_init__(self) -> None:
        start = self.world.begins
        self.now = datetime(start.year, start.month, start.day, 9, tzinfo=UTC)
        self.start()
        estate = Estate.model_validate(self.world.estate())
        self.broker.open(estate, rehearsed=True, by="simulation", key="open", at=self.now)

    def start(self) -> None:
        """A new broker on what is left of the old one: its ledger."""
        desk = Desk(Library(business_days_of), Policy(), MilpOptimiser())
        self.broker = Broker(desk, self.ledger, PlainSealer(), lambda: self.now)

    def give(self, command: Command, key: str, at: datetime | None = None) -> None:
        """A command whose answer may be lost; it is given again until there is one, as a caller would."""
        self.last = (key, command)
        for _ in range(3):
            try:
                outcome = self.broker.submit(command, key=key, at=at or self.now)
            except StorageFailure:
                continue
            except (InvalidInput, Conflict):
                return
            if outcome.entry is not None:
                known = self.acknowledged.setdefault(key, outcome.entry.hash)
                if known != outcome.entry.hash:
                    raise AssertionError(f"the key {key} had two answers")
            return
        raise AssertionError("the ledger never answered")


def played(seed: int, steps: Sequence[int]) -> Run:
    """The run of a seed, of these of its steps."""
    run = Run(world_of(seed))
    for step in steps:
        draw = Random(f"step {seed} {step}")
        _ACTS[draw.choices(range(len(_ACTS)), _WEIGHTS)[0]](run, draw, step)
    return run


def _later(run: Run, draw: Random, step: int) -> None:
    del step
    run.now += timedelta(days=draw.choice((0, 0, 1, 1, 2, 5, 12, 40)), seconds=draw.randint(0, 80_000))


def _file(run: Run, draw: Random, step: int) -> None:
    if len(run.broker.state(run.now).open_needs) >= MAXIMUM_OPEN:
        return
    begins = run.now.date() + timedelta(days=draw.randint(0, 200))
    quantity = draw.choice((4, 16, 40, 64, 100))
    whole = draw.random() < 0.15
    need = Need(
        id=f"n{step}",
        party=draw.choice(run.world.tenants),
        measure="accelerators",
        quantity=Decimal(quantity),
        minimum=Decimal(draw.choice((0, 0, quantity // 2))),
        whole=whole,
        price_limit=draw.choice((None, None, Decimal(4))),
        begins=begins,
        ends=begins + timedelta(days=draw.choice((20, 90, 365, 900))),
        currency="USD",
    )
    run.give(FileNeed(need=need), f"k{step}")


def _open_need(run: Run, draw: Random) -> str | None:
    needs = sorted(run.broker.state(run.now).open_needs)
    return draw.choice(needs) if needs else None


def _answer(run: Run, draw: Random, step: int) -> None:
    id = _open_need(run, draw)
    asking = None if id is None else run.broker.state(run.now).deals[id].open
    if id is None or asking is None:
        return
    holder, asked = asking.notice.holder, asking.notice.quantity
    quantity = draw.choice((Decimal(0), asked, asked, (asked / 2).to_integral_value(), Decimal(8)))
    parts = len(asking.notice.parts)
    matches = draw.randint(1, parts) if parts and draw.random() < 0.3 else None
    takes = (Part(supply=f"{holder}-gpu", quantity=quantity, matches=matches),) if quantity else ()
    price = Decimal(draw.randint(1, 5)) if draw.random() < 0.8 else None
    at = asking.deadline if asking.deadline is not None and draw.random() < 0.1 else None
    run.give(Answer(need=id, holder=holder, takes=takes, price=price), f"k{step}", at)
    run.now = max(run.now, at or run.now)


def _bid(run: Run, draw: Random, step: int) -> None:
    id = _open_need(run, draw)
    if id is None:
        return
    seller = draw.choice(run.world.sellers)
    quantity = Decimal(draw.choice((4, 16, 40, 64, 100)))
    bid = Bid(
        id=f"b{step}",
        need=id,
        bidder=seller,
        supply=f"{seller}-gpu",
        quantity=quantity,
        price=Decimal(draw.randint(2, 50)) / 10,
        currency="USD",
        minimum=Decimal(draw.choice((0, 0, 4))),
        whole=draw.random() < 0.2,
        release_share=draw.choice((Decimal(1), Decimal("0.5"), Decimal(0))),
    )
    run.give(MakeBid(bid=bid), f"k{step}")


def _award(run: Run, draw: Random, step: int) -> None:
    id = _open_need(run, draw)
    if id is not None:
        run.give(Award(need=id), f"k{step}")


def _withdraw(run: Run, draw: Random, step: int) -> None:
    bids = sorted(run.broker.state(run.now).bids)
    if bids:
        run.give(Withdraw(bid=draw.choice(bids)), f"k{step}")


def _cancel(run: Run, draw: Random, step: int) -> None:
    id = _open_need(run, draw)
    if id is not None:
        run.give(Cancel(need=id), f"k{step}")


def _lease(run: Run, draw: Random) -> Any:
    leases = [lease for _, lease in sorted(run.broker.state(run.now).leases.items())]
    return draw.choice(leases) if leases else None


def _release(run: Run, draw: Random, step: int) -> None:
    lease = _lease(run, draw)
    if lease is not None:
        on = max(lease.begins, run.now.date()) + timedelta(days=draw.randint(0, 100))
        run.give(Release(lease=lease.id, on=on), f"k{step}")


def _extend(run: Run, draw: Random, step: int) -> None:
    lease = _lease(run, draw)
    if lease is not None:
        run.give(Extend(lease=lease.id, until=lease.ends + timedelta(days=draw.randint(1, 200))), f"k{step}")


def _read(run: Run, draw: Random, step: int) -> None:
    if run.world.commitments:
        day = run.now.date()
        clause = f"deal.{draw.choice(run.world.commitments).id}"
        reading = ReadMeter(
            id=f"r{step}",
            clause=clause,
            begins=day,
            ends=day + timedelta(days=1),
            amount=Decimal(draw.randint(0, 9000)),
        )
        run.give(reading, f"k{step}")


def _correct(run: Run, draw: Random, step: int) -> None:
    readings = sorted(run.broker.state(run.now).readings)
    if readings:
        run.give(Correct(reading=draw.choice(readings), why="simulated"), f"k{step}")


def _sweep(run: Run, draw: Random, step: int) -> None:
    del draw
    run.give(Sweep(), f"k{step}")


def _again(run: Run, draw: Random, step: int) -> None:
    """The last command once more, under its key: a caller that did not hear."""
    del draw, step
    if run.last is not None:
        run.give(run.last[1], run.last[0])


def _crash(run: Run, draw: Random, step: int) -> None:
    """The process ends, at once or in the middle of its next commit."""
    del step
    where: Sequence[Literal["no", "before", "after"]] = ("no", "before", "after")
    run.ledger.failing = draw.choice(where)
    if run.ledger.failing == "no":
        run.start()


def _back(run: Run, draw: Random, step: int) -> None:
    """A command from a machine whose clock is behind."""
    run.give(Sweep(), f"k{step}", run.now - timedelta(days=draw.randint(1, 300)))


Act = Callable[[Run, Random, int], None]
_ACTS: Sequence[Act] = (
    _later, _file, _answer, _bid, _award, _withdraw, _cancel, _release,
    _extend, _read, _correct, _sweep, _again, _crash, _back,
)  # fmt: skip
_WEIGHTS: Sequence[int] = (22, 14, 16, 20, 16, 2, 1, 2, 2, 3, 1, 3, 4, 5, 2)
