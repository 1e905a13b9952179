"""Answers that are made here: errors in each dialect, and refusals in a sentence with the clauses that made them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Final

from offtake.adapters.wire.dialects import Tongue, error_body
from offtake.router.allowances import Left
from offtake.router.choose import Refused

REASONS: Final = {
    200: b"OK",
    400: b"Bad Request",
    401: b"Unauthorized",
    403: b"Forbidden",
    404: b"Not Found",
    405: b"Method Not Allowed",
    408: b"Request Timeout",
    413: b"Content Too Large",
    415: b"Unsupported Media Type",
    417: b"Expectation Failed",
    429: b"Too Many Requests",
    431: b"Request Header Fields Too Large",
    500: b"Internal Server Error",
    501: b"Not Implemented",
    502: b"Bad Gateway",
    503: b"Service Unavailable",
    504: b"Gateway Timeout",
}
JSON: Final = b"content-type: application/json\r\n"


def error_answer(
    tongue: Tongue,
    status: int,
    text: str,
    code: str,
    param: str | None,
    request_id: str,
    retry_after_s: float | None = None,
    *,
    keep: bool = True,
    more: bytes = b"",
) -> bytes:
    """An error as a whole answer; `more` are headers."""
    body = error_body(tongue, status, text, code, param, request_id)
    wait = b"" if retry_after_s is None else b"retry-after: %d\r\n" % max(1, round(retry_after_s + 0.5))
    close = b"" if keep else b"connection: close\r\n"
    return b"".join(
        (
            b"HTTP/1.1 %d %s\r\n" % (status, REASONS.get(status, b"Status")),
            JSON,
            b"x-request-id: %b\r\n" % request_id.encode(),
            wait,
            more,
            close,
            b"content-length: %d\r\n\r\n" % len(body),
            body,
        )
    )


def limit_headers(tongue: Tongue, left: Sequence[Left], now: float) -> bytes:
    """What is left of a key's limits in the running minute, as `x-ratelimit-*`, and in Anthropic's own words too."""
    found = b""
    for each in left:
        kind, reset = each.kind.encode(), each.resets_in_s
        found += b"x-ratelimit-limit-%b: %d\r\nx-ratelimit-remaining-%b: %d\r\nx-ratelimit-reset-%b: %.3fs\r\n" % (
            kind, each.limit, kind, each.left, kind, reset,
        )  # fmt: skip
        if tongue == "anthropic":
            at = datetime.fromtimestamp(now + reset, UTC).strftime("%Y-%m-%dT%H:%M:%SZ").encode()
            found += (
                b"anthropic-ratelimit-%b-limit: %d\r\nanthropic-ratelimit-%b-remaining: %d\r\n"
                b"anthropic-ratelimit-%b-reset: %b\r\n" % (kind, each.limit, kind, each.left, kind, at)
            )
    return found


def refusal_status(found: Refused) -> tuple[int, str]:
    """The status of a refusal, and its code."""
    if found.why == "law":
        return 403, "refused_by_law"
    if found.why == "meter":
        return 429, "bound_reached"
    if found.why == "full":
        return 429, "no_capacity"
    return 503, "no_upstream"


def refusal_text(found: Refused) -> str:
    """A refusal in a sentence, with the clauses that made it."""
    texts = list(dict.fromkeys(r.text for p in found.passed for r in p.reasons))
    others = list(dict.fromkeys(f"{p.supply}: {p.text}" for p in found.passed if p.text and not p.reasons))
    down = sorted({p.supply for p in found.passed if p.why == "down" and p.supply})
    if down:
        others.append(f"{', '.join(down)}: not answering")
    said = "; ".join((*texts[:4], *others[:4])) or "nothing serves this model"
    return f"no lawful route: {said}" if found.why == "law" else f"no route now: {said}"
