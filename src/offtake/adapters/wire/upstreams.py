"""How each dialect of upstream is asked: path, proof and body, made from what the caller sent with little change."""

from __future__ import annotations

import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal, Protocol
from urllib.parse import quote, urlsplit

import orjson

from offtake.adapters.upstream_http import Origin
from offtake.adapters.wire.bodies import Body, spliced
from offtake.adapters.wire.dialects import Operation
from offtake.adapters.wire.translation import (
    VENDOR_HEADERS,
    Conversation,
    Peculiarities,
    Speech,
    Untranslatable,
    write_request,
)
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Endpoint, Estate

MAXIMUM_KEY: Final = 16 * 1024  # Bytes of a secret.
Way = Literal[Operation, "converse", "converse-stream"]
"""What an upstream is asked by one path."""
_PATHS: Final[dict[Operation, str]] = {
    "chat": "/chat/completions",
    "completions": "/completions",
    "embeddings": "/embeddings",
    "responses": "/responses",
    "messages": "/messages",
}
_NATIVE: Final[dict[str, frozenset[Operation]]] = {
    "openai": frozenset({"chat", "completions", "embeddings", "responses"}),
    "azure": frozenset({"chat", "completions", "embeddings", "responses"}),
    "mistral": frozenset({"chat", "embeddings"}),
    "anthropic": frozenset({"messages"}),
    "bedrock": frozenset(),
}
TRANSLATED: Final[frozenset[Operation]] = frozenset(("chat", "messages"))
_SPEAKS: Final[dict[str, Speech]] = {
    "openai": "chat",
    "azure": "chat",
    "mistral": "chat",
    "anthropic": "messages",
    "bedrock": "converse",
}
# Headers of the caller that an upstream is shown; no other passes.
FORWARDED: Final = frozenset((b"openai-beta", b"anthropic-beta", b"idempotency-key", b"traceparent"))
_ANTHROPIC_VERSION: Final = b"2023-06-01"
_AZURE_VERSION: Final = "2024-10-21"
_USAGE_ASKED: Final = b'{"include_usage":true}'


