"""What changes while it runs: events, estates, keys, restarts; and what is kept of it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable

from e2e.gateway.stand import Stand, Wire, ask, chat, request
from offtake.adapters.gateway_keys import new_key, revoke
from offtake.adapters.receipts_sqlite import receipt_of, verify
from offtake.bootstrap.gateway import prepare, record_event, today
from offtake.router.receipts import Receipt

Run = Callable[..., None]


async def until(true: Callable[[], bool], within_s: float = 15.0) -> None:
    """Waits until something holds; the bound is of the test, not of what is tested."""
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)


def declare(stand: Stand) -> None:
    record_event(prepare(stand.estate, stand.place).estate, stand.place.events, "agi_declared", today(), None)


def test_an_event_closes_a_route_and_cuts_what_runs_as_its_clause_says(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = "500"
        assert (await ask(stand, chat())).headers["x-offtake-route"] == "us/cheap"
        runs = await Wire.to(stand)
        runs.writer.write(request(stand, chat(stream=True, tokens=10_000, pace_ms=5)))
        await runs.reader.readuntil(b"data: ")
        declare(stand)
        service = stand.serving.service
        await until(lambda: service.metrics.tables == 2)
        assert b"upstream_failed" in await asyncio.wait_for(runs.reader.read(), 15)
        refused = await ask(stand, chat())
        assert refused.status == 503
        assert "lab-y.agi" in refused.json["error"]["message"]
        assert (await ask(stand, chat(model="small"))).status == 200
        cut = next(r for r in await stand.receipts() if r.outcome == "cut")
        assert "lab-y.agi" in cut.clauses

    on_stand(test)


def test_no_request_is_lost_while_tables_change(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        service = stand.serving.service
        stop = asyncio.Event()
        failed: list[int] = []
        answered = 0

        async def callers() -> None:
            nonlocal answered
            wire = await Wire.to(stand)
            while not stop.is_set():
                wire.writer.write(request(stand, chat(model="small")))
                answer, _ = await wire.answer()
                answered += 1
                if answer.status != 200:
                    failed.append(answer.status)

        tasks = [asyncio.create_task(callers()) for _ in range(4)]
        text = stand.estate.read_text()
        for n in range(2):
            stand.estate.write_text(text.replace("amount: 50 USD", f"amount: {60 + n} USD"))
            await until(lambda n=n: service.metrics.tables == n + 2)
        stop.set()
        await asyncio.gather(*tasks)
        assert failed == []
        assert answered > 20
        assert any(m.upper == 61 * 10**12 for m in service.table.meters)

    on_stand(test)


def test_an_estate_that_cannot_be_used_leaves_the_one_in_force(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        text = stand.estate.read_text()
        stand.estate.write_text(text.replace("amount: 50 USD", "amount: plenty"))
        await asyncio.sleep(0.4)
        assert (await ask(stand, chat())).status == 200
        stand.estate.write_text(text.replace("amount: 50 USD", "amount: 70 USD"))
        await until(lambda: stand.serving.service.metrics.tables == 2)

    on_stand(test)


def test_keys_are_known_and_forgotten_while_it_runs(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.keys["new"], made = new_key(stand.place.keys, "free", "virginia")
        service = stand.serving.service
        await until(lambda: any(p == "free|virginia" for p, _ in service.table.entries))
        assert (await ask(stand, chat(), "new")).status == 200
        revoke(stand.place.keys, made.id)
        known = bytes.fromhex(made.hash)
        await until(lambda: (key := service.callers.of_hash(known)) is not None and key.lapsed is not None)
        answer = await ask(stand, chat(), "new")
        assert (answer.status, "revoked" in answer.json["error"]["message"]) == (401, True)

    on_stand(test)


def test_receipts_are_verified_alone_and_a_changed_one_is_found(on_stand: Run) -> None:
    import sqlite3

    async def test(stand: Stand) -> None:
        receipts: list[Receipt] = []
        for _ in range(
            3
        ):  # Each receipt has a batch of its own, for it is on the disk before the next is made.
            await ask(stand, chat())
            receipts = await stand.receipts()
        assert verify(stand.place.receipts, stand.place.public_key) == (3, 3, ())
        found = receipt_of(stand.place.receipts, receipts[1].id)
        assert found is not None
        assert found[0] == receipts[1]
        assert found[1]["entries"]["free|sweden m"]["clauses"] == ["lab-y.agi", "policy.purse"]
        with sqlite3.connect(stand.place.receipts) as file:
            body: bytes = file.execute("SELECT body FROM batches WHERE number = 1").fetchone()[0]
            file.execute(
                "UPDATE batches SET body = ? WHERE number = 1", (body.replace(b"sweden", b"norway"),)
            )
        file.close()
        _, _, problems = verify(stand.place.receipts, stand.place.public_key)
        assert {p.batch.split("/")[1] for p in problems} == {"1"}
        with sqlite3.connect(stand.place.receipts) as file:
            file.execute("DELETE FROM batches WHERE number = 1")
        file.close()
        _, _, problems = verify(stand.place.receipts, stand.place.public_key)
        assert [p.text for p in problems] == ["a batch before it is missing or was changed"]

    on_stand(test)


def test_counts_are_opened_with_what_receipts_say(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        stand.states["eu"].misbehaves = "500"
        await ask(stand, chat(tokens=1000))
        (receipt,) = await stand.receipts()
        service = stand.serving.service
        opening = service.receipts.opening(service.table, today())
        assert opening.meters["policy.purse"] == receipt.cost_pico > 0

    on_stand(test)


def test_while_receipts_cannot_be_written_no_request_runs(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        import sqlite3

        assert (await ask(stand, chat())).status == 200
        with sqlite3.connect(stand.place.receipts) as file:
            file.execute("ALTER TABLE batches RENAME TO gone")
        file.close()
        await ask(stand, chat())
        await until(lambda: stand.serving.service.receipts.failing is not None)
        answer = await ask(stand, chat())
        assert (answer.status, answer.json["error"]["code"]) == (503, "no_receipts")
        with sqlite3.connect(stand.place.receipts) as file:
            file.execute("ALTER TABLE gone RENAME TO batches")
        file.close()
        await until(lambda: stand.serving.service.receipts.failing is None)
        assert (await ask(stand, chat())).status == 200
        assert len(await stand.receipts()) == 3

    on_stand(test)


def test_a_gateway_that_ends_lets_its_streams_end(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        wire = await Wire.to(stand)
        wire.writer.write(request(stand, chat(stream=True, tokens=50, pace_ms=5)))
        await wire.reader.readuntil(b"data: ")
        ending = asyncio.create_task(stand.serving.stop(10.0))
        rest = await asyncio.wait_for(wire.reader.read(), 15)
        assert rest.endswith(b"data: [DONE]\n\n\r\n0\r\n\r\n")
        await ending

    on_stand(test)
