"""A chat completion's answer and usage, read into the neutral form and written from it."""

from __future__ import annotations

from typing import Any, Final, cast

from offtake.adapters.wire.translation.chat.reading import call_read
from offtake.adapters.wire.translation.chat.writing import call_written
from offtake.adapters.wire.translation.fields import (
    Fields,
    count,
)
from offtake.adapters.wire.translation.neutral import (
    Answer,
    Call,
    Cannot,
    Stop,
    Text,
    Usage,
)

_STOPS: Final[dict[str, Stop]] = {
    "stop": "end",
    "length": "length",
    "tool_calls": "tools",
    "content_filter": "filtered",
}
FINISH: Final[dict[Stop, str]] = {
    "end": "stop",
    "stop-sequence": "stop",
    "length": "length",
    "tools": "tool_calls",
    "filtered": "content_filter",
}


def usage_read(value: object) -> Usage | None:
    """A usage block; None if it is not one."""
    if not isinstance(value, dict):
        return None
    block = cast("dict[str, Any]", value)
    details = block.get("prompt_tokens_details")
    inner = cast("dict[str, Any]", details) if isinstance(details, dict) else {}
    read, out = count(block.get("prompt_tokens")), count(block.get("completion_tokens"))
    if read is None or out is None:
        return None
    cached = min(count(inner.get("cached_tokens")) or 0, read)
    written = min(count(inner.get("cache_write_tokens")) or 0, read - cached)
    return Usage(read - cached - written, cached, written, out)


def usage_written(usage: Usage) -> dict[str, Any]:
    """A usage block."""
    read = usage.fresh + usage.from_cache + usage.to_cache
    return {
        "prompt_tokens": read,
        "completion_tokens": usage.out,
        "total_tokens": read + usage.out,
        "prompt_tokens_details": {"cached_tokens": usage.from_cache, "cache_write_tokens": usage.to_cache},
    }


# What an answer's message may hold. Thoughts in the open are no part of OpenAI's dialect, and are left out.
ANSWER: Final[dict[str, str | None]] = {
    "role": None,
    "content": None,
    "refusal": None,
    "tool_calls": None,
    "reasoning": None,
    "reasoning_content": None,
    "reasoning_details": None,
    "annotations": "points to sources, which are not translated",
    "audio": "has no counterpart in the other dialect",
    "function_call": "is the old form of tools",
}
ANSWER_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {"annotations": ([],), "tool_calls": ([],)}


def stop_read(value: object) -> Stop:
    """Why an answer ended. Raises Cannot for a reason that is not known."""
    found = _STOPS.get(value) if isinstance(value, str) else None
    if found is None:
        raise Cannot("choices[0].finish_reason", "is none that is translated")
    return found


def read_answer(body: object) -> Answer:
    """A chat completion's answer. Raises Cannot."""
    whole = cast("dict[str, Any]", body) if isinstance(body, dict) else {}
    choices = whole.get("choices")
    if not isinstance(choices, list) or len(cast("list[Any]", choices)) != 1:
        raise Cannot("choices", "is one choice")
    only = cast("list[Any]", choices)[0]
    choice = cast("dict[str, Any]", only) if isinstance(only, dict) else {}
    message = Fields(choice.get("message"), "choices[0].message", ANSWER, ANSWER_DEFAULTS)
    calls = [
        call_read(call, f"choices[0].message.tool_calls[{k}]")
        for k, call in enumerate(message.items("tool_calls"))
    ]
    refusal = message.text("refusal")
    words = [Text(text) for text in (message.text("content"), refusal) if text]
    return Answer(
        parts=(*words, *calls),
        stop="filtered" if refusal else stop_read(choice.get("finish_reason")),
        usage=usage_read(whole.get("usage")),
        id=_word(whole.get("id")),
        model=_word(whole.get("model")),
    )


def _word(value: object) -> str:
    return value if isinstance(value, str) else ""


def write_answer(said: Answer, created: int) -> dict[str, Any]:
    """A chat completion's answer; `created` in seconds since the epoch. Texts are joined; thoughts are left out."""
    words = "".join(part.text for part in said.parts if isinstance(part, Text))
    calls = [call_written(part) for part in said.parts if isinstance(part, Call)]
    message: dict[str, Any] = {"role": "assistant", "content": words or None, "refusal": None}
    if calls:
        message["tool_calls"] = calls
    choice = {"index": 0, "message": message, "logprobs": None, "finish_reason": FINISH[said.stop]}
    used = {} if said.usage is None else {"usage": usage_written(said.usage)}
    return {
        "id": said.id,
        "object": "chat.completion",
        "created": created,
        "model": said.model,
        "choices": [choice],
        **used,
    }
