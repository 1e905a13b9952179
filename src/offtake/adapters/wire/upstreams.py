"""How each dialect of upstream is asked: path, key and body, made from what the caller sent with little change."""

from __future__ import annotations

import os
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

import orjson

from offtake.adapters.upstream_http import Origin
from offtake.adapters.wire.bodies import Body, spliced
from offtake.adapters.wire.dialects import Operation
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Endpoint, Estate

MAXIMUM_KEY: Final = 16 * 1024  # Bytes of a secret.
_PATHS: Final[dict[Operation, str]] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
    "messages": "/messages",
}
_SERVED: Final[dict[str, frozenset[Operation]]] = {
    "openai": frozenset({"chat", "completions", "embeddings", "responses"}),
    "azure": frozenset({"chat", "completions", "embeddings", "responses"}),
    "mistral": frozenset({"chat", "embeddings"}),
    "anthropic": frozenset({"messages"}),
    "bedrock": frozenset(),
}
# Headers of the caller that an upstream is shown; no other passes.
FORWARDED: Final = frozenset((b"openai-beta", b"anthropic-beta", b"idempotency-key", b"traceparent"))
_ANTHROPIC_VERSION: Final = b"2023-06-01"
_AZURE_VERSION: Final = "2024-10-21"
_USAGE_ASKED: Final = b'{"include_usage":true}'


@dataclass(frozen=True, slots=True)
class Upstream:
    """A deployment's endpoint, with its secret, ready to be asked. Its repr says nothing of the secret."""

    deployment: str
    origin: Origin
    endpoint: Endpoint
    heads: Mapping[Operation, bytes]  # Request line and headers up to the length.
    name: bytes  # The model's name there, quoted as JSON.
    plain: str  # The same, unquoted.

    def __repr__(self) -> str:
        return f"Upstream({self.deployment!r} at {self.origin.authority})"

    @property
    def serves(self) -> frozenset[Operation]:
        """What it can be asked as it stands."""
        return _SERVED[self.endpoint.dialect]

    def request(
        self, operation: Operation, body: Body, headers: Mapping[bytes, bytes]
    ) -> tuple[bytes, bytes, bool]:
        """Head and body for an upstream, and whether its stream says usage that the caller did not ask for."""
        raw = body.raw
        if body.model != self.plain or "model" not in body:
            raw = body.with_model(self.name)
        hides = False
        if body.stream and operation in ("chat", "completions") and self.endpoint.dialect != "mistral":
            if not body.asks_for_usage:
                raw, hides = self._asking_for_usage(raw, body), True
        elif body.stream and self.endpoint.dialect == "mistral":
            hides = False  # It says usage in its last event, asked or not, and its clients know.
        more = b""
        if not FORWARDED.isdisjoint(headers):
            more = b"".join(b"%b: %b\r\n" % row for row in headers.items() if row[0] in FORWARDED)
        return b"".join((self.heads[operation], more, b"content-length: %d\r\n\r\n" % len(raw))), raw, hides

    def _asking_for_usage(self, raw: bytes, body: Body) -> bytes:
        options = body.value("stream_options")
        if options is None and "stream_options" not in body:
            at = raw.index(b"{") + 1
            return b"".join((raw[:at], b'"stream_options":', _USAGE_ASKED, b",", raw[at:]))
        value = (
            orjson.dumps({**options, "include_usage": True}) if isinstance(options, dict) else _USAGE_ASKED
        )
        return spliced(raw, {"stream_options": value})


def upstreams_of(
    estate: Estate, environment: Mapping[str, str] | None = None
) -> tuple[dict[str, Upstream], tuple[str, ...]]:
    """The estate's endpoints by deployment, and what keeps others from being used (a secret that is not there)."""
    known = os.environ if environment is None else environment
    found: dict[str, Upstream] = {}
    lacks: list[str] = []
    for id, deployment in estate.deployments.items():
        if deployment.endpoint is None:
            continue
        try:
            secret = _secret(deployment.endpoint.key, known)
        except InvalidInput as error:
            lacks.append(f"{id}: {error.message}")
            continue
        found[id] = upstream(id, deployment.endpoint, deployment.model, secret)
    return found, tuple(lacks)


def upstream(deployment: str, endpoint: Endpoint, model: str, secret: str | None) -> Upstream:
    """An endpoint ready to be asked."""
    origin = Origin.of(endpoint.url)
    base = urlsplit(endpoint.url).path.rstrip("/")
    name = endpoint.model or model
    heads: dict[Operation, bytes] = {}
    for operation in _SERVED[endpoint.dialect]:
        path = base + _PATHS[operation]
        if endpoint.dialect == "azure":
            version = endpoint.api_version or _AZURE_VERSION
            path = f"{base}/openai/deployments/{name}{_PATHS[operation]}?api-version={version}"
            if operation == "responses":
                path = f"{base}/openai/v1/responses"
        heads[operation] = b"".join(
            (
                f"POST {path} HTTP/1.1\r\nhost: {origin.authority}\r\n".encode(),
                b"content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: offtake\r\n",
                _authorization(endpoint, secret),
            )
        )
    return Upstream(deployment, origin, endpoint, heads, orjson.dumps(name), name)


def _authorization(endpoint: Endpoint, secret: str | None) -> bytes:
    if endpoint.dialect == "anthropic":
        version = b"anthropic-version: " + _ANTHROPIC_VERSION + b"\r\n"
        return version + (b"" if secret is None else b"x-api-key: " + secret.encode() + b"\r\n")
    if secret is None:
        return b""
    if endpoint.dialect == "azure":
        return b"api-key: " + secret.encode() + b"\r\n"
    return b"authorization: Bearer " + secret.encode() + b"\r\n"


def _secret(named: str | None, environment: Mapping[str, str]) -> str | None:
    """A secret from where the estate says it is. Raises InvalidInput, which never shows it."""
    if named is None:
        return None
    kind, _, where = named.partition(":")
    if kind == "env":
        value = environment.get(where)
        if not value:
            raise InvalidInput(f"the environment has no `{where}`", hint=f"set {where}, or name a file")
    else:
        try:
            with Path(where).open("rb") as file:
                value = file.read(MAXIMUM_KEY).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise InvalidInput(f"the key in `{where}` cannot be read ({type(error).__name__})") from None
    if not value.isascii() or not value.isprintable():
        raise InvalidInput(f"the key that `{named}` names holds characters that no header may hold")
    return value
