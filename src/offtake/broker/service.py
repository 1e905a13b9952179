"""The broker at work on a ledger: read, decide, write, one transaction for as many commands as are waiting.

Callers of `submit` from many threads share transactions (group commit): whoever holds the lock decides and writes
what all have put in line. Processes are kept apart by the ledger's own exclusive transaction.
"""

from __future__ import annotations

import gc
from collections import deque
from collections.abc import Generator, Iterable, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from datetime import datetime
from threading import Event as Signal
from threading import Lock, Thread
from typing import Final

from offtake.broker.commands import Command, Sweep
from offtake.broker.deciding import Desk, decide, subject_of
from offtake.broker.documents import estate_document
from offtake.broker.entries import Entry, Happening, Seal, Written, sealed_message, written
from offtake.broker.events import AgreementAmended, CommandRefused, Event, LawInForce, LedgerOpened
from offtake.broker.folding import fold, write
from offtake.broker.policy import policy_document, policy_hash, policy_of
from offtake.broker.ports import Clock, Ledger, Sealer, Transaction
from offtake.broker.posting import postings
from offtake.broker.quoting import Quote, quote
from offtake.broker.reading import as_of
from offtake.broker.snapshots import snapshot_of, state_of
from offtake.broker.state import Draft, State
from offtake.broker.terms import Need
from offtake.broker.upcasting import FORMAT
from offtake.domain.errors import Conflict, InvalidInput, OfftakeError, StorageFailure
from offtake.domain.estate import Estate
from offtake.law.procedures import recorded

MAXIMUM_BATCH: Final = 256
MAXIMUM_WAITING: Final = 10_000
MAXIMUM_KEY: Final = 200
HANDOVER_S: Final = 0.05  # After which who waits looks whether anybody still works.
SNAPSHOT_EVERY: Final = 5_000
SNAPSHOT_AT_CLOSE: Final = 200
LONG: Final = 20_000  # Entries: a state made of more is not looked through for garbage again and again.


@dataclass(frozen=True, slots=True)
class Outcome:
    """What came of a command: its entry (None if there was nothing to record), and whether it was there before.

    `state` is where things stand with it: after the entry, or when the key was given again.
    """

    entry: Entry | None
    repeated: bool = False
    state: State = field(default_factory=State, compare=False, repr=False)

    @property
    def events(self) -> tuple[Event, ...]:
        """What happened."""
        return () if self.entry is None else self.entry.events

    @property
    def refusal(self) -> CommandRefused | None:
        """Why the command was refused; None if it was not."""
        return next((one for one in self.events if isinstance(one, CommandRefused)), None)


@dataclass(slots=True)
class _Waiting:
    """A command in line, and what came of it."""

    command: Command
    key: str
    by: str
    expected: int | None
    at: datetime | None
    done: Signal = field(default_factory=Signal)
    outcome: Outcome | None = None
    error: OfftakeError | None = None


