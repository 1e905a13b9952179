"""A chat completion's request, read into the neutral form."""

from __future__ import annotations

import re
from typing import Final, Literal

from offtake.adapters.wire.translation.chat import known
from offtake.adapters.wire.translation.fields import (
    Fields,
    json_object,
    kind_of,
    refused_kind,
)
from offtake.adapters.wire.translation.neutral import (
    IMAGES,
    Call,
    Cannot,
    Choice,
    Conversation,
    Image,
    Result,
    Shape,
    Text,
    Tool,
    Turn,
    plain,
)

_DATA_URL: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,([A-Za-z0-9+/]+={0,2})")
_NAMES: Final = {
    "shape": "response_format",
    "stop": "stop",
    "user": "user",
    "one_at_a_time": "parallel_tool_calls",
    "choice": "tool_choice",
    "most_out": "max_completion_tokens",
}


def read_request(body: object) -> Conversation:
    """What a chat completion asks. Raises Cannot."""
    fields = Fields(body, "", known.REQUEST, known.REQUEST_DEFAULTS)
    options = Fields(
        fields.get("stream_options") or {}, "stream_options", known.OPTIONS, {"include_obfuscation": (False,)}
    )
    if "max_tokens" in fields and "max_completion_tokens" in fields:
        fields.cannot("max_tokens", "stands beside `max_completion_tokens`")
    stop = (fields.text("stop"),) if isinstance(fields.get("stop"), str) else fields.texts("stop")
    user = fields.text("user")
    if fields.text("safety_identifier") not in ("", user) and user:
        fields.cannot("safety_identifier", "differs from `user`, and the other dialect has one of the two")
    system, turns = _messages(fields)
    return Conversation(
        turns=turns,
        system=system,
        tools=tuple(_tool(tool, f"tools[{n}]") for n, tool in enumerate(fields.items("tools"))),
        choice=_choice(fields),
        most_out=fields.whole("max_tokens") or fields.whole("max_completion_tokens"),
        temperature=fields.number("temperature", 0, 2),
        top_p=fields.number("top_p", 0, 1),
        stop=tuple(text for text in stop if text),
        user=user or fields.text("safety_identifier"),
        shape=_shape(fields),
        stream=fields.flag("stream"),
        shows_usage=options.flag("include_usage"),
        names=_NAMES,
    )


def _messages(fields: Fields) -> tuple[tuple[Text, ...], tuple[Turn, ...]]:
    system: list[Text] = []
    turns: list[Turn] = []
    for n, value in enumerate(fields.items("messages")):
        where = f"messages[{n}]"
        message = Fields(value, where, known.MESSAGE, known.MESSAGE_DEFAULTS)
        role = message.text("role")
        if role in ("system", "developer"):
            if turns:
                message.cannot(
                    "role", f"is `{role}` inside the conversation, where the other dialect has none"
                )
            system.extend(part for part in _content(message) if isinstance(part, Text))
        elif role == "tool":
            turns.append(Turn("user", (_result(message),), where))
        elif role == "user":
            turns.append(Turn("user", tuple(_content(message, images=True)), where))
        elif role == "assistant":
            calls = [
                call_read(call, f"{where}.tool_calls[{k}]")
                for k, call in enumerate(message.items("tool_calls"))
            ]
            turns.append(Turn("assistant", (*_content(message), *calls), where))
        else:
            message.cannot("role", "is none that is translated")
        if turns and not turns[-1].parts:
            message.cannot("content", "is empty, which the other dialect does not take")
    if not turns:
        fields.cannot("messages", "holds no turn of a user")
    if turns[-1].role == "assistant":
        raise Cannot(
            turns[-1].where, "is the assistant's and the last, which the other dialect would write on"
        )
    return tuple(system), plain(tuple(turns))


