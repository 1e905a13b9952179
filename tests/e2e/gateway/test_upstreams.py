"""Upstreams of every vendor: where they are asked and how it is proven who asks; over TLS; with tokens that end."""

from __future__ import annotations

import asyncio
import base64
import gzip
import json
import time
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from e2e.gateway.noting import Noted, Noting, certificate, noting
from e2e.gateway.stand import Stand, ask, chat, stand
from offtake.adapters.upstream_tokens import KeptToken, Token, Tokens
from offtake.domain.errors import InvalidInput, UpstreamFailure
from offtake.entrypoints.gateway.rehearsal import answer

HELLO: Any = [{"role": "user", "content": "hello"}]


def rehearsed(noted: Noted) -> tuple[int, Any]:
    """An answer in the dialect of the path."""
    path = noted.target.split("?")[0]
    kinds = ("chat/completions", "completions", "embeddings", "responses", "messages")
    kind = next(k for k in kinds if path.endswith(k))
    return 200, answer(kind.split("/")[0], noted.json, "there")


@asynccontextmanager
async def standing(
    folder: Path,
    answers: Any = rehearsed,
    tls: Any = None,
    host: str = "127.0.0.1",
    path: str = "",
    **more: Any,
) -> AsyncGenerator[tuple[Stand, Noting], None]:
    """A gateway whose deployment `us-small` is an upstream that notes how it is asked."""
    state = Noting(answers)
    server = await noting(state, tls)
    scheme = "http" if tls is None else "https"
    endpoint = {"url": f"{scheme}://{host}:{state.port}{path}", **more}
    async with asyncio.timeout(60), stand(folder, endpoints={"us-small": endpoint}) as made:
        yield made, state
    server.close()


def sdk(made: Stand) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=made.keys["free"], base_url=f"{made.base}/v1", max_retries=0)


async def every_way(made: Stand) -> None:
    """All that the OpenAI SDK asks."""
    async with sdk(made) as client:
        await client.chat.completions.create(model="small", messages=HELLO)
        await client.embeddings.create(model="small", input="hello", encoding_format="float")
        await client.responses.create(model="small", input="hello")


@pytest.mark.parametrize(
    ("path", "asked"),
    [
        ("", [
            "/openai/deployments/gpt-eu/chat/completions?api-version=2024-10-21",
            "/openai/deployments/gpt-eu/embeddings?api-version=2024-10-21",
            "/openai/v1/responses",
        ]),
        ("/openai/v1", ["/openai/v1/chat/completions", "/openai/v1/embeddings", "/openai/v1/responses"]),
    ],
)  # fmt: skip
def test_azure_is_asked_by_its_own_paths_with_its_own_key(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, path: str, asked: list[str]
) -> None:
    monkeypatch.setenv("AZURE_KEY", "azure-key-of-nobody")
    more = {"dialect": "azure", "key": "env:AZURE_KEY", "model": "gpt-eu"}

    async def test() -> None:
        async with standing(tmp_path, path=path, **more) as (made, state):
            await every_way(made)
            assert [noted.target for noted in state.seen] == asked
            assert {noted.headers["api-key"] for noted in state.seen} == {"azure-key-of-nobody"}
            assert {noted.json["model"] for noted in state.seen} == {"gpt-eu"}
            assert all("authorization" not in noted.headers for noted in state.seen)
            async with anthropic.AsyncAnthropic(
                api_key=made.keys["free"], base_url=made.base, max_retries=0
            ) as other:
                await other.messages.create(model="small", max_tokens=9, messages=HELLO)
            assert state.seen[-1].json["max_completion_tokens"] == 9

    asyncio.run(test())


