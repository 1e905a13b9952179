"""Request bodies, read strictly and never written anew: what is read here is what every upstream reads.

Two readers of one JSON text must not differ about `model` or `stream`. So a key that is read may stand once, at the
top, in plain letters; the text is UTF-8 without a mark; and what is changed for an upstream is spliced in place.
"""

from __future__ import annotations

import re
from typing import Any, Final, cast

import msgspec
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
        "prompt_cache_key",
    )
)
# Names of fields that are common, and none of them one of those above in other letters.
_COMMON: Final = READ | frozenset(
    (
        "messages",
        "input",
        "prompt",
        "instructions",
        "system",
        "temperature",
        "top_p",
        "top_k",
        "stop",
        "seed",
        "tools",
        "tool_choice",
        "parallel_tool_calls",
        "response_format",
        "reasoning",
        "reasoning_effort",
        "text",
        "user",
        "metadata",
        "store",
        "frequency_penalty",
        "presence_penalty",
        "logit_bias",
        "logprobs",
        "top_logprobs",
        "thinking",
        "dimensions",
        "encoding_format",
    )
)
_OBJECT: Final = msgspec.json.Decoder(dict[str, msgspec.Raw])
_SPACE: Final = b" \t\r\n"
_STRUCTURE: Final = re.compile(rb'"(?:[^"\\]++|\\.)*+"|[{}\[\]]', re.DOTALL)
_COLON: Final = re.compile(rb"[ \t\r\n]*:[ \t\r\n]*")
_SCALAR_END: Final = re.compile(rb"[ \t\r\n]*[,}]")


class BadBody(Exception):
    """The body cannot be taken; the message is for the caller, `param` names the field."""

    def __init__(self, message: str, param: str | None = None) -> None:
        super().__init__(message)
        self.message = message
        self.param = param


Span = tuple[int, int]
"""Where a value begins and ends in the text."""


class Body:
    """A request's body as it came, and what the gateway reads of it: each key that it reads stands once, at the top."""

    __slots__ = ("_fields", "_spans", "_values", "model", "raw", "stream")

    def __init__(
        self,
        raw: bytes,
        model: str,
        stream: bool,
        values: dict[str, msgspec.Raw],
        spans: dict[str, Span] | None,
    ) -> None:
        self.raw = raw
        self.model = model
        self.stream = stream
        self._values = values
        self._spans = spans
        self._fields: dict[str, Any] | None = None

    def __contains__(self, key: str) -> bool:
        return key in self._values

    @property
    def spans(self) -> dict[str, Span]:
        """Where the values of those keys of `READ` stand that it has."""
        if self._spans is None:
            self._spans = _spans(self.raw, self._values) or _looked_through(self.raw)
        return self._spans

    @property
    def fields(self) -> dict[str, Any]:
        """The whole object. It is read when it is first asked for; the choice does not need it."""
        if self._fields is None:
            try:
                self._fields = cast("dict[str, Any]", orjson.loads(self.raw))
            except orjson.JSONDecodeError as error:
                raise BadBody(f"the body is not JSON in UTF-8: {error}") from None
        return self._fields

    def value(self, key: str) -> object:
        """The value of one of the keys that are read; None if it is missing."""
        value = self._values.get(key)
        try:
            return None if value is None else msgspec.json.decode(value)
        except (msgspec.DecodeError, RecursionError) as error:
            raise BadBody(f"`{key}` cannot be read: {error}", key) from None

    def with_model(self, name: bytes) -> bytes:
        """The text with another name of the model, which is already quoted as JSON."""
        span = self.spans.get("model")
        if span is None:
            return spliced(self.raw, {"model": name})
        return b"".join((self.raw[: span[0]], name, self.raw[span[1] :]))

    @property
    def most_out(self) -> int | None:
        """The most tokens that may be written, as the caller says; None if it does not."""
        found: int | None = None
        values = self._values
        for key in ("max_tokens", "max_completion_tokens", "max_output_tokens"):
            if key in values and (value := self.value(key)) is not None:
                if not isinstance(value, int) or isinstance(value, bool) or value < 0:
                    raise BadBody(f"`{key}` is a whole number of tokens, not below zero", key)
                found = value if found is None else max(found, value)
        return None if found is None else found * self._choices()

    def _choices(self) -> int:
        most = 1
        for key in ("n", "best_of"):
            if key in self._values and (value := self.value(key)) is not None:
                if not isinstance(value, int) or isinstance(value, bool) or not 1 <= value <= 1024:
                    raise BadBody(f"`{key}` is a whole number from 1 to 1024", key)
                most = max(most, value)
        return most

    @property
    def builds_on_state(self) -> bool:
        """Whether it names something that only the upstream which made it knows."""
        values = self._values
        return ("previous_response_id" in values or "conversation" in values) and (
            self.value("previous_response_id") is not None or self.value("conversation") is not None
        )

    @property
    def asks_for_usage(self) -> bool:
        """Whether the caller asked for usage at the end of its stream."""
        options = self.value("stream_options")
        return isinstance(options, dict) and cast("dict[str, Any]", options).get("include_usage") is True


