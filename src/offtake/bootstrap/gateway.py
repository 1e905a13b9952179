"""The gateway put together: an estate's table, its upstreams, keys, events and receipts."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson
from pydantic import TypeAdapter, ValidationError

from offtake.bootstrap.gateway_estate import Served, read_served
from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.domain.estate import Estate
from offtake.domain.position import Happened, Position
from offtake.law.primitives import Law
from offtake.router.balances import Opening
from offtake.router.compile import compile_table
from offtake.router.leases import Leased, with_leases
from offtake.router.profiles import data_classes_of, stricter_profiles
from offtake.router.table import Profile, RoutingTable

if TYPE_CHECKING:
    from offtake.adapters.gateway_keys import Key
    from offtake.adapters.upstream_tokens import Tokens
    from offtake.adapters.wire.upstreams import Upstream
    from offtake.bootstrap.gateway_ledger import LedgerReader
    from offtake.router.affinity import Affinity
    from offtake.router.evidence import Evidence
    from offtake.router.ports import Positions, Receipts
    from offtake.router.receipts import Receipt
    from offtake.router.replay import Replayed

MAXIMUM_EVENTS_BYTES: Final = 4 * 1024 * 1024


@dataclass(frozen=True)
class Place:
    """Where a gateway keeps its files: keys, events, receipts, and the key that signs them."""

    folder: Path

    @property
    def keys(self) -> Path:
        """Hashed keys of callers."""
        return self.folder / "keys.json"

    @property
    def events(self) -> Path:
        """Events that have been recorded."""
        return self.folder / "events.json"

    @property
    def receipts(self) -> Path:
        """Receipts in SQLite."""
        return self.folder / "receipts.sqlite"

    @property
    def headroom(self) -> Path:
        """What processes on this machine share of bounds, in SQLite."""
        return self.folder / "headroom.sqlite"

    @property
    def running(self) -> Path:
        """What each process tells of itself while it runs."""
        return self.folder / "run"

    @property
    def affinity(self) -> Path:
        """Which deployment holds which state."""
        return self.folder / "affinity.sqlite"

    @property
    def signing_key(self) -> Path:
        """The private half; the public half stands beside it as `.pub`."""
        return self.folder / "receipts.key"

    @property
    def public_key(self) -> Path:
        """What receipts are verified with."""
        return self.folder / "receipts.pub"


class EventsFile:
    """An estate's own dated events and those recorded in a file: the port `Positions` without a ledger."""

    def __init__(self, estate: Estate, path: Path) -> None:
        self._estate = estate
        self._path = path

    def mark(self) -> object:
        """When the file was last written."""
        return modified(self._path)

    def position(self) -> Position:
        """Where things stand. Raises StorageFailure if the file cannot be read."""
        recorded = read_events(self._path)
        named = {happened.event for happened in recorded}
        stated = tuple(
            Happened(id, event.on, event.about)
            for id, event in self._estate.events.items()
            if event.on is not None and id not in named
        )
        launches = {id: m.launched for id, m in self._estate.models.items() if m.launched is not None}
        return Position(happened=(*stated, *recorded), launches=launches)

    def leases(self) -> Sequence[Leased]:
        """None: what is held is what the estate states."""
        return ()


class LedgerAndFile:
    """The broker's ledger, and beside it the events recorded in a file: the port `Positions` with both."""

    def __init__(self, estate: Estate, path: Path, ledger: LedgerReader) -> None:
        self._file = EventsFile(estate, path)
        self._ledger = ledger

    def mark(self) -> object:
        """The ledger's last entry, and when the file was last written."""
        return self._ledger.mark(), self._file.mark()

    def position(self) -> Position:
        """Where things stand by both. Raises StorageFailure if either cannot be read."""
        file, ledger = self._file.position(), self._ledger.position()
        return replace(
            ledger,
            happened=tuple(dict.fromkeys((*file.happened, *ledger.happened))),
            launches={**ledger.launches, **file.launches},
        )

    def leases(self) -> Sequence[Leased]:
        """What was leased by the ledger."""
        return self._ledger.leases()


def positions_of(estate: Estate, place: Place, ledger: LedgerReader | None) -> Positions:
    """Where things stand beside a gateway."""
    if ledger is None:
        return EventsFile(estate, place.events)
    return LedgerAndFile(estate, place.events, ledger)


def read_events(path: Path) -> tuple[Happened, ...]:
    """The events recorded in a file; none if there is no file. Raises StorageFailure if it cannot be read."""
    if not path.exists():
        return ()
    try:
        with path.open("rb") as file:
            raw = file.read(MAXIMUM_EVENTS_BYTES)
        return TypeAdapter(tuple[Happened, ...]).validate_json(raw)
    except (OSError, ValidationError) as error:
        raise StorageFailure(f"the events in `{path}` cannot be read: {type(error).__name__}") from None


