"""What the gateway answers, as OpenAPI 3.1, and as a page that needs no network."""

from __future__ import annotations

from functools import lru_cache
from html import escape
from typing import Any, Final

import orjson

from offtake import __version__

_BEARER: Final = [{"bearer": list[str]()}, {"apiKey": list[str]()}, {"xApiKey": list[str]()}]
_OPEN: Final = {"type": "object", "additionalProperties": True}
_PARAMETERS: Final[list[dict[str, Any]]] = [
    {
        "name": "x-offtake-data-class",
        "in": "header",
        "description": "The request is of this stricter class of data: it must be lawful under the key's and under it.",
        "schema": {"type": "string"},
    },
    {
        "name": "x-offtake-stand-in",
        "in": "header",
        "description": "`never`: no other model stands in for the one that is named.",
        "schema": {"type": "string", "enum": ["never"]},
    },
    {
        "name": "traceparent",
        "in": "header",
        "description": "The trace that the request belongs to (W3C Trace Context).",
        "schema": {"type": "string"},
    },
]
_ANSWER_HEADERS: Final[dict[str, str]] = {
    "x-request-id": "The receipt's id: `offtake gateway explain` says where the request went, and why.",
    "x-offtake-route": "The supply that served: deployment and product.",
    "x-ratelimit-limit-requests": "The key's requests a minute, where it states them.",
    "x-ratelimit-remaining-requests": "What is left of them.",
    "x-ratelimit-reset-requests": "Seconds until the minute ends, such as `12.500s`.",
    "x-ratelimit-limit-tokens": "The key's tokens a minute; else those of the throughput that the route draws on.",
    "x-ratelimit-remaining-tokens": "What is left of them.",
    "x-ratelimit-reset-tokens": "Seconds until the minute ends.",
}
_STATUSES: Final[dict[str, str]] = {
    "400": "The body could be read in two ways, or is not JSON.",
    "401": "No key, an unknown one, an expired or a revoked one.",
    "403": "The law refuses every supply (the clauses are named), or the key is not for the model.",
    "404": "The key's class has no such model.",
    "408": "The request did not come in time.",
    "413": "The body is too long.",
    "415": "Not `application/json`, or with a content encoding.",
    "429": "A limit of the key, a bound of a clause or a minute's throughput is reached; with `retry-after`.",
    "431": "The head is too long.",
    "502": "Upstreams failed.",
    "503": "Nothing can be taken now.",
    "504": "No upstream answered in time.",
}
_OPERATIONS: Final[tuple[tuple[str, str, str, tuple[str, ...]], ...]] = (
    ("/v1/chat/completions", "chat", "OpenAI's chat completions", ("model", "messages")),
    ("/v1/completions", "completions", "OpenAI's completions", ("model", "prompt")),
    ("/v1/embeddings", "embeddings", "OpenAI's embeddings", ("model", "input")),
    ("/v1/responses", "responses", "OpenAI's responses", ("model", "input")),
    ("/v1/messages", "messages", "Anthropic's messages", ("model", "messages", "max_tokens")),
    ("/openai/v1/chat/completions", "azureChat", "Azure OpenAI's chat completions", ("model", "messages")),
    ("/openai/v1/completions", "azureCompletions", "Azure OpenAI's completions", ("model", "prompt")),
    ("/openai/v1/embeddings", "azureEmbeddings", "Azure OpenAI's embeddings", ("model", "input")),
    ("/openai/v1/responses", "azureResponses", "Azure OpenAI's responses", ("model", "input")),
)
_DEPLOYED: Final = (
    ("chat/completions", "deployedChat", ("messages",)),
    ("completions", "deployedCompletions", ("prompt",)),
    ("embeddings", "deployedEmbeddings", ("input",)),
)


