"""Several real processes: bounds that they share, one that dies, all of them replaced, a key that is revoked."""

from __future__ import annotations

import asyncio
import os
import re
import signal
from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest

from e2e.gateway.fleet import Client, Fleet, fleet, until
from offtake.adapters.gateway_keys import revoke
from offtake.adapters.headroom import open_headroom
from offtake.adapters.receipts_sqlite import verify
from offtake.router.allowances import Allowed
from offtake.router.headroom import Word

CEILING = 60_000


def ceiling(estate: dict[str, Any]) -> None:
    """No more than so many tokens a month at Y, by which `small` alone is served."""
    clause = {
        "kind": "ceiling",
        "measure": "tokens",
        "upper": f"{CEILING} tokens",
        "window": "month",
        "covers": {"providers": ["y"]},
    }
    estate["agreements"]["lab-y"]["clauses"]["most"] = clause


def run(
    folder: Path, test: Callable[[Fleet], Awaitable[None]], *options: str, change: Any = lambda _: None
) -> None:
    async def whole() -> None:
        async with asyncio.timeout(120), fleet(folder, change, *options) as made:
            await test(made)

    asyncio.run(whole())


def used(made: Fleet) -> int:
    return sum(r.fresh + r.cached + r.out for r in made.receipts() if r.outcome == "served")


def workers_in(made: Fleet) -> set[str]:
    return {r.id.rpartition("-")[0] for r in made.receipts()}


@pytest.mark.parametrize("dies", [False, True], ids=["all live", "one dies"])
def test_processes_never_pass_a_ceiling_together_and_come_near_it(tmp_path: Path, dies: bool) -> None:
    async def test(made: Fleet) -> None:
        refused, stop = 0, asyncio.Event()

        async def caller() -> None:
            nonlocal refused
            client = Client(made)
            while not stop.is_set():
                status, headers, body = await client.ask(model="small", max_tokens=40, tokens=40)
                assert status in (200, 429), body
                if status == 429:
                    refused += 1
                    assert b"lab-y.most" in body
                    await asyncio.sleep(0.1)
                assert headers["x-request-id"]

        callers = [asyncio.create_task(caller()) for _ in range(12)]
        if dies:
            await until(lambda: used(made) > CEILING / 4)
            os.kill(made.workers()[0], signal.SIGKILL)
        # What one that died held in advance comes back once another has counted its receipts.
        await until(lambda: refused > 60 and used(made) > CEILING * 0.9, 40)
        stop.set()
        await asyncio.gather(*callers)
        assert await made.end() == 0
        assert CEILING * 0.9 < used(made) <= CEILING
        assert len(workers_in(made)) >= 2
        assert verify(made.place.receipts, made.place.public_key)[2] == ()
        if dies:
            assert any("signal 9; it is started again" in line for line in made.said)
        store = open_headroom(made.place.headroom)
        (ends,) = (row for row in _month_ends(made))
        (told,) = store.exchange("judge", [Word("meter lab-y.most", ends, None, 0, 0)])
        store.close()
        # One that dies may have told others of what it had no time to write a receipt of.
        lost = told.settled - used(made) * 10**12
        assert 0 <= lost <= (CEILING * 10**12 // 10 if dies else 0)

    run(tmp_path, test, "--processes", "2", change=ceiling)


def _month_ends(made: Fleet) -> set[float]:
    import sqlite3

    with sqlite3.connect(made.place.headroom) as file:
        rows = file.execute(
            "SELECT ends FROM headroom_accounts WHERE account = 'meter lab-y.most'"
        ).fetchall()
    return {row[0] for row in rows}


async def stay(made: Fleet, client: Client) -> None:
    """Processes that cannot begin leave the old ones in place."""
    text = made.estate.read_text()
    made.estate.write_text(text.replace("amount: 50 USD", "amount: plenty"))
    before = made.workers()
    made.process.send_signal(signal.SIGHUP)
    await until(lambda: any("could not be replaced, and the old ones stay" in line for line in made.said), 60)
    assert set(before) <= set(made.workers())
    assert (await client.ask(model="small"))[0] == 200
    made.estate.write_text(text)


def test_processes_are_replaced_without_cutting_a_stream_or_losing_a_request(tmp_path: Path) -> None:
    async def test(made: Fleet) -> None:
        client, stop = Client(made), asyncio.Event()
        await client.ask(model="small")
        statuses: list[int] = []

        async def caller() -> None:
            each = Client(made)
            while not stop.is_set():
                statuses.append((await each.ask(model="small"))[0])

        async def stream() -> bytes:
            return (await Client(made).ask(model="small", stream=True, tokens=300, pace_ms=10))[2]

        streams = [asyncio.create_task(stream()) for _ in range(6)]
        callers = [asyncio.create_task(caller()) for _ in range(4)]
        before = made.workers()
        made.process.send_signal(signal.SIGHUP)
        await until(lambda: any("were replaced" in line for line in made.said), 60)
        for answer in await asyncio.gather(*streams):
            assert answer.count(b"data: ") > 300
            assert answer.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        await until(lambda: not set(before) & set(made.workers()), 60)
        stop.set()
        await asyncio.gather(*callers)
        assert set(statuses) == {200}
        assert len(made.workers()) == 2
        assert len(workers_in(made)) > 1
        await stay(made, client)

    run(tmp_path, test, "--processes", "2")


def test_every_process_is_told_of_and_hears_of_a_revoked_key(tmp_path: Path) -> None:
    async def test(made: Fleet) -> None:
        watch = Client(made)
        id = made.key("tight", Allowed(requests_per_minute=1000))

        async def ready() -> bool:
            return (await watch.get("/readyz"))[1] == "ready: 2 of 2 processes take requests\n"

        for _ in range(200):
            if await ready():
                break
            await asyncio.sleep(0.05)
        assert await ready()
        clients = [Client(made, "tight") for _ in range(8)]

        async def all_answer(status: int) -> None:
            for _ in range(100):
                if {(await client.ask(model="small"))[0] for client in clients} == {status}:
                    return
                await asyncio.sleep(0.05)
            raise AssertionError(f"not all processes answer {status}")

        await all_answer(200)
        revoke(made.place.keys, id)
        await all_answer(401)
        await asyncio.sleep(1.2)  # Each tells of itself once a second.
        _, text = await watch.get("/metrics")
        served = re.findall(r'offtake_requests_total\{process="(\d)".*outcome="served".*\} (\d+)', text)
        assert {slot for slot, _ in served} == {"1", "2"}
        assert sum(int(n) for _, n in served) == sum(r.outcome == "served" for r in made.receipts())
        assert "offtake_processes 2" in text
        assert text.count("# TYPE offtake_requests_total counter") == 1

        workers = made.workers()
        made.process.kill()
        await made.process.wait()
        await until(lambda: not any(Path(f"/proc/{pid}").exists() for pid in workers), 30)

    run(tmp_path, test, "--processes", "2", "--drain", "1")
