"""Request bodies, read strictly and never written anew: what is read here is what every upstream reads.

Two readers of one JSON text must not differ about `model` or `stream`. So a key that is read may stand once, at the
top, in plain letters; the text is UTF-8 without a mark; and what is changed for an upstream is spliced in place.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, Final, cast

import orjson

# The keys that the gateway reads; a second one of any of them is refused.
READ: Final = frozenset(
    (
        "model",
        "stream",
        "stream_options",
        "max_tokens",
        "max_completion_tokens",
        "max_output_tokens",
        "n",
        "best_of",
        "previous_response_id",
        "conversation",
    )
)
_QUOTED: Final = re.compile(b"|".join(f'"{key}"'.encode() for key in sorted(READ)))
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_COLON: Final = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_SCALAR_END: Final = re.compile(rb"[ \t\r\n]*[,}]")


class BadBody(Exception):
    """The body cannot be taken; the message is for the caller, `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


@dataclass(slots=True)
class Body:
    """A request's body as it came, and the fields that the gateway reads."""

    raw: bytes
    fields: dict[str, Any]
    model: str
    stream: bool

    @property
    def most_out(self) -> int | None:
        """The most tokens that may be written, as the caller says; None if it does not."""
        found: int | None = None
        for key in ("max_completion_tokens", "max_tokens", "max_output_tokens"):
            value = self.fields.get(key)
            if value is not None:
                if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                    raise BadBody(f"`{key}` is a whole number of tokens, not below zero", key)
                found = value if found is None else max(found, value)
        return None if found is None else found * self._choices()

    def _choices(self) -> int:
        most = 1
        for key in ("n", "best_of"):
            value = self.fields.get(key)
            if isinstance(value, int) and not isinstance(value, bool) and 1 <= value <= 1024:
                most = max(most, value)
            elif value is not None:
                raise BadBody(f"`{key}` is a whole number from 1 to 1024", key)
        return most

    @property
    def asks_for_usage(self) -> bool:
        """Whether the caller asked for usage at the end of its stream."""
        options = self.fields.get("stream_options")
        return isinstance(options, dict) and cast("dict[str, Any]", options).get("include_usage") is True


def read_body(raw: bytes, named: str | None = None) -> Body:
    """The body's fields; `named` is the model where the path names it, and `model` may be left out then.

    Raises BadBody for what two readers could read in two ways.
    """
    try:
        found = orjson.loads(raw)
    except orjson.JSONDecodeError as error:
        raise BadBody(f"the body is not JSON in UTF-8: {error}") from None
    if not isinstance(found, dict):
        raise BadBody("the body is a JSON object")
    fields = cast("dict[str, Any]", found)
    _once(raw, fields)
    model, stream = fields.get("model", named), fields.get("stream", False)
    if not isinstance(model, str) or not 1 <= len(model) <= 256:
        raise BadBody("`model` names a model", "model")
    if named is not None and model != named:
        raise BadBody("the path names one deployment and `model` another", "model")
    if stream is None:
        stream = False
    if not isinstance(stream, bool):
        raise BadBody("`stream` is true or false", "stream")
    return Body(raw, fields, model, stream)


def _once(raw: bytes, fields: dict[str, Any]) -> None:
    r"""Raises BadBody if a key that is read stands twice, in other letters, or escaped.

    Without `\\u00` no ASCII letter is escaped, so a quoted name that occurs once in the text, and is a key of the
    object, is that key and the only one. Whatever is not so plain is looked at key by key.
    """
    for key in fields:
        if key not in READ and key.casefold() in READ:
            raise BadBody(f"`{key}` is written `{key.casefold()}`", key)
    if b"\\u00" not in raw:
        quoted = _QUOTED.findall(raw)
        if len(quoted) == len(set(quoted)) and all(name[1:-1].decode() in fields for name in quoted):
            return
    seen: set[str] = set()
    for start, end, _, _ in top_level(raw):
        text = raw[start:end]
        key = cast("str", orjson.loads(text))
        if key in READ:
            if b"\\" in text:
                raise BadBody(f"the key `{key}` is written with escapes", key)
            if key in seen:
                raise BadBody(f"the key `{key}` stands twice", key)
            seen.add(key)


def top_level(raw: bytes) -> list[tuple[int, int, int, int]]:
    """The keys of a valid JSON object's top level and their values, as (start, end) of each in the text."""
    found: list[tuple[int, int, int, int]] = []
    at = raw.index(b"{") + 1
    while True:
        key = _STRUCTURE.search(raw, at)
        if key is None or key.group() == b"}":
            return found
        start = _found(_COLON.match(raw, key.end())).end()
        at = _value_end(raw, start)
        found.append((key.start(), key.end(), start, at))


def _value_end(raw: bytes, start: int) -> int:
    first = raw[start : start + 1]
    if first not in (b'"', b"{", b"["):
        return _found(_SCALAR_END.search(raw, start)).start()
    depth, at = 0, start
    while True:
        token = _found(_STRUCTURE.search(raw, at))
        at = token.end()
        mark = token.group()
        depth += 1 if mark in (b"{", b"[") else -1 if mark in (b"}", b"]") else 0
        if depth == 0:
            return at


def _found(match: re.Match[bytes] | None) -> re.Match[bytes]:
    """A match that valid JSON always has."""
    if match is None:
        raise BadBody("the body is not a JSON object")
    return match


def spliced(raw: bytes, values: dict[str, bytes]) -> bytes:
    """The body with the values of some keys replaced, or put in front where a key is missing. All else is as it was."""
    left = dict(values)
    cuts: list[tuple[int, int, bytes]] = []
    for start, end, value_start, value_end in top_level(raw):
        key = cast("str", orjson.loads(raw[start:end]))
        if key in left:
            cuts.append((value_start, value_end, left.pop(key)))
    parts: list[bytes] = []
    at = 0
    if left:
        at = raw.index(b"{") + 1
        parts.append(raw[:at])
        parts.extend(orjson.dumps(key) + b":" + value + b"," for key, value in left.items())
        if not cuts and raw[at:].strip() == b"}":
            parts[-1] = parts[-1][:-1]
    for start, end, value in cuts:
        parts += (raw[at:start], value)
        at = end
    return b"".join((*parts, raw[at:]))


_MODEL: Final = re.compile(rb'"model"[ \t\r\n]*:[ \t\r\n]*"')


def with_model(raw: bytes, name: bytes) -> bytes:
    """The body with another name of the model, which is already quoted as JSON."""
    if raw.count(b'"model"') == 1 and b"\\u00" not in raw:
        match = _MODEL.search(raw)
        if match is not None:
            end = raw.index(b'"', match.end())
            if b"\\" not in raw[match.end() : end]:
                return b"".join((raw[: match.end() - 1], name, raw[end + 1 :]))
    return spliced(raw, {"model": name})
