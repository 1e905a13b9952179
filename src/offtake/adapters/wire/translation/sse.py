"""Server-sent events, read whole: a translated stream is written anew, so every event is looked into.

The format: https://html.spec.whatwg.org/multipage/server-sent-events.html.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

import orjson

from offtake.adapters.wire.streams import LONGEST_EVENT
from offtake.adapters.wire.translation.neutral import Cannot

# Atomic groups: a CRLF is one line's end and never an end and an empty line.
_BLANK: Final = re.compile(rb"(?>\r\n|\n|\r)(?>\r\n|\n|\r)")


class EventReader:
    """The data of events, as bytes come."""

    __slots__ = ("_from", "_pending")

    def __init__(self) -> None:
        self._pending = b""
        self._from = 0  # Before here no event ends.

    def feed(self, data: bytes) -> list[bytes]:
        """The data of each event that is whole now. Raises Cannot for one longer than `LONGEST_EVENT`."""
        whole, found, at = self._pending + data, list[bytes](), 0
        for match in _BLANK.finditer(whole, self._from):
            text = _data_of(whole[at : match.start()])
            at = match.end()
            if text is not None:
                found.append(text)
        self._pending = whole[at:]
        self._from = max(len(self._pending) - 3, 0)
        if len(self._pending) > LONGEST_EVENT:
            raise Cannot("data", f"is an event of more than {LONGEST_EVENT} bytes")
        return found


def _data_of(event: bytes) -> bytes | None:
    """An event's data, its lines joined; None if it has none."""
    lines = [line[5:].removeprefix(b" ") for line in event.splitlines() if line.startswith(b"data:")]
    return b"\n".join(lines) if lines else None


def object_of(data: bytes) -> dict[str, Any]:
    """An event's data as a JSON object. Raises Cannot."""
    try:
        found = orjson.loads(data)
    except orjson.JSONDecodeError:
        found = None
    if not isinstance(found, dict):
        raise Cannot("data", "is no JSON object")
    return cast("dict[str, Any]", found)


def inner(value: dict[str, Any], key: str) -> dict[str, Any]:
    """An object inside another; empty if there is none."""
    found = value.get(key)
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}


def word(value: object) -> str:
    """A text; empty if it is none."""
    return value if isinstance(value, str) else ""
