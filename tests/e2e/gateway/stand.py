"""A gateway and its upstreams on loopback, in the test's own process, with keys and a client that sees bytes."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import h11
import yaml

from offtake.adapters.gateway_keys import new_key
from offtake.adapters.receipts_sqlite import receipts_between
from offtake.bootstrap.gateway import Place, prepare, today
from offtake.bootstrap.gateway_following import Following
from offtake.bootstrap.gateway_ledger import LedgerReader
from offtake.entrypoints.gateway.limits import DEFAULT, Limits
from offtake.entrypoints.gateway.rehearsal import State, rehearse
from offtake.entrypoints.gateway.serving import Serving, listening, service_of
from offtake.router.receipts import Receipt

ESTATE = """
offtake: 1
currency: USD
horizon: {from: 2024-01-01, until: 2080-01-01}
parties: {lab: {}, z: {}, y: {}}
providers: {z: {party: z}, y: {party: y}, a: {party: y}}
regions:
  sweden: {jurisdiction: SE}
  virginia: {jurisdiction: US}
models: {m: {vendor: z, tags: [agi]}, small: {}, claude: {}}
products:
  reserved: {kind: provisioned, provider: z, price: 1 USD/unit-hour,
             throughput: {m: {in: 1000 tokens/s, out: 100 tokens/s}},
             held: [{quantity: 100, status: contracted}]}
  use: {kind: tokens, provider: z, prices: {m: {in: 2 USD/Mtoken, out: 8 USD/Mtoken}}}
  cheap: {kind: tokens, provider: y, prices: {m: {in: 1 USD/Mtoken, out: 4 USD/Mtoken},
                                              small: {in: 0.1 USD/Mtoken, out: 0.2 USD/Mtoken}}}
  claude: {kind: tokens, provider: a, prices: {claude: {in: 3 USD/Mtoken, out: 15 USD/Mtoken}}}
deployments:
  eu: {provider: z, region: sweden, model: m, products: [reserved, use], may_process_in: [EU]}
  us: {provider: y, region: virginia, model: m, products: [cheap], may_process_in: [US]}
  us-small: {provider: y, region: virginia, model: small, products: [cheap], may_process_in: [US]}
  claude: {provider: a, region: virginia, model: claude, products: [claude], may_process_in: [US]}
workloads:
  chat:
    kind: inference
    party: lab
    data_class: eu
    models: [m]
    worth: 20 USD/Mtoken
    traffic: [{region: sweden, in: 100 tokens/s, out: 10 tokens/s}]
  free:
    kind: inference
    party: lab
    models: [m, small, claude]
    worth: 5 USD/Mtoken
    traffic: [{region: sweden, in: 100 tokens/s, out: 10 tokens/s}]
events: {agi_declared: {}}
agreements:
  policy:
    between: [lab]
    signed: 2024-01-01
    clauses:
      eu: {kind: residency, data_classes: [eu], boundary: [EU]}
      purse: {kind: budget, payer: lab, amount: 50 USD, window: year}
  lab-y:
    between: [lab, y]
    signed: 2024-01-01
    clauses:
      agi: {kind: governance, on_event: agi_declared, ends_rights_of: y, covers: {tags: [agi]}, running: cut}
