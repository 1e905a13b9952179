"""Two gateways with files of their own, as on two machines, that share what may be used through PostgreSQL."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import AsyncExitStack, ExitStack
from pathlib import Path
from typing import Any

import pytest

from brokered.postgresql import Cluster, cluster
from e2e.gateway.fleet import Client, Fleet, fleet, until
from e2e.gateway.test_processes import CEILING, ceiling, used


@pytest.fixture
def database() -> Iterator[tuple[Cluster, ExitStack]]:
    """A database, and what stops it."""
    with ExitStack() as stack:
        yield stack.enter_context(cluster()), stack


def bounded(estate: dict[str, Any]) -> None:
    """A ceiling at Y alone: `claude`, which A serves, is under no bound."""
    ceiling(estate)
    del estate["agreements"]["policy"]["clauses"]["purse"]


def test_machines_share_a_ceiling_and_without_their_database_do_as_they_were_told(
    tmp_path: Path, database: tuple[Cluster, ExitStack]
) -> None:
    running, stack = database
    where = running.database()

    async def whole() -> None:
        async with asyncio.timeout(150), AsyncExitStack() as machines:

            async def machine(name: str, *more: str) -> Fleet:
                folder = tmp_path / name
                folder.mkdir()
                return await machines.enter_async_context(fleet(folder, bounded, "--meters", where, *more))

            closes = await machine("closes")
            alone = await machine("alone", "--without-meters", "count-alone")
            one, other = Client(closes), Client(alone)
            for client in (one, other):
                assert (await client.ask(model="small", max_tokens=40, tokens=40))[0] == 200
            await _gone(stack, closes, one, other)

    asyncio.run(whole())


async def _gone(stack: ExitStack, closes: Fleet, one: Client, other: Client) -> None:
    """Without the database one refuses what is bounded, says why and serves the rest; the other counts alone."""
    await asyncio.to_thread(stack.close)

    status, body = 0, b""
    for _ in range(300):
        status, _, body = await one.ask(model="small", max_tokens=40, tokens=40)
        if status == 503:
            break
        await asyncio.sleep(0.1)
    assert (status, b"cannot be known now" in body) == (503, True)
    assert (await Client(closes, "chat").ask(model="m", max_tokens=40, tokens=40))[0] == 200
    assert any("headroom is not shared now" in line for line in closes.said)
    assert not any("offtake:" in line for line in closes.said)
    await asyncio.sleep(1.0)  # The other's lease has ended too.
    assert (await other.ask(model="small", max_tokens=40, tokens=40))[0] == 200


def test_machines_never_pass_a_ceiling_together(tmp_path: Path, database: tuple[Cluster, ExitStack]) -> None:
    where = database[0].database()

    async def whole() -> None:
        async with asyncio.timeout(150), AsyncExitStack() as machines:
            made: list[Fleet] = []
            for name in ("here", "there"):
                folder = tmp_path / name
                folder.mkdir()
                made.append(await machines.enter_async_context(fleet(folder, bounded, "--meters", where)))
            stop, refused = asyncio.Event(), 0

            async def caller(each: Fleet) -> None:
                nonlocal refused
                client = Client(each)
                while not stop.is_set():
                    status, _, body = await client.ask(model="small", max_tokens=40, tokens=40)
                    assert status in (200, 429), body
                    if status == 429:
                        refused += 1
                        await asyncio.sleep(0.1)

            callers = [asyncio.create_task(caller(each)) for each in made for _ in range(6)]
            await until(lambda: refused > 60 and sum(map(used, made)) > CEILING * 0.9, 60)
            stop.set()
            await asyncio.gather(*callers)
            for each in made:
                assert await each.end() == 0
                assert used(each) > CEILING / 10
            assert CEILING * 0.9 < sum(map(used, made)) <= CEILING

    asyncio.run(whole())
