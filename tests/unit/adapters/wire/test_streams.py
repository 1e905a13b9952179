"""Streams: usage is read however the bytes are cut, and hidden again where nobody asked for it."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.wire.streams import LONGEST_EVENT, StreamWatch
from offtake.adapters.wire.usage import usage_in_answer, usage_of
from offtake.router.table import Tokens

MARKS = [b"data:", b'"usage"', b"\n\n", b"\r\n\r\n", b'{"usage":1}']
USED = {"prompt_tokens": 12, "completion_tokens": 5, "prompt_tokens_details": {"cached_tokens": 4}}


def event(value: Any, name: str = "", end: str = "\n") -> bytes:
    head = f"event: {name}{end}" if name else ""
    return f"{head}data: {value if isinstance(value, str) else json.dumps(value)}{end}{end}".encode()


def chat(text: str, **more: Any) -> dict[str, Any]:
    return {"choices": [{"delta": {"content": text}}], **more}


def openai_stream(end: str = "\n") -> list[bytes]:
    return [
        event(chat("a", usage=None), end=end),
        event(chat('"usage": {', usage=None), end=end),
        event({"choices": [], "usage": USED}, end=end),
        event("[DONE]", end=end),
    ]


def cut_up(whole: bytes, places: list[int]) -> list[bytes]:
    cuts = sorted({p % (len(whole) + 1) for p in places})
    return [whole[a:b] for a, b in zip([0, *cuts], [*cuts, len(whole)], strict=True)]


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.integers(0, 10_000), max_size=20), st.sampled_from(("\n", "\r\n")))
def test_usage_is_read_and_hidden_however_the_bytes_are_cut(places: list[int], end: str) -> None:
    events = openai_stream(end)
    pieces = cut_up(b"".join(events), places)
    shown, hidden = StreamWatch(), StreamWatch(hides=True)
    assert b"".join([*(shown.feed(p) for p in pieces), shown.rest()]) == b"".join(events)
    left = b"".join([*(hidden.feed(p) for p in pieces), hidden.rest()])
    assert left == b"".join([event(chat("a"), end=end), event(chat('"usage": {'), end=end), events[3]])
    for watch in (shown, hidden):
        assert watch.usage == Tokens(8, 4, 5)
        assert watch.finished


def test_a_whole_event_never_waits() -> None:
    watch = StreamWatch(hides=True)
    first, rest = event(chat("a")), event(chat("b"))
    assert watch.feed(first + rest[:5]) == first
    assert watch.feed(rest[5:]) == rest


def test_an_event_without_end_is_passed_on_in_the_end() -> None:
    watch = StreamWatch(hides=True)
    piece, sent = b"x" * 65_536, 0
    for _ in range(40):
        sent += len(watch.feed(piece))
    assert sent > 40 * 65_536 - 2 * LONGEST_EVENT
    assert sent + len(watch.rest()) == 40 * 65_536


def test_anthropic_says_input_first_and_output_last() -> None:
    watch = StreamWatch()
    used = {"input_tokens": 9, "cache_read_input_tokens": 3, "output_tokens": 1}
    watch.feed(event({"type": "message_start", "message": {"usage": used}}, "message_start"))
    watch.feed(event({"type": "message_delta", "usage": {"output_tokens": 42}}, "message_delta"))
    assert not watch.finished
    watch.feed(event({"type": "message_stop"}, "message_stop"))
    assert watch.usage == Tokens(9, 3, 42)
    assert watch.finished


def test_responses_say_it_with_their_last_event() -> None:
    watch = StreamWatch()
    used = {"input_tokens": 9, "output_tokens": 2, "input_tokens_details": {"cached_tokens": 1}}
    watch.feed(event({"type": "response.completed", "response": {"usage": used}}, "response.completed"))
    assert (watch.usage, watch.finished) == (Tokens(8, 1, 2), True)


@pytest.mark.parametrize(
    "block",
    [
        None,
        [],
        {},
        {"prompt_tokens": "9", "completion_tokens": 1},
        {"prompt_tokens": -9, "completion_tokens": 1},
        {"prompt_tokens": 9, "completion_tokens": 10**12},
        {"prompt_tokens": True, "completion_tokens": 1},
    ],
)
def test_usage_that_cannot_be_true_is_none(block: object) -> None:
    assert usage_of(block) is None


def test_embeddings_write_nothing() -> None:
    assert usage_in_answer(b'{"usage": {"prompt_tokens": 8, "total_tokens": 8}}') == Tokens(8, 0, 0)
    assert usage_in_answer(b'{"usage": {"prompt_tokens": 8') is None
    assert usage_in_answer(b"[]") is None


@settings(max_examples=200, deadline=None, derandomize=True)
@given(st.lists(st.binary(max_size=40) | st.sampled_from(MARKS)))
def test_no_bytes_break_the_reader_and_none_are_lost(pieces: list[bytes]) -> None:
    shown = StreamWatch()
    assert b"".join([*(shown.feed(p) for p in pieces), shown.rest()]) == b"".join(pieces)
