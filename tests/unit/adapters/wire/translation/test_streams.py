"""Streams between dialects: the same however the bytes are cut, whole only at their end, and never out of order."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2e.gateway import frames
from offtake.adapters.wire.streams import LONGEST_EVENT
from offtake.adapters.wire.translation import Stream
from offtake.adapters.wire.translation.neutral import Conversation, Text, Turn, Usage
from offtake.adapters.wire.translation.sse import EventReader

ASKED = Conversation((Turn("user", (Text("x"),)),), stop=("END",))
SILENT = Conversation((Turn("user", (Text("x"),)),), shows_usage=False)
USED = Usage(30, 60, 10, 20)


def sse(value: Any, name: str = "", end: str = "\n") -> bytes:
    text = value if isinstance(value, str) else json.dumps(value)
    return (f"event: {name}{end}" if name else "").encode() + f"data: {text}{end}{end}".encode()


def chunk(delta: Any, reason: str | None = None, **more: Any) -> dict[str, Any]:
    choice = {"index": 0, "delta": delta, "logprobs": None, "finish_reason": reason}
    return {
        "id": "c-1",
        "object": "chat.completion.chunk",
        "created": 7,
        "model": "gpt",
        "choices": [choice],
        **more,
    }


def calls(index: int, **function: str) -> dict[str, Any]:
    begun = {"id": f"t{index}", "type": "function"} if "name" in function else {}
    return {"tool_calls": [{"index": index, **begun, "function": function}]}


BLOCK = {
    "prompt_tokens": 100,
    "completion_tokens": 20,
    "total_tokens": 120,
    "prompt_tokens_details": {"cached_tokens": 60, "cache_write_tokens": 10},
}
CHAT = [
    chunk({"role": "assistant", "content": ""}, usage=None),
    chunk({"content": "I "}, usage=None),
    chunk({"content": "look."}, usage=None),
    chunk(calls(0, name="f", arguments=""), usage=None),
    chunk(calls(0, arguments='{"a":'), usage=None),
    chunk(calls(0, arguments="1}"), usage=None),
    chunk(calls(1, name="g", arguments=""), usage=None),
    chunk(calls(1, arguments="{}"), usage=None),
    chunk({}, "tool_calls", usage=None),
    {**chunk({}), "choices": [], "usage": BLOCK},
]


def block(index: int, begun: dict[str, Any], *deltas: dict[str, Any]) -> list[dict[str, Any]]:
    return [
        {"type": "content_block_start", "index": index, "content_block": begun},
        *({"type": "content_block_delta", "index": index, "delta": delta} for delta in deltas),
        {"type": "content_block_stop", "index": index},
    ]


def words(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "text_delta", "text": text} for text in texts]


def inputs(*texts: str) -> list[dict[str, Any]]:
    return [{"type": "input_json_delta", "partial_json": text} for text in texts]


def used(fresh: int, written: int, cached: int, out: int) -> dict[str, int]:
    return {
        "input_tokens": fresh,
        "cache_creation_input_tokens": written,
        "cache_read_input_tokens": cached,
        "output_tokens": out,
    }


def anthropic(first: dict[str, int], *more: list[dict[str, Any]], model: str = "gpt") -> list[dict[str, Any]]:
    message = {
        "id": "c-1", "type": "message", "role": "assistant", "model": model, "content": [],
        "stop_reason": None, "stop_sequence": None, "usage": first,
    }  # fmt: skip
    last = {"type": "message_delta", "delta": {"stop_reason": "tool_use", "stop_sequence": None}}
    return [
        {"type": "message_start", "message": message},
        *(event for events in more for event in events),
        {**last, "usage": used(30, 10, 60, 20)},
        {"type": "message_stop"},
    ]


PARTS = (
    block(0, {"type": "text", "text": ""}, *words("I ", "look.")),
    block(1, {"type": "tool_use", "id": "t0", "name": "f", "input": {}}, *inputs('{"a":', "1}")),
    block(2, {"type": "tool_use", "id": "t1", "name": "g", "input": {}}, *inputs("{}")),
)
CONVERSE = [
    ("messageStart", {"role": "assistant"}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "I "}}),
    ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "look."}}),
    ("contentBlockStop", {"contentBlockIndex": 0}),
    ("contentBlockStart", {"contentBlockIndex": 1, "start": {"toolUse": {"toolUseId": "t0", "name": "f"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": '{"a":'}}}),
    ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"toolUse": {"input": "1}"}}}),
    ("contentBlockStop", {"contentBlockIndex": 1}),
    ("contentBlockStart", {"contentBlockIndex": 2, "start": {"toolUse": {"toolUseId": "t1", "name": "g"}}}),
    ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"toolUse": {"input": "{}"}}}),
    ("contentBlockStop", {"contentBlockIndex": 2}),
    ("messageStop", {"stopReason": "tool_use"}),
    ("metadata", {"metrics": {"latencyMs": 1}, "usage": {
        "inputTokens": 30, "cacheWriteInputTokens": 10, "cacheReadInputTokens": 60, "outputTokens": 20,
        "totalTokens": 120}}),
]  # fmt: skip
PING = {"type": "ping"}
WIRES: dict[str, Callable[[str], bytes]] = {
    "chat": lambda end: b"".join([*(sse(c, end=end) for c in CHAT), sse("[DONE]", end=end)]),
    "messages": lambda end: b"".join(
        sse(event, event["type"], end) for event in [PING, *anthropic(used(30, 10, 60, 1), *PARTS)]
    ),
    "converse": lambda _: b"".join(frames.event(*row) for row in CONVERSE),
}


def stream(spoken: Any, speaks: Any, asked: Conversation = ASKED) -> Stream:
    return Stream(spoken, speaks, asked, "c-1", "gpt", 7)


def data(raw: bytes) -> list[Any]:
    found = [text for text in EventReader().feed(raw) if text != b"[DONE]"]
    return [json.loads(text) for text in found]


@pytest.mark.parametrize("speaks", ["messages", "converse"])
def test_a_stream_is_said_in_openais_words(speaks: str) -> None:
    translated = stream("chat", speaks)
    raw = translated.feed(WIRES[speaks]("\n"))
    assert data(raw) == CHAT
    assert raw.endswith(b"data: [DONE]\n\n")
    assert (translated.finished, translated.said) == (True, USED)


def test_usage_is_shown_only_to_whom_it_is_asked_by() -> None:
    translated = stream("chat", "messages", SILENT)
    found = data(translated.feed(WIRES["messages"]("\n")))
    assert found == [{k: v for k, v in c.items() if k != "usage"} for c in CHAT[:-1]]
    assert translated.said == USED


@pytest.mark.parametrize("speaks", ["chat", "converse"])
def test_a_stream_is_said_in_anthropics_words(speaks: str) -> None:
    translated = stream("messages", speaks)
    raw = translated.feed(WIRES[speaks]("\n"))
    assert data(raw) == anthropic(used(0, 0, 0, 0), *PARTS)
    assert raw.startswith(b"event: message_start\n")
    assert (translated.finished, translated.said) == (True, USED)


@settings(max_examples=150, deadline=None, derandomize=True)
@given(
    st.sampled_from(
        (("chat", "messages"), ("chat", "converse"), ("messages", "chat"), ("messages", "converse"))
    ),
    st.lists(st.integers(0, 10_000), max_size=25),
    st.sampled_from(("\n", "\r\n", "\r")),
)
def test_a_stream_is_the_same_however_its_bytes_are_cut(ways: Any, places: list[int], end: str) -> None:
    whole = WIRES[ways[1]](end)
    cuts = sorted({p % (len(whole) + 1) for p in places})
    pieces = [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]
    translated = stream(*ways)
    # A lone carriage return may be the first half of a line's end, so the last event waits for one byte more.
    found = b"".join([*(translated.feed(p) for p in pieces), translated.feed(b"\n")])
    assert found == stream(*ways).feed(WIRES[ways[1]]("\n"))
    assert (translated.finished, translated.wrong) == (True, None)


def test_each_event_is_given_on_as_soon_as_it_is_whole() -> None:
    translated = stream("chat", "messages")
    for event in anthropic(used(1, 0, 0, 1), *PARTS[:1])[:3]:
        raw = sse(event, event["type"])
        assert translated.feed(raw[:-1]) == b""
        given_on = translated.feed(raw[-1:])
        assert bool(given_on) == (event["type"] != "content_block_start")


def test_thoughts_go_to_who_has_a_place_for_them() -> None:
    rows = [
        ("messageStart", {"role": "assistant"}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"text": "hm"}}}),
        ("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"reasoningContent": {"signature": "s"}}}),
        ("contentBlockStop", {"contentBlockIndex": 0}),
        ("contentBlockDelta", {"contentBlockIndex": 1, "delta": {"reasoningContent": {"redactedContent": "WA=="}}}),
        ("contentBlockStop", {"contentBlockIndex": 1}),
        ("contentBlockDelta", {"contentBlockIndex": 2, "delta": {"text": "y"}}),
        ("contentBlockStop", {"contentBlockIndex": 2}),
        ("messageStop", {"stopReason": "stop_sequence"}),
    ]  # fmt: skip
    raw = b"".join(frames.event(*row) for row in [*rows, CONVERSE[-1]])
    found = data(stream("messages", "converse").feed(raw))
    assert found[1:-2] == [
        *block(0, {"type": "thinking", "thinking": "", "signature": ""},
               {"type": "thinking_delta", "thinking": "hm"}, {"type": "signature_delta", "signature": "s"}),
        *block(1, {"type": "redacted_thinking", "data": "WA=="}),
        *block(2, {"type": "text", "text": ""}, *words("y")),
    ]  # fmt: skip
    assert found[-2]["delta"] == {"stop_reason": "stop_sequence", "stop_sequence": "END"}
    openai = data(stream("chat", "converse").feed(raw))
    assert [c["choices"][0]["delta"] for c in openai[:-1]] == [
        {"role": "assistant", "content": ""},
        {"content": "y"},
        {},
    ]


def test_a_call_without_input_is_an_empty_object() -> None:
    rows = [CONVERSE[0], CONVERSE[4], CONVERSE[7], *CONVERSE[11:]]
    found = data(stream("chat", "converse").feed(b"".join(frames.event(*row) for row in rows)))
    assert [c["choices"][0]["delta"] for c in found[1:3]] == [
        calls(0, name="f", arguments=""),
        calls(0, arguments="{}"),
    ]


ERROR = {"type": "error", "error": {"type": "overloaded_error", "message": "too much"}}


@pytest.mark.parametrize(
    ("spoken", "speaks", "raw", "status"),
    [
        ("chat", "messages", sse(ERROR, "error"), 529),
        ("messages", "chat", sse({"error": {"message": "too much", "type": "server_error"}}), 502),
        ("chat", "converse", frames.exception("throttlingException", "too much"), 429),
        ("chat", "converse", frames.exception("modelStreamErrorException", "too much"), 424),
        (
            "chat",
            "converse",
            frames.frame({":message-type": "error", ":error-message": "too much"}, b""),
            500,
        ),
    ],
)
def test_what_an_upstream_says_of_its_failure(spoken: str, speaks: str, raw: bytes, status: int) -> None:
    translated = stream(spoken, speaks)
    assert translated.feed(raw + WIRES[speaks]("\n")) == b""
    assert translated.failed is not None
    assert (translated.failed.status, translated.failed.message) == (status, "too much")
    assert not translated.finished


BEGUN = chunk({"role": "assistant", "content": ""})


@pytest.mark.parametrize(
    ("spoken", "speaks", "raw", "field"),
    [
        ("messages", "chat", sse("{"), "data"),
        ("messages", "chat", sse("[1]"), "data"),
        ("messages", "chat", sse(chunk({"audio": {"id": "a"}})), "choices[0].delta.audio"),
        ("messages", "chat", sse(chunk({"brand_new": 1})), "choices[0].delta.brand_new"),
        ("messages", "chat", sse(chunk({}, "tired")), "choices[0].finish_reason"),
        ("messages", "chat", sse({**BEGUN, "choices": BEGUN["choices"] * 2}), "choices"),
        ("messages", "chat", sse(chunk(calls(0, arguments="{"))), "choices[0].delta.tool_calls"),
        ("messages", "chat",
         b"".join(sse(chunk(calls(n, name="f"))) for n in (0, 1)) + sse(chunk(calls(0, arguments="{"))),
         "choices[0].delta.tool_calls"),
        ("chat", "messages",
         sse({"type": "content_block_delta", "delta": {"type": "citations_delta"}}), "delta.type"),
        ("chat", "messages",
         sse({"type": "content_block_start", "content_block": {"type": "server_tool_use"}}), "content_block.type"),
        ("chat", "messages", sse({"type": "message_delta", "delta": {"stop_reason": "pause_turn"}}), "stop_reason"),
        ("chat", "messages", b"data: " + b"x" * (LONGEST_EVENT + 1), "data"),
        ("chat", "converse", b"x" * 64, "stream"),
        ("chat", "converse", frames.event("brandNew", {}), "stream"),
        ("chat", "converse", frames.event("messageStart", [1]), "data"),
        ("chat", "converse", frames.event("contentBlockStart", {"start": {"image": {}}}), "contentBlockStart.start"),
        ("chat", "converse", frames.event("contentBlockDelta", {"delta": {"citation": {}}}),
         "contentBlockDelta.delta"),
        ("chat", "converse", frames.event("messageStop", {"stopReason": "malformed_model_output"}), "stopReason"),
        ("chat", "converse", frames.frame({"a": "b"}, b"x" * (2 * LONGEST_EVENT))[:-1], "stream"),
    ],
)  # fmt: skip
def test_what_cannot_be_said_ends_the_stream_and_is_told(
    spoken: str, speaks: str, raw: bytes, field: str
) -> None:
    translated = stream(spoken, speaks)
    for at in range(0, len(raw), 65_536):
        translated.feed(raw[at : at + 65_536])
    assert translated.wrong is not None
    assert translated.wrong.field == field
    assert translated.feed(WIRES[speaks]("\n")) == b""
    assert not translated.finished


def test_a_flipped_bit_of_a_frame_is_found() -> None:
    whole = WIRES["converse"]("\n")
    for at in range(0, len(whole), 7):
        translated = stream("chat", "converse")
        translated.feed(whole[:at] + bytes((whole[at] ^ 4,)) + whole[at + 1 :])
        assert not translated.finished
