"""OpenAI's chat completions: read into the neutral form, and written from it.

Fields: https://platform.openai.com/docs/api-reference/chat/create, as of the SDK's `CompletionCreateParams`.
"""

from __future__ import annotations

import re
from typing import Any, Final, Literal, cast

from offtake.adapters.wire.translation.fields import (
    Fields,
    count,
    json_object,
    json_text,
    kind_of,
    refused_kind,
)
from offtake.adapters.wire.translation.neutral import (
    IMAGES,
    Answer,
    Call,
    Cannot,
    Choice,
    Conversation,
    Image,
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
_OLD: Final = "is the old form of tools; use `tools` and `tool_choice`"
_CACHE: Final = "steers a cache that only OpenAI has"
REQUEST: Final[dict[str, str | None]] = {
    "model": None,
    "messages": None,
    "max_tokens": None,
    "max_completion_tokens": None,
    "temperature": None,
    "top_p": None,
    "stop": None,
    "stream": None,
    "stream_options": None,
    "tools": None,
    "tool_choice": None,
    "parallel_tool_calls": None,
    "response_format": None,
    "user": None,
    "safety_identifier": None,
    "audio": _OURS,
    "frequency_penalty": _OURS,
    "function_call": _OLD,
    "functions": _OLD,
    "logit_bias": _OURS,
    "logprobs": _OURS,
    "metadata": "is kept beside completions that only OpenAI stores",
    "modalities": "asks for more than text",
    "moderation": _OURS,
    "n": "asks for several choices, and the other dialect gives one",
    "prediction": _OURS,
    "presence_penalty": _OURS,
    "prompt_cache_key": _CACHE,
    "prompt_cache_options": _CACHE,
    "prompt_cache_retention": _CACHE,
    "reasoning_effort": "is a scale of its own, which the other dialect does not have",
    "seed": _OURS,
    "service_tier": "names a tier of OpenAI's",
    "store": "asks OpenAI to keep the completion",
    "top_logprobs": _OURS,
    "verbosity": _OURS,
    "web_search_options": "is a tool that OpenAI runs itself",
}
REQUEST_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {
    "frequency_penalty": (0, 0.0),
    "logit_bias": ({},),
    "logprobs": (False,),
    "metadata": ({},),
    "modalities": (["text"],),
    "n": (1,),
    "presence_penalty": (0, 0.0),
    "service_tier": ("auto",),
    "store": (False,),
    "top_logprobs": (0,),
    "verbosity": ("medium",),
}
_MESSAGE: Final[dict[str, str | None]] = {
    "role": None,
    "content": None,
    "tool_calls": None,
    "tool_call_id": None,
    "name": "tells participants of one role apart, which the other dialect cannot",
    "refusal": "is a refusal of before, which the other dialect has no place for",
    "audio": _OURS,
    "function_call": _OLD,
}
_MESSAGE_DEFAULTS: Final[dict[str, tuple[object, ...]]] = {"tool_calls": ([],), "name": ("",)}
_TEXT: Final[dict[str, str | None]] = {"type": None, "text": None, "prompt_cache_breakpoint": _CACHE}
_IMAGE: Final[dict[str, str | None]] = {"type": None, "image_url": None, "prompt_cache_breakpoint": _CACHE}
_IMAGE_URL: Final[dict[str, str | None]] = {
    "url": None,
    "detail": "is a degree that the other dialect does not have",
}
_CALL: Final[dict[str, str | None]] = {"id": None, "type": None, "function": None}
_CALL_FUNCTION: Final[dict[str, str | None]] = {"name": None, "arguments": None}
_TOOL: Final[dict[str, str | None]] = {"type": None, "function": None}
_FUNCTION: Final[dict[str, str | None]] = {
    "name": None,
    "description": None,
    "parameters": None,
    "strict": None,
}
_FORMAT: Final[dict[str, str | None]] = {"type": None, "json_schema": None}
_FORMAT_SCHEMA: Final[dict[str, str | None]] = {
    "name": None,
    "description": None,
    "schema": None,
    "strict": None,
}
_OPTIONS: Final[dict[str, str | None]] = {
    "include_usage": None,
    "include_obfuscation": "pads OpenAI's own streams",
}
REFUSED_PARTS: Final = {
    "input_audio": "has no counterpart in the other dialect",
    "file": "has no counterpart that is translated",
    "refusal": "has no counterpart in the other dialect",
}
_DATA_URL: Final = re.compile(r"data:([a-z]+/[a-z0-9.+-]+);base64,([A-Za-z0-9+/]+={0,2})")
_NAME: Final = re.compile(r"[A-Za-z0-9_-]{1,64}")
_NAMES: Final = {
    "shape": "response_format",
    "stop": "stop",
    "user": "user",
    "one_at_a_time": "parallel_tool_calls",
    "choice": "tool_choice",
    "most_out": "max_completion_tokens",
}
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


# Requests.


def read_request(body: object) -> Conversation:
    """What a chat completion asks. Raises Cannot."""
    fields = Fields(body, "", REQUEST, REQUEST_DEFAULTS)
    options = Fields(
        fields.get("stream_options") or {}, "stream_options", _OPTIONS, {"include_obfuscation": (False,)}
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
        message = Fields(value, where, _MESSAGE, _MESSAGE_DEFAULTS)
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
                _call(call, f"{where}.tool_calls[{k}]") for k, call in enumerate(message.items("tool_calls"))
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
            part = Fields(value, at, _TEXT)
            if part.text("text"):
                found.append(Text(part.text("text"), where=at))
        elif kind == "image_url" and images:
            found.append(_image(Fields(value, at, _IMAGE)))
        else:
            raise refused_kind(kind, at, REFUSED_PARTS)
    return found


def _image(part: Fields) -> Image:
    source = Fields(part.get("image_url"), part.name("image_url"), _IMAGE_URL, {"detail": ("auto",)})
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


def _call(value: object, where: str) -> Call:
    call = Fields(value, where, _CALL)
    if call.text("type") not in ("", "function"):
        raise refused_kind(call.text("type"), where, {"custom": "takes text of any form"})
    function = Fields(call.get("function"), f"{where}.function", _CALL_FUNCTION)
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
    tool = Fields(value, where, _TOOL)
    function = Fields(tool.get("function"), f"{where}.function", _FUNCTION)
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
    named = Fields(choice, "tool_choice", _TOOL)
    function = Fields(named.get("function"), "tool_choice.function", {"name": None})
    return Choice("tool", function.needed("name"), one)


def _shape(fields: Fields) -> Shape | None:
    if "response_format" not in fields:
        return None
    wanted = Fields(fields.get("response_format"), "response_format", _FORMAT)
    kind = wanted.text("type")
    if kind == "text":
        return None
    if kind != "json_schema":
        wanted.cannot("type", f"is `{kind[:40]}`, and the other dialect follows a `json_schema` alone")
    schema = Fields(wanted.get("json_schema"), "response_format.json_schema", _FORMAT_SCHEMA)
    if not schema.mapping("schema"):
        schema.cannot("schema", "is needed")
    return Shape(schema.mapping("schema"), schema.needed("name"), schema.text("description"))


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


# Answers.


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
    "audio": _OURS,
    "function_call": _OLD,
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
        _call(call, f"choices[0].message.tool_calls[{k}]")
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