def record_event(estate: Estate, path: Path, event: str, on: date, about: str | None) -> Happened:
    """An event recorded. Raises InvalidInput if the estate knows none of that name."""
    if event not in estate.events:
        known = ", ".join(sorted(estate.events)) or "none"
        raise InvalidInput(f"the estate knows no event `{event}`", hint=f"events of the estate: {known}")
    happened = Happened(event, on, about)
    rows = [{"event": h.event, "on": str(h.on), "about": h.about} for h in (*read_events(path), happened)]
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.write_bytes(orjson.dumps(rows, option=orjson.OPT_INDENT_2))
        beside.replace(path)
    except OSError as error:
        raise StorageFailure(f"`{path}` was not written: {error.strerror}") from None
    return happened


def modified(path: Path) -> object:
    """Something that differs once a file is written anew; None if there is none."""
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_mtime_ns, found.st_size, found.st_ino


def profiles_of(keys: Iterable[Key]) -> tuple[Profile, ...]:
    """The profiles that keys ask as, each once."""
    found = {
        key.profile: Profile(key.profile, key.workload, key.region, key.data_class, key.customer)
        for key in keys
    }
    return tuple(found.values())


class Standing(NamedTuple):
    """Where things stand, as it was last read."""

    position: Position
    leases: tuple[Leased, ...]


def standing_of(positions: Positions) -> Standing:
    """Where things stand now. Raises StorageFailure if it cannot be read."""
    return Standing(positions.position(), tuple(positions.leases()))


def table_of(estate: Estate, law: Law, standing: Standing, keys: Iterable[Key], day: date) -> RoutingTable:
    """The table of a day for the keys that there are."""
    profiles = stricter_profiles(profiles_of(keys), data_classes_of(estate, law))
    return compile_table(with_leases(estate, standing.leases), law, standing.position, day, profiles)


@dataclass
class Prepared:
    """What a process is made of."""

    estate: Estate
    files: tuple[Path, ...]
    law: Law
    keys: tuple[Key, ...]
    upstreams: dict[str, Upstream]
    lacks: tuple[str, ...]
    positions: Positions
    standing: Standing
    table: RoutingTable
    tokens: Tokens


Clock = Callable[[], float]
"""Seconds since the epoch."""


def today(wall: Clock = time.time) -> date:
    """The day in UTC."""
    from offtake.router.choose import day_of

    return day_of(wall())


Reader = Callable[[Path], Served]
"""How an estate is read: in this process, or apart."""


def prepare(
    path: Path,
    place: Place,
    ledger: LedgerReader | None = None,
    wall: Clock = time.time,
    last: Standing | None = None,
    tokens: Tokens | None = None,
    read: Reader = read_served,
) -> Prepared:
    """An estate ready to be served. Raises InvalidInput if it, or the keys, cannot be used, and StorageFailure if
    where things stand cannot be read, unless `last` says where they last stood; `tokens` are those that are kept."""
    from offtake.adapters.upstream_tokens import Tokens
    from offtake.adapters.wire.upstreams import upstreams_of
    from offtake.bootstrap.upstream_proofs import prover

    served = read(path)
    estate, law = served.estate, served.law
    keys = keys_for(estate, place)
    kept = tokens or Tokens(wall)
    upstreams, lacks = upstreams_of(estate, prover(kept))
    if not upstreams:
        raise InvalidInput(
            f"no deployment of `{path}` has an endpoint that can be used"
            + "".join(f"; {lack}" for lack in lacks),
            hint="give deployments an `endpoint`, such as `endpoint: {url: https://host/v1, key: env:NAME}`",
        )
    known = positions_of(estate, place, ledger)
    try:
        standing = standing_of(known)
    except StorageFailure:
        if last is None:
            raise
        standing = last
    table = table_of(estate, law, standing, keys, today(wall))
    return Prepared(estate, served.files, law, keys, upstreams, lacks, known, standing, table, kept)


def keys_for(estate: Estate, place: Place) -> tuple[Key, ...]:
    """The keys that there are. Raises InvalidInput if they cannot be used under the estate."""
    from offtake.adapters.gateway_keys import read_keys

    keys = read_keys(place.keys)
    _known(estate, keys, place.keys)
    return keys


