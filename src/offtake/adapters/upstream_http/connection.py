"""One connection to an upstream: it carries one request at a time, and gives the answer on as it comes."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Final, Literal, Protocol, cast

import httptools

MAXIMUM_HEAD: Final = 64 * 1024  # Bytes of an answer's head.
Failure = Literal["connect", "closed", "malformed", "head-timeout", "idle-timeout"]


class Receiver(Protocol):
    """Whoever sent a request is told of its answer, in this order: head, data, end; or that it failed."""

    def answered(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """The head of the final answer; names in lower case, and of one that stands twice the last."""
        ...

    def data(self, piece: bytes) -> None:
        """A piece of the body, without its framing."""
        ...

    def ended(self) -> None:
        """The answer is whole."""
        ...

    def failed(self, why: Failure, detail: str, *, untouched: bool) -> None:
        """The answer will not come, or not further. `untouched`: on a connection used before, and not a byte came."""
        ...


class Request:
    """A request ready to be written, and who receives its answer."""

    __slots__ = ("body", "head", "head_within_s", "idle_within_s", "receiver")

    def __init__(
        self, head: bytes, body: bytes, receiver: Receiver, head_within_s: float, idle_within_s: float
    ) -> None:
        self.head = head
        self.body = body
        self.receiver = receiver
        self.head_within_s = head_within_s  # From the request being written to the answer's head.
        self.idle_within_s = idle_within_s  # Between two pieces of its body.


class Connection(asyncio.Protocol):
    """An HTTP/1.1 client connection. `released` is called when it may carry another request, or is closed."""

    __slots__ = (
        "_clock",
        "_dirty",
        "_fed",
        "_finished",
        "_headers",
        "_keep",
        "_parser",
        "_paused",
        "_released",
        "_request",
        "_status",
        "_touched",
        "_uses",
        "closed",
        "deadline",
        "on_header",
        "transport",
    )

    def __init__(self, released: Callable[[Connection], None], clock: Callable[[], float]) -> None:
        self._released = released
        self._clock = clock
        self._request: Request | None = None
        self._uses = 0
        self._status = 0  # Of the answer that is read, once its head is whole.
        self._fed = 0  # Bytes of its head.
        self._touched = False  # A byte of it has come.
        self._finished = False
        self._dirty = False  # More came than was asked for.
        self._keep = False
        self._paused = False
        # The parser puts headers, and trailers, straight into it.
        self._headers: dict[bytes, bytes] = {}
        self.on_header = self._headers.__setitem__
        self._parser = httptools.HttpResponseParser(self)
        self.transport: asyncio.Transport
        self.closed = True  # Until it is made.
        self.deadline = 0.0  # When it has waited too long, by the clock; 0 if it waits for nothing.

    @property
    def busy(self) -> bool:
        """Whether a request is under way."""
        return self._request is not None

    @property
    def usable(self) -> bool:
        """Whether another request may be written."""
        return not self.closed and not self.transport.is_closing()

    def send(self, request: Request) -> None:
        """Writes a request; its receiver is told what comes of it."""
        self._headers.clear()
        self._status = self._fed = 0
        self._touched = self._dirty = self._keep = False
        self._request = request
        self._uses += 1
        self.deadline = self._clock() + request.head_within_s
        if len(request.body) < 65_536:
            self.transport.write(request.head + request.body)
        else:
            self.transport.writelines((request.head, request.body))

    def abandon(self) -> None:
        """The answer is not wanted any more: the connection is closed, and its receiver hears nothing."""
        self._request = None
        self.close()

    def close(self) -> None:
        """Closes at once."""
        if not self.closed:
            self.transport.abort()

    def expire(self) -> None:
        """The deadline has passed: the receiver is told so."""
        why: Failure = "idle-timeout" if self._status else "head-timeout"
        self._fail(why, "no answer came in time" if why == "head-timeout" else "the answer stood still")

    def pause(self) -> None:
        """No more of the answer is read for now."""
        if not self.closed:
            self._paused = True
            self.transport.pause_reading()
            self.deadline = 0.0  # It is the caller that does not read; its own connection has a limit.

    def resume(self) -> None:
        """The answer is read again."""
        if not self.closed:
            self._paused = False
            self.transport.resume_reading()
            if self._request is not None:
                self.deadline = self._clock() + self._request.idle_within_s

    # What the event loop calls.

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Connected."""
        self.transport = cast("asyncio.Transport", transport)
        self.closed = False

    def data_received(self, data: bytes) -> None:
        """Bytes came. Bytes that nobody asked for end the connection."""
        request = self._request
        if request is None:
            self.close()
            return
        self._touched = True
        if not self._status:
            self._fed += len(data)
            if self._fed > MAXIMUM_HEAD + len(data):
                self._fail("malformed", "the head of the answer is too long")
                return
        try:
            self._parser.feed_data(data)
        except (httptools.HttpParserError, httptools.HttpParserUpgrade) as error:
            self._fail("malformed", f"the answer is not HTTP: {type(error).__name__}")
            return
        if self._finished:
            self._finished = False
            self._release()
        elif self._status and not self._paused and self._request is request:
            self.deadline = self._clock() + request.idle_within_s

    def eof_received(self) -> bool:
        """The other side ends; what is not whole by now is cut."""
        return False

    def connection_lost(self, exc: Exception | None) -> None:
        """Closed, by either side."""
        self.closed = True
        self.deadline = 0.0
        request = self._request
        if request is not None:
            if self._status and exc is None and _until_close(self._headers):
                self._end()  # Its length was: until the connection closes.
            else:
                untouched = self._uses > 1 and not self._touched
                self._request = None
                request.receiver.failed("closed", "the connection was closed", untouched=untouched)
        self._released(self)

    # What the parser calls.

    def on_message_begin(self) -> None:
        """An answer begins; if none is awaited, what follows belongs to nobody."""
        self._dirty = self._request is None

    def on_headers_complete(self) -> None:
        """The head is whole; a 1xx is not the answer yet."""
        status = self._parser.get_status_code()
        if status < 200:
            return
        request = self._request
        if request is None:
            return
        self._status = status
        self._keep = self._parser.should_keep_alive()
        request.receiver.answered(status, {name.lower(): value for name, value in self._headers.items()})

    def on_body(self, body: bytes) -> None:
        """A piece of the body."""
        if self._request is not None:
            self._request.receiver.data(body)

    def on_message_complete(self) -> None:
        """The answer is whole, or a 1xx is."""
        if not self._status:
            self._headers.clear()
            return
        self._end()

    def _end(self) -> None:
        request = self._request
        if request is None:
            return
        self._request = None
        self.deadline = 0.0
        self._finished = True  # Released once all that came with it is read: there must be nothing more.
        request.receiver.ended()

    def _release(self) -> None:
        if self.closed:
            return
        # An upstream that answered before it read the whole request cannot be trusted with another.
        if self._keep and not self._dirty and self.transport.get_write_buffer_size() == 0:
            if self._paused:
                self._paused = False
                self.transport.resume_reading()
            self._released(self)
        else:
            self.transport.close()

    def _fail(self, why: Failure, detail: str) -> None:
        request, self._request = self._request, None
        self.close()
        if request is not None:
            request.receiver.failed(why, detail, untouched=False)


def _until_close(headers: Mapping[bytes, bytes]) -> bool:
    """Whether an answer has no end but that of its connection."""
    return not {b"content-length", b"transfer-encoding"}.intersection(name.lower() for name in headers)
