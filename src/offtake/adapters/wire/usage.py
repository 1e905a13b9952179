"""Usage as upstreams report it, in each dialect; what is missing or cannot be true is None, and is estimated."""

from __future__ import annotations

from typing import Any, Final, cast

import orjson

from offtake.router.table import Tokens

MOST_TOKENS: Final = 1_000_000_000  # No request uses more; a figure above is an upstream's fault.


def usage_of(block: object) -> Tokens | None:
    """The tokens of a usage block of OpenAI's, Anthropic's or Bedrock's form; None if it is not one.

    OpenAI counts cached input inside the input, Anthropic beside it.
    """
    if not isinstance(block, dict):
        return None
    usage = cast("dict[str, Any]", block)
    out = _count(usage, "completion_tokens", "output_tokens", "outputTokens")
    if "cache_read_input_tokens" in usage or "cache_creation_input_tokens" in usage:
        fresh = _count(usage, "input_tokens")
        written = _count(usage, "cache_creation_input_tokens") or 0
        cached = _count(usage, "cache_read_input_tokens") or 0
        return None if fresh is None or out is None else Tokens(fresh + written, cached, out)
    read = _count(usage, "prompt_tokens", "input_tokens", "inputTokens")
    if read is None:
        return None
    if out is None:
        if "completion_tokens" in usage or "output_tokens" in usage:
            return None
        out = 0  # Embeddings write nothing.
    details = usage.get("prompt_tokens_details") or usage.get("input_tokens_details")
    cached = _count(cast("dict[str, Any]", details), "cached_tokens") if isinstance(details, dict) else 0
    cached = min(cached or 0, read)
    return Tokens(read - cached, cached, out)


def _count(block: dict[str, Any], *names: str) -> int | None:
    for name in names:
        value = block.get(name)
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS:
            return value
    return None


def usage_in_answer(body: bytes) -> Tokens | None:
    """The usage of a whole answer; None if it has none that can be read."""
    try:
        answer = orjson.loads(body)
    except orjson.JSONDecodeError:
        return None
    if not isinstance(answer, dict):
        return None
    return usage_of(cast("dict[str, Any]", answer).get("usage"))


def usage_in_tail(tail: bytes) -> Tokens | None:
    """The usage of a long answer whose end alone was kept: where the last `"usage"` is an object, what it says."""
    at = tail.rfind(b'"usage"')
    start = tail.find(b"{", at) if at >= 0 else -1
    if start < 0:
        return None
    for end in range(len(tail), start, -1):
        if tail[end - 1 : end] == b"}":
            try:
                block = orjson.loads(tail[start:end])
            except orjson.JSONDecodeError:
                continue
            return usage_of(block)
    return None
