"""What is kept and for how long, what an invoice corrects, and what is published of the gateway itself."""

from __future__ import annotations

import asyncio
import json
import sqlite3
from collections.abc import Callable
from contextlib import closing
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
from openapi_spec_validator import OpenAPIV31SpecValidator
from typer.testing import CliRunner

from e2e.gateway.stand import Stand, Wire, ask, chat
from e2e.gateway.test_changes import until
from offtake.adapters.receipt_corrections import corrections_in, used_in
from offtake.adapters.receipts_sqlite import receipts_between, verify
from offtake.bootstrap.gateway import Place, opening_for
from offtake.bootstrap.gateway_keeping import forget_due, next_month
from offtake.entrypoints.cli.app import app

Run = Callable[..., None]
HEAD = (
    "BilledCost,BillingCurrency,BillingPeriodStart,BillingPeriodEnd,ChargeCategory,ChargePeriodStart,ChargePeriodEnd,"
    "ServiceProviderName,ServiceName,SkuId,PricingQuantity,PricingUnit\n"
)


def backdate(place: Place, days: int) -> None:
    """Moves what is written into the past, as if the gateway had run then."""
    with closing(sqlite3.connect(place.receipts)) as file, file:
        milliseconds = days * 86_400_000
        file.execute(
            "UPDATE batches SET begins_ms = begins_ms - ?, ends_ms = ends_ms - ?", (milliseconds,) * 2
        )
        for rowid, body in file.execute("SELECT worker || number, body FROM batches").fetchall():
            rows = json.loads(body)
            for row in rows:
                row[1] -= milliseconds
            file.execute(
                "UPDATE batches SET body = ? WHERE worker || number = ?", (json.dumps(rows).encode(), rowid)
            )