def document() -> dict[str, Any]:
    """The description of the gateway."""
    paths: dict[str, Any] = {
        path: {"post": _operation(id, summary, needed)} for path, id, summary, needed in _OPERATIONS
    }
    for path, id, needed in _DEPLOYED:
        asked = _operation(id, f"Azure OpenAI's {path.replace('/', ' ')} by deployment", needed)
        asked["parameters"] = [
            {
                "name": "deployment",
                "in": "path",
                "required": True,
                "description": "The model, in the place where Azure names a deployment.",
                "schema": {"type": "string"},
            },
            {
                "name": "api-version",
                "in": "query",
                "description": "Taken as it comes; each upstream is asked with the version that the estate states.",
                "schema": {"type": "string"},
            },
            *_PARAMETERS,
        ]
        paths[f"/openai/deployments/{{deployment}}/{path}"] = {"post": asked}
    for path, id in (("/v1/models", "models"), ("/openai/v1/models", "azureModels")):
        paths[path] = {"get": _models(id)}
    for path, id, summary, kind in (
        ("/healthz", "health", "Whether the process runs", "text/plain"),
        ("/readyz", "readiness", "Whether requests are taken, and by how many processes", "text/plain"),
        ("/metrics", "metrics", "Counts of all processes, for Prometheus", "text/plain"),
        ("/openapi.json", "description", "This description", "application/json"),
        ("/docs", "page", "This description as a page", "text/html"),
    ):
        paths[path] = {"get": _plain(id, summary, kind)}
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "offtake gateway",
            "version": __version__,
            "summary": "One endpoint in front of every deployment of an estate, under its agreements.",
            "description": (
                "Bodies are those of the dialect that the path belongs to, and pass untouched: what is not stated here "
                "is the upstream's. Where a request may run is the law's; each leaves a signed receipt."
            ),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer"},
                "apiKey": {"type": "apiKey", "in": "header", "name": "api-key"},
                "xApiKey": {"type": "apiKey", "in": "header", "name": "x-api-key"},
            },
            "schemas": _schemas(),
        },
    }


def _schemas() -> dict[str, Any]:
    text = {"type": "string"}
    openai = {
        "message": text,
        "type": text,
        "code": {"type": ["string", "null"]},
        "param": {"type": ["string", "null"]},
    }
    return {
        "OpenAIError": {
            "type": "object",
            "required": ["error"],
            "properties": {
                "error": {"type": "object", "required": ["message", "type"], "properties": openai}
            },
        },
        "AnthropicError": {
            "type": "object",
            "required": ["type", "error"],
            "properties": {
                "type": {"const": "error"},
                "error": {
                    "type": "object",
                    "required": ["type", "message"],
                    "properties": {"type": text, "message": text},
                },
                "request_id": text,
            },
        },
    }


def _operation(id: str, summary: str, needed: tuple[str, ...]) -> dict[str, Any]:
    error = "AnthropicError" if id == "messages" else "OpenAIError"
    fields: dict[str, Any] = {name: {} for name in needed}
    if "model" in fields:
        fields["model"] = {
            "type": "string",
            "description": "A model that the key's class accepts; `GET /v1/models` lists them.",
        }
    fields["stream"] = {"type": "boolean", "description": "Answers come as server-sent events."}
    body = {**_OPEN, "required": list(needed), "properties": fields}
    failed = {
        "headers": {"x-request-id": _header(_ANSWER_HEADERS["x-request-id"])},
        "content": {"application/json": {"schema": {"$ref": f"#/components/schemas/{error}"}}},
    }
    answers: dict[str, Any] = {
        "200": {
            "description": "The upstream's answer.",
            "headers": {name: _header(text) for name, text in _ANSWER_HEADERS.items()},
            "content": {
                "application/json": {"schema": _OPEN},
                "text/event-stream": {"schema": {"type": "string"}},
            },
        }
    }
    for status, text in _STATUSES.items():
        answers[status] = {"description": text, **failed}
    for status in ("429", "503"):
        wait = {"description": "Seconds until it is worth asking again.", "schema": {"type": "integer"}}
        answers[status] = {**answers[status], "headers": {**failed["headers"], "retry-after": wait}}
    return {
        "operationId": id,
        "summary": summary,
        "security": _BEARER,
        "parameters": _PARAMETERS,
        "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        "responses": answers,
    }


def _header(text: str) -> dict[str, Any]:
    return {"description": text, "schema": {"type": "string"}}


def _models(id: str) -> dict[str, Any]:
    row = {
        "type": "object",
        "required": ["id", "object"],
        "properties": {
            "id": {"type": "string"},
            "object": {"const": "model"},
            "created": {"type": "integer"},
            "owned_by": {"type": "string"},
        },
    }
    listed = {
        "type": "object",
        "required": ["object", "data"],
        "properties": {"object": {"const": "list"}, "data": {"type": "array", "items": row}},
    }
    return {
        "operationId": id,
        "summary": "The models that the key may ask for",
        "security": _BEARER,
        "responses": {
            "200": {"description": "The models.", "content": {"application/json": {"schema": listed}}},
            "401": {
                "description": _STATUSES["401"],
                "content": {"application/json": {"schema": {"$ref": "#/components/schemas/OpenAIError"}}},
            },
        },
    }


def _plain(id: str, summary: str, kind: str) -> dict[str, Any]:
    schema: dict[str, Any] = _OPEN if kind == "application/json" else {"type": "string"}
    answers: dict[str, Any] = {"200": {"description": summary + ".", "content": {kind: {"schema": schema}}}}
    if id == "readiness":
        answers["503"] = {
            "description": "Why not.",
            "content": {kind: {"schema": {"type": "string"}}},
        }
    return {"operationId": id, "summary": summary, "security": [], "responses": answers}


