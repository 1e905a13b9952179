"""Several processes on one port: started, watched, started again when they die, and replaced without cutting a stream.

The supervisor holds the listening sockets, one for each process (`SO_REUSEPORT`: the kernel spreads connections over
them). A process that dies or is replaced leaves its socket to the next, with the connections that wait on it.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import signal
import socket
import sys
import time
from asyncio.subprocess import PIPE, Process
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from typing import Final

import orjson

from offtake.bootstrap.gateway_meters import make_files
from offtake.domain.errors import StorageFailure
from offtake.entrypoints.gateway.serving import BACKLOG, Asked, listening_or_said, only_one, prepared_of

MOST_PROCESSES: Final = 64
READY_WITHIN_S: Final = 60.0
FIRST_REST_S: Final = 0.1  # Before a process that died is started again; doubled each time.
LONGEST_REST_S: Final = 10.0
HEALTHY_AFTER_S: Final = 60.0  # One that ran so long dies for a new reason.
KILLED_AFTER_S: Final = 5.0  # Beyond what a process is given to end.


def rest_s(failures: int) -> float:
    """How long to rest before a process is started again that died so many times in a row."""
    return min(FIRST_REST_S * 2.0 ** min(failures, 30), LONGEST_REST_S)


@dataclass(eq=False)
class Worker:
    """A process that runs, or is ending."""

    name: str
    process: Process
    began: float


@dataclass(eq=False)
class Slot:
    """One of the processes, whichever fills it now."""

    number: int
    listener: socket.socket
    worker: Worker | None = None
    failures: int = 0
    restarts: int = 0


@dataclass
class Supervisor:
    """Watches over the processes of one gateway."""

    asked: Asked
    slots: list[Slot]
    say: Callable[[str], None]
    _ends: asyncio.Event = field(default_factory=asyncio.Event)
    _running: set[Worker] = field(default_factory=set[Worker])  # Those that are ending too.
    _tasks: set[asyncio.Task[None]] = field(default_factory=set[asyncio.Task[None]])
    _rolling: bool = False

    async def run(self) -> None:
        """Until SIGTERM or SIGINT. SIGHUP replaces the processes, one after the other."""
        loop = asyncio.get_running_loop()
        for sign in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(sign, self._ends.set)
        loop.add_signal_handler(signal.SIGHUP, lambda: self._spawn(self.roll()))
        try:
            await self._begin()
            await self._ends.wait()
        finally:
            await self._stop()

    async def _begin(self) -> None:
        names = [secrets.token_hex(6) for _ in self.slots]
        started = await asyncio.gather(
            *(self._start(slot, name, names) for slot, name in zip(self.slots, names, strict=True))
        )
        for slot, worker in zip(self.slots, started, strict=True):
            if worker is None:
                raise StorageFailure(f"process {slot.number} could not begin", hint="it said why above")
            self._fill(slot, worker)
        port = self.slots[0].listener.getsockname()[1]
        self.say(f"listening on port {port} with {len(self.slots)} processes")

    def _spawn(self, coroutine: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(coroutine)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    def _fill(self, slot: Slot, worker: Worker) -> None:
        slot.worker = worker
        self._spawn(self._watch(slot, worker))

    async def _start(self, slot: Slot, name: str, beside: list[str] | None = None) -> Worker | None:
        """A process that takes requests; None if it could not begin."""
        process = await asyncio.create_subprocess_exec(
            sys.executable,
            "-m",
            "offtake.entrypoints.gateway.worker",
            stdin=PIPE,
            stdout=PIPE,
            pass_fds=(slot.listener.fileno(),),
        )
        worker = Worker(name, process, time.monotonic())
        self._running.add(worker)
        living = {name, *(beside or ()), *(each.name for each in self._running)}
        orders = {
            "slot": slot.number,
            "worker": name,
            "living": sorted(living),
            "processes": len(self.slots),
            "listener": slot.listener.fileno(),
            "estate": str(self.asked.estate),
            "state": str(self.asked.place.folder),
            "shadow": self.asked.shadow,
            "meters": self.asked.meters,
            "without_meters": self.asked.without_meters,
            "drain_s": self.asked.drain_s,
            "ledger": self.asked.ledger,
            "collector": self.asked.collector,
            "keep_days": self.asked.keep_days,
        }
        said = b""
        if process.stdin is not None and process.stdout is not None:
            with contextlib.suppress(TimeoutError, ConnectionError):
                async with asyncio.timeout(READY_WITHIN_S):
                    process.stdin.write(orjson.dumps(orders) + b"\n")
                    await process.stdin.drain()
                    said = await process.stdout.readline()
        if said == b"ready\n":
            return worker
        await self._end(worker, 0.0)
        return None

    async def _watch(self, slot: Slot, worker: Worker) -> None:
        """Waits for a process's end; if it was not told to end, another takes its place."""
        status = await worker.process.wait()
        self._running.discard(worker)
        if slot.worker is not worker or self._ends.is_set():
            return
        slot.worker = None
        ran = time.monotonic() - worker.began
        slot.failures = 0 if ran > HEALTHY_AFTER_S else slot.failures
        self.say(f"process {slot.number} ended with {_status(status)}; it is started again")
        while not self._ends.is_set():
            await self._rest(rest_s(slot.failures))
            slot.failures += 1
            slot.restarts += 1
            self._note_restarts()
            if self._ends.is_set():
                return
            fresh = await self._start(slot, secrets.token_hex(6))
            if fresh is not None:
                self._fill(slot, fresh)
                return

    async def _rest(self, seconds: float) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(seconds):
                await self._ends.wait()

    def _note_restarts(self) -> None:
        counts = {str(slot.number): slot.restarts for slot in self.slots}
        with contextlib.suppress(OSError):
            folder = self.asked.place.running
            folder.mkdir(parents=True, exist_ok=True)
            (folder / "restarts.json").write_bytes(orjson.dumps(counts))

    async def roll(self) -> None:
        """Replaces the processes one after the other: the new one takes requests before the old one takes no more."""
        if self._rolling or self._ends.is_set():
            self.say("the processes are being replaced already")
            return
        self._rolling = True
        try:
            for slot in self.slots:
                fresh = await self._start(slot, secrets.token_hex(6))
                if fresh is None:
                    self.say(f"process {slot.number} could not be replaced, and the old ones stay")
                    return
                old = slot.worker
                self._fill(slot, fresh)
                if old is not None:
                    self._spawn(self._end(old, self.asked.drain_s))
            self.say(f"{len(self.slots)} processes were replaced; the old ones end with their last answers")
        finally:
            self._rolling = False

    async def _end(self, worker: Worker, drain_s: float) -> None:
        """Tells a process to end, and ends it if it does not."""
        with contextlib.suppress(ProcessLookupError):
            worker.process.terminate()
        try:
            async with asyncio.timeout(drain_s + KILLED_AFTER_S):
                await worker.process.wait()
        except TimeoutError:
            with contextlib.suppress(ProcessLookupError):
                worker.process.kill()
            await worker.process.wait()
        self._running.discard(worker)

    async def _stop(self) -> None:
        self._ends.set()
        await asyncio.gather(*(self._end(worker, self.asked.drain_s) for worker in tuple(self._running)))
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)


def _status(status: int) -> str:
    return f"signal {-status}" if status < 0 else f"status {status}"


def supervise(asked: Asked, host: str, port: int, processes: int, say: Callable[[str], None]) -> None:
    """Serves an estate with several processes until it is told to end. Raises OfftakeError if it cannot begin."""
    with only_one(asked.place):
        make_files(asked.place, asked.meters)
        for lack in prepared_of(asked).lacks:
            say(f"left out: {lack}")
        first = listening_or_said(host, port)
        port = first.getsockname()[1]
        listeners = [first, *(listening_or_said(host, port) for _ in range(processes - 1))]
        for listener in listeners:
            listener.listen(BACKLOG)
        for file in asked.place.running.glob("*.json"):
            file.unlink(missing_ok=True)
        slots = [Slot(number, listener) for number, listener in enumerate(listeners, 1)]
        try:
            asyncio.run(Supervisor(asked, slots, say).run())
        finally:
            for listener in listeners:
                listener.close()
