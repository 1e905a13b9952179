"""Runs the app on uvicorn, with what is due recorded and messages sent beside it."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from ipaddress import ip_address
from pathlib import Path
from threading import Event, Thread
from typing import Final

from fastapi import FastAPI

from offtake.domain.errors import InvalidInput, OfftakeError

log = logging.getLogger("offtake.api")
CONCURRENT: Final = 256
KEEP_ALIVE_S: Final = 15
STOP_WITHIN_S: Final = 10


@dataclass(frozen=True)
class Listening:
    """Where the server listens. Beyond this machine it is reached only by TLS, here or at a proxy before it."""

    host: str
    port: int
    certificate: Path | None = None
    key: Path | None = None
    behind_proxy: bool = False

    def check(self) -> None:
        """Raises InvalidInput if tokens would travel in the clear."""
        if (self.certificate is None) != (self.key is None):
            raise InvalidInput(
                "TLS needs a certificate and its key", hint="give both --certificate and --tls-key"
            )
        if self.certificate is None and not self.behind_proxy and not _loopback(self.host):
            raise InvalidInput(
                f"on {self.host} tokens would travel in the clear",
                hint="give --certificate and --tls-key, or --behind-proxy if one before it speaks TLS",
            )


@dataclass(frozen=True)
class Chore:
    """Work that is done again and again beside the server."""

    name: str
    every_s: float
    work: Callable[[], object]


def serve(app: FastAPI, listening: Listening, chores: Sequence[Chore]) -> None:
    """Serves until it is interrupted. Raises InvalidInput for what it may not listen on."""
    import uvicorn

    listening.check()
    stop = Event()
    threads = [Thread(target=_again, args=(chore, stop), name=chore.name, daemon=True) for chore in chores]
    config = uvicorn.Config(
        app,
        host=listening.host,
        port=listening.port,
        ssl_certfile=None if listening.certificate is None else str(listening.certificate),
        ssl_keyfile=None if listening.key is None else str(listening.key),
        proxy_headers=False,
        server_header=False,
        limit_concurrency=CONCURRENT,
        timeout_keep_alive=KEEP_ALIVE_S,
        timeout_graceful_shutdown=STOP_WITHIN_S,
        log_config=None,
        access_log=False,
    )
    for thread in threads:
        thread.start()
    try:
        uvicorn.Server(config).run()
    finally:
        stop.set()
        for thread in threads:
            thread.join(STOP_WITHIN_S)


def _again(chore: Chore, stop: Event) -> None:
    while not stop.wait(chore.every_s):
        try:
            chore.work()
        except OfftakeError as error:
            log.error("%s: %s", chore.name, error.message)  # noqa: TRY400 -- what failed is said; where is known


def _loopback(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
