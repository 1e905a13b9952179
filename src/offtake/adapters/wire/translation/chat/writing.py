"""A chat completion's request, written from the neutral form."""

from __future__ import annotations

import re
from typing import Any, Final

from offtake.adapters.wire.translation.fields import (
    json_text,
)
from offtake.adapters.wire.translation.neutral import (
    Call,
    Cannot,
    Conversation,
    Image,
    Result,
    Shape,
    Text,
    Thought,
    Tool,
    Turn,
)

_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")


def write_request(said: Conversation, model: str, *, newer: bool, mistral: bool = False) -> dict[str, Any]:
    """A chat completion that asks the same. `newer`: the upstream takes `max_completion_tokens`. Raises Cannot."""
    _writable(said)
    found: dict[str, Any] = {"model": model, "messages": [*_system_written(said), *_turns_written(said)]}
    if said.most_out is not None:
        found["max_completion_tokens" if newer else "max_tokens"] = said.most_out
    limits = {"temperature": said.temperature, "top_p": said.top_p}
    found.update((name, value) for name, value in limits.items() if value is not None)
    if said.user:
        found["user"] = said.user
    if said.tools:
        found["tools"] = [_tool_written(tool) for tool in said.tools]
    choice = said.choice
    if choice.kind == "tool":
        found["tool_choice"] = {"type": "function", "function": {"name": choice.name}}
    elif choice.kind != "auto":
        found["tool_choice"] = {"any": "required", "none": "none"}[choice.kind]
    if choice.one_at_a_time:
        found["parallel_tool_calls"] = False
    if said.shape is not None:
        found["response_format"] = {"type": "json_schema", "json_schema": _shape_written(said.shape)}
    if said.stream:
        found["stream"] = True
        if not mistral:  # It says usage in its last event, and takes no such option.
            found["stream_options"] = {"include_usage": True}
    return found


def _writable(said: Conversation) -> None:
    """Raises Cannot for what a chat completion cannot ask."""
    if said.stop:
        raise said.cannot("stop", "is refused, as OpenAI does not say which sequence ended an answer")
    if said.top_k is not None:
        raise said.cannot("top_k", "is none of OpenAI's")
    if said.thinking is not None:
        raise said.cannot("thinking", "is none of OpenAI's, which signs no thoughts")
    if said.effort:
        raise said.cannot("effort", "is a scale of its own")
    if said.turns[-1].role == "assistant":
        raise Cannot(said.turns[-1].where, "is the assistant's and the last, which OpenAI does not write on")


def _unkept(part: Text | Image | Call | Result | Tool) -> None:
    if part.keep is not None:
        raise Cannot(
            f"{part.where}.cache_control", "marks a prefix to keep, and OpenAI's caches have no such mark"
        )


def _system_written(said: Conversation) -> list[dict[str, Any]]:
    for text in said.system:
        _unkept(text)
    return [{"role": "system", "content": _content_written(said.system)}] if said.system else []


def _content_written(parts: tuple[Text | Image, ...]) -> str | list[dict[str, Any]]:
    """A text alone as a text, else a list."""
    if len(parts) == 1 and isinstance(parts[0], Text):
        return parts[0].text
    found: list[dict[str, Any]] = []
    for part in parts:
        if isinstance(part, Text):
            found.append({"type": "text", "text": part.text})
        else:
            url = part.url or f"data:{part.media_type};base64,{part.data}"
            found.append({"type": "image_url", "image_url": {"url": url}})
    return found


def _turns_written(said: Conversation) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    for turn in said.turns:
        found += _user_written(turn) if turn.role == "user" else [_assistant_written(turn)]
    return found


def _user_written(turn: Turn) -> list[dict[str, Any]]:
    results: list[dict[str, Any]] = []
    words: list[Text | Image] = []
    for part in turn.parts:
        if isinstance(part, Result):
            if words:
                raise Cannot(part.where, "comes after words of the same turn, and OpenAI wants it first")
            results.append(_result_written(part))
        elif isinstance(part, Text | Image):
            _unkept(part)
            words.append(part)
    if words:
        results.append({"role": "user", "content": _content_written(tuple(words))})
    return results


def _result_written(part: Result) -> dict[str, Any]:
    _unkept(part)
    if part.failed:
        raise Cannot(f"{part.where}.is_error", "marks a tool that failed, and OpenAI has no such mark")
    for inner in part.content:
        _unkept(inner)
        if isinstance(inner, Image):
            raise Cannot(inner.where, "is a picture that a tool gave back, where OpenAI takes text alone")
    return {"role": "tool", "tool_call_id": part.id, "content": _content_written(part.content) or ""}


def _assistant_written(turn: Turn) -> dict[str, Any]:
    words: list[Text] = []
    calls: list[dict[str, Any]] = []
    for part in turn.parts:
        if isinstance(part, Thought):
            raise Cannot(part.where, "is a thought, which OpenAI does not take back")
        if isinstance(part, Text):
            if calls:
                raise Cannot(part.where, "comes after a tool's call, and OpenAI wants it before")
            _unkept(part)
            words.append(part)
        elif isinstance(part, Call):
            _unkept(part)
            calls.append(call_written(part))
    content = _content_written(tuple(words)) if words else None
    return {"role": "assistant", "content": content, **({"tool_calls": calls} if calls else {})}


def call_written(part: Call) -> dict[str, Any]:
    """A call as OpenAI writes it."""
    return {
        "id": part.id,
        "type": "function",
        "function": {"name": part.name, "arguments": json_text(part.input)},
    }


def _tool_written(tool: Tool) -> dict[str, Any]:
    _unkept(tool)
    function: dict[str, Any] = {"name": tool.name, "parameters": tool.schema}
    if tool.description:
        function["description"] = tool.description
    if tool.strict:
        function["strict"] = True
    return {"type": "function", "function": function}


def _shape_written(shape: Shape) -> dict[str, Any]:
    name = shape.name if _NAME.fullmatch(shape.name) else "answer"
    more = {"description": shape.description} if shape.description else {}
    return {"name": name, **more, "schema": shape.schema, "strict": True}
