"""A plan on one page of a terminal: what a person reads in a minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offtake.domain.handoffs import CapacityPlan, ClausePrice, InfeasiblePlan
from offtake.entrypoints.cli.amounts import megawatts, money, number, share

MOST_ROWS = 24  # Of any table on the page; all rows are in the files.


def show_plan(plan: CapacityPlan, written: tuple[Path, ...]) -> None:
    """Prints the page."""
    console = Console(highlight=False)
    _headline(console, plan)
    for table in (
        _capacity(plan),
        _power(plan),
        _served(plan),
        _spend(plan),
        _unmet(plan),
        _rights(plan),
        _commitments(plan),
        _limits(plan),
    ):
        if table is not None and table.row_count:
            console.print(table)
    _footer(console, plan, written)


def _table(title: str, *columns: str, right: Iterable[str] = ()) -> Table:
    table = Table(box=box.SIMPLE_HEAD, title=title, title_justify="left", title_style="bold", pad_edge=False)
    numbers = set(right)
    for name in columns:
        table.add_column(name, justify="right" if name in numbers else "left", overflow="fold")
    return table


def _headline(console: Console, plan: CapacityPlan) -> None:
    known = f"agreements known on {plan.known_at}" if plan.known_at else "all agreements known"
    console.print(Text(plan.estate, style="bold"), end="")
    console.print(f"  for {plan.party}, {plan.begins} until {plan.ends}, by {plan.period_length}, {known}")
    for event in plan.events:
        console.print(
            f"  supposing {event.event}{f' about {event.about}' if event.about else ''} on {event.on}"
        )
    paid = plan.cost_cents - plan.unmet_worth_cents
    text = f"It costs {plan.party} {money(paid, plan.currency)}, discounted at {share(plan.discount_per_year)} a year"
    if plan.unmet_worth_cents:
        text += f", and leaves need worth {money(plan.unmet_worth_cents, plan.currency)} unmet"
    else:
        text += ", and meets every need"
    console.print(Text(text + "."))
    console.print(Text(f"This is {plan.says}.\n", style="dim"))


def _capacity(plan: CapacityPlan) -> Table:
    """By supply: what is under contract and what the plan adds, at most in each year."""
    years = sorted({period.begins.year for period in plan.periods})
    year_of = {period.label: period.begins.year for period in plan.periods}
    peak: dict[tuple[str, str], dict[int, float]] = defaultdict(lambda: defaultdict(float))
    held: dict[tuple[str, str], float] = defaultdict(float)
    for row in plan.capacity:
        cell = peak[row.supply, row.unit]
        cell[year_of[row.period]] = max(cell[year_of[row.period]], row.contracted + row.added)
        held[row.supply, row.unit] = max(held[row.supply, row.unit], row.contracted)
    how = {order.supply: order.kind for order in plan.orders}
    by = {order.supply: order.owner or order.provider or "" for order in plan.orders}
    names = [str(year) for year in years]
    table = _table(
        "What stands, at its most in the year",
        "supply",
        "by",
        "how",
        "unit",
        "contracted",
        *names,
        right=["contracted", *names],
    )
    for key in sorted(peak, key=lambda one: -max(peak[one].values()))[:MOST_ROWS]:
        supply, unit = key
        kind = how.get(supply, "contracted")
        cells = [number(peak[key][year]) if peak[key][year] else "" for year in years]
        table.add_row(supply, by.get(supply, ""), kind, unit, number(held[key]) if held[key] else "", *cells)
    _rest(table, len(peak))
    return table


def _rest(table: Table, count: int) -> None:
    if count > MOST_ROWS:
        table.caption = f"and {count - MOST_ROWS} more in the files (--out)"
        table.caption_justify = "left"


def _power(plan: CapacityPlan) -> Table:
    """Sites at the horizon's end: announced, contracted, energised and used, IT power."""
    table = _table(
        f"Power of the sites in {plan.periods[-1].label} (IT)",
        "site",
        "announced",
        "of it contracted",
        "energised today",
        "used by this plan",
        right=["announced", "of it contracted", "energised today", "used by this plan"],
    )
    last = [row for row in plan.power if row.period == plan.periods[-1].label]
    for row in last:
        table.add_row(
            row.site, *map(megawatts, (row.announced_mw, row.contracted_mw, row.energised_mw, row.used_mw))
        )
    if len(last) > 1:
        total = [
            sum(getattr(row, f"{key}_mw") for row in last)
            for key in ("announced", "contracted", "energised", "used")
        ]
        table.add_section()
        table.add_row("all", *map(megawatts, total))
    return table


