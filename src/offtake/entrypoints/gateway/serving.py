"""A process of the gateway from its first connection to its last: it listens, sweeps, follows changes, ends well."""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import gc
import secrets
import signal
import socket
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING, Final

from offtake.bootstrap.gateway import (
    Place,
    Prepared,
    affinity_of,
    opening_for,
    prepare,
    receipts_of,
    today,
)
from offtake.bootstrap.gateway_estate import read_apart
from offtake.bootstrap.gateway_following import Following
from offtake.bootstrap.gateway_ledger import reader_of
from offtake.bootstrap.gateway_meters import origin_of, settle_the_dead, store_of
from offtake.domain.errors import Conflict, InvalidInput, OfftakeError, StorageFailure
from offtake.entrypoints.gateway.beside import TELL_EVERY_S, Beside
from offtake.entrypoints.gateway.chores import Chores
from offtake.entrypoints.gateway.connection import Connection
from offtake.entrypoints.gateway.limits import DEFAULT, Limits
from offtake.entrypoints.gateway.service import Service
from offtake.entrypoints.gateway.speaking import Speaking
from offtake.router.sharing import Sharing, Without

if TYPE_CHECKING:
    from offtake.adapters.telemetry import Telemetry
    from offtake.adapters.upstream_tokens import Tokens

SWEEP_EVERY_S: Final = 0.02  # Receipts are handed over as often.
LOOK_EVERY_S: Final = 0.25  # At the estate, the events, the keys and the day.
RENEW_EVERY_S: Final = 0.5  # Tokens of upstreams that are due.
BACKLOG: Final = 4096
DRAIN_S: Final = 30.0  # What runs may end within this once the process is told to end.


