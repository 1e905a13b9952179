"""Readers of what comes from outside, under thousands of broken texts: nothing breaks them, and nobody is deceived.

The corpus is good texts with bytes changed, cut, doubled and moved by a seeded generator, so a failure is a seed.
"""

from __future__ import annotations

import json
import random
import struct
import zlib
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from e2e.gateway import frames
from offtake.adapters.wire.bodies import BadBody, read_body
from offtake.adapters.wire.streams import StreamWatch
from offtake.adapters.wire.translation import (
    Peculiarities,
    Stream,
    Untranslatable,
    Whole,
    answer,
    read_request,
    write_request,
)
from offtake.adapters.wire.translation.neutral import Conversation, Text, Turn
from offtake.adapters.wire.usage import usage_in_answer, usage_in_tail

ROUNDS = 4000  # For each reader.
MANY = settings(max_examples=500, deadline=None, derandomize=True)
ASKED = Conversation((Turn("user", (Text("x"),)),), stop=("END",))
TOOL = {"type": "function", "function": {"name": "f", "parameters": {"type": "object"}}}
CHAT: dict[str, Any] = {
    "model": "m",
    "stream": False,
    "max_tokens": 5,
    "n": 1,
    "messages": [
        {"role": "system", "content": "s"},
        {"role": "user", "content": [{"type": "text", "text": 'say "model": "x"'},
                                     {"type": "image_url", "image_url": {"url": "data:image/png;base64,AAAA"}}]},
        {"role": "assistant", "content": None, "tool_calls": [
            {"id": "c", "type": "function", "function": {"name": "f", "arguments": '{"a": [1, 2.5e3, "\\u00e9"]}'}}]},
        {"role": "tool", "tool_call_id": "c", "content": "\u00e9"},
    ],
    "tools": [TOOL],
    "tool_choice": "auto",
    "response_format": {"type": "json_schema", "json_schema": {"name": "n", "schema": {"type": "object"}}},
}  # fmt: skip
MESSAGES: dict[str, Any] = {
    "model": "m",
    "stream": True,
    "max_tokens": 5,
    "system": [{"type": "text", "text": "s", "cache_control": {"type": "ephemeral"}}],
    "messages": [
        {"role": "user", "content": "x"},
        {"role": "assistant", "content": [{"type": "thinking", "thinking": "t", "signature": "s"},
                                          {"type": "tool_use", "id": "t", "name": "f", "input": {"a": None}}]},
        {"role": "user", "content": [{"type": "tool_result", "tool_use_id": "t", "content": [], "is_error": True}]},
    ],
    "tools": [{"name": "f", "input_schema": {"type": "object"}}],
    "thinking": {"type": "adaptive"},
}  # fmt: skip
MARKS = (b'"', b"{", b"}", b"[", b"]", b",", b":", b"\\", b"\\u00", b"\\ud800", b"\n", b"\r", b"\n\n", b"null",
         b"-1", b"1e999", b"9" * 400, b"NaN", b'"model":"x",', b'"stream":true,', b'"mod\\u0065l":"x",', b"\xff",
         b"\xef\xbb\xbf", b"\x00", b"data: ", b"[DONE]", b"[" * 300)  # fmt: skip


def mutated(goods: list[bytes], seed: int, rounds: int = ROUNDS) -> Iterator[bytes]:
    """Good texts, broken in one to four places."""
    chance = random.Random(seed)
    for _ in range(rounds):
        text = bytearray(chance.choice(goods))
        for _ in range(chance.randint(1, 4)):
            at = chance.randrange(len(text) + 1)
            how = chance.randrange(6)
            if how == 0 and text:
                text[at - 1] ^= 1 << chance.randrange(8)
            elif how == 1:
                del text[at : at + chance.randint(1, 30)]
            elif how == 2:
                text[at:at] = chance.choice(MARKS)
            elif how == 3:
                end = at + chance.randint(1, 40)
                text[at:at] = text[at:end]
            elif how == 4:
                piece = bytes(text[at : at + 20])
                del text[at : at + 20]
                to = chance.randrange(len(text) + 1)
                text[to:to] = piece
            else:
                del text[at:]
        yield bytes(text)


JUNK: tuple[Any, ...] = (
    None, True, 0, -1, 1e300, 10**30, "", "x", "\ud800", [], {}, [[]], {"type": "text"}, {"type": []}, [None], "a b"
)  # fmt: skip


def jumbled(good: Any, chance: random.Random) -> Any:
    """A good value, one of whose parts is another's, or junk."""
    if not isinstance(good, dict | list) or not good or chance.random() < 0.15:
        return chance.choice(JUNK)
    if isinstance(good, dict):
        key = chance.choice(list(good))
        if chance.random() < 0.1:
            return {**good, chance.choice(("", "x", "type", "brand_new")): chance.choice(JUNK)}
        return {**good, key: jumbled(good[key], chance)}
    at = chance.randrange(len(good))
    return [*good[:at], jumbled(good[at], chance), *good[at + 1 :]]


