"""What one process of the gateway holds: the table in force, keys, counts, connections, and what it answers."""

from __future__ import annotations

import asyncio
import itertools
import time
from collections.abc import Callable, Mapping
from hashlib import sha256
from typing import TYPE_CHECKING, Final, NamedTuple

import orjson

from offtake.adapters.upstream_http import Origin, Pool
from offtake.adapters.wire.bodies import BadBody, Body, read_body
from offtake.adapters.wire.dialects import Operation, Tongue, error_body, route_of, tongue_of
from offtake.domain.errors import StorageFailure
from offtake.entrypoints.gateway.connection import REASONS, Connection, Handler, Incoming
from offtake.entrypoints.gateway.exchange import Exchange
from offtake.entrypoints.gateway.limits import DEFAULT, Limits
from offtake.entrypoints.gateway.metrics import Metrics
from offtake.router.balances import Balances, Opening
from offtake.router.choose import Asked, Refused, day_of
from offtake.router.compile import able
from offtake.router.table import Candidate, Entry, RoutingTable, Tokens

if TYPE_CHECKING:
    from offtake.adapters.gateway_keys import Key
    from offtake.adapters.wire.upstreams import Upstream
    from offtake.router.ports import Receipts
    from offtake.router.receipts import Receipt

MOST_OUT: Final = 4096  # Tokens that an answer is held at where the caller states no limit.
FIRST_GUESS_OUT: Final = 256  # Tokens that an answer is expected to have before any was seen.
STATE_ELSEWHERE: Final = (
    "the state that this request builds on lives at one upstream, and several may serve it: "
    "send the whole conversation instead"
)
_LEARNS: Final = 0.05  # The weight of a new answer in what is expected of the next.
_JSON: Final = b"content-type: application/json\r\n"


