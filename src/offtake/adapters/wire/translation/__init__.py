"""Between the dialects: chat completions, Anthropic's messages and Bedrock's Converse, each said in another's words.

Pure: a request, an answer and a stream's bytes in, and what says the same out; or an `Untranslatable` that names the
field. Nothing is dropped. A request's every field is translated, or refused by name, or unknown and refused.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any, Final, Literal, Protocol

import orjson

from offtake.adapters.wire.translation import chat, converse, messages
from offtake.adapters.wire.translation.chat.stream import ChatReader, ChatWriter
from offtake.adapters.wire.translation.converse.stream import ConverseReader
from offtake.adapters.wire.translation.fields import json_text
from offtake.adapters.wire.translation.messages.stream import MessagesReader, MessagesWriter
from offtake.adapters.wire.translation.neutral import (
    Answer,
    Cannot,
    Conversation,
    Counted,
    Done,
    Event,
    Failed,
    Piece,
    Untranslatable,
    Usage,
)
from offtake.router.table import Tokens

Spoken = Literal["chat", "messages"]
"""What a caller speaks."""
Speech = Literal["chat", "messages", "converse"]
"""What an upstream speaks."""
# Headers that ask for what only the dialect's own vendor knows.
VENDOR_HEADERS: Final = (b"openai-beta", b"anthropic-beta")


@dataclass(frozen=True, slots=True)
class Peculiarities:
    """What is to be known of an upstream to write to it."""

    speaks: Speech
    model: str  # Its name there.
    most_out: int | None = None  # The most tokens that the model writes there.
    newer: bool = False  # It takes `max_completion_tokens`.
    mistral: bool = False


def read_request(spoken: Spoken, raw: bytes) -> Conversation | Untranslatable:
    """What a caller's body asks, in the neutral form."""
    try:
        # Python's own reader keeps whole numbers of any length as they are.
        body = json.loads(raw)
        return chat.read_request(body) if spoken == "chat" else messages.read_request(body)
    except Cannot as cannot:
        return cannot.what
    except (ValueError, RecursionError):
        return Untranslatable(
            "body", "cannot be written anew: it is nested too deep, or holds what no JSON in UTF-8 holds"
        )


def write_request(said: Conversation, to: Peculiarities) -> bytes | Untranslatable:
    """The body that asks an upstream the same."""
    try:
        body: dict[str, Any]
        if to.speaks == "chat":
            body = chat.write_request(said, to.model, newer=to.newer, mistral=to.mistral)
        elif to.speaks == "messages":
            body = messages.write_request(said, to.model, to.most_out)
        else:
            body = converse.write_request(said, to.model, to.most_out)
        return json_text(body).encode()
    except Cannot as cannot:
        return cannot.what
    except (ValueError, RecursionError):
        return Untranslatable(
            "body", "cannot be written anew: it is nested too deep, or holds what no JSON in UTF-8 holds"
        )


@dataclass(frozen=True, slots=True)
class Whole:
    """An answer in the caller's dialect, and what was used by what the upstream says."""

    body: bytes
    usage: Usage | None


def answer(
    spoken: Spoken, speaks: Speech, asked: Conversation, raw: bytes, id: str, model: str, created: int
) -> Whole | Untranslatable:
    """An upstream's answer, as the caller expects it; `id` and `model` where the upstream says none."""
    try:
        found = _read_answer(speaks, asked, orjson.loads(raw))
        found = Answer(
            found.parts, found.stop, found.stopped_by, found.usage, found.id or id, found.model or model
        )
        body = chat.write_answer(found, created) if spoken == "chat" else messages.write_answer(found)
        return Whole(json_text(body).encode(), found.usage)
    except Cannot as cannot:
        return cannot.what
    except (ValueError, RecursionError):
        return Untranslatable("answer", "is no JSON")


def _read_answer(speaks: Speech, asked: Conversation, body: object) -> Answer:
    if speaks == "chat":
        return chat.read_answer(body)
    return messages.read_answer(body) if speaks == "messages" else converse.read_answer(body, asked)


class Reader(Protocol):
    """An upstream's stream as events; raises Cannot."""

    def feed(self, data: bytes) -> list[Event]:
        """What the bytes say."""
        ...


class Writer(Protocol):
    """Events in the caller's dialect."""

    def write(self, events: list[Event]) -> bytes:
        """The bytes that say them."""
        ...


class Stream:
    """A stream on its way from one dialect to another."""

    __slots__ = ("_reader", "_writer", "events", "failed", "finished", "said", "wrong")

    def __init__(
        self, spoken: Spoken, speaks: Speech, asked: Conversation, id: str, model: str, created: int
    ) -> None:
        self._reader: Reader = (
            ChatReader()
            if speaks == "chat"
            else MessagesReader()
            if speaks == "messages"
            else ConverseReader(asked.stop)
        )
        self._writer: Writer = (
            ChatWriter(id, model, created, shows_usage=asked.shows_usage)
            if spoken == "chat"
            else MessagesWriter(id, model)
        )
        self.said: Usage | None = None
        self.events = 0  # Pieces that came.
        self.finished = False
        self.failed: Failed | None = None  # The upstream said inside its stream that it failed.
        self.wrong: Untranslatable | None = None  # What came cannot be translated.

    @property
    def usage(self) -> Tokens | None:
        """What was used, by what the upstream says."""
        return None if self.said is None else self.said.tokens

    def rest(self) -> bytes:
        """What is held back when the stream ends: nothing."""
        return b""

    def feed(self, data: bytes) -> bytes:
        """What to give on of the bytes that came. Nothing more comes once it is finished, failed or wrong."""
        if self.finished or self.failed is not None or self.wrong is not None:
            return b""
        try:
            events = self._reader.feed(data)
        except Cannot as cannot:
            self.wrong = cannot.what
            return b""
        good: list[Event] = []
        for event in events:
            if isinstance(event, Failed):
                self.failed = event
                break
            if isinstance(event, Counted):
                self.said = event.usage
            good.append(event)
            self.events += isinstance(event, Piece)
            if isinstance(event, Done):
                self.finished = True
                break
        return self._writer.write(good)


__all__ = [
    "VENDOR_HEADERS",
    "Conversation",
    "Peculiarities",
    "Speech",
    "Spoken",
    "Stream",
    "Untranslatable",
    "Whole",
    "answer",
    "read_request",
    "write_request",
]
