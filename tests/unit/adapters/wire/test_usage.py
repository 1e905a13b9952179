"""Usage in answers: read the quick way or the slow one, it is the same."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.wire.usage import usage_in_answer, usage_in_tail, usage_of
from offtake.router.table import Tokens

counts = st.none() | st.integers(-1, 10**10) | st.sampled_from([0, 5, 5.0, "5", True, 10**30])
details = counts | st.dictionaries(st.sampled_from(["cached_tokens", "other"]), counts)
NAMES = (
    "prompt_tokens", "completion_tokens", "input_tokens", "output_tokens", "cache_read_input_tokens",
    "cache_creation_input_tokens", "total_tokens",
)  # fmt: skip
blocks = st.fixed_dictionaries(
    {},
    optional={
        **dict.fromkeys(NAMES, counts),
        "prompt_tokens_details": details,
        "input_tokens_details": details,
    },
)


@settings(max_examples=300, deadline=None, derandomize=True)
@given(blocks | counts | st.lists(counts), st.text(max_size=5))
def test_an_answer_says_what_its_block_says(block: Any, text: str) -> None:
    body = json.dumps({"choices": [{"text": text}], "usage": block}, ensure_ascii=False).encode()
    assert usage_in_answer(body) == usage_of(block)


@pytest.mark.parametrize(
    "body", [b"", b"[1]", b'{"usage": 1', b'{"x": "\xff", "usage": {"prompt_tokens": 1}}']
)
def test_what_is_no_json_object_says_nothing(body: bytes) -> None:
    assert usage_in_answer(body) is None


def test_the_end_of_a_long_answer_is_enough() -> None:
    assert usage_in_tail(b'xx", "usage": {"prompt_tokens": 3, "completion_tokens": 2}, "n": {}}') == Tokens(
        3, 0, 2
    )
    assert usage_in_tail(b'xx"}') is None
