"""The gateway beside nginx, a bare uvicorn + aiohttp proxy, and LiteLLM; see docs/benchmarks.md.

    python -m benchmarks.gateway.run [--rounds 3] [--seconds 4] [--only offtake] [--json FILE]

It needs Debian's `nginx` and `wrk`. The worker that is measured runs on one processor; the load and the upstream, an
nginx that answers at once, on the other. Contenders take turns, and the table holds medians.
"""

from __future__ import annotations

import argparse
import json
import os
import re
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from statistics import median
from typing import Any, Final

import psutil

HERE: Final = Path(__file__).resolve().parent
ROOT: Final = HERE.parents[1]
PEERS: Final = ROOT / ".venv-peers"
MASTER: Final = "sk-" + "9f3b1c7a5d2e4860" * 3  # LiteLLM takes no short one.
WORKER, LOAD = "0", "1"  # Processors.
PATH: Final = "/v1/chat/completions"
ANSWER: Final = json.dumps(
    {
        "id": "c-1", "object": "chat.completion", "created": 0, "model": "m",
        "choices": [{"index": 0, "finish_reason": "stop", "message": {"role": "assistant", "content": "word " * 150}}],
        "usage": {"prompt_tokens": 250, "completion_tokens": 150, "total_tokens": 400},
    }
)  # fmt: skip
BODY: Final = json.dumps(
    {"model": "m", "messages": [{"role": "user", "content": "x" * 950}], "max_tokens": 200}
)
CONTENDERS: Final = ("direct", "nginx", "uvicorn + aiohttp", "litellm", "offtake")
ESTATE: Final = """
offtake: 1
currency: EUR
horizon: {from: 2024-01-01, until: 2080-01-01}
parties: {lab: {}, z: {}}
providers: {z: {party: z}, y: {}}
regions: {here: {jurisdiction: DE}, there: {jurisdiction: US}}
models: {m: {}}
products:
  reserved: {kind: provisioned, provider: z, price: 1 EUR/unit-hour,
             throughput: {m: {in: 1000 tokens/s, out: 100 tokens/s}},
             held: [{quantity: 40 million, status: contracted}]}
DEPLOYMENTS
workloads:
  chat: {kind: inference, party: lab, data_class: eu, models: [m], worth: 20 EUR/Mtoken,
         traffic: [{region: here, in: 100 tokens/s, out: 10 tokens/s}]}
agreements:
  policy:
    between: [lab]
    signed: 2024-01-01
    clauses:
      eu: {kind: residency, data_classes: [eu], boundary: [EU]}
      purse: {kind: budget, payer: lab, amount: 50 billion EUR, window: year}
      most: {kind: ceiling, measure: tokens, upper: 900 trillion tokens, window: month}
      spend: {kind: commitment, payer: lab, payee: z, measure: money, amount: 1 million EUR, window: year,
              covers: {providers: [z]}}
"""


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
) -> Iterator[subprocess.Popen[bytes]]:
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


def upstream(folder: Path, port: int) -> subprocess.Popen[bytes]:
    location = f"location / {{ default_type application/json; return 200 '{ANSWER}'; }}"
    return pinned(LOAD, "nginx", "-c", nginx(folder, port, location))


def contender(name: str, folder: Path, port: int, to: int) -> tuple[subprocess.Popen[bytes], str]:
    """A contender that listens, and the key that it is asked with."""
    if name == "nginx":
        http = f"upstream u {{ server 127.0.0.1:{to}; keepalive 64; keepalive_requests 100000000; }}"
        location = (
            "location / { proxy_pass http://u; proxy_http_version 1.1; proxy_set_header Connection ''; "
            "proxy_buffering off; }"
        )
        return pinned(WORKER, "nginx", "-c", nginx(folder, port, location, http)), "none"
    if name == "uvicorn + aiohttp":
        environment = {**os.environ, "UPSTREAM": f"http://127.0.0.1:{to}"}
        return pinned(
            WORKER, PEERS / "aiohttp/bin/python", HERE / "peer_aiohttp.py", str(port), env=environment
        ), "none"
    if name == "litellm":
        folder.mkdir(parents=True, exist_ok=True)
        model = {"model": "openai/m", "api_base": f"http://127.0.0.1:{to}/v1", "api_key": "none"}
        config = {
            "model_list": [{"model_name": "m", "litellm_params": model}],
            "general_settings": {"master_key": MASTER},
        }
        (folder / "litellm.yaml").write_text(json.dumps(config))
        environment = {**os.environ, "LITELLM_LOCAL_MODEL_COST_MAP": "True", "LITELLM_LOG": "ERROR"}
        at = ("--port", str(port), "--host", "127.0.0.1")
        command = (PEERS / "litellm/bin/litellm", "--config", folder / "litellm.yaml", *at)
        return pinned(WORKER, *command, env=environment), MASTER
    return offtake(folder, port, to)


