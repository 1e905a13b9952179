"""Where each microsecond of a request goes in the gateway's own code; see docs/benchmarks.md.

    python -m benchmarks.gateway.stages

One process, no sockets, everything on: a caller's bytes are put to a connection of the gateway, and an upstream's
answer to the connection that it was sent on. Each stage is timed without those inside it. The least of many short
rounds is shown, for other work on the machine only adds.
"""

from __future__ import annotations

import asyncio
import gc
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, cast

import uvloop
from benchmarks.gateway.estate import ANSWER, PATH, body, write_estate

from offtake.adapters.gateway_keys import new_key
from offtake.adapters.receipts_sqlite import SqliteReceipts
from offtake.adapters.upstream_http import connection as upstream_connection
from offtake.adapters.upstream_http import pool as upstream_pool
from offtake.adapters.wire import upstreams
from offtake.bootstrap.gateway import Place, prepare
from offtake.entrypoints.gateway import admission, connection, exchange, metrics, relay, service
from offtake.entrypoints.gateway.serving import service_of
from offtake.router import balances

EACH, ROUNDS = 40, 400
# Where it stands, its name there, and what the table calls it.
STAGES: Final[tuple[tuple[Any, str, str], ...]] = (
    (connection.Connection, "data_received", "the request's head and body, and who it comes from"),
    (service.Service, "handle", "find what is asked, make the exchange"),
    (service, "admit", "may it be taken now"),
    (admission, "read_body", "read the body's few fields, strictly"),
    (admission, "asked_of", "what the choice is asked: plan, tokens expected and at most"),
    (exchange.Exchange, "begin", "begin"),
    (exchange, "choose", "choose: bounds, worth, pools, breakers"),
    (exchange.Exchange, "_dispatch", "make what receives the answer"),
    (balances.Balances, "hold", "hold"),
    (upstreams.Upstream, "request", "the upstream's head and body"),
    (upstream_pool.Pool, "send", "take a pooled connection, write"),
    (upstream_connection.Connection, "data_received", "the answer's head and body"),
    (relay.Relay, "answered", "what kind of answer"),
    (relay.Relay, "_ended_whole", "the caller's head, write"),
    (exchange.Exchange, "headers", "id, route, what is left of the minute"),
    (relay, "usage_in_answer", "read the usage"),
    (exchange.Exchange, "_finish", "finish"),
    (balances.Balances, "settle", "settle"),
    (exchange.Exchange, "_record", "the receipt"),
    (metrics.Metrics, "count", "metrics, at the next flush"),
)


class Transport:
    """Takes what is written, and drops it."""

    def __init__(self) -> None:
        self.out: list[bytes] = []

    def write(self, data: bytes) -> None:
        self.out.append(data)

    def is_closing(self) -> bool:
        return False

    def get_write_buffer_size(self) -> int:
        return 0


class Timed:
    """Self times by stage: what a call took, without the stages inside it."""

    def __init__(self) -> None:
        self.taken: dict[str, int] = {}
        self._inner = [0]

    def wrap(self, owner: object, name: str, label: str) -> None:
        call, inner, taken, clock = getattr(owner, name), self._inner, self.taken, time.perf_counter_ns

        def timed(*given: object, **named: object) -> object:
            inner.append(0)
            begun = clock()
            try:
                return call(*given, **named)
            finally:
                took = clock() - begun
                taken[label] = taken.get(label, 0) + took - inner.pop()
                inner[-1] += took

        setattr(owner, name, timed)


def least(one: Callable[[], None], after: Callable[[], None]) -> float:
    """Microseconds of one request, the least of all rounds."""
    found = float("inf")
    for _ in range(ROUNDS):
        begun = time.perf_counter_ns()
        for _ in range(EACH):
            one()
        found = min(found, (time.perf_counter_ns() - begun) / EACH / 1e3)
        after()
    return found


async def main(folder: Path) -> None:
    place, estate = Place(folder / "state"), write_estate(folder / "estate.yaml", 9)
    secret, _ = new_key(place.keys, "chat", "here")
    made = service_of(place, prepare(estate, place))
    caller, answering, text = connection.Connection(made), Transport(), body()
    caller.connection_made(cast("asyncio.BaseTransport", answering))
    request = (
        f"POST {PATH} HTTP/1.1\r\nHost: 127.0.0.1:8080\r\ncontent-type: application/json\r\n"
        f"authorization: Bearer {secret}\r\nContent-Length: {len(text)}\r\n\r\n{text}"
    ).encode()
    answer = (
        "HTTP/1.1 200 OK\r\nServer: nginx\r\nDate: Wed, 25 Nov 2026 22:00:00 GMT\r\nContent-Type: application/json\r\n"
        f"Content-Length: {len(ANSWER)}\r\nConnection: keep-alive\r\n\r\n{ANSWER}"
    ).encode()
    pool: Any = made.pool(next(iter(made.upstreams.values())).origin)
    asking = Transport()
    upstream = upstream_connection.Connection(pool._released, pool._clock)  # noqa: SLF001 - stands for a connection made
    upstream.connection_made(cast("asyncio.BaseTransport", asking))
    pool._all.add(upstream)  # noqa: SLF001 - as above
    pool._free(upstream)  # noqa: SLF001 - as above

    def one() -> None:
        caller.data_received(request)
        upstream.data_received(answer)
        answering.out.clear()
        asking.out.clear()

    for _ in range(200):
        one()
    gc.collect()
    gc.freeze()
    whole = least(one, made.flush)
    timed = Timed()
    for stage in STAGES:
        timed.wrap(*stage)
    best: dict[str, float] = {}

    def note() -> None:
        made.flush()
        for label, took in timed.taken.items():
            best[label] = min(best.get(label, float("inf")), took / EACH / 1e3)
        timed.taken.clear()

    least(one, note)
    print("| | µs |\n|---|---:|")
    for _, _, label in STAGES:
        print(f"| {label} | {best.get(label, 0.0):.1f} |")
    print(f"| all, without what the timing costs | {whole:.1f} |")
    receipts = made.receipts
    assert isinstance(receipts, SqliteReceipts)
    receipts.close()


if __name__ == "__main__":
    with tempfile.TemporaryDirectory() as there, asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main(Path(there)))
