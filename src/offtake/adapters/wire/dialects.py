"""The dialects of callers and upstreams: paths, keys, and errors as each one's clients expect them."""

from __future__ import annotations

import re
from typing import Final, Literal

import orjson

Operation = Literal["chat", "completions", "embeddings", "responses", "messages"]
Tongue = Literal["openai", "azure", "anthropic"]  # What the caller speaks.

_OPENAI_PATHS: Final[dict[str, Operation]] = {
    "/chat/completions": "chat",
    "/completions": "completions",
    "/embeddings": "embeddings",
    "/responses": "responses",
}
ROUTES: Final[dict[bytes, tuple[Operation, Tongue]]] = {
    **{b"/v1" + path.encode(): (operation, "openai") for path, operation in _OPENAI_PATHS.items()},
    **{b"/openai/v1" + path.encode(): (operation, "azure") for path, operation in _OPENAI_PATHS.items()},
    b"/v1/messages": ("messages", "anthropic"),
}
_AZURE: Final = re.compile(
    rb"/openai/deployments/([A-Za-z0-9][A-Za-z0-9._-]{0,63})(/chat/completions|/completions|/embeddings)"
)


def route_of(path: bytes) -> tuple[Operation, Tongue, str | None] | None:
    """What a path asks for, in which dialect, and the deployment that an Azure path names as the model."""
    found = ROUTES.get(path)
    if found is not None:
        return (*found, None)
    match = _AZURE.fullmatch(path)
    if match is None:
        return None
    return _OPENAI_PATHS[match[2].decode()], "azure", match[1].decode()


def tongue_of(path: bytes) -> Tongue:
    """The dialect in which a caller of any path is answered."""
    if path.startswith(b"/v1/messages"):
        return "anthropic"
    return "azure" if path.startswith(b"/openai/") else "openai"


_OPENAI_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "invalid_request_error",
    429: "rate_limit_error",
}
_ANTHROPIC_KINDS: Final = {
    400: "invalid_request_error",
    401: "authentication_error",
    403: "permission_error",
    404: "not_found_error",
    413: "request_too_large",
    429: "rate_limit_error",
    503: "overloaded_error",
}


def error_body(
    tongue: Tongue, status: int, message: str, code: str, param: str | None = None, request_id: str = ""
) -> bytes:
    """An error as a client of a dialect expects it."""
    if tongue == "anthropic":
        kind = _ANTHROPIC_KINDS.get(status, "api_error")
        error = {"type": kind, "message": message}
        return orjson.dumps({"type": "error", "error": error, "request_id": request_id})
    kind = _OPENAI_KINDS.get(status, "invalid_request_error" if status < 500 else "server_error")
    if tongue == "azure":
        return orjson.dumps(
            {"error": {"code": code, "message": message, "param": param, "type": kind, "status": status}}
        )
    return orjson.dumps({"error": {"message": message, "type": kind, "param": param, "code": code}})


def error_event(tongue: Tongue, message: str, request_id: str) -> bytes:
    """An error inside a stream that has begun: clients raise it, so that nothing ends as if it were whole."""
    data = error_body(tongue, 502, message, "upstream_failed", None, request_id)
    return b"event: error\ndata: " + data + b"\n\n" if tongue == "anthropic" else b"data: " + data + b"\n\n"