def test_a_month_goes_as_a_whole_and_leaves_its_evidence(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        for key in ("chat", "free"):
            await ask(stand, chat(model="m"), key)
        written = await stand.receipts()
        backdate(stand.place, 800)
        await ask(stand, chat(model="m"), "free")
        await stand.receipts()
        service, place = stand.serving.service, stand.place
        today = service.table.day
        then = today - timedelta(days=800)
        ended = (today - next_month(then)).days
        assert list(forget_due(place, service.table, ended + 1, today, None)) == []
        # What was not told to the ledger yet stays.
        assert list(forget_due(place, service.table, ended, today, then)) == []
        (said,) = forget_due(place, service.table, ended, today, None)
        assert said.startswith(f"receipts of {then:%Y-%m} were removed")
        left = list(receipts_between(place.receipts, None, None))
        assert len(left) == 1
        assert len(written) == 2
        assert verify(place.receipts, place.public_key)[2] == ()
        pack = json.loads((place.folder / "evidence" / f"{then:%Y-%m}-eu" / "evidence.json").read_text())
        assert (pack["requests"], pack["month"]) == (1, f"{then:%Y-%m}")
        assert list(forget_due(place, service.table, ended, today, None)) == []

    on_stand(test)


def test_what_a_running_window_counts_stays_however_old_it_is(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await ask(stand, chat(model="m"), "free")
        await stand.receipts()
        service = stand.serving.service
        begins = min(m.window_begins for m in service.table.meters)
        days = (service.table.day - begins).days
        backdate(stand.place, days)  # The budget's year: its first day counts on the last.
        assert list(forget_due(stand.place, service.table, 1, service.table.day, None)) == []

    on_stand(test)


async def estimated_and_measured(stand: Stand) -> None:
    """One answer that says what it used, and one whose end the caller did not wait for."""
    await ask(stand, chat(model="small", tokens=40), "free")
    wire = await Wire.to(stand)
    body = chat(model="small", stream=True, tokens=10_000, pace_ms=2)
    raw = json.dumps(body).encode()
    head = (
        f"POST /v1/chat/completions HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {stand.keys['free']}\r\n"
        f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
    )
    wire.writer.write(head.encode() + raw)
    await wire.reader.readuntil(b"data: ")
    await asyncio.sleep(0.2)
    wire.close()
    await until(lambda: not stand.serving.service.exchanges)


def bill(stand: Stand, tokens: dict[str, int]) -> Path:
    """An invoice of this month's tokens of `small`."""
    month = stand.serving.service.table.day.replace(day=1)
    period = f"{month}T00:00:00Z,{next_month(month)}T00:00:00Z"
    rows = [
        f"0.01,USD,{period},Usage,{period},y,Models,cheap/small/{way},{amount},Tokens\n"
        for way, amount in tokens.items()
    ]
    path = stand.folder / "bill.csv"
    path.write_text(HEAD + "".join(rows))
    return path


def reconcile(stand: Stand, path: Path, *more: str) -> tuple[int, dict[str, Any]]:
    asked = ["gateway", "reconcile", stand.estate, path, "--state", stand.place.folder, "--json", *more]
    done = CliRunner().invoke(app, [str(argument) for argument in asked])
    assert done.exception is None or isinstance(done.exception, SystemExit), done.exception
    return done.exit_code, json.loads(done.stdout)


def test_an_invoice_corrects_an_estimate_within_its_bound_and_is_counted(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await estimated_and_measured(stand)
        await stand.receipts()
        service, place = stand.serving.service, stand.place
        month = service.table.day.replace(day=1)
        used = used_in(place.receipts, month, next_month(month))
        said = {line.way: each for line, each in used.items() if line.model == "small"}
        assert said["out"].estimated > 10
        assert said["out"].bound >= said["out"].estimated // 2
        tokens = {way: each.measured + each.estimated for way, each in said.items()}
        path = bill(stand, tokens)
        status, agreed = reconcile(stand, path)
        assert (status, {line["verdict"] for line in agreed["lines"]}) == (0, {"agrees"})
        more = 7
        path = bill(stand, {**tokens, "out": tokens["out"] + more})
        before = opening_for(place, service.table, service.table.day)
        status, found = reconcile(stand, path, "--write")
        assert status == 0
        line = next(line for line in found["lines"] if line["way"] == "out")
        assert (line["verdict"], line["correction"]) == ("corrected", more)
        (kept,) = corrections_in(place.receipts)
        assert (kept.tokens, kept.cost_pico) == (more, more * 200_000)  # At 0.20 USD a million tokens.
        after = opening_for(place, service.table, service.table.day)
        assert after.meters["policy.purse"] - before.meters["policy.purse"] == kept.cost_pico
        # The same bill again corrects nothing twice.
        reconcile(stand, path, "--write")
        assert opening_for(place, service.table, service.table.day) == after

    on_stand(test)


def test_what_is_billed_beyond_the_bound_differs_and_corrects_nothing(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await estimated_and_measured(stand)
        await stand.receipts()
        status, found = reconcile(stand, bill(stand, {"in": 10_000_000, "out": 1}), "--write")
        verdicts = {line["way"]: line["verdict"] for line in found["lines"]}
        assert (status, verdicts) == (1, {"in": "differs", "out": "differs"})
        assert list(corrections_in(stand.place.receipts)) == []

    on_stand(test)


def test_a_correction_that_was_changed_is_found(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        await estimated_and_measured(stand)
        await stand.receipts()
        month = stand.serving.service.table.day.replace(day=1)
        used = used_in(stand.place.receipts, month, next_month(month))
        tokens = {line.way: each.measured + each.estimated + 3 for line, each in used.items()}
        reconcile(stand, bill(stand, tokens), "--write")
        with closing(sqlite3.connect(stand.place.receipts)) as file, file:
            file.execute("UPDATE corrections SET body = replace(body, '\"tokens\":3', '\"tokens\":2')")
            file.execute("UPDATE corrections SET body = CAST(body AS BLOB)")
        asked = ["gateway", "receipts", "verify", "--state", str(stand.place.folder)]
        done = CliRunner().invoke(app, asked)
        assert done.exit_code == 1
        assert "the signature does not fit" in done.output

    on_stand(test)


def test_the_description_is_valid_and_names_what_is_answered(on_stand: Run) -> None:
    async def test(stand: Stand) -> None:
        told = await _get(stand, "/openapi.json")
        stated = json.loads(told)
        OpenAPIV31SpecValidator(stated).validate()
        for path, methods in stated["paths"].items():
            where = path.replace("{deployment}", "m")
            if "post" in methods:
                answer = await ask(stand, {}, "free", where)
                assert answer.status in (200, 400), path
            else:
                assert await _get(stand, where), path
        page = (await _get(stand, "/docs")).decode()
        assert all(path in page for path in stated["paths"])
        assert "http://" not in page.replace("http://www.w3.org", "")
        assert "<script" not in page

    on_stand(test)


async def _get(stand: Stand, path: str) -> bytes:
    wire = await Wire.to(stand)
    wire.writer.write(
        f"GET {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {stand.keys['free']}\r\n\r\n".encode()
    )
    answer, _ = await wire.answer("GET")
    assert answer.status == 200, path
    return answer.body


@pytest.mark.parametrize(
    ("day", "after"), [(date(2026, 1, 31), date(2026, 2, 1)), (date(2026, 12, 1), date(2027, 1, 1))]
)
def test_the_month_after(day: date, after: date) -> None:
    assert next_month(day) == after
