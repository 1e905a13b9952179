"""Bedrock as an upstream: signed requests, Converse and its event streams, under both SDKs."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import anthropic
import openai
import pytest

from e2e.gateway.amazon import KEY_ID, REGION, SECRET, SESSION, Amazon, amazon
from e2e.gateway.stand import Stand, Wire, ask, request, stand
from offtake.adapters.aws_proof import AwsProof
from offtake.adapters.upstream_http import Origin
from offtake.domain.errors import InvalidInput

HELLO: Any = [{"role": "user", "content": "hello"}]
MODEL = "eu.anthropic.claude-sonnet-4-5-20250929-v1:0"
TOOL: Any = {"name": "who", "input_schema": {"type": "object"}}
FUNCTION: Any = {"type": "function", "function": {"name": "who"}}


@pytest.fixture(autouse=True)
def credentials(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("AWS_PROFILE", "AWS_DEFAULT_REGION"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY_ID)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    monkeypatch.setenv("AWS_SESSION_TOKEN", SESSION)
    monkeypatch.setenv("AWS_REGION", REGION)


@asynccontextmanager
async def standing(folder: Path, **endpoint: str) -> AsyncGenerator[tuple[Stand, Amazon], None]:
    """A gateway whose model `claude` is at Bedrock."""
    state = Amazon()
    server = await amazon(state)
    url = f"http://127.0.0.1:{state.port}"
    at: dict[str, Any] = {"claude": {"url": url, "dialect": "bedrock", "model": MODEL, **endpoint}}
    async with asyncio.timeout(60), stand(folder, endpoints=at) as made:
        yield made, state
    server.close()


async def spoken(made: Stand) -> None:
    """Both SDKs, plainly and as streams, with words and tools."""
    asked: Any = {"model": "claude", "max_tokens": 50, "messages": HELLO}
    async with openai.AsyncOpenAI(
        api_key=made.keys["free"], base_url=f"{made.base}/v1", max_retries=0
    ) as sdk:
        whole = await sdk.chat.completions.create(**asked)
        assert whole.choices[0].message.content == "so it is"
        assert whole.model == MODEL
        async with sdk.chat.completions.stream(**asked, tools=[FUNCTION]) as stream:
            final: Any = await stream.get_final_completion()
        call = final.choices[0].message.tool_calls[0]
        assert (call.id, call.function.arguments) == ("tooluse_1", '{"by":1}')
    async with anthropic.AsyncAnthropic(
        api_key=made.keys["free"], base_url=made.base, max_retries=0
    ) as other:
        message = await other.messages.create(**asked, tools=[TOOL])
        use: Any = message.content[0]
        assert (message.stop_reason, use.name, use.input) == ("tool_use", "who", {"by": 1})
        assert message.usage.cache_read_input_tokens == 3
        async with other.messages.stream(**asked) as streamed:
            assert [text async for text in streamed.text_stream] == ["so ", "it ", "is"]


def test_both_sdks_speak_with_bedrock_signed(tmp_path: Path) -> None:
    async def test() -> None:
        async with standing(tmp_path) as (made, state):
            await spoken(made)
            assert state.refused == []
            assert {path.split("/")[2] for path in state.paths} == {MODEL.replace(":", "%3A")}
            assert [p.rsplit("/", 1)[1] for p in state.paths] == ["converse", "converse-stream"] * 2
            assert state.seen[0] == {
                "messages": [{"role": "user", "content": [{"text": "hello"}]}],
                "inferenceConfig": {"maxTokens": 50},
            }
            rows = [(r.fresh, r.cached, r.out, r.usage) for r in await made.receipts()]
            assert rows == [(11, 3, 4, "measured")] * 4

    asyncio.run(test())


def test_bedrock_takes_a_key_of_its_own_in_place_of_a_signature(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BEDROCK_KEY", "bedrock-api-key-of-nobody")
    monkeypatch.delenv("AWS_SECRET_ACCESS_KEY")

    async def test() -> None:
        async with standing(tmp_path, key="env:BEDROCK_KEY") as (made, state):
            state.bearer = "bedrock-api-key-of-nobody"
            await spoken(made)
            assert state.refused == []

    asyncio.run(test())


def test_a_signature_of_others_is_the_gateways_fault_and_not_the_callers(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", "another-secret")

    async def test() -> None:
        async with standing(tmp_path) as (made, state):
            answer = await ask(made, {"model": "claude", "max_tokens": 5, "messages": HELLO})
            assert answer.status == 502
            assert state.refused == ["signature"]
            assert state.seen == []

    asyncio.run(test())


@pytest.mark.parametrize(
    ("how", "status", "says"),
    [
        ("400", 400, "the upstream says: asked to answer 400"),
        ("424", 502, "every upstream that may take the request failed"),
        ("429", 429, "every upstream that may take the request failed"),
        ("503", 503, "every upstream that may take the request failed"),
        ("refused", 429, "every upstream that may take the request failed"),
        ("fails", 200, "the upstream ended the stream early (it failed)"),
        ("cut", 200, "the upstream ended the stream early (closed)"),
    ],
)
def test_what_fails_at_bedrock_is_told_to_the_caller(
    tmp_path: Path, how: str, status: int, says: str
) -> None:
    async def test() -> None:
        async with standing(tmp_path) as (made, state):
            state.how = how
            body = {"model": "claude", "max_tokens": 5, "messages": HELLO, "stream": True}
            wire = await Wire.to(made)
            wire.writer.write(request(made, body, more="connection: close\r\n"))
            answer = await wire.reader.read()
            assert answer.startswith(b"HTTP/1.1 %d " % status)
            assert says.encode() in answer
            assert b"[DONE]" not in answer
            (receipt,) = await made.receipts()
            assert receipt.outcome == {400: "refused", 200: "cut"}.get(status, "failed")

    asyncio.run(test())


def test_credentials_come_from_the_environment_or_files_and_from_nowhere_else(tmp_path: Path) -> None:
    origin = Origin.of("https://bedrock-runtime.us-east-1.amazonaws.com")
    with pytest.raises(InvalidInput, match="neither the environment nor a file"):
        AwsProof(origin, {"HOME": str(tmp_path)})
    file = tmp_path / ".aws" / "credentials"
    file.parent.mkdir()
    file.write_text(
        "[default]\naws_access_key_id = A\naws_secret_access_key = B\n[other]\naws_access_key_id = C\n"
    )
    proof = AwsProof(origin, {"HOME": str(tmp_path)})
    lines = proof.headers("/model/m/converse", b"{}").decode()
    assert "Credential=A/" in lines
    assert "/us-east-1/bedrock/aws4_request" in lines
    with pytest.raises(InvalidInput, match="cannot be read"):
        AwsProof(origin, {"HOME": str(tmp_path), "AWS_PROFILE": "other"})
    with pytest.raises(InvalidInput, match="region"):
        AwsProof(Origin.of("https://vpce-1.example"), {"HOME": str(tmp_path)})


def test_credentials_in_a_file_are_looked_at_again(tmp_path: Path) -> None:
    file, now = tmp_path / "credentials", [0.0]
    file.write_text("[default]\naws_access_key_id = A\naws_secret_access_key = B\n")
    known = {"AWS_SHARED_CREDENTIALS_FILE": str(file)}
    proof = AwsProof(Origin.of("https://bedrock-runtime.us-east-1.amazonaws.com"), known, lambda: now[0])
    file.write_text("[default]\naws_access_key_id = C\naws_secret_access_key = D\n")
    assert proof.lack is None
    assert b"Credential=A/" in proof.headers("/", b"")
    now[0] = 61.0
    assert proof.lack is None
    assert b"Credential=C/" in proof.headers("/", b"")
    file.write_text("")
    now[0] = 122.0
    assert proof.lack == "has no credentials now"