def jumbles(goods: list[Any], seed: int, rounds: int = ROUNDS) -> Iterator[bytes]:
    """Good values with a part replaced, as JSON."""
    chance = random.Random(seed)
    for _ in range(rounds):
        yield json.dumps(jumbled(chance.choice(goods), chance)).encode()


BODIES = [
    json.dumps(body).encode() for body in (CHAT, MESSAGES, {"model": "m", "input": "x", "conversation": None})
]


def _pairs(pairs: list[tuple[str, Any]]) -> dict[str, Any]:
    keys = [key for key, _ in pairs]
    return {**dict(pairs), "twice": [key for key in keys if keys.count(key) > 1]}


def read_by_another(raw: bytes) -> tuple[object, object, list[str]]:
    """Model, stream and doubled keys as Python's own reader sees them."""
    found = json.loads(raw.decode(), object_pairs_hook=_pairs)
    return found.get("model"), found.get("stream"), found["twice"]


def test_a_body_that_is_taken_says_the_same_to_every_reader() -> None:
    taken = 0
    for raw in mutated(BODIES, 1):
        try:
            body = read_body(raw)
        except BadBody:
            continue
        taken += 1
        try:
            model, stream, twice = read_by_another(raw)
        except (ValueError, RecursionError):
            continue  # A reader that refuses it is not deceived.
        assert body.model == model
        assert body.stream == (stream is True)
        assert "model" not in twice
        assert "stream" not in twice
    assert taken > 200


@MANY
@given(st.binary(max_size=300))
def test_no_bytes_break_the_reader_of_bodies(raw: bytes) -> None:
    with pytest.raises(BadBody):
        read_body(b"\xfe" + raw)
    try:
        read_body(raw)
    except BadBody:
        return


def test_no_request_breaks_what_translates_it() -> None:
    said = 0
    for raw in (*mutated(BODIES, 2), *jumbles([CHAT, MESSAGES], 2)):
        for spoken in ("chat", "messages"):
            found = read_request(spoken, raw)
            if isinstance(found, Untranslatable):
                continue
            said += 1
            for to in ("chat", "messages", "converse"):
                written = write_request(found, Peculiarities(to, "anthropic.x", 9))
                if isinstance(written, bytes):
                    json.loads(written)
    assert said > 200


ANSWERS = {
    "chat": {"id": "i", "model": "m", "choices": [{"index": 0, "finish_reason": "tool_calls", "message": {
        "role": "assistant", "content": "x", "tool_calls": CHAT["messages"][2]["tool_calls"]}}],
        "usage": {"prompt_tokens": 5, "completion_tokens": 2, "prompt_tokens_details": {"cached_tokens": 1}}},
    "messages": {"id": "i", "model": "m", "content": MESSAGES["messages"][1]["content"],
                 "stop_reason": "tool_use", "usage": {"input_tokens": 3, "output_tokens": 2}},
    "converse": {"output": {"message": {"content": [{"text": "x"}, {"toolUse": {
        "toolUseId": "t", "name": "f", "input": {}}}]}}, "stopReason": "tool_use",
        "usage": {"inputTokens": 3, "outputTokens": 2}},
}  # fmt: skip


@pytest.mark.parametrize("speaks", list(ANSWERS))
def test_no_answer_breaks_what_translates_it(speaks: Any) -> None:
    good = ANSWERS[speaks]
    for raw in (*mutated([json.dumps(good).encode()], 3), *jumbles([good], 3)):
        usage_in_answer(raw)
        usage_in_tail(raw)
        for spoken in ("chat", "messages"):
            found = answer(spoken, speaks, ASKED, raw, "i", "m", 7)
            if isinstance(found, Whole):
                json.loads(found.body)


def events(rows: list[Any]) -> bytes:
    return (
        b"".join(b"event: x\ndata: " + json.dumps(row).encode() + b"\n\n" for row in rows)
        + b"data: [DONE]\n\n"
    )


CHUNK: dict[str, Any] = {"id": "c", "model": "m", "choices": [{"index": 0, "delta": {"content": "x"}}]}
CALLED = {"tool_calls": [{"index": 0, "id": "t", "function": {"name": "f", "arguments": "{}"}}]}
STREAMS: dict[str, bytes] = {
    "chat": events([CHUNK, {**CHUNK, "choices": [{"index": 0, "delta": CALLED}]},
                    {**CHUNK, "choices": [{"index": 0, "delta": {}, "finish_reason": "stop"}]},
                    {"choices": [], "usage": {"prompt_tokens": 5, "completion_tokens": 2}}]),
    "messages": events([
        {"type": "message_start", "message": {"id": "m", "usage": {"input_tokens": 3, "output_tokens": 1}}},
        {"type": "content_block_start", "index": 0, "content_block": {"type": "text", "text": ""}},
        {"type": "content_block_delta", "index": 0, "delta": {"type": "text_delta", "text": "x"}},
        {"type": "content_block_stop", "index": 0},
        {"type": "message_delta", "delta": {"stop_reason": "end_turn"}, "usage": {"output_tokens": 2}},
        {"type": "message_stop"}]),
}  # fmt: skip