"""
UPSTREAMS = ("eu", "us", "us-small", "claude")


@dataclass
class Stand:
    """What a test holds in its hands."""

    folder: Path
    estate: Path
    place: Place
    serving: Serving
    keys: dict[str, str]
    seen: dict[str, list[dict[str, Any]]] = field(default_factory=dict[str, list[dict[str, Any]]])
    states: dict[str, State] = field(default_factory=dict[str, State])
    said: list[str] = field(default_factory=list[str])
    ports: dict[str, int] = field(default_factory=dict[str, int])
    wires: list[Wire] = field(default_factory=list["Wire"])

    @property
    def base(self) -> str:
        return f"http://127.0.0.1:{self.serving.port}"

    async def receipts(self) -> list[Receipt]:
        """Every receipt so far, once it is on the disk."""
        await asyncio.sleep(0.1)  # An answer may reach its caller before its receipt is made.
        service, found = self.serving.service, list[Receipt]()
        for _ in range(600):
            service.flush()
            found = list(receipts_between(self.place.receipts, None, None))
            if len(found) >= service.metrics.duration.count:
                return found
            await asyncio.sleep(0.05)
        raise AssertionError(
            f"{len(found)} of {service.metrics.duration.count} receipts were written in 30 s"
        )


@asynccontextmanager
async def stand(
    folder: Path,
    limits: Limits = DEFAULT,
    change: dict[str, Any] | None = None,
    ledger: LedgerReader | None = None,
    endpoints: dict[str, dict[str, Any]] | None = None,
) -> AsyncGenerator[Stand, None]:
    """Upstreams, an estate that names them, keys, and a gateway over all of it; some endpoints may be others'."""
    whole = yaml.safe_load(ESTATE)
    seen, states, ports, servers = {}, {}, dict[str, int](), []
    for name in UPSTREAMS:
        seen[name], states[name] = [], State()
        server, port = await rehearse(name, seen=seen[name], state=states[name])
        servers.append(server)
        ports[name] = port
        dialect = "anthropic" if name == "claude" else "openai"
        url = f"http://127.0.0.1:{port}/v1"
        other = (endpoints or {}).get(name)
        whole["deployments"][name]["endpoint"] = other or {"url": url, "dialect": dialect}
    whole.update(change or {})
    path, place = folder / "estate.yaml", Place(folder / "state")
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    keys = {w: new_key(place.keys, w, "sweden")[0] for w in ("chat", "free")}
    keys["lapsed"] = new_key(place.keys, "free", "sweden", expires=today() - timedelta(days=1))[0]
    keys["small"] = new_key(place.keys, "free", "sweden", models=("small",))[0]
    prepared = prepare(path, place, ledger)
    said: list[str] = []
    serving = Serving(
        service_of(place, prepared, limits),
        listening("127.0.0.1", 0),
        Following(path, place, prepared, ledger),
        said.append,
        tokens=prepared.tokens,
    )
    await serving.start()
    made = Stand(folder, path, place, serving, keys, seen, states, said, ports)
    try:
        yield made
    finally:
        for wire in made.wires:
            wire.close()
        await serving.stop(1.0)
        await asyncio.sleep(0.01)
        for server in servers:
            server.close()


@dataclass
class Answer:
    """An answer as h11 reads it."""

    status: int
    headers: dict[str, str]
    body: bytes
    pieces: list[bytes]

    @property
    def json(self) -> Any:
        return json.loads(self.body)


class Wire:
    """A connection on which a test writes bytes itself, and h11, which is not ours, judges what comes back."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self._judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)

    @classmethod
    async def to(cls, stand: Stand) -> Wire:
        made = cls(*await asyncio.open_connection("127.0.0.1", stand.serving.port))
        stand.wires.append(made)
        return made

    def asks(self, method: str = "POST") -> None:
        """Tells the judge that a request was sent, whatever was written."""
        self._judge = h11.Connection(h11.CLIENT, max_incomplete_event_size=1 << 20)
        self._judge.send(h11.Request(method=method, target="/", headers=[("host", "x")]))
        self._judge.send(h11.EndOfMessage())

    async def answer(self, method: str = "POST", leave: bytes = b"") -> tuple[Answer, bytes]:
        """The next answer, and the bytes that came after it."""
        self.asks(method)
        if leave:
            self._judge.receive_data(leave)
        status, headers, pieces = 0, dict[str, str](), list[bytes]()
        while True:
            event = self._judge.next_event()
            if event is h11.NEED_DATA:
                self._judge.receive_data(await asyncio.wait_for(self.reader.read(65_536), 20))
            elif isinstance(event, h11.Response):
                status = event.status_code
                headers = {k.decode(): v.decode() for k, v in event.headers}
            elif isinstance(event, h11.Data):
                pieces.append(bytes(event.data))
            elif isinstance(event, h11.EndOfMessage):
                rest = self._judge.trailing_data[0]
                return Answer(status, headers, b"".join(pieces), pieces), rest

    def close(self) -> None:
        self.writer.close()


def request(
    stand: Stand,
    body: Any,
    key: str = "free",
    path: str = "/v1/chat/completions",
    more: str = "",
    method: str = "POST",
) -> bytes:
    """A request's bytes."""
    raw = body if isinstance(body, bytes) else json.dumps(body).encode()
    return (
        f"{method} {path} HTTP/1.1\r\nhost: gateway\r\nauthorization: Bearer {stand.keys[key]}\r\n"
        f"content-type: application/json\r\n{more}content-length: {len(raw)}\r\n\r\n"
    ).encode() + raw


async def ask(
    stand: Stand, body: Any, key: str = "free", path: str = "/v1/chat/completions", more: str = ""
) -> Answer:
    """One request on a connection of its own."""
    wire = await Wire.to(stand)
    try:
        wire.writer.write(request(stand, body, key, path, more))
        return (await wire.answer())[0]
    finally:
        wire.close()


def chat(**more: Any) -> dict[str, Any]:
    return {"model": "m", "messages": [{"role": "user", "content": "hello"}], **more}


__all__ = ["Answer", "Stand", "Wire", "ask", "chat", "replace", "request", "stand"]
