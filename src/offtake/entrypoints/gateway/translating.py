"""A request whose upstream speaks another dialect than its caller: said in the one, and its answer in the other.

The law is asked as for any other; only what is said changes. Until the first byte of an answer is given on the request
may be tried elsewhere, as everywhere; from then on nothing is repeated in silence.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from offtake.adapters.wire import translation
from offtake.adapters.wire.translation import Conversation, Spoken, Stream, Untranslatable
from offtake.entrypoints.gateway.relay import ELSEWHERE, Relay

if TYPE_CHECKING:
    from offtake.adapters.wire.upstreams import Upstream
    from offtake.entrypoints.gateway.connection import Connection
    from offtake.entrypoints.gateway.exchange import Exchange

MOST_ANSWER: Final = 16 * 1024 * 1024  # Bytes of a whole answer that is translated.
_MODEL_ERROR: Final = 424  # Bedrock's word for a model that failed.
_JSON: Final = {b"content-type": b"application/json"}
_EVENTS: Final = {b"content-type": b"text/event-stream"}


class Translation:
    """What a request says, in the neutral form once, and in the words of the upstream that it may go to."""

    __slots__ = ("_exchange", "_for", "_said", "_told")

    def __init__(self, exchange: Exchange) -> None:
        self._exchange = exchange
        self._said: Conversation | Untranslatable | None = None
        self._for = ""
        self._told: tuple[bytes, bytes] | Untranslatable | None = None

    @property
    def spoken(self) -> Spoken:
        """What the caller speaks."""
        return "messages" if self._exchange.operation == "messages" else "chat"

    @property
    def said(self) -> Conversation:
        """What the caller asks. To be read once it was prepared for an upstream."""
        found = self._read()
        if isinstance(found, Untranslatable):
            raise TypeError(str(found))
        return found

    def prepare(self, upstream: Upstream) -> Untranslatable | None:
        """What keeps the request from an upstream; None if it can be told."""
        told = self._tell(upstream)
        return told if isinstance(told, Untranslatable) else None

    def told(self, upstream: Upstream) -> tuple[bytes, bytes]:
        """Head and body for an upstream that it was prepared for."""
        told = self._tell(upstream)
        self._for = ""  # A proof is good for one request.
        if isinstance(told, Untranslatable):
            raise TypeError(str(told))
        return told

    def _read(self) -> Conversation | Untranslatable:
        if self._said is None:
            self._said = translation.read_request(self.spoken, self._exchange.body.raw)
        return self._said

    def _tell(self, upstream: Upstream) -> tuple[bytes, bytes] | Untranslatable:
        said = self._read()
        if isinstance(said, Untranslatable):
            return said
        if self._told is None or self._for != upstream.deployment:
            self._for = upstream.deployment
            self._told = upstream.translated(said, self._exchange.incoming.headers)
        return self._told


class TranslatedRelay(Relay):
    """One upstream's answer, said in the caller's dialect."""

    __slots__ = ("_asked", "_spoken", "_stream", "_upstream")

    def __init__(
        self, exchange: Exchange, connection: Connection, request: Translation, upstream: Upstream
    ) -> None:
        super().__init__(exchange, connection, hides=False)
        self._asked = request.said
        self._spoken: Spoken = request.spoken
        self._upstream = upstream
        self._stream: Stream | None = None

    def answered(self, status: int, headers: Mapping[bytes, bytes]) -> None:
        """The head of an answer. Of a stream nothing is given on before its first event."""
        self.status, self._headers = status, headers
        if status in ELSEWHERE or status == _MODEL_ERROR:
            self._mode = "error"
            return
        self._mode = "whole"
        if status < 300 and self._asked.stream:
            exchange = self._exchange
            self._headers = _EVENTS
            self.watch = self._stream = Stream(
                self._spoken,
                self._upstream.speaks,
                self._asked,
                exchange.id,
                self._upstream.plain,
                exchange.wall_s(),
            )

    def data(self, piece: bytes) -> None:
        """A piece of an answer."""
        stream = self._stream
        if stream is not None:
            given = stream.feed(piece)
            if given and not self.begun:
                self._mode = "stream"
                self._begin()
            self._send(given)
            if stream.failed is not None or stream.wrong is not None:
                self._broken(stream)
            return
        self.bytes += len(piece)
        if self.bytes <= (MOST_ANSWER if self._mode == "whole" else self._exchange.limits.error_bytes):
            self._pieces.append(piece)
        elif self._mode == "whole":
            self._abandon()
            self._otherwise(502, "the upstream's answer is too long to be translated")

    def ended(self) -> None:
        """An answer is whole; a stream may have ended before it said anything."""
        if self._mode == "over":
            return
        if self._stream is not None and not self.begun:
            self.upstream = None
            self._exchange.failed_there(502, None)
            return
        super().ended()

    def _abandon(self) -> None:
        upstream, self.upstream = self.upstream, None
        if upstream is not None:
            upstream.abandon()

    def _broken(self, stream: Stream) -> None:
        """The stream says that it failed, or what cannot be translated."""
        self._abandon()
        failed = stream.failed
        if self.begun:
            self.cut("it failed" if failed is not None else f"what came is not translated: {stream.wrong}")
        elif failed is None:
            self._otherwise(502, f"the upstream's answer is not translated: {stream.wrong}")
        elif failed.status in ELSEWHERE or failed.status == _MODEL_ERROR:
            self._mode = "over"
            self._exchange.failed_there(502 if failed.status == _MODEL_ERROR else failed.status, None)
        else:
            self._otherwise(failed.status, self._shown(failed.message))

    def _ended_whole(self) -> None:
        raw = b"".join(self._pieces)
        if self.status >= 300:
            self._otherwise(self.status, self._shown(message_of(raw)))
            return
        exchange = self._exchange
        said = translation.answer(
            self._spoken,
            self._upstream.speaks,
            self._asked,
            raw,
            exchange.id,
            self._upstream.plain,
            exchange.wall_s(),
        )
        if isinstance(said, Untranslatable):
            self._otherwise(502, f"the upstream's answer is not translated: {said}")
            return
        self._mode = "over"
        self.first_at = exchange.now()
        self._headers = _JSON
        body = said.body
        self._connection.write(b"".join((self._head(), b"content-length: %d\r\n\r\n" % len(body), body)))
        exchange.ended_whole(None if said.usage is None else said.usage.tokens, served=True)
        self._connection.done(exchange.incoming.keep_alive)

    def _otherwise(self, status: int, text: str) -> None:
        self._mode = "over"
        used = None if self.watch is None else self.watch.usage
        self._exchange.told_otherwise(
            status, text, "upstream_refused" if status < 500 else "untranslatable", used
        )

    def _shown(self, message: str) -> str:
        text = self._exchange.without_secret(message[:2000].encode("utf-8", "replace"))
        return "the upstream says: " + text.decode("utf-8", "replace")


def message_of(raw: bytes) -> str:
    """What an upstream's error says, in whatever dialect: `error.message`, or `message` as Amazon writes it."""
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError:
        return "nothing that can be read"
    said = cast("dict[str, Any]", found) if isinstance(found, dict) else {}
    inner = said.get("error")
    if isinstance(inner, dict):
        said = cast("dict[str, Any]", inner)
    message = said.get("message") or said.get("Message")
    return message if isinstance(message, str) else "nothing more"
