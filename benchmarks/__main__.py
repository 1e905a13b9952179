"""``python -m benchmarks``: every benchmark there is; arguments go to benchmarks/expansion/run.py."""

from __future__ import annotations

from benchmarks import broker, futures, masks
from benchmarks.expansion import run
from benchmarks.laws import run as laws

if __name__ == "__main__":
    masks.main()
    run.main()
    laws.main([])
    futures.main([])
    broker.main([])
