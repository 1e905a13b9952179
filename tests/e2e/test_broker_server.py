"""`offtake broker serve` in a process of its own, and the command line against it over a socket."""

import os
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import httpx2
import pytest
import yaml

from brokered import market, right

OFFTAKE = str(Path(sys.executable).with_name("offtake"))
NEED = (
    "file-need",
    "n1",
    "100 accelerators",
    "--for",
    "lab",
    "--from",
    "2026-03-01",
    "--until",
    "2028-03-01",
)


def run(*words: str, token: str | None = None, where: str) -> subprocess.CompletedProcess[str]:
    env = {**os.environ, "OFFTAKE_LEDGER": where, "OFFTAKE_TOKEN": token or ""}
    return subprocess.run(
        [OFFTAKE, "broker", *words], capture_output=True, text=True, env=env, check=False, timeout=60
    )


class Running:
    def __init__(self, folder: Path) -> None:
        self.ledger = str(folder / "deals.db")
        (folder / "estate.yaml").write_text(yaml.safe_dump(market(agreements=right()), sort_keys=False))
        opened = run(
            "open", str(folder / "estate.yaml"), "--rehearsal", "--at", "2026-01-12T09:00", where=self.ledger
        )
        assert opened.returncode == 0, opened.stderr
        self.tokens = {
            who: run("token", "create", *words, where=self.ledger).stdout.strip()
            for who, words in (("operator", ["operator"]), ("h", ["provider", "--for", "h"]))
        }
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            port = free.getsockname()[1]
        self.url = f"http://127.0.0.1:{port}"
        self.process = subprocess.Popen(
            [OFFTAKE, "broker", "serve", "--ledger", self.ledger, "--port", str(port)],
            stderr=subprocess.DEVNULL,
        )
        assert any(self._answers() for _ in range(300)), "the server did not begin"

    def _answers(self) -> bool:
        try:
            return httpx2.get(f"{self.url}/v1/health").is_success
        except httpx2.HTTPError:
            time.sleep(0.1)
            return False


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    running = Running(tmp_path_factory.mktemp("server"))
    yield running
    running.process.terminate()
    assert running.process.wait(20) in (0, -15)


def test_the_command_line_works_against_a_server(running: Running) -> None:
    filed = run(*NEED, token=running.tokens["operator"], where=running.url)
    assert filed.returncode == 0, filed.stderr
    assert "h is asked about 100 of n1" in filed.stdout
    taken = run(
        "answer", "n1", "--by", "h", "--take", "h-gpu=40", token=running.tokens["h"], where=running.url
    )
    assert taken.returncode == 0, taken.stderr
    bid = run(
        "bid",
        "n1",
        "b-gpu",
        "60",
        "1 USD/accelerator-hour",
        token=running.tokens["operator"],
        where=running.url,
    )
    assert bid.returncode == 0, bid.stderr
    denied = run("award", "n1", token=running.tokens["h"], where=running.url)
    assert (denied.returncode, "does not allow `award`" in denied.stderr) == (2, True)
    awarded = run("award", "n1", token=running.tokens["operator"], where=running.url)
    assert "60 at b-gpu of b" in awarded.stdout
    shown = run("status", token=running.tokens["h"], where=running.url)
    assert "h-gpu" in shown.stdout
    assert "b-gpu" not in shown.stdout
    here = run("status", "--json", where=running.ledger)
    there = run("status", "--json", token=running.tokens["operator"], where=running.url)
    assert here.stdout == there.stdout


def test_a_server_beyond_this_machine_needs_tls(running: Running) -> None:
    refused = run("serve", "--host", "0.0.0.0", where=running.ledger)
    assert (refused.returncode, "in the clear" in refused.stderr) == (2, True)
