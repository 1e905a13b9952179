"""The broker's ledger behind a gateway: where things stand by it, and the gateway's usage as its readings."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from hashlib import sha256
from typing import TYPE_CHECKING, Final

from offtake.bootstrap.gateway_meters import origin_of
from offtake.domain.errors import Conflict, InvalidInput, StorageFailure
from offtake.router.leases import Leased
from offtake.router.table import PICO

if TYPE_CHECKING:
    from offtake.bootstrap.gateway import Place
    from offtake.broker.ports import Sealer
    from offtake.broker.service import Broker
    from offtake.broker.state import PostedReading, State
    from offtake.domain.position import Position
    from offtake.router.table import RoutingTable

MARK: Final = "gateway."
LATE_S: Final = 60.0  # Answers of a day may be settled so long after its end, and are counted in the next.
FURTHEST_DAYS: Final = 400  # Days that are read again for what was not posted yet.


class _OwnSealer:
    """Seals with the machine's key, which is read when it is needed: who only reads a ledger needs none."""

    def __init__(self, ledger: str) -> None:
        self._ledger = ledger

    def _sealer(self) -> Sealer:
        from offtake.adapters.sealing import sealer_at
        from offtake.bootstrap.broker import key_file

        return sealer_at(key_file(self._ledger))

    @property
    def public_key(self) -> str:
        """The key that verifies."""
        return self._sealer().public_key

    def sign(self, message: bytes) -> str:
        """A signature."""
        return self._sealer().sign(message)


class LedgerReader:
    """A ledger, as a file or behind a `postgresql://` URL, read by one gateway or a fleet of them.

    `fleet` names the gateways that count together: readings that one of them posted are left out of what it reads.
    Nothing is opened before it is asked for.
    """

    def __init__(self, ledger: str, fleet: str) -> None:
        self._ledger = ledger
        self._own = f"{MARK}{fleet}."
        self._broker: Broker | None = None

    def broker(self) -> Broker:
        """The broker on the ledger. Raises StorageFailure if it cannot be reached, InvalidInput if there is none."""
        if self._broker is None:
            from offtake.bootstrap.broker import desk, now, open_kept
            from offtake.broker.service import Broker

            self._broker = Broker(desk(), open_kept(self._ledger), _OwnSealer(self._ledger), now)
        return self._broker

    def may_post(self) -> bool:
        """Whether the ledger is sealed with the key that this machine has: who verifies it trusts one key."""
        from offtake.adapters.sealing import sealer_at
        from offtake.bootstrap.broker import key_file

        key, first = key_file(self._ledger), next(iter(self.broker().ledger.seals()), None)
        return key.exists() and first is not None and sealer_at(key).public_key == first.key

    def mark(self) -> object:
        """The number of the ledger's last entry."""
        return self.broker().ledger.head()[0]

    def _state(self) -> State:
        state = self.broker().state()
        if not state.seq:
            raise StorageFailure(
                "the ledger has not been opened", hint="offtake broker open ESTATE --ledger …"
            )
        return state

    def position(self) -> Position:
        """Where things stand by the ledger, without what this fleet has posted."""
        from offtake.broker.folding import rules_of
        from offtake.broker.standing import position_of

        state = self._state()
        return position_of(rules_of(self.broker().desk.library, state), state, self._is_own)

    def _is_own(self, reading: PostedReading) -> bool:
        return reading.id.startswith(self._own)

    def leases(self) -> Sequence[Leased]:
        """The leases of reserved throughput."""
        from offtake.broker.standing import held_leases

        return tuple(
            Leased(lease.supply, lease.quantity, lease.begins, lease.held_until)
            for lease in held_leases(self._state())
            if lease.measure == "units"
        )

    def post(
        self, origin: str, day: date, amounts: Mapping[str, Decimal]
    ) -> tuple[tuple[str, ...], tuple[str, ...]]:
        """Posts a day's usage by clause as readings; those that were posted, and why others were not.

        What was posted before is not posted again, whatever it says: a day is told once.
        """
        from offtake.broker.commands import ReadMeter

        posted, refused = list[str](), list[str]()
        for clause, amount in sorted(amounts.items()):
            name = sha256(clause.encode()).hexdigest()[:10]
            id = f"{self._own}{origin}.{day:%Y%m%d}.{name}"
            command = ReadMeter(id=id, clause=clause, begins=day, ends=day + timedelta(days=1), amount=amount)
            try:
                outcome = self.broker().submit(command, key=id, by="gateway")
            except (InvalidInput, Conflict) as error:
                refused.append(f"{clause} of {day}: {error.message}")
            else:
                if not outcome.repeated:
                    posted.append(clause)
        return tuple(posted), tuple(refused)


def fleet_of(place: Place, meters: str | None) -> str:
    """The name of the gateways that count together: those behind one store of meters, else those of one place."""
    if meters is None:
        return origin_of(place)[:10]
    _, _, address = meters.rpartition("@")
    return sha256(address.encode()).hexdigest()[:10]


def reader_of(ledger: str | None, place: Place, meters: str | None) -> LedgerReader | None:
    """The ledger that a gateway reads; None if it reads none."""
    return None if ledger is None else LedgerReader(ledger, fleet_of(place, meters))


def posted_until(place: Place) -> date | None:
    """The first day whose usage was not posted yet; None if none ever was."""
    try:
        return date.fromisoformat((place.folder / "posted-until").read_text().strip())
    except (OSError, ValueError):
        return None


def post_usage(reader: LedgerReader, place: Place, table: RoutingTable, now: float) -> Iterator[str]:
    """Posts the usage of every day that is over and was not posted before, by this place's receipts; in words.

    Raises StorageFailure if the ledger cannot be reached; what was posted stays, and the rest is posted the next time.
    """
    from offtake.adapters.receipts_sqlite import first_day, usage_on
    from offtake.adapters.whole_files import write_whole

    file, origin = place.folder / "posted-until", origin_of(place)[:10]
    until = datetime.fromtimestamp(now - LATE_S, UTC).date()
    begins = posted_until(place)
    if begins is None:
        found = first_day(place.receipts)
        if found is None:
            return
        begins = max(found, until - timedelta(days=FURTHEST_DAYS))
    if begins < until and not reader.may_post():
        yield "usage is not posted to the ledger: it is sealed with another key than this machine's"
        return
    for n in range((until - begins).days):
        day = begins + timedelta(days=n)
        amounts = {
            clause: Decimal(amount) / PICO for clause, amount in usage_on(place.receipts, table, day).items()
        }
        posted, refused = reader.post(origin, day, amounts)
        if posted:
            yield f"posted to the ledger what was used on {day}: {', '.join(posted)}"
        yield from (f"not posted: {text}" for text in refused)
    try:
        write_whole(file, str(max(until, begins)).encode())
    except OSError as error:
        raise StorageFailure(f"`{file}` was not written: {error.strerror}") from None
