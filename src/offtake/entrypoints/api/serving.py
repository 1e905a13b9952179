"""Runs the app on uvicorn, with what is due recorded and messages sent beside it."""

from __future__ import annotations

import logging
import socket
import ssl
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
        if self.certificate is not None and self.key is not None:
            _check_pair(self.certificate, self.key)

    def bound(self) -> socket.socket:
        """A socket at the address. Raises InvalidInput if it cannot be had."""
        try:
            family, kind, protocol, _, address = socket.getaddrinfo(
                self.host, self.port, type=socket.SOCK_STREAM
            )[0]
            found = socket.socket(family, kind, protocol)
            found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            found.bind(address)
        except OSError as error:
            raise InvalidInput(
                f"{self.host}:{self.port} cannot be listened on: {error.strerror}",
                hint="another --port, or --host with an address of this machine",
            ) from None
        return found


@dataclass(frozen=True)
class Chore:
    """Work that is done again and again beside the server."""

    name: str
    every_s: float
    work: Callable[[], object]


def _check_pair(certificate: Path, key: Path) -> None:
    """Raises InvalidInput for a certificate or key that TLS could not use."""
    try:
        ssl.create_default_context(ssl.Purpose.CLIENT_AUTH).load_cert_chain(certificate, key, _no_password)
    except (OSError, ssl.SSLError, ValueError) as error:
        why = error.strerror if isinstance(error, OSError) and error.strerror else "they do not fit"
        raise InvalidInput(
            f"the certificate in `{certificate}` and the key in `{key}` cannot be read: {why}",
            hint="both are PEM, the key without a password and the certificate's own",
        ) from None


def _no_password() -> str:
    raise ValueError("the key has a password")


def serve(app: FastAPI, listening: Listening, chores: Sequence[Chore]) -> None:
    """Serves until it is interrupted. Raises InvalidInput for what it may not listen on."""
    import uvicorn

    listening.check()
    bound = listening.bound()
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
        uvicorn.Server(config).run(sockets=[bound])
    finally:
        bound.close()
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
