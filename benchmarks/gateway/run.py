"""The gateway beside nginx, a bare uvicorn + aiohttp proxy, Portkey's gateway and LiteLLM; see docs/benchmarks.md.

    python -m benchmarks.gateway.run [--rounds 3] [--seconds 3] [--only offtake] [--json FILE]

It needs Debian's `nginx` and `wrk`; Portkey's gateway needs `node`, and is left out where there is none. The contender
runs on one processor; the load and the upstream, an nginx that answers at once, on the other. Contenders take turns;
the table holds medians. What other work on the machine moves least is the processor time of a request.
"""

from __future__ import annotations

import argparse
import json
import re
import shutil
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import median
from typing import Any, Final

from benchmarks.gateway.contenders import (
    HERE,
    LOAD,
    NAMES,
    ROOT,
    Contender,
    free_port,
    lacking,
    nginx,
    pinned,
    running,
    start,
)  # fmt: skip
from benchmarks.gateway.estate import ANSWER, BODIES, PATH, body
from benchmarks.gateway.estate import streamed as stream

CHUNKS, PACE_MS, AT_ONCE = 200, 50.0, 512
MANY: Final = 100_000  # Requests after which memory is read.
MANY_WITHIN_S: Final = 30.0


def wrk(to: Contender, seconds: float, at_once: int, script: Path) -> dict[str, float]:
    """Requests a second and latencies, by wrk, with bodies of many lengths."""
    headers = "".join(f"wrk.headers['{name}'] = '{value}'\n" for name, value in to.headers.items())
    bodies = ",".join(f"'{each}'" for each in BODIES)
    script.write_text(
        f"local bodies = {{{bodies}}}\nlocal ready, n = {{}}, 0\n{headers}"
        f"function init() for k, b in ipairs(bodies) do ready[k] = wrk.format('POST', '{PATH}', nil, b) end end\n"
        "function request() n = n % #ready + 1; return ready[n] end\n"
    )
    done = subprocess.run(
        ["taskset", "-c", LOAD, "wrk", "-t1", f"-c{at_once}", f"-d{seconds:g}s", "--latency", "-s", str(script),
         f"http://127.0.0.1:{to.port}{PATH}"],
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


def client(asked: dict[str, object]) -> dict[str, float]:
    command = ["taskset", "-c", LOAD, sys.executable, str(HERE / "client.py"), json.dumps(asked)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return json.loads(done.stdout)


def loaded(to: Contender, folder: Path, seconds: int, *, direct: bool) -> dict[str, float]:
    """Full load, then a low fixed rate."""
    wrk(to, 1, 32, folder / "wrk.lua")
    before = 0.0 if direct else to.cpu_s()
    found = wrk(to, seconds, 32, folder / "wrk.lua")
    if not direct:
        found["cpu_us"] = (to.cpu_s() - before) / max(found["requests"], 1) * 1e6
    return found | client(to.asked(body(), kind="paced", count=300, rate=200))


def after_many(to: Contender, folder: Path, so_far: float, per_s: float) -> dict[str, float]:
    """Memory once many requests have been answered; as it is where they would take too long."""
    ends = time.monotonic() + MANY_WITHIN_S
    while so_far < MANY and time.monotonic() < ends and per_s * MANY_WITHIN_S > MANY - so_far:
        so_far += wrk(to, 3, 32, folder / "wrk.lua")["requests"]
    return {"rss_mb": to.rss_mb(), "rss_after": so_far}


def streamed(to: Contender, *, direct: bool) -> dict[str, float]:
    """Time to the first event of one stream after the other, then many paced streams at once."""
    first = client(to.asked(stream(1), kind="paced", count=100, rate=50))["first_p50_us"]
    before = 0.0 if direct else to.cpu_s()
    found = client(to.asked(stream(CHUNKS), kind="streams", at_once=AT_ONCE, chunks=CHUNKS))
    if not direct:
        found["cpu_us"] = (to.cpu_s() - before) / (AT_ONCE * CHUNKS) * 1e6
        found["rss_mb"] = to.rss_mb()
    return {**found, "first_p50_us": first}


def main(arguments: Sequence[str] | None = None) -> None:
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--seconds", type=int, default=3)
    parser.add_argument("--only", action="append", choices=NAMES)
    parser.add_argument("--without-streams", action="store_true")
    parser.add_argument("--json", type=Path)
    given = parser.parse_args(arguments)
    lacks = [tool for tool in ("nginx", "wrk", "taskset") if shutil.which(tool) is None]
    if lacks:
        raise SystemExit(f"{', '.join(lacks)} missing: apt-get install nginx-light wrk util-linux")
    names: list[str] = []
    for name in given.only or NAMES:
        lack = lacking(name)
        if lack is None:
            names.append(name)
        else:
            say(f"{name} is left out: {lack}")
    folder = ROOT / "out" / "bench-gateway"
    shutil.rmtree(folder, ignore_errors=True)
    results = under_load(names, folder, given.rounds, given.seconds)
    if not given.without_streams:
        for name, found in with_streams(names, folder).items():
            results[name]["streams"] = found
    show(results)
    if given.json:
        given.json.write_text(json.dumps(results, indent=1) + "\n")


def under_load(names: Sequence[str], folder: Path, rounds: int, seconds: int) -> dict[str, dict[str, Any]]:
    turns: dict[str, list[dict[str, float]]] = {name: [] for name in names}
    to = free_port()
    location = f"location / {{ default_type application/json; return 200 '{ANSWER}'; }}"
    source = pinned(LOAD, "nginx", "-c", nginx(folder / "upstream", to, location))
    with running(source, to):
        for n in range(rounds):
            for name in names:
                inside = folder / f"{n}-{_plain(name)}"
                inside.mkdir(parents=True)
                if name == "direct":
                    found = loaded(Contender(source, to), inside, seconds, direct=True)
                else:
                    made = start(name, inside, to)
                    with running(made.process, made.port):
                        time.sleep(0.5)
                        found = loaded(made, inside, seconds, direct=False)
                        if n == 0:
                            found |= after_many(made, inside, found["requests"], found["per_s"])
                turns[name].append(found)
                say(f"round {n + 1}, {name}: {found['per_s']:,.0f}/s")
    return {
        name: {key: median(row[key] for row in rows if key in row) for key in rows[0]}
        for name, rows in turns.items()
    }


def with_streams(names: Sequence[str], folder: Path) -> dict[str, dict[str, float]]:
    found: dict[str, dict[str, float]] = {}
    to = free_port()
    source = pinned(LOAD, sys.executable, HERE / "upstream.py", str(to), str(PACE_MS))
    with running(source, to):
        for name in names:
            if name in ("litellm", "offtake, by use"):
                continue  # One does not bear as many at once on one processor; the other is no other stream.
            if name == "direct":
                found[name] = streamed(Contender(source, to), direct=True)
            else:
                made = start(name, folder / f"streams-{_plain(name)}", to)
                with running(made.process, made.port):
                    time.sleep(0.5)
                    found[name] = streamed(made, direct=False)
            say(f"streams, {name}: {found[name]['whole']:.0f} of {AT_ONCE} whole")
    return found


def _plain(name: str) -> str:
    return re.sub(r"\W+", "-", name)


def say(text: str) -> None:
    print(text, file=sys.stderr)


def show(results: dict[str, dict[str, Any]]) -> None:
    """The tables, as docs/benchmarks.md has them."""
    direct = results.get("direct", {})
    row_of(
        "", "requests/s", "p50 ms", "p99 ms", "processor µs a request", "added p50 µs", "added p99 µs", "RSS MB",
        "after requests",
    )  # fmt: skip
    print("|---|" + "---:|" * 8)
    for name, row in results.items():
        cells = [f"{row['per_s']:,.0f}", f"{row['p50_ms']:.2f}", f"{row['p99_ms']:.2f}"]
        if name != "direct":
            added = [f"{row[key] - direct.get(key, 0.0):.0f}" for key in ("p50_us", "p99_us")]
            cells += [f"{row['cpu_us']:.0f}", *added, f"{row['rss_mb']:.0f}", f"{row['rss_after']:,.0f}"]
        row_of(name, *cells, *[""] * (8 - len(cells)))
    if any("streams" in row for row in results.values()):
        print()
        show_streams(results, direct.get("streams", {}).get("first_p50_us", 0.0))


def show_streams(results: dict[str, dict[str, Any]], before: float) -> None:
    row_of(
        f"{AT_ONCE} streams of {CHUNKS} chunks, {PACE_MS:g} ms apart", "whole and in order",
        "added to the first event, µs", "a chunk's way p50 ms", "p99 ms", "processor µs a chunk", "RSS MB",
    )  # fmt: skip
    print("|---|" + "---:|" * 6)
    for name, row in results.items():
        if "streams" in row:
            s = row["streams"]
            way = f"{s['chunk_p50_ms']:.2f}", f"{s['chunk_p99_ms']:.2f}"
            if name == "direct":
                row_of(name, f"{s['whole']:.0f}", "", *way, "", "")
            else:
                first = f"{s['first_p50_us'] - before:.0f}"
                row_of(name, f"{s['whole']:.0f}", first, *way, f"{s['cpu_us']:.0f}", f"{s['rss_mb']:.0f}")


def row_of(*cells: str) -> None:
    print(f"| {' | '.join(cells)} |")


if __name__ == "__main__":
    main()