def _served(plan: CapacityPlan) -> Table:
    """Who serves each class, as shares of what is served over the horizon."""
    days = {period.label: (period.ends - period.begins).days for period in plan.periods}
    total: dict[str, float] = defaultdict(float)
    part: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in plan.served:
        tokens = row.tokens_per_s * days[row.period]
        total[row.workload] += tokens
        part[row.workload, row.provider or row.supply, row.model] += tokens
    table = _table(
        "Who serves what",
        "workload",
        "provider",
        "model",
        "share of what is served",
        right=["share of what is served"],
    )
    ranked = sorted(part, key=lambda key: (key[0], -part[key]))
    shown = [key for key in ranked if part[key] / total[key[0]] >= 0.005]
    for workload, provider, model in shown[:MOST_ROWS]:
        table.add_row(workload, provider, model, share(part[workload, provider, model] / total[workload]))
    _rest(table, len(shown))
    return table


def _spend(plan: CapacityPlan) -> Table:
    years = sorted({row.year for row in plan.spend})
    cells: dict[tuple[str, str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    for row in plan.spend:
        if row.kind != "salvage":
            cells[row.payer, row.payee, row.kind][row.year] += row.amount_cents
    names = [str(year) for year in years]
    table = _table(
        f"Spending per year, {plan.currency}, undiscounted", "payer", "to", "for", *names, right=names
    )
    ranked = sorted(cells, key=lambda key: (key[0] != plan.party, key[0], -sum(cells[key].values())))
    for key in ranked[:MOST_ROWS]:
        table.add_row(*key, *(money(cells[key][year]) if cells[key][year] else "" for year in years))
    _rest(table, len(ranked))
    return table


def _unmet(plan: CapacityPlan) -> Table:
    """Unmet need by workload and cause, with its undiscounted worth."""
    worth: dict[tuple[str, str], int] = defaultdict(int)
    spans: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in plan.unmet:
        worth[row.workload, row.why] += row.worth_cents
        spans[row.workload, row.why].append(row.period or "its window")
    order = {period.label: n for n, period in enumerate(plan.periods)}
    table = _table("What is left unmet, and why", "workload", "when", "worth", "why", right=["worth"])
    ranked = sorted(worth, key=lambda key: -worth[key])
    for key in ranked[:MOST_ROWS]:
        when = sorted(set(spans[key]), key=lambda label: order.get(label, -1))
        table.add_row(
            key[0],
            when[0] if len(when) == 1 else f"{when[0]} … {when[-1]}",
            money(worth[key], plan.currency),
            key[1],
        )
    _rest(table, len(ranked))
    return table


def _rights(plan: CapacityPlan) -> Table:
    table = _table(
        "First refusal",
        "clause",
        "holder",
        "from",
        "needed",
        "offered",
        "taken",
        "elsewhere",
        "at most elsewhere",
        right=["needed", "offered", "taken", "elsewhere", "at most elsewhere"],
    )
    for row in plan.first_refusals:
        unit = "MW" if row.measure == "power" else row.measure
        cells = (row.needed, row.offered, row.taken_by_holder, row.taken_elsewhere, row.allowed_elsewhere)
        table.add_row(row.clause, row.holder, str(row.begins), *(f"{number(cell)} {unit}" for cell in cells))
    return table


def _commitments(plan: CapacityPlan) -> Table:
    table = _table(
        "Commitments",
        "clause",
        "window",
        "committed",
        "used",
        "short",
        "billed for it",
        right=["committed", "used", "short", "billed for it"],
    )

    def shown(value: float, measure: str) -> str:
        return (
            money(round(value * 100), plan.currency) if measure == "money" else f"{number(value)} {measure}"
        )

    rows = [row for row in plan.meters if row.lower]
    for row in rows[:MOST_ROWS]:
        table.add_row(
            row.clause,
            row.window,
            shown(row.lower or 0.0, row.measure),
            shown(row.counted, row.measure),
            shown(row.shortfall, row.measure) if row.shortfall > 0 else "",
            money(row.owed_cents, plan.currency) if row.owed_cents else "",
        )
    _rest(table, len(rows))
    return table


def _limits(plan: CapacityPlan) -> Table:
    table = _table(
        "The tightest limits, and the worth of one more unit (discounted)",
        "limit",
        "when",
        "one more",
        "is worth",
        "where it is written",
        right=["is worth"],
    )
    for row in plan.limits:
        unit = {
            "accelerators": "accelerator",
            "money": plan.currency,
            "units": "unit",
            "tokens": "token",
        }.get(row.unit, row.unit)
        place = ", ".join(part for part in (row.document, row.section) if part) or row.source
        table.add_row(
            row.what, row.period, unit, money(round(row.worth_cents_per_unit), plan.currency), place
        )
    return table


def _footer(console: Console, plan: CapacityPlan, written: tuple[Path, ...]) -> None:
    numbers = plan.numbers
    console.print(
        f"Numbers: {numbers.sourced} with a source, {numbers.assumed} assumptions, {numbers.unsourced} that say neither. "
        f"Horizon's end: {'assets credited with the life that is left' if plan.end_value == 'salvage' else 'nothing credited'}."
    )
    for row in plan.obligations:
        console.print(
            f"Before it: {row.who} {'must be asked' if row.kind == 'ask' else 'must approve'} ({row.clause}, {row.actions} actions)."
        )
    for row in plan.unmodelled:
        console.print(Text(f"Left out of the law: {row.term} ({row.agreement})", style="dim"))
    certificate = plan.certificate
    text = f"Certified: {len(certificate.checks)} checks passed, {certificate.actions_replayed} actions replayed through the law ({certificate.says})."
    if certificate.prices_from_fixed_integers:
        text += f" Whole choices proved to a gap of {certificate.mip_gap or 0:.1e}; worths hold with the choices fixed."
    console.print(text)
    if written:
        console.print(f"Written: {written[0]} and {len(written) - 1} files beside it.")


def show_price(price: ClausePrice, with_clause: CapacityPlan, without: CapacityPlan) -> None:
    """Prints what a clause costs, and what would change without it."""
    console = Console(highlight=False)
    amount = money(abs(price.price_cents), price.currency)
    verb = "costs" if price.price_cents > 0 else "saves" if price.price_cents < 0 else "costs nothing:"
    console.print(Text.assemble((price.clause, "bold"), f" {verb} {with_clause.party} {amount}, discounted."))
    place = ", ".join(part for part in (price.document, price.section) if part)
    if place:
        console.print(Text(place, style="dim"))
    table = _table("", "", "with it", "without it", right=["with it", "without it"])
    table.add_row(
        "cost, unmet need included", *(money(p.cost_cents, p.currency) for p in (with_clause, without))
    )
    table.add_row(
        "of it unmet need", *(money(p.unmet_worth_cents, p.currency) for p in (with_clause, without))
    )
    console.print(table)
    console.print(Text(f"It is {price.says}.", style="dim"))


def show_infeasible(found: InfeasiblePlan) -> None:
    """Prints the limits that cannot hold together."""
    console = Console(highlight=False)
    console.print(Text("There is no plan: these cannot hold together.", style="bold red"))
    table = _table("", "from", "limit", "bound")
    for row in found.conflicts:
        table.add_row(row.source, row.what, row.bound)
    console.print(table)
    if found.minimal:
        console.print(
            "Without any one of them the others can. Give the need a `worth`, or loosen one of them."
        )
