"""Many futures on a terminal: how totals lie, what binds how often, what moves the cost, what is ordered in most."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Final

from rich import box
from rich.console import Console
from rich.table import Table

from offtake.domain.outlook import BandRow, MoverRow, OrderRow, Outlook, Spread
from offtake.entrypoints.cli.amounts import big, money_scale, number, precise, scaled, share, short
from offtake.entrypoints.cli.futures_samples import histogram

if TYPE_CHECKING:
    from rich.console import RenderableType

MOST_ROWS: Final = 12
ROBUST: Final = 0.95
HALF_BAR: Final = 12
YEARS: Final = 3  # That are told; the report and the files have every period.
WIDE: Final = 104  # Columns of a terminal with room for everything.
LEAST: Final = {"power_mw": 1.0}  # Below which a series is not told: a server room is no matter of megawatts.
NAMES: Final = {
    "power_mw": "IT power (MW)",
    "need": "need (tokens/s)",
    "unmet": "left unserved (tokens/s)",
    "capital": "capital spent (million)",
    "gap": "nobody has promised (million)",
}


def show_outlook(outlook: Outlook, written: Sequence[Path], *, interrupted: bool, resumed: int) -> None:
    """The page."""
    console = Console()
    looked = outlook.planned + outlook.no_plan + outlook.failed
    console.print(
        f"[bold]{outlook.estate}[/bold]: {looked:,} of {outlook.asked:,} futures, seed {outlook.seed}"
    )
    console.print(f"[bold]{outlook.label}[/bold]: {outlook.says}.")
    if interrupted:
        console.print("[yellow]stopped early[/yellow]: what follows is of the futures that were finished.")
    console.print(_told(outlook, resumed), highlight=False)
    for part in _parts(outlook, wide=console.width >= WIDE):
        console.print()
        console.print(part)
    if written:
        console.print(f"\nWrote {len(written)} files: {written[0]} and more beside it.", highlight=False)


def _told(outlook: Outlook, resumed: int) -> str:
    said = [f"{outlook.planned:,} with a certified plan"]
    if outlook.no_plan:
        said.append(f"{outlook.no_plan:,} in which no plan meets every limit")
    if outlook.failed:
        said.append(f"{outlook.failed:,} not solved")
    if outlook.cold:
        said.append(f"{outlook.cold:,} solved from nothing")
    if outlook.again:
        said.append(f"{outlook.again:,} solved again after a failed certificate")
    if resumed:
        said.append(f"{resumed:,} of an earlier run")
    return "; ".join(said) + "."


def _parts(outlook: Outlook, *, wide: bool) -> Iterator[RenderableType]:
    yield _totals(outlook, wide=wide)
    told = {one.series for one in outlook.bands if max(one.p95, one.base) >= LEAST.get(one.series, 1e-9)}
    bands = [one for one in outlook.bands if one.series in told]
    if bands:
        yield _by_year(bands)
    if outlook.binding:
        yield _binding(outlook)
    yield _movers(outlook, wide=wide)
    if outlook.orders:
        yield _orders(outlook.orders)


def _table(title: str, *columns: str, left: int = 1) -> Table:
    table = Table(title=title, box=box.SIMPLE_HEAD, title_justify="left", title_style="bold", pad_edge=False)
    for n, name in enumerate(columns):
        table.add_column(name, justify="left" if n < left else "right", overflow="fold", no_wrap=n >= left)
    table.columns[0].min_width = 18
    return table


def _totals(outlook: Outlook, *, wide: bool) -> Table:
    heads = ("", "as stated", "p5", "median", "p95", *(("mean", "least to most") if wide else ()))
    table = _table("Totals", *heads)
    spreads = [("cost, discounted", outlook.cost), ("worth of the unmet", outlook.unmet_worth)]
    if outlook.gap is not None:
        spreads.append(("nobody has promised", outlook.gap))
    for name, one in spreads:
        per, unit = money_scale((round(x) for x in (one.base, one.p95)), outlook.currency)
        said = (scaled(round(x), per) or "0" for x in (one.base, one.p5, one.median, one.p95, one.mean))
        table.add_row(f"{name}, {unit}", *_cut([*said, _shape(one)], wide))
    one = outlook.unmet_share
    said = (share(x) for x in (one.base, one.p5, one.median, one.p95, one.mean))
    table.add_row("tokens left unserved", *_cut([*said, _shape(one)], wide))
    return table


def _cut(cells: list[str], wide: bool) -> list[str]:
    """Without the mean and the shape, where there is no room for them."""
    return cells if wide else cells[:-2]


def _shape(one: Spread) -> str:
    counts = one.counts
    return (
        histogram([a + b for a, b in zip(counts[::2], counts[1::2], strict=True)])
        if one.high > one.low
        else ""
    )


def _by_year(bands: Sequence[BandRow]) -> Table:
    """The last column of each year, for each series that is told."""
    series = [name for name in NAMES if any(one.series == name for one in bands)]
    ends = list({one.at[:4]: one.at for one in bands}.values())
    if len(ends) > YEARS:
        ends = [ends[0], ends[len(ends) // 2], ends[-1]]
    table = _table("p5 · median · p95, in the last period of a year", "", *ends)
    for name in series:
        at = {one.at: one for one in bands if one.series == name}
        cells = (
            "–" if not any(values := _three(at[x])) else " · ".join(short(v) or "0" for v in values)
            for x in ends
        )
        table.add_row(NAMES[name], *cells)
    return table


def _three(one: BandRow) -> tuple[float, float, float]:
    return one.p5, one.median, one.p95


def _binding(outlook: Outlook) -> Table:
    table = _table(
        f"Limits: how often each binds, and what one more unit is worth then ({outlook.currency})",
        *("limit", "binds in", "as stated", "p5", "median", "p95"),
    )
    for row in outlook.binding[:MOST_ROWS]:
        worths = (precise(x / 100) for x in (row.p5_cents, row.median_cents, row.p95_cents))
        table.add_row(row.source, share(row.share), "binds" if row.in_base else "–", *worths)
    return table


def _movers(outlook: Outlook, *, wide: bool) -> Table:
    solved = [x for one in outlook.movers for x in (one.cost_p5_cents, one.cost_p95_cents) if x is not None]
    base = round(outlook.cost.base)
    if not solved:
        table = _table(
            "What moves the cost, by rank correlation (--tornado solves each alone)",
            *("variable", "acts on", "p5", "p95", "rank corr."),
            left=2,
        )
        for row in sorted(outlook.movers, key=lambda one: -abs(one.rank_correlation or 0.0))[:MOST_ROWS]:
            table.add_row(
                row.variable, row.acts_on, row.at_p5, row.at_p95, _correlation(row.rank_correlation)
            )
        return table
    per, unit = money_scale((x - base for x in solved), outlook.currency)
    table = _table(
        f"What moves the cost: each alone at its p5 and p95 ({unit}), and over all futures",
        *("variable", "at p5", "at p95", "", "rank"),
    )
    most = max(abs(x - base) for x in solved) or 1
    for row in outlook.movers[:MOST_ROWS]:
        low, high = (_moved(x, base, per) for x in (row.cost_p5_cents, row.cost_p95_cents))
        name = f"{row.variable} [dim]{row.at_p5} to {row.at_p95}[/dim]" if wide else row.variable
        bar = _bar(row, base, most, HALF_BAR if wide else HALF_BAR // 2)
        table.add_row(name, low, high, bar, _correlation(row.rank_correlation))
    return table


def _moved(cost: int | None, base: int, per: float) -> str:
    if cost is None:
        return "no plan"
    moved = (cost - base) / per
    return f"{moved:+,.0f}" if abs(moved) >= 100 or per == 100.0 else f"{moved:+.2f}"


def _bar(row: MoverRow, base: int, most: int, half: int) -> str:
    """From the middle to the left for what lowers the cost, to the right for what raises it."""
    moves = [x - base for x in (row.cost_p5_cents, row.cost_p95_cents) if x is not None]
    left = round(half * -min(0, *moves, 0) / most)
    right = round(half * max(0, *moves, 0) / most)
    return f"{'█' * left:>{half}}│{'█' * right:<{half}}"


def _correlation(value: float | None) -> str:
    return "–" if value is None else f"{value:+.2f}"


def _orders(orders: Sequence[OrderRow]) -> Table:
    first = [row for row in orders if row.first_year]
    shown = first or [row for row in orders if not row.first_year]
    when = "the first year" if first else "all"
    table = _table(
        f"Ordered in {when}: in how many futures, and how much", "", "in", "p5", "median", "p95", "goes with"
    )
    for row in sorted(shown, key=lambda one: -one.share)[:MOST_ROWS]:
        firm = "[green]" if row.share >= ROBUST else ""
        goes = "–" if row.goes_with is None else f"{row.goes_with} {_correlation(row.rank_correlation)}"
        amounts = (big(x) if x >= 1e6 else number(x) for x in _quantities(row))
        table.add_row(f"{row.order} ({row.unit})", f"{firm}{share(row.share)}", *amounts, goes)
    return table


def _quantities(row: OrderRow) -> tuple[float, float, float]:
    return row.p5, row.median, row.p95
