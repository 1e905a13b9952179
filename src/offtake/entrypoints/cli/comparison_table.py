"""A comparison on one page of a terminal."""

from __future__ import annotations

from rich.console import Console
from rich.table import Table
from rich.text import Text

from offtake.domain.comparisons import Comparison
from offtake.entrypoints.cli.amounts import money, money_scale, scaled, share, short
from offtake.entrypoints.cli.plan_page import page_console, page_table
from offtake.planner.comparison import sentence_of

MOST_ROWS = 10  # Of any table of the page; --json and --out have them all.


def show_comparison(found: Comparison) -> None:
    """Prints the page."""
    console = page_console()
    console.print(Text(sentence_of(found, lambda cents: money(cents, found.currency)), style="bold"))
    for remark in found.remarks:
        console.print(Text(remark, style="yellow"))
    _totals(console, found)
    _moved_money(console, found)
    _moved_capacity(console, found)
    _moved_service(console, found)
    _unmet(console, found)
    _clauses(console, found)
    console.print(Text(f"Both plans are certified. Each is {found.says}.", style="dim"))


def _heads(found: Comparison) -> tuple[str, str]:
    """Short names of the two for a table's columns."""
    return _cut(found.first.name), _cut(found.second.name)


def _cut(name: str) -> str:
    return name if len(name) <= 24 else f"{name[:23]}…"


def _totals(console: Console, found: Comparison) -> None:
    one, other = found.first, found.second
    per, unit = money_scale((one.cost_cents, other.cost_cents), found.currency)
    table = page_table("", f"{unit}, discounted", *_heads(found), "change", right=3)
    for name, a, b in (
        ("cost, unmet need included", one.cost_cents, other.cost_cents),
        ("of it unmet need", one.unmet_worth_cents, other.unmet_worth_cents),
    ):
        table.add_row(name, *(scaled(cents, per) or "0" for cents in (a, b, b - a)))
    table.add_section()
    for name, x, y in (
        ("need served", one.cover, other.cover),
        ("training done", one.training_done, other.training_done),
    ):
        table.add_row(name, share(x), share(y), f"{(y - x) * 100:+.2f} points")
    console.print(table)


def _moved_money(console: Console, found: Comparison) -> None:
    if not found.money:
        return
    per, unit = money_scale(
        (c for row in found.money for c in (row.first_cents, row.second_cents)), found.currency
    )
    table = page_table(
        f"By whom: what the change in cost is made of, {unit}, discounted",
        "to",
        "for",
        *_heads(found),
        "change",
        right=3,
    )
    for row in found.money[:MOST_ROWS]:
        cells = (row.first_cents, row.second_cents, row.second_cents - row.first_cents)
        table.add_row(row.payee or "nobody", row.kind, *(scaled(cents, per) or "0" for cents in cells))
    rest = found.money[MOST_ROWS:]
    if rest:
        first, second = sum(row.first_cents for row in rest), sum(row.second_cents for row in rest)
        table.add_row(
            f"{len(rest)} more", "", *(scaled(c, per) or "0" for c in (first, second, second - first))
        )
    table.add_section()
    table.add_row(Text("in all", style="bold"), "", "", "", scaled(found.change_cents, per) or "0")
    console.print(table)


def _moved_capacity(console: Console, found: Comparison) -> None:
    if not found.capacity:
        return
    table = page_table(
        "What moved: capacity at its most, and the first day on which more than is contracted serves",
        "supply",
        *_heads(found),
        "serves from",
        "then from",
        right=4,
    )
    for row in found.capacity[:MOST_ROWS]:
        days = (str(day) if day else "" for day in (row.first_adds_from, row.second_adds_from))
        name = row.supply if row.unit == "accelerators" else f"{row.supply} ({row.unit})"
        table.add_row(name, short(row.first_most) or "0", short(row.second_most) or "0", *days)
    _print(console, table, len(found.capacity))


def _moved_service(console: Console, found: Comparison) -> None:
    if not found.service:
        return
    table = page_table(
        "Who serves what: shares of all that is needed",
        "workload",
        "provider or site",
        *_heads(found),
        "change",
        right=3,
    )
    for row in found.service[:MOST_ROWS]:
        change = f"{(row.second_share - row.first_share) * 100:+.2f} points"
        table.add_row(row.workload, row.provider, share(row.first_share), share(row.second_share), change)
    _print(console, table, len(found.service))


def _unmet(console: Console, found: Comparison) -> None:
    if not found.unmet:
        return
    per, unit = money_scale(
        (c for row in found.unmet for c in (row.first_cents, row.second_cents)), found.currency
    )
    table = page_table(
        f"What is left unmet, {unit}, undiscounted", "workload", "why", *_heads(found), right=2
    )
    for row in found.unmet[:MOST_ROWS]:
        table.add_row(
            row.workload, row.why, *(scaled(c, per) or "0" for c in (row.first_cents, row.second_cents))
        )
    _print(console, table, len(found.unmet))


def _clauses(console: Console, found: Comparison) -> None:
    if not found.clauses:
        return
    table = page_table("How the law differs", "clause", *_heads(found))
    for row in found.clauses[: 2 * MOST_ROWS]:
        table.add_row(row.clause, row.first or "not agreed", row.second or "not agreed")
    _print(console, table, len(found.clauses), 2 * MOST_ROWS)


def _print(console: Console, table: Table, count: int, most: int = MOST_ROWS) -> None:
    console.print(table)
    if count > most:
        console.print(Text(f"and {count - most} more; --out and --json have them all", style="dim"))
