"""What comes back from an upstream, given on to the caller: held until it is whole, passed through, or as a stream."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final, Literal, Protocol

import orjson

from offtake.adapters.wire.dialects import error_event
from offtake.adapters.wire.streams import StreamWatch
from offtake.adapters.wire.usage import usage_in_answer, usage_in_tail
from offtake.entrypoints.gateway.answers import REASONS
from offtake.router.table import Tokens

if TYPE_CHECKING:
    from offtake.adapters.upstream_http.connection import Connection as UpstreamConnection
    from offtake.adapters.upstream_http.connection import Failure
    from offtake.entrypoints.gateway.connection import Connection
    from offtake.entrypoints.gateway.exchange import Exchange

# Answers that another upstream may do better: too many requests, faults of its own, and that it knows us not.
ELSEWHERE: Final = frozenset((401, 403, 408, 429, 500, 502, 503, 504, 529))
_SHOWN: Final = (
    b"content-type",
    b"content-encoding",
    b"openai-version",
    b"openai-processing-ms",
    b"retry-after",
)
_NONE: Final[Mapping[bytes, bytes]] = {}
_EVENTS: Final = b"text/event-stream"
_TAIL: Final = 4096  # Bytes of a long answer's end that are kept, for the usage that stands there.


class Watch(Protocol):
    """Sees a stream go by, and says what to give on of it."""

    @property
    def usage(self) -> Tokens | None:
        """What was used, as far as it was said."""
        ...

    @property
    def events(self) -> int:
        """Pieces that came."""
        ...

    @property
    def finished(self) -> bool:
        """Whether the end of the stream was seen."""
        ...

    def feed(self, data: bytes) -> bytes:
        """What to give on of the bytes that came."""
        ...

    def rest(self) -> bytes:
        """What is held back when the stream ends."""
        ...


class Relay:
    """One upstream's answer to an exchange."""

    __slots__ = (
        "_connection",
        "_exchange",
        "_headers",
        "_hides",
        "_mode",
        "_pieces",
        "bytes",
        "first_at",
        "status",
        "upstream",
        "watch",
    )

    def __init__(self, exchange: Exchange, connection: Connection, hides: bool) -> None:
        self._exchange = exchange
        self._connection = connection
        self._hides = hides  # The stream says usage that the caller did not ask for.
        self._mode: Literal["none", "error", "whole", "through", "stream", "over"] = "none"
        self._headers: Mapping[bytes, bytes] = _NONE
        self._pieces: list[bytes] = []
        self.upstream: UpstreamConnection | None = None  # While it carries the answer.
        self.status = 0
        self.bytes = 0
        self.first_at = 0.0  # When the caller was given the first of it.
        self.watch: Watch | None = None

    @property
    def begun(self) -> bool:
        """Whether the caller has been given the head of it: from then on nothing is repeated in silence."""
        return self._mode in ("stream", "through")

    # What the upstream's connection calls.

    def answered(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """The head of an answer."""
        self.status, self._headers = status, headers
        if status in ELSEWHERE:
            self._mode = "error"
            return
        if status < 300 and headers.get(b"content-type", b"").startswith(_EVENTS):
            self._mode = "stream"
            self.watch = StreamWatch(self._hides)
            self._begin()
        else:
            self._mode = "whole"

    def data(self, piece: bytes) -> None:
        """A piece of an answer."""
        mode = self._mode
        if mode == "stream" and self.watch is not None:
            self._send(self.watch.feed(piece))
            return
        self.bytes += len(piece)
        limits = self._exchange.limits
        if mode == "whole":
            self._pieces.append(piece)
            if self.bytes > limits.held_answer_bytes:
                self._mode = "through"
                self._begin()
                for held in self._pieces:
                    self._send(held)
                self._pieces = [b"".join(self._pieces)[-_TAIL:]]
        elif mode == "through":
            self._send(piece)
            self._pieces = [(self._pieces[0] + piece)[-_TAIL:]]
        elif mode == "error" and self.bytes <= limits.error_bytes:
            self._pieces.append(piece)

    def ended(self) -> None:
        """An answer is whole."""
        self.upstream = None
        mode, watch = self._mode, self.watch
        if mode == "error":
            self._exchange.failed_there(self.status, self._retry_after())
        elif mode == "whole":
            self._ended_whole()
        elif mode == "stream" and watch is not None:
            self._send(watch.rest())
            if watch.finished or self._exchange.operation == "responses":
                self._end_body(watch.usage)
            else:
                self.cut("closed")  # It ended as HTTP may, but before its dialect's end.
        elif mode == "through":
            self._end_body(usage_in_tail(self._pieces[0]) if self._pieces else None)

    def failed(self, why: Failure, detail: str, *, untouched: bool) -> None:
        """An answer will not come, or not further."""
        del detail
        self.upstream = None
        if self._mode == "over":
            return
        if self.begun:
            self.cut(why)
        elif not (untouched and self._exchange.sent_again()):
            self._exchange.failed_there(504 if why == "head-timeout" else 502, None)

    # Endings.

    def leave(self) -> None:
        """Nobody wants the answer any more."""
        self._mode = "over"
        if self.upstream is not None:
            self.upstream.abandon()
            self.upstream = None

    def cut(self, why: str) -> None:
        """An answer that has begun ends early: the caller is told in the stream, and its body is left unfinished."""
        exchange, watch = self._exchange, self.watch
        exchange.ended_early(None if watch is None else watch.usage)
        if watch is not None:
            text = f"the upstream ended the stream early ({why})"
            self._send(watch.rest() + b"\n\n" + error_event(exchange.tongue, text, exchange.id))
        self._mode = "over"
        self._connection.cut()

    def _ended_whole(self) -> None:
        exchange = self._exchange
        body = self._pieces[0] if len(self._pieces) == 1 else b"".join(self._pieces)
        served = self.status < 300
        used = usage_in_answer(body) if served else None
        if served and used is None and not _is_json(body):
            # What no client can read is no answer: another upstream is asked.
            exchange.failed_there(502, None)
            return
        if not served:
            body = exchange.without_secret(body)
        self._mode = "over"
        self.first_at = exchange.now()
        self._connection.write(b"%bcontent-length: %d\r\n\r\n%b" % (self._head(), len(body), body))
        exchange.ended_whole(used, served=served)
        self._connection.done(exchange.incoming.keep_alive)

    def _end_body(self, used: Tokens | None) -> None:
        self._mode = "over"
        self._exchange.ended_whole(used, served=True)
        connection = self._connection
        if connection.chunks:
            connection.write(b"0\r\n\r\n")
        connection.done(self._exchange.incoming.keep_alive and connection.chunks)

    # What is written.

    def _head(self) -> bytes:
        status, headers = self.status, self._headers
        shown = b""
        for name in _SHOWN:
            if name in headers:
                shown += b"%b: %b\r\n" % (name, headers[name])
        reason = REASONS.get(status, b"Status")
        return b"HTTP/1.1 %d %b\r\n%b%b" % (status, reason, shown, self._exchange.headers())

    def _begin(self) -> None:
        self.first_at = self._exchange.now()
        framing = b"transfer-encoding: chunked\r\n\r\n" if self._connection.chunks else b"\r\n"
        cache = b"cache-control: no-store\r\n" if self._mode == "stream" else b""
        self._connection.write(self._head() + cache + framing)

    def _send(self, data: bytes) -> None:
        if not data or self._mode == "over":
            return
        if self._connection.chunks:
            self._connection.write(b"%x\r\n%b\r\n" % (len(data), data))
        else:
            self._connection.write(data)

    def _retry_after(self) -> float | None:
        stated = self._headers.get(b"retry-after")
        if stated is not None:
            try:
                return max(0.0, float(stated))
            except ValueError:
                return 1.0  # A date: the breaker tries again soon.
        return 1.0 if self.status == 429 else None


def _is_json(body: bytes) -> bool:
    try:
        orjson.loads(body)
    except orjson.JSONDecodeError:
        return False
    return True
