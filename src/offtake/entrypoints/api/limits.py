"""Bounds on what a caller may send, and how often. Every table here has a written size."""

from __future__ import annotations

import asyncio
import json
from collections import OrderedDict
from collections.abc import Callable
from dataclasses import dataclass
from threading import Lock
from typing import Final

from starlette.types import ASGIApp, Message, Receive, Scope, Send

from offtake.entrypoints.api.problems import MEDIA_TYPE, problem_bytes

MAXIMUM_BODY_BYTES: Final = 256 * 1024
BODY_WITHIN_S: Final = 10.0
MAXIMUM_REMEMBERED: Final = 10_000
MAXIMUM_DEPTH: Final = 40


@dataclass(slots=True)
class _Bucket:
    left: float
    since: float


class RateLimit:
    """Token buckets by caller: so many requests a second, and so many at once after a rest."""

    def __init__(self, per_second: float, burst: float, clock: Callable[[], float]) -> None:
        self._rate, self._burst, self._clock = per_second, burst, clock
        self._buckets: OrderedDict[str, _Bucket] = OrderedDict()
        self._lock = Lock()

    def wait_s(self, caller: str) -> float:
        """Takes one request of a caller: 0 if it may go on, else the seconds after which it may."""
        now = self._clock()
        with self._lock:
            bucket = self._buckets.pop(caller, None) or _Bucket(self._burst, now)
            self._buckets[caller] = bucket
            if len(self._buckets) > MAXIMUM_REMEMBERED:
                self._buckets.popitem(last=False)
            bucket.left = min(self._burst, bucket.left + (now - bucket.since) * self._rate)
            bucket.since = now
            if bucket.left >= 1:
                bucket.left -= 1
                return 0.0
            return (1 - bucket.left) / self._rate


class BodyLimit:
    """Reads a body whole before it is parsed: never more than the limit, never longer than it may take."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """The request with its body read; 400, 408 or 413 if it cannot be."""
        if scope["type"] != "http" or scope["method"] in ("GET", "HEAD", "OPTIONS"):
            await self._app(scope, receive, send)
            return
        try:
            body = await asyncio.wait_for(_read(receive), BODY_WITHIN_S)
        except TimeoutError:
            await _refuse(send, 408)
            return
        if body is None:
            await _refuse(send, 413, f"a body has at most {MAXIMUM_BODY_BYTES:,} bytes")
            return
        if _depth(body) > MAXIMUM_DEPTH:
            await _refuse(send, 400, f"a body is nested at most {MAXIMUM_DEPTH} deep")
            return
        given = False

        async def again() -> Message:
            nonlocal given
            if given:
                return await receive()
            given = True
            return {"type": "http.request", "body": body, "more_body": False}

        await self._app(scope, again, send)


async def _read(receive: Receive) -> bytes | None:
    parts: list[bytes] = []
    size = 0
    while True:
        message = await receive()
        if message["type"] != "http.request":
            return b"".join(parts)
        part: bytes = message.get("body", b"")
        size += len(part)
        if size > MAXIMUM_BODY_BYTES:
            return None
        parts.append(part)
        if not message.get("more_body", False):
            return b"".join(parts)


def _depth(body: bytes) -> int:
    """How deep brackets are nested at most; brackets in strings count too, which errs on the safe side."""
    deepest = depth = 0
    for byte in body:
        if byte in b"[{":
            depth += 1
            deepest = max(deepest, depth)
        elif byte in b"]}":
            depth -= 1
    return deepest


async def _refuse(send: Send, status: int, detail: str | None = None) -> None:
    headers = [(b"content-type", MEDIA_TYPE.encode()), (b"connection", b"close")]
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": problem_bytes(status, detail)})


def denial_line(**said: str | int | None) -> str:
    """A denial as a line of the log: who, what, why; never a token or a body."""
    return json.dumps({"denied": {key: value for key, value in said.items() if value is not None}})
