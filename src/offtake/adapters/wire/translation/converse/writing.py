"""A Converse request, written from the neutral form; the tests hold it against botocore's model of the service.

https://docs.aws.amazon.com/bedrock/latest/APIReference/API_runtime_Converse.html
"""

from __future__ import annotations

import re
from typing import Any, Final

from offtake.adapters.wire.translation.fields import (
    json_text,
)
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

_ID: Final = re.compile(r"[A-Za-z0-9_.:-]{1,64}")


def write_request(said: Conversation, model: str, most_out: int | None) -> dict[str, Any]:
    """A Converse request that asks the same; the model and whether to stream stand in its path. Raises Cannot."""
    _writable(said, model)
    found: dict[str, Any] = {
        "messages": [
            {"role": turn.role, "content": [b for part in turn.parts for b in _part_written(part)]}
            for turn in said.turns
        ]
    }
    limits = {
        "maxTokens": said.most_out or most_out,
        "temperature": said.temperature,
        "topP": said.top_p,
        "stopSequences": list(said.stop) or None,
    }
    optional: dict[str, Any] = {
        "system": [block for text in said.system for block in _part_written(text)],
        "inferenceConfig": {name: value for name, value in limits.items() if value is not None},
        "toolConfig": _tools_written(said),
        "outputConfig": _output_written(said),
        "additionalModelRequestFields": _of_the_model(said),
        # Which of several sequences ended an answer is said only if it is asked for.
        "additionalModelResponseFieldPaths": ["/stop_sequence"] if len(said.stop) > 1 else [],
    }
    found.update((name, value) for name, value in optional.items() if value)
    return found


def _writable(said: Conversation, model: str) -> None:
    """Raises Cannot for what Converse cannot ask of this model."""
    if said.temperature is not None and said.temperature > 1:
        raise said.cannot("temperature", "is above 1, the most that Bedrock takes")
    if said.user:
        raise said.cannot("user", "is none of Bedrock's")
    if said.choice.kind == "none" and said.tools:
        raise said.cannot("choice", "is `none`, and Bedrock calls tools or is shown none")
    if said.choice.one_at_a_time:
        raise said.cannot("one_at_a_time", "is none of Bedrock's")
    if "anthropic." not in model:
        for name, value in (("top_k", said.top_k), ("thinking", said.thinking)):
            if value is not None:
                raise said.cannot(name, "is a field of Anthropic's models, and this is another")


def _of_the_model(said: Conversation) -> dict[str, Any]:
    """Fields that Bedrock hands to Anthropic's models as they are.

    https://docs.aws.amazon.com/bedrock/latest/userguide/model-parameters-anthropic-claude-messages.html
    """
    found: dict[str, Any] = {}
    if said.top_k is not None:
        found["top_k"] = said.top_k
    if said.thinking is not None:
        found["thinking"] = said.thinking
    return found


def _kept(keep: Keep | None) -> list[dict[str, Any]]:
    if keep is None:
        return []
    return [{"cachePoint": {"type": "default", **({"ttl": keep} if keep != "5m" else {})}}]


def _part_written(part: Part) -> list[dict[str, Any]]:
    """A part, and the cache's mark after it."""
    if isinstance(part, Thought):
        if part.sealed:
            return [{"reasoningContent": {"redactedContent": part.sealed}}]
        return [{"reasoningContent": {"reasoningText": {"text": part.text, "signature": part.signature}}}]
    block: dict[str, Any]
    if isinstance(part, Text):
        block = {"text": part.text}
    elif isinstance(part, Image):
        block = _image_written(part)
    elif isinstance(part, Call):
        block = {
            "toolUse": {"toolUseId": _identifier(part.id, part.where), "name": part.name, "input": part.input}
        }
    else:
        block = {"toolResult": _result_written(part)}
    return [block, *_kept(part.keep)]


def _image_written(part: Image) -> dict[str, Any]:
    if part.url:
        raise Cannot(part.where, "is a picture by its address, and Bedrock takes bytes alone")
    return {"image": {"format": part.media_type.removeprefix("image/"), "source": {"bytes": part.data}}}


def _result_written(part: Result) -> dict[str, Any]:
    content: list[dict[str, Any]] = []
    for inner in part.content:
        if inner.keep is not None:
            raise Cannot(
                f"{inner.where}.cache_control", "marks a part inside a result, where Bedrock has no mark"
            )
        content += _part_written(inner)
    failed = {"status": "error"} if part.failed else {}
    return {"toolUseId": _identifier(part.id, part.where), "content": content, **failed}


def _identifier(id: str, where: str) -> str:
    if _ID.fullmatch(id) is None:
        raise Cannot(where, "has an id that Bedrock does not take")
    return id


def _tools_written(said: Conversation) -> dict[str, Any]:
    if not said.tools:
        return {}
    found: dict[str, Any] = {"tools": [row for tool in said.tools for row in _tool_written(tool)]}
    choice = _choice_written(said.choice)
    return {**found, "toolChoice": choice} if choice else found


def _tool_written(tool: Tool) -> list[dict[str, Any]]:
    spec: dict[str, Any] = {"name": tool.name, "inputSchema": {"json": tool.schema}}
    if tool.description:
        spec["description"] = tool.description
    if tool.strict:
        spec["strict"] = True
    return [{"toolSpec": spec}, *_kept(tool.keep)]


def _choice_written(choice: Choice) -> dict[str, Any]:
    if choice.kind == "tool":
        return {"tool": {"name": choice.name}}
    return {"any": {}} if choice.kind == "any" else {}


def _output_written(said: Conversation) -> dict[str, Any]:
    found: dict[str, Any] = {}
    if said.effort:
        found["effort"] = said.effort
    shape = said.shape
    if shape is not None:
        schema: dict[str, Any] = {"schema": json_text(shape.schema)}
        if shape.name:
            schema["name"] = shape.name
        if shape.description:
            schema["description"] = shape.description
        found["textFormat"] = {"type": "json_schema", "structure": {"jsonSchema": schema}}
    return found
