"""A client that measures: one request after the other to the microsecond, and many paced streams at once."""

from __future__ import annotations

import asyncio
import json
import re
import socket
import sys
import time
from statistics import quantiles
from typing import Any, cast

WORD = re.compile(rb'"content": ?"(\d+):(\d+)"')


def request(asked: dict[str, Any]) -> bytes:
    """The bytes of a request: `path`, `headers` and `body`."""
    body = asked["body"].encode()
    lines = "".join(f"{name}: {value}\r\n" for name, value in asked["headers"].items())
    head = f"POST {asked['path']} HTTP/1.1\r\nhost: localhost\r\n{lines}content-length: {len(body)}\r\n\r\n"
    return head.encode() + body


def cuts(found: list[float]) -> tuple[float, float]:
    """The median and the 99th percentile."""
    at = quantiles(found, n=100)
    return at[49], at[98]


def one(connection: socket.socket, raw: bytes) -> tuple[float, float]:
    """Seconds from the request's first byte to the first event, or the head, of the answer; and to its last byte."""
    begun = time.perf_counter()
    connection.sendall(raw)
    data, first = b"", 0.0
    while b"\r\n\r\n" not in data or (not first and b"event-stream" in data):
        piece = connection.recv(65_536)
        if not piece:
            raise SystemExit(f"closed after {data[:300]!r}")
        data += piece
        if b"data:" in data or b"event-stream" not in data:
            first = first or time.perf_counter() - begun
    head, _, rest = data.partition(b"\r\n\r\n")
    lower = head.lower()
    if not lower.startswith(b"http/1.1 200"):
        raise SystemExit(f"answered {head[:200]!r} {rest[:300]!r}")
    if b"content-length:" in lower:
        length = int(lower.split(b"content-length:")[1].split(b"\r\n")[0])
        while len(rest) < length:
            rest += connection.recv(65_536)
    else:
        while not rest.endswith(b"0\r\n\r\n"):
            rest += connection.recv(65_536)
    return first, time.perf_counter() - begun


def paced(asked: dict[str, Any], count: int, rate: float) -> dict[str, float]:
    """Latencies of requests at a fixed rate, on one connection."""
    connection = socket.create_connection(("127.0.0.1", asked["port"]))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw = request(asked)
    for _ in range(20):
        one(connection, raw)
    found: list[tuple[float, float]] = []
    due = time.perf_counter()
    for _ in range(count):
        due += 1 / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        found.append(one(connection, raw))
    connection.close()
    first, whole = cuts([f for f, _ in found]), cuts([w for _, w in found])
    return {"first_p50_us": first[0] * 1e6, "p50_us": whole[0] * 1e6, "p99_us": whole[1] * 1e6}


class Stream(asyncio.Protocol):
    """One stream: in which order its chunks came, and how long each took from the upstream."""

    def __init__(self, raw: bytes, ended: asyncio.Future[None]) -> None:
        self.raw = raw
        self.ended = ended
        self.pending = b""
        self.order: list[int] = []
        self.took_s: list[float] = []

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self.transport = cast("asyncio.Transport", transport)
        self.transport.write(self.raw)

    def data_received(self, data: bytes) -> None:
        now = time.monotonic_ns()
        whole = self.pending + data
        end = whole.rfind(b"\n\n") + 1
        for n, sent in WORD.findall(whole[:end]):
            self.order.append(int(n))
            self.took_s.append((now - int(sent)) / 1e9)
        self.pending = whole[end:]
        if whole.endswith(b"0\r\n\r\n"):
            self.transport.close()

    def connection_lost(self, exc: Exception | None) -> None:
        del exc
        if not self.ended.done():
            self.ended.set_result(None)


async def streams(asked: dict[str, Any], at_once: int, chunks: int) -> dict[str, float]:
    """Many streams at once, begun within a second."""
    loop, raw, made = asyncio.get_running_loop(), request(asked), list[Stream]()
    for _ in range(at_once):
        stream = Stream(raw, loop.create_future())
        await loop.create_connection(lambda stream=stream: stream, "127.0.0.1", asked["port"])
        made.append(stream)
        await asyncio.sleep(1 / at_once)
    await asyncio.gather(*(stream.ended for stream in made))
    took = cuts([t for stream in made for t in stream.took_s])
    whole = sum(stream.order == list(range(chunks)) for stream in made)
    return {"streams": at_once, "whole": whole, "chunk_p50_ms": took[0] * 1e3, "chunk_p99_ms": took[1] * 1e3}


def main() -> None:
    asked: dict[str, Any] = json.loads(sys.argv[1])
    if asked["kind"] == "paced":
        found = paced(asked, asked["count"], asked["rate"])
    else:
        import uvloop

        with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
            found = runner.run(streams(asked, asked["at_once"], asked["chunks"]))
    print(json.dumps(found))


if __name__ == "__main__":
    main()