def offtake(folder: Path, port: int, to: int) -> tuple[subprocess.Popen[bytes], str]:
    """The gateway with keys, law, meters, receipts and metrics on, over twenty deployments of which ten are lawful."""
    folder.mkdir(parents=True, exist_ok=True)
    rows = [
        "  use: {kind: tokens, provider: z, prices: {m: {in: 2 EUR/Mtoken, out: 8 EUR/Mtoken}}}",
        "deployments:",
    ]
    for n in range(20):
        place = "[EU]" if n % 2 == 0 else "[US]"
        products = "[reserved, use]" if n == 0 else "[use]"
        rows.append(
            f"  d{n}: {{provider: z, region: here, model: m, products: {products}, may_process_in: {place}, "
            f"endpoint: {{url: 'http://127.0.0.1:{to}/v1', concurrency: 100000}}}}"
        )
    estate = folder / "estate.yaml"
    estate.write_text(ESTATE.replace("DEPLOYMENTS", "\n".join(rows)))
    command = str(Path(sys.executable).with_name("offtake"))
    state = ("--state", str(folder / "state"))
    make = (command, "gateway", "keys", "new", str(estate), "--for", "chat", "--from", "here", *state)
    made = subprocess.run(make, capture_output=True, text=True, check=True)
    serve = (command, "gateway", "serve", estate, "--port", str(port), *state)
    return pinned(WORKER, *serve), made.stdout.strip()


def family(process: subprocess.Popen[bytes]) -> list[psutil.Process]:
    found = psutil.Process(process.pid)
    return [found, *found.children(recursive=True)]


def cpu_s(process: subprocess.Popen[bytes]) -> float:
    return sum(sum(p.cpu_times()[:2]) for p in family(process))


def rss_mb(process: subprocess.Popen[bytes]) -> float:
    return sum(p.memory_info().rss for p in family(process)) / 1e6


