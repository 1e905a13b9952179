"""``python -m benchmarks``: every benchmark there is; arguments go to benchmarks/expansion/run.py."""

from __future__ import annotations

from benchmarks.expansion.run import main

if __name__ == "__main__":
    main()
