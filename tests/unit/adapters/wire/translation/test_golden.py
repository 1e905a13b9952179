"""Pairs that say the same, after the examples that the vendors document; checked by the vendors' own types."""

from __future__ import annotations

import json
from typing import Any

import anthropic.types
import openai.types.chat
import pytest

from offtake.adapters.wire.translation import (
    Peculiarities,
    Untranslatable,
    Whole,
    answer,
    read_request,
    write_request,
)
from offtake.adapters.wire.translation.neutral import Conversation, Text, Turn, Usage

# https://platform.openai.com/docs/guides/function-calling and https://platform.claude.com/docs/en/agents-and-tools/tool-use
PARAMETERS: dict[str, Any] = {
    "type": "object",
    "properties": {"location": {"type": "string", "description": "The city, e.g. San Francisco, CA"}},
    "required": ["location"],
}
CHAT: dict[str, Any] = {
    "model": "m",
    "max_completion_tokens": 1024,
    "temperature": 0.5,
    "messages": [
        {"role": "system", "content": "You are a helpful assistant."},
        {"role": "user", "content": [
            {"type": "text", "text": "What is the weather like here?"},
            {"type": "image_url", "image_url": {"url": "data:image/jpeg;base64,/9j/4AAQ"}},
        ]},
        {"role": "assistant", "content": "I will look.", "tool_calls": [
            {"id": "call_1", "type": "function",
             "function": {"name": "get_weather", "arguments": '{"location":"San Francisco, CA"}'}},
        ]},
        {"role": "tool", "tool_call_id": "call_1", "content": "15 degrees"},
        {"role": "user", "content": "And in Paris?"},
    ],
    "tools": [{"type": "function", "function": {
        "name": "get_weather", "parameters": PARAMETERS,
        "description": "Get the current weather in a given location", "strict": True}}],
    "tool_choice": "required",
    "parallel_tool_calls": False,
    "user": "user-123",
    "stream": True,
    "stream_options": {"include_usage": True},
}  # fmt: skip
MESSAGES: dict[str, Any] = {
    "model": "m",
    "max_tokens": 1024,
    "temperature": 0.5,
    "system": [{"type": "text", "text": "You are a helpful assistant."}],
    "messages": [
        {"role": "user", "content": [
            {"type": "text", "text": "What is the weather like here?"},
            {"type": "image", "source": {"type": "base64", "media_type": "image/jpeg", "data": "/9j/4AAQ"}},
        ]},
        {"role": "assistant", "content": [
            {"type": "text", "text": "I will look."},
            {"type": "tool_use", "id": "call_1", "name": "get_weather",
             "input": {"location": "San Francisco, CA"}},
        ]},
        {"role": "user", "content": [
            {"type": "tool_result", "tool_use_id": "call_1",
             "content": [{"type": "text", "text": "15 degrees"}]},
            {"type": "text", "text": "And in Paris?"},
        ]},
    ],
    "tools": [{"name": "get_weather", "input_schema": PARAMETERS, "strict": True,
               "description": "Get the current weather in a given location"}],
    "tool_choice": {"type": "any", "disable_parallel_tool_use": True},
    "metadata": {"user_id": "user-123"},
    "stream": True,
}  # fmt: skip
# https://docs.aws.amazon.com/bedrock/latest/userguide/tool-use-inference-call.html
CONVERSE: dict[str, Any] = {
    "system": [{"text": "You are a helpful assistant."}],
    "inferenceConfig": {"maxTokens": 1024, "temperature": 0.5},
    "messages": [
        {"role": "user", "content": [
            {"text": "What is the weather like here?"},
            {"image": {"format": "jpeg", "source": {"bytes": "/9j/4AAQ"}}},
        ]},
        {"role": "assistant", "content": [
            {"text": "I will look."},
            {"toolUse": {"toolUseId": "call_1", "name": "get_weather",
                         "input": {"location": "San Francisco, CA"}}},
        ]},
        {"role": "user", "content": [
            {"toolResult": {"toolUseId": "call_1", "content": [{"text": "15 degrees"}]}},
            {"text": "And in Paris?"},
        ]},
    ],
    "toolConfig": {
        "tools": [{"toolSpec": {"name": "get_weather", "inputSchema": {"json": PARAMETERS}, "strict": True,
                                "description": "Get the current weather in a given location"}}],
        "toolChoice": {"any": {}},
    },
}  # fmt: skip


def written(spoken: Any, body: dict[str, Any], to: Peculiarities) -> Any:
    said = read_request(spoken, json.dumps(body).encode())
    assert isinstance(said, Conversation), said
    found = write_request(said, to)
    assert isinstance(found, bytes), found
    return json.loads(found)


def test_a_request_of_openais_is_said_in_anthropics_words_and_back() -> None:
    assert written("chat", CHAT, Peculiarities("messages", "m")) == MESSAGES
    assert written("messages", MESSAGES, Peculiarities("chat", "m", newer=True)) == CHAT