class Caller(NamedTuple):
    """What is looked up for a key at every request."""

    id: str
    profile: str
    models: frozenset[str]  # That it may ask for; all if empty.
    lapsed: str | None


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
    ) -> None:
        self.shadow = shadow
        self.wall = wall  # Seconds since the epoch.
        self.limits = limits
        self.connections: set[Connection] = set()
        self.exchanges: set[Exchange] = set()
        self.draining = False
        self.buffered = 0
        self._quiet = asyncio.Event()
        self.table = table
        self.upstreams = dict(upstreams)
        self.receipts = receipts
        self.metrics = Metrics()
        self.balances = Balances(table, self.wall(), opening or Opening({}, {}))
        self._pools: dict[Origin, Pool] = {}
        self._expected: dict[tuple[str, str], float] = {}
        self._kept: list[Receipt] = []
        self._worker = worker
        self._count = itertools.count(1)
        self._keys: dict[bytes, Caller] = {}
        self._unable: dict[Operation, frozenset[str]] = {}
        self._entries: dict[tuple[Operation, str, str], Entry] = {}
        self.set_keys(keys)
        self._sort_upstreams()
        receipts.table(table)

    # Clocks and ids.

    def now(self) -> float:
        """Seconds of a clock that does not run backward."""
        return time.monotonic()

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
        self._sort_upstreams()
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
        day = day_of(self.wall())
        self._keys = {
            bytes.fromhex(key.hash): Caller(key.id, key.profile, frozenset(key.models), key.lapsed(day))
            for key in keys
        }

    def _sort_upstreams(self) -> None:
        candidates = {c.id: c for e in self.table.entries.values() for c in e.candidates}
        operations: tuple[Operation, ...] = ("chat", "completions", "embeddings", "responses", "messages")
        for operation in operations:
            self._unable[operation] = frozenset(
                id
                for id, candidate in candidates.items()
                if (upstream := self.upstreams.get(candidate.supply.deployment or "")) is None
                or operation not in upstream.serves
            )
        self._entries = {
            (operation, profile, model): able(entry, self._unable[operation], self.table.meters)
            for operation in operations
            for (profile, model), entry in self.table.entries.items()
        }

    def pool(self, origin: Origin) -> Pool:
        """The connections to an origin."""
        found = self._pools.get(origin)
        if found is None:
            found = self._pools[origin] = Pool(origin)
        return found

    # Requests.

    def handle(self, connection: Connection, request: Incoming) -> Handler | None:
        """Answers a request, at once (None) or later."""
        route = route_of(request.path)
        if route is None or request.method != b"POST":
            self._plain(connection, request, known=route is not None)
            return None
        operation, tongue, deployment = route
        try:
            found = self._admit(connection, request, operation, tongue, deployment)
        except BadBody as error:
            found = (400, error.message, "invalid_request", error.param)
        if isinstance(found, Exchange):
            self.exchanges.add(found)
            return found if found.begin() else None
        self._answer_error(connection, request, tongue, *found)
        return None

    def _admit(
        self,
        connection: Connection,
        request: Incoming,
        operation: Operation,
        tongue: Tongue,
        deployment: str | None,
    ) -> Exchange | tuple[int, str, str, str | None]:
        """An exchange, or why there is none: status, sentence, code and field."""
        headers = request.headers
        key = self._key(headers)
        if isinstance(key, str):
            return 401, key, "invalid_api_key", None
        if len(self.exchanges) >= self.limits.requests:
            return 503, "as many requests as this process bears are under way", "overloaded", None
        if self._failing() is not None:
            return 503, "receipts cannot be written, and no request runs without one", "no_receipts", None
        kind = headers.get(b"content-type", b"application/json")
        if not kind.lower().startswith(b"application/json") or b"content-encoding" in headers:
            return (
                415,
                "a request is `application/json`, without a content encoding",
                "unsupported_type",
                None,
            )
        body = read_body(request.body, deployment)
        asked = self._asked(key, body, operation, headers)
        if isinstance(asked, tuple):
            return asked
        return Exchange(self, connection, request, operation, tongue, key, body, asked)

    def _key(self, headers: Mapping[bytes, bytes]) -> Caller | str:
        """The caller's key, or why there is none."""
        bearer = headers.get(b"authorization")
        if bearer is not None and bearer[:7].lower() == b"bearer ":
            text = bearer[7:]
        else:
            text = headers.get(b"x-api-key") or headers.get(b"api-key") or b""
        if not text:
            return "a request carries its key: `authorization: Bearer …`, `x-api-key` or `api-key`"
        key = self._keys.get(sha256(text).digest())
        if key is None:
            return "the gateway does not know this key"
        return key if key.lapsed is None else key.lapsed

    def _asked(
        self, key: Caller, body: Body, operation: Operation, headers: Mapping[bytes, bytes]
    ) -> Asked | tuple[int, str, str, str | None]:
        table, profile, model = self.table, key.profile, body.model
        if key.models and model not in key.models:
            return 403, f"the key is not for the model `{model}`", "model_not_allowed", "model"
        entry = self._entries.get((operation, profile, model))
        if entry is None:
            known = ", ".join(table.models.get(profile, ())) or "none"
            return (
                404,
                f"the class of this key has no model `{model}`; it has {known}",
                "model_not_found",
                "model",
            )
        entries: tuple[Entry, ...] = (entry,)
        if headers.get(b"x-offtake-stand-in") != b"never":
            entries += self._stand_ins(operation, profile, model)
        tightened: tuple[Entry, ...] = ()
        stated = headers.get(b"x-offtake-data-class")
        if stated is not None:
            stricter = f"{profile}+{stated.decode('latin-1')}"
            if (stricter, model) not in table.entries:
                return (
                    400,
                    "the header `x-offtake-data-class` names no data class of the estate",
                    "unknown_class",
                    None,
                )
            tightened = entries
            entries = tuple(
                self._entries[operation, stricter, e.facts.model or ""]
                for e in entries
                if (stricter, e.facts.model or "") in table.entries
            )
        if _builds_on_state(body) and self._pinned(entries) is None:
            return 400, STATE_ELSEWHERE, "state_elsewhere", "previous_response_id"
        fresh = len(body.raw) // 4 + 1
        most_out = body.most_out
        guess = self._expected.get((profile, model), FIRST_GUESS_OUT)
        expected_out = int(guess) if most_out is None else min(int(guess), most_out)
        if operation == "embeddings":
            most_out = expected_out = 0
        most = Tokens(len(body.raw) // 2 + 1, 0, MOST_OUT if most_out is None else most_out)
        return Asked(entries, Tokens(fresh, 0, expected_out), most, tightened)

    def _stand_ins(self, operation: Operation, profile: str, model: str) -> tuple[Entry, ...]:
        good = self.table.stand_ins.get(profile)
        if not good:
            return ()
        return tuple(
            self._entries[operation, profile, other]
            for other in self.table.models[profile]
            if other in good and other != model
        )

    def _pinned(self, entries: tuple[Entry, ...]) -> str | None:
        """The only deployment that could hold a conversation's state; None if there are several or none."""
        holders = {c.supply.deployment for e in entries for c in e.candidates}
        return holders.pop() if len(holders) == 1 else None

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

    def record(self, receipt: Receipt) -> None:
        """A receipt, written with the next batch."""
        self._kept.append(receipt)
        self.metrics.count(receipt)

    def flush(self) -> None:
        """Hands the receipts over to be written."""
        if self._kept:
            kept, self._kept = self._kept, []
            try:
                self.receipts.keep(kept)
            except StorageFailure:
                self._kept = kept + self._kept  # They wait here; meanwhile no new request is taken.

    def _failing(self) -> str | None:
        return self.receipts.failing

    # Answers that are made here.

    def refusal_status(self, found: Refused) -> tuple[int, str]:
        """The status of a refusal, and its code."""
        if found.why == "law":
            return 403, "refused_by_law"
        if found.why == "meter":
            return 429, "bound_reached"
        if found.why == "full":
            return 429, "no_capacity"
        return 503, "no_upstream"

    def refusal_text(self, found: Refused) -> str:
        """A refusal in a sentence, with the clauses that made it."""
        texts = list(dict.fromkeys(r.text for p in found.passed for r in p.reasons))
        others = list(
            dict.fromkeys(f"{p.supply}: {p.text}" for p in found.passed if p.text and not p.reasons)
        )
        down = sorted({p.supply for p in found.passed if p.why == "down" and p.supply})
        if down:
            others.append(f"{', '.join(down)}: not answering")
        said = "; ".join((*texts[:4], *others[:4])) or "nothing serves this model"
        return f"no lawful route: {said}" if found.why == "law" else f"no route now: {said}"

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

    def error_answer(
        self,
        tongue: Tongue,
        status: int,
        text: str,
        code: str,
        param: str | None,
        request_id: str,
        retry_after_s: float | None = None,
        *,
        keep: bool = True,
    ) -> bytes:
        """An error as a whole answer."""
        body = error_body(tongue, status, text, code, param, request_id)
        wait = b"" if retry_after_s is None else b"retry-after: %d\r\n" % max(1, round(retry_after_s + 0.5))
        close = b"" if keep else b"connection: close\r\n"
        return b"".join(
            (
                b"HTTP/1.1 %d %s\r\n" % (status, REASONS.get(status, b"Status")),
                _JSON,
                b"x-request-id: %b\r\n" % request_id.encode(),
                wait,
                close,
                b"content-length: %d\r\n\r\n" % len(body),
                body,
            )
        )

    def refusal(self, request: Incoming | None, status: int, message: str) -> bytes:
        """The headers and body of a refusal of what cannot be taken."""
        tongue = tongue_of(request.path or request.target) if request is not None else "openai"
        self.metrics.refused_at_door += 1
        body = error_body(tongue, status, message, "bad_request", None, self.next_id())
        return b"".join((_JSON, b"content-length: %d\r\n\r\n" % len(body), body))

    def _answer_error(
        self,
        connection: Connection,
        request: Incoming,
        tongue: Tongue,
        status: int,
        text: str,
        code: str,
        param: str | None,
    ) -> None:
        self.metrics.refused_at_door += 1
        wait = 1.0 if status in (429, 503) else None
        connection.write(
            self.error_answer(
                tongue, status, text, code, param, self.next_id(), wait, keep=request.keep_alive
            )
        )
        connection.done(request.keep_alive)

    def _plain(self, connection: Connection, request: Incoming, *, known: bool) -> None:
        """The routes that ask no upstream."""
        path, get = request.path, request.method in (b"GET", b"HEAD")
        if path == b"/healthz" and get:
            self._answer_plain(connection, request, 200, b"text/plain", b"ok\n")
        elif path == b"/readyz" and get:
            lack = self.not_ready()
            self._answer_plain(
                connection,
                request,
                200 if lack is None else 503,
                b"text/plain",
                (lack or "ready").encode() + b"\n",
            )
        elif path == b"/metrics" and get:
            text = self.metrics.text(self.table, self.balances, self.wall(), len(self.exchanges))
            self._answer_plain(connection, request, 200, b"text/plain; version=0.0.4", text.encode())
        elif path in (b"/v1/models", b"/openai/v1/models") and get:
            self._models(connection, request)
        else:
            status = 405 if known else 404
            text = "this path is asked by POST" if known else "the gateway has no such path"
            self._answer_error(connection, request, tongue_of(path), status, text, "not_found", None)

    def not_ready(self) -> str | None:
        """Why requests cannot be taken now; None if they can."""
        if self.draining:
            return "the gateway is ending"
        if day_of(self.wall()) != self.table.day:
            return "the table is of another day"
        return self.receipts.failing

    def _models(self, connection: Connection, request: Incoming) -> None:
        key = self._key(request.headers)
        if isinstance(key, str):
            self._answer_error(connection, request, "openai", 401, key, "invalid_api_key", None)
            return
        models = [m for m in self.table.models.get(key.profile, ()) if not key.models or m in key.models]
        rows = [{"id": m, "object": "model", "created": 0, "owned_by": "offtake"} for m in models]
        body = orjson.dumps({"object": "list", "data": rows, "has_more": False})
        self._answer_plain(connection, request, 200, b"application/json", body)

    def _answer_plain(
        self, connection: Connection, request: Incoming, status: int, kind: bytes, body: bytes
    ) -> None:
        shown = b"" if request.method == b"HEAD" else body
        close = b"" if request.keep_alive else b"connection: close\r\n"
        connection.write(
            b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n%b"
            % (status, REASONS[status], kind, close, len(body), shown)
        )
        connection.done(request.keep_alive)

    # Time.

    def sweep(self) -> None:
        """Ends what has waited too long. Called every tenth of a second."""
        now = self.now()
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


def _builds_on_state(body: Body) -> bool:
    """Whether a request names something that only the upstream which made it knows."""
    fields = body.fields
    return fields.get("previous_response_id") is not None or fields.get("conversation") is not None
