"""One request from the caller's last byte to the receipt: asked of the law, sent, given on, counted.

It waits in no coroutine: what happens next is a call from the caller's connection, or from the upstream's.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, Literal

import orjson

from offtake.adapters.upstream_http import Request
from offtake.adapters.wire.bodies import Body
from offtake.adapters.wire.dialects import Operation, Tongue, error_event
from offtake.adapters.wire.streams import StreamWatch
from offtake.adapters.wire.usage import usage_in_answer
from offtake.entrypoints.gateway.connection import REASONS, Connection, Incoming
from offtake.router.choose import Asked, Refused, Route, choose
from offtake.router.receipts import Outcome, Receipt
from offtake.router.table import Tokens

if TYPE_CHECKING:
    from offtake.adapters.upstream_http.connection import Connection as UpstreamConnection
    from offtake.adapters.upstream_http.connection import Failure
    from offtake.adapters.upstream_http.pool import Pool
    from offtake.entrypoints.gateway.service import Caller, Service
    from offtake.router.balances import Hold
    from offtake.router.table import Candidate

# Answers that another upstream may do better: too many requests, and faults of its own.
_ELSEWHERE: Final = frozenset((408, 429, 500, 502, 503, 504, 529))
_SHOWN: Final = frozenset(
    (b"content-type", b"content-encoding", b"openai-version", b"openai-processing-ms", b"retry-after")
)
_EVENTS: Final = b"text/event-stream"
# Two more tokens than events, and half as many again, for upstreams that put several tokens into an event.
_PER_EVENT: Final = 1.5


class Exchange:
    """A request under way."""

    __slots__ = (
        "_answer",
        "_asked",
        "_attempts",
        "_begun_at",
        "_bytes",
        "_candidate",
        "_connection",
        "_first_at",
        "_headers",
        "_hides",
        "_hold",
        "_key",
        "_mode",
        "_pool",
        "_request",
        "_retry_after",
        "_route",
        "_sent",
        "_service",
        "_stale",
        "_status",
        "_upstream",
        "_watch",
        "body",
        "id",
        "incoming",
        "operation",
        "passed",
        "tongue",
    )

    def __init__(
        self,
        service: Service,
        connection: Connection,
        incoming: Incoming,
        operation: Operation,
        tongue: Tongue,
        key: Caller,
        body: Body,
        asked: Asked,
    ) -> None:
        self._service = service
        self._connection = connection
        self.incoming = incoming
        self.operation: Operation = operation
        self.tongue: Tongue = tongue
        self._key = key
        self.body = body
        self._asked = asked
        self.id = service.next_id()
        self._begun_at = service.now()
        self._first_at = 0.0
        self._attempts = 0
        self._stale = False
        self._status = 0
        self._mode: Literal["none", "error", "whole", "through", "stream", "over"] = "none"
        self._answer: list[bytes] = []
        self._bytes = 0
        self._headers: list[tuple[bytes, bytes]] = []
        self._watch: StreamWatch | None = None
        self._hides = False
        self._hold: Hold | None = None
        self._route: Route | None = None
        self._candidate: Candidate | None = None
        self._upstream: UpstreamConnection | None = None
        self._pool: Pool | None = None
        self._request: Request | None = None
        self._sent = False
        self._retry_after: float | None = None
        self.passed: list[tuple[str, str, tuple[str, ...]]] = []

    # The way there.

    def begin(self) -> bool:
        """Asks the law and sends the request; whether anything is still to come."""
        service = self._service
        found = choose(service.table, self._asked, service.balances, service.wall())
        if service.shadow:
            found = self._shadowed(found)
        if isinstance(found, Refused):
            self._refuse(found)
            return False
        self._dispatch(found)
        return self._mode != "over"

    def _shadowed(self, found: Route | Refused) -> Route | Refused:
        """Where the caller asked to go, with what the choice would have done noted beside it."""
        service = self._service
        asked = service.table.as_asked.get(self.body.model)
        if asked is None:
            return found
        self._note(found)
        if isinstance(found, Refused):
            self.passed.append(("", "would refuse", found.clauses))
        else:
            self.passed.append((found.candidate.id, "would", ()))
        service.metrics.shadowed(isinstance(found, Route) and found.candidate.id == asked.id)
        return Route(self._asked.entries[0], asked, ())

    def _dispatch(self, route: Route) -> None:
        service, candidate = self._service, route.candidate
        self._route, self._candidate = route, candidate
        asked = self._asked
        self._hold = service.balances.hold(
            candidate, asked.expected, asked.most, service.wall(), route.captive
        )
        upstream = service.upstreams[candidate.supply.deployment or ""]
        head, raw, self._hides = upstream.request(self.operation, self.body, self.incoming.headers)
        self._attempts += 1
        limits = service.limits
        request = Request(head, raw, self, limits.first_byte_within_s, limits.between_bytes_within_s)
        self._request, self._pool = request, service.pool(upstream.origin)
        self._mode = "none"
        self._pool.send(request, self._started)

    def _started(self, upstream: UpstreamConnection) -> None:
        self._upstream = upstream

    # The way back: what the upstream's connection calls.

    def answered(self, status: int, headers: list[tuple[bytes, bytes]]) -> None:
        """The head of an answer."""
        self._status, self._headers = status, headers
        self._answer, self._bytes = [], 0
        if status in _ELSEWHERE:
            self._mode = "error"
            return
        kind = next((value for name, value in headers if name == b"content-type"), b"")
        if status < 300 and kind.startswith(_EVENTS):
            self._mode = "stream"
            self._watch = StreamWatch(self._hides)
            self._first_at = self._service.now()
            self._write_head()
        else:
            self._mode = "whole"

    def data(self, piece: bytes) -> None:
        """A piece of an answer."""
        mode = self._mode
        if mode == "stream" and self._watch is not None:
            self._send(self._watch.feed(piece))
            return
        self._bytes += len(piece)
        if mode == "whole":
            self._answer.append(piece)
            if self._bytes > self._service.limits.held_answer_bytes:
                self._mode = "through"
                self._first_at = self._service.now()
                self._write_head()
                for held in self._answer:
                    self._send(held)
                self._answer = [b"".join(self._answer)[-4096:]]
        elif mode == "through":
            self._send(piece)
            self._answer = [(self._answer[0] + piece)[-4096:]]
        elif mode == "error" and self._bytes <= self._service.limits.error_bytes:
            self._answer.append(piece)

    def ended(self) -> None:
        """An answer is whole."""
        self._upstream = None
        mode = self._mode
        if mode == "error":
            self._failed_there(self._status, self._retry_after_of(self._headers))
        elif mode == "whole":
            self._ended_whole()
        elif mode == "stream" and self._watch is not None:
            self._send(self._watch.rest())
            self._ended_stream(self._watch)
        elif mode == "through":
            self._service.succeeded(self._candidate)
            used = usage_in_tail(self._answer[0]) if self._answer else None
            self._finish("served", used)
            self._end_body()

    def failed(self, why: Failure, detail: str, *, untouched: bool) -> None:
        """An answer will not come, or not further."""
        del detail
        self._upstream = None
        if self._mode == "over":
            return
        if self._mode in ("stream", "through"):
            self._cut(why)
            return
        if untouched and not self._stale and self._request is not None and self._pool is not None:
            self._stale = True  # The connection had been closed meanwhile: the same upstream, once more.
            self._mode = "none"
            self._pool.send(self._request, self._started)
            return
        self._failed_there(504 if why == "head-timeout" else 502, None)

    # What the caller's connection calls.

    def paused(self) -> None:
        """The caller does not read: nor is the upstream read."""
        if self._upstream is not None:
            self._upstream.pause()

    def resumed(self) -> None:
        """The caller reads again."""
        if self._upstream is not None:
            self._upstream.resume()

    def left(self) -> None:
        """The caller is gone: the upstream is left, and what it wrote is estimated."""
        if self._mode == "over":
            return
        if self._upstream is not None:
            self._upstream.abandon()
        elif self._pool is not None and self._request is not None:
            self._pool.withdraw(self._request)
        self._service.abandoned(self._candidate)
        self._finish("left", None if self._watch is None else self._watch.usage)

    def cut_by_law(self, clauses: tuple[str, ...]) -> None:
        """A clause has closed the route of an answer under way, and says that what runs is cut."""
        self.passed.append((self._candidate.id if self._candidate else "", "law", clauses))
        if self._upstream is not None:
            self._upstream.abandon()
            self._upstream = None
        if self._mode in ("stream", "through"):
            self._cut("closed")
        else:
            self._failed_there(503, None)

    @property
    def route(self) -> Route | None:
        """The route that is in use."""
        return self._route

    # Endings.

    def _ended_whole(self) -> None:
        body = self._answer[0] if len(self._answer) == 1 else b"".join(self._answer)
        served = self._status < 300
        used = usage_in_answer(body) if served else None
        if served and used is None and not _is_json(body):
            # What no client can read is no answer: another upstream is asked.
            self._failed_there(502, None)
            return
        self._service.succeeded(self._candidate)
        self._first_at = self._service.now()
        keep = self.incoming.keep_alive
        self._connection.write(b"".join((self._head(), b"content-length: %d\r\n\r\n" % len(body), body)))
        self._finish("served" if served else "refused", used, nothing=not served)
        self._connection.done(keep)

    def _ended_stream(self, watch: StreamWatch) -> None:
        if not watch.finished and self.operation != "responses":
            self._cut("closed")  # It ended as HTTP may, but before its dialect's end.
            return
        self._service.succeeded(self._candidate)
        self._finish("served", watch.usage)
        self._end_body()

    def _end_body(self) -> None:
        connection = self._connection
        if connection.chunks:
            connection.write(b"0\r\n\r\n")
        connection.done(self.incoming.keep_alive and connection.chunks)

    def _cut(self, why: str) -> None:
        """An answer that has begun ends early: the caller is told in the stream, and its body is left unfinished."""
        self._service.broke(self._candidate, None)
        self._finish("cut", None if self._watch is None else self._watch.usage)
        if self._mode != "through" and self._watch is not None:
            text = f"the upstream ended the stream early ({why})"
            self._send(self._watch.rest() + b"\n\n" + error_event(self.tongue, text, self.id), force=True)
        self._connection.cut()

    def _failed_there(self, status: int, retry_after_s: float | None) -> None:
        """An upstream failed before anything was given on: the law is asked for another."""
        service, candidate = self._service, self._candidate
        service.broke(candidate, retry_after_s if status == 429 else None)
        if self._hold is not None and candidate is not None:
            service.balances.settle(self._hold, candidate, None, service.wall())
            self._hold = None
        if candidate is not None:
            self.passed.append((candidate.id, f"answered {status}", ()))
            self._asked = with_excluded(self._asked, self._tried(candidate, status))
        if retry_after_s is not None:
            self._retry_after = min(retry_after_s, self._retry_after or retry_after_s)
        limits = service.limits
        late = service.now() - self._begun_at > limits.request_within_s
        if self._attempts >= limits.attempts or late or service.shadow:
            self._give_up(status)
            return
        found = choose(service.table, self._asked, service.balances, service.wall())
        if isinstance(found, Refused):
            self._give_up(status, found)
        else:
            self._dispatch(found)

    def _tried(self, candidate: Candidate, status: int) -> frozenset[str]:
        """What need not be asked again: the supply and, unless it was only full, all at the same endpoint."""
        if status == 429:
            return frozenset((candidate.id,))
        deployment = candidate.supply.deployment
        return frozenset(
            c.id for e in self._asked.entries for c in e.candidates if c.supply.deployment == deployment
        )

    def _give_up(self, status: int, found: Refused | None = None) -> None:
        if found is not None:
            self._note(found)
        shown = 429 if status == 429 else 503 if status in (500, 503, 529) else status
        if self._status == 0 and shown not in (502, 504):
            shown = 502
        clauses = () if found is None else found.clauses
        why = (
            f" and {', '.join(clauses)} leaves nothing else"
            if clauses
            else ", and there is nothing else to ask"
        )
        text = f"every upstream that may take the request failed (the last answered {status}){why}"
        self._respond_error(
            shown, text, "upstream_failed", self._retry_after or (1.0 if shown != 502 else None)
        )
        self._record("failed", shown, None)
        self._over()

    def _refuse(self, found: Refused) -> None:
        self._note(found)
        status, code = self._service.refusal_status(found)
        text = self._service.refusal_text(found)
        self._respond_error(status, text, code, found.retry_after_s)
        self._record("refused", status, None)
        self._over()

    def _over(self) -> None:
        self._mode = "over"
        self._service.ended(self)
        self._connection.done(self.incoming.keep_alive)

    def _finish(self, outcome: Outcome, used: Tokens | None, *, nothing: bool = False) -> None:
        """Settles and records; the caller is answered by whoever calls."""
        service, candidate = self._service, self._candidate
        measured = used is not None
        bound = 0
        if used is None and not nothing:
            used, bound = self._estimate()
        if self._hold is not None and candidate is not None:
            cost = service.balances.settle(self._hold, candidate, used, service.wall())
            self._hold = None
        else:
            cost = 0
        if measured and used is not None and candidate is not None:
            service.seen(self._key.profile, candidate, used)
        self._record(outcome, self._status, used, cost, bound, measured=measured)
        self._mode = "over" if outcome != "cut" else self._mode
        service.ended(self)

    def _estimate(self) -> tuple[Tokens, int]:
        """What was used where nothing says so: the input by its bytes, the output by its events or bytes."""
        read = self._asked.expected
        if self._watch is not None:
            out = self._watch.events
            return Tokens(read.fresh, 0, out), int(out * (_PER_EVENT - 1)) + 2 + read.fresh // 2
        out = -(-self._bytes // 4)
        return Tokens(read.fresh, 0, out), out + read.fresh // 2

    # Answers.

    def _head(self) -> bytes:
        shown = b""
        for name, value in self._headers:
            if name in _SHOWN:
                shown += b"%b: %b\r\n" % (name, value)
        candidate = self._candidate
        return b"".join(
            (
                b"HTTP/1.1 %d %s\r\n" % (self._status, REASONS.get(self._status, b"Status")),
                shown,
                b"x-request-id: ",
                self.id.encode(),
                b"\r\nx-offtake-route: ",
                (candidate.id if candidate is not None else "").encode(),
                b"\r\n" if self.incoming.keep_alive else b"\r\nconnection: close\r\n",
                self._service.rate_headers(candidate),
            )
        )

    def _write_head(self) -> None:
        framing = b"transfer-encoding: chunked\r\n\r\n" if self._connection.chunks else b"\r\n"
        cache = b"cache-control: no-store\r\n" if self._mode == "stream" else b""
        self._connection.write(self._head() + cache + framing)

    def _send(self, data: bytes, *, force: bool = False) -> None:
        if not data or (self._mode == "over" and not force):
            return
        if self._connection.chunks:
            self._connection.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._connection.write(data)

    def _respond_error(self, status: int, text: str, code: str, retry_after_s: float | None) -> None:
        self._connection.write(
            self._service.error_answer(
                self.tongue, status, text, code, None, self.id, retry_after_s, keep=self.incoming.keep_alive
            )
        )

    def _retry_after_of(self, headers: list[tuple[bytes, bytes]]) -> float | None:
        for name, value in headers:
            if name == b"retry-after":
                try:
                    return max(0.0, float(value))
                except ValueError:
                    return 1.0  # A date: the breaker tries again soon.
        return 1.0 if self._status == 429 else None

    # The receipt.

    def _note(self, found: Route | Refused) -> None:
        for passed in found.passed:
            clauses = tuple(dict.fromkeys(r.origin.clause for r in passed.reasons))
            self.passed.append((passed.supply, passed.why, clauses))

    def _record(
        self,
        outcome: Outcome,
        status: int,
        used: Tokens | None,
        cost: int = 0,
        bound: int = 0,
        *,
        measured: bool = False,
    ) -> None:
        service, route, candidate = self._service, self._route, self._candidate
        now = service.now()
        tokens = used or Tokens(0, 0, 0)
        if route is not None and route.passed and outcome != "failed":
            self._note(route)
        named = {clause for _, _, clauses in self.passed for clause in clauses}
        if route is not None:
            named.update(route.offered)
        service.record(
            Receipt(
                self.id,
                int(service.wall() * 1000),
                self._key.id,
                self._key.profile,
                self.operation,
                self.body.model[:64],
                None if candidate is None else candidate.model,
                None if candidate is None else candidate.id,
                None if candidate is None else candidate.supply.region,
                outcome,
                status,
                tokens.fresh,
                tokens.cached,
                tokens.out,
                "none" if used is None else "measured" if measured else "estimated",
                bound,
                cost,
                self._attempts,
                int((self._first_at - self._begun_at) * 1e6) if self._first_at else 0,
                int((now - self._begun_at) * 1e6),
                tuple(sorted(named)),
                tuple(self.passed),
            )
        )


def with_excluded(asked: Asked, tried: frozenset[str]) -> Asked:
    """What is asked once supplies have been tried."""
    return Asked(
        asked.entries, asked.expected, asked.most, asked.tightened, asked.excluded | tried, asked.pinned
    )  # fmt: skip


def usage_in_tail(tail: bytes) -> Tokens | None:
    """The usage of a long answer whose end alone was kept: where the last `"usage"` is an object, what it says."""
    at = tail.rfind(b'"usage"')
    start = tail.find(b"{", at) if at >= 0 else -1
    if start < 0:
        return None
    for end in range(len(tail), start, -1):
        if tail[end - 1 : end] == b"}":
            try:
                block = orjson.loads(tail[start:end])
            except orjson.JSONDecodeError:
                continue
            return usage_in_answer(orjson.dumps({"usage": block}))
    return None


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
