"""What the gateway does with the company's requests, told step by step: `python examples/company/gateway.py`.

Three providers are played by `offtake.entrypoints.gateway.rehearsal` on loopback, the clock stands at noon of 1 June
2026, and the company's programs are the real OpenAI client.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections import Counter
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import openai

from offtake.adapters.gateway_keys import new_key
from offtake.bootstrap.gateway import Place, Prepared, explained, prepare, record_event, write_pack
from offtake.bootstrap.gateway_following import Following
from offtake.entrypoints.gateway.rehearsal import State, rehearse
from offtake.entrypoints.gateway.serving import Serving, listening, service_of

HERE = Path(__file__).parent
STOCKHOLM = "Alpha in Stockholm (global)"
PORTS = {9101: "Alpha in Frankfurt", 9102: STOCKHOLM, 9103: "Beta in Paris", 9104: "Gamma in Virginia"}
NOON = datetime(2026, 6, 1, 12, tzinfo=UTC).timestamp()
# Five cents, so that a demonstration can spend them: what the company owes Beta for 2026 whether it uses it or not.
COMMITTED_EUR = 0.05
COMMITMENT = f"""\
  beta-services:
    between: [company, beta]
    signed: 2025-12-01
    document: service agreement with Beta, for this demonstration alone
    clauses:
      spend: {{kind: commitment, payer: company, payee: beta, measure: money, amount: {COMMITTED_EUR} EUR, window: year,
              from: 2026-01-01, until: 2027-01-01, covers: {{providers: [beta]}}}}

"""
LONG = "A contract to be summarised, in some four thousand letters. " * 66


def say(text: str = "") -> None:
    sys.stdout.write(text + "\n")
    sys.stdout.flush()


async def asked(client: openai.AsyncOpenAI, model: str, text: str, tokens: int = 200) -> tuple[str, str]:
    """Where a request went, or why it was refused; and its id."""
    messages: Any = [{"role": "user", "content": text}]
    try:
        answer = await client.chat.completions.with_raw_response.create(
            model=model, messages=messages, max_tokens=tokens, extra_body={"tokens": tokens}
        )
    except openai.APIStatusError as error:
        body: Any = error.body
        return (
            f"{error.status_code}: {body['message'] if isinstance(body, dict) else body}",
            error.request_id or "",
        )
    return answer.headers["x-offtake-route"], answer.headers["x-request-id"]


class Clock:
    """Seconds since the epoch, from noon of the first of June on; a story may turn it forward."""

    def __init__(self) -> None:
        self._offset = NOON - time.monotonic()

    def __call__(self) -> float:
        return self._offset + time.monotonic()

    def turn_to(self, day: date) -> None:
        """Noon of a day."""
        noon = datetime(day.year, day.month, day.day, 12, tzinfo=UTC).timestamp()
        self._offset = noon - time.monotonic()


def fresh(out: Path, text: str) -> tuple[Path, Place]:
    """The estate, and an empty place for the gateway's files."""
    place = Place(out / "state")
    place.folder.mkdir(parents=True, exist_ok=True)
    for file in place.folder.iterdir():
        file.unlink()
    (out / "estate.yaml").write_text(text)
    return out / "estate.yaml", place


async def main(out: Path, text: str) -> None:
    wall = Clock()
    states: dict[str, State] = {}
    seen: dict[str, list[Any]] = {}
    servers: list[asyncio.Server] = []
    for port, name in PORTS.items():
        states[name], seen[name] = State(), []
        server, found = await rehearse(name, seen=seen[name], state=states[name])
        servers.append(server)
        text = text.replace(f"127.0.0.1:{port}/", f"127.0.0.1:{found}/")
    text = text.replace(
        "  customers:\n    between: [company, customers]",
        f"{COMMITMENT}  customers:\n    between: [company, customers]",
    )
    estate, place = fresh(out, text)

    keys = {w: new_key(place.keys, w, "munich")[0] for w in ("assistant", "web-index")}
    prepared = prepare(estate, place, wall=wall)
    serving = Serving(
        service_of(place, prepared, wall=wall),
        listening("127.0.0.1", 0),
        Following(estate, place, prepared, wall=wall),
    )
    await serving.start()
    clients = {
        who: openai.AsyncOpenAI(api_key=key, base_url=f"http://127.0.0.1:{serving.port}/v1", max_retries=0)
        for who, key in keys.items()
    }
    try:
        await story(clients, serving, states, seen, prepared, place, out, wall)
    finally:
        for client in clients.values():
            await client.close()
        await serving.stop(1.0)
        for server in servers:
            server.close()


