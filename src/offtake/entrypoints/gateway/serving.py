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
from pathlib import Path
from typing import IO, Final

from offtake.bootstrap.gateway import Following, Place, Prepared, prepare, receipts_of, today
from offtake.domain.errors import Conflict, InvalidInput, OfftakeError, StorageFailure
from offtake.entrypoints.gateway.connection import Connection
from offtake.entrypoints.gateway.limits import DEFAULT, Limits
from offtake.entrypoints.gateway.service import Service

SWEEP_EVERY_S: Final = 0.02  # Receipts are handed over as often.
LOOK_EVERY_S: Final = 0.25  # At the estate, the events, the keys and the day.
BACKLOG: Final = 4096


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
    ) -> None:
        self.service = service
        self._listener = listener
        self._changes = changes
        self._say = say
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
        self._server = await loop.create_server(
            lambda: Connection(self.service), sock=self._listener, backlog=BACKLOG
        )
        self._tasks = [loop.create_task(self._sweep()), loop.create_task(self._look())]

    async def run(self, drain_s: float = 30.0) -> None:
        """Listens until SIGTERM or SIGINT; then answers under way may end within a time."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._ends.set)
        await self.start()
        await self._ends.wait()
        await self.stop(drain_s)

    async def stop(self, drain_s: float = 30.0) -> None:
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
        service.receipts.close()

    async def _sweep(self) -> None:
        turn = 0
        while True:
            await asyncio.sleep(SWEEP_EVERY_S)
            self.service.flush()
            turn += 1
            if turn % 5 == 0:
                self.service.sweep()

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
        said = ""
        while self._changes is not None:
            await asyncio.sleep(LOOK_EVERY_S)
            try:
                fresh = await self._changes.look()
                if fresh is not None:
                    self._replace(fresh)
                    said = ""
            except OfftakeError as error:
                if error.message != said:  # Once, not four times a second.
                    said = error.message
                    self._say(f"what changed cannot be used, and what was in force stays: {error.message}")


def serve(
    path: Path, place: Place, host: str, port: int, say: Callable[[str], None], *, shadow: bool = False
) -> None:
    """Serves an estate until it is told to end. Raises OfftakeError if it cannot begin."""
    import uvloop

    prepared = prepare(path, place)
    alone = only_one(place)
    for lack in prepared.lacks:
        say(f"left out: {lack}")
    try:
        listener = listening(host, port)
    except OSError as error:
        raise InvalidInput(f"{host}:{port} cannot be listened on: {error.strerror}") from None
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        gc.collect()
        gc.freeze()  # What is there from the start is never looked at again.
        gc.set_threshold(50_000, 20, 50)
        serving = _serve(path, place, prepared, listener, say, shadow=shadow)
        runner.run(serving)
    alone.close()


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


async def _serve(
    path: Path,
    place: Place,
    prepared: Prepared,
    listener: socket.socket,
    say: Callable[[str], None],
    *,
    shadow: bool,
) -> None:
    service = service_of(place, prepared, shadow=shadow)
    serving = Serving(service, listener, Following(path, place, prepared), say)
    say(f"listening on port {serving.port}; table {prepared.table.version} of {prepared.table.day}")
    await serving.run()


def service_of(
    place: Place,
    prepared: Prepared,
    limits: Limits = DEFAULT,
    *,
    shadow: bool = False,
    wall: Callable[[], float] = time.time,
) -> Service:
    """The state of a process, its counts opened with what its receipts say."""
    worker = secrets.token_hex(6)
    receipts = receipts_of(place, worker)
    opening = receipts.opening(prepared.table, today(wall))
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
    )
