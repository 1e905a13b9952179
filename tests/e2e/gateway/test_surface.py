"""What callers see: real SDKs against upstreams that behave, and that do not."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import anthropic
import openai
import pytest

from e2e.gateway.stand import Stand, Wire, ask, chat, request
from offtake.entrypoints.gateway.limits import DEFAULT

Run = Callable[..., None]
HELLO: Any = [{"role": "user", "content": "hello"}]


def client(stand: Stand, key: str = "free") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=stand.keys[key], base_url=f"{stand.base}/v1", max_retries=0)


def test_the_openai_sdk_reads_answers_and_streams_of_every_kind(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        async with client(stand) as openai_client:
            whole = await openai_client.chat.completions.create(model="m", messages=HELLO)
            assert whole.usage is not None
            assert whole.usage.completion_tokens == 8
            stream = await openai_client.chat.completions.create(model="m", messages=HELLO, stream=True)
            chunks = [chunk async for chunk in stream]
            assert len(chunks) == 9
            assert all(chunk.usage is None for chunk in chunks)
            asks: Any = {"include_usage": True}
            stream = await openai_client.chat.completions.create(
                model="m", messages=HELLO, stream=True, stream_options=asks
            )
            chunks = [chunk async for chunk in stream]
            assert chunks[-1].usage is not None
            text = await openai_client.completions.create(model="m", prompt="hello")
            assert text.choices[0].text
            vector = await openai_client.embeddings.create(model="m", input="hello", encoding_format="float")
            assert vector.data[0].embedding == [0.0, 1.0]
            response = await openai_client.responses.create(model="m", input="hello")
            assert response.output_text
            events = [
                e async for e in await openai_client.responses.create(model="m", input="x", stream=True)
            ]
            assert events[-1].type == "response.completed"
            assert [model.id async for model in openai_client.models.list()] == ["m", "small", "claude"]
        receipts = await stand.receipts()
        assert {r.usage for r in receipts} == {"measured"}
        assert [r.out for r in receipts] == [8, 8, 8, 8, 0, 8, 8]

    on_stand(test)


def test_the_azure_sdk_and_its_paths(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        azure = openai.AsyncAzureOpenAI(
            api_key=stand.keys["free"], azure_endpoint=stand.base, api_version="2024-10-21", max_retries=0
        )
        async with azure:
            whole = await azure.chat.completions.create(model="m", messages=HELLO)
            assert whole.choices[0].message.content
            with pytest.raises(openai.NotFoundError) as raised:
                await azure.chat.completions.create(model="nothing", messages=HELLO)
            assert raised.value.code == "model_not_found"

    on_stand(test)


def test_an_azure_path_names_the_model_where_the_body_does_not(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        path = "/openai/deployments/m/chat/completions?api-version=2024-10-21"
        assert (await ask(stand, {"messages": HELLO}, path=path)).status == 200
        assert stand.seen["eu"][0]["model"] == "m"
        refused = await ask(stand, {"model": "small", "messages": HELLO}, path=path)
        assert (refused.status, refused.json["error"]["param"]) == (400, "model")

    on_stand(test)


def test_the_anthropic_sdk_reads_answers_and_streams(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        sdk = anthropic.AsyncAnthropic(api_key=stand.keys["free"], base_url=stand.base, max_retries=0)
        async with sdk:
            whole = await sdk.messages.create(model="claude", max_tokens=100, messages=HELLO)
            assert whole.usage.output_tokens == 8
            async with sdk.messages.stream(model="claude", max_tokens=100, messages=HELLO) as stream:
                final = await stream.get_final_message()
            assert final.usage.output_tokens == 8
            with pytest.raises(anthropic.NotFoundError) as raised:
                await sdk.messages.create(model="nothing", max_tokens=1, messages=HELLO)
            body: Any = raised.value.body
            assert body["error"]["type"] == "not_found_error"
        assert [(r.fresh > 0, r.out, r.usage) for r in await stand.receipts()] == [(True, 8, "measured")] * 2

    on_stand(test)


def test_what_the_gateway_does_not_know_passes_through_byte_by_byte(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        odd = (
            b'{ "tools":[{"type":"function","function":{"name":"model","parameters":{"a":1.10}}}],'
            b'"model" :"m","messages":[{"role":"user","content":[{"type":"image_url",'
            b'"image_url":{"url":"data:,\\u00e9"}}]}],'
            b'"response_format":{"type":"json_schema"},"brand_new":1e2 }'
        )
        assert (await ask(stand, odd)).status == 200
        assert stand.seen["eu"] == [json.loads(odd)]

    on_stand(test)


@pytest.mark.parametrize(
    ("status", "change"),
    [
        (401, {"key": "nobody"}),
        (401, {"key": "lapsed"}),
        (403, {"key": "small"}),
        (415, {"more": "content-encoding: gzip\r\n"}),
        (415, {"kind": "text/plain"}),
        (400, {"body": {"messages": []}}),
        (400, {"body": {"model": "m", "max_tokens": -1}}),
        (400, {"body": {"model": "m", "previous_response_id": "r"}, "path": "/v1/responses"}),
        (400, {"more": "x-offtake-data-class: unheard-of\r\n"}),
        (404, {"path": "/v1/nothing"}),
        (404, {"path": "/openai/deployments/../v1/chat/completions"}),
        (405, {"method": "PUT"}),
    ],
)
def test_what_cannot_be_taken_is_refused_in_the_callers_dialect(
    on_stand: Run, status: int, change: dict[str, Any]
) -> None:
    async def test(stand: Stand) -> None:
        stand.keys["nobody"] = "of-nobody"
        kind = change.pop("kind", "application/json")
        given: dict[str, Any] = {"body": chat(), **change}
        raw = request(stand, **given).replace(b"application/json", kind.encode())
        wire = await Wire.to(stand)
        wire.writer.write(raw)
        answer, _ = await wire.answer()
        assert answer.status == status
        assert answer.json["error"]["message"]
        assert answer.headers["x-request-id"]
        assert all(not seen for seen in stand.seen.values())

    on_stand(test)


@pytest.mark.parametrize("how", ["429", "500", "503", "drop", "garbage", "bad-json", "cut"])
def test_an_upstream_that_fails_before_its_first_byte_is_replaced_by_another(on_stand: Run, how: str) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = how
        answer = await ask(stand, chat())
        assert answer.status == 200
        assert answer.headers["x-offtake-route"] == "us/cheap"
        (receipt,) = await stand.receipts()
        assert (receipt.outcome, receipt.attempts, receipt.supply) == ("served", 2, "us/cheap")
        assert receipt.cost_pico == receipt.fresh * 10**6 + receipt.out * 4 * 10**6

    on_stand(test)


@pytest.mark.parametrize(("how", "status"), [("429", 429), ("500", 503), ("drop", 502), ("silent", 504)])
def test_eu_data_is_refused_rather_than_sent_away_when_its_deployment_fails(
    on_stand: Run, how: str, status: int
) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = how
        answer = await ask(stand, chat(), "chat")
        assert answer.status == status
        assert "policy.eu" in answer.json["error"]["message"]
        if how == "429":
            assert int(answer.headers["retry-after"]) >= 2
        assert stand.seen["us"] == []
        (receipt,) = await stand.receipts()
        assert (receipt.outcome, receipt.usage, receipt.cost_pico) == ("failed", "none", 0)
        assert ("us/cheap", "law", ("policy.eu",)) in receipt.passed

    on_stand(test, replace(DEFAULT, first_byte_within_s=0.2))


def test_a_stream_that_is_cut_says_so_and_is_never_taken_for_whole(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        async with client(stand) as sdk:
            stream = await sdk.chat.completions.create(
                model="m", messages=HELLO, stream=True, extra_body={"misbehave": "cut"}
            )
            with pytest.raises(openai.APIError, match="ended the stream early"):
                async for _ in stream:
                    pass
        (receipt,) = await stand.receipts()
        assert (receipt.outcome, receipt.usage) == ("cut", "estimated")
        assert 0 < receipt.out <= 3
        assert receipt.bound > 0
        assert len(stand.seen["us"]) == 0

    on_stand(test)


@pytest.mark.parametrize("how", ["no-usage", "wrong-usage"])
def test_usage_that_is_missing_or_wrong_is_estimated_with_a_bound(on_stand: Run, how: str) -> None:
    async def test(stand: Stand) -> None:
        assert (await ask(stand, chat(misbehave=how))).status == 200
        (receipt,) = await stand.receipts()
        assert (receipt.usage, receipt.outcome) == ("estimated", "served")
        assert abs(receipt.out - 8) <= receipt.bound

    on_stand(test)


def test_a_caller_that_leaves_is_charged_for_what_was_written(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        wire.writer.write(request(stand, chat(stream=True, tokens=1000, pace_ms=5)))
        await wire.reader.readuntil(b"data: ")
        await asyncio.sleep(0.05)
        wire.close()
        await asyncio.sleep(0.05)
        (receipt,) = await stand.receipts()
        assert (receipt.outcome, receipt.usage) == ("left", "estimated")
        assert 0 < receipt.out < 100
        service = stand.serving.service
        assert not service.exchanges
        assert service.balances.busy["eu/reserved"] == 0

    on_stand(test)


def test_a_request_may_tighten_what_its_key_says_and_never_loosen_it(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = "500"
        eu = "x-offtake-data-class: eu\r\n"
        assert (await ask(stand, chat())).status == 200
        refused = await ask(stand, chat(), more=eu)
        assert refused.status == 503
        assert "policy.eu" in refused.json["error"]["message"]
        assert len(stand.seen["us"]) == 1

    on_stand(test)


def test_a_budget_that_is_used_up_refuses_and_names_its_clause(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        service = stand.serving.service
        place = next(n for n, m in enumerate(service.table.meters) if m.id == "policy.purse")
        service.balances.meters[place].taken = 50 * 10**12 - 10
        stand.states["eu"].misbehaves = "500"
        answer = await ask(stand, chat(model="small"))
        assert answer.status == 429
        assert "policy.purse allows 50 USD a year" in answer.json["error"]["message"]

    on_stand(test)


def test_no_receipt_holds_what_was_said_and_no_answer_holds_a_secret(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        said = "a sentence that nobody else may read"
        for body in (
            chat(user="alice@example.com"),
            {"model": "m", "messages": [{"role": "user", "content": said}]},
        ):
            await ask(stand, body)
        await stand.receipts()
        kept = b"".join(path.read_bytes() for path in sorted(stand.place.folder.iterdir()))
        for word in (said, "alice", "hello", *stand.keys.values()):
            assert word.encode() not in kept

    on_stand(test)


def test_health_and_metrics(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await ask(stand, chat())
        texts: dict[str, str] = {}
        for path in ("/healthz", "/readyz", "/metrics"):
            wire = await Wire.to(stand)
            wire.writer.write(request(stand, b"", method="GET", path=path))
            answer, _ = await wire.answer("GET")
            assert answer.status == 200
            texts[path] = answer.body.decode()
        assert 'offtake_requests_total{supply="eu/reserved"' in texts["/metrics"]
        assert (
            'gen_ai_client_token_usage{supply="eu/reserved",gen_ai_token_type="output"} 8'
            in texts["/metrics"]
        )
        assert "offtake_meter{" in texts["/metrics"]

    on_stand(test)
