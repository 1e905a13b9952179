"""The routes that ask no upstream: health, readiness, metrics, and the models of a key."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson

from offtake.adapters.wire.dialects import tongue_of
from offtake.entrypoints.gateway.answers import REASONS
from offtake.entrypoints.gateway.beside import own_metrics
from offtake.entrypoints.gateway.openapi import as_json, as_page

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.connection import Connection, Incoming
    from offtake.entrypoints.gateway.service import Service


def answer_plain(service: Service, connection: Connection, request: Incoming, *, known: bool) -> None:
    """Answers at once. `known`: the path is one of a model's, asked by another method than POST."""
    path, get = request.head.path, request.head.method in (b"GET", b"HEAD")
    if path == b"/healthz" and get:
        _answer(connection, request, 200, b"text/plain", b"ok\n")
    elif path == b"/readyz" and get:
        ready, text = _readiness(service)
        _answer(connection, request, 200 if ready else 503, b"text/plain", text.encode() + b"\n")
    elif path == b"/metrics" and get:
        text = own_metrics(service)
        if service.beside is not None:
            text = service.beside.metrics(text)
        _answer(connection, request, 200, b"text/plain; version=0.0.4", text.encode())
    elif path == b"/openapi.json" and get:
        _answer(connection, request, 200, b"application/json", as_json())
    elif path == b"/docs" and get:
        _answer(connection, request, 200, b"text/html; charset=utf-8", as_page())
    elif path in (b"/v1/models", b"/openai/v1/models") and get:
        _models(service, connection, request)
    else:
        status = 405 if known else 404
        text = "this path is asked by POST" if known else "the gateway has no such path"
        service.answer_error(connection, request, tongue_of(path), (status, text, "not_found", None))


def _readiness(service: Service) -> tuple[bool, str]:
    lack = service.not_ready()
    return (lack is None, lack or "ready") if service.beside is None else service.beside.readiness(lack)


def _models(service: Service, connection: Connection, request: Incoming) -> None:
    key = service.callers.of(request.headers)
    if isinstance(key, str):
        service.answer_error(connection, request, "openai", (401, key, "invalid_api_key", None))
        return
    models = [m for m in service.table.models.get(key.profile, ()) if not key.models or m in key.models]
    rows = [{"id": m, "object": "model", "created": 0, "owned_by": "offtake"} for m in models]
    body = orjson.dumps({"object": "list", "data": rows, "has_more": False})
    _answer(connection, request, 200, b"application/json", body)


def _answer(connection: Connection, request: Incoming, status: int, kind: bytes, body: bytes) -> None:
    shown = b"" if request.head.method == b"HEAD" else body
    close = b"" if request.keep_alive else b"connection: close\r\n"
    connection.write(
        b"HTTP/1.1 %d %b\r\ncontent-type: %b\r\n%bcontent-length: %d\r\n\r\n%b"
        % (status, REASONS[status], kind, close, len(body), shown)
    )
    connection.done(request.keep_alive)
