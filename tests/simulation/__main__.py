"""`python -m simulation`: many seeds, or one again."""

from __future__ import annotations

import argparse
import sys

from simulation.running import report


def main() -> int:
    """Runs seeds; 1 if one fails."""
    parser = argparse.ArgumentParser(description="Simulated years of the broker")
    parser.add_argument("--seed", type=int, help="one seed again")
    parser.add_argument("--seeds", type=int, default=200, help="so many seeds")
    parser.add_argument("--first", type=int, default=0, help="from this one on")
    parser.add_argument("--steps", type=int, default=300, help="steps of each")
    asked = parser.parse_args()
    seeds = [asked.seed] if asked.seed is not None else range(asked.first, asked.first + asked.seeds)
    failed = 0
    for n, seed in enumerate(seeds, 1):
        wrong = report(seed, asked.steps)
        if wrong is not None:
            failed += 1
            print(wrong)
        sys.stderr.write(f"\r{n} of {len(seeds)} seeds, {failed} failed")
    sys.stderr.write("\n")
    return 1 if failed else 0


if __name__ == "__main__":
    raise SystemExit(main())
