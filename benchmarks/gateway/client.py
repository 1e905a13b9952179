"""A client that measures: one request after the other to the microsecond, and many paced streams at once."""

from __future__ import annotations

import asyncio
import json
import socket
import sys
import time
from statistics import median, quantiles


def request(path: str, key: str, body: bytes) -> bytes:
    return (
        f"POST {path} HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer {key}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(body)}\r\n\r\n"
    ).encode() + body


def one(connection: socket.socket, raw: bytes) -> float:
    """Seconds from the request's first byte to the answer's last."""
    begun = time.perf_counter()
    connection.sendall(raw)
    data = b""
    while b"\r\n\r\n" not in data:
        data += connection.recv(65_536)
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
    return time.perf_counter() - begun


def paced(port: int, path: str, key: str, body: bytes, count: int, rate: float) -> list[float]:
    """Latencies of requests at a fixed rate, on one connection."""
    connection = socket.create_connection(("127.0.0.1", port))
    connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    raw = request(path, key, body)
    for _ in range(20):
        one(connection, raw)
    found: list[float] = []
    due = time.perf_counter()
    for _ in range(count):
        due += 1 / rate
        time.sleep(max(0.0, due - time.perf_counter()))
        found.append(one(connection, raw))
    connection.close()
    return found


async def stream(port: int, path: str, key: str, body: bytes) -> tuple[float, float, int]:
    """One stream: seconds to its first event, to its end, and the events that came in order."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    writer.write(request(path, key, body))
    begun, first, data = time.perf_counter(), 0.0, b""
    while not data.endswith(b"0\r\n\r\n"):
        piece = await reader.read(65_536)
        if not piece:
            break
        if not first and b"data:" in piece:
            first = time.perf_counter() - begun
        data += piece
    writer.close()
    said = [line for line in data.split(b"data: ") if line.startswith(b'{"id"')]
    order = [json.loads(line.split(b"\n")[0])["choices"] for line in said]
    words = [c[0]["delta"]["content"] for c in order if c and c[0]["delta"]]
    ordered = len(words) if words == [f"{n} " for n in range(len(words))] else -1
    return first, time.perf_counter() - begun, ordered


async def streams(
    port: int, path: str, key: str, body: bytes, at_once: int
) -> list[tuple[float, float, int]]:
    return list(await asyncio.gather(*(stream(port, path, key, body) for _ in range(at_once))))


def main() -> None:
    kind, port, path, key, body, *more = sys.argv[1:]
    raw = body.encode()
    if kind == "paced":
        found = sorted(paced(int(port), path, key, raw, int(more[0]), float(more[1])))
        cuts = quantiles(found, n=100)
        print(json.dumps({"p50_us": cuts[49] * 1e6, "p99_us": cuts[98] * 1e6}))
    else:
        rows = asyncio.run(streams(int(port), path, key, raw, int(more[0])))
        print(
            json.dumps(
                {
                    "first_ms": median(r[0] for r in rows) * 1e3,
                    "last_s": max(r[1] for r in rows),
                    "whole": sum(r[2] == int(more[1]) for r in rows),
                    "streams": len(rows),
                }
            )
        )


if __name__ == "__main__":
    main()