class Broker:
    """Commands in, values out, on one ledger. May be used from many threads."""

    def __init__(self, desk: Desk, ledger: Ledger, sealer: Sealer, clock: Clock) -> None:
        self._desk, self._ledger, self._sealer, self._clock = desk, ledger, sealer, clock
        self._state = State()
        self._hash = ""
        self._line: deque[_Waiting] = deque()
        self._lock = Lock()
        self._snapshot_at = 0
        self._snapshots: Thread | None = None  # That writes one now.

    @property
    def desk(self) -> Desk:
        """Estates, laws, policy and optimiser."""
        return self._desk

    @property
    def ledger(self) -> Ledger:
        """Where entries are kept."""
        return self._ledger

    def open(
        self, estate: Estate, *, rehearsed: bool, by: str, key: str, at: datetime | None = None
    ) -> Outcome:
        """Begins an empty ledger under an estate. Raises Conflict if it has begun already."""
        with self._lock, self._ledger.transaction() as transaction:
            if transaction.look(())[0]:
                raise Conflict(
                    "the ledger has been opened already", hint="name another file, or amend its estate"
                )
            digest, _ = self._desk.library.add(estate)
            now = self._clock() if at is None else at
            known = self._desk.library.known_at(digest, now.date())
            rules = self._desk.library.rules(digest, known)
            policy = policy_hash(self._desk.policy)
            events: tuple[Event, ...] = (
                LedgerOpened(estate=digest, policy=policy, clock="rehearsed" if rehearsed else "machine"),
                LawInForce(known_at=known, law=rules.law_hash),
            )
            transaction.keep(digest, "estate", estate_document(estate))
            transaction.keep(policy, "policy", policy_document(self._desk.policy))
            state = fold(self._desk.library, State(), events, now, 1)
            made = self._entry(state, None, events, key, by, now, "")
            transaction.append([made], self._seal([made]))
        with self._lock:
            self._state, self._hash = state, made.entry.hash
        return Outcome(made.entry, state=state)

    def submit(
        self,
        command: Command,
        *,
        key: str,
        by: str = "operator",
        expected_version: int | None = None,
        at: datetime | None = None,
    ) -> Outcome:
        """Decides and records a command; durable when this returns.

        A key that was used before gives what came of it then. `expected_version` is that of the need or lease that the
        command is about; Conflict if it has another. `at` is the time of a rehearsed ledger. Raises InvalidInput for
        what cannot be meant, StorageFailure if nothing could be recorded.
        """
        if not key or len(key) > MAXIMUM_KEY:
            raise InvalidInput(f"an idempotency key has 1 to {MAXIMUM_KEY} characters")
        if len(self._line) >= MAXIMUM_WAITING:
            raise StorageFailure(
                f"{MAXIMUM_WAITING:,} commands are waiting already", hint="try again in a moment"
            )
        waiting = _Waiting(command, key, by, expected_version, at)
        self._line.append(waiting)
        self._lead()
        while not waiting.done.wait(HANDOVER_S):
            self._lead()
        if waiting.error is not None:
            raise waiting.error
        if waiting.outcome is None:
            raise StorageFailure("the command was not decided")
        return waiting.outcome

    def sweep(self, *, key: str, at: datetime | None = None) -> Outcome:
        """Records what is due."""
        return self.submit(Sweep(), key=key, by="sweep", at=at)

    def quote(self, need: Need) -> Quote:
        """What a need would be answered now; nothing is recorded. Raises InvalidInput if it could not be filed."""
        state = self.state()
        if not state.estate:
            raise InvalidInput(
                "the ledger has not been opened", hint="offtake broker open ESTATE --ledger FILE"
            )
        return quote(self._desk, state, need, self._now(state, None))

    def state(self, at: datetime | None = None) -> State:
        """Where things stand now (or at a later time), everything due counted."""
        with self._lock:
            if not self._state.seq:
                self._from_snapshot()
            self._catch_up(self._ledger.happenings(self._state.seq))
            if not self._state.seq:
                return self._state
            now = self._now(self._state, None)
            return as_of(self._desk, self._state, now if at is None else at)

    @property
    def at_hand(self) -> State:
        """Where things stood when this broker last looked: others may have written since, and things come due."""
        return self._state

    def close(self) -> None:
        """Keeps a snapshot if much has happened since the last one, and lets go of the ledger."""
        with self._lock:
            if self._snapshots is not None:
                self._snapshots.join()
            if self._state.seq - self._snapshot_at >= SNAPSHOT_AT_CLOSE:
                self._keep_snapshot(self._state, self._hash)
            self._ledger.close()

    def _lead(self) -> None:
        """Works until nobody is in line, unless another thread does so already."""
        while self._line and self._lock.acquire(blocking=False):
            try:
                while self._line:
                    self._work()
            finally:
                self._lock.release()

    # The leader's work -------------------------------------------------------------------------------------------

    def _work(self) -> None:
        """Decides and writes what is in line, in one transaction."""
        batch = [self._line.popleft() for _ in range(min(len(self._line), MAXIMUM_BATCH))]
        try:
            self._batch(batch)
        except OfftakeError as error:
            for waiting in batch:
                waiting.outcome, waiting.error = None, error
        except BaseException:
            failed = StorageFailure("the batch that the command was in was interrupted; nothing was recorded")
            for waiting in batch:
                waiting.outcome, waiting.error = None, failed
            raise
        finally:
            for waiting in batch:
                waiting.done.set()

    def _batch(self, batch: Sequence[_Waiting]) -> None:
        added: list[Written] = []
        if not self._state.seq:
            self._from_snapshot()
        with self._ledger.transaction() as transaction:
            head, made = transaction.look([waiting.key for waiting in batch])
            if head < self._state.seq:  # Somebody put an older ledger in its place.
                self._state, self._hash = State(), ""
            if head != self._state.seq:
                self._catch_up(transaction.happenings(self._state.seq))
            state, last = self._state, self._hash
            for waiting in batch:
                try:
                    outcome, after, written = self._decided(state, last, waiting, made)
                except (InvalidInput, Conflict) as error:
                    waiting.error = error
                    continue
                waiting.outcome = outcome
                if written is None:
                    continue
                entry = written.entry
                state, last, made[entry.key] = after, entry.hash, entry
                added.append(written)
                self._keep_documents(transaction, entry)
            if added:
                transaction.append(added, self._seal(added))
        self._state, self._hash = state, last
        # As often as the state doubles, so that what snapshots cost for each entry does not grow.
        idle = self._snapshots is None or not self._snapshots.is_alive()
        if idle and state.seq - self._snapshot_at >= max(SNAPSHOT_EVERY, len(state.deals)):
            # Beside the commands: a state never changes, and is written part by part.
            self._snapshots = Thread(target=self._keep_snapshot, args=(state, last), daemon=True)
            self._snapshots.start()

    def _decided(
        self, state: State, last: str, waiting: _Waiting, made: dict[str, Entry]
    ) -> tuple[Outcome, State, Written | None]:
        """What comes of a command, the state after it, and what is to be written; `made` holds entries by key."""
        earlier = made.get(waiting.key)
        if earlier is not None:
            if earlier.command != waiting.command:
                raise Conflict(
                    f"the key `{waiting.key}` was used for another command, entry {earlier.seq}",
                    hint="a new command needs a new key",
                )
            return Outcome(earlier, repeated=True, state=state), state, None
        if not state.estate:
            raise InvalidInput(
                "the ledger has not been opened", hint="offtake broker open ESTATE --ledger FILE"
            )
        self._expected(state, waiting)
        now = recorded(state.last, self._now(state, waiting.at))
        events = decide(self._desk, state, waiting.command, now)
        if not events:
            return Outcome(None, state=state), state, None
        after = fold(self._desk.library, state, events, now, state.seq + 1)
        made_now = self._entry(after, waiting.command, events, waiting.key, waiting.by, now, last)
        return Outcome(made_now.entry, state=after), after, made_now

    def _now(self, state: State, at: datetime | None) -> datetime:
        """The time of a command. On a rehearsed ledger time stands still until a command states a later one."""
        if at is None:
            return state.last if state.clock == "rehearsed" and state.last is not None else self._clock()
        if state.clock != "rehearsed":
            raise InvalidInput(
                "this ledger keeps the machine's time; --at is for rehearsals",
                hint="open a ledger with --rehearsal to try days that have not come",
            )
        return at

    def _expected(self, state: State, waiting: _Waiting) -> None:
        if waiting.expected is None:
            return
        subject = subject_of(waiting.command)
        version = 0 if subject is None else state.versions.get(subject, 0)
        if version != waiting.expected:
            raise Conflict(
                f"`{subject}` has version {version}, not {waiting.expected}: somebody changed it first",
                hint="read it again, and decide anew",
            )

    def _entry(
        self,
        after: State,
        command: Command | None,
        events: tuple[Event, ...],
        key: str,
        by: str,
        now: datetime,
        previous: str,
    ) -> Written:
        entry = Entry(
            seq=after.seq,
            recorded=now,
            key=key,
            by=by,
            format=FORMAT,
            command=command,
            events=events,
            postings=postings(after, events),
            estate=after.estate,
            law=after.law,
            policy=after.policy,
            previous=previous,
        )
        return written(entry)

    def _seal(self, added: Sequence[Written]) -> Seal:
        first, last = added[0].entry, added[-1].entry
        signature = self._sealer.sign(sealed_message(first.seq, last.seq, last.hash))
        return Seal(
            first=first.seq, last=last.seq, hash=last.hash, key=self._sealer.public_key, signature=signature
        )

    def _keep_documents(self, transaction: Transaction, entry: Entry) -> None:
        for event in entry.events:
            if isinstance(event, AgreementAmended):
                transaction.keep(
                    event.estate, "estate", estate_document(self._desk.library.estate(event.estate))
                )

    # Catching up ------------------------------------------------------------------------------------------------

    def _keep_snapshot(self, state: State, digest: str) -> None:
        """A snapshot of where things stood. One that cannot be kept is no loss: it is a shortcut."""
        self._snapshot_at = state.seq
        try:
            self._ledger.keep_snapshot(state.seq, digest, snapshot_of(state))
        except StorageFailure:
            self._snapshot_at = state.seq - SNAPSHOT_AT_CLOSE // 2

    def _from_snapshot(self) -> None:
        """Begins where the last snapshot stood, if the ledger has the entry that it was taken after."""
        found = self._ledger.snapshot()
        if found is None:
            return
        seq, digest, parts = found
        there = next(iter(self._ledger.entries(seq - 1, seq)), None)
        try:
            with _nothing_collected():
                state = state_of(parts)
        except StorageFailure:
            return  # Of another version: everything is folded from the first entry.
        if there is None or there.hash != digest or state.seq != seq:
            return
        first = next(iter(self._ledger.entries(0, 1)))
        self._learn(first.events)
        self._load(state.estate)
        self._state, self._hash, self._snapshot_at = state, digest, seq

    def _catch_up(self, happenings: Iterable[Happening]) -> None:
        draft, last = Draft(self._state), self._hash
        with _nothing_collected():
            for happening in happenings:
                self._learn(happening.events)
                write(self._desk.library, draft, happening.events, happening.recorded, happening.seq)
                last = happening.hash
        before, self._state, self._hash = self._state.seq, draft.finish(), last
        if self._state.seq - before > LONG:
            gc.freeze()

    def _learn(self, events: Iterable[Event]) -> None:
        """Loads the estate that an entry is decided under, and the policy of the ledger."""
        for event in events:
            if isinstance(event, LedgerOpened):
                self._load(event.estate)
                document = self._ledger.document(event.policy)
                if document is not None:
                    self._desk = replace(self._desk, policy=policy_of(document))
            elif isinstance(event, AgreementAmended):
                self._load(event.estate)

    def _load(self, digest: str) -> None:
        document = self._ledger.document(digest)
        if document is None:
            raise StorageFailure(f"the ledger does not hold the estate {digest[:12]} that it names")
        self._desk.library.add_document(document)


@contextmanager
def _nothing_collected() -> Generator[None]:
    """While a ledger is folded nothing that it makes is garbage in a cycle, and to look for some takes a third of the
    time; what is made lives as long as the broker."""
    collecting = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if collecting:
            gc.enable()
