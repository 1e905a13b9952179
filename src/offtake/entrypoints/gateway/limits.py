"""The bounds of the data plane. Whatever reads, waits or grows has one."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Limits:
    """Bytes, counts and seconds of one process."""

    head_bytes: int = 32 * 1024  # Of a request's head: 431 above.
    headers: int = 100
    body_bytes: int = 16 * 1024 * 1024  # Of a request's body: 413 above.
    buffered_bytes: int = 256 * 1024 * 1024  # Of all bodies that are held at once: 503 above.
    connections: int = 8192  # Callers' connections: 503 above.
    requests: int = 4096  # Requests under way: 503 above.
    held_answer_bytes: int = 1024 * 1024  # Of a whole answer that is held until it can be sent at once.
    error_bytes: int = 64 * 1024  # Of an upstream's error that is kept.
    attempts: int = 3  # Upstreams tried for one request.
    head_within_s: float = 10.0  # From the first byte of a request to the end of its head.
    body_within_s: float = 60.0  # From there to the end of its body.
    idle_within_s: float = 75.0  # Between requests.
    write_within_s: float = 60.0  # While a caller does not read.
    first_byte_within_s: float = 120.0  # From asking an upstream to the head of its answer.
    between_bytes_within_s: float = 60.0  # Between two pieces of an answer.
    request_within_s: float = 600.0  # Retries begin within this.
    linger_s: float = 1.0  # What a refused caller still sends is read and dropped so long.


DEFAULT = Limits()