def test_callers_with_azures_sdk_reach_an_upstream_of_azures_by_both_of_its_paths(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing(tmp_path, dialect="azure", api_version="2030-01-01-preview") as (made, state):
            azure = openai.AsyncAzureOpenAI(
                api_key=made.keys["free"], azure_endpoint=made.base, api_version="2024-10-21", max_retries=0
            )
            newer = openai.AsyncOpenAI(
                api_key=made.keys["free"], base_url=f"{made.base}/openai/v1/", max_retries=0
            )
            async with azure, newer:
                await azure.chat.completions.create(model="small", messages=HELLO)
                await newer.chat.completions.create(model="small", messages=HELLO)
            # The version is the upstream's own: which fields it knows is for the estate to say.
            path = "/openai/deployments/small/chat/completions?api-version=2030-01-01-preview"
            assert [noted.target for noted in state.seen] == [path, path]

    asyncio.run(test())


def test_mistral_is_asked_for_what_it_has_and_is_told_a_limit_by_the_name_that_it_knows(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MISTRAL_KEY", "mistral-key-of-nobody")
    more = {"dialect": "mistral", "key": "env:MISTRAL_KEY", "model": "mistral-small-latest"}
    used = {"prompt_tokens": 5, "completion_tokens": 2, "total_tokens": 7}
    last = {
        "id": "c",
        "model": "m",
        "choices": [{"index": 0, "delta": {"content": "b"}, "finish_reason": "stop"}],
    }
    first = {**last, "choices": [{"index": 0, "delta": {"content": "a"}, "finish_reason": None}]}
    rows = (json.dumps(first), json.dumps({**last, "usage": used}), "[DONE]")
    events = "".join(f"data: {row}\n\n" for row in rows)

    def answers(noted: Noted) -> tuple[int, Any]:
        if noted.target.endswith("/chat/completions") and noted.json.get("stream"):
            return 200, events.encode()
        return rehearsed(noted)

    async def test() -> None:
        async with standing(tmp_path, answers, path="/v1", **more) as (made, state):
            async with sdk(made) as client:
                await client.chat.completions.create(model="small", messages=HELLO)
                await client.embeddings.create(model="small", input="hello", encoding_format="float")
                stream = await client.chat.completions.create(model="small", messages=HELLO, stream=True)
                assert [c.choices[0].delta.content async for c in stream] == ["a", "b"]
                with pytest.raises(openai.APIStatusError) as raised:
                    await client.responses.create(model="small", input="hello")
                assert raised.value.status_code in (403, 503)
            async with anthropic.AsyncAnthropic(
                api_key=made.keys["free"], base_url=made.base, max_retries=0
            ) as other:
                async with other.messages.stream(model="small", max_tokens=9, messages=HELLO) as streamed:
                    final = await streamed.get_final_message()
                assert (final.usage.input_tokens, final.usage.output_tokens) == (5, 2)
            assert {n.target for n in state.seen} == {"/v1/chat/completions", "/v1/embeddings"}
            assert {n.headers["authorization"] for n in state.seen} == {"Bearer mistral-key-of-nobody"}
            assert all("stream_options" not in n.json for n in state.seen)
            assert state.seen[-1].json["max_tokens"] == 9
            assert [r.out for r in await made.receipts() if r.outcome == "served"] == [8, 0, 2, 2]

    asyncio.run(test())


# What an upstream may not do to a caller.

GOOD = (
    b'{"id":"c","choices":[{"index":0,"finish_reason":"stop","message":{"role":"assistant","content":"x"}}]}'
)
HEAD = b"HTTP/1.1 200 OK\r\ncontent-length: %d\r\n" % len(GOOD)


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
@pytest.mark.parametrize(
    "raw",
    [
        HEAD + b"content-type: application/json\rset-cookie: a=b\r\n\r\n" + GOOD,
        HEAD + b"content-type: application/json\x00set-cookie: a=b\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\ncontent-length: 200\r\n\r\n" + GOOD,
        b"HTTP/1.1 200 OK\r\ntransfer-encoding: chunked\r\n\r\nzz\r\n" + GOOD,
        b"HTTP/1.1 101 Switching\r\nupgrade: x\r\nconnection: upgrade\r\n\r\n" + GOOD,
    ],
)
def test_an_upstream_cannot_add_lines_or_bodies_to_an_answer(tmp_path: Path, path: str, raw: bytes) -> None:
    async def test() -> None:
        async with standing(tmp_path, lambda _: (0, raw), path="/v1") as (made, _):
            answer = await ask(made, chat(model="small", max_tokens=5), path=path)
            assert answer.status in (502, 504)
            assert "set-cookie" not in answer.headers

    asyncio.run(test())


@pytest.mark.parametrize("path", ["/v1/chat/completions", "/v1/messages"])
def test_an_answer_that_was_packed_is_never_unpacked_here(tmp_path: Path, path: str) -> None:
    packed = gzip.compress(b'{"choices":"' + b"x" * (64 << 20) + b'"}')
    head = b"HTTP/1.1 200 OK\r\ncontent-type: application/json\r\ncontent-encoding: gzip\r\ncontent-length: %d\r\n\r\n"

    async def test() -> None:
        async with standing(tmp_path, lambda _: (0, head % len(packed) + packed), path="/v1") as (
            made,
            state,
        ):
            answer = await ask(made, chat(model="small", max_tokens=5), path=path)
            assert state.seen[0].headers["accept-encoding"] == "identity"
            assert answer.status == 502
            assert len(answer.body) < 1000

    asyncio.run(test())


# TLS.


def test_an_upstream_is_asked_over_tls_and_one_that_cannot_prove_itself_is_not(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    good, context = certificate(tmp_path, "good")
    monkeypatch.setenv("SSL_CERT_FILE", str(good))

    async def test(folder: str, tls: Any, host: str) -> tuple[int, int]:
        (tmp_path / folder).mkdir()
        async with standing(tmp_path / folder, tls=tls, host=host, path="/v1") as (made, state):
            found = await ask(made, chat(model="small"))
            return found.status, len(state.seen)

    assert asyncio.run(test("good-one", context, "localhost")) == (200, 1)
    assert asyncio.run(test("by-address", context, "127.0.0.1")) == (200, 1)
    # Vouched for by nobody that is known, and made out to another host.
    assert asyncio.run(test("unknown", certificate(tmp_path, "unknown")[1], "localhost")) == (502, 0)
    other, elsewhere = certificate(tmp_path, "elsewhere", "elsewhere.example")
    monkeypatch.setenv("SSL_CERT_FILE", str(other))
    assert asyncio.run(test("another-host", elsewhere, "localhost")) == (502, 0)


# Tokens.


def test_azure_is_asked_with_a_token_of_entra(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("REQUESTS_CA_BUNDLE", "CURL_CA_BUNDLE"):
        monkeypatch.delenv(name, raising=False)
    public, context = certificate(tmp_path, "entra")
    fetched: list[dict[str, Any]] = []

    def entra(noted: Noted) -> tuple[int, Any]:
        base = f"https://localhost:{authority.port}/tenant-1"
        if noted.method == "GET":
            return 200, {
                "issuer": f"{base}/v2.0",
                "authorization_endpoint": f"{base}/oauth2/v2.0/authorize",
                "token_endpoint": f"{base}/oauth2/v2.0/token",
            }
        fetched.append({"target": noted.target, "body": noted.body.decode()})
        return 200, {
            "access_token": f"entra-token-{len(fetched)}",
            "expires_in": 3600,
            "token_type": "Bearer",
        }

    authority = Noting(entra)

    async def test() -> None:
        server = await noting(authority, context)
        monkeypatch.setenv("SSL_CERT_FILE", str(public))
        monkeypatch.setenv("AZURE_AUTHORITY_HOST", f"https://localhost:{authority.port}")
        monkeypatch.setenv("AZURE_TENANT_ID", "tenant-1")
        monkeypatch.setenv("AZURE_CLIENT_ID", "client-1")
        monkeypatch.setenv("AZURE_CLIENT_SECRET", "entra-secret-of-nobody")
        async with standing(tmp_path, dialect="azure", token="entra") as (made, state):
            await every_way(made)
            assert {n.headers["authorization"] for n in state.seen} == {"Bearer entra-token-1"}
            assert all("api-key" not in n.headers for n in state.seen)
            (one,) = fetched
            assert one["target"] == "/tenant-1/oauth2/v2.0/token"
            assert "client_id=client-1" in one["body"]
            assert "cognitiveservices.azure.com" in one["body"]
            kept = b"".join(p.read_bytes() for p in sorted(made.folder.rglob("*")) if p.is_file())
            assert b"entra-token" not in kept
            assert b"entra-secret" not in kept
        server.close()

    asyncio.run(test())


def test_without_a_token_another_upstream_is_asked_and_nothing_is_sent(tmp_path: Path) -> None:
    path = tmp_path / "token"

    async def test() -> None:
        async with standing(tmp_path, dialect="azure", token=f"file:{path}") as (made, state):
            refused = await ask(made, chat(model="small"))
            assert refused.status == 503
            assert "us-small/cheap has no token now" in refused.json["error"]["message"]
            assert str(path) not in refused.json["error"]["message"]
            assert any("cannot be read" in said for said in made.said)
            assert state.seen == []
            path.write_text("a-token-that-came-late\n")
            found = refused
            for _ in range(100):
                if found.status == 200:
                    break
                await asyncio.sleep(0.1)
                found = await ask(made, chat(model="small"))
            assert found.status == 200
            assert state.seen[-1].headers["authorization"] == "Bearer a-token-that-came-late"

    asyncio.run(test())


class Source:
    """Tokens, or failures, one after the other."""

    def __init__(self, *given: Token | str) -> None:
        self._given = list(given)

    def fetch(self, now: float) -> Token:
        del now
        found = self._given.pop(0)
        if isinstance(found, str):
            raise UpstreamFailure(found)
        return found


def test_a_token_is_renewed_before_it_ends_and_kept_while_it_cannot_be() -> None:
    now = [1000.0]
    kept = KeptToken(Source(Token("a", 4600.0), "no", "no", Token("b", 9000.0)), lambda: now[0])
    assert kept.due
    assert kept.lack == "has no token now"
    assert kept.headers("/", b"") == b""
    kept.renew()
    assert (kept.due, kept.lack, kept.headers("/", b"")) == (False, None, b"authorization: Bearer a\r\n")
    now[0] = 4299.0
    assert not kept.due
    now[0] = 4300.0  # Five minutes before it ends.
    assert kept.due
    kept.renew()
    assert (kept.due, kept.lack) == (False, None)
    now[0] = 4301.0
    assert kept.due
    kept.renew()
    now[0] = 4302.0
    assert not kept.due  # The wait doubles.
    now[0] = 4600.0
    assert (kept.lack, kept.failure, kept.headers("/", b"")) == ("has no token now", "no", b"")
    kept.renew()
    assert kept.headers("/", b"") == b"authorization: Bearer b\r\n"
    assert "b" not in repr(Token("b", 1.0)).replace("ends_at", "")


def token_until(end: float) -> str:
    def part(value: Any) -> str:
        return base64.urlsafe_b64encode(json.dumps(value).encode()).rstrip(b"=").decode()

    return f"{part({'alg': 'none'})}.{part({'exp': end})}.{part('signature')}"


def test_a_command_and_a_file_give_tokens_that_say_when_they_end(tmp_path: Path) -> None:
    end = time.time() + 3600
    script = tmp_path / "give token"
    script.write_text(f"#!/bin/sh\necho {token_until(end)}\n")
    script.chmod(0o700)
    tokens = Tokens()
    kept = tokens.of(f"command:'{script}'", {})
    assert tokens.of(f"command:'{script}'", {}) is kept
    assert tokens.due() == [kept]
    kept.renew()
    assert kept.lack is None
    assert tokens.due() == []
    assert token_until(end).encode() in kept.headers("/", b"")
    file = tmp_path / "token"
    file.write_text(token_until(time.time() - 1))
    stale = tokens.of(f"file:{file}", {})
    stale.renew()
    assert stale.lack == "has no token now"


@pytest.mark.parametrize(
    ("body", "says"),
    [("exit 3", "it ended with 3"), ("echo two words", "no token"), ("printf ''", "no token")],
)
def test_a_command_that_gives_no_token_is_told_without_what_it_wrote(
    tmp_path: Path, body: str, says: str
) -> None:
    script = tmp_path / "give"
    script.write_text(f"#!/bin/sh\n{body}\n")
    script.chmod(0o700)
    kept = Tokens().of(f"command:{script}", {})
    kept.renew()
    assert kept.failure is not None
    assert says in kept.failure
    assert "two words" not in kept.failure


def test_what_keeps_a_token_from_being_fetched_at_all_is_told(tmp_path: Path) -> None:
    with pytest.raises(InvalidInput, match="AZURE_TENANT_ID, AZURE_CLIENT_ID, AZURE_CLIENT_SECRET"):
        Tokens().of("entra", {})
    with pytest.raises(InvalidInput, match="cannot be read"):
        Tokens().of("command:'", {})
    kept = Tokens().of(f"file:{tmp_path / 'none'}", {})
    kept.renew()
    assert kept.failure is not None
    assert "cannot be read" in kept.failure