def _content(message: Fields, *, images: bool = False) -> list[Text | Image]:
    content, where = message.get("content"), message.name("content")
    if content is None or isinstance(content, str):
        return [Text(content, where=where)] if content else []
    found: list[Text | Image] = []
    for n, value in enumerate(message.items("content")):
        at = f"{where}[{n}]"
        kind = kind_of(value, at)
        if kind == "text":
            part = Fields(value, at, known.TEXT)
            if part.text("text"):
                found.append(Text(part.text("text"), where=at))
        elif kind == "image_url" and images:
            found.append(_image(Fields(value, at, known.IMAGE)))
        else:
            raise refused_kind(kind, at, known.REFUSED_PARTS)
    return found


def _image(part: Fields) -> Image:
    source = Fields(part.get("image_url"), part.name("image_url"), known.IMAGE_URL, {"detail": ("auto",)})
    url = source.needed("url")
    if not url.startswith("data:"):
        return Image("", "", url, where=part.where)
    match = _DATA_URL.fullmatch(url)
    if match is None or match[1] not in IMAGES:
        source.cannot("url", f"is no base64 of {', '.join(IMAGES)}")
    return Image(match[1], match[2], where=part.where)


def _result(message: Fields) -> Result:
    content = _content(message)
    return Result(message.needed("tool_call_id"), tuple(content), where=message.where)


def call_read(value: object, where: str) -> Call:
    call = Fields(value, where, known.CALL)
    if call.text("type") not in ("", "function"):
        raise refused_kind(call.text("type"), where, {"custom": "takes text of any form"})
    function = Fields(call.get("function"), f"{where}.function", known.CALL_FUNCTION)
    arguments = function.text("arguments")
    return Call(
        call.needed("id"),
        function.needed("name"),
        json_object(arguments or "{}", function.name("arguments")),
        where=where,
    )


def _tool(value: object, where: str) -> Tool:
    kind = kind_of(value, where)
    if kind != "function":
        raise refused_kind(kind, where, {"custom": "takes text of any form"})
    tool = Fields(value, where, known.TOOL)
    function = Fields(tool.get("function"), f"{where}.function", known.FUNCTION)
    schema = function.mapping("parameters") or {"type": "object", "properties": {}}
    return Tool(
        function.needed("name"),
        function.text("description"),
        schema,
        strict=function.flag("strict"),
        where=function.where,
    )


def _choice(fields: Fields) -> Choice:
    one = "parallel_tool_calls" in fields and not fields.flag("parallel_tool_calls")
    choice = fields.get("tool_choice")
    kinds: dict[str, Literal["auto", "any", "none"]] = {"auto": "auto", "required": "any", "none": "none"}
    if choice is None:
        return Choice(one_at_a_time=one)
    if isinstance(choice, str):
        if choice not in kinds:
            fields.cannot("tool_choice", "is `none`, `auto`, `required` or a function")
        return Choice(kinds[choice], one_at_a_time=one)
    kind = kind_of(choice, "tool_choice")
    if kind != "function":
        raise refused_kind(kind, "tool_choice", {"allowed_tools": "the other dialect cannot narrow so"})
    named = Fields(choice, "tool_choice", known.TOOL)
    function = Fields(named.get("function"), "tool_choice.function", {"name": None})
    return Choice("tool", function.needed("name"), one)


def _shape(fields: Fields) -> Shape | None:
    if "response_format" not in fields:
        return None
    wanted = Fields(fields.get("response_format"), "response_format", known.FORMAT)
    kind = wanted.text("type")
    if kind == "text":
        return None
    if kind != "json_schema":
        wanted.cannot("type", f"is `{kind[:40]}`, and the other dialect follows a `json_schema` alone")
    schema = Fields(wanted.get("json_schema"), "response_format.json_schema", known.FORMAT_SCHEMA)
    if not schema.mapping("schema"):
        schema.cannot("schema", "is needed")
    return Shape(schema.mapping("schema"), schema.needed("name"), schema.text("description"))
