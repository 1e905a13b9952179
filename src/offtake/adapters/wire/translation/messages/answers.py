"""A message's answer and usage, read into the neutral form and written from it."""

from __future__ import annotations

from typing import Any, Final, cast

from offtake.adapters.wire.translation.fields import (
    count,
)
from offtake.adapters.wire.translation.messages.reading import block_read, request_part_read
from offtake.adapters.wire.translation.messages.writing import part_written
from offtake.adapters.wire.translation.neutral import (
    Answer,
    Call,
    Cannot,
    Stop,
    Text,
    Thought,
    Usage,
)

_STOPS: Final[dict[str, Stop]] = {
    "end_turn": "end",
    "stop_sequence": "stop-sequence",
    "max_tokens": "length",
    "model_context_window_exceeded": "length",
    "tool_use": "tools",
    "refusal": "filtered",
}
STOP_REASON: Final[dict[Stop, str]] = {
    "end": "end_turn",
    "stop-sequence": "stop_sequence",
    "length": "max_tokens",
    "tools": "tool_use",
    "filtered": "refusal",
}


def usage_read(value: object) -> Usage | None:
    """A usage block; None if it is not one."""
    if not isinstance(value, dict):
        return None
    block = cast("dict[str, Any]", value)
    counts = [
        count(block.get(name, absent))
        for name, absent in (
            ("input_tokens", None),
            ("cache_read_input_tokens", 0),
            ("cache_creation_input_tokens", 0),
            ("output_tokens", None),
        )
    ]
    fresh, read, written, out = counts
    if fresh is None or out is None:
        return None
    return Usage(fresh, read or 0, written or 0, out)


def usage_written(usage: Usage) -> dict[str, Any]:
    """A usage block."""
    return {
        "input_tokens": usage.fresh,
        "cache_creation_input_tokens": usage.to_cache,
        "cache_read_input_tokens": usage.from_cache,
        "output_tokens": usage.out,
    }


def stop_read(value: object) -> Stop:
    """Why an answer ended. Raises Cannot for a reason that is not known."""
    found = _STOPS.get(value) if isinstance(value, str) else None
    if found is None:
        raise Cannot("stop_reason", "is none that is translated")
    return found


_ANSWERED: Final = ("text", "tool_use", "thinking", "redacted_thinking")


def part_read(value: object, where: str) -> Text | Call | Thought:
    """A block of an answer. Raises Cannot for what an answer does not hold."""
    block = block_read(value, where, _ANSWERED)
    if block.text("type") == "text":
        return Text(block.text("text"))
    part = request_part_read(value, where, _ANSWERED)
    if isinstance(part, Call | Thought):
        return part
    raise Cannot(where, "is no part of an answer")


def read_answer(body: object) -> Answer:
    """A message's answer. Raises Cannot."""
    whole = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    content = whole.get("content")
    if not isinstance(content, list):
        raise Cannot("content", "is a list of blocks")
    parts = tuple(part_read(v, f"content[{n}]") for n, v in enumerate(cast("list[Any]", content)))
    stopped_by, id, model = whole.get("stop_sequence"), whole.get("id"), whole.get("model")
    return Answer(
        parts=tuple(part for part in parts if not isinstance(part, Text) or part.text),
        stop=stop_read(whole.get("stop_reason")),
        stopped_by=stopped_by if isinstance(stopped_by, str) else "",
        usage=usage_read(whole.get("usage")),
        id=id if isinstance(id, str) else "",
        model=model if isinstance(model, str) else "",
    )


def write_answer(said: Answer) -> dict[str, Any]:
    """A message's answer."""
    return {
        "id": said.id,
        "type": "message",
        "role": "assistant",
        "model": said.model,
        "content": [part_written(part) for part in said.parts],
        "stop_reason": STOP_REASON[said.stop],
        "stop_sequence": said.stopped_by or None,
        "usage": usage_written(said.usage or Usage(0, 0, 0, 0)),
    }
