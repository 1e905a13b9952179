"""What one process of the gateway holds: the table in force, keys, counts, connections, and what it answers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final

from offtake.adapters.upstream_http import Origin, Pool
from offtake.adapters.wire.bodies import BadBody
from offtake.adapters.wire.dialects import Tongue, error_body, route_of, tongue_of
from offtake.domain.errors import StorageFailure
from offtake.entrypoints.gateway.admission import Denied, admit, way_of
from offtake.entrypoints.gateway.answers import JSON, error_answer
from offtake.entrypoints.gateway.callers import Caller, Callers
from offtake.entrypoints.gateway.connection import Connection, Handler, Incoming
from offtake.entrypoints.gateway.exchange import Exchange
from offtake.entrypoints.gateway.heads import Heads
from offtake.entrypoints.gateway.limits import DEFAULT, Limits
from offtake.entrypoints.gateway.metrics import Metrics
from offtake.entrypoints.gateway.plain import answer_plain
from offtake.entrypoints.gateway.plans import Plans
from offtake.router.affinity import Affinity
from offtake.router.allowances import Allowances
from offtake.router.balances import NOTHING_COUNTED, Balances, Opening
from offtake.router.choose import day_of
from offtake.router.table import Candidate, RoutingTable, Tokens

if TYPE_CHECKING:
    from offtake.adapters.gateway_keys import Key
    from offtake.adapters.telemetry import Telemetry
    from offtake.adapters.wire.upstreams import Upstream
    from offtake.entrypoints.gateway.beside import Beside
    from offtake.router.ports import Receipts
    from offtake.router.receipts import Receipt
    from offtake.router.sharing import Sharing

MOST_WAITING: Final = 1024  # Requests that wait for headroom, each for one exchange with the store.
FIRST_GUESS_OUT: Final = 256  # Tokens that an answer is expected to have before any was seen.
_LEARNS: Final = 0.05  # The weight of a new answer in what is expected of the next.


class Service:
    """One process's state. Everything in it is touched by the one thread of the loop alone."""

    def __init__(
        self,
        worker: str,
        table: RoutingTable,
        upstreams: Mapping[str, Upstream],
        keys: tuple[Key, ...],
        receipts: Receipts,
        opening: Opening | None = None,
        limits: Limits = DEFAULT,
        *,
        shadow: bool = False,
        wall: Callable[[], float] = time.time,
        sharing: Sharing | None = None,
        affinity: Affinity | None = None,
    ) -> None:
        self.shadow = shadow
        self.wall = wall  # Seconds since the epoch.
        self.now = time.monotonic  # Seconds of a clock that does not run backward.
        self.limits = limits
        self.connections: set[Connection] = set()
        self.exchanges: set[Exchange] = set()
        self.draining = False
        self.buffered = 0
        self.heads = Heads()
        self.affinity = affinity or Affinity()
        self._quiet = asyncio.Event()
        self.table = table
        self.upstreams = dict(upstreams)
        self.receipts = receipts
        self.metrics = Metrics()
        counted = opening or NOTHING_COUNTED
        self.sharing = sharing
        self.telemetry: Telemetry | None = None  # A collector is told of each request.
        self.beside: Beside | None = None  # The other processes of the same gateway.
        self.balances = Balances(table, self.wall(), counted, sharing)
        self.allowances = Allowances(counted.keys, sharing)
        self.headroom_due = asyncio.Event()  # A request waits for headroom that others may hold.
        self._waiting: list[Exchange] = []
        self._pools: dict[Origin, Pool] = {}
        self._expected: dict[tuple[str, str], float] = {}
        self._kept: list[Receipt] = []
        self._counted = 0  # Of them, those that the metrics have.
        self._worker = worker
        self._count = itertools.count(1)
        self.set_keys(keys)
        self.plans = Plans(table, self.upstreams)
        receipts.table(table)

    # Clocks and ids.

    def next_id(self) -> str:
        """A request's id: the process's word and a count."""
        return f"{self._worker}-{next(self._count):010x}"

    # What may change while it runs.

    def replace(self, table: RoutingTable, upstreams: Mapping[str, Upstream]) -> None:
        """Another table from now on. Answers under way whose route a clause closes are cut if the clause says so."""
        self.receipts.table(table)
        self.flush()
        self.table, self.upstreams = table, dict(upstreams)
        self.balances.adopt(table, self.wall())
        self.plans = Plans(table, self.upstreams)
        self.metrics.tables += 1
        running = {mask.id: mask.running for mask in table.law.masks}
        for exchange in tuple(self.exchanges):
            clauses = self._closed_for(exchange, running)
            if clauses:
                exchange.cut_by_law(clauses)

    def _closed_for(self, exchange: Exchange, running: Mapping[str, str]) -> tuple[str, ...]:
        """The clauses that cut an answer under way; none where its route is open, or may finish."""
        route = exchange.route
        if route is None:
            return ()
        facts = route.entry.facts
        entry = next((e for e in self.table.entries.values() if e.facts == facts), None)
        if entry is None:
            return ()
        for barred in entry.barred:
            if barred.supply == route.candidate.id:
                return tuple(r.origin.clause for r in barred.reasons if running.get(r.primitive) == "cut")
        return ()

    def set_keys(self, keys: tuple[Key, ...]) -> None:
        """The keys that are known from now on."""
        self.callers = Callers(keys, day_of(self.wall()))

    def pool(self, origin: Origin) -> Pool:
        """The connections to an origin."""
        found = self._pools.get(origin)
        if found is None:
            found = self._pools[origin] = Pool(origin)
        return found

    # Requests.

    def handle(self, connection: Connection, request: Incoming) -> Handler | None:
        """Answers a request, at once (None) or later."""
        head = request.head
        way = head.way
        if way is None or way.callers is not self.callers:
            way = head.way = way_of(self.callers, head)
            if way is None:
                answer_plain(self, connection, request, known=route_of(head.path) is not None)
                return None
            if isinstance(way.caller, Caller):
                connection.good(head)
        try:
            found = admit(self, way, request.body)
        except BadBody as error:
            found = (400, error.message, "invalid_request", error.param)
        if len(found) == 4:
            self.answer_error(connection, request, way.tongue, found)
            return None
        exchange = Exchange(self, connection, request, way.operation, way.tongue, *found)
        self.exchanges.add(exchange)
        return exchange if exchange.begin() else None

    def expected_out(self, profile: str, model: str) -> int:
        """How many tokens an answer is expected to have, by what was seen."""
        return int(self._expected.get((profile, model), FIRST_GUESS_OUT))

    def not_ready(self) -> str | None:
        """Why requests cannot be taken now; None if they can."""
        if self.draining:
            return "the gateway is ending"
        if day_of(self.wall()) != self.table.day:
            return "the table is of another day"
        return self.receipts.failing

    # Headroom that other processes may hold.

    def pressed(self, exchange: Exchange, *, waits: bool) -> bool:
        """Notes that a request found no room that others may hold in advance; whether it is begun again once they
        were asked."""
        if self.sharing is None or len(self._waiting) >= MOST_WAITING:
            return False
        if not exchange.press(self.sharing):
            return False
        self.headroom_due.set()
        if waits:
            self._waiting.append(exchange)
        return waits

    def headroom_heard(self) -> None:
        """Others were asked: what waited for it begins again."""
        waiting, self._waiting = self._waiting, []
        for exchange in waiting:
            exchange.begin_again()

    # What exchanges tell.

    def seen(self, profile: str, candidate: Candidate, used: Tokens) -> None:
        """An answer's length was measured."""
        key = (profile, candidate.model)
        guess = self._expected.get(key, float(FIRST_GUESS_OUT))
        self._expected[key] = guess + _LEARNS * (used.out - guess)

    def succeeded(self, candidate: Candidate | None) -> None:
        """A supply answered."""
        if candidate is not None:
            self.balances.succeeded(candidate.id)

    def broke(self, candidate: Candidate | None, retry_after_s: float | None) -> None:
        """A supply failed."""
        if candidate is not None:
            self.metrics.broke(candidate.id)
            self.balances.breaker(candidate.id).failed(self.wall(), retry_after_s)

    def abandoned(self, candidate: Candidate | None) -> None:
        """A caller left before the answer's end."""
        if candidate is not None:
            self.balances.breaker(candidate.id).abandoned()

    def ended(self, exchange: Exchange) -> None:
        """An exchange is over."""
        self.exchanges.discard(exchange)
        if self.draining and not self.exchanges:
            self._quiet.set()

    async def quiet(self) -> None:
        """Returns once no exchange is under way; to be awaited while the process takes no more."""
        if self.exchanges:
            await self._quiet.wait()

    def record(self, receipt: Receipt, traceparent: bytes | None = None) -> None:
        """A receipt, written with the next batch."""
        self._kept.append(receipt)
        if self.telemetry is not None:
            self.telemetry.observe(receipt, traceparent)

    def flush(self) -> None:
        """Hands the receipts over to be written."""
        if self._kept:
            kept, self._kept = self._kept, []
            count = self.metrics.count
            for receipt in kept[self._counted :]:
                count(receipt)
            self._counted = 0
            try:
                self.receipts.keep(kept)
            except StorageFailure:
                self._kept = kept + self._kept  # They wait here; meanwhile no new request is taken.
                self._counted = len(kept)

    # Answers that are made here.

    def rate_headers(self, candidate: Candidate | None) -> bytes:
        """What is left of the minute of the pool that a request draws on, in tokens read, as `x-ratelimit-*`."""
        if (
            candidate is None
            or candidate.pool is None
            or candidate.draws is None
            or not candidate.draws.fresh
        ):
            return b""
        now = self.wall()
        pool = self.table.pools[candidate.pool]
        left = max(pool.capacity - self.balances.pool(candidate.pool, now), 0)
        each = candidate.draws.fresh
        return (
            b"x-ratelimit-limit-tokens: %d\r\nx-ratelimit-remaining-tokens: %d\r\n"
            b"x-ratelimit-reset-tokens: %.3fs\r\n" % (pool.capacity // each, left // each, 60.0 - now % 60.0)
        )

    def refusal(self, request: Incoming | None, status: int, message: str) -> bytes:
        """The headers and body of a refusal of what cannot be taken."""
        tongue = tongue_of(request.head.path or request.head.target) if request is not None else "openai"
        self.metrics.refused_at_door += 1
        body = error_body(tongue, status, message, "bad_request", None, self.next_id())
        return b"".join((JSON, b"content-length: %d\r\n\r\n" % len(body), body))

    def answer_error(self, connection: Connection, request: Incoming, tongue: Tongue, denied: Denied) -> None:
        """Answers at once that a request is not taken."""
        status, text, code, param = denied
        self.metrics.refused_at_door += 1
        wait = 1.0 if status in (429, 503) else None
        keep = request.keep_alive
        connection.write(error_answer(tongue, status, text, code, param, self.next_id(), wait, keep=keep))
        connection.done(keep)

    # Time.

    def sweep(self) -> None:
        """Ends what has waited too long. Called every tenth of a second."""
        now = self.now()
        self.affinity.flush(self.wall())
        for connection in [c for c in self.connections if c.deadline and c.deadline < now]:
            connection.expire()
        for pool in self._pools.values():
            pool.sweep()

    def close(self) -> None:
        """Ends all connections at once."""
        for connection in tuple(self.connections):
            connection.abort()
        for pool in self._pools.values():
            pool.close()
        self.flush()
        self.affinity.close(self.wall())
