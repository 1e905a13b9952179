"""Limits of a key: requests and tokens a minute, requests at once, money; told in each dialect."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import anthropic
import openai
import pytest

from e2e.gateway.stand import Stand, Wire, ask, chat, request
from e2e.gateway.test_changes import until
from offtake.adapters.gateway_keys import new_key
from offtake.router.allowances import Allowed, pico_of

Run = Callable[..., None]


async def key(stand: Stand, allowed: Allowed) -> None:
    stand.keys["tight"], made = new_key(stand.place.keys, "free", "sweden", allowed=allowed)
    service = stand.serving.service
    await until(lambda: service.callers.of_hash(bytes.fromhex(made.hash)) is not None)


def test_requests_and_tokens_of_a_minute(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await key(stand, Allowed(requests_per_minute=2, tokens_per_minute=5_000))
        first = await ask(stand, chat(max_tokens=8), "tight")
        assert first.headers["x-ratelimit-limit-requests"] == "2"
        assert first.headers["x-ratelimit-remaining-requests"] == "1"
        assert 4_000 < int(first.headers["x-ratelimit-remaining-tokens"]) < 5_000
        assert first.headers["x-ratelimit-reset-tokens"].endswith("s")
        many = await ask(stand, chat(max_tokens=6_000), "tight")
        assert many.status == 429
        assert "5,000 tokens a minute" in many.json["error"]["message"]
        assert (await ask(stand, chat(max_tokens=8), "tight")).status == 200
        over = await ask(stand, chat(max_tokens=8), "tight")
        assert (over.status, over.json["error"]["code"]) == (429, "rate_limit_exceeded")
        assert over.headers["x-ratelimit-remaining-requests"] == "0"
        assert 1 <= int(over.headers["retry-after"]) <= 61
        receipt = (await stand.receipts())[-1]
        assert (receipt.outcome, receipt.status, receipt.passed) == (
            "refused",
            429,
            (("", "key: requests", ()),),
        )

    on_stand(test)


def test_each_dialect_is_told_in_its_own_words(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await key(stand, Allowed(requests_per_minute=1))
        here: dict[str, Any] = {"base_url": stand.base, "api_key": stand.keys["tight"], "max_retries": 0}
        async with anthropic.AsyncAnthropic(**here) as client:
            asked: Any = {"model": "claude", "max_tokens": 8, "messages": [{"role": "user", "content": "hi"}]}
            answer = await client.messages.with_raw_response.create(**asked)
            assert answer.headers["anthropic-ratelimit-requests-remaining"] == "0"
            assert answer.headers["anthropic-ratelimit-requests-reset"].endswith("Z")
            with pytest.raises(anthropic.RateLimitError) as error:
                await client.messages.create(**asked)
            assert error.value.response.headers["retry-after"]
        here["base_url"] = f"{stand.base}/v1"
        async with openai.AsyncOpenAI(**here) as other:
            with pytest.raises(openai.RateLimitError) as limited:
                await other.chat.completions.create(model="m", messages=[{"role": "user", "content": "hi"}])
            assert limited.value.code == "rate_limit_exceeded"

    on_stand(test)


def test_requests_at_once_and_what_one_that_ended_gives_back(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await key(stand, Allowed(at_once=1))
        runs = await Wire.to(stand)
        runs.writer.write(request(stand, chat(stream=True, tokens=10_000, pace_ms=5), "tight"))
        await runs.reader.readuntil(b"data: ")
        assert (await ask(stand, chat(), "tight")).status == 429
        runs.close()
        service = stand.serving.service
        await until(lambda: not service.exchanges)
        assert (await ask(stand, chat(), "tight")).status == 200

    on_stand(test)


def test_money_is_held_at_the_most_and_settled_at_what_was_used(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = "500"
        await key(stand, Allowed(spend=pico_of(0.001)))
        dear = await ask(stand, chat(model="claude", max_tokens=1_000), "tight", "/v1/messages")
        assert (dear.status, dear.json["error"]["type"]) == (429, "rate_limit_error")
        assert "may spend 0.001 a month" in dear.json["error"]["message"]
        served = 0
        for _ in range(8):
            answer = await ask(stand, chat(model="small", max_tokens=2_000, tokens=1_000), "tight")
            served += answer.status == 200
        # Each holds a little more than 0.0004 USD and uses half of it: after three 0.0004 are left.
        assert served == 3
        costs = [r.cost_pico for r in await stand.receipts() if r.outcome == "served"]
        assert sum(costs) <= 10**9

    on_stand(test)


def test_what_a_key_had_spent_is_known_after_a_restart(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await key(stand, Allowed(spend=pico_of(1)))
        await ask(stand, chat(model="small", max_tokens=100), "tight")
        receipt = (await stand.receipts())[-1]
        service = stand.serving.service
        opening = service.receipts.opening(service.table, service.table.day)
        assert opening.keys == {receipt.key: receipt.cost_pico}

    on_stand(test)
