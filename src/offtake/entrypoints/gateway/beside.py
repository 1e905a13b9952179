"""What the processes of one gateway know of each other: each tells of itself in a file, once a second."""

from __future__ import annotations

import contextlib
import os
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

import orjson

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.service import Service

TELL_EVERY_S: Final = 1.0
HEARD_WITHIN_S: Final = 5.0  # What was told longer ago is not of a process that runs.
MOST_BYTES: Final = 8 * 1024 * 1024


@dataclass(frozen=True, slots=True)
class Told:
    """What a process told of itself: why it takes no requests (None: it takes them), and its metrics."""

    slot: int
    lack: str | None
    metrics: str


@dataclass(slots=True)
class Beside:
    """One process among several. `slot` is its number; processes that follow one another in a slot share it."""

    folder: Path
    slot: int
    processes: int
    wall: Callable[[], float] = time.time

    def told(self, service: Service) -> bytes:
        """What there is to tell of this process, as its loop knows it."""
        told = {
            "slot": self.slot,
            "pid": os.getpid(),
            "at": self.wall(),
            "lack": service.not_ready(),
            "metrics": own_metrics(service),
        }
        return orjson.dumps(told)

    def tell(self, told: bytes) -> None:
        """Writes what is told. What cannot be written is told a second later."""
        file = self.folder / f"{self.slot}.json"
        draft = file.with_name(f".{self.slot}.{os.getpid()}")
        with contextlib.suppress(OSError):
            self.folder.mkdir(parents=True, exist_ok=True)
            draft.write_bytes(told)
            draft.replace(file)

    def others(self) -> list[Told]:
        """What the others told lately, in the order of their numbers."""
        found: list[Told] = []
        for slot in range(1, self.processes + 1):
            if slot != self.slot:
                told = self._read(self.folder / f"{slot}.json")
                if told is not None:
                    found.append(told)
        return found

    def _read(self, file: Path) -> Told | None:
        try:
            with file.open("rb") as opened:
                told: dict[str, Any] = orjson.loads(opened.read(MOST_BYTES))
        except (OSError, orjson.JSONDecodeError):
            return None
        if self.wall() - told["at"] > HEARD_WITHIN_S:
            return None
        return Told(told["slot"], told["lack"], told["metrics"])

    def metrics(self, own: str) -> str:
        """The metrics of all processes, each with its number."""
        texts = {told.slot: told.metrics for told in self.others()}
        texts[self.slot] = own
        return merged(texts) + self._of_processes(len(texts))

    def readiness(self, lack: str | None) -> tuple[bool, str]:
        """Whether this process takes requests, and in words how many of all do."""
        ready = sum(told.lack is None for told in self.others()) + (lack is None)
        text = f"{lack or 'ready'}: {ready} of {self.processes} processes take requests"
        return lack is None, text

    def _of_processes(self, running: int) -> str:
        lines = [
            "# TYPE offtake_processes gauge",
            f"offtake_processes {running}",
            "# TYPE offtake_process_restarts_total counter",
        ]
        with contextlib.suppress(OSError, orjson.JSONDecodeError):
            restarts: dict[str, int] = orjson.loads((self.folder / "restarts.json").read_bytes())
            lines += [
                f'offtake_process_restarts_total{{process="{slot}"}} {n}' for slot, n in restarts.items()
            ]
        return "\n".join(lines) + "\n"


def own_metrics(service: Service) -> str:
    """The metrics of one process."""
    service.flush()
    sharing = service.sharing
    shared = (
        ""
        if sharing is None
        else (
            "# TYPE offtake_headroom_members gauge\n"
            f"offtake_headroom_members {sharing.members}\n"
            "# TYPE offtake_headroom_unknown gauge\n"
            f"offtake_headroom_unknown {int(sharing.lapsed)}\n"
        )
    )
    return shared + service.metrics.text(
        service.table, service.balances, service.wall(), len(service.exchanges)
    )


def merged(texts: dict[int, str]) -> str:
    """Prometheus texts of several processes as one: each family once, each sample with its process."""
    families: dict[str, list[str]] = {}
    for slot, text in sorted(texts.items()):
        samples: list[str] = []
        for line in text.splitlines():
            if line.startswith("# TYPE "):
                samples = families.setdefault(line, [])
            elif line and not line.startswith("#"):
                samples.append(_labelled(line, slot))
    return "".join("\n".join((head, *samples)) + "\n" for head, samples in families.items())


def _labelled(line: str, slot: int) -> str:
    name, brace, rest = line.partition("{")
    if brace:
        return f'{name}{{process="{slot}",{rest}'
    name, _, value = line.rpartition(" ")
    return f'{name}{{process="{slot}"}} {value}'
