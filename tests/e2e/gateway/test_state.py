"""State that lives at one upstream: what builds on it goes there, as the law allows, or is refused with the reason."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Any

import openai
import pytest
import yaml

from e2e.gateway.stand import ESTATE, Stand, ask, chat, stand
from offtake.adapters.gateway_keys import new_key

Run = Callable[..., None]


def sdk(made: Stand, key: str = "free") -> openai.AsyncOpenAI:
    return openai.AsyncOpenAI(api_key=made.keys[key], base_url=f"{made.base}/v1", max_retries=0)


def responses(**more: Any) -> dict[str, Any]:
    return {"model": "m", "input": "hello", **more}


async def post(made: Stand, body: dict[str, Any], key: str = "free") -> Any:
    return await ask(made, body, key, "/v1/responses")


@pytest.mark.parametrize("streams", [False, True])
def test_a_conversation_goes_on_where_it_began(on_stand: Run, streams: bool) -> None:
    async def test(made: Stand) -> None:
        made.states["eu"].misbehaves = "500"
        async with sdk(made) as client:
            if streams:
                events = [
                    e async for e in await client.responses.create(model="m", input="hello", stream=True)
                ]
                first: Any = events[-1]
                id = first.response.id
            else:
                id = (await client.responses.create(model="m", input="hello")).id
        made.states["eu"].misbehaves = ""
        made.serving.service.balances.breakers.clear()
        for _ in range(3):
            again = await post(made, responses(previous_response_id=id))
            assert (again.status, again.headers["x-offtake-route"]) == (200, "us/cheap")
        made.states["us"].misbehaves = "500"
        gone = await post(made, responses(previous_response_id=id))
        assert gone.status == 503  # It is nowhere else, so nothing else is asked.
        assert made.seen["eu"][-1].get("previous_response_id") is None

    on_stand(test)


def test_the_law_is_asked_again_of_a_state_that_lies_where_it_bars(on_stand: Run) -> None:
    async def test(made: Stand) -> None:
        made.states["eu"].misbehaves = "500"
        assert (await post(made, responses())).headers["x-offtake-route"] == "us/cheap"
        made.states["eu"].misbehaves = ""
        made.serving.service.balances.breakers.clear()
        body = responses(previous_response_id="resp_1")
        wire = await ask(made, body, "free", "/v1/responses", "x-offtake-data-class: eu\r\n")
        assert wire.status == 403
        assert "policy.eu" in wire.json["error"]["message"]

    on_stand(test)


def test_what_nobody_knows_is_refused_where_several_may_hold_it(on_stand: Run) -> None:
    async def test(made: Stand) -> None:
        for body, field in (
            (responses(previous_response_id="resp_unheard"), "previous_response_id"),
            (responses(conversation="conv_unheard"), "conversation"),
            (responses(conversation={"id": "conv_unheard"}), "conversation"),
        ):
            refused = await post(made, body)
            assert refused.status == 400
            assert (refused.json["error"]["code"], refused.json["error"]["param"]) == (
                "state_elsewhere",
                field,
            )
        part = {"type": "file", "file": {"file_id": "file-1"}}
        files = await ask(made, chat(messages=[{"role": "user", "content": [part]}]))
        assert (files.status, files.json["error"]["param"]) == (400, "file_id")
        said = await ask(made, chat(messages=[{"role": "user", "content": 'what is "file_id": "x"?'}]))
        assert said.status == 200
        # Where one deployment alone could hold it, it is asked.
        alone = await post(made, {"model": "small", "input": "x", "previous_response_id": "resp_unheard"})
        assert alone.status == 200
        assert [made.seen["us-small"][0]["previous_response_id"]] == ["resp_unheard"]

    on_stand(test)


def test_another_key_cannot_go_on_with_a_conversation(on_stand: Run) -> None:
    async def test(made: Stand) -> None:
        made.keys["other"] = new_key(made.place.keys, "free", "sweden")[0]
        assert (await post(made, responses())).status == 200
        for _ in range(100):
            refused = await post(made, responses(previous_response_id="resp_1"), "other")
            if refused.status != 401:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("the new key was never known")
        assert (refused.status, refused.json["error"]["code"]) == (400, "state_of_others")
        assert (await post(made, responses(previous_response_id="resp_1"))).status == 200

    on_stand(test)


def test_a_conversation_outlives_a_restart(tmp_path: Path) -> None:
    async def once(test: Callable[[Stand], Any], folder: Path) -> None:
        async with asyncio.timeout(60), stand(folder) as made:
            await test(made)

    async def begun(made: Stand) -> None:
        made.states["eu"].misbehaves = "500"
        found = await post(made, responses())
        assert found.headers["x-offtake-route"] == "us/cheap"
        kept.append(made.keys["free"])

    async def gone_on(made: Stand) -> None:
        made.keys["free"] = kept[0]
        found = await post(made, responses(previous_response_id="resp_1"))
        assert (found.status, found.headers["x-offtake-route"]) == (200, "us/cheap")

    kept: list[str] = []
    asyncio.run(once(begun, tmp_path))
    asyncio.run(once(gone_on, tmp_path))


def test_of_equals_the_one_where_the_prompt_stands_in_a_cache_is_taken(tmp_path: Path) -> None:
    async def test() -> None:
        async with asyncio.timeout(60), stand(tmp_path) as made:
            # Two deployments that cost the same.
            text = made.estate.read_text().replace("    model: small\n", "    model: m\n")
            text = text.replace("    products:\n    - reserved\n    - use", "    products:\n    - use")
            before = made.serving.service.table
            made.estate.write_text(text)
            for _ in range(200):
                if made.serving.service.table is not before:
                    break
                await asyncio.sleep(0.05)
            made.states["us"].misbehaves = "500"
            first = await ask(made, chat(prompt_cache_key="a-long-prompt"))
            assert first.headers["x-offtake-route"] == "us-small/cheap"
            made.states["us"].misbehaves = ""
            made.serving.service.balances.breakers.clear()
            plain = await ask(made, chat())
            cached = await ask(made, chat(prompt_cache_key="a-long-prompt"))
            other = await ask(made, chat(prompt_cache_key="another"))
            routes = [a.headers["x-offtake-route"] for a in (plain, cached, other)]
            assert routes == ["us/cheap", "us-small/cheap", "us/cheap"]

    asyncio.run(test())


def test_a_model_stands_in_where_its_quality_is_enough_and_it_is_cheaper(tmp_path: Path) -> None:
    whole: Any = yaml.safe_load(ESTATE)
    for model, quality in (("m", 70), ("small", 60), ("claude", 40)):
        whole["models"][model]["quality"] = quality
    whole["workloads"]["free"]["quality"] = 55
    whole["products"]["reserved"]["held"] = []
    change = {part: whole[part] for part in ("models", "workloads", "products")}

    async def test() -> None:
        async with asyncio.timeout(60), stand(tmp_path, change=change) as made:
            stood_in = await ask(made, chat(tokens=4))
            assert stood_in.headers["x-offtake-route"] == "us-small/cheap"
            assert made.seen["us-small"][0]["model"] == "small"
            itself = await ask(made, chat(), more="x-offtake-stand-in: never\r\n")
            assert itself.headers["x-offtake-route"] != "us-small/cheap"
            # Below the floor is none that stands in, and translated it stands in as well as plain.
            body = {"model": "m", "max_tokens": 9, "messages": [{"role": "user", "content": "hello"}]}
            translated = await ask(made, body, path="/v1/messages")
            assert translated.headers["x-offtake-route"] == "us-small/cheap"
            assert made.seen["us-small"][-1]["model"] == "small"
            assert made.seen["claude"] == []
            rows = [(r.asked, r.model) for r in await made.receipts()]
            assert rows == [("m", "small"), ("m", "m"), ("m", "small")]

    asyncio.run(test())
