"""A messages request, written from the neutral form."""

from __future__ import annotations

import re
from typing import Any, Final

from offtake.adapters.wire.translation.neutral import (
    Call,
    Cannot,
    Choice,
    Conversation,
    Image,
    Keep,
    Part,
    Result,
    Text,
    Thought,
    Tool,
)

_ID: Final = re.compile(r"[A-Za-z0-9_-]+")


def write_request(said: Conversation, model: str, most_out: int | None) -> dict[str, Any]:
    """A messages request that asks the same; `most_out` is the most that the model writes there. Raises Cannot."""
    most = said.most_out or most_out
    if most is None:
        why = "is needed by Anthropic: state it, or give the deployment's endpoint `max_tokens`"
        raise said.cannot("most_out", why)
    if said.temperature is not None and said.temperature > 1:
        raise said.cannot("temperature", "is above 1, the most that Anthropic takes")
    found: dict[str, Any] = {"model": model, "max_tokens": most}
    if said.system:
        found["system"] = [part_written(text) for text in said.system]
    found["messages"] = [
        {"role": turn.role, "content": [part_written(part) for part in turn.parts]} for turn in said.turns
    ]
    optional: dict[str, object] = {
        "temperature": said.temperature,
        "top_p": said.top_p,
        "top_k": said.top_k,
        "thinking": said.thinking,
        "stop_sequences": list(said.stop) or None,
        "metadata": {"user_id": said.user} if said.user else None,
        "tools": [_tool_written(tool) for tool in said.tools] or None,
        "tool_choice": _choice_written(said.choice),
        "output_config": _output_written(said),
        "stream": said.stream or None,
    }
    found.update((name, value) for name, value in optional.items() if value is not None)
    return found


def _kept(keep: Keep | None) -> dict[str, Any]:
    if keep is None:
        return {}
    return {"cache_control": {"type": "ephemeral", **({"ttl": keep} if keep != "5m" else {})}}


def part_written(part: Part) -> dict[str, Any]:
    if isinstance(part, Text):
        return {"type": "text", "text": part.text, **_kept(part.keep)}
    if isinstance(part, Image):
        source = (
            {"type": "url", "url": part.url}
            if part.url
            else {"type": "base64", "media_type": part.media_type, "data": part.data}
        )
        return {"type": "image", "source": source, **_kept(part.keep)}
    if isinstance(part, Call):
        return _call_written(part)
    if isinstance(part, Result):
        content = [part_written(inner) for inner in part.content]
        failed = {"is_error": True} if part.failed else {}
        id = _identifier(part.id, part.where)
        return {"type": "tool_result", "tool_use_id": id, "content": content, **failed, **_kept(part.keep)}
    return thought_written(part)


def _call_written(part: Call) -> dict[str, Any]:
    id = _identifier(part.id, part.where)
    return {"type": "tool_use", "id": id, "name": part.name, "input": part.input, **_kept(part.keep)}


def thought_written(part: Thought) -> dict[str, Any]:
    """A thought as Anthropic writes it."""
    if part.sealed:
        return {"type": "redacted_thinking", "data": part.sealed}
    return {"type": "thinking", "thinking": part.text, "signature": part.signature}


def _identifier(id: str, where: str) -> str:
    if _ID.fullmatch(id) is None:
        raise Cannot(where, "has an id with characters that the other dialect does not take")
    return id


def _tool_written(tool: Tool) -> dict[str, Any]:
    found: dict[str, Any] = {"name": tool.name}
    if tool.description:
        found["description"] = tool.description
    found["input_schema"] = tool.schema
    if tool.strict:
        found["strict"] = True
    return {**found, **_kept(tool.keep)}


def _choice_written(choice: Choice) -> dict[str, Any] | None:
    if choice.kind == "auto" and not choice.one_at_a_time:
        return None
    found: dict[str, Any] = {"type": choice.kind}
    if choice.kind == "tool":
        found["name"] = choice.name
    if choice.one_at_a_time and choice.kind != "none":
        found["disable_parallel_tool_use"] = True
    return found


def _output_written(said: Conversation) -> dict[str, Any] | None:
    found: dict[str, Any] = {}
    if said.effort:
        found["effort"] = said.effort
    if said.shape is not None:
        schema = dict(said.shape.schema)
        # Anthropic names no schema: the name and what is said of it stand in the schema's own annotations.
        for key, value in (("title", said.shape.name), ("description", said.shape.description)):
            if value and schema.setdefault(key, value) != value and key == "description":
                raise Cannot("response_format.json_schema.description", "differs from the schema's own")
        found["format"] = {"type": "json_schema", "schema": schema}
    return found or None