def test_a_request_of_either_is_said_in_bedrocks_words() -> None:
    plain = {k: v for k, v in CHAT.items() if k not in ("user", "parallel_tool_calls")}
    assert written("chat", plain, Peculiarities("converse", "m")) == CONVERSE
    same = {k: v for k, v in MESSAGES.items() if k != "metadata"} | {"tool_choice": {"type": "any"}}
    assert written("messages", same, Peculiarities("converse", "m")) == CONVERSE


def test_what_each_upstream_calls_the_limit_and_whether_it_is_asked_for_usage() -> None:
    older = written("messages", MESSAGES, Peculiarities("chat", "m"))
    assert older["max_tokens"] == 1024
    mistral = written("messages", MESSAGES, Peculiarities("chat", "m", mistral=True))
    assert "stream_options" not in mistral
    assert mistral["stream"] is True


def test_an_answer_that_follows_a_schema() -> None:
    schema = {"type": "object", "properties": {"a": {"type": "integer"}}, "additionalProperties": False}
    shape = {"name": "sum", "description": "A sum.", "schema": schema, "strict": True}
    body = {
        "model": "m",
        "max_tokens": 9,
        "messages": [{"role": "user", "content": "x"}],
        "response_format": {"type": "json_schema", "json_schema": shape},
    }
    told = {**schema, "title": "sum", "description": "A sum."}
    there = written("chat", body, Peculiarities("messages", "m"))
    assert there["output_config"] == {"format": {"type": "json_schema", "schema": told}}
    bedrock = written("chat", body, Peculiarities("converse", "m"))["outputConfig"]["textFormat"]
    inner = bedrock["structure"]["jsonSchema"]
    assert (bedrock["type"], inner["name"], inner["description"]) == ("json_schema", "sum", "A sum.")
    assert json.loads(inner["schema"]) == schema


def test_marks_of_a_cache_and_thoughts_are_bedrocks_too() -> None:
    mark = {"cache_control": {"type": "ephemeral"}}
    body = {
        "model": "m",
        "max_tokens": 4096,
        "system": [{"type": "text", "text": "long", "cache_control": {"type": "ephemeral", "ttl": "1h"}}],
        "thinking": {"type": "enabled", "budget_tokens": 1024},
        "stop_sequences": ["A", "B"],
        "messages": [
            {"role": "user", "content": [{"type": "text", "text": "x", **mark}]},
            {"role": "assistant", "content": [
                {"type": "thinking", "thinking": "hm", "signature": "s"},
                {"type": "redacted_thinking", "data": "ZGF0YQ=="},
                {"type": "text", "text": "y"}]},
            {"role": "user", "content": "z"},
        ],
        "tools": [{"name": "f", "input_schema": {"type": "object"}, **mark}],
    }  # fmt: skip
    point = {"cachePoint": {"type": "default"}}
    found = written("messages", body, Peculiarities("converse", "eu.anthropic.claude"))
    assert found["system"] == [{"text": "long"}, {"cachePoint": {"type": "default", "ttl": "1h"}}]
    assert found["messages"][0]["content"] == [{"text": "x"}, point]
    assert found["messages"][1]["content"] == [
        {"reasoningContent": {"reasoningText": {"text": "hm", "signature": "s"}}},
        {"reasoningContent": {"redactedContent": "ZGF0YQ=="}},
        {"text": "y"},
    ]
    assert found["toolConfig"]["tools"][1] == point
    assert found["additionalModelRequestFields"] == {"thinking": {"type": "enabled", "budget_tokens": 1024}}
    assert found["additionalModelResponseFieldPaths"] == ["/stop_sequence"]


# Answers.

ASKED = Conversation((Turn("user", (Text("x"),)),), stop=("END",))
CHAT_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1", "object": "chat.completion", "created": 7, "model": "gpt",
    "choices": [{"index": 0, "logprobs": None, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": "I will look.", "refusal": None, "tool_calls": [
            {"id": "call_1", "type": "function", "function": {"name": "f", "arguments": '{"a":1}'}}]}}],
    "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
              "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10}},
}  # fmt: skip
MESSAGE_ANSWER: dict[str, Any] = {
    "id": "chatcmpl-1", "type": "message", "role": "assistant", "model": "gpt",
    "content": [{"type": "text", "text": "I will look."},
                {"type": "tool_use", "id": "call_1", "name": "f", "input": {"a": 1}}],
    "stop_reason": "tool_use", "stop_sequence": None,
    "usage": {"input_tokens": 30, "cache_creation_input_tokens": 10, "cache_read_input_tokens": 60,
              "output_tokens": 20},
}  # fmt: skip
CONVERSE_ANSWER: dict[str, Any] = {
    "output": {"message": {"role": "assistant", "content": [
        {"text": "I will look."}, {"toolUse": {"toolUseId": "call_1", "name": "f", "input": {"a": 1}}}]}},
    "stopReason": "tool_use",
    "usage": {"inputTokens": 30, "cacheWriteInputTokens": 10, "cacheReadInputTokens": 60, "outputTokens": 20,
              "totalTokens": 120},
    "metrics": {"latencyMs": 1},
}  # fmt: skip


