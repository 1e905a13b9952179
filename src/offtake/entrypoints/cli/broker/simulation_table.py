"""Simulations on a terminal: one, or two side by side."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from decimal import Decimal

from rich.console import Console
from rich.text import Text

from offtake.broker.simulating.answer import CommitmentRow, Simulated, quantile
from offtake.broker.simulating.records import HALF, NINE_TENTHS
from offtake.entrypoints.cli.amounts import money, number, share
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
    for name, cells in (
        ("needs met wholly", [f"{_whole(side):,} of {len(side.needs):,}" for side in found]),
        ("accelerator-hours asked for", [_hours(side.asked_hours) for side in found]),
        ("  that jobs run in", [_part(side.trace.hours, side.asked_hours) for side in found]),
        ("  by holders of rights", [_part(side.right_hours, side.asked_hours) for side in found]),
        ("  from the market", [_part(side.market_hours, side.asked_hours) for side in found]),
        ("  from nobody", [_part(_unmet(side), side.asked_hours) for side in found]),
    ):
        table.add_row(name, *cells)
    table.add_section()
    for name, cells in (
        ("leases", [_money(side.lease_micros, side.currency) for side in found]),
        ("  an accelerator-hour", [_price(side) for side in found]),
        ("billed for commitments", [_money(side.billed_micros, side.currency) for side in found]),
        ("in all", [_money(side.lease_micros + side.billed_micros, side.currency) for side in found]),
    ):
        table.add_row(name, *cells)
    table.add_section()
    for name, cells in (
        ("business days to an award", [_wait(side) for side in found]),
        ("awarded late, or not at all", [f"{sum(one.late for one in side.needs):,}" for side in found]),
        ("commands refused", [f"{sum(one.count for one in side.refusals):,}" for side in found]),
    ):
        table.add_row(name, *cells)
    console.print(table)


def _whole(side: Simulated) -> int:
    return sum(one.unmet == 0 for one in side.needs)


def _unmet(side: Simulated) -> Decimal:
    return side.asked_hours - side.right_hours - side.market_hours


def _hours(hours: Decimal) -> str:
    return f"{hours:,.0f}"


def _part(hours: Decimal, of: Decimal) -> str:
    return f"{_hours(hours)} ({share(float(hours / of) if of else 0.0)})"


def _money(micros: int, currency: str) -> str:
    return money(round(micros / 10_000), currency)


def _price(side: Simulated) -> str:
    hours = side.right_hours + side.market_hours
    return f"{side.currency} {float(side.lease_micros / 1_000_000) / float(hours):.2f}" if hours else ""


def _wait(side: Simulated) -> str:
    waits = side.waits
    if not waits:
        return "none"
    return f"{quantile(waits, HALF)}, 90 % in {quantile(waits, NINE_TENTHS)}, most {waits[-1]}"


def _rights(console: Console, found: Sequence[Simulated]) -> None:
    rows = [(side, row) for side in found for row in side.rights]
    if not rows:
        return
    several = len(found) > 1
    heads = ("right", *(("under",) if several else ()), "asked", "all", "part", "declined", "lapsed", "taken")
    table = page_table("How rights were used", *heads, right=6)
    for side, row in rows[:MOST_ROWS]:
        taken = share(float(row.taken_hours / row.offered_hours)) if row.offered_hours else ""
        counts = (row.notices, row.accepted, row.in_part, row.declined + row.for_nothing, row.lapsed)
        named = (row.clause, side.name) if several else (row.clause,)
        table.add_row(*named, *(f"{count:,}" for count in counts), taken)
    console.print(table)


def _suppliers(console: Console, found: Sequence[Simulated]) -> None:
    supplies = sorted({row.supply for side in found for row in side.suppliers})
    if not supplies:
        return
    heads = [
        f"{what}, {side.name}" if len(found) > 1 else what for side in found for what in ("hours", "cost")
    ]
    table = page_table("Who supplies what", "supply", *heads, right=len(heads))
    for supply in supplies[:MOST_ROWS]:
        cells: list[str] = []
        for side in found:
            mine = [row for row in side.suppliers if row.supply == supply]
            cells.append(_hours(sum((row.hours for row in mine), Decimal(0))) if mine else "")
            cells.append(_money(sum(row.cost_micros for row in mine), side.currency) if mine else "")
        table.add_row(supply, *cells)
    console.print(table)


def _commitments(console: Console, found: Sequence[Simulated]) -> None:
    for side in found:
        by_clause: dict[str, list[CommitmentRow]] = defaultdict(list)
        for row in side.commitments:
            by_clause[row.clause].append(row)
        if not by_clause:
            continue
        under = f", {side.name}" if len(found) > 1 else ""
        heads = ("commitment", "windows ended", "short", "taken of what is owed", "billed")
        table = page_table(f"Commitments{under}", *heads, right=4)
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
    rows = [(side, row) for side in found for row in side.refusals]
    if not rows:
        return
    several = len(found) > 1
    heads = ("clause", *(("under",) if several else ()), "command", "for example", "times")
    table = page_table("What was refused", *heads, right=1)
    for side, row in rows[:MOST_ROWS]:
        named = (row.clause or "none", side.name) if several else (row.clause or "none",)
        table.add_row(*named, row.command, row.example, number(row.count))
    console.print(table)
