"""Heads of requests: what is read of one, and those that came before, known by their bytes.

A client says the same head with every request, but for the length of its body. A head that was read strictly once, and
whose key was good, need not be read again: the same bytes mean the same, whatever stands for the length's digits.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final, NamedTuple

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.admission import Way

MOST_KNOWN: Final = 2048  # Heads; when there are more, all are forgotten.
LONGEST_KNOWN: Final = 4096  # Bytes of one.
_LENGTH: Final = re.compile(rb"\r\n[Cc]ontent-[Ll]ength: ([0-9]{1,8})\r\n")


class Head:
    """A request's head as it was read."""

    __slots__ = ("headers", "keep_alive", "method", "path", "query", "target", "version", "way")

    def __init__(self) -> None:
        self.method = b""
        self.target = b""
        self.path = b""
        self.query = b""
        self.version = "1.1"
        self.headers: dict[bytes, bytes] = {}
        self.keep_alive = True
        self.way: Way | None = None  # What it asks for, and who; worked out when it is first answered.


class Framed(NamedTuple):
    """Bytes that look like one whole request with a length: its head without the length's digits, and its body."""

    head: bytes
    body: bytes


def framed(data: bytes) -> Framed | None:
    """What came in one read, if it looks like one request from its first byte to its last; None if it is not so plain.

    Nothing is decided by it: only where `Heads` knows the head, which was read strictly before, does it count.
    """
    end = data.find(b"\r\n\r\n") + 4
    found = _LENGTH.search(data, 0, end)
    if found is None or end > LONGEST_KNOWN:
        return None
    first, last = found.span(1)
    if len(data) - end != int(found[1]):
        return None
    return Framed(data[:first] + data[last:end], data[end:])


class Heads:
    """The heads that are known."""

    __slots__ = ("_known", "get")

    def __init__(self) -> None:
        self._known: dict[bytes, Head] = {}
        self.get = self._known.get

    def __len__(self) -> int:
        return len(self._known)

    def keep(self, text: bytes, head: Head) -> None:
        """A head that was read as `text`, its length's digits taken out."""
        if len(self._known) >= MOST_KNOWN:
            self._known.clear()
        head.headers.pop(b"content-length", None)
        self._known[text] = head