def read_body(raw: bytes, named: str | None = None) -> Body:
    """What is read of a body; `named` is the model where the path names it, and `model` may be left out then.

    Raises BadBody for what two readers could read in two ways.
    """
    try:
        values = _OBJECT.decode(raw)
        if not raw.isascii():
            raw.decode()
    except msgspec.ValidationError:
        raise BadBody("the body is a JSON object") from None
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as error:
        raise BadBody(f"the body is not JSON in UTF-8: {error}") from None
    spans = None
    # A text no longer than these keys and values need has none of them twice, and none escaped.
    least = sum(map(len, values)) + sum(map(len, values.values())) + 4 * len(values) + 1
    if len(raw) != least or not values.keys() <= _COMMON:
        spans = _spans(raw, values)
        if spans is None:
            spans = _looked_through(raw)
    found = values.get("model")
    model = named if found is None else _name(bytes(found))
    if model is None or not 1 <= len(model) <= 256:
        raise BadBody("`model` names a model", "model")
    if named is not None and model != named:
        raise BadBody("the path names one deployment and `model` another", "model")
    stream = False
    if "stream" in values:
        said = bytes(values["stream"])
        if said not in (b"true", b"false", b"null"):
            raise BadBody("`stream` is true or false", "stream")
        stream = said == b"true"
    return Body(raw, model, stream, values, spans)


def _name(text: bytes) -> str | None:
    """A text in JSON; None if it is something else."""
    if text[0] == 0x22 and text.isascii() and b"\\" not in text:
        return text[1:-1].decode("ascii")
    found = _loaded(text)
    return found if isinstance(found, str) else None


def _loaded(text: bytes) -> object:
    try:
        return orjson.loads(text)
    except orjson.JSONDecodeError:
        return None


def _spans(raw: bytes, values: dict[str, msgspec.Raw]) -> dict[str, Span] | None:
    """Where the values of the keys that are read stand; None if the text is not these keys, plainly, one by one.

    The text is a JSON object already, and `values` has its keys in the order of their first place, with their last
    value. So if the first key in the text is the first of `values` and its value is the same, and so on to the closing
    brace, no key stands twice and none is escaped. No JSON value begins another but a number, so a value that begins as
    the one looked for is that one or ends where the next mark does.
    """
    spans: dict[str, Span] = {}
    at = raw.index(b"{") + 1
    for key, value in values.items():
        start = raw.find(b'"', at)
        name = key.encode()
        end = start + len(name) + 2
        if raw[start + 1 : end] != name + b'"':
            return None
        at = raw.index(b":", end) + 1
        while raw[at] in _SPACE:
            at += 1
        if not raw.startswith(value, at):  # pyright: ignore[reportArgumentType]  # Any buffer is taken.
            return None
        start, at = at, at + len(value)
        if key in READ:
            spans[key] = (start, at)
        elif key not in _COMMON and key.casefold() in READ:
            raise BadBody(f"`{key}` is written `{key.casefold()}`", key)
    return spans if raw[at:].strip(_SPACE) == b"}" else None


def _looked_through(raw: bytes) -> dict[str, Span]:
    """The same, key by key. Raises BadBody if a key that is read stands twice, in other letters, or escaped."""
    spans: dict[str, Span] = {}
    for start, end, value_start, value_end in top_level(raw):
        text = raw[start:end]
        key = _loaded(text)
        if not isinstance(key, str):
            raise BadBody("a key of the body is no text in UTF-8")
        if key in READ:
            if b"\\" in text:
                raise BadBody(f"the key `{key}` is written with escapes", key)
            if key in spans:
                raise BadBody(f"the key `{key}` stands twice", key)
            spans[key] = (value_start, value_end)
        elif key.casefold() in READ:
            raise BadBody(f"`{key}` is written `{key.casefold()}`", key)
    return spans


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
