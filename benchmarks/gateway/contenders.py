"""The contenders: how each is started, on one processor, in front of an upstream, and how it is asked."""

from __future__ import annotations

import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Generator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final

import psutil
from benchmarks.gateway.estate import PATH, write_estate

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PEERS: Final = ROOT / ".venv-peers"
MASTER: Final = "sk-" + "9f3b1c7a5d2e4860" * 3  # LiteLLM takes no short one.
# The contender has one processor; the load and the upstream share the other.
WORKER, LOAD = "0", "1"
NAMES: Final = ("direct", "nginx", "uvicorn + aiohttp", "portkey", "litellm", "offtake", "offtake, by use")


@dataclass
class Contender:
    """One that runs: its process, where it listens, and the headers that it is asked with."""

    process: subprocess.Popen[bytes]
    port: int
    headers: dict[str, str] = field(default_factory=dict[str, str])

    def asked(self, body: str, **more: object) -> dict[str, object]:
        """What the client is told to ask."""
        return {"port": self.port, "path": PATH, "headers": self.headers, "body": body, **more}

    def family(self) -> list[psutil.Process]:
        found = psutil.Process(self.process.pid)
        return [found, *found.children(recursive=True)]

    def cpu_s(self) -> float:
        """Processor time so far, of the process and its children."""
        return sum(sum(p.cpu_times()[:2]) for p in self.family())

    def rss_mb(self) -> float:
        """Memory that is resident, of the process and its children."""
        return sum(p.memory_info().rss for p in self.family()) / 1e6


def lacking(name: str) -> str | None:
    """Why a contender cannot be measured on this machine; None if it can."""
    if name == "portkey":
        if shutil.which("node") is None:
            return "there is no `node`: apt-get install nodejs npm"
        if not portkey_script().exists():
            return "its package is not there: npm could not install it"
    if name == "litellm" and not (PEERS / "litellm/bin/litellm").exists():
        return "its package is not there"
    return None


def portkey_script() -> Path:
    return PEERS / "portkey/node_modules/@portkey-ai/gateway/build/start-server.js"


def free_port() -> int:
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        return int(found.getsockname()[1])


def pinned(
    processor: str, *command: str | Path, env: dict[str, str] | None = None
) -> subprocess.Popen[bytes]:
    return subprocess.Popen(
        ["taskset", "-c", processor, *map(str, command)],
        stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, start_new_session=True, env=env,
    )  # fmt: skip


@contextmanager
def running(
    process: subprocess.Popen[bytes], port: int, within_s: float = 60.0
) -> Generator[subprocess.Popen[bytes]]:
    """A server while it listens; it and what it started are ended afterwards."""
    ends = time.monotonic() + within_s
    try:
        while True:
            with suppress(OSError), socket.create_connection(("127.0.0.1", port), timeout=0.2):
                break
            if process.poll() is not None or time.monotonic() > ends:
                raise SystemExit(f"{process.args!r} does not listen on {port}")
            time.sleep(0.1)
        yield process
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGTERM)
        with suppress(subprocess.TimeoutExpired):
            process.wait(10)
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def nginx(folder: Path, port: int, location: str, http: str = "") -> Path:
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "nginx.conf"
    path.write_text(
        f"daemon off; worker_processes 1; pid {folder}/nginx.pid; error_log {folder}/error.log crit;\n"
        "events { worker_connections 4096; }\n"
        f"http {{ access_log off; keepalive_requests 100000000; client_body_buffer_size 64k;\n{http}\n"
        f"server {{ listen 127.0.0.1:{port} backlog=4096; {location} }} }}\n"
    )
    return path


def start(name: str, folder: Path, to: int) -> Contender:
    """A contender in front of the upstream at a port; `direct` is no contender."""
    port = free_port()
    folder.mkdir(parents=True, exist_ok=True)
    plain = {"content-type": "application/json"}
    if name == "nginx":
        http = f"upstream u {{ server 127.0.0.1:{to}; keepalive 1024; keepalive_requests 100000000; }}"
        location = (
            "location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; "
            "proxy_buffering off; }"
        )
        return Contender(pinned(WORKER, "nginx", "-c", nginx(folder, port, location, http)), port, plain)
    if name == "uvicorn + aiohttp":
        environment = {**os.environ, "UPSTREAM": f"http://127.0.0.1:{to}"}
        command = (PEERS / "aiohttp/bin/python", HERE / "peer_aiohttp.py", str(port))
        return Contender(pinned(WORKER, *command, env=environment), port, plain)
    if name == "portkey":
        process = pinned(WORKER, "node", portkey_script(), f"--port={port}", "--headless")
        host = f"http://127.0.0.1:{to}/v1"
        theirs = {
            "x-portkey-provider": "openai",
            "x-portkey-custom-host": host,
            "authorization": "Bearer none",
        }
        return Contender(process, port, plain | theirs)
    if name == "litellm":
        return Contender(_litellm(folder, port, to), port, plain | {"authorization": f"Bearer {MASTER}"})
    return _offtake(folder, port, to, reserved=name == "offtake")


def _litellm(folder: Path, port: int, to: int) -> subprocess.Popen[bytes]:
    model = {"model": "openai/m", "api_base": f"http://127.0.0.1:{to}/v1", "api_key": "none"}
    config = {
        "model_list": [{"model_name": "m", "litellm_params": model}],
        "general_settings": {"master_key": MASTER},
    }
    (folder / "litellm.yaml").write_text(json.dumps(config))
    environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
    at = ("--port", str(port), "--host", "127.0.0.1")
    return pinned(
        WORKER, PEERS / "litellm/bin/litellm", "--config", folder / "litellm.yaml", *at, env=environment
    )


def _offtake(folder: Path, port: int, to: int, *, reserved: bool) -> Contender:
    """The gateway with keys, law, meters, receipts and metrics on. Without a reservation that has room the choice
    looks at prices, a commitment's pace and ten supplies for each request."""
    estate = write_estate(folder / "estate.yaml", to, reserved=reserved)
    command = str(Path(sys.executable).with_name("offtake"))
    state = ("--state", str(folder / "state"))
    make = (command, "gateway", "keys", "new", str(estate), "--for", "chat", "--from", "here", *state)
    made = subprocess.run(make, capture_output=True, text=True, check=True)
    process = pinned(WORKER, command, "gateway", "serve", estate, "--port", str(port), *state)
    key = {"content-type": "application/json", "authorization": f"Bearer {made.stdout.strip()}"}
    return Contender(process, port, key)
