"""How long it takes to say which of 10,000 workloads may go to which of 10,000 supplies, beside the plain loop.

    python benchmarks/masks.py [workloads] [supplies]

Prints the median of five runs of `permitted`, and the time that `decide` takes on a sample of the pairs (which must
give the same answers), extrapolated to all of them.
"""

from __future__ import annotations

import random
import statistics
import sys
import time
from datetime import date

import numpy as np

from offtake.domain.estate import Estate
from offtake.domain.position import Happened, Position
from offtake.domain.selection import Action, Interval, SupplyFacts, WorkloadFacts
from offtake.law.compile import compile_law
from offtake.law.decide import Permit, decide
from offtake.law.masks import permitted

RUNS = 5
SAMPLE = 20_000
REGIONS = [f"region-{n}" for n in range(30)]
COUNTRIES = ["SE", "FR", "DE", "US", "BR", "CH", "JP"]
MODELS = [f"model-{n}" for n in range(40)]
PROVIDERS = [f"cloud-{n}" for n in range(8)]


def estate() -> Estate:
    """An estate whose agreements compile to every kind of mask: relations, terms, events and launches."""
    pairs = {
        a: {b: f"{10 + 3 * abs(i - j)} ms" for j, b in enumerate(REGIONS)} for i, a in enumerate(REGIONS)
    }
    clauses = {
        "exclusive": {
            "kind": "exclusivity",
            "to": ["cloud-0"],
            "covers": {"vendors": ["vendor-0"], "channels": ["api"]},
            "excepts": [{"customers": ["government"]}],
        },
        "residency": {"kind": "residency", "data_classes": ["eu"], "boundary": ["EU", "EFTA"]},
        "logs": {
            "kind": "residency",
            "data_classes": ["health"],
            "boundary": ["EU"],
            "includes": ["rest", "logs"],
        },
        "near": {"kind": "latency", "bound": "60 ms", "covers": {"channels": ["api"]}},
        "licence": {
            "kind": "licence",
            "licensee": "cloud-1",
            "until": "2027-06-30",
            "covers": {"models": MODELS[:10]},
        },
        "agi": {
            "kind": "governance",
            "on_event": "declared",
            "ends_rights_of": "cloud-2",
            "covers": {"tags": ["agi"]},
        },
        "first": {"kind": "launch-priority", "first": ["cloud-0"], "days": 90, "unless_event": "unable"},
    }
    return Estate.model_validate(
        {
            "offtake": 1,
            "horizon": {"from": "2026-01-01", "until": "2029-01-01"},
            "regions": {id: {"jurisdiction": COUNTRIES[n % 7]} for n, id in enumerate(REGIONS)},
            "latency": {"pairs": pairs},
            "models": {id: {"launched": date(2025 + n % 2, 1 + n % 12, 1)} for n, id in enumerate(MODELS)},
            "agreements": {"all": {"between": ["lab"], "signed": "2025-01-01", "clauses": clauses}},
        }
    )


def needs(count: int, draw: random.Random) -> list[WorkloadFacts]:
    """Random workloads."""
    return [
        WorkloadFacts(
            id=f"workload-{n}",
            purpose=draw.choice(("inference", "inference", "training")),
            party=draw.choice(PROVIDERS),
            model=draw.choice(MODELS),
            vendor=f"vendor-{draw.randrange(5)}",
            tags=frozenset(draw.sample(("agi", "open", "small"), draw.randrange(3))),
            channel=draw.choice(("api", "product", None)),
            customer=draw.choice(("government", "public")),
            data_class=draw.choice(("eu", "health", None)),
            client_region=draw.choice(REGIONS),
        )
        for n in range(count)
    ]


def places(count: int, draw: random.Random) -> list[SupplyFacts]:
    """Random supplies."""
    sets = [None, frozenset("*"), *(frozenset(draw.sample(COUNTRIES, 1 + n % 3)) for n in range(12))]
    return [
        SupplyFacts(
            id=f"supply-{n}",
            form=draw.choice(("owned", "leased", "tokens")),
            provider=(provider := draw.choice(PROVIDERS)),
            party=provider,
            region=draw.choice(REGIONS),
            may_process_in=draw.choice(sets),
            rests_in=draw.choice(sets),
            logs_in=draw.choice(sets),
        )
        for n in range(count)
    ]


def main(workload_count: int = 10_000, supply_count: int = 10_000) -> None:
    """Measure, compare and print."""
    draw = random.Random(1)
    law = compile_law(estate())
    position = Position(
        happened=(Happened("declared", date(2026, 3, 1)), Happened("unable", date(2026, 2, 1), MODELS[3]))
    )
    interval = Interval(date(2026, 2, 1), date(2027, 2, 1))
    workloads, supplies = needs(workload_count, draw), places(supply_count, draw)
    times: list[float] = []
    processor: list[float] = []
    found = np.zeros((workload_count, supply_count), dtype=np.bool_)
    for _ in range(RUNS):
        started, busy = time.perf_counter(), time.process_time()
        found = permitted(law, workloads, supplies, "process", interval, position)
        times.append(time.perf_counter() - started)
        processor.append(time.process_time() - busy)
    started = time.perf_counter()
    sample = [(draw.randrange(workload_count), draw.randrange(supply_count)) for _ in range(SAMPLE)]
    plain = [
        isinstance(
            decide(law, position, Action("process", interval, workload=workloads[w], supply=supplies[s])),
            Permit,
        )
        for w, s in sample
    ]
    loop_s = (time.perf_counter() - started) * workload_count * supply_count / SAMPLE
    bulk = [bool(found[w, s]) for w, s in sample]
    if plain != bulk:
        raise SystemExit("the two ways disagree")
    print(f"{workload_count:,} workloads x {supply_count:,} supplies under {len(law.masks)} masks")
    print(f"permitted pairs        {np.count_nonzero(found) / found.size:.1%}")
    busy_s = statistics.median(processor)
    print(f"in bulk, median of {RUNS}   {statistics.median(times):.3f} s, of the processor {busy_s:.3f} s")
    print(f"one by one             {loop_s:,.0f} s (from {SAMPLE:,} pairs, all answered alike)")


if __name__ == "__main__":
    main(*(int(argument) for argument in sys.argv[1:3]))
