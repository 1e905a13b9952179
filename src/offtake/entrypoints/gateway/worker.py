"""One process of several: `python -m offtake.entrypoints.gateway.worker`, started by the supervisor and told on its
standard input what to do. It ends when the supervisor does."""

from __future__ import annotations

import asyncio
import os
import socket
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final

import orjson

from offtake.bootstrap.gateway import Place
from offtake.domain.errors import InvalidInput, OfftakeError
from offtake.entrypoints.gateway.beside import Beside
from offtake.entrypoints.gateway.serving import Among, Asked, prepared_of, run_process

UNUSABLE: Final = 2
FAILED: Final = 3


def main() -> int:
    """Runs the process. The first line of standard input is its orders; the end of it is the supervisor's."""
    orders: dict[str, Any] = orjson.loads(sys.stdin.buffer.readline())
    slot = int(orders["slot"])

    def say(text: str) -> None:
        sys.stderr.write(f"process {slot}: {text}\n")
        sys.stderr.flush()

    place = Place(Path(orders["state"]))
    asked = Asked(
        Path(orders["estate"]),
        place,
        shadow=orders["shadow"],
        meters=orders["meters"],
        without_meters=orders["without_meters"],
        drain_s=orders["drain_s"],
        ledger=orders["ledger"],
        collector=orders["collector"],
        keep_days=orders["keep_days"],
    )
    among = Among(
        orders["worker"],
        frozenset(orders["living"]),
        Beside(place.running, slot, int(orders["processes"])),
        _ready,
        _when_orphaned,
    )
    try:
        run_process(asked, prepared_of(asked), socket.socket(fileno=orders["listener"]), say, among)
    except OfftakeError as error:
        say(error.message)
        return UNUSABLE if isinstance(error, InvalidInput) else FAILED
    return 0


def _ready() -> None:
    os.write(sys.stdout.fileno(), b"ready\n")


def _when_orphaned(end: Callable[[], None]) -> None:
    """Ends once the supervisor's end of the pipe is closed, however it was."""
    asyncio.get_running_loop().add_reader(sys.stdin.fileno(), _look, end)


def _look(end: Callable[[], None]) -> None:
    if not os.read(sys.stdin.fileno(), 4096):
        asyncio.get_running_loop().remove_reader(sys.stdin.fileno())
        end()


if __name__ == "__main__":
    sys.exit(main())
