"""Usage as upstreams report it, in each dialect; what is missing or cannot be true is None, and is estimated."""

from __future__ import annotations

from typing import Any, Final, cast

import msgspec
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


class _Details(msgspec.Struct, gc=False):
    cached_tokens: int | None = None


class _Plain(msgspec.Struct, gc=False):
    """The usage block as most answers have it. Whatever is not so plain is read by `usage_of`."""

    prompt_tokens: int | None = None
    completion_tokens: int | None = None
    prompt_tokens_details: _Details | None = None
    input_tokens: int | None = None
    cache_read_input_tokens: int | None = None
    cache_creation_input_tokens: int | None = None


class _Answer(msgspec.Struct, gc=False):
    usage: _Plain | None = None


_ANSWER: Final = msgspec.json.Decoder(_Answer)


def usage_in_answer(body: bytes) -> Tokens | None:
    """The usage of a whole answer; None if it has none that can be read, or is no JSON."""
    try:
        block = _ANSWER.decode(body).usage
        if not body.isascii():
            body.decode()
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        block = None
    if block is not None:
        read, out = block.prompt_tokens, block.completion_tokens
        plain = (
            block.input_tokens is block.cache_read_input_tokens is block.cache_creation_input_tokens is None
        )
        if plain and read is not None and out is not None:
            details = block.prompt_tokens_details
            cached = min((details.cached_tokens or 0) if details is not None else 0, read)
            if cached >= 0 and read <= MOST_TOKENS and 0 <= out <= MOST_TOKENS:
                return Tokens(read - cached, cached, out)
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
