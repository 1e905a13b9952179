"""A gateway of several real processes, started as people start it, with its upstreams in the test's own process."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
import signal
import sys
import time
from collections.abc import AsyncGenerator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import yaml

from e2e.gateway.stand import ESTATE, UPSTREAMS
from offtake.adapters.gateway_keys import new_key
from offtake.adapters.receipts_sqlite import receipts_between
from offtake.bootstrap.gateway import Place
from offtake.entrypoints.gateway.rehearsal import State, rehearse
from offtake.router.allowances import UNLIMITED, Allowed
from offtake.router.receipts import Receipt

OFFTAKE = str(Path(sys.executable).with_name("offtake"))


@dataclass
class Fleet:
    """What a test holds in its hands."""

    estate: Path
    place: Place
    port: int
    process: asyncio.subprocess.Process
    keys: dict[str, str]
    states: dict[str, State]
    said: list[str] = field(default_factory=list[str])
    clients: list[Client] = field(default_factory=list["Client"])

    def key(self, name: str, allowed: Allowed = UNLIMITED) -> str:
        """A new key of the class `free`; its id."""
        self.keys[name], made = new_key(self.place.keys, "free", "sweden", allowed=allowed)
        return made.id

    def receipts(self) -> list[Receipt]:
        """Every receipt on the disk."""
        return list(receipts_between(self.place.receipts, None, None))

    def workers(self) -> list[int]:
        """The processes that serve, by their ids."""
        children = Path(f"/proc/{self.process.pid}/task/{self.process.pid}/children").read_text().split()
        return [int(child) for child in children]

    async def end(self, within_s: float = 30.0) -> int:
        """Tells the gateway to end; its status."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(signal.SIGTERM)
        return await asyncio.wait_for(self.process.wait(), within_s)


@asynccontextmanager
async def fleet(
    folder: Path, change: Callable[[dict[str, Any]], None] = lambda _: None, *options: str
) -> AsyncGenerator[Fleet]:
    """Upstreams, an estate that names them, keys, and `offtake gateway serve` over all of it."""
    whole = yaml.safe_load(ESTATE)
    states: dict[str, State] = {}
    servers: list[asyncio.Server] = []
    for name in UPSTREAMS:
        states[name] = State()
        server, port = await rehearse(name, state=states[name])
        servers.append(server)
        dialect = "anthropic" if name == "claude" else "openai"
        whole["deployments"][name]["endpoint"] = {"url": f"http://127.0.0.1:{port}/v1", "dialect": dialect}
    change(whole)
    path, place = folder / "estate.yaml", Place(folder / "state")
    path.write_text(yaml.safe_dump(whole, sort_keys=False))
    keys = {w: new_key(place.keys, w, "sweden")[0] for w in ("chat", "free")}
    command = ("gateway", "serve", str(path), "--state", str(place.folder), "--port", "0")
    process = await asyncio.create_subprocess_exec(
        OFFTAKE, *command, *options, stderr=asyncio.subprocess.PIPE, env={**os.environ}
    )
    made = Fleet(path, place, 0, process, keys, states)
    reading = asyncio.create_task(_read(process, made.said))
    try:
        await until(lambda: any("listening on port" in line for line in made.said) or process.returncode, 60)
        found = re.search(r"listening on port (\d+)", "\n".join(made.said))
        assert found, made.said
        made.port = int(found[1])
        yield made
    finally:
        for client in made.clients:
            client.close()
        await asyncio.sleep(0.01)
        if process.returncode is None:
            await made.end()
        await reading
        for server in servers:
            server.close()


async def _read(process: asyncio.subprocess.Process, said: list[str]) -> None:
    assert process.stderr is not None
    while line := await process.stderr.readline():
        said.append(line.decode().rstrip())


async def until(true: Callable[[], Any], within_s: float = 20.0) -> None:
    """Waits until something holds; the bound is of the test, not of what is tested."""
    ends = time.monotonic() + within_s
    while not true():
        assert time.monotonic() < ends
        await asyncio.sleep(0.02)


class Client:
    """A connection of a caller that keeps it alive, and opens another when it was closed between two requests."""

    def __init__(self, made: Fleet, key: str = "free") -> None:
        self._fleet = made
        made.clients.append(self)
        self._key = key
        self._streams: tuple[asyncio.StreamReader, asyncio.StreamWriter] | None = None

    async def ask(self, **body: Any) -> tuple[int, dict[str, str], bytes]:
        """One request: status, headers, body."""
        body = {"model": "m", "messages": [{"role": "user", "content": "hello"}], **body}
        for _ in range(2):
            try:
                return await self._once(json.dumps(body).encode())
            except (asyncio.IncompleteReadError, ConnectionError):
                self.close()
        raise AssertionError("the connection was closed twice")

    async def get(self, path: str) -> tuple[int, str]:
        """A plain page."""
        self.close()
        status, _, body = await self._once(b"", "GET", path)
        self.close()
        return status, body.decode()

    async def _once(
        self, raw: bytes, method: str = "POST", path: str = "/v1/chat/completions"
    ) -> tuple[int, dict[str, str], bytes]:
        if self._streams is None:
            self._streams = await asyncio.open_connection("127.0.0.1", self._fleet.port)
        reader, writer = self._streams
        key = self._fleet.keys[self._key]
        head = f"{method} {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer {key}\r\n"
        head += f"content-type: application/json\r\ncontent-length: {len(raw)}\r\n\r\n"
        writer.write(head.encode() + raw)
        lines = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
        headers = {n.lower(): v for n, _, v in (line.partition(": ") for line in lines[1:-2])}
        if headers.get("transfer-encoding") == "chunked":
            body = await reader.readuntil(b"0\r\n\r\n")
        else:
            body = await reader.readexactly(int(headers["content-length"]))
        if headers.get("connection") == "close":
            self.close()
        return int(lines[0].split()[1]), headers, body

    def close(self) -> None:
        if self._streams is not None:
            self._streams[1].close()
            self._streams = None
