"""One caller's connection: HTTP/1.1 read strictly, requests answered one after the other, in order."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Mapping
from typing import Final, Protocol, cast

import httptools

from offtake.entrypoints.gateway.answers import REASONS
from offtake.entrypoints.gateway.heads import Framed, Head, Heads, framed
from offtake.entrypoints.gateway.limits import Limits

# The headers that are read. A second one of any of them is refused.
READ: Final = frozenset(
    (
        b"host",
        b"authorization",
        b"x-api-key",
        b"api-key",
        b"content-type",
        b"content-encoding",
        b"content-length",
        b"transfer-encoding",
        b"expect",
        b"openai-beta",
        b"anthropic-beta",
        b"idempotency-key",
        b"traceparent",
        b"x-offtake-data-class",
        b"x-offtake-stand-in",
    )
)


class Incoming:
    """A request: its head, and its body as it comes."""

    __slots__ = ("body", "head", "parts", "size")

    def __init__(self, head: Head, body: bytes = b"") -> None:
        self.head = head
        self.body = body
        self.size = len(body)
        self.parts: list[bytes] = []

    @property
    def headers(self) -> Mapping[bytes, bytes]:
        """Those headers that are read, names in lower case."""
        return self.head.headers

    @property
    def keep_alive(self) -> bool:
        """Whether the connection may carry another request."""
        return self.head.keep_alive


# Requests with these are read each time.
_UNLIKE: Final = frozenset((b"transfer-encoding", b"expect"))


class Handler(Protocol):
    """What answers requests, and is told when a caller cannot be written to, or has left."""

    def paused(self) -> None:
        """The caller does not read fast enough."""
        ...

    def resumed(self) -> None:
        """It reads again."""
        ...

    def left(self) -> None:
        """The caller is gone; nothing can be sent any more."""
        ...


class Host(Protocol):
    """What connections belong to."""

    limits: Limits
    connections: set[Connection]
    draining: bool
    buffered: int  # Bytes of all requests' bodies that are held.
    heads: Heads
    now: Callable[[], float]  # Seconds of a clock that does not run backward.

    def handle(self, connection: Connection, request: Incoming) -> Handler | None:
        """Answers a request, at once (None) or later."""
        ...

    def refusal(self, request: Incoming | None, status: int, message: str) -> bytes:
        """What follows the status line where a request cannot be taken: headers, and a body."""
        ...


class Connection(asyncio.Protocol):
    """A caller's connection."""

    __slots__ = (
        "_answering",
        "_chunked",
        "_fed",
        "_framed",
        "_good",
        "_handler",
        "_head_size",
        "_held",
        "_in_head",
        "_lingering",
        "_next",
        "_parser",
        "_queue",
        "_reading",
        "_refusal",
        "_server",
        "_started",
        "_whole",
        "closed",
        "deadline",
        "transport",
    )

    def __init__(self, server: Host) -> None:
        self._server = server
        self._parser = httptools.HttpRequestParser(self)
        self._queue: deque[Incoming] = deque()
        self._handler: Handler | None = None
        self._next = Incoming(Head())
        # Of what is read at once: how it looks if it is one whole request, the head that came with a good key, and how
        # many requests the parser found in it.
        self._framed: Framed | None = None
        self._good: Head | None = None
        self._whole = 0
        self._in_head = True
        self._started = False
        self._head_size = 0
        self._fed = 0
        self._held = 0  # Bytes of bodies that this connection holds.
        self._answering = 0  # Of them, those of the request that is answered.
        self._lingering = False
        self._refusal: tuple[Incoming | None, int, str] | None = None
        self._reading = True
        self._chunked = False
        self.closed = True
        self.deadline = 0.0
        self.transport: asyncio.Transport

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """A caller connected."""
        self.transport = cast("asyncio.Transport", transport)
        self.closed = False
        server = self._server
        if len(server.connections) >= server.limits.connections:
            self.refuse(None, 503, "too many connections")
            return
        server.connections.add(self)
        self.deadline = server.now() + server.limits.head_within_s

    def data_received(self, data: bytes) -> None:
        """Bytes of one request or several, or of a part of one."""
        if self._lingering:
            return
        limits = self._server.limits
        self._framed = self._good = None
        self._whole = 0
        if self._in_head:
            if not self._started:
                if self._handler is None:
                    if not self._queue and self._is_known(data):
                        return
                    self.deadline = self._server.now() + limits.head_within_s
                self._started = True
            self._fed += len(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserCallbackError as error:
            cause = error.__context__
            if isinstance(cause, _Refuse):
                self.refuse(self._next, cause.status, cause.message)
                return
            raise
        except (httptools.HttpParserError, httptools.HttpParserUpgrade):
            self.refuse(None, 400, "this is not a request in HTTP/1.1")
            return
        if self._framed is not None and self._good is not None:
            self._remember(self._framed, self._good)
        if self._in_head and self._fed > limits.head_bytes:
            self.refuse(self._next, 431, f"the head of a request has at most {limits.head_bytes} bytes")

    def _is_known(self, data: bytes) -> bool:
        """Between two requests: takes one that came whole and whose head is known. The parser is not told of it: it
        stands where it would have stood."""
        self._framed = found = framed(data)
        if found is None:
            return False
        server = self._server
        head = server.heads.get(found.head)
        size = len(found.body)
        if head is None or size > server.limits.body_bytes:
            return False
        if server.buffered + size > server.limits.buffered_bytes:
            return False
        self._held += size
        server.buffered += size
        self._answer(Incoming(head, found.body))
        return True

    def good(self, head: Head) -> None:
        """The request that is being answered came with a good key: its head need not be read again."""
        self._good = head

    def _remember(self, found: Framed, head: Head) -> None:
        """Keeps a head if the parser took what came for one request with just that body."""
        request = self._next
        alone = self._whole == 1 and request.head is head and request.body == found.body
        if alone and not _UNLIKE.intersection(head.headers):
            self._server.heads.keep(found.head, head)

    def eof_received(self) -> bool:
        """The caller sends no more; half-open connections are not kept."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """The caller is gone, whatever the cause."""
        del exc
        self.closed = True
        self._server.connections.discard(self)
        self._server.buffered -= self._held
        self._held = 0
        handler, self._handler = self._handler, None
        self._queue.clear()
        if handler is not None:
            handler.left()

    def pause_writing(self) -> None:
        """The caller does not read."""
        self.deadline = self._server.now() + self._server.limits.write_within_s
        if self._handler is not None:
            self._handler.paused()

    def resume_writing(self) -> None:
        """The caller reads again."""
        self.deadline = 0.0
        if self._handler is not None:
            self._handler.resumed()

    # What the parser calls. What is raised here refuses the request.

    def on_message_begin(self) -> None:
        """A request begins."""
        self._next = Incoming(Head())
        self._in_head = True
        self._head_size = 0

    def on_url(self, url: bytes) -> None:
        """The target, perhaps in pieces."""
        self._head_size += len(url)
        if self._head_size > self._server.limits.head_bytes:
            raise _Refuse(431, "the target is too long")
        self._next.head.target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """One header; those of a trailer are dropped."""
        if not self._in_head:
            return
        self._head_size += len(name) + len(value) + 4
        if self._head_size > self._server.limits.head_bytes:
            raise _Refuse(431, f"the head of a request has at most {self._server.limits.head_bytes} bytes")
        name = name.lower()
        if name in READ:
            headers = self._next.head.headers
            if name in headers:
                raise _Refuse(400, f"the header `{name.decode()}` stands twice")
            headers[name] = value

    def on_headers_complete(self) -> None:
        """The head is whole: what cannot be taken is refused before its body comes."""
        request, parser, limits = self._next.head, self._parser, self._server.limits
        self._in_head = False
        self._fed = 0
        request.method = parser.get_method()
        request.version = parser.get_http_version()
        request.keep_alive = parser.should_keep_alive()
        request.path, _, request.query = request.target.partition(b"?")
        headers = request.headers
        if parser.should_upgrade() or request.method == b"CONNECT":
            raise _Refuse(501, "the gateway speaks HTTP/1.1, and upgrades to nothing")
        if request.version not in ("1.0", "1.1"):
            raise _Refuse(400, "the gateway speaks HTTP/1.1")
        if b"host" not in headers and request.version == "1.1":
            raise _Refuse(400, "a request names its host")
        coding = headers.get(b"transfer-encoding")
        if coding is not None and (coding.lower() != b"chunked" or request.version == "1.0"):
            raise _Refuse(501, "the only transfer coding is `chunked`")
        length = headers.get(b"content-length")
        if length is not None and coding is not None:
            raise _Refuse(400, "a body has a length or is chunked, not both")
        if length is not None and int(length) > limits.body_bytes:
            raise _Refuse(413, f"a body has at most {limits.body_bytes} bytes")
        expected = headers.get(b"expect")
        if expected is not None:
            if expected.lower() != b"100-continue":
                raise _Refuse(417, "the only expectation is `100-continue`")
            if self._handler is None and not self._queue:
                self.transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self._handler is None and (length or coding):
            self.deadline = self._server.now() + limits.body_within_s

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        request = self._next
        request.size += len(body)
        if request.size > self._server.limits.body_bytes:
            raise _Refuse(413, f"a body has at most {self._server.limits.body_bytes} bytes")
        if self._server.buffered + len(body) > self._server.limits.buffered_bytes:
            raise _Refuse(503, "the gateway holds as many bytes of requests as it bears")
        self._held += len(body)
        self._server.buffered += len(body)
        request.parts.append(body)

    def on_message_complete(self) -> None:
        """A request is whole: it is answered now, or after those before it."""
        request = self._next
        request.body = request.parts[0] if len(request.parts) == 1 else b"".join(request.parts)
        request.parts = []
        self._whole += 1
        self._in_head = True
        self._started = False
        self._fed = 0
        if self._handler is None and not self._queue:
            self._answer(request)
        else:
            self._queue.append(request)
            if self._reading:
                # What came in one read is kept, and no more is read until it is answered.
                self._reading = False
                self.transport.pause_reading()

    def _answer(self, request: Incoming) -> None:
        self.deadline = 0.0
        self._answering = request.size
        self._chunked = request.head.version == "1.1"
        self._handler = _ANSWERED  # Whoever answers at once calls `done` before there is a handler.
        found = self._server.handle(self, request)
        if found is not None and self._handler is _ANSWERED:
            self._handler = found

    # What answers call.

    @property
    def chunks(self) -> bool:
        """Whether the caller reads chunked bodies (HTTP/1.0 does not)."""
        return self._chunked

    def write(self, data: bytes) -> None:
        """Sends bytes of the answer."""
        if not self.closed:
            self.transport.write(data)

    def done(self, keep_alive: bool) -> None:
        """The answer is whole; the next request that waits is taken, or the connection closed."""
        self._handler = None
        if self.closed:
            return
        self._held -= self._answering
        self._server.buffered -= self._answering
        self._answering = 0
        if not keep_alive or self._server.draining:
            self.transport.close()
            return
        if self._queue:
            self._server_next()
            return
        if self._refusal is not None:
            self.refuse(*self._refusal)
            return
        if not self._reading:
            self._reading = True
            self.transport.resume_reading()
        now, limits = self._server.now(), self._server.limits
        self.deadline = now + (limits.head_within_s if self._started else limits.idle_within_s)

    def _server_next(self) -> None:
        """The next request in a turn of its own, so that a long pipeline does not nest."""
        asyncio.get_running_loop().call_soon(self._take)
        self._handler = _ANSWERED

    def _take(self) -> None:
        if self.closed or not self._queue:
            return
        self._handler = None
        self._answer(self._queue.popleft())

    def cut(self) -> None:
        """Ends the connection in the middle of an answer, so that nobody takes it for whole."""
        self._handler = None
        if not self.closed:
            self.transport.close()

    def abort(self) -> None:
        """Ends the connection at once."""
        if not self.closed:
            self.transport.abort()

    def leave_if_idle(self) -> None:
        """Closes a connection that waits for a request: the process is ending."""
        if self._handler is None and not self._queue and not self._started and not self.closed:
            self.transport.close()

    def expire(self) -> None:
        """A deadline has passed: a caller that is slow with a request is told so, any other connection just ends."""
        self.deadline = 0.0
        if self._lingering or self._handler is not None or not self._started:
            self.abort()
        else:
            self.refuse(None, 408, "the request did not come in time")

    def refuse(self, request: Incoming | None, status: int, message: str) -> None:
        """Answers with an error and closes; what the caller still sends is read and dropped for a moment."""
        self._lingering = True
        if self._handler is not None or self._queue:
            self._refusal = (request, status, message)  # Answers that are due come first.
            return
        self._refusal = None
        self._server.buffered -= self._held
        self._held = 0
        head = b"HTTP/1.1 %d %s\r\nconnection: close\r\n" % (status, REASONS[status])
        self.transport.write(head + self._server.refusal(request, status, message))
        self.deadline = self._server.now() + self._server.limits.linger_s
        self._server.connections.add(self)


class _Refuse(Exception):
    """Raised inside the parser's callbacks: the request is refused and the connection closed."""

    def __init__(self, status: int, message: str) -> None:
        super().__init__(message)
        self.status = status
        self.message = message


class _Answered:
    """Stands for an answer that is being made in this very call."""

    def paused(self) -> None: ...

    def resumed(self) -> None: ...

    def left(self) -> None: ...


_ANSWERED: Final = _Answered()
