"""Streams of Bedrock's Converse: binary frames, read into events of the neutral form.

Frames: https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html (the same encoding), read by
botocore, which checks their lengths and checksums.
"""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any, Final

from offtake.adapters.wire.streams import LONGEST_EVENT
from offtake.adapters.wire.translation.converse.answers import stop_read, stopped_by, usage_read
from offtake.adapters.wire.translation.fields import UNKNOWN
from offtake.adapters.wire.translation.neutral import (
    Began,
    Call,
    Cannot,
    Closed,
    Counted,
    Done,
    Event,
    Failed,
    Opened,
    Piece,
    Stopped,
    Text,
    Thought,
)
from offtake.adapters.wire.translation.sse import inner, object_of, word

if TYPE_CHECKING:
    from botocore.eventstream import EventStreamMessage

# What Bedrock says in a stream, by the name of the exception; of the service's model in botocore.
STATUSES: Final = {
    "internalServerException": 500,
    "modelStreamErrorException": 424,
    "modelTimeoutException": 408,
    "serviceUnavailableException": 503,
    "throttlingException": 429,
    "validationException": 400,
}


class ConverseReader:
    """Frames as events. Words have no beginning of their own in Converse: their first piece is one."""

    def __init__(self, stop: tuple[str, ...]) -> None:
        from botocore.eventstream import EventStreamBuffer

        self._buffer = EventStreamBuffer()
        self._held = 0  # Bytes since the last whole frame.
        self._stop = stop
        self._open = False
        self._stopped = False

    def feed(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises Cannot for what are no frames, and for what cannot be translated."""
        from botocore.eventstream import ParserError

        found: list[Event] = []
        self._held += len(data)
        try:
            self._buffer.add_data(data)
            for message in self._buffer:
                self._held = 0
                found += self._read(message)
        except (ParserError, struct.error, ValueError, LookupError) as error:
            raise Cannot("stream", f"holds no frames of Bedrock's ({type(error).__name__})") from None
        if self._held > LONGEST_EVENT + len(data):
            raise Cannot("stream", f"holds a frame of more than {LONGEST_EVENT} bytes")
        return found

    def _read(self, message: EventStreamMessage) -> list[Event]:
        headers = message.headers
        kind = headers.get(":message-type")
        if kind == "error":
            return [Failed(500, word(headers.get(":error-message")))]
        said = object_of(message.payload)
        if kind == "exception":
            status = STATUSES.get(word(headers.get(":exception-type")), 500)
            return [Failed(status, word(said.get("message")))]
        name = word(headers.get(":event-type"))
        if name == "messageStart":
            return [Began()]
        if name == "contentBlockStart":
            return self._opens(inner(said, "start"))
        if name == "contentBlockDelta":
            return self._delta(inner(said, "delta"))
        if name == "contentBlockStop":
            was, self._open = self._open, False
            return [Closed()] if was else []
        if name == "messageStop":
            stop = stop_read(said.get("stopReason"))
            by = stopped_by(said.get("additionalModelResponseFields"), self._stop)
            return [Stopped(stop, by if stop == "stop-sequence" else "")]
        if name == "metadata":
            usage = usage_read(said.get("usage"))
            return [*([] if usage is None else [Counted(usage)]), Done()]
        raise Cannot("stream", f"holds `{name[:40]}`, which {UNKNOWN}")

    def _opens(self, start: dict[str, Any]) -> list[Event]:
        call = inner(start, "toolUse")
        if not call or call.get("type") is not None:
            raise Cannot("contentBlockStart.start", "begins what is not translated")
        self._open = True
        return [Opened(Call(word(call.get("toolUseId")), word(call.get("name")), {}))]

    def _delta(self, delta: dict[str, Any]) -> list[Event]:
        if "toolUse" in delta:
            text = word(inner(delta, "toolUse").get("input"))
            return [Piece(text)] if text else []
        if "reasoningContent" in delta:
            return self._thought(inner(delta, "reasoningContent"))
        if "text" not in delta:
            raise Cannot("contentBlockDelta.delta", f"{UNKNOWN}")
        return self._piece(Piece(word(delta.get("text"))), Text(""))

    def _thought(self, delta: dict[str, Any]) -> list[Event]:
        sealed = word(delta.get("redactedContent"))
        if sealed:
            self._open = True
            return [Opened(Thought("", sealed=sealed))]
        signature = word(delta.get("signature"))
        return self._piece(Piece(signature or word(delta.get("text")), bool(signature)), Thought(""))

    def _piece(self, piece: Piece, begins: Text | Thought) -> list[Event]:
        if not piece.text:
            return []
        was, self._open = self._open, True
        return [piece] if was else [Opened(begins), piece]