def listening(host: str, port: int) -> socket.socket:
    """A socket that several processes may listen on at once. Raises OSError if the address is taken by others."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    found = socket.socket(family, socket.SOCK_STREAM)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    found.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    found.bind((host, port))
    found.setblocking(False)
    return found


class Serving:
    """A gateway that listens on a socket until it is told to end."""

    def __init__(
        self,
        service: Service,
        listener: socket.socket,
        changes: Following | None = None,
        say: Callable[[str], None] = lambda _: None,
        speaking: Speaking | None = None,
        tokens: Tokens | None = None,
    ) -> None:
        self.service = service
        self._speaking = speaking
        self.chores: Chores | None = None  # What one process does for all.
        self._listener = listener
        self._changes = changes
        self._say = say
        self._tokens = tokens
        self._server: asyncio.Server | None = None
        self._tasks: list[asyncio.Task[None]] = []
        self._ends = asyncio.Event()

    @property
    def port(self) -> int:
        """The port that it listens on."""
        return int(self._listener.getsockname()[1])

    async def start(self) -> None:
        """Listens."""
        loop = asyncio.get_running_loop()
        await self._renew()
        self._server = await loop.create_server(
            lambda: Connection(self.service), sock=self._listener, backlog=BACKLOG
        )
        self._tasks = [loop.create_task(task()) for task in (self._sweep, self._look, self._keep_tokens)]
        if self._speaking is not None:
            self._tasks.append(loop.create_task(self._speaking.run(self.service)))
        if self.chores is not None:
            self._tasks.append(loop.create_task(self.chores.run()))
        if self.service.beside is not None:
            self._tasks.append(loop.create_task(self._tell(self.service.beside)))

    async def run(self, drain_s: float = DRAIN_S, ready: Callable[[], None] = lambda: None) -> None:
        """Listens until SIGTERM or SIGINT; then answers under way may end within a time."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._ends.set)
        await self.start()
        ready()
        await self._ends.wait()
        await self.stop(drain_s)

    def end(self) -> None:
        """Ends as SIGTERM does."""
        self._ends.set()

    async def stop(self, drain_s: float = DRAIN_S) -> None:
        """Takes no more connections, lets what is under way end, and writes what is left."""
        service = self.service
        service.draining = True
        if self._server is not None:
            self._server.close()
        for connection in tuple(service.connections):
            connection.leave_if_idle()
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(drain_s):
                await service.quiet()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await asyncio.sleep(0)
        service.close()
        if self._speaking is not None:
            await self._speaking.leave()
        if service.telemetry is not None:
            await asyncio.get_running_loop().run_in_executor(None, service.telemetry.close)
        service.receipts.close()

    async def _tell(self, beside: Beside) -> None:
        """Tells the other processes of this one; one that is ending tells no more, for another has its number."""
        loop = asyncio.get_running_loop()
        while not self.service.draining:
            await loop.run_in_executor(None, beside.tell, beside.told(self.service))
            await asyncio.sleep(TELL_EVERY_S)

    async def _sweep(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.service.flush()
            turn += 1
            if turn % 5 == 0:
                self.service.sweep()
                if self.service.sharing is not None:
                    self.service.sharing.look(self.service.now())

    async def _keep_tokens(self) -> None:
        while self._tokens is not None:
            await asyncio.sleep(RENEW_EVERY_S)
            await self._renew()

    async def _renew(self) -> None:
        """Renews the upstreams' tokens that are due, beside the loop."""
        loop = asyncio.get_running_loop()
        due = [] if self._tokens is None else self._tokens.due()
        before = [token.failure for token in due]
        await asyncio.gather(*(loop.run_in_executor(None, token.renew) for token in due))
        for token, failure in zip(due, before, strict=True):
            if token.failure is not None and token.failure != failure:  # Once, not at every attempt.
                self._say(f"a token of an upstream's was not renewed: {token.failure}")

    def _replace(self, fresh: Prepared) -> None:
        service = self.service
        service.set_keys(fresh.keys)
        if (
            fresh.table.version != service.table.version
            or fresh.table.entries.keys() != service.table.entries.keys()
        ):
            service.replace(fresh.table, fresh.upstreams)
            self._say(f"table {fresh.table.version} of {fresh.table.day} is in force")

    async def _look(self) -> None:
        said, unreachable = "", None
        while self._changes is not None:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                if self._changes.unreachable != unreachable:
                    unreachable = self._changes.unreachable
                    self._say(
                        f"where things stand is as it was last known: {unreachable or 'it is read again'}"
                    )
                fresh = await self._changes.look()
                if fresh is not None:
                    self._replace(fresh)
                    said = ""
            except OfftakeError as error:
                if error.message != said:  # Once, not four times a second.
                    said = error.message
                    self._say(f"what changed cannot be used, and what was in force stays: {error.message}")


@dataclass(frozen=True, slots=True)
class Asked:
    """What the command line asks of a gateway."""

    estate: Path
    place: Place
    shadow: bool = False
    meters: str | None = None  # A URL behind which several machines share headroom.
    without_meters: Without = "close"
    drain_s: float = DRAIN_S
    ledger: str | None = None  # The broker's: a file, or a URL.
    collector: str | None = None  # Where OTLP over HTTP is told of each request.
    keep_days: int | None = None  # Receipts of months that ended longer ago go by themselves.


def serve(asked: Asked, host: str, port: int, say: Callable[[str], None]) -> None:
    """Serves an estate in this process until it is told to end. Raises OfftakeError if it cannot begin."""
    with only_one(asked.place):
        prepared = prepared_of(asked)
        for lack in prepared.lacks:
            say(f"left out: {lack}")
        listener = listening_or_said(host, port)
        run_process(asked, prepared, listener, say)


def prepared_of(asked: Asked) -> Prepared:
    """What a process serves at first. Raises OfftakeError if it cannot be used."""
    ledger = reader_of(asked.ledger, asked.place, asked.meters)
    return prepare(asked.estate, asked.place, ledger, read=read_apart)


def listening_or_said(host: str, port: int) -> socket.socket:
    """A socket that several processes may listen on. Raises InvalidInput if the address cannot be listened on."""
    try:
        return listening(host, port)
    except OSError as error:
        raise InvalidInput(f"{host}:{port} cannot be listened on: {error.strerror}") from None


def run_process(
    asked: Asked,
    prepared: Prepared,
    listener: socket.socket,
    say: Callable[[str], None],
    among: Among | None = None,
) -> None:
    """One process from its first connection to its last. `among` are those that it is one of."""
    import uvloop

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        gc.collect()
        gc.freeze()  # What is there from the start is never looked at again.
        gc.set_threshold(50_000, 20, 50)
        runner.run(_run_process(asked, prepared, listener, say, among))


@dataclass(frozen=True)
class Among:
    """A process's place among several of one gateway."""

    worker: str
    living: frozenset[str]  # The names of the processes that run, and of those that are about to.
    beside: Beside
    ready: Callable[[], None]  # To be called once requests are taken.
    orphaned: Callable[[Callable[[], None]], None]  # Calls back once whoever watches over it is gone.


async def _run_process(
    asked: Asked,
    prepared: Prepared,
    listener: socket.socket,
    say: Callable[[str], None],
    among: Among | None,
) -> None:
    place, worker = asked.place, secrets.token_hex(6) if among is None else among.worker
    sharing = None if among is None and asked.meters is None else Sharing(asked.without_meters)
    service = service_of(place, prepared, shadow=asked.shadow, sharing=sharing, worker=worker)
    speaking = None
    if sharing is not None:
        living = frozenset((worker,)) if among is None else among.living
        speaking = speaking_of(asked, prepared, sharing, worker, living, say)
        speaking.first()
    if asked.collector is not None:
        service.telemetry = telemetry_for(service, asked.collector)
    service.beside = None if among is None else among.beside
    ledger = reader_of(asked.ledger, place, asked.meters)
    changes = Following(asked.estate, place, prepared, ledger, read=read_apart)
    serving = Serving(service, listener, changes, say, speaking, prepared.tokens)
    if among is None or among.beside.slot == 1:
        serving.chores = Chores(place, service, say, ledger, asked.keep_days)
    if among is None:
        say(f"listening on port {serving.port}; table {prepared.table.version} of {prepared.table.day}")
        await serving.run(asked.drain_s)
    else:
        among.orphaned(serving.end)
        await serving.run(asked.drain_s, among.ready)


def telemetry_for(service: Service, collector: str) -> Telemetry:
    """Tells a collector of a process's requests. Raises InvalidInput without the extra `opentelemetry`."""
    from offtake.adapters.telemetry import Served, Telemetry

    def served() -> dict[str, Served]:
        return {
            id: Served(upstream.endpoint.dialect, upstream.origin.host, upstream.origin.port)
            for id, upstream in service.upstreams.items()
        }

    return Telemetry(collector, served)


def speaking_of(
    asked: Asked,
    prepared: Prepared,
    sharing: Sharing,
    worker: str,
    living: frozenset[str],
    say: Callable[[str], None],
) -> Speaking:
    """The process's part in the store of headroom, in which those that died before are counted by their receipts."""
    place = asked.place
    store, origin = store_of(place, asked.meters), origin_of(place)
    dead = settle_the_dead(place, store, origin, living, prepared.table, today())
    if dead:
        say(f"counted by their receipts: {len(dead)} processes that ended without a word")
    store.join(worker, origin)
    return Speaking(worker, store, sharing, time.monotonic, time.time, say)


def only_one(place: Place) -> IO[str]:
    """Holds a gateway's state for this process: two that count apart would pass bounds together.

    Raises Conflict if another process serves from it.
    """
    try:
        place.folder.mkdir(parents=True, exist_ok=True)
        held = (place.folder / "serving.lock").open("w")
    except OSError as error:
        raise StorageFailure(f"`{place.folder}` cannot be written: {error.strerror}") from None
    try:
        fcntl.flock(held, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except OSError:
        held.close()
        raise Conflict(
            f"another gateway serves from `{place.folder}`", hint="end it, or name another --state"
        ) from None
    return held


def service_of(
    place: Place,
    prepared: Prepared,
    limits: Limits = DEFAULT,
    *,
    shadow: bool = False,
    wall: Callable[[], float] = time.time,
    sharing: Sharing | None = None,
    worker: str | None = None,
) -> Service:
    """The state of a process. Counts are opened with what the receipts say, or shared: then others are asked."""
    worker = worker or secrets.token_hex(6)
    receipts = receipts_of(place, worker)
    opening = None if sharing is not None else opening_for(place, prepared.table, today(wall))
    return Service(
        worker,
        prepared.table,
        prepared.upstreams,
        prepared.keys,
        receipts,
        opening,
        limits,
        shadow=shadow,
        wall=wall,
        sharing=sharing,
        affinity=affinity_of(place),
    )