async def story(
    clients: dict[str, openai.AsyncOpenAI],
    serving: Serving,
    states: dict[str, State],
    seen: dict[str, list[Any]],
    prepared: Prepared,
    place: Place,
    out: Path,
    wall: Clock,
) -> None:
    assistant, index = clients["assistant"], clients["web-index"]
    say("1. Reserved throughput fills first, and what is beyond it overflows to tokens by use.")
    ways: list[str] = []
    for _ in range(6):
        ways += [
            way for way, _ in await asyncio.gather(*(asked(assistant, "atlas", LONG) for _ in range(20)))
        ]
    for way, count in Counter(ways).items():
        say(f"   {count:3} requests of the assistant went to {way}")

    say("\n2. When the only lawful deployment fails, data of customers is refused rather than sent away.")
    states["Alpha in Frankfurt"].misbehaves = "503"
    why, refused = await asked(assistant, "atlas", "short")
    say(f"   answered {why}")
    times = len(seen[STOCKHOLM])
    say(f"   Alpha in Stockholm, which may process anywhere, was asked {times} times")
    states["Alpha in Frankfurt"].misbehaves = ""

    say("\n3. A commitment is paced to the end of its window, and not before.")
    say(f"   The company owes Beta {COMMITTED_EUR} EUR for the year; Gamma is cheaper for the same pages.")
    await paced(index, serving, wall)

    say("\n4. An event closes a route within a second.")
    way = ""
    while "gamma" not in way:  # What is committed to Beta is taken first.
        way, _ = await asked(index, "open-70b", LONG)
    say(f"   a public page goes to {way}")
    recorded = time.monotonic()
    record_event(prepared.estate, place.events, "breach-at-gamma", date(2026, 12, 28), None)
    while "gamma" in way:
        way, changed = await asked(index, "open-70b", "a public page")
        await asyncio.sleep(0.01)
    say(f"   {1000 * (time.monotonic() - recorded):.0f} ms after the event was recorded it goes to {way}")

    serving.service.flush()
    await asyncio.sleep(0.2)
    say("\n5. The receipts say why.")
    for id in (refused, changed):
        for line in explained(place, id)[1]:
            say(f"   {line}")
    files, pack, problems = write_pack(place, "eu", date(2026, 6, 1), out / "evidence")
    say(
        f"\n6. For the data-protection officer: {pack.requests} requests with data of the class `eu`, processed in "
        f"countries of the EU only: {', '.join(pack.countries[:4])} … ({len(pack.countries)}); "
        f"signatures {'hold' if not problems else 'do not hold'}; see {files[1]}"
    )


async def paced(client: openai.AsyncOpenAI, serving: Serving, wall: Clock) -> None:
    """A few pages a month until the year ends: where they went, and how the commitment stood beside its pace."""
    service = serving.service
    for month in range(6, 13):
        day = date(2026, month, 28 if month == 12 else 1)
        wall.turn_to(day)
        for _ in range(500):
            if service.table.day == day:
                break
            await asyncio.sleep(0.02)
        ways = Counter([(await asked(client, "open-70b", LONG))[0] for _ in range(32 if month == 6 else 10)])
        place = next(n for n, m in enumerate(service.table.meters) if m.id == "beta-services.spend")
        spent = service.balances.meter(place, wall()) / 10**12
        pace = COMMITTED_EUR * (day - date(2026, 1, 1)).days / 365
        beta = sum(count for way, count in ways.items() if way.startswith("beta"))
        say(
            f"   {day:%d %b}: {beta:2} of {ways.total()} pages to Beta; {spent:.4f} EUR spent there, "
            f"and {pace:.4f} would be on pace"
        )


if __name__ == "__main__":
    folder = Path(sys.argv[1] if len(sys.argv) > 1 else "out/company-gateway")
    asyncio.run(main(folder, (HERE / "estate.yaml").read_text()))