def wrk(port: int, key: str, seconds: int, at_once: int, script: Path) -> dict[str, float]:
    """Requests a second and latencies, by wrk."""
    script.write_text(
        "wrk.method = 'POST'\nwrk.body = '" + BODY + "'\nwrk.headers['content-type'] = 'application/json'\n"
        f"wrk.headers['authorization'] = 'Bearer {key}'\n"
    )
    done = subprocess.run(
        ["taskset", "-c", LOAD, "wrk", "-t1", f"-c{at_once}", f"-d{seconds}s", "--latency", "-s", str(script),
         f"http://127.0.0.1:{port}{PATH}"],
        capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    if "Non-2xx" in done:
        raise SystemExit(done)
    found = {f"p{n}_ms": _ms(re.search(rf"\n +{n}% +([\d.]+)(us|ms|s)", done)) for n in (50, 99)}
    count = re.search(r"(\d+) requests in", done)
    rate = re.search(r"Requests/sec: +([\d.]+)", done)
    return {**found, "requests": float(count[1]) if count else 0.0, "per_s": float(rate[1]) if rate else 0.0}


def _ms(match: re.Match[str] | None) -> float:
    return 0.0 if match is None else float(match[1]) * {"us": 1e-3, "ms": 1.0, "s": 1e3}[match[2]]


def client(kind: str, port: int, key: str, body: str, *more: str) -> dict[str, float]:
    command = [
        "taskset",
        "-c",
        LOAD,
        sys.executable,
        str(HERE / "client.py"),
        kind,
        str(port),
        PATH,
        key,
        body,
        *more,
    ]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def measured(name: str, folder: Path, to: int, seconds: int) -> dict[str, float]:
    """One turn of a contender."""
    if name == "direct":
        found = wrk(to, "none", seconds, 32, folder / "wrk.lua")
        return {**found, **client("paced", to, "none", BODY, "240", "80")}
    port = free_port()
    process, key = contender(name, folder / re.sub(r"\W+", "-", name), port, to)
    with running(process, port):
        time.sleep(0.5)
        wrk(port, key, 1, 32, folder / "wrk.lua")
        before = cpu_s(process)
        found = wrk(port, key, seconds, 32, folder / "wrk.lua")
        found["cpu_us"] = (cpu_s(process) - before) / max(found["requests"], 1) * 1e6
        found |= client("paced", port, key, BODY, "240", "80")
        found["rss_mb"] = rss_mb(process)
    return found


def streamed(name: str, folder: Path, at_once: int) -> dict[str, float]:
    """Streams of 200 paced chunks at once, from a rehearsal's upstream."""
    body = json.dumps({"model": "m", "stream": True, "tokens": 200, "pace_ms": 10, "messages": []})
    to = free_port()
    source = pinned(LOAD, Path(sys.executable).with_name("offtake"), "gateway", "rehearse", "--port", str(to))
    with running(source, to):
        if name == "direct":
            return client("streams", to, "none", body, str(at_once), "200")
        port = free_port()
        process, key = contender(name, folder / f"streams-{re.sub(r'[^a-z]+', '-', name)}", port, to)
        with running(process, port):
            time.sleep(0.5)
            found = client("streams", port, key, body, str(at_once), "200")
            found["rss_mb"] = rss_mb(process)
    return found


def main() -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=4)
    parser.add_argument("--streams", type=int, default=512)
    parser.add_argument("--only", action="append", choices=CONTENDERS)
    parser.add_argument("--json", type=Path)
    given = parser.parse_args()
    lacks = [tool for tool in ("nginx", "wrk", "taskset") if shutil.which(tool) is None]
    if lacks:
        raise SystemExit(f"{', '.join(lacks)} missing: apt-get install nginx-light wrk util-linux")
    names = tuple(given.only or CONTENDERS)
    folder = ROOT / "out" / "bench-gateway"
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True)
    results: dict[str, Any] = {}
    to = free_port()
    with running(upstream(folder / "upstream", to), to):
        turns: dict[str, list[dict[str, float]]] = {name: [] for name in names}
        for n in range(given.rounds):
            for name in names:
                found = measured(name, folder / str(n), to, given.seconds) if _made(folder / str(n)) else {}
                turns[name].append(found)
                print(f"round {n + 1}, {name}: {found['per_s']:,.0f}/s", file=sys.stderr)
    for name, rows in turns.items():
        results[name] = {key: median(row[key] for row in rows) for key in rows[0]}
    for name in names:
        if name != "litellm":  # It does not bear as many at once on one processor within a minute.
            results[name]["streams"] = streamed(name, folder, given.streams)
    show(results)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


def _made(folder: Path) -> bool:
    folder.mkdir(parents=True, exist_ok=True)
    return True


def show(results: dict[str, Any]) -> None:
    """The table, as docs/benchmarks.md has it."""

    def base(key: str) -> float:
        return results.get("direct", {}).get(key, 0.0)

    columns = "requests/s | p50 ms | p99 ms | CPU µs a request | added p50 ms at 80/s | added p99 ms at 80/s | RSS MB"
    print(f"| | {columns} |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|")
    for name, row in results.items():
        added = [(row["p50_us"] - base("p50_us")) / 1e3, (row["p99_us"] - base("p99_us")) / 1e3]
        print(
            f"| {name} | {row['per_s']:,.0f} | {row['p50_ms']:.2f} | {row['p99_ms']:.2f} | {row.get('cpu_us', 0):.0f} "
            f"| {added[0]:.2f} | {added[1]:.2f} | {row.get('rss_mb', 0):.0f} |"
        )
    print()
    columns = "at once | whole and in order | first event, median ms | all done, s | RSS MB"
    print(f"| streams of 200 paced chunks | {columns} |")
    print("|---|---:|---:|---:|---:|---:|")
    for name, row in results.items():
        if "streams" in row:
            s = row["streams"]
            print(
                f"| {name} | {s['streams']:.0f} | {s['whole']:.0f} | {s['first_ms']:.1f} | {s['last_s']:.2f} "
                f"| {s.get('rss_mb', 0):.0f} |"
            )


if __name__ == "__main__":
    main()
