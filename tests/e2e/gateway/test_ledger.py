"""The broker's ledger behind a running gateway: leases and events open and close routes, readings are counted once."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from collections.abc import Awaitable, Callable
from contextlib import closing
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import yaml

from brokered import Rehearsal, exact
from e2e.gateway.stand import ESTATE, Stand, ask, chat, stand
from e2e.gateway.test_changes import until
from offtake.adapters.gateway_keys import new_key
from offtake.bootstrap.gateway import today
from offtake.bootstrap.gateway_ledger import LedgerReader, post_usage
from offtake.broker.commands import RecordEvent
from offtake.domain.estate import Estate

DAY = today()


def estate() -> dict[str, Any]:
    """The stand's estate, with reserved throughput alone in Sweden, of which nothing is held yet."""
    whole = yaml.safe_load(ESTATE)
    whole["products"]["reserved"]["held"] = []
    whole["deployments"]["eu"]["products"] = ["reserved"]
    ceiling = {"kind": "ceiling", "measure": "tokens", "upper": "10000 tokens", "window": "month"}
    whole["agreements"]["lab-y"]["clauses"]["most"] = {**ceiling, "covers": {"providers": ["y"]}}
    return whole


def run(folder: Path, test: Callable[[Stand, Rehearsal], Awaitable[None]]) -> None:
    """A gateway that reads a ledger, and the broker that writes it."""
    whole = estate()
    deals = Rehearsal(folder, Estate.model_validate(whole), datetime.now(UTC))
    shutil.copy(folder / "key", f"{deals.where}.key")  # Where it stands beside a ledger of the command line.
    reader = LedgerReader(deals.where, "here")
    change = {name: whole[name] for name in ("products", "agreements")}
    # The stand states where deployments answer; what they draw on is changed in its file before it is read.
    deployments = {"eu": whole["deployments"]["eu"]}

    async def body() -> None:
        async with asyncio.timeout(90), stand(folder, change=change, ledger=reader) as made:
            text = made.estate.read_text()
            stated = yaml.safe_load(text)
            stated["deployments"]["eu"]["products"] = deployments["eu"]["products"]
            tables = made.serving.service.metrics.tables
            made.estate.write_text(yaml.safe_dump(stated, sort_keys=False))
            await until(lambda: made.serving.service.metrics.tables > tables)
            await test(made, deals)

    asyncio.run(body())
    deals.broker.close()


def route_of(answer: Any) -> tuple[int, str]:
    return answer.status, answer.headers.get("x-offtake-route", "")


async def answered(made: Stand, expected: tuple[int, str], key: str = "chat") -> None:
    """Asks until the answer is as expected."""
    for _ in range(200):
        if route_of(await ask(made, chat(), key)) == expected:
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"the answer is never {expected}")


def test_a_lease_opens_a_route_while_the_gateway_runs_and_its_release_closes_it(tmp_path: Path) -> None:
    async def test(made: Stand, deals: Rehearsal) -> None:
        refused = await ask(made, chat(), "chat")
        assert (refused.status, refused.json["error"]["code"]) == (429, "no_capacity")
        deals.need(quantity=10, measure="units", begins=DAY, ends=DAY + timedelta(days=10))
        deals.bid("z", 10, "0.001", supply="reserved")
        awarded = deals.awarded()
        await answered(made, (200, "eu/reserved"))
        deals.release(awarded.grants[0].lease, DAY)
        await answered(made, (429, ""))

    run(tmp_path, test)


def test_an_event_in_the_ledger_closes_a_route_while_the_gateway_runs(tmp_path: Path) -> None:
    async def test(made: Stand, deals: Rehearsal) -> None:
        assert route_of(await ask(made, chat(), "free")) == (200, "us/cheap")
        deals.give(RecordEvent(event="agi_declared", on=DAY))
        await until(lambda: made.serving.service.table.position.event_on("agi_declared") == DAY)
        refused = await ask(made, chat(), "free")
        assert refused.status in (403, 429, 503)
        assert "lab-y.agi" in refused.json["error"]["message"]

    run(tmp_path, test)


def test_readings_of_others_count_and_its_own_are_not_counted_twice(tmp_path: Path) -> None:
    async def test(made: Stand, deals: Rehearsal) -> None:
        service = made.serving.service
        for _ in range(3):
            assert (await ask(made, chat(model="small", max_tokens=20), "free")).status == 200
        used = sum(r.fresh + r.cached + r.out for r in await made.receipts())

        def most() -> Any:
            return next(m for m in service.table.meters if m.id == "lab-y.most")

        reader = LedgerReader(deals.where, "here")
        tomorrow = service.wall() + 86_400
        told = list(post_usage(reader, made.place, service.table, tomorrow))
        assert told == [f"posted to the ledger what was used on {DAY}: lab-y.most, policy.purse"]
        assert list(post_usage(reader, made.place, service.table, tomorrow)) == []
        posted = {r.clause: r.amount for r in deals.state.readings.values()}
        assert posted["lab-y.most"] == used
        deals.read("lab-y.most", 300, DAY, DAY + timedelta(days=1))
        await until(lambda: most().base == 300 * 10**12)
        # The room is what the bound leaves beside the others' reading and what was used here, counted once.
        place = service.table.meters.index(most())
        assert service.balances.room(place, service.wall()) == (10_000 - 300 - used) * 10**12
        elsewhere = LedgerReader(deals.where, "elsewhere")
        amounts = {r.meter: r.amount for r in elsewhere.position().readings}
        assert amounts["lab-y.most"] == exact(300 + used)
        deals.follows()

    run(tmp_path, test)


def without_key(deals: Rehearsal) -> None:
    Path(f"{deals.where}.key").unlink()


def test_a_ledger_that_another_key_seals_is_read_and_not_written(tmp_path: Path) -> None:
    async def test(made: Stand, deals: Rehearsal) -> None:
        await ask(made, chat(model="small", max_tokens=20), "free")
        await made.receipts()
        without_key(deals)
        reader, service = LedgerReader(deals.where, "here"), made.serving.service
        told = list(post_usage(reader, made.place, service.table, service.wall() + 86_400))
        assert told == [
            "usage is not posted to the ledger: it is sealed with another key than this machine's"
        ]
        assert reader.position().readings == ()
        assert not deals.state.readings

    run(tmp_path, test)


def damage(deals: Rehearsal, statement: str) -> None:
    """Changes the database by another way than the broker's."""
    with closing(sqlite3.connect(deals.where)) as file, file:
        file.execute(statement)


def test_without_its_ledger_a_gateway_goes_on_as_things_last_stood(tmp_path: Path) -> None:
    async def test(made: Stand, deals: Rehearsal) -> None:
        deals.give(RecordEvent(event="agi_declared", on=DAY))
        service = made.serving.service
        await until(lambda: service.table.position.event_on("agi_declared") == DAY)
        damage(deals, "ALTER TABLE entries RENAME TO gone")
        await until(lambda: any("as it was last known" in line for line in made.said))
        assert (await ask(made, chat(model="small"), "free")).status == 200
        made.keys["new"], _ = new_key(made.place.keys, "free", "virginia")
        await until(lambda: any(p == "free|virginia" for p, _ in service.table.entries))
        assert service.table.position.event_on("agi_declared") == DAY
        assert (await ask(made, chat(), "new")).status in (403, 429, 503)
        damage(deals, "ALTER TABLE gone RENAME TO entries")
        await until(lambda: any("it is read again" in line for line in made.said))

    run(tmp_path, test)