def check_key(estate: Estate, workload: str, region: str) -> None:
    """Raises InvalidInput if a key for this class and region could not be used."""
    from offtake.domain.workloads import InferenceClass

    classes = [id for id, w in estate.workloads.items() if isinstance(w, InferenceClass)]
    if workload not in classes:
        known = ", ".join(classes) or "none"
        raise InvalidInput(f"the estate has no inference class `{workload}`", hint=f"its classes: {known}")
    if region not in estate.regions:
        known = ", ".join(estate.regions) or "none"
        raise InvalidInput(f"the estate has no region `{region}`", hint=f"its regions: {known}")


def explained(place: Place, id: str) -> tuple[Receipt, tuple[str, ...]]:
    """A request's receipt, and what it says in words. Raises InvalidInput if there is none."""
    from offtake.adapters.receipts_sqlite import receipt_of
    from offtake.router.explain import lines_of

    found = receipt_of(place.receipts, id) if place.receipts.exists() else None
    if found is None:
        raise InvalidInput(
            f"`{place.receipts}` has no receipt `{id}`", hint="an answer's `x-request-id` names it"
        )
    return found[0], lines_of(*found)


def write_pack(
    place: Place, data_class: str, month: date, folder: Path
) -> tuple[tuple[Path, ...], Evidence, tuple[str, ...]]:
    """The evidence of a month, written to a folder, and what does not hold in the receipts."""
    from hashlib import sha256

    from offtake.adapters.evidence_files import write_evidence
    from offtake.adapters.receipts_sqlite import receipts_with_tables, verify
    from offtake.router.evidence import evidence_of

    if not place.receipts.exists():
        raise InvalidInput(f"there are no receipts in `{place.receipts}`")
    begins = month.replace(day=1)
    ends = date(begins.year + begins.month // 12, begins.month % 12 + 1, 1)
    batches, _, found = verify(place.receipts, place.public_key)
    problems = tuple(f"{p.batch}: {p.text}" for p in found)
    pack = evidence_of(data_class, f"{begins:%Y-%m}", receipts_with_tables(place.receipts, begins, ends))
    fingerprint = "sha256:" + sha256(place.public_key.read_bytes()).hexdigest()[:32]
    return write_evidence(pack, folder, fingerprint, batches, problems), pack, problems


def replayed(estate: Estate, log: Path, workload: str | None, region: str | None) -> Replayed:
    """A log put to the choice under an estate's agreements, by the day."""
    from offtake.adapters.request_logs import read_log
    from offtake.bootstrap.estates import law_of
    from offtake.router.replay import replay

    if workload is not None and region is not None:
        check_key(estate, workload, region)
    law = law_of(estate, None)
    rows = list(read_log(log, workload, region))
    profiles = [profile_named(id) for id in dict.fromkeys(row.profile for row in rows)]
    position = EventsFile(estate, Path("no such file")).position()
    return replay(rows, lambda day: compile_table(estate, law, position, day, profiles))


def profile_named(id: str) -> Profile:
    """The profile that a key's or a receipt's text of it names: class, region, data class and customer."""
    workload, region, data_class, customer, *_ = (*id.split("|"), "", "", "")
    return Profile(id, workload, region, data_class or None, customer or None)


def _known(estate: Estate, keys: Sequence[Key], path: Path) -> None:
    from offtake.domain.workloads import InferenceClass

    for key in keys:
        if not isinstance(estate.workloads.get(key.workload), InferenceClass):
            raise InvalidInput(f"`{path}`: {key.id} is for `{key.workload}`, which is no inference class")
        if key.region not in estate.regions:
            raise InvalidInput(
                f"`{path}`: {key.id} is for the region `{key.region}`, which the estate does not know"
            )


def opening_for(place: Place, table: RoutingTable, day: date) -> Opening:
    """What receipts count in the windows that run on a day, estimates corrected by invoices."""
    from offtake.adapters.receipt_corrections import corrections_in
    from offtake.adapters.receipts_sqlite import opening_by, opening_of

    counted = opening_of(place.receipts, table, day)
    by_invoices = opening_by(corrections_in(place.receipts), table)

    def both(one: Mapping[str, int], other: Mapping[str, int]) -> dict[str, int]:
        return {id: max(one.get(id, 0) + other.get(id, 0), 0) for id in {*one, *other}}

    return Opening(
        both(counted.meters, by_invoices.meters), both(counted.tiers, by_invoices.tiers), counted.keys
    )


def receipts_of(place: Place, worker: str) -> Receipts:
    """Where a process keeps its receipts."""
    from offtake.adapters.receipts_sqlite import SqliteReceipts

    return SqliteReceipts(place.receipts, place.signing_key, worker)


def affinity_of(place: Place) -> Affinity:
    """Where it is kept which deployment holds which state."""
    from offtake.adapters.affinity_sqlite import SqliteAffinity
    from offtake.router.affinity import Affinity

    return Affinity(SqliteAffinity(place.affinity))
