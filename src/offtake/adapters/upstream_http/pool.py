"""Pooled connections to one origin: reused while they live, bounded in number, with a bounded queue before them."""

from __future__ import annotations

import asyncio
import ssl
import time
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Final
from urllib.parse import urlsplit

from offtake.adapters.upstream_http.connection import Connection, Request
from offtake.domain.errors import InvalidInput

MOST_CONNECTIONS: Final = 1024  # To one origin.
MOST_WAITING: Final = 1024  # Requests that wait for a connection.
CONNECT_WITHIN_S: Final = 5.0
WAIT_WITHIN_S: Final = 5.0  # For a connection to come free.
IDLE_FOR_S: Final = 50.0  # Less than the 60 s and more that common servers keep an idle connection.


@dataclass(frozen=True, slots=True)
class Origin:
    """Scheme, host and port."""

    secure: bool
    host: str
    port: int

    @classmethod
    def of(cls, url: str) -> Origin:
        """The origin of a URL. Raises InvalidInput if it has none."""
        parts = urlsplit(url)
        try:
            port = parts.port
        except ValueError:
            port = 0
        if parts.scheme not in ("http", "https") or not parts.hostname or port == 0:
            raise InvalidInput(f"`{url}` is not the address of an upstream", hint="write https://host/v1")
        secure = parts.scheme == "https"
        return cls(secure, parts.hostname, port or (443 if secure else 80))

    @property
    def authority(self) -> str:
        """The host as a `host` header states it."""
        standard = self.port == (443 if self.secure else 80)
        return self.host if standard else f"{self.host}:{self.port}"


class Pool:
    """Connections to one origin, on the running loop. It is swept now and then for what waited too long."""

    def __init__(
        self,
        origin: Origin,
        tls: ssl.SSLContext | None = None,
        most: int = MOST_CONNECTIONS,
        clock: Callable[[], float] = time.monotonic,
    ) -> None:
        self.origin = origin
        self._tls = (tls or ssl.create_default_context()) if origin.secure else None
        self._most = most
        self._clock = clock
        self._idle: list[Connection] = []  # The one used last is at the end.
        self._all: set[Connection] = set()
        self._waiting: deque[tuple[Request, float, Callable[[Connection], None]]] = deque()
        self._connecting: set[asyncio.Task[None]] = set()

    @property
    def connections(self) -> int:
        """Connections that stand or are being made."""
        return len(self._all) + len(self._connecting)

    def send(self, request: Request, started: Callable[[Connection], None]) -> None:
        """Sends a request as soon as a connection is free; `started` is told which one carries it.

        Its receiver is told `connect` at once where the queue is full, and later where none came free in time.
        """
        while self._idle:
            connection = self._idle.pop()  # The one used last is the one most likely to live.
            if connection.usable:
                started(connection)
                connection.send(request)
                return
        if len(self._waiting) >= MOST_WAITING:
            request.receiver.failed("connect", "too many requests wait for a connection", untouched=False)
            return
        self._waiting.append((request, self._clock() + WAIT_WITHIN_S, started))
        if self.connections < self._most and len(self._connecting) < len(self._waiting):
            task = asyncio.get_running_loop().create_task(self._connect())
            self._connecting.add(task)
            task.add_done_callback(self._connecting.discard)

    def withdraw(self, request: Request) -> None:
        """A request that still waits is taken back."""
        self._waiting = deque(each for each in self._waiting if each[0] is not request)

    def sweep(self) -> None:
        """Ends what has waited too long: answers, requests in the queue, idle connections. To be called often."""
        now = self._clock()
        for connection in [c for c in self._all if c.deadline and c.deadline < now]:
            connection.expire()
        while self._waiting and self._waiting[0][1] < now:
            request, _, _ = self._waiting.popleft()
            request.receiver.failed("connect", "no connection came free in time", untouched=False)
        self._idle = [c for c in self._idle if c.usable]

    def close(self) -> None:
        """Closes everything; requests under way fail."""
        for task in tuple(self._connecting):
            task.cancel()
        for connection in tuple(self._all):
            connection.close()

    async def _connect(self) -> None:
        loop = asyncio.get_running_loop()
        origin = self.origin
        try:
            async with asyncio.timeout(CONNECT_WITHIN_S):
                _, connection = await loop.create_connection(
                    lambda: Connection(self._released, self._clock),
                    origin.host,
                    origin.port,
                    ssl=self._tls,
                    server_hostname=origin.host if self._tls is not None else None,
                )
        except (OSError, TimeoutError, ssl.SSLError) as error:
            if self._waiting:
                request, _, _ = self._waiting.popleft()
                reason = "it took too long" if isinstance(error, TimeoutError) else type(error).__name__
                request.receiver.failed("connect", f"{origin.authority}: {reason}", untouched=False)
            return
        self._all.add(connection)
        self._free(connection)

    def _released(self, connection: Connection) -> None:
        if connection.closed:
            self._all.discard(connection)
        elif connection in self._all:
            self._free(connection)

    def _free(self, connection: Connection) -> None:
        if not connection.usable:
            return
        if self._waiting:
            request, _, started = self._waiting.popleft()
            started(connection)
            connection.send(request)
        else:
            connection.deadline = self._clock() + IDLE_FOR_S
            self._idle.append(connection)
