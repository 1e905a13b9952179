"""A broker's API in a process of its own, and clients of it, for `benchmarks.broker`."""

from __future__ import annotations

import http.client
import json
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Generator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import local

from benchmarks import bulk

from offtake.adapters.broker_tokens import TokenFile, new_token
from offtake.broker.commands import FileNeed
from offtake.entrypoints.api.access import Service
from offtake.entrypoints.api.app import create_app
from offtake.entrypoints.api.commands import COMMAND
from offtake.entrypoints.api.limits import RateLimit

WAIT_S = 30


def serve(where: str, folder: Path, port: int) -> None:
    """Serves a new ledger until it is ended."""
    import uvicorn

    broker = bulk.opened(where, folder)
    unlimited = RateLimit(1e9, 1e9, time.monotonic)
    tokens = TokenFile(folder / "tokens.json", lambda: datetime.now(UTC))
    app = create_app(Service(broker, tokens, lambda: datetime.now(UTC), unlimited, unlimited))
    uvicorn.run(app, host="127.0.0.1", port=port, log_level="error", access_log=False)


@contextmanager
def served(where: str, folder: Path) -> Generator[Callable[[str], None]]:
    """What files a need of a name over HTTP, on a connection of the calling thread's own."""
    secret, _ = new_token(folder / "tokens.json", "operator", None, datetime.now(UTC) + timedelta(hours=1))
    port = _free_port()
    process = subprocess.Popen(
        [sys.executable, "-m", "benchmarks.broker_server", where, str(folder), str(port)]
    )
    mine = local()

    def connection() -> http.client.HTTPConnection:
        if not hasattr(mine, "connection"):
            mine.connection = http.client.HTTPConnection("127.0.0.1", port, timeout=WAIT_S)
            mine.connection.connect()
            mine.connection.sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        return mine.connection

    def file(id: str) -> None:
        body = json.dumps(COMMAND.dump_python(FileNeed(need=bulk.need(id)), mode="json"))
        headers = {
            "Authorization": f"Bearer {secret}",
            "Idempotency-Key": id,
            "Content-Type": "application/json",
        }
        connection().request("POST", "/v1/commands", body, headers)
        answer = connection().getresponse()
        said = answer.read()
        if answer.status != 201:
            raise RuntimeError(said.decode()[:300])

    try:
        _until_it_answers(port)
        yield file
    finally:
        process.terminate()
        process.wait(WAIT_S)


def _until_it_answers(port: int) -> None:
    ends = time.monotonic() + WAIT_S
    while True:
        try:
            socket.create_connection(("127.0.0.1", port), 1).close()
        except OSError:
            if time.monotonic() > ends:
                raise
            time.sleep(0.1)
        else:
            return


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


if __name__ == "__main__":
    serve(sys.argv[1], Path(sys.argv[2]), int(sys.argv[3]))
