"""What an estate's variables look like, as rows of a table: quantiles and a histogram of a line's height."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from offtake.planner.futures.samples import Sample

_BARS: Final = " ▁▂▃▄▅▆▇█"
_WIDE: Final = 110  # Columns of a terminal that also has room for what a variable acts on.


def show_samples(samples: Sequence[Sample]) -> None:
    """A table of the variables, after what was checked."""
    from rich.console import Console
    from rich.table import Table

    console = Console()
    wide = console.width >= _WIDE
    title = "what other futures may hold, of 1,000 draws of each"
    table = Table(box=None, pad_edge=False, title_justify="left", title=title)
    table.add_column("variable", no_wrap=True, max_width=22)
    if wide:
        table.add_column("acts on", overflow="fold")
    for name in ("p5", "median", "p95"):
        table.add_column(name, justify="right", no_wrap=True)
    table.add_column("unit", overflow="fold")
    table.add_column("least to most", no_wrap=True)
    for one in samples:
        first = (one.variable, one.acts_on) if wide else (one.variable,)
        unit = f"day; {one.never:.0%} never" if one.unit == "day" else one.unit
        quantiles = (_shown(one, x) for x in (one.p5, one.median, one.p95))
        table.add_row(*first, *quantiles, unit, histogram(one.counts))
    console.print(table)


def histogram(counts: Sequence[int]) -> str:
    """Counts as bars of eighths; one that is not zero shows."""
    most = max(counts, default=0)
    if not most:
        return ""
    return "".join(_BARS[-(-8 * count // most)] for count in counts)


def _shown(one: Sample, value: float | None) -> str:
    from offtake.planner.futures.samples import shown_day

    if value is None:
        return "–"
    if one.unit == "day":
        return shown_day(value)
    if one.unit == "×":
        return f"{value:.2f}"
    return f"{value:.3g}" if abs(value) < 1000 else f"{value:,.0f}"


def sample_records(samples: Sequence[Sample]) -> Iterator[dict[str, object]]:
    """The same for programs; days as dates."""
    from offtake.planner.futures.samples import shown_day

    for one in samples:
        record = asdict(one)
        if one.unit == "day":
            for key in ("p5", "median", "p95", "low", "high"):
                record[key] = None if record[key] is None else shown_day(record[key])
        yield record
