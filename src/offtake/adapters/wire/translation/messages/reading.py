"""A messages request, read into the neutral form."""

from __future__ import annotations

from typing import Any, Final, Literal, cast

from offtake.adapters.wire.translation.fields import (
    Fields,
    kind_of,
    refused_kind,
)
from offtake.adapters.wire.translation.messages import known
from offtake.adapters.wire.translation.neutral import (
    IMAGES,
    Call,
    Cannot,
    Choice,
    Conversation,
    Image,
    Keep,
    Part,
    Result,
    Shape,
    Text,
    Thought,
    Tool,
    Turn,
    plain,
)

_NAMES: Final = {
    "shape": "output_config.format",
    "effort": "output_config.effort",
    "stop": "stop_sequences",
    "user": "metadata.user_id",
    "one_at_a_time": "tool_choice.disable_parallel_tool_use",
    "choice": "tool_choice",
    "most_out": "max_tokens",
}


def read_request(body: object) -> Conversation:
    """What a messages request asks. Raises Cannot."""
    fields = Fields(body, "", known.REQUEST, known.REQUEST_DEFAULTS)
    metadata = Fields(fields.get("metadata") or {}, "metadata", known.METADATA)
    output = Fields(fields.get("output_config") or {}, "output_config", known.OUTPUT)
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
        _text(block_read(value, f"system[{n}]", ("text",))) for n, value in enumerate(fields.items("system"))
    )


def _turns(fields: Fields) -> tuple[Turn, ...]:
    found: list[Turn] = []
    for n, value in enumerate(fields.items("messages")):
        message = Fields(value, f"messages[{n}]", known.MESSAGE)
        role = message.text("role")
        if role != "user" and role != "assistant":
            message.cannot("role", "is none that is translated")
        parts = _parts(message.get("content"), message.name("content"), known.PARTS_BY_ROLE[role])
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
    return tuple(
        request_part_read(value, f"{where}[{n}]", kinds) for n, value in enumerate(cast("list[Any]", content))
    )


def block_read(value: object, where: str, kinds: tuple[str, ...]) -> Fields:
    kind = kind_of(value, where)
    if kind not in kinds:
        raise refused_kind(kind, where, known.REFUSED_PARTS)
    return Fields(value, where, known.BLOCKS[kind], known.BLOCK_DEFAULTS)


def request_part_read(value: object, where: str, kinds: tuple[str, ...]) -> Part:
    block = block_read(value, where, kinds)
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
    mark = Fields(block.get("cache_control"), block.name("cache_control"), known.CACHE)
    ttl = mark.text("ttl") or "5m"
    if mark.text("type") != "ephemeral" or (ttl != "5m" and ttl != "1h"):
        block.cannot("cache_control", "is none that is known")
    return ttl


def _image(block: Fields) -> Image:
    source = Fields(block.get("source"), block.name("source"), known.SOURCE)
    kind = source.text("type")
    if kind == "url":
        return Image("", "", source.needed("url"), _keep(block), block.where)
    if kind != "base64":
        raise refused_kind(kind, source.where, {})
    if source.text("media_type") not in IMAGES:
        source.cannot("media_type", f"is none of {', '.join(IMAGES)}")
    return Image(source.text("media_type"), source.needed("data"), "", _keep(block), block.where)


def _tool(value: object, where: str) -> Tool:
    tool = Fields(value, where, known.TOOL, known.TOOL_DEFAULTS)
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
    choice = Fields(fields.get("tool_choice"), "tool_choice", known.CHOICE)
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
    wanted = Fields(output.get("format"), output.name("format"), known.FORMAT)
    if wanted.text("type") != "json_schema" or not wanted.mapping("schema"):
        wanted.cannot("type", "is `json_schema`, with a `schema`")
    schema = wanted.mapping("schema")
    title = schema.get("title")
    return Shape(schema, title if isinstance(title, str) else "")
