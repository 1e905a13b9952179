"""Frames of Amazon's event streams, written after their documentation alone.

https://docs.aws.amazon.com/AmazonS3/latest/API/RESTSelectObjectAppendix.html: lengths of the whole and of the headers,
their checksum, the headers (all of them texts here), the payload, and the checksum of everything before.
"""

from __future__ import annotations

import json
import struct
import zlib
from typing import Any


def frame(headers: dict[str, str], payload: bytes) -> bytes:
    """One frame."""
    named = b"".join(
        bytes((len(name),)) + name.encode() + b"\x07" + struct.pack("!H", len(value)) + value.encode()
        for name, value in headers.items()
    )
    prelude = struct.pack("!II", 16 + len(named) + len(payload), len(named))
    whole = prelude + struct.pack("!I", zlib.crc32(prelude)) + named + payload
    return whole + struct.pack("!I", zlib.crc32(whole))


def event(kind: str, said: Any) -> bytes:
    """An event of a stream."""
    headers = {":event-type": kind, ":content-type": "application/json", ":message-type": "event"}
    return frame(headers, json.dumps(said).encode())


def exception(kind: str, message: str) -> bytes:
    """A failure inside a stream."""
    headers = {":exception-type": kind, ":content-type": "application/json", ":message-type": "exception"}
    return frame(headers, json.dumps({"message": message}).encode())