@pytest.mark.parametrize("speaks", list(STREAMS))
def test_no_stream_breaks_its_readers_and_none_that_is_cut_is_taken_for_whole(speaks: Any) -> None:
    chance = random.Random(4)
    for raw in mutated([STREAMS[speaks]], 4):
        at = chance.randrange(len(raw) + 1)
        for spoken in ("chat", "messages"):
            stream = Stream(spoken, speaks, ASKED, "i", "m", 7)
            given_on = stream.feed(raw[:at]) + stream.feed(raw[at:])
            end = b"[DONE]" if spoken == "chat" else b"message_stop"
            assert stream.finished == (end in given_on)
        for hides in (False, True):
            watch = StreamWatch(hides)
            passed = watch.feed(raw[:at]) + watch.feed(raw[at:]) + watch.rest()
            assert hides or passed == raw


FRAMES = [
    frames.event("messageStart", {"role": "assistant"}),
    frames.event(
        "contentBlockStart", {"contentBlockIndex": 0, "start": {"toolUse": {"toolUseId": "t", "name": "f"}}}
    ),
    frames.event("contentBlockDelta", {"contentBlockIndex": 0, "delta": {"text": "x"}}),
    frames.event("messageStop", {"stopReason": "end_turn"}),
    frames.event("metadata", {"usage": {"inputTokens": 1, "outputTokens": 1}}),
    frames.exception("throttlingException", "x"),
]


@pytest.mark.parametrize("speaks", [*STREAMS, "converse"])
def test_no_event_of_odd_values_breaks_its_reader(speaks: Any) -> None:
    if speaks == "converse":
        rows: list[Any] = [json.loads(raw[raw.index(b'{"') : -4]) for raw in FRAMES]
        kinds = ("messageStart", "contentBlockStart", "contentBlockDelta", "messageStop", "metadata")
    else:
        rows, kinds = (
            [json.loads(e[6:]) for e in STREAMS[speaks].split(b"\n") if e.startswith(b"data: {")],
            (),
        )
    for n, raw in enumerate(jumbles(rows, 6)):
        whole = frames.frame({":event-type": kinds[n % 5], ":message-type": "event"}, raw) if kinds else b""
        for spoken in ("chat", "messages"):
            Stream(spoken, speaks, ASKED, "i", "m", 7).feed(whole or b"data: " + raw + b"\n\n")


@MANY
@given(st.lists(st.binary(max_size=60) | st.sampled_from(MARKS), max_size=12))
def test_no_bytes_break_the_readers_of_streams(pieces: list[bytes]) -> None:
    readers: list[Callable[[bytes], bytes]] = [
        Stream("messages", "chat", ASKED, "i", "m", 7).feed,
        Stream("chat", "messages", ASKED, "i", "m", 7).feed,
        Stream("chat", "converse", ASKED, "i", "m", 7).feed,
        StreamWatch().feed,
    ]
    for piece in pieces:
        for read in readers:
            read(piece)


def with_sums(raw: bytes) -> bytes:
    """A broken frame whose sums are right again, so that what is broken is read."""
    if len(raw) < 16:
        return raw
    prelude = struct.pack("!I", len(raw)) + raw[4:8]
    whole = prelude + struct.pack("!I", zlib.crc32(prelude)) + raw[12:-4]
    return whole + struct.pack("!I", zlib.crc32(whole))


def test_no_frames_break_their_reader_even_with_sums_that_are_right() -> None:
    read = 0
    for n, raw in enumerate(mutated(FRAMES, 5)):
        stream = Stream("chat", "converse", ASKED, "i", "m", 7)
        read += bool(stream.feed(raw if n % 4 == 0 else with_sums(raw)))
        if n % 5 == 0:
            stream.feed(raw)
    assert read > 50


@pytest.mark.parametrize("total", [0, 1, 12, 15, 16, 2**24, 2**31, 2**32 - 1])
@pytest.mark.parametrize("headers", [0, 1, 2**17, 2**31, 2**32 - 1])
def test_lengths_of_frames_that_cannot_be_end_the_stream(total: int, headers: int) -> None:
    prelude = struct.pack("!II", total, headers)
    raw = prelude + struct.pack("!I", zlib.crc32(prelude)) + b"x" * 64
    stream = Stream("chat", "converse", ASKED, "i", "m", 7)
    for _ in range(40):
        stream.feed(raw * 500)
    assert stream.wrong is not None