@lru_cache(maxsize=1)
def as_json() -> bytes:
    """The description as JSON."""
    return orjson.dumps(document(), option=orjson.OPT_INDENT_2)


@lru_cache(maxsize=1)
def as_page() -> bytes:
    """The description as one page of HTML, without scripts, fonts or anything else from elsewhere."""
    whole = document()
    info = whole["info"]
    rows = "".join(
        _page_row(method, path, stated)
        for path, methods in whole["paths"].items()
        for method, stated in methods.items()
    )
    headers = "".join(
        f"<tr><td><code>{escape(name)}</code></td><td>{_words(text)}</td></tr>"
        for name, text in (
            *((p["name"], p["description"]) for p in _PARAMETERS),
            *_ANSWER_HEADERS.items(),
        )
    )
    statuses = "".join(
        f"<tr><td><code>{status}</code></td><td>{_words(text)}</td></tr>"
        for status, text in _STATUSES.items()
    )
    return (
        f"<!doctype html><html lang=en><meta charset=utf-8><title>{escape(info['title'])}</title>"
        "<meta name=viewport content='width=device-width,initial-scale=1'><meta name=color-scheme content='light dark'>"
        f"<style>{_STYLE}</style><main><h1>{escape(info['title'])} <small>{escape(info['version'])}</small></h1>"
        f"<p class=lead>{escape(info['summary'])}</p><p>{escape(info['description'])} "
        "A key goes with every request: <code>authorization: Bearer …</code>, <code>api-key</code> or "
        "<code>x-api-key</code>. The same as <a href='/openapi.json'>OpenAPI 3.1</a>.</p>"
        f"<h2>Paths</h2>{rows}<h2>Headers</h2><table>{headers}</table>"
        f"<h2>When it is not 200</h2><table>{statuses}</table></main></html>"
    ).encode()


def _page_row(method: str, path: str, stated: dict[str, Any]) -> str:
    body = stated.get("requestBody", {}).get("content", {}).get("application/json", {}).get("schema", {})
    needed = ", ".join(f"<code>{escape(name)}</code>" for name in body.get("required", ()))
    about = f"<p>{escape(stated['summary'])}.{f' A body needs {needed}.' if needed else ''}</p>"
    return f"<section><h3><b class={method}>{method.upper()}</b> <code>{escape(path)}</code></h3>{about}</section>"


def _words(text: str) -> str:
    """A sentence with what stands in backticks as code."""
    parts = escape(text).split("`")
    return "".join(f"<code>{part}</code>" if n % 2 else part for n, part in enumerate(parts))


_STYLE: Final = (
    ":root{--ink:#1c2430;--soft:#5b6675;--line:#dfe4ea;--page:#fff;--code:#f3f5f8;--post:#0b6b4f;--get:#2457a6}"
    "@media(prefers-color-scheme:dark){:root{--ink:#e6eaf0;--soft:#9aa6b5;--line:#2d3642;--page:#12161c;"
    "--code:#1c232c;--post:#4fc79d;--get:#7fb0ff}}"
    "body{margin:0;background:var(--page);color:var(--ink);font:16px/1.55 system-ui,sans-serif}"
    "main{max-width:52rem;margin:0 auto;padding:2.5rem 1.25rem 4rem}h1{font-size:1.9rem;margin:0}"
    "h1 small{color:var(--soft);font-size:1rem;font-weight:400}"
    ".lead{font-size:1.15rem;color:var(--soft);margin:.4rem 0 1rem}"
    "h2{font-size:1.15rem;margin:2.2rem 0 .6rem;border-bottom:1px solid var(--line);padding-bottom:.3rem}"
    "section{padding:.55rem 0;border-bottom:1px solid var(--line)}h3{font-size:1rem;margin:0;font-weight:500;"
    "overflow-wrap:anywhere}section p{margin:.15rem 0 0 3.6rem;color:var(--soft)}"
    "b{display:inline-block;width:3.2rem;font-size:.78rem;letter-spacing:.04em}.post{color:var(--post)}.get{color:var(--get)}"
    "code{background:var(--code);border-radius:4px;padding:.08em .35em;font:.9em ui-monospace,monospace}"
    "table{border-collapse:collapse;width:100%}td{padding:.4rem .6rem .4rem 0;border-bottom:1px solid var(--line);"
    "vertical-align:top}td:first-child{white-space:nowrap}"
    "@media(max-width:34rem){td{display:block;border:0;padding:.1rem 0}"
    "td:first-child{padding-top:.6rem;white-space:normal}section p{margin-left:0}}"
)
