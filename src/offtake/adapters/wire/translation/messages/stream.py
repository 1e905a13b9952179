"""Streams of Anthropic's messages: read into events of the neutral form, and written from them."""

from __future__ import annotations

from typing import Any, Final

import orjson

from offtake.adapters.wire.translation.fields import UNKNOWN
from offtake.adapters.wire.translation.messages.answers import (
    STOP_REASON,
    part_read,
    stop_read,
    usage_read,
    usage_written,
)
from offtake.adapters.wire.translation.messages.writing import thought_written
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
    Usage,
)
from offtake.adapters.wire.translation.sse import EventReader, inner, object_of, word

# https://platform.claude.com/docs/en/api/errors
_STATUSES: Final = {
    "invalid_request_error": 400,
    "authentication_error": 401,
    "permission_error": 403,
    "not_found_error": 404,
    "request_too_large": 413,
    "rate_limit_error": 429,
    "timeout_error": 504,
    "overloaded_error": 529,
}
_DELTAS: Final = {
    "text_delta": "text",
    "input_json_delta": "partial_json",
    "thinking_delta": "thinking",
    "signature_delta": "signature",
}


class MessagesReader:
    """Anthropic's events as those of the neutral form."""

    def __init__(self) -> None:
        self._events = EventReader()
        self._used: dict[str, Any] = {}  # What the first event says of input.

    def feed(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises Cannot."""
        return [event for text in self._events.feed(data) for event in self._read(object_of(text))]

    def _read(self, said: dict[str, Any]) -> list[Event]:
        kind = said.get("type")
        if kind == "message_start":
            message = inner(said, "message")
            self._used = inner(message, "usage")
            return [Began(word(message.get("id")), word(message.get("model")), usage_read(self._used))]
        if kind == "content_block_start":
            return [Opened(part_read(_begun(said), "content_block"))]
        if kind == "content_block_delta":
            return self._delta(inner(said, "delta"))
        if kind == "content_block_stop":
            return [Closed()]
        if kind == "message_delta":
            return self._stopped(said)
        if kind == "message_stop":
            return [Done()]
        if kind == "error":
            error = inner(said, "error")
            return [Failed(_STATUSES.get(word(error.get("type")), 500), word(error.get("message")))]
        return []  # `ping`, and events that Anthropic says clients shall pass over.

    def _delta(self, delta: dict[str, Any]) -> list[Event]:
        kind = word(delta.get("type"))
        if kind not in _DELTAS:
            raise Cannot("delta.type", f"is `{kind[:40]}`, which {UNKNOWN}")
        text = word(delta.get(_DELTAS[kind]))
        return [Piece(text, signature=kind == "signature_delta")] if text else []

    def _stopped(self, said: dict[str, Any]) -> list[Event]:
        found: list[Event] = []
        delta = inner(said, "delta")
        if delta.get("stop_reason") is not None:
            found.append(Stopped(stop_read(delta.get("stop_reason")), word(delta.get("stop_sequence"))))
        now = {name: value for name, value in inner(said, "usage").items() if value is not None}
        usage = usage_read({**self._used, **now})
        return [*found, Counted(usage)] if usage is not None else found


def _begun(said: dict[str, Any]) -> dict[str, Any]:
    """The block that begins; what is still to come of it is empty."""
    block = inner(said, "content_block")
    return {**block, "input": {}} if block.get("type") == "tool_use" else block


class MessagesWriter:
    """Events as Anthropic's. Why an answer stopped and what was used are said together, at the end."""

    def __init__(self, id: str, model: str) -> None:
        self._id = id
        self._model = model
        self._index = -1
        self._open: Text | Call | Thought | None = None
        self._stopped: Stopped | None = None
        self._usage = Usage(0, 0, 0, 0)

    def write(self, events: list[Event]) -> bytes:
        """The events as they are written."""
        return b"".join(self._one(event) for event in events)

    def _one(self, event: Event) -> bytes:
        if isinstance(event, Began):
            return self._began(event)
        if isinstance(event, Opened):
            return self._opened(event.part)
        if isinstance(event, Piece):
            return self._piece(event) if event.text else b""
        if isinstance(event, Closed):
            return _event("content_block_stop", index=self._index)
        if isinstance(event, Stopped):
            self._stopped = event
        elif isinstance(event, Counted):
            self._usage = event.usage
        elif isinstance(event, Done):
            return self._done()
        return b""

    def _began(self, event: Began) -> bytes:
        message: dict[str, Any] = {
            "id": event.id or self._id,
            "type": "message",
            "role": "assistant",
            "model": event.model or self._model,
            "content": [],
            "stop_reason": None,
            "stop_sequence": None,
            "usage": usage_written(event.usage or self._usage),
        }
        return _event("message_start", message=message)

    def _opened(self, part: Text | Call | Thought) -> bytes:
        self._index += 1
        self._open = part
        block: dict[str, Any]
        if isinstance(part, Text):
            block = {"type": "text", "text": ""}
        elif isinstance(part, Call):
            block = {"type": "tool_use", "id": part.id, "name": part.name, "input": {}}
        else:
            block = thought_written(part)
        begun = _event("content_block_start", index=self._index, content_block=block)
        # Words that came with a part's beginning are written as its first piece.
        return begun + self._piece(Piece(part.text)) if isinstance(part, Text) and part.text else begun

    def _piece(self, piece: Piece) -> bytes:
        part = self._open
        if isinstance(part, Text):
            delta = {"type": "text_delta", "text": piece.text}
        elif isinstance(part, Call):
            delta = {"type": "input_json_delta", "partial_json": piece.text}
        elif piece.signature:
            delta = {"type": "signature_delta", "signature": piece.text}
        else:
            delta = {"type": "thinking_delta", "thinking": piece.text}
        return _event("content_block_delta", index=self._index, delta=delta)

    def _done(self) -> bytes:
        stopped = self._stopped or Stopped("end")
        delta = {"stop_reason": STOP_REASON[stopped.stop], "stop_sequence": stopped.stopped_by or None}
        return _event("message_delta", delta=delta, usage=usage_written(self._usage)) + _event("message_stop")


def _event(kind: str, **said: object) -> bytes:
    return b"event: %b\ndata: %b\n\n" % (kind.encode(), orjson.dumps({"type": kind, **said}))