class Proof(Protocol):
    """Proves to an upstream who asks, where that changes with time."""

    @property
    def lack(self) -> str | None:
        """Why nothing can be proven now; None if it can."""
        ...

    def headers(self, path: str, raw: bytes) -> bytes:
        """The lines that prove a POST of a body to a path."""
        ...

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What nobody may be shown."""
        ...


Prover = Callable[[Endpoint, Origin, Mapping[str, str]], Proof | None]
"""The proof of an endpoint, from the environment; None if its key is one. Raises InvalidInput if it cannot be had."""


@dataclass(frozen=True, slots=True)
class Upstream:
    """A deployment's endpoint, with its secret, ready to be asked. Its repr says nothing of the secret."""

    deployment: str
    origin: Origin
    endpoint: Endpoint
    heads: Mapping[Way, bytes]  # Request line and headers up to the length.
    paths: Mapping[Way, str]
    name: bytes  # The model's name there, quoted as JSON.
    plain: str  # The same, unquoted.
    native: frozenset[Operation]  # What it can be asked as it stands.
    secret: bytes = b""
    proof: Proof | None = None

    def __repr__(self) -> str:
        return f"Upstream({self.deployment!r} at {self.origin.authority})"

    @property
    def serves(self) -> frozenset[Operation]:
        """What it can be asked, as it stands or translated."""
        return self.native | TRANSLATED

    @property
    def speaks(self) -> Speech:
        """Into what a request is translated for it."""
        return _SPEAKS[self.endpoint.dialect]

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
        if self.proof is not None:
            more += self.proof.headers(self.paths[operation], raw)
        return b"".join((self.heads[operation], more, b"content-length: %d\r\n\r\n" % len(raw))), raw, hides

    def translated(
        self, said: Conversation, headers: Mapping[bytes, bytes]
    ) -> tuple[bytes, bytes] | Untranslatable:
        """Head and body that ask the same in the upstream's dialect; or what cannot be said in it."""
        for name in VENDOR_HEADERS:
            if headers.get(name):
                return Untranslatable(name.decode(), "asks for what only its own vendor knows")
        endpoint = self.endpoint
        newer = endpoint.dialect == "azure" or self.origin.host.endswith(".openai.com")
        raw = write_request(
            said,
            Peculiarities(
                self.speaks,
                self.plain,
                endpoint.max_tokens,
                newer=newer,
                mistral=endpoint.dialect == "mistral",
            ),
        )
        if isinstance(raw, Untranslatable):
            return raw
        way: Way = "chat" if self.speaks == "chat" else "messages"
        if self.speaks == "converse":
            way = "converse-stream" if said.stream else "converse"
        trace = headers.get(b"traceparent")
        more = b"" if trace is None else b"traceparent: %b\r\n" % trace
        if self.proof is not None:
            more += self.proof.headers(self.paths[way], raw)
        return b"".join((self.heads[way], more, b"content-length: %d\r\n\r\n" % len(raw))), raw

    def without_secret(self, text: bytes) -> bytes:
        """A text of the upstream's without the secrets that it may repeat."""
        for secret in (self.secret, *(() if self.proof is None else self.proof.secrets)):
            if secret:
                text = text.replace(secret, b"[secret]")
        return text

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
    estate: Estate, prove: Prover, environment: Mapping[str, str] | None = None
) -> tuple[dict[str, Upstream], tuple[str, ...]]:
    """The estate's endpoints by deployment, and what keeps others from being used (a secret that is not there)."""
    known = os.environ if environment is None else environment
    found: dict[str, Upstream] = {}
    lacks: list[str] = []
    for id, deployment in estate.deployments.items():
        endpoint = deployment.endpoint
        if endpoint is None:
            continue
        try:
            secret, proof = _secret(endpoint.key, known), None
            if endpoint.token is not None or endpoint.dialect == "bedrock":
                proof = prove(endpoint, Origin.of(endpoint.url), known)
        except InvalidInput as error:
            lacks.append(f"{id}: {error.message}" + (f" ({error.hint})" if error.hint else ""))
            continue
        found[id] = upstream(id, endpoint, deployment.model, secret, proof)
    return found, tuple(lacks)


def upstream(
    deployment: str, endpoint: Endpoint, model: str, secret: str | None, proof: Proof | None = None
) -> Upstream:
    """An endpoint ready to be asked."""
    origin = Origin.of(endpoint.url)
    name = endpoint.model or model
    paths = _paths(endpoint, name)
    heads: dict[Way, bytes] = {
        way: b"".join(
            (
                f"POST {path} HTTP/1.1\r\nhost: {origin.authority}\r\n".encode(),
                b"content-type: application/json\r\naccept-encoding: identity\r\nuser-agent: offtake\r\n",
                _authorization(endpoint, secret),
            )
        )
        for way, path in paths.items()
    }
    native, kept = _NATIVE[endpoint.dialect], b"" if secret is None else secret.encode()
    return Upstream(deployment, origin, endpoint, heads, paths, orjson.dumps(name), name, native, kept, proof)


def _paths(endpoint: Endpoint, name: str) -> dict[Way, str]:
    """Where an endpoint is asked what."""
    base = urlsplit(endpoint.url).path.rstrip("/")
    if endpoint.dialect == "bedrock":
        model = f"{base}/model/{quote(name, safe='')}"
        return {"converse": f"{model}/converse", "converse-stream": f"{model}/converse-stream"}
    found: dict[Way, str] = {}
    version = endpoint.api_version or _AZURE_VERSION
    for operation in _NATIVE[endpoint.dialect]:
        path = base + _PATHS[operation]
        # Azure's newer paths name the model in the body, and no version.
        if endpoint.dialect == "azure" and not base.endswith("/openai/v1"):
            path = (
                f"{base}/openai/deployments/{quote(name, safe='')}{_PATHS[operation]}?api-version={version}"
            )
            if operation == "responses":
                path = f"{base}/openai/v1/responses"
        found[operation] = path
    return found


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
