"""Streams of chat completions: read into events of the neutral form, and written from them."""

from __future__ import annotations

from typing import Any, cast

import orjson

from offtake.adapters.wire.translation.chat.answers import (
    ANSWER,
    ANSWER_DEFAULTS,
    FINISH,
    stop_read,
    usage_read,
    usage_written,
)
from offtake.adapters.wire.translation.fields import Fields
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
    Stop,
    Stopped,
    Text,
    Thought,
    Usage,
)
from offtake.adapters.wire.translation.sse import EventReader, inner, object_of, word


class ChatReader:
    """Chunks as events. OpenAI marks no parts: one is open until another begins, or the answer stops."""

    def __init__(self) -> None:
        self._events = EventReader()
        self._began = False
        self._open: int | None = None  # A call's index, -1 for words, None for nothing.
        self._seen: set[int] = set()
        self._refused = False

    def feed(self, data: bytes) -> list[Event]:
        """What the bytes say. Raises Cannot."""
        found: list[Event] = []
        for text in self._events.feed(data):
            if text.strip() == b"[DONE]":
                found.append(Done())
            else:
                self._chunk(object_of(text), found)
        return found

    def _chunk(self, chunk: dict[str, Any], found: list[Event]) -> None:
        if "error" in chunk:
            error = inner(chunk, "error")
            found.append(Failed(502, word(error.get("message"))))
            return
        if not self._began:
            self._began = True
            found.append(Began(word(chunk.get("id")), word(chunk.get("model"))))
        choices = chunk.get("choices")
        if isinstance(choices, list) and choices:
            rows = cast("list[Any]", choices)
            if len(rows) > 1 or not isinstance(rows[0], dict):
                raise Cannot("choices", "is one choice")
            self._choice(cast("dict[str, Any]", rows[0]), found)
        usage = usage_read(chunk.get("usage"))
        if usage is not None:
            found.append(Counted(usage))

    def _choice(self, choice: dict[str, Any], found: list[Event]) -> None:
        delta = Fields(choice.get("delta") or {}, "choices[0].delta", ANSWER, ANSWER_DEFAULTS)
        words, refusal = delta.text("content"), delta.text("refusal")
        self._refused = self._refused or bool(refusal)
        if words or refusal:
            if self._open != -1:
                self._opens(-1, Text(""), found)
            found.append(Piece(words + refusal))
        for call in delta.items("tool_calls"):
            self._call(call, found)
        reason = choice.get("finish_reason")
        if reason is not None:
            self._close(found)
            found.append(Stopped("filtered" if self._refused else stop_read(reason)))

    def _call(self, value: object, found: list[Event]) -> None:
        call = cast("dict[str, Any]", value) if isinstance(value, dict) else {}
        index, function = call.get("index", 0), inner(call, "function")
        if not isinstance(index, int) or index < 0:
            raise Cannot("choices[0].delta.tool_calls", "has no index")
        if index != self._open:
            if index in self._seen:
                raise Cannot("choices[0].delta.tool_calls", "are mixed, and cannot be told in order")
            id, name = word(call.get("id")), word(function.get("name"))
            if not id or not name:
                raise Cannot("choices[0].delta.tool_calls", "begins without id and name")
            self._seen.add(index)
            self._opens(index, Call(id, name, {}), found)
        arguments = word(function.get("arguments"))
        if arguments:
            found.append(Piece(arguments))

    def _opens(self, index: int, part: Text | Call, found: list[Event]) -> None:
        self._close(found)
        self._open = index
        found.append(Opened(part))

    def _close(self, found: list[Event]) -> None:
        if self._open is not None:
            self._open = None
            found.append(Closed())


class ChatWriter:
    """Events as chunks. Thoughts are left out: OpenAI's dialect has no place for them."""

    def __init__(self, id: str, model: str, created: int, *, shows_usage: bool) -> None:
        self._id = id
        self._model = model
        self._created = created
        self._shows_usage = shows_usage
        self._calls = -1
        self._open: Text | Call | Thought | None = None
        self._empty = True
        self._usage: Usage | None = None

    def write(self, events: list[Event]) -> bytes:
        """The chunks that say the events."""
        return b"".join(self._one(event) for event in events)

    def _one(self, event: Event) -> bytes:
        if isinstance(event, Began):
            self._id, self._model = event.id or self._id, event.model or self._model
            return self._delta({"role": "assistant", "content": ""})
        if isinstance(event, Opened):
            return self._opened(event.part)
        if isinstance(event, Piece):
            return self._piece(event)
        if isinstance(event, Closed):
            part, self._open = self._open, None
            # A call without input is an empty object, which OpenAI writes out.
            return self._arguments("{}") if isinstance(part, Call) and self._empty else b""
        if isinstance(event, Stopped):
            return self._delta({}, event.stop)
        if isinstance(event, Counted):
            self._usage = event.usage
            return b""
        return self._done() if isinstance(event, Done) else b""

    def _opened(self, part: Text | Call | Thought) -> bytes:
        self._open, self._empty = part, True
        if not isinstance(part, Call):
            return b""
        self._calls += 1
        function = {"name": part.name, "arguments": ""}
        call = {"index": self._calls, "id": part.id, "type": "function", "function": function}
        return self._delta({"tool_calls": [call]})

    def _piece(self, piece: Piece) -> bytes:
        if not piece.text or isinstance(self._open, Thought):
            return b""
        self._empty = False
        return (
            self._arguments(piece.text)
            if isinstance(self._open, Call)
            else self._delta({"content": piece.text})
        )

    def _arguments(self, text: str) -> bytes:
        return self._delta({"tool_calls": [{"index": self._calls, "function": {"arguments": text}}]})

    def _delta(self, delta: dict[str, Any], stop: Stop | None = None) -> bytes:
        reason = None if stop is None else FINISH[stop]
        return self._written([{"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}], None)

    def _done(self) -> bytes:
        used = b""
        if self._shows_usage and self._usage is not None:
            used = self._written([], usage_written(self._usage))
        return used + b"data: [DONE]\n\n"

    def _written(self, choices: list[dict[str, Any]], usage: dict[str, Any] | None) -> bytes:
        chunk: dict[str, Any] = {
            "id": self._id,
            "object": "chat.completion.chunk",
            "created": self._created,
            "model": self._model,
            "choices": choices,
        }
        if self._shows_usage:
            chunk["usage"] = usage
        return b"data: " + orjson.dumps(chunk) + b"\n\n"
