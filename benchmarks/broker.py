"""`python -m benchmarks.broker`: durable commands a second beside raw commits, and what a ledger costs as it grows.

One run on one machine: rates are medians of three rounds, to be read as ratios to the raw commits beside them.
PostgreSQL is started by the tests' own script, on loopback.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from itertools import count
from pathlib import Path
from threading import local
from typing import Final

import sqlalchemy as sa
from benchmarks import bulk
from benchmarks.broker_server import served

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days_of
from offtake.adapters.ledger_sql import open_ledger
from offtake.adapters.sealing import seal_holds, sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker.commands import FileNeed
from offtake.broker.deciding import decide
from offtake.broker.folding import fold
from offtake.broker.quoting import quote
from offtake.broker.service import Broker
from offtake.broker.state import State
from offtake.broker.verification import verified

ROUNDS: Final = 3
CLIENTS: Final = (1, 32)
ROW_BYTES: Final = 2_000
Record = dict[str, object]


def rate(work: Callable[[int], object], clients: int, calls: int) -> float:
    """Calls a second from so many threads."""
    with ThreadPoolExecutor(clients) as threads:
        list(threads.map(work, range(-clients, 0)))  # Connections are made before the clock runs.
        begun = time.perf_counter()
        list(threads.map(work, range(calls)))
        return calls / (time.perf_counter() - begun)


def raw(where: str, clients: int, calls: int) -> float:
    """One-row transactions a second that a database commits durably, by the same driver, each client on its own
    connection."""
    ledger = open_ledger(where)
    body, mine, made = "x" * ROW_BYTES, local(), list[sa.Connection]()
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE IF NOT EXISTS raw_commits (n INTEGER, body TEXT)")
    begin = "BEGIN IMMEDIATE" if ledger.engine.dialect.name == "sqlite" else "BEGIN"
    engine = sa.create_engine(ledger.engine.url, isolation_level="AUTOCOMMIT", poolclass=sa.NullPool)
    sqlite = ledger.engine.dialect.name == "sqlite"

    def commit(n: int) -> None:
        if not hasattr(mine, "connection"):
            mine.connection = engine.connect()
            made.append(mine.connection)
            if sqlite:
                mine.connection.exec_driver_sql("PRAGMA synchronous=FULL")
                mine.connection.exec_driver_sql("PRAGMA busy_timeout=30000")
        mine.connection.exec_driver_sql(begin)
        mine.connection.exec_driver_sql(f"INSERT INTO raw_commits VALUES ({n}, '{body}')")
        mine.connection.exec_driver_sql("COMMIT")

    found = rate(commit, clients, calls)
    for connection in made:
        connection.detach()
        connection.close()
    engine.dispose()
    ledger.close()
    return found


def in_process(where: str, folder: Path, clients: int, calls: int) -> float:
    """Needs filed durably a second by threads of one process."""
    broker = bulk.opened(where, folder)
    found = rate(
        lambda n: broker.submit(FileNeed(need=bulk.need(f"n{n}")), key=f"k{n}", at=bulk.START), clients, calls
    )
    broker.close()
    return found


def over_http(where: str, folder: Path, clients: int, calls: int) -> float:
    """Needs filed durably a second over HTTP, by threads of another process."""
    with served(where, folder) as file:
        return rate(lambda n: file(f"n{n}"), clients, calls)


def durable(name: str, fresh: Callable[[], str], folder: Path, calls: int) -> Iterator[Record]:
    """Durable commands a second, beside raw commits on the same disk, taking turns."""
    for clients in CLIENTS:
        rounds: dict[str, list[float]] = {"raw": [], "in process": [], "over HTTP": []}
        for _ in range(ROUNDS):
            # SQLite has one writer at a time: more of them only wait for each other.
            rounds["raw"].append(raw(fresh(), 1 if name == "SQLite" else clients, calls))
            rounds["in process"].append(in_process(fresh(), folder, clients, calls))
            rounds["over HTTP"].append(over_http(fresh(), folder, clients, calls))
        found = {what: statistics.median(rates) for what, rates in rounds.items()}
        yield {
            "database": name,
            "clients": clients,
            "raw_commits_per_second": round(found["raw"]),
            "in_process_per_second": round(found["in process"]),
            "in_process_ratio": round(found["in process"] / found["raw"], 2),
            "http_per_second": round(found["over HTTP"]),
            "http_ratio": round(found["over HTTP"] / found["raw"], 2),
        }


def timed(work: Callable[[], object]) -> float:
    """Milliseconds of a call."""
    begun = time.perf_counter()
    work()
    return (time.perf_counter() - begun) * 1000


def grown(folder: Path, entries: int, calls: int) -> Record:
    """What a ledger of so many entries costs: a replay, a snapshot, decisions, durable commands and quotes."""
    path = str(folder / f"grown{entries}.db")
    bulk.grow(path, folder, entries)
    broker = _broker(path, folder)
    replay_s = timed(broker.state) / 1000
    state = broker.state()
    snapshot_s = timed(broker.close) / 1000
    broker = _broker(path, folder)
    open_s = timed(broker.state) / 1000
    decisions = list(_decisions(broker, state, calls))
    commands = list(_commands(broker, state.seq, calls))
    quotes = [
        timed(lambda n=n: quote(broker.desk, state, bulk.need(f"quoted{n}", n), bulk.START))
        for n in range(10 * calls)
    ]
    rounds = (state.seq - 1) // (4 * bulk.OPEN_EVERY - 3)
    events = 2 + rounds * (6 * (bulk.OPEN_EVERY - 1) + 2)
    found: Record = {
        "entries": state.seq,
        "events": events,
        "leases": len(state.leases),
        "replay_s": round(replay_s, 1),
        "replay_s_for_a_million_events": round(replay_s / events * 1e6, 1),
        "snapshot_s": round(snapshot_s, 1),
        "open_from_snapshot_s": round(open_s, 1),
        "decision_ms_median": round(statistics.median(decisions), 2),
        "decision_ms_p99": round(_p99(decisions), 2),
        "durable_command_ms_median": round(statistics.median(commands), 2),
        "quote_ms_median": round(statistics.median(quotes), 2),
        "quote_ms_p99": round(_p99(quotes), 2),
    }
    broker.ledger.close()
    for left in folder.glob(f"grown{entries}.db*"):
        left.unlink()
    return found


def _decisions(broker: Broker, state: State, calls: int) -> Iterator[float]:
    """Milliseconds of deciding each command of a deal, in memory."""
    for n in range(calls):
        at = state
        for command in bulk.deal(f"decided{n}", n):
            begun = time.perf_counter()
            events = decide(broker.desk, at, command, bulk.START)
            at = fold(broker.desk.library, at, events, bulk.START, at.seq + 1)
            yield (time.perf_counter() - begun) * 1000


def _commands(broker: Broker, seq: int, calls: int) -> Iterator[float]:
    """Milliseconds of each command of a deal, until it is durable."""
    for n in range(calls):
        for step, command in enumerate(bulk.deal(f"more{seq}.{n}", n)):
            begun = time.perf_counter()
            broker.submit(command, key=f"more{seq}.{n}.{step}", at=bulk.START)
            yield (time.perf_counter() - begun) * 1000


def _p99(times: Sequence[float]) -> float:
    return sorted(times)[int(len(times) * 0.99)]


def _broker(path: str, folder: Path) -> Broker:
    return Broker(desk(), open_ledger(path), sealer_at(folder / "key"), lambda: bulk.START)


def verifying(folder: Path, entries: int) -> Record:
    """How long a verification takes, and whether its second half takes longer than its first."""
    path = str(folder / "verified.db")
    bulk.grow(path, folder, entries)
    ledger, begun, times = open_ledger(path), time.perf_counter(), dict[int, float]()
    found = verified(
        ledger,
        business_days_of,
        MilpOptimiser(),
        seal_holds,
        None,
        lambda _, seq, __: times.__setitem__(seq, time.perf_counter() - begun),
    )
    took = time.perf_counter() - begun
    ledger.close()
    if found.fault is not None:
        raise RuntimeError(found.fault.sentence)
    half = times[max(seq for seq in times if seq <= found.entries // 2)]
    return {
        "verified_entries": found.entries,
        "verify_s": round(took, 1),
        "verify_ms_an_entry": round(took / found.entries * 1000, 2),
        "second_half_to_first": round((took - half) / half, 2),
    }


def table(records: Sequence[Record]) -> str:
    """Records of one shape as a table in Markdown."""
    names = list(records[0])
    lines = ["| " + " | ".join(name.replace("_", " ") for name in names) + " |", "|" + "---:|" * len(names)]
    lines += [
        "| " + " | ".join(f"{v:,}" if isinstance(v, int) else str(v) for v in one.values()) + " |"
        for one in records
    ]
    return "\n".join(lines)


def main(given: Sequence[str] | None = None) -> None:
    """Measures everything, prints the tables, and writes the numbers beside this file."""
    parser = argparse.ArgumentParser(description="The broker's ledger, measured")
    parser.add_argument("--calls", type=int, default=300, help="commands of each round")
    parser.add_argument("--sizes", default="10000,100000,1000000", help="entries of the ledgers that grow")
    parser.add_argument("--verify", type=int, default=10_000, help="entries that are verified")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "broker.json")
    asked = parser.parse_args(given)
    sys.path.insert(0, str(Path(__file__).parents[1] / "tests"))  # Where PostgreSQL is started.
    from brokered.postgresql import cluster

    def say(record: Record) -> Record:
        print(json.dumps(record), file=sys.stderr)
        return record

    with ExitStack() as stack:
        folder = Path(stack.enter_context(tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR"))))
        names = count()
        files = lambda: str(folder / f"d{next(names)}.db")  # noqa: E731 -- a new file's name each time
        rates = [say(one) for one in durable("SQLite", files, folder, asked.calls)]
        running = stack.enter_context(cluster())
        rates += [say(one) for one in durable("PostgreSQL", running.database, folder, asked.calls)]
        sizes = [say(grown(folder, int(size), 50)) for size in asked.sizes.split(",")]
        checked = say(verifying(folder, asked.verify))
    load = os.getloadavg()[0]
    print("\n\n".join(table(records) for records in (rates, sizes, [checked])))
    print(f"\nload average at the end: {load:.1f} on {os.cpu_count()} processors")
    asked.out.write_text(
        json.dumps({"rates": rates, "sizes": sizes, "verify": checked, "load": round(load, 1)}, indent=1)
        + "\n"
    )


if __name__ == "__main__":
    main()
