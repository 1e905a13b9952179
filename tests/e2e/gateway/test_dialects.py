"""Real SDKs whose upstream speaks another dialect: answers, streams, tools, errors, and what is refused."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from e2e.gateway.stand import Stand, Wire, ask, chat, request
from offtake.entrypoints.gateway import translating

Run = Callable[..., None]
HELLO: Any = [{"role": "user", "content": "hello"}]
SCHEMA = {"type": "object", "properties": {"by": {"type": "string"}}}
FUNCTION: Any = {"type": "function", "function": {"name": "who", "parameters": SCHEMA}}
TOOL: Any = {"name": "who", "input_schema": SCHEMA}


def to_claude(**more: Any) -> dict[str, Any]:
    return chat(model="claude", max_tokens=50, **more)


def messages(**more: Any) -> dict[str, Any]:
    return {"model": "m", "max_tokens": 50, "messages": HELLO, **more}


def openai_sdk(stand: Stand) -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=stand.keys["free"], base_url=f"{stand.base}/v1", max_retries=0)


def anthropic_sdk(stand: Stand) -> anthropic.AsyncAnthropic:
    return anthropic.AsyncAnthropic(api_key=stand.keys["free"], base_url=stand.base, max_retries=0)


def test_the_openai_sdk_speaks_with_anthropics_upstream(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        async with openai_sdk(stand) as sdk:
            asked: Any = {"model": "claude", "max_completion_tokens": 50}
            whole = await sdk.chat.completions.create(messages=HELLO, **asked)
            assert whole.choices[0].message.content
            assert whole.choices[0].finish_reason == "stop"
            assert whole.usage is not None
            assert whole.usage.completion_tokens == 8
            stream = await sdk.chat.completions.create(messages=HELLO, stream=True, **asked)
            chunks = [chunk async for chunk in stream]
            assert "".join(c.choices[0].delta.content or "" for c in chunks) == "0 1 2 3 4 5 6 7 "
            assert chunks[-1].choices[0].finish_reason == "stop"
            assert all(chunk.usage is None for chunk in chunks)
            told: Any = {"include_usage": True}
            stream = await sdk.chat.completions.create(
                messages=HELLO, stream=True, stream_options=told, **asked
            )
            usage = [chunk async for chunk in stream][-1].usage
            assert usage is not None
            assert usage.completion_tokens == 8
        assert stand.seen["claude"][0] == {
            "model": "claude",
            "max_tokens": 50,
            "messages": [{"role": "user", "content": [{"type": "text", "text": "hello"}]}],
        }
        receipts = await stand.receipts()
        assert [(r.usage, r.out, r.supply, r.operation) for r in receipts] == [
            ("measured", 8, "claude/claude", "chat")
        ] * 3

    on_stand(test)


def test_the_anthropic_sdk_speaks_with_openais_upstream(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        async with anthropic_sdk(stand) as sdk:
            asked: Any = {"model": "m", "max_tokens": 50, "system": "be brief", "messages": HELLO}
            whole = await sdk.messages.create(**asked)
            assert whole.content[0].type == "text"
            assert (whole.stop_reason, whole.usage.output_tokens) == ("end_turn", 8)
            async with sdk.messages.stream(**asked) as stream:
                words = [text async for text in stream.text_stream]
                final = await stream.get_final_message()
            assert words == [f"{n} " for n in range(8)]
            assert (final.stop_reason, final.usage.output_tokens) == ("end_turn", 8)
            assert final.usage.input_tokens > 0
        assert stand.seen["eu"][0] == {
            "model": "m",
            "max_tokens": 50,
            "messages": [{"role": "system", "content": "be brief"}, *HELLO],
        }
        assert [(r.usage, r.out, r.operation) for r in await stand.receipts()] == [
            ("measured", 8, "messages")
        ] * 2

    on_stand(test)


@pytest.mark.parametrize("streams", [False, True])
def test_tools_of_openais_sdk_go_to_anthropics_upstream_and_back(on_stand: Run, streams: bool) -> None:
    async def test(stand: Stand) -> None:
        async with openai_sdk(stand) as sdk:
            asked: Any = {"model": "claude", "max_tokens": 50, "tools": [FUNCTION]}
            if streams:
                async with sdk.chat.completions.stream(messages=HELLO, **asked) as stream:
                    whole: Any = await stream.get_final_completion()
            else:
                whole = await sdk.chat.completions.create(messages=HELLO, **asked)
            choice = whole.choices[0]
            assert choice.finish_reason == "tool_calls"
            (call,) = choice.message.tool_calls
            assert (call.id, call.function.name) == ("toolu_1", "who")
            assert json.loads(call.function.arguments) == {"by": "claude"}
            said = choice.message.model_dump(exclude_none=True, include={"role", "tool_calls"})
            said["tool_calls"][0]["function"].pop("parsed_arguments", None)
            said["tool_calls"][0].pop("index", None)
            result = {"role": "tool", "tool_call_id": call.id, "content": "claude it is"}
            turns: Any = [*HELLO, said, result]
            again = await sdk.chat.completions.create(messages=turns, **asked)
            assert again.choices[0].finish_reason == "stop"
        turns = stand.seen["claude"][1]["messages"]
        assert turns[1]["content"][0]["input"] == {"by": "claude"}
        assert turns[2]["content"][0]["tool_use_id"] == "toolu_1"

    on_stand(test)


@pytest.mark.parametrize("streams", [False, True])
def test_tools_of_anthropics_sdk_go_to_openais_upstream_and_back(on_stand: Run, streams: bool) -> None:
    async def test(stand: Stand) -> None:
        async with anthropic_sdk(stand) as sdk:
            asked: Any = {"model": "m", "max_tokens": 50, "tools": [TOOL], "tool_choice": {"type": "any"}}
            if streams:
                async with sdk.messages.stream(messages=HELLO, **asked) as stream:
                    whole = await stream.get_final_message()
            else:
                whole = await sdk.messages.create(messages=HELLO, **asked)
            assert whole.stop_reason == "tool_use"
            use: Any = whole.content[0]
            assert (use.type, use.id, use.name, use.input) == ("tool_use", "call_1", "who", {"by": "eu"})
            said: Any = {
                "role": "assistant",
                "content": [use.model_dump(include={"type", "id", "name", "input"})],
            }
            result: Any = {
                "role": "user",
                "content": [{"type": "tool_result", "tool_use_id": use.id, "content": "eu it is"}],
            }
            again = await sdk.messages.create(messages=[*HELLO, said, result], **asked)
            assert again.stop_reason == "end_turn"
        assert stand.seen["eu"][0]["tool_choice"] == "required"
        turns = stand.seen["eu"][1]["messages"]
        assert json.loads(turns[1]["tool_calls"][0]["function"]["arguments"]) == {"by": "eu"}
        assert turns[2] == {"role": "tool", "tool_call_id": "call_1", "content": "eu it is"}

    on_stand(test)


def test_what_cannot_be_said_is_refused_with_the_fields_name(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        async with openai_sdk(stand) as sdk:
            with pytest.raises(openai.BadRequestError) as raised:
                await sdk.chat.completions.create(model="claude", messages=HELLO, max_tokens=5, seed=1)
            assert (raised.value.param, raised.value.code) == ("seed", "untranslatable")
            with pytest.raises(openai.BadRequestError) as raised:
                await sdk.chat.completions.create(model="claude", messages=HELLO)
            assert "max_tokens" in raised.value.message
        async with anthropic_sdk(stand) as sdk:
            with pytest.raises(anthropic.BadRequestError, match="top_k"):
                await sdk.messages.create(model="m", max_tokens=5, messages=HELLO, extra_body={"top_k": 3})
            with pytest.raises(anthropic.BadRequestError, match="anthropic-beta"):
                await sdk.messages.create(
                    model="m", max_tokens=5, messages=HELLO, extra_headers={"anthropic-beta": "new-2030"}
                )
        assert not any(stand.seen.values())
        receipts = await stand.receipts()
        assert {(r.outcome, r.status, r.attempts) for r in receipts} == {("refused", 400, 0)}
        assert b"top_k" not in stand.place.receipts.read_bytes()

    on_stand(test)


def test_a_field_that_one_upstream_cannot_be_told_leads_to_one_that_can(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        # The cheaper upstream of the two speaks another dialect, which has no seed.
        text = stand.estate.read_text().replace("model: small", "model: m")
        change = text.replace(f"{stand.ports['us-small']}/v1\n      dialect: openai",
                              f"{stand.ports['us-small']}/v1\n      dialect: anthropic")  # fmt: skip
        change = change.replace("products:\n    - reserved\n    - use", "products:\n    - use")
        change = change.replace(f"{stand.ports['us']}/v1\n      dialect: openai",
                                f"{stand.ports['us']}/v1\n      dialect: anthropic")  # fmt: skip
        before = stand.serving.service.table
        stand.estate.write_text(change)
        for _ in range(200):
            if stand.serving.service.table is not before:
                break
            await asyncio.sleep(0.05)
        cheap = await ask(stand, chat(max_tokens=5))
        assert cheap.headers["x-offtake-route"].startswith("us")
        told = await ask(stand, chat(max_tokens=5, seed=1))
        assert (told.status, told.headers["x-offtake-route"]) == (200, "eu/use")
        assert stand.seen["eu"][0]["seed"] == 1
        receipt = (await stand.receipts())[-1]
        assert ("us/cheap", "speaks another dialect, which cannot say it", ()) in receipt.passed

    on_stand(test)


@pytest.mark.parametrize("how", ["429", "500", "503", "drop", "garbage", "bad-json"])
def test_a_translated_request_fails_over_before_its_first_byte(on_stand: Run, how: str) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = how
        answer = await ask(stand, messages(stream=how != "bad-json"), path="/v1/messages")
        if how == "bad-json":
            # It was answered and paid for, so it is not asked for again.
            assert (answer.status, answer.json["error"]["type"]) == (502, "api_error")
            return
        assert (answer.status, answer.headers["x-offtake-route"]) == (200, "us/cheap")
        assert answer.body.endswith(b'event: message_stop\ndata: {"type":"message_stop"}\n\n')
        (receipt,) = await stand.receipts()
        assert (receipt.outcome, receipt.attempts, receipt.usage) == ("served", 2, "measured")

    on_stand(test)


def test_a_translated_stream_that_is_cut_says_so_and_is_not_repeated(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["claude"].misbehaves = "cut"
        async with openai_sdk(stand) as sdk:
            stream = await sdk.chat.completions.create(
                model="claude", max_tokens=50, messages=HELLO, stream=True
            )
            with pytest.raises(openai.APIError, match="ended the stream early"):
                async for _ in stream:
                    pass
        stand.states["eu"].misbehaves = "cut"
        async with anthropic_sdk(stand) as sdk, sdk.messages.stream(**messages()) as stream:
            with pytest.raises(anthropic.APIError, match="ended the stream early"):
                await stream.get_final_message()
        assert [r.outcome for r in await stand.receipts()] == ["cut", "cut"]
        assert len(stand.seen["us"]) == 0

    on_stand(test)


def test_the_law_is_asked_of_every_translated_path(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = "500"
        answer = await ask(stand, messages(), "chat", "/v1/messages")
        assert (answer.status, answer.json["error"]["type"]) == (503, "overloaded_error")
        assert "policy.eu" in answer.json["error"]["message"]
        assert stand.seen["us"] == []

    on_stand(test)


def test_an_upstreams_error_is_told_in_the_callers_dialect(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["claude"].misbehaves = "400"
        async with openai_sdk(stand) as sdk:
            with pytest.raises(openai.BadRequestError, match="the upstream says: asked to answer 400"):
                await sdk.chat.completions.create(model="claude", max_tokens=50, messages=HELLO)
        stand.states["eu"].misbehaves = "400"
        async with anthropic_sdk(stand) as sdk:
            with pytest.raises(anthropic.BadRequestError, match="the upstream says: asked to answer 400"):
                await sdk.messages.create(**messages())
        assert [(r.outcome, r.status, r.cost_pico) for r in await stand.receipts()] == [
            ("refused", 400, 0)
        ] * 2

    on_stand(test)


@pytest.mark.parametrize("status", ["401", "403"])
def test_an_upstream_that_does_not_know_the_gateway_is_no_fault_of_the_caller(
    on_stand: Run, status: str
) -> None:
    async def test(stand: Stand) -> None:
        for name in ("claude", "eu", "us"):
            stand.states[name].misbehaves = status
        for body, path in ((to_claude(), "/v1/chat/completions"), (chat(), "/v1/chat/completions"),
                           (messages(), "/v1/messages")):  # fmt: skip
            assert (await ask(stand, body, path=path)).status == 502

    on_stand(test)


def test_the_shadow_translates_where_it_was_asked_and_refuses_what_cannot_be_said(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.serving.service.shadow = True
        answer = await ask(stand, to_claude())
        assert (answer.status, answer.headers["x-offtake-route"]) == (200, "claude/claude")
        refused = await ask(stand, to_claude(seed=1))
        assert (refused.status, refused.json["error"]["param"]) == (400, "seed")
        assert len(stand.seen["claude"]) == 1

    on_stand(test)


def test_a_caller_that_leaves_a_translated_stream_is_charged_for_what_was_written(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["claude"].misbehaves = "stalls"
        wire = await Wire.to(stand)
        wire.writer.write(request(stand, to_claude(stream=True)))
        await wire.reader.readuntil(b"2 ")
        wire.close()
        await asyncio.sleep(0.05)
        (receipt,) = await stand.receipts()
        assert (receipt.outcome, receipt.usage) == ("left", "estimated")
        assert 0 < receipt.out <= 8
        assert not stand.serving.service.exchanges

    on_stand(test)


def test_an_answer_too_long_to_be_translated_is_refused(
    on_stand: Run, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(translating, "MOST_ANSWER", 1000)

    async def test(stand: Stand) -> None:
        stand.states["claude"].misbehaves = "huge"
        answer = await ask(stand, to_claude())
        assert answer.status == 502
        assert "too long" in answer.json["error"]["message"]
        assert not stand.serving.service.exchanges

    on_stand(test)
