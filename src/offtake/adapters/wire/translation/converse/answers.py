"""Converse's answer and usage, read into the neutral form."""

from __future__ import annotations

from typing import Any, Final, cast

from offtake.adapters.wire.translation.fields import (
    Fields,
    count,
)
from offtake.adapters.wire.translation.neutral import (
    Answer,
    Call,
    Cannot,
    Conversation,
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
    "guardrail_intervened": "filtered",
    "content_filtered": "filtered",
}


def usage_read(value: object) -> Usage | None:
    """A usage block; None if it is not one. Tokens read from a cache, or written to one, are beside `inputTokens`."""
    if not isinstance(value, dict):
        return None
    block = cast("dict[str, Any]", value)
    fresh, out = count(block.get("inputTokens")), count(block.get("outputTokens"))
    if fresh is None or out is None:
        return None
    read, written = count(block.get("cacheReadInputTokens")), count(block.get("cacheWriteInputTokens"))
    return Usage(fresh, read or 0, written or 0, out)


def stop_read(value: object) -> Stop:
    """Why an answer ended. Raises Cannot for a reason that is not known, or is the model's own failure."""
    found = _STOPS.get(value) if isinstance(value, str) else None
    if found is None:
        raise Cannot("stopReason", "is none that is translated")
    return found


def stopped_by(fields: object, asked: tuple[str, ...]) -> str:
    """Which sequence ended an answer: what the model says of it, or the only one that was asked for."""
    said = cast("dict[str, Any]", fields).get("stop_sequence") if isinstance(fields, dict) else None
    if isinstance(said, str):
        return said
    return asked[0] if len(asked) == 1 else ""


_BLOCK: Final[dict[str, str | None]] = {"text": None, "toolUse": None, "reasoningContent": None}
_CALL: Final[dict[str, str | None]] = {
    "toolUseId": None,
    "name": None,
    "input": None,
    "type": "runs at Bedrock",
}
_THOUGHT: Final[dict[str, str | None]] = {"reasoningText": None, "redactedContent": None}
_THOUGHT_TEXT: Final[dict[str, str | None]] = {"text": None, "signature": None}


def _part_read(value: object, where: str) -> Text | Call | Thought:
    block = Fields(value, where, _BLOCK)
    if "toolUse" in block:
        call = Fields(block.get("toolUse"), block.name("toolUse"), _CALL)
        return Call(call.needed("toolUseId"), call.needed("name"), call.mapping("input"))
    if "reasoningContent" in block:
        thought = Fields(block.get("reasoningContent"), block.name("reasoningContent"), _THOUGHT)
        if "redactedContent" in thought:
            return Thought("", sealed=thought.needed("redactedContent"))
        text = Fields(thought.get("reasoningText"), thought.name("reasoningText"), _THOUGHT_TEXT)
        return Thought(text.text("text"), text.text("signature"))
    return Text(block.text("text"))


def read_answer(body: object, asked: Conversation) -> Answer:
    """Converse's answer to what was asked. Raises Cannot."""
    whole = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    output = Fields(whole.get("output"), "output", {"message": None})
    message = Fields(output.get("message"), "output.message", {"role": None, "content": None})
    parts = [_part_read(v, f"output.message.content[{n}]") for n, v in enumerate(message.items("content"))]
    stop = stop_read(whole.get("stopReason"))
    by = stopped_by(whole.get("additionalModelResponseFields"), asked.stop) if stop == "stop-sequence" else ""
    return Answer(
        parts=tuple(part for part in parts if not isinstance(part, Text) or part.text),
        stop=stop,
        stopped_by=by,
        usage=usage_read(whole.get("usage")),
    )
