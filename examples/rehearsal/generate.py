"""The jobs of the rehearsal: invented, from a seed. Usage: python generate.py > jobs.csv"""

from __future__ import annotations

import csv
import sys
from datetime import UTC, datetime, timedelta
from random import Random

SEED = 20270104
FIRST = datetime(2027, 1, 4, tzinfo=UTC)
DAYS = 90
A_DAY = 14.0  # Jobs on a working day; a third of them at weekends.
# Class, share, accelerators of a gang, median hours, spread of the logarithm.
CLASSES = (
    ("notebook", 0.46, (1, 1, 1, 2), 2.0, 0.9),
    ("sweep", 0.34, (4, 8, 8, 16), 9.0, 0.8),
    ("finetune", 0.16, (16, 32, 32, 64), 30.0, 0.6),
    ("train", 0.04, (64, 96, 128), 260.0, 0.5),
)


def jobs(seed: int) -> list[tuple[datetime, datetime, int, str, str]]:
    """Begin, end, accelerators, kind and class of each job, in the order in which they begin."""
    draw = Random(seed)  # noqa: S311 -- invented jobs; nothing is secret
    found: list[tuple[datetime, datetime, int, str, str]] = []
    for day in range(DAYS):
        growth = 1 + 0.6 * day / DAYS
        busy = A_DAY * growth * (1.0 if (FIRST + timedelta(days=day)).weekday() < 5 else 1 / 3)
        for _ in range(max(0, round(draw.gauss(busy, busy**0.5)))):
            name, _, gangs, median, spread = draw.choices(CLASSES, [one[1] for one in CLASSES])[0]
            begins = FIRST + timedelta(days=day, minutes=round(60 * draw.triangular(0, 24, 15)))
            hours = min(median * draw.lognormvariate(0, spread), 24 * (DAYS - day) + 24)
            kind = "b200" if name in ("train", "finetune") and draw.random() < 0.5 else "h100"
            found.append(
                (
                    begins,
                    begins + timedelta(minutes=max(round(60 * hours), 1)),
                    draw.choice(gangs),
                    kind,
                    name,
                )
            )
    return sorted(found)


def main() -> None:
    """Writes the trace."""
    rows = csv.writer(sys.stdout, lineterminator="\n")
    rows.writerow(("accelerators", "from", "until", "kind", "class"))
    for begins, ends, accelerators, kind, name in jobs(SEED):
        rows.writerow((accelerators, f"{begins:%Y-%m-%dT%H:%M}", f"{ends:%Y-%m-%dT%H:%M}", kind, name))


if __name__ == "__main__":
    main()
