"""Anthropic's messages: read into the neutral form, and written from it.

Fields: https://platform.claude.com/docs/en/api/messages, as of the SDK's `MessageCreateParams`.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, cast

from offtake.adapters.wire.translation.fields import Fields, count, kind_of, refused_kind
from offtake.adapters.wire.translation.neutral import (
    IMAGES,
    Answer,
    Call,
    Cannot,
    Choice,
    Conversation,
    Image,
    Keep,
    Part,
    Result,
    Shape,
    Stop,
    Text,
    Thought,
    Tool,
    Turn,
    Usage,
    plain,
)

_OURS: Final = "has no counterpart in the other dialect"
_TOOLING: Final = "steers tools in a way that only Anthropic has"
REQUEST: Final[dict[str, str | None]] = {
    "model": None,
    "messages": None,
    "max_tokens": None,
    "system": None,
    "temperature": None,
    "top_p": None,
    "top_k": None,
    "stop_sequences": None,
    "stream": None,
    "tools": None,
    "tool_choice": None,
    "metadata": None,
    "output_config": None,
    "thinking": None,
    "betas": "asks for what is not settled yet",
    "billing_policy": _OURS,
    "cache_control": "marks the whole request, where the other dialect marks parts",
    "compaction": "lets Anthropic shorten the conversation",
    "container": "names a container at Anthropic",
    "context_management": "lets Anthropic shorten the conversation",
    "diagnostics": _OURS,
    "fallback_credit_token": _OURS,
    "fallbacks": "lets Anthropic choose another model, which is this gateway's to do",
    "inference_geo": "chooses where Anthropic processes, which is the law's to say",
    "mcp_servers": "are tools that Anthropic runs itself",
    "output_format": "is the old form of `output_config.format`",
    "service_tier": "names a tier of Anthropic's",
    "speed": "names a tier of Anthropic's",
    "thread": "names state that lives at Anthropic",
    "user_profile_id": "names state that lives at Anthropic",
    "workspace_id": "names a workspace at Anthropic",
}
REQUEST_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "betas": ([],),
    "mcp_servers": ([],),
    "service_tier": ("auto",),
    "speed": ("standard",),
}
_MESSAGE: Final[dict[str, str | None]] = {"role": None, "content": None}
_METADATA: Final[dict[str, str | None]] = {"user_id": None}
_OUTPUT: Final[dict[str, str | None]] = {"effort": None, "format": None}
_FORMAT: Final[dict[str, str | None]] = {"type": None, "schema": None}
_CACHE: Final[dict[str, str | None]] = {"type": None, "ttl": None}
_CITED: Final = "points to sources, which are not translated"
_BLOCKS: Final[dict[str, dict[str, str | None]]] = {
    "text": {"type": None, "text": None, "cache_control": None, "citations": _CITED},
    "image": {
        "type": None,
        "source": None,
        "cache_control": None,
        "transformations": "chooses how Anthropic changes a picture",
    },
    "tool_use": {
        "type": None,
        "id": None,
        "name": None,
        "input": None,
        "cache_control": None,
        "caller": _TOOLING,
        "toolset_name": _TOOLING,
    },
    "tool_result": {
        "type": None,
        "tool_use_id": None,
        "content": None,
        "is_error": None,
        "cache_control": None,
        "toolset_name": _TOOLING,
    },
    "thinking": {"type": None, "thinking": None, "signature": None},
    "redacted_thinking": {"type": None, "data": None},
}
_BLOCK_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "citations": ([],),
    "caller": ({"type": "direct"},),
    "transformations": ({},),
}
_SOURCE: Final[dict[str, str | None]] = {"type": None, "media_type": None, "data": None, "url": None}
_TOOL: Final[dict[str, str | None]] = {
    "type": None,
    "name": None,
    "description": None,
    "input_schema": None,
    "strict": None,
    "cache_control": None,
    "allowed_callers": _TOOLING,
    "defer_loading": _TOOLING,
    "eager_input_streaming": _TOOLING,
    "input_examples": _TOOLING,
}
_TOOL_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "type": ("custom",),
    "allowed_callers": (["direct"],),
    "defer_loading": (False,),
    "eager_input_streaming": (False,),
    "input_examples": ([],),
}
_CHOICE: Final[dict[str, str | None]] = {"type": None, "name": None, "disable_parallel_tool_use": None}
_NAMES: Final = {
    "shape": "output_config.format",
    "effort": "output_config.effort",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "one_at_a_time": "tool_choice.disable_parallel_tool_use",
    "choice": "tool_choice",
    "most_out": "max_tokens",
}
_PARTS_BY_ROLE: Final = {
    "user": ("text", "image", "tool_result"),
    "assistant": ("text", "tool_use", "thinking", "redacted_thinking"),
}
REFUSED_PARTS: Final = {
    "document": "has no counterpart that is translated",
    "search_result": "has no counterpart that is translated",
    "container_upload": "names a file at Anthropic",
    "server_tool_use": "was run by Anthropic itself",
}
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
_ID: Final = re.compile(r"[A-Za-z0-9_-]+")


# Requests.


def read_request(body: object) -> Conversation:
    """What a messages request asks. Raises Cannot."""
    fields = Fields(body, "", REQUEST, REQUEST_DEFAULTS)
    metadata = Fields(fields.get("metadata") or {}, "metadata", _METADATA)
    output = Fields(fields.get("output_config") or {}, "output_config", _OUTPUT)
    if "max_tokens" not in fields:
        fields.cannot("max_tokens", "is needed")
    return Conversation(
        turns=_turns(fields),
        system=_system(fields),
        tools=tuple(_tool(tool, f"tools[{n}]") for n, tool in enumerate(fields.items("tools"))),
        choice=_choice(fields),
        most_out=fields.whole("max_tokens"),
        temperature=fields.number("temperature", 0, 1),
        top_p=fields.number("top_p", 0, 1),
        top_k=fields.whole("top_k"),
        stop=fields.texts("stop_sequences"),
        user=metadata.text("user_id"),
        shape=_shape(output),
        thinking=_thinking(fields),
        effort=output.text("effort"),
        stream=fields.flag("stream"),
        names=_NAMES,
    )


def _thinking(fields: Fields) -> dict[str, Any] | None:
    wanted = fields.mapping("thinking")
    return wanted if wanted and wanted != {"type": "disabled"} else None


def _system(fields: Fields) -> tuple[Text, ...]:
    system = fields.get("system")
    if isinstance(system, str):
        return (Text(system, where="system"),) if system else ()
    return tuple(
        _text(_block(value, f"system[{n}]", ("text",))) for n, value in enumerate(fields.items("system"))
    )


def _turns(fields: Fields) -> tuple[Turn, ...]:
    found: list[Turn] = []
    for n, value in enumerate(fields.items("messages")):
        message = Fields(value, f"messages[{n}]", _MESSAGE)
        role = message.text("role")
        if role != "user" and role != "assistant":
            message.cannot("role", "is none that is translated")
        parts = _parts(message.get("content"), message.name("content"), _PARTS_BY_ROLE[role])
        if not parts:
            message.cannot("content", "is empty, which the other dialect does not take")
        found.append(Turn(role, parts, message.where))
    if not found:
        fields.cannot("messages", "holds no turn of a user")
    return plain(tuple(found))


def _parts(content: object, where: str, kinds: tuple[str, ...]) -> tuple[Part, ...]:
    if isinstance(content, str):
        return (Text(content, where=where),) if content else ()
    if not isinstance(content, list):
        raise Cannot(where, "is a text or a list of blocks")
    return tuple(_part(value, f"{where}[{n}]", kinds) for n, value in enumerate(cast("list[Any]", content)))


def _block(value: object, where: str, kinds: tuple[str, ...]) -> Fields:
    kind = kind_of(value, where)
    if kind not in kinds:
        raise refused_kind(kind, where, REFUSED_PARTS)
    return Fields(value, where, _BLOCKS[kind], _BLOCK_DEFAULTS)


def _part(value: object, where: str, kinds: tuple[str, ...]) -> Part:
    block = _block(value, where, kinds)
    kind = block.text("type")
    if kind == "text":
        return _text(block)
    if kind == "image":
        return _image(block)
    if kind == "tool_use":
        return Call(
            block.needed("id"), block.needed("name"), block.mapping("input"), _keep(block), where=block.where
        )
    if kind == "tool_result":
        inner = _parts(block.get("content") or "", block.name("content"), ("text", "image"))
        content = tuple(part for part in inner if isinstance(part, Text | Image))
        return Result(block.needed("tool_use_id"), content, block.flag("is_error"), _keep(block), block.where)
    if kind == "thinking":
        return Thought(block.text("thinking"), block.text("signature"), where=block.where)
    return Thought("", sealed=block.needed("data"), where=block.where)


def _text(block: Fields) -> Text:
    return Text(block.needed("text"), _keep(block), block.where)


def _keep(block: Fields) -> Keep | None:
    if "cache_control" not in block:
        return None
    mark = Fields(block.get("cache_control"), block.name("cache_control"), _CACHE)
    ttl = mark.text("ttl") or "5m"
    if mark.text("type") != "ephemeral" or (ttl != "5m" and ttl != "1h"):
        block.cannot("cache_control", "is none that is known")
    return ttl


def _image(block: Fields) -> Image:
    source = Fields(block.get("source"), block.name("source"), _SOURCE)
    kind = source.text("type")
    if kind == "url":
        return Image("", "", source.needed("url"), _keep(block), block.where)
    if kind != "base64":
        raise refused_kind(kind, source.where, {"file": "names a file at Anthropic"})
    if source.text("media_type") not in IMAGES:
        source.cannot("media_type", f"is none of {', '.join(IMAGES)}")
    return Image(source.text("media_type"), source.needed("data"), "", _keep(block), block.where)


def _tool(value: object, where: str) -> Tool:
    tool = Fields(value, where, _TOOL, _TOOL_DEFAULTS)
    if "type" in tool:
        tool.cannot("type", "is a tool that Anthropic defines, which the other dialect does not have")
    return Tool(
        tool.needed("name"),
        tool.text("description"),
        tool.mapping("input_schema"),
        tool.flag("strict"),
        _keep(tool),
        where,
    )


def _choice(fields: Fields) -> Choice:
    if "tool_choice" not in fields:
        return Choice()
    choice = Fields(fields.get("tool_choice"), "tool_choice", _CHOICE)
    kinds: dict[str, Literal["auto", "any", "tool", "none"]] = {
        "auto": "auto",
        "any": "any",
        "tool": "tool",
        "none": "none",
    }
    kind = kinds.get(choice.text("type"))
    if kind is None:
        choice.cannot("type", "is `auto`, `any`, `tool` or `none`")
    name = choice.needed("name") if kind == "tool" else ""
    return Choice(kind, name, choice.flag("disable_parallel_tool_use"))


def _shape(output: Fields) -> Shape | None:
    if "format" not in output:
        return None
    wanted = Fields(output.get("format"), output.name("format"), _FORMAT)
    if wanted.text("type") != "json_schema" or not wanted.mapping("schema"):
        wanted.cannot("type", "is `json_schema`, with a `schema`")
    schema = wanted.mapping("schema")
    title = schema.get("title")
    return Shape(schema, title if isinstance(title, str) else "")


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
        found["system"] = [_part_written(text) for text in said.system]
    found["messages"] = [
        {"role": turn.role, "content": [_part_written(part) for part in turn.parts]} for turn in said.turns
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


def _part_written(part: Part) -> dict[str, Any]:
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
        content = [_part_written(inner) for inner in part.content]
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


# Answers.


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
    block = _block(value, where, _ANSWERED)
    if block.text("type") == "text":
        return Text(block.text("text"))
    part = _part(value, where, _ANSWERED)
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
        "content": [_part_written(part) for part in said.parts],
        "stop_reason": STOP_REASON[said.stop],
        "stop_sequence": said.stopped_by or None,
        "usage": usage_written(said.usage or Usage(0, 0, 0, 0)),
    }
