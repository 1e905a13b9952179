"""`python -m benchmarks.broker`: durable commands a second beside raw commits, and the cost of a ledger that grows.

One run on one machine: numbers are medians of a few rounds, to be read as ratios to the raw commits beside them.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, date, datetime, timedelta
from decimal import Decimal
from pathlib import Path

from offtake.adapters.ledger_sql import open_ledger
from offtake.adapters.sealing import sealer_at
from offtake.bootstrap.broker import desk
from offtake.broker.admission import judged
from offtake.broker.awarding import bid_lease
from offtake.broker.commands import Award, FileNeed, MakeBid
from offtake.broker.folding import fold, rules_of
from offtake.broker.library import Library
from offtake.broker.service import Broker
from offtake.broker.state import State
from offtake.broker.terms import Bid, Need
from offtake.domain.estate import Estate

START = datetime(2026, 1, 12, 9, tzinfo=UTC)


def estate() -> Estate:
    """A seller with room, a ceiling and a commitment, and nobody with a right: what is timed is the ledger."""
    return Estate.model_validate(
        {
            "offtake": 1,
            "horizon": {"from": "2026-01-01", "until": "2040-01-01"},
            "parties": {"lab": {}, "b": {}},
            "providers": {"b": {"party": "b"}},
            "regions": {"here": {"jurisdiction": "US"}},
            "accelerators": {"gpu": {"power": "1 kW"}},
            "products": {
                "gpus": {
                    "kind": "accelerator-hours",
                    "provider": "b",
                    "region": "here",
                    "accelerator": "gpu",
                    "price": "2 USD/accelerator-hour",
                    "limit": 100_000_000,
                }
            },
            "agreements": {
                "deal": {
                    "between": ["lab", "b"],
                    "signed": "2025-01-01",
                    "clauses": {
                        "most": {
                            "kind": "ceiling",
                            "measure": "accelerators",
                            "upper": "90 million accelerators",
                            "window": "month",
                        },
                    },
                }
            },
        }
    )


def need(id: str, day: int = 0) -> Need:
    """A need of one accelerator for a month."""
    begins = date(2026, 2, 1) + timedelta(days=day)
    return Need(
        id=id,
        party="lab",
        measure="accelerators",
        quantity=Decimal(1),
        begins=begins,
        ends=begins + timedelta(days=30),
        currency="USD",
    )


def opened(where: str, folder: Path) -> Broker:
    """A broker on a new ledger."""
    broker = Broker(desk(), open_ledger(where), sealer_at(folder / "key"), lambda: START)
    broker.open(estate(), rehearsed=True, by="benchmark", key="open", at=START)
    return broker


def rate(work: Callable[[int], object], clients: int, count: int) -> float:
    """Calls a second from so many threads."""
    begun = time.perf_counter()
    if clients == 1:
        for n in range(count):
            work(n)
    else:
        with ThreadPoolExecutor(clients) as threads:
            list(threads.map(work, range(count)))
    return count / (time.perf_counter() - begun)


def raw(where: str, count: int, size: int) -> float:
    """Rows a second that the same database commits durably, one row to a transaction, by the same driver."""
    ledger = open_ledger(where)
    with ledger.engine.connect() as connection:
        connection.exec_driver_sql("CREATE TABLE raw_commits (n INTEGER, body TEXT)")
        body, begun = "x" * size, time.perf_counter()
        for n in range(count):
            connection.exec_driver_sql("BEGIN")
            connection.exec_driver_sql(f"INSERT INTO raw_commits VALUES ({n}, '{body}')")
            connection.exec_driver_sql("COMMIT")
        took = time.perf_counter() - begun
    ledger.close()
    return count / took


def durable(name: str, where: Callable[[], str], folder: Path, count: int) -> Iterator[dict[str, object]]:
    """Durable commands a second at 1 and 32 clients, beside raw commits on the same disk in the same run."""
    commits = statistics.median(raw(where(), count, 2_000) for _ in range(3))
    for clients in (1, 32):
        rates: list[float] = []
        for round_ in range(3):
            broker = opened(where(), folder)
            rates.append(
                rate(
                    lambda n, b=broker, r=round_: b.submit(
                        FileNeed(need=need(f"n{r}-{n}")), key=f"k{r}-{n}", at=START
                    ),
                    clients,
                    count,
                )
            )
            broker.close()
        found = statistics.median(rates)
        yield {
            "what": "durable commands a second",
            "database": name,
            "clients": clients,
            "per_second": round(found),
            "raw_commits_per_second": round(commits),
            "ratio": round(found / commits, 2),
        }


def grown(folder: Path, sizes: tuple[int, ...]) -> Iterator[dict[str, object]]:
    """The cost of a decision, of a quote and of a replay as the ledger grows."""
    path = folder / "grown.db"
    broker = opened(str(path), folder)
    made = 0
    for size in sizes:
        while broker.ledger.head()[0] < size:
            work = range(made, made + 128)
            with ThreadPoolExecutor(32) as threads:
                list(
                    threads.map(
                        lambda n: broker.submit(
                            FileNeed(need=need(f"g{n}", n % 3000)), key=f"f{n}", at=START
                        ),
                        work,
                    )
                )
                list(threads.map(lambda n: broker.submit(MakeBid(bid=bid(n)), key=f"b{n}", at=START), work))
                list(threads.map(lambda n: broker.submit(Award(need=f"g{n}"), key=f"a{n}", at=START), work))
            made += 128
        state = broker.state()
        times = [timed(filed, broker, f"t{size}-{n}") for n in range(60)]
        state = broker.state()
        quotes = [timed(quote, broker, state, n) for n in range(400)]
        yield {
            "what": "a decision, and a quote, as the ledger grows",
            "entries": broker.ledger.head()[0],
            "leases": len(state.leases),
            "command_ms_median": round(statistics.median(times) * 1000, 2),
            "quote_ms_p99": round(sorted(quotes)[int(len(quotes) * 0.99)] * 1000, 2),
        }
    broker.close()
    yield replayed(path)
    begun = time.perf_counter()
    again = Broker(desk(), open_ledger(path), sealer_at(folder / "key"), lambda: START)
    again.state()
    yield {"what": "opening it from its snapshot", "seconds": round(time.perf_counter() - begun, 2)}
    again.close()


def bid(n: int) -> Bid:
    """A bid for a need."""
    return Bid(
        id=f"b{n}",
        need=f"g{n}",
        bidder="b",
        supply="gpus",
        quantity=Decimal(1),
        price=Decimal(2),
        currency="USD",
    )


def quote(broker: Broker, state: State, n: int) -> None:
    """Whether a lease would be lawful and fit, and at what price: what a quote says."""
    rules = rules_of(broker.desk.library, state)
    deal = state.deals[next(iter(state.open_needs))]
    made = Bid(
        id="q",
        need=deal.need.id,
        bidder="b",
        supply="gpus",
        quantity=Decimal(n + 1),
        price=Decimal(2),
        currency="USD",
    )
    assert judged(rules, state, deal, bid_lease(rules, deal, made), START.date()).lawful


def filed(broker: Broker, id: str) -> None:
    """A need filed by itself."""
    broker.submit(FileNeed(need=need(id)), key=id, at=START)


def timed(work: Callable[..., object], *given: object) -> float:
    """Seconds of a call."""
    begun = time.perf_counter()
    work(*given)
    return time.perf_counter() - begun


def replayed(path: Path) -> dict[str, object]:
    """Folding a ledger from its first entry."""
    ledger, library, state, events = open_ledger(path), Library(), State(), 0
    begun = time.perf_counter()
    for entry in ledger.entries():
        if entry.seq == 1:
            library.add_document(ledger.document(entry.estate) or "")
        state = fold(library, state, entry.events, entry.recorded, entry.seq)
        events += len(entry.events)
    took = time.perf_counter() - begun
    ledger.close()
    return {
        "what": "replay from the first entry",
        "events": events,
        "seconds": round(took, 2),
        "events_per_second": round(events / took),
        "seconds_for_a_million": round(took / events * 1_000_000, 1),
    }


def main() -> None:
    """Prints every measurement, and writes them beside this file."""
    parser = argparse.ArgumentParser(description="The broker's ledger, measured")
    parser.add_argument("--count", type=int, default=300, help="commands of each round")
    parser.add_argument("--sizes", default="1000,10000", help="entries at which a decision is timed")
    parser.add_argument("--out", type=Path, default=Path(__file__).parent / "broker.json")
    asked = parser.parse_args()
    found: list[dict[str, object]] = []

    def say(record: dict[str, object]) -> None:
        found.append(record)
        print(json.dumps(record))

    with tempfile.TemporaryDirectory(dir=os.environ.get("TMPDIR")) as name:
        folder = Path(name)
        numbers = iter(range(10_000))
        for record in durable("SQLite", lambda: str(folder / f"d{next(numbers)}.db"), folder, asked.count):
            say(record)
        from brokered.postgresql import cluster

        with cluster() as running:
            for record in durable("PostgreSQL", running.database, folder, asked.count):
                say(record)
        for record in grown(folder, tuple(int(size) for size in asked.sizes.split(","))):
            say(record)
    asked.out.write_text(json.dumps(found, indent=1) + "\n")


if __name__ == "__main__":
    main()