def said(spoken: Any, speaks: Any, body: Any) -> Any:
    found = answer(spoken, speaks, ASKED, json.dumps(body).encode(), "chatcmpl-1", "gpt", 7)
    assert isinstance(found, Whole), found
    assert found.usage == Usage(30, 60, 10, 20)
    return json.loads(found.body)


def test_an_answer_of_each_is_said_in_the_callers_words() -> None:
    assert said("chat", "messages", MESSAGE_ANSWER) == CHAT_ANSWER
    assert said("messages", "chat", CHAT_ANSWER) == MESSAGE_ANSWER
    assert said("chat", "converse", CONVERSE_ANSWER) == CHAT_ANSWER
    assert said("messages", "converse", CONVERSE_ANSWER) == MESSAGE_ANSWER
    openai.types.chat.ChatCompletion.model_validate(CHAT_ANSWER)
    anthropic.types.Message.model_validate(MESSAGE_ANSWER)


@pytest.mark.parametrize(
    ("theirs", "openais", "anthropics"),
    [
        ("end_turn", "stop", "end_turn"),
        ("stop_sequence", "stop", "stop_sequence"),
        ("max_tokens", "length", "max_tokens"),
        ("model_context_window_exceeded", "length", "max_tokens"),
        ("tool_use", "tool_calls", "tool_use"),
        ("guardrail_intervened", "content_filter", "refusal"),
        ("content_filtered", "content_filter", "refusal"),
    ],
)
def test_why_bedrock_stopped(theirs: str, openais: str, anthropics: str) -> None:
    body = {**CONVERSE_ANSWER, "stopReason": theirs}
    assert said("chat", "converse", body)["choices"][0]["finish_reason"] == openais
    found = said("messages", "converse", body)
    assert found["stop_reason"] == anthropics
    assert found["stop_sequence"] == ("END" if theirs == "stop_sequence" else None)


def test_a_refusal_of_openais_is_one_of_anthropics() -> None:
    message = {"role": "assistant", "content": None, "refusal": "I will not."}
    choice = {"index": 0, "finish_reason": "stop", "message": message}
    found = said("messages", "chat", {**CHAT_ANSWER, "choices": [choice]})
    assert (found["content"], found["stop_reason"]) == ([{"type": "text", "text": "I will not."}], "refusal")


def test_thoughts_in_the_open_are_no_part_of_openais_dialect() -> None:
    thought = {"type": "thinking", "thinking": "hm", "signature": "s"}
    body = {**MESSAGE_ANSWER, "content": [thought, *MESSAGE_ANSWER["content"]]}
    assert said("chat", "messages", body) == CHAT_ANSWER
    choice = dict(CHAT_ANSWER["choices"][0])
    choice["message"] = {**choice["message"], "reasoning_content": "hm"}
    assert said("messages", "chat", {**CHAT_ANSWER, "choices": [choice]}) == MESSAGE_ANSWER


@pytest.mark.parametrize(
    ("speaks", "body", "field"),
    [
        ("chat", [], "choices"),
        ("chat", {**CHAT_ANSWER, "choices": CHAT_ANSWER["choices"] * 2}, "choices"),
        ("chat", {"choices": [{"finish_reason": "tired", "message": {}}]}, "choices[0].finish_reason"),
        ("chat", {"choices": [{"finish_reason": "stop", "message": {"audio": {"id": "a"}}}]},
         "choices[0].message.audio"),
        ("chat", {"choices": [{"finish_reason": "stop", "message": {"annotations": [{}]}}]},
         "choices[0].message.annotations"),
        ("chat", {"choices": [{"finish_reason": "stop", "message": {"brand_new": 1}}]},
         "choices[0].message.brand_new"),
        ("messages", {**MESSAGE_ANSWER, "stop_reason": "pause_turn"}, "stop_reason"),
        ("messages", {**MESSAGE_ANSWER, "content": [{"type": "server_tool_use"}]}, "content[0].type"),
        ("messages", {**MESSAGE_ANSWER, "content": "words"}, "content"),
        ("converse", {**CONVERSE_ANSWER, "stopReason": "malformed_tool_use"}, "stopReason"),
        ("converse", {**CONVERSE_ANSWER, "output": {}}, "output.message"),
        ("converse", {**CONVERSE_ANSWER, "output": {"message": {"content": [{"video": {}}]}}},
         "output.message.content[0].video"),
    ],
)  # fmt: skip
def test_an_answer_that_cannot_be_said_is_told_by_its_field(speaks: Any, body: Any, field: str) -> None:
    spoken: Any = "messages" if speaks == "chat" else "chat"
    found = answer(spoken, speaks, ASKED, json.dumps(body).encode(), "i", "m", 7)
    assert isinstance(found, Untranslatable)
    assert found.field == field


def test_an_answer_that_is_no_json() -> None:
    assert isinstance(answer("chat", "messages", ASKED, b"{", "i", "m", 7), Untranslatable)
