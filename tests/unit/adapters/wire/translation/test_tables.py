"""Every field that a vendor's own SDK knows is decided upon: translated, or refused by name."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import anthropic.types as anthropic
import anthropic.types.beta.message_create_params as anthropic_beta
import pytest
from anthropic.types.message_create_params import MessageCreateParamsBase
from openai.types.chat.completion_create_params import CompletionCreateParamsBase

from offtake.adapters.wire.translation import (
    Peculiarities,
    Untranslatable,
    read_request,
    write_request,
)
from offtake.adapters.wire.translation.chat import known as chat
from offtake.adapters.wire.translation.fields import UNKNOWN
from offtake.adapters.wire.translation.messages import known as messages

HELLO = [{"role": "user", "content": "hello"}]
CHAT: dict[str, Any] = {"model": "m", "messages": HELLO}
MESSAGES: dict[str, Any] = {"model": "m", "max_tokens": 10, "messages": HELLO}


def refused(spoken: Any, body: dict[str, Any], to: Any = "messages") -> Untranslatable:
    """What is refused on the way to an upstream."""
    said = read_request(spoken, json.dumps(body).encode())
    if isinstance(said, Untranslatable):
        return said
    found = write_request(said, Peculiarities(to, "anthropic.x", 100))
    assert isinstance(found, Untranslatable), f"{found} was written"
    return found


def test_every_field_of_openais_sdk_is_decided_upon() -> None:
    assert set(CompletionCreateParamsBase.__annotations__) | {"stream"} == set(chat.REQUEST)


def test_every_field_of_anthropics_sdk_is_decided_upon() -> None:
    known = set(MessageCreateParamsBase.__annotations__) | set(
        anthropic_beta.MessageCreateParamsBase.__annotations__
    )
    assert known - set(messages.REQUEST) == set()
    # What the SDK no longer names, or passes beside its table.
    assert set(messages.REQUEST) - known <= {"stream", "output_format", "temperature", "top_k", "top_p"}


@pytest.mark.parametrize(
    ("sdk", "block"),
    [
        (anthropic.TextBlockParam, "text"),
        (anthropic.ImageBlockParam, "image"),
        (anthropic.ToolUseBlockParam, "tool_use"),
        (anthropic.ToolResultBlockParam, "tool_result"),
        (anthropic.ThinkingBlockParam, "thinking"),
        (anthropic.RedactedThinkingBlockParam, "redacted_thinking"),
    ],
)
def test_every_field_of_anthropics_blocks_is_decided_upon(sdk: Any, block: str) -> None:
    assert set(sdk.__annotations__) == set(messages.BLOCKS[block])


@pytest.mark.parametrize("field", [f for f, why in chat.REQUEST.items() if why is not None])
def test_each_refused_field_of_openai_is_refused_by_its_name(field: str) -> None:
    found = refused("chat", {**CHAT, field: {"of": "any kind"}})
    assert (found.field, found.why) == (field, chat.REQUEST[field])


@pytest.mark.parametrize("field", [f for f, why in messages.REQUEST.items() if why is not None])
def test_each_refused_field_of_anthropic_is_refused_by_its_name(field: str) -> None:
    found = refused("messages", {**MESSAGES, field: {"of": "any kind"}}, "chat")
    assert (found.field, found.why) == (field, messages.REQUEST[field])


@pytest.mark.parametrize(("spoken", "body"), [("chat", CHAT), ("messages", MESSAGES)])
def test_a_field_that_nobody_knows_is_refused_by_its_name(spoken: Any, body: dict[str, Any]) -> None:
    assert refused(spoken, {**body, "brand_new": 1}) == Untranslatable("brand_new", UNKNOWN)


@pytest.mark.parametrize("field", sorted({*chat.REQUEST_DEFAULTS} - {"model"}))
def test_a_value_that_says_what_its_absence_says_is_taken(field: str) -> None:
    for value in chat.REQUEST_DEFAULTS[field]:
        said = read_request("chat", json.dumps({**CHAT, field: value, "seed": None}).encode())
        assert not isinstance(said, Untranslatable)
    assert refused("chat", {**CHAT, "n": True}).field == "n"


IMAGE = {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}
CALL = {"id": "c1", "type": "function", "function": {"name": "f", "arguments": "{}"}}
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}


def user(*parts: Any) -> dict[str, Any]:
    return {**CHAT, "messages": [{"role": "user", "content": list(parts)}]}


@pytest.mark.parametrize(
    ("field", "body"),
    [
        ("n", {**CHAT, "n": 2}),
        ("temperature", {**CHAT, "temperature": 1.5}),
        ("temperature", {**CHAT, "temperature": "hot"}),
        ("stop", {**CHAT, "stop": [1]}),
        ("stream_options.include_obfuscation", {**CHAT, "stream_options": {"include_obfuscation": True}}),
        ("max_tokens", {**CHAT, "max_tokens": 1, "max_completion_tokens": 2}),
        ("safety_identifier", {**CHAT, "user": "a", "safety_identifier": "b"}),
        ("messages", {**CHAT, "messages": []}),
        ("messages[0]", {**CHAT, "messages": [{"role": "assistant", "content": "and so"}]}),
        ("messages[1].role", {**CHAT, "messages": [*HELLO, {"role": "system", "content": "x"}]}),
        ("messages[0].role", {**CHAT, "messages": [{"role": "function", "content": "x"}]}),
        ("messages[0].content", {**CHAT, "messages": [{"role": "user", "content": ""}]}),
        ("messages[0].name", {**CHAT, "messages": [{"role": "user", "content": "x", "name": "bob"}]}),
        ("messages[0].content[0].type", user({"type": "input_audio", "input_audio": {}})),
        ("messages[0].content[0].type", user({"type": "file", "file": {"file_id": "f"}})),
        ("messages[0].content[0].prompt_cache_breakpoint", user({**IMAGE, "prompt_cache_breakpoint": {}})),
        ("messages[0].content[0].image_url.url", user({**IMAGE, "image_url": {"url": "data:image/bmp;base64,AA"}})),
        ("messages[0].content[0].image_url.detail",
         user({**IMAGE, "image_url": {"url": "https://x", "detail": "low"}})),
        ("messages[1].tool_calls[0].function.arguments",
         {**CHAT, "messages": [*HELLO, {"role": "assistant", "tool_calls": [
             {**CALL, "function": {"name": "f", "arguments": '{"a":'}}]}, *HELLO]}),
        ("messages[1].tool_calls[0].type",
         {**CHAT, "messages": [*HELLO, {"role": "assistant", "tool_calls": [{**CALL, "type": "custom"}]}]}),
        ("messages[1]",
         {**CHAT, "messages": [*HELLO, {"role": "tool", "tool_call_id": "a b", "content": "x"}]}),
        ("tools[0].type", {**CHAT, "tools": [{"type": "custom"}]}),
        ("tools[0].function.brand_new", {**CHAT, "tools": [{**TOOL, "function": {"name": "f", "brand_new": 1}}]}),
        ("tool_choice.type", {**CHAT, "tools": [TOOL], "tool_choice": {"type": "allowed_tools"}}),
        ("response_format.type", {**CHAT, "response_format": {"type": "json_object"}}),
        ("response_format.json_schema.description",
         {**CHAT, "response_format": {"type": "json_schema", "json_schema": {
             "name": "n", "description": "this", "schema": {"description": "that"}}}}),
    ],
)  # fmt: skip
def test_what_anthropic_cannot_say_is_refused_where_the_caller_wrote_it(
    field: str, body: dict[str, Any]
) -> None:
    assert refused("chat", body).field == field


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("user", {"user": "u"}),
        ("parallel_tool_calls", {"parallel_tool_calls": False}),
        ("tool_choice", {"tools": [TOOL], "tool_choice": "none"}),
        ("messages[0]", {"messages": [{"role": "tool", "tool_call_id": "x" * 65, "content": "x"}]}),
        ("messages[0].content[0]",
         {"messages": [{"role": "user", "content": [{"type": "image_url", "image_url": {"url": "https://x/y"}}]}]}),
    ],
)  # fmt: skip
def test_what_bedrock_cannot_say_is_refused_where_the_caller_wrote_it(
    field: str, change: dict[str, Any]
) -> None:
    assert refused("chat", {**CHAT, **change}, "converse").field == field


def test_a_limit_is_needed_by_anthropic_alone() -> None:
    said = read_request("chat", json.dumps(CHAT).encode())
    assert not isinstance(said, Untranslatable)
    found = write_request(said, Peculiarities("messages", "m"))
    assert isinstance(found, Untranslatable)
    assert found.field == "max_completion_tokens"
    assert "max_tokens" in found.why
    assert isinstance(write_request(said, Peculiarities("converse", "m")), bytes)


MARK = {"type": "ephemeral"}
USE = {"type": "tool_use", "id": "t1", "name": "f", "input": {}}


def block(*blocks: Any, role: str = "user") -> dict[str, Any]:
    return {"messages": [{"role": role, "content": list(blocks)}, *HELLO]}


@pytest.mark.parametrize(
    ("field", "change"),
    [
        ("stop_sequences", {"stop_sequences": ["x"]}),
        ("top_k", {"top_k": 5}),
        ("thinking", {"thinking": {"type": "enabled", "budget_tokens": 1024}}),
        ("output_config.effort", {"output_config": {"effort": "low"}}),
        ("max_tokens", {"max_tokens": None}),
        ("metadata.name", {"metadata": {"name": "x"}}),
        ("tools[0].type", {"tools": [{"type": "web_search_20250305", "name": "web_search"}]}),
        ("tools[0].input_examples", {"tools": [{"name": "f", "input_schema": {}, "input_examples": [{}]}]}),
        ("tool_choice.type", {"tool_choice": {"type": "whatever"}}),
        ("messages[0]", {"messages": [{"role": "assistant", "content": "and so"}]}),
        ("messages[0].role", {"messages": [{"role": "system", "content": "x"}]}),
        ("system[0].cache_control", {"system": [{"type": "text", "text": "x", "cache_control": MARK}]}),
        ("messages[0].content[0].cache_control", block({"type": "text", "text": "x", "cache_control": MARK})),
        ("messages[0].content[0].citations", block({"type": "text", "text": "x", "citations": [{}]})),
        ("messages[0].content[0].type", block({"type": "document", "source": {}})),
        ("messages[0].content[0].source.file_id", block({"type": "image", "source": {"type": "file", "file_id": "f"}})),
        ("messages[0].content[0].is_error",
         block({"type": "tool_result", "tool_use_id": "t1", "content": "x", "is_error": True})),
        ("messages[0].content[1]",
         block({"type": "text", "text": "x"}, {"type": "tool_result", "tool_use_id": "t1", "content": "x"})),
        ("messages[0].content[0].content[0]",
         block({"type": "tool_result", "tool_use_id": "t1", "content": [
             {"type": "image", "source": {"type": "base64", "media_type": "image/png", "data": "AAAA"}}]})),
        ("messages[0].content[0].caller", block({**USE, "caller": {"type": "code"}}, role="assistant")),
        ("messages[0].content[1]", block(USE, {"type": "text", "text": "x"}, role="assistant")),
        ("messages[0].content[0]", block({"type": "thinking", "thinking": "x", "signature": "s"}, role="assistant")),
    ],
)  # fmt: skip
def test_what_openai_cannot_say_is_refused_where_the_caller_wrote_it(
    field: str, change: dict[str, Any]
) -> None:
    assert refused("messages", {**MESSAGES, **change}, "chat").field == field


def test_fields_of_anthropics_models_go_to_them_alone_at_bedrock() -> None:
    said = read_request("messages", json.dumps({**MESSAGES, "top_k": 5}).encode())
    assert not isinstance(said, Untranslatable)
    assert isinstance(write_request(said, Peculiarities("converse", "eu.anthropic.claude-x")), bytes)
    found = write_request(said, Peculiarities("converse", "meta.llama"))
    assert isinstance(found, Untranslatable)
    assert found.field == "top_k"


def test_what_is_nested_too_deep_is_refused_and_breaks_nothing() -> None:
    deep = b'{"model":"m","messages":' + b"[" * 100_000 + b"]" * 100_000 + b"}"
    assert isinstance(read_request("chat", deep), Untranslatable)
    arguments = '{"a":' * 5000 + "1" + "}" * 5000
    call = {**CALL, "function": {"name": "f", "arguments": arguments}}
    body = {**CHAT, "messages": [*HELLO, {"role": "assistant", "tool_calls": [call]}]}
    assert refused("chat", body).field == "messages[1].tool_calls[0].function.arguments"


def test_the_page_on_dialects_has_every_field() -> None:
    page = (Path(__file__).parents[5] / "docs" / "dialects.md").read_text()
    for table in (chat.REQUEST, messages.REQUEST):
        for field, why in table.items():
            assert f"`{field}`" in page
            assert why is None or f"| `{field}` | {why} |" in page
