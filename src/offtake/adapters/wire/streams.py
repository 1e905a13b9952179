"""Streams of server-sent events, passed on as they come; usage is read on the way, and hidden again if nobody asked.

Nothing waits for more than one whole event, and no event may be longer than `LONGEST_EVENT`.
"""

from __future__ import annotations

from typing import Any, Final, cast

import orjson

from offtake.adapters.wire.usage import usage_of
from offtake.router.table import Tokens

LONGEST_EVENT: Final = 1 << 20  # Bytes; a longer one is passed on unread.


class StreamWatch:
    """Reads usage from a stream that passes by. `hides`: the caller did not ask for usage, and is shown none."""

    __slots__ = ("_fresh", "_hides", "_pending", "events", "finished", "usage")

    def __init__(self, hides: bool = False) -> None:
        self._hides = hides
        self._pending = b""
        self._fresh: dict[str, Any] = {}  # What Anthropic's first event says of input.
        self.usage: Tokens | None = None
        self.events: int = 0
        self.finished = False  # The end of the stream was seen: `[DONE]`, or the last event of its dialect.

    def feed(self, data: bytes) -> bytes:
        """What to pass on of the bytes that came; all of them at once, unless an event must be seen whole first."""
        whole = self._pending + data if self._pending else data
        end = _last_end(whole)
        if end == 0:
            if len(whole) > LONGEST_EVENT:
                self._pending = b""
                return whole if self._hides else data
            self._pending = whole
            return b"" if self._hides else data
        complete, self._pending = whole[:end], whole[end:]
        self.events += complete.count(b"data:")
        # Only events that say something of usage, or end the stream, are looked into.
        if b'"usage"' in complete or b"[DONE]" in complete or b"message_stop" in complete:
            complete = self._looked_into(complete)
        return complete if self._hides else data

    def rest(self) -> bytes:
        """What is held back when the stream ends."""
        held, self._pending = self._pending, b""
        return held if self._hides else b""

    def _looked_into(self, complete: bytes) -> bytes:
        kept = [event for event in _events(complete) if not self._one(event)]
        return without_null_usage(b"".join(kept)) if self._hides else complete

    def _one(self, event: bytes) -> bool:
        """Reads one event; whether it is to be hidden whole."""
        data = _data_of(event)
        if data == b"[DONE]":
            self.finished = True
            return False
        if b'"usage"' not in data and b"message_stop" not in data:
            return False
        try:
            found = orjson.loads(data)
        except orjson.JSONDecodeError:
            return False
        if not isinstance(found, dict):
            return False
        said = cast("dict[str, Any]", found)
        self._read(said)
        return self._hides and said.get("choices") == [] and isinstance(said.get("usage"), dict)

    def _read(self, said: dict[str, Any]) -> None:
        kind = said.get("type")
        if kind == "message_start":
            message = said.get("message")
            block = cast("dict[str, Any]", message).get("usage") if isinstance(message, dict) else None
            self._fresh = cast("dict[str, Any]", block) if isinstance(block, dict) else {}
            self.usage = usage_of(self._fresh) or self.usage
            return
        block: object = said.get("usage")
        if kind == "message_delta" and isinstance(block, dict):
            block = {**self._fresh, **cast("dict[str, Any]", block)}
        elif kind == "message_stop":
            self.finished = True
        elif kind in ("response.completed", "response.incomplete", "response.failed"):
            self.finished = True
            response = said.get("response")
            block = cast("dict[str, Any]", response).get("usage") if isinstance(response, dict) else None
        self.usage = usage_of(block) or self.usage


def without_null_usage(event: bytes) -> bytes:
    """An event without the `"usage":null` that upstreams put into each once usage is asked for.

    Inside a JSON text the quotes would be escaped, so the letters are found only where they are a key and its value.
    """
    return event.replace(b',"usage":null', b"").replace(b', "usage": null', b"")


def _last_end(data: bytes) -> int:
    """Where the last whole event ends; 0 if none does."""
    end = data.rfind(b"\n\n")
    other = data.rfind(b"\r\n\r\n")
    return max(end + 2 if end >= 0 else 0, other + 4 if other >= 0 else 0)


def _events(data: bytes) -> list[bytes]:
    """Whole events, each with the empty line that ends it."""
    mark = (b"\r\n\r\n" if b"\r\n\r\n" in data else b"\n\n") if b"\r" in data else b"\n\n"
    parts = data.split(mark)
    return [part + mark for part in parts[:-1]] + ([parts[-1]] if parts[-1] else [])


def _data_of(event: bytes) -> bytes:
    if event.startswith(b"data:") and event.count(b"\n") == 2:
        return event[5:].strip()
    lines = [line[5:].strip() for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines)
