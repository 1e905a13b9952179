"""Responses in the order of time on a rehearsed ledger: what is due, what was put in the diary, what rules answer.

Every command goes through `Broker.submit`, in the name of who gives it, and only if its scope lets it (`denied`).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from heapq import heappop, heappush
from typing import Final, Literal

from offtake.broker.audience import OPERATOR, Answered, Audience, denied
from offtake.broker.commands import Award, Cancel, Command, Sweep
from offtake.broker.door import Door
from offtake.broker.events import (
    AgreementAmended,
    Approved,
    BidMade,
    Event,
    HolderNoticed,
    LawInForce,
    NeedFiled,
)
from offtake.broker.folding import rules_of
from offtake.broker.responding.choosing import (
    Response,
    World,
    as_approver,
    as_supplier,
    as_tenant,
)
from offtake.broker.responding.rules import Responders
from offtake.broker.responding.worlds import DoorWorld, Estates, StateWorld
from offtake.broker.service import Broker, Outcome
from offtake.broker.state import State
from offtake.broker.views import NeedView, need_of
from offtake.domain.errors import Conflict, InvalidInput

MAXIMUM_TURNS: Final = 1_000_000
_TICK: Final = timedelta(seconds=1)


@dataclass(frozen=True, slots=True)
class Turn:
    """What somebody did, at which time, by which rule; `problem` says why the command could not be given at all."""

    at: datetime
    by: str
    command: Command
    rule: str | None
    outcome: Outcome | Answered | None = None
    problem: str | None = None


def role_of(command: Command) -> Literal["tenant", "provider"]:
    """The role in which a party gives a command by rule."""
    return "tenant" if isinstance(command, Award | Cancel) else "provider"


def responses(responders: Responders, state: State, world: World, needs: Iterable[str]) -> Iterator[Response]:
    """What the parties of some rules do about needs, each by what it sees itself."""
    for id in needs:
        whole = need_of(state, id, OPERATOR)
        if whole is None:
            continue
        for party, rules in responders.parties.items():
            seen = need_of(state, id, Audience("provider", party))
            if seen is not None:
                yield from as_supplier(party, rules, seen, world)
            if whole.party == party:
                yield from as_tenant(party, rules, whole, world)
            yield from as_approver(party, rules, whole, world)


def touched(events: Iterable[Event]) -> Iterator[str | None]:
    """The needs that events are about; None where an event may be about any."""
    for event in events:
        match event:
            case NeedFiled():
                yield event.need.id
            case HolderNoticed():
                yield event.notice.need
            case BidMade():
                yield event.bid.need
            case Approved():
                yield event.need
            case AgreementAmended() | LawInForce():
                yield None
            case _:
                about = getattr(event, "need", None)
                if isinstance(about, str):
                    yield about


class Turns:
    """Who does what next, on one rehearsed ledger that nobody else writes to meanwhile."""

    def __init__(self, broker: Broker, responders: Responders, seed: int) -> None:
        self._broker, self._responders, self._seed = broker, responders, seed
        self._state = broker.state()
        self._estates: Estates | None = None
        self._diary: list[tuple[datetime, int, int, str, Response]] = []
        self._looks: dict[str, int] = {}
        self._given: set[str] = set()
        self._order = 0
        self._swept = datetime.min.replace(tzinfo=UTC)
        self._look(self._state.open_needs, self._state.last)

    @property
    def state(self) -> State:
        """Where the ledger stands."""
        return self._state

    def plan(self, at: datetime, by: str, command: Command, key: str) -> None:
        """Puts a command in the diary that somebody gives at a time whatever happens."""
        self._put(at, -1, "", Response(at, by, command, key, ""))

    @property
    def next_at(self) -> datetime | None:
        """When something happens next, by itself or by somebody."""
        self._forget_stale()
        times = [self._diary[0][0]] if self._diary else []
        due = self._due_at()
        if due is not None:
            times.append(due)
        return min(times, default=None)

    def _due_at(self) -> datetime | None:
        """When something is due by itself. What a sweep had nothing to record for does not come due again."""
        found = (at + _TICK for at, _, _ in self._state.due if at + _TICK > self._swept)
        return next(found, None)

    def until(self, end: datetime) -> Iterator[Turn]:
        """Everything that happens up to a time, in order."""
        for _ in range(MAXIMUM_TURNS):
            at = self.next_at
            if at is None or at > end:
                return
            turn = self._step(at)
            if turn is not None:
                yield turn
        raise InvalidInput(
            f"more than {MAXIMUM_TURNS:,} turns were taken", hint="a rule seems to answer without end"
        )

    def sweep(self, at: datetime) -> Turn:
        """Records what is due by a time."""
        key = f"due {self._state.seq} {at.isoformat()}"
        return self._submit(at, "sweep", Sweep(), key, None)

    def _step(self, at: datetime) -> Turn | None:
        due = self._state.due.first
        if not self._diary or (due is not None and due[0] + _TICK < self._diary[0][0]):
            return self.sweep(at)
        _, _, look, need, response = heappop(self._diary)
        if look >= 0:
            response = self._afresh(need, response)
            if response is None:
                return None
            self._given.add(response.key)
            audience = Audience(role_of(response.command), response.party)
            denial = denied(self._state, audience, response.command)
            if denial is not None:
                return Turn(at, response.party, response.command, response.rule, problem=denial.text)
        by = f"{response.party}/rule" if look >= 0 else response.party
        return self._submit(at, by, response.command, response.idempotency_key, response.rule or None)

    def _afresh(self, need: str, response: Response) -> Response | None:
        """The response as it is by now: others may have taken the room that it was to use."""
        world = self._world()
        now = (one for one in responses(self._responders, self._state, world, (need,)))
        return next((one for one in now if (one.key, one.party) == (response.key, response.party)), None)

    def _submit(self, at: datetime, by: str, command: Command, key: str, rule: str | None) -> Turn:
        try:
            outcome = self._broker.submit(command, key=key, by=by, at=at)
        except (InvalidInput, Conflict) as error:
            return Turn(at, by, command, rule, problem=error.message)
        self._state = self._broker.state()
        about = list(dict.fromkeys(touched(outcome.events)))
        needs = self._state.open_needs if None in about else [one for one in about if one is not None]
        self._look(needs, self._state.last)
        return Turn(at, by, command, rule, outcome)

    def _look(self, needs: Iterable[str], now: datetime | None) -> None:
        """Puts what rules answer about needs in the diary, in the place of what they answered before."""
        world = self._world()
        for need in sorted(needs):
            self._looks[need] = self._looks.get(need, 0) + 1
            if need not in self._state.open_needs:
                continue
            for response in responses(self._responders, self._state, world, (need,)):
                if response.key not in self._given:
                    at = response.at if now is None else max(response.at, now)
                    self._put(at, self._looks[need], need, response)

    def _put(self, at: datetime, look: int, need: str, response: Response) -> None:
        self._order += 1
        heappush(self._diary, (at, self._order, look, need, response))

    def _forget_stale(self) -> None:
        while self._diary:
            _, _, look, need, response = self._diary[0]
            current = look < 0 or (look == self._looks.get(need) and response.key not in self._given)
            if current:
                return
            heappop(self._diary)

    def _world(self) -> World:
        rules = rules_of(self._broker.desk.library, self._state)
        if self._estates is None or self._estates.rules is not rules:
            self._estates = Estates(rules)
        return StateWorld(self._estates, self._state, self._seed)


def by_now(
    broker: Broker, responders: Responders, seed: int, now: datetime, given: set[str]
) -> Iterator[Turn]:
    """What rules answer by now on a ledger that keeps the machine's time. `given` holds what was answered before; what
    an earlier process answered is not answered again, since its keys are on the ledger."""
    for _ in range(MAXIMUM_TURNS):
        state = broker.state()
        world = StateWorld(Estates(rules_of(broker.desk.library, state)), state, seed)
        response = _first(responses(responders, state, world, sorted(state.open_needs)), now, given)
        if response is None:
            return
        given.add(response.key)
        party, command = response.party, response.command
        denial = denied(state, Audience(role_of(command), party), command)
        if denial is not None:
            yield Turn(now, party, command, response.rule, problem=denial.text)
            continue
        try:
            outcome = broker.submit(command, key=response.idempotency_key, by=f"{party}/rule")
        except InvalidInput as error:
            yield Turn(now, party, command, response.rule, problem=error.message)
        except Conflict:
            continue
        else:
            if not outcome.repeated:
                yield Turn(now, party, command, response.rule, outcome)


def through(door: Door, responders: Responders, seed: int, now: datetime, given: set[str]) -> Iterator[Turn]:
    """The same through a door, by what it shows: a server lets each token see and do what its scope holds."""
    for _ in range(MAXIMUM_TURNS):
        world, views = DoorWorld(door, seed), door.needs()
        response = _first(_shown(responders, views, world), now, given)
        if response is None:
            return
        given.add(response.key)
        party, command = response.party, response.command
        try:
            answered = door.submit(command, key=response.idempotency_key, by=party)
        except InvalidInput as error:
            yield Turn(now, party, command, response.rule, problem=error.message)
        except Conflict:
            continue
        else:
            if not answered.repeated:
                yield Turn(now, party, command, response.rule, answered)


def _shown(responders: Responders, views: Sequence[NeedView], world: World) -> Iterator[Response]:
    for view in views:
        for party, rules in responders.parties.items():
            yield from as_supplier(party, rules, view, world)
            yield from as_tenant(party, rules, view, world)


def _first(found: Iterable[Response], now: datetime, given: set[str]) -> Response | None:
    due = [one for one in found if one.at <= now and one.key not in given]
    return min(due, key=lambda one: (one.at, one.party, one.key), default=None)
