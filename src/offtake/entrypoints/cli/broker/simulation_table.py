"""Simulations on a terminal: one, or two side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from offtake.broker.simulating.answer import CommitmentRow, Simulated, quantile
from offtake.broker.simulating.records import HALF, NINE_TENTHS
from offtake.entrypoints.cli.amounts import number, share, short
from offtake.entrypoints.cli.plan_page import page_console, page_table

MOST_ROWS = 12  # Of any table; --json and --out have them all.


def show_simulations(found: Sequence[Simulated]) -> None:
    """Prints the page."""
    console = page_console()
    one = found[0]
    jobs = f"{one.trace.jobs:,} jobs of {one.trace.name} as {len(one.needs):,} needs"
    console.print(Text(f"{jobs}, from {one.begins} until {one.ends}", style="bold"))
    for side in found:
        if not side.complete:
            console.print(Text(f"{side.name}: interrupted, played until {side.until} only", style="bold red"))
    _totals(console, found)
    _rights(console, found)
    _suppliers(console, found)
    _commitments(console, found)
    _refusals(console, found)
    for count_said, why in ((f"{count:,}", why) for why, count in one.trace.left_out):
        console.print(Text(f"left out: {count_said} jobs {why}", style="dim"))
    for said in dict.fromkeys(said for side in found for said in side.assumptions):
        console.print(Text(f"assumed: {said}", style="dim"))


def _totals(console: Console, found: Sequence[Simulated]) -> None:
    table = page_table("", "", *(side.name for side in found), right=len(found))
    sections: tuple[tuple[tuple[str, list[str]], ...], ...] = (
        (
            ("needs met wholly", [f"{_whole(side):,} of {len(side.needs):,}" for side in found]),
            ("hours asked for", [_hours(side.asked_hours) for side in found]),
            ("  jobs run in", [_part(side.trace.hours, side.asked_hours) for side in found]),
            ("  by right", [_part(side.right_hours, side.asked_hours) for side in found]),
            ("  from the market", [_part(side.market_hours, side.asked_hours) for side in found]),
            ("  from nobody", [_part(_unmet(side), side.asked_hours) for side in found]),
        ),
        (
            ("leases", [_money(side.lease_micros, side.currency) for side in found]),
            ("  an hour", [_price(side) for side in found]),
            ("billed for commitments", [_money(side.billed_micros, side.currency) for side in found]),
            ("in all", [_money(side.lease_micros + side.billed_micros, side.currency) for side in found]),
        ),
        (
            ("business days waited", [_wait(side, HALF) for side in found]),
            ("  nine in ten within", [_wait(side, NINE_TENTHS) for side in found]),
            ("  at most", [_wait(side, Decimal(1)) for side in found]),
            ("late or never awarded", [f"{sum(one.late for one in side.needs):,}" for side in found]),
            ("commands refused", [f"{sum(one.count for one in side.refusals):,}" for side in found]),
        ),
    )
    for rows in sections:
        for name, cells in rows:
            table.add_row(name, *cells)
        table.add_section()
    console.print(table)


def _whole(side: Simulated) -> int:
    return sum(one.unmet == 0 for one in side.needs)


def _unmet(side: Simulated) -> Decimal:
    return side.asked_hours - side.right_hours - side.market_hours


def _hours(hours: Decimal) -> str:
    return short(float(hours)) or "0"


def _part(hours: Decimal, of: Decimal) -> str:
    return f"{_hours(hours)} ({100 * hours / of if of else 0:.0f} %)"


def _money(micros: int, currency: str) -> str:
    return f"{short(micros / 1_000_000) or '0'} {currency}"


def _price(side: Simulated) -> str:
    hours = side.right_hours + side.market_hours
    return f"{float(side.lease_micros / 1_000_000) / float(hours):.2f} {side.currency}" if hours else ""


def _wait(side: Simulated, part: Decimal) -> str:
    waited = quantile(side.waits, part)
    return "" if waited is None else f"{waited}"


def _rights(console: Console, found: Sequence[Simulated]) -> None:
    for side in found:
        if not side.rights:
            continue
        heads = ("right", "sent", "all", "part", "no", "none", "took")
        table = page_table(f"How rights were used{_under(found, side)}", *heads, right=6)
        for row in side.rights[:MOST_ROWS]:
            taken = share(float(row.taken_hours / row.offered_hours)) if row.offered_hours else ""
            counts = (row.notices, row.accepted, row.in_part, row.declined + row.for_nothing, row.lapsed)
            table.add_row(row.clause, *(f"{count:,}" for count in counts), taken)
        console.print(table)


def _under(found: Sequence[Simulated], side: Simulated) -> str:
    return f", {side.name}" if len(found) > 1 else ""


def _sides(found: Sequence[Simulated]) -> str:
    return f": {', then '.join(side.name for side in found)}" if len(found) > 1 else ""


def _suppliers(console: Console, found: Sequence[Simulated]) -> None:
    supplies = sorted({row.supply for side in found for row in side.suppliers})
    if not supplies:
        return
    unit = found[0].currency
    heads = [what for _ in found for what in ("hours", unit)]
    table = page_table(f"Who supplies what{_sides(found)}", "supply", *heads, right=len(heads))
    for supply in supplies[:MOST_ROWS]:
        cells: list[str] = []
        for side in found:
            mine = [row for row in side.suppliers if row.supply == supply]
            cells.append(short(float(sum((row.hours for row in mine), Decimal(0)))))
            cells.append(short(sum(row.cost_micros for row in mine) / 1_000_000))
        table.add_row(supply, *cells)
    console.print(table)


def _commitments(console: Console, found: Sequence[Simulated]) -> None:
    for side in found:
        by_clause: dict[str, list[CommitmentRow]] = defaultdict(list)
        for row in side.commitments:
            by_clause[row.clause].append(row)
        if not by_clause:
            continue
        heads = ("commitment", "ended", "short", "taken", "billed")
        table = page_table(f"Commitments, by window{_under(found, side)}", *heads, right=4)
        for clause, rows in sorted(by_clause.items())[:MOST_ROWS]:
            ended = [row for row in rows if row.ended]
            lower = sum((row.lower for row in ended), Decimal(0))
            taken = sum((min(row.taken, row.lower) for row in ended), Decimal(0))
            billed = sum(row.billed_micros for row in ended)
            table.add_row(
                clause,
                f"{len(ended)} of {len(rows)}",
                f"{sum(bool(row.short) for row in ended)}",
                share(float(taken / lower)) if lower else "",
                _money(billed, rows[0].currency or ""),
            )
        console.print(table)


def _refusals(console: Console, found: Sequence[Simulated]) -> None:
    for side in found:
        if not side.refusals:
            continue
        heads = ("clause", "command", "for example", "times")
        table = page_table(f"What was refused{_under(found, side)}", *heads, right=1)
        for row in side.refusals[:MOST_ROWS]:
            table.add_row(row.clause or "none", row.command, row.example, number(row.count))
        console.print(table)
