"""A plan on one page of a terminal: what a person reads in a minute."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection
from pathlib import Path

from rich import box
from rich.console import Console
from rich.table import Table
from rich.text import Text

from offtake.domain.handoffs import CapacityPlan, ClausePrice, InfeasiblePlan, LimitRow, MeterRow
from offtake.entrypoints.cli.amounts import (
    big,
    megawatts,
    money,
    money_scale,
    number,
    precise,
    scaled,
    share,
    short,
)

MOST_ROWS = 12  # Of any table on the page; all rows are in the files.
SMALLEST_SHARE = 0.005  # Of a workload, that a provider is named for.
SMALLEST_GAP = 1e-6  # Between whole choices and the best, that is told; the certificate allows as much.
WIDTH_OF_FILES = 110  # Columns, where no terminal says how many there are.
VERBS = {"build": "built", "reserve": "leased", "on-demand": "on demand", "keep": "kept", "shell": "built"}
ONE = {"accelerators": "accelerator", "units": "unit", "accelerator-hours": "accelerator-hour"}
UNITS = {"power": "MW", "token-rate": "tokens/s"}


def page_console() -> Console:
    """A console for pages: as wide as the terminal, or as a page where there is none."""
    console = Console(highlight=False, markup=False)
    return console if console.is_terminal else Console(highlight=False, markup=False, width=WIDTH_OF_FILES)


def show_plan(plan: CapacityPlan, written: tuple[Path, ...]) -> None:
    """Prints the page."""
    console = page_console()
    _headline(console, plan)
    tables = (_capacity, _power, _served, _spend, _unmet, _rights, _commitments, _limits)
    for make in tables:
        table = make(plan)
        if table.row_count:
            console.print(table)
    _footer(console, plan, written)


def page_table(title: str, *columns: str, right: int = 0, whole: Collection[str] = ()) -> Table:
    """A table whose last `right` columns are numbers. The first column, numbers and those in `whole` never wrap."""
    table = Table(
        box=box.SIMPLE_HEAD,
        title=title,
        title_justify="left",
        title_style="bold",
        pad_edge=False,
        padding=(0, 1),
    )
    for n, name in enumerate(columns):
        number_like = n >= len(columns) - right
        table.add_column(
            name,
            justify="right" if number_like else "left",
            overflow="fold",
            no_wrap=n == 0 or number_like or name in whole,
        )
    return table


def _rest(table: Table, count: int) -> Table:
    if count > MOST_ROWS:
        table.caption = f"and {count - MOST_ROWS} more; --out DIR writes them all"
        table.caption_justify = "left"
    return table


def _headline(console: Console, plan: CapacityPlan) -> None:
    known = f"agreements known on {plan.known_at}" if plan.known_at else "all agreements known"
    console.print(Text(plan.estate, style="bold"))
    console.print(
        f"For {plan.party}, from {plan.begins} until {plan.ends}, by {plan.period_length}, {known}."
    )
    for event in plan.events:
        about = f" about {event.about}" if event.about else ""
        console.print(f"Supposing {event.event}{about} on {event.on}.")
    paid = money(plan.cost_cents - plan.unmet_worth_cents, plan.currency)
    text = f"It costs {plan.party} {paid}, discounted at {share(plan.discount_per_year)} a year"
    if "prices" in plan.redacted:
        text = f"What it costs {plan.party} is withheld."
    elif plan.unmet_worth_cents:
        text += f", and leaves need worth {money(plan.unmet_worth_cents, plan.currency)} unmet."
    else:
        text += ", and meets every need."
    console.print(Text(text, style="bold"))
    console.print(Text(f"This is {plan.says}.\n", style="dim"))


def _capacity(plan: CapacityPlan) -> Table:
    """By supply: what is under contract and what the plan adds, at most in each year."""
    year_of = {period.label: period.begins.year for period in plan.periods}
    years = sorted(set(year_of.values()))
    peak: dict[str, dict[int, float]] = defaultdict(lambda: defaultdict(float))
    held: dict[str, float] = defaultdict(float)
    unit: dict[str, str] = {}
    for row in plan.capacity:
        if row.unit == "tokens/s":
            continue
        year = year_of[row.period]
        peak[row.supply][year] = max(peak[row.supply][year], row.contracted + row.added)
        held[row.supply] = max(held[row.supply], row.contracted)
        unit[row.supply] = row.unit
    how: dict[str, set[str]] = defaultdict(set)
    by: dict[str, str] = {}
    for order in plan.orders:
        how[order.supply].add(VERBS[order.kind])
        by[order.supply] = order.owner or order.provider or ""
    table = page_table(
        "What is built and leased: accelerators (or units) that stand, at their most in the year",
        *("supply", "by", "how", "contracted"),
        *(str(year) for year in years),
        right=len(years) + 1,
    )
    ranked = sorted(peak, key=lambda supply: (unit[supply], -max(peak[supply].values()), supply))
    for supply in ranked[:MOST_ROWS]:
        cells = (short(peak[supply][year]) for year in years)
        ways = ", ".join(sorted(how[supply])) or "contracted"
        noun = "" if unit[supply] == "accelerators" else f" ({unit[supply]})"
        table.add_row(supply + noun, by.get(supply, ""), ways, short(held[supply]), *cells)
    return _rest(table, len(ranked))


def _power(plan: CapacityPlan) -> Table:
    """Sites at the horizon's end: announced, contracted, energised and used, IT power."""
    label = plan.periods[-1].label
    keys = ("announced", "contracted", "energised", "used")
    table = page_table(
        f"IT power of the sites in {label}: how much of what is announced has got how far, and what this plan uses",
        *("site", *keys),
        right=len(keys),
    )
    last = [row for row in plan.power if row.period == label]
    for row in last:
        table.add_row(row.site, *(megawatts(getattr(row, f"{key}_mw")) for key in keys))
    if len(last) > 1:
        table.add_section()
        table.add_row("all", *(megawatts(sum(getattr(row, f"{key}_mw") for row in last)) for key in keys))
    return table


def _served(plan: CapacityPlan) -> Table:
    """Who serves each class, as shares of what is served over the horizon."""
    days = {period.label: (period.ends - period.begins).days for period in plan.periods}
    part: dict[str, dict[tuple[str, str], float]] = defaultdict(lambda: defaultdict(float))
    for row in plan.served:
        part[row.workload][row.model, row.provider or row.supply] += row.tokens_per_s * days[row.period]
    table = page_table("Who serves what, by share of the tokens served", "workload", "model", "at")
    for workload in sorted(part)[:MOST_ROWS]:
        total = sum(part[workload].values())
        by_model: dict[str, list[tuple[float, str]]] = defaultdict(list)
        for (model, provider), tokens in part[workload].items():
            if tokens / total >= SMALLEST_SHARE:
                by_model[model].append((-tokens / total, provider))
        for n, model in enumerate(sorted(by_model, key=lambda one: sorted(by_model[one]))):
            at = ", ".join(f"{provider} {share(-part)}" for part, provider in sorted(by_model[model]))
            table.add_row("" if n else workload, model, at)
    return _rest(table, len(part))


def _spend(plan: CapacityPlan) -> Table:
    """What the party pays, payee by payee, and what others pay in all."""
    years = sorted({row.year for row in plan.spend})
    cells: dict[tuple[str, str, str], dict[int, int]] = defaultdict(lambda: defaultdict(int))
    others: dict[str, set[str]] = defaultdict(set)
    totals: dict[int, int] = defaultdict(int)
    for row in plan.spend:
        if row.kind == "salvage":
            continue
        if plan.party in (row.payer, row.payee):
            cells[row.payer, row.payee, row.kind][row.year] += row.amount_cents
            totals[row.year] += row.amount_cents * ((row.payer == plan.party) - (row.payee == plan.party))
        else:
            cells[row.payer, "", ""][row.year] += row.amount_cents
            others[row.payer].add(row.kind)
    per, unit = money_scale((amount for row in cells.values() for amount in row.values()), plan.currency)
    names = [str(year) for year in years]
    table = page_table(
        f"Spending per year, {unit}, undiscounted", "payer", "to", "for", *names, right=len(names)
    )

    def add(key: tuple[str, str, str], purpose: str) -> None:
        table.add_row(key[0], key[1], purpose, *(scaled(cells[key][year], per) for year in years))

    ranked = sorted(cells, key=lambda key: (key[0] != plan.party, -sum(cells[key].values()), key))
    own = [key for key in ranked if key[2]]
    for key in own[:MOST_ROWS]:
        add(key, key[2])
    table.add_section()
    table.add_row(
        Text(f"{plan.party} in all", style="bold"), "", "", *(scaled(totals[year], per) for year in years)
    )
    table.add_section()
    for key in [key for key in ranked if not key[2]][:MOST_ROWS]:
        add(key, ", ".join(sorted(others[key[0]])))
    return _rest(table, len(own))


def _unmet(plan: CapacityPlan) -> Table:
    """Unmet need by workload and cause, with its undiscounted worth."""
    worth: dict[tuple[str, str], int] = defaultdict(int)
    when: dict[tuple[str, str], set[str]] = defaultdict(set)
    for row in plan.unmet:
        worth[row.workload, row.why] += row.worth_cents
        when[row.workload, row.why].add(_short_label(row.period) if row.period else "its window")
    table = page_table(
        "What is left unmet, and why", "workload", "why", "when", "worth", right=1, whole=("when",)
    )
    ranked = sorted(worth, key=lambda key: (-worth[key], key))
    for key in ranked[:MOST_ROWS]:
        spans = sorted(when[key])
        span = spans[0] if len(spans) == 1 else f"{spans[0]} … {spans[-1]}"
        table.add_row(key[0], key[1], span, money(worth[key], plan.currency) if worth[key] else "")
    return _rest(table, len(ranked))


def _short_label(period: str) -> str:
    """A period without the day on which it was cut: `2026Q2`."""
    return period.partition(" ")[0]


def _rights(plan: CapacityPlan) -> Table:
    table = page_table(
        "First refusal: what was needed, what the holder offered, and where it went",
        *("clause", "from", "needed", "offered", "taken", "elsewhere", "may go elsewhere"),
        right=5,
        whole=("from",),
    )
    for row in plan.first_refusals:
        cells = (row.needed, row.offered, row.taken_by_holder, row.taken_elsewhere, row.allowed_elsewhere)
        unit = UNITS.get(row.measure, "")
        shown = (f"{number(cell)} {unit}".strip() if cell else "" for cell in cells)
        table.add_row(row.clause, str(row.begins), *shown)
    return table


def _commitments(plan: CapacityPlan) -> Table:
    """Each commitment in its windows; those that fall short are named, the others counted."""
    table = page_table(
        "Commitments",
        *("clause", "in", "committed", "used", "short", "billed for it"),
        right=4,
        whole=("in",),
    )
    rows = [row for row in plan.meters if row.lower]
    for n, row in enumerate(rows[:MOST_ROWS]):
        same = n > 0 and rows[n - 1].clause == row.clause
        missing = row.shortfall if row.measure != "money" else 0.0
        table.add_row(
            "" if same else row.clause,
            row.window.replace(" from ", ", "),
            _measured(row, row.lower or 0.0, plan.currency),
            _measured(row, row.counted, plan.currency),
            _measured(row, missing, plan.currency) if missing > 0 else "",
            money(row.owed_cents, plan.currency) if row.owed_cents else "",
        )
    return _rest(table, len(rows))


def _measured(row: MeterRow, value: float, currency: str) -> str:
    if row.measure == "money":
        return money(round(value * 100), currency)
    return f"{big(value)} {UNITS.get(row.measure, row.measure)}"


def _limits(plan: CapacityPlan) -> Table:
    table = page_table(
        "The tightest limits, and what one more unit would be worth (discounted)",
        *("written in", "in", "one more", "is worth"),
        right=1,
        whole=("in",),
    )
    for row in plan.limits:
        one_more, worth = _worth(row, plan.currency)
        worth = "withheld" if "prices" in plan.redacted else worth
        table.add_row(row.source, row.period.replace(" from ", ", "), one_more, worth)
    return table


def _worth(row: LimitRow, currency: str) -> tuple[str, str]:
    """One more of what, and what it is worth: tokens by the million, so that it can be read."""
    if row.unit == "money":
        return currency, f"{currency} {precise(row.worth_cents_per_unit / 100)}"
    if row.unit == "tokens":
        return f"million {row.what}", f"{currency} {precise(row.worth_cents_per_unit * 10_000)}"
    one, of, rest = row.what.partition(" of ")
    return f"{ONE.get(one, one)}{of}{rest}", money(round(row.worth_cents_per_unit), currency)


def _footer(console: Console, plan: CapacityPlan, written: tuple[Path, ...]) -> None:
    numbers, certificate = plan.numbers, plan.certificate
    end = (
        "assets are credited with the life that is left"
        if plan.end_value == "salvage"
        else "nothing is credited"
    )
    for row in plan.obligations:
        must = "must be asked first" if row.kind == "ask" else "must approve first"
        console.print(f"{row.who} {must}: {row.clause}, for {row.actions} actions.")
    for agreement in dict.fromkeys(row.agreement for row in plan.unmodelled):
        terms = "; ".join(row.term for row in plan.unmodelled if row.agreement == agreement)
        console.print(Text(f"Not in the law, of {agreement}: {terms}.", style="dim"))
    console.print(
        f"Of the estate's numbers {numbers.sourced} have a source, {numbers.assumed} are assumptions and "
        f"{numbers.unsourced} say neither. At the horizon's end {end}."
    )
    text = (
        f"Certified: {len(certificate.checks)} checks passed and {certificate.actions_replayed} actions replayed "
        f"through the law ({certificate.says})."
    )
    if certificate.prices_from_fixed_integers:
        gap = certificate.mip_gap or 0.0
        proved = f"within {gap:.4%} of the best" if gap >= SMALLEST_GAP else "exactly the best"
        text += f" Whole choices are proved to be {proved}; worths hold them fixed."
    console.print(text)
    if written:
        console.print(f"Wrote {written[0]} and {len(written) - 1} files beside it.")


def show_price(price: ClausePrice, with_clause: CapacityPlan, without: CapacityPlan) -> None:
    """Prints what a clause costs, and what would change without it."""
    console = page_console()
    amount = money(abs(price.price_cents), price.currency)
    verb = "costs" if price.price_cents > 0 else "saves"
    said = f" {verb} {with_clause.party} {amount}, discounted." if price.price_cents else " costs nothing."
    console.print(Text.assemble((price.clause, "bold"), said))
    place = ", ".join(part for part in (price.document, price.section) if part)
    if place:
        console.print(Text(place, style="dim"))
    both = (with_clause, without)
    per, unit = money_scale([p.cost_cents for p in both], price.currency)
    table = page_table("", unit, "with it", "without it", "difference", right=3)

    def add(name: str, first: int, second: int) -> None:
        table.add_row(name, *(scaled(cents, per) or "0" for cents in (first, second, first - second)))

    add("cost, unmet need included", *(p.cost_cents for p in both))
    add("of it unmet need", *(p.unmet_worth_cents for p in both))
    paid = [paid_to(p) for p in both]
    for payee in sorted({*paid[0], *paid[1]}, key=lambda one: (-max(p.get(one, 0) for p in paid), one))[:8]:
        add(f"paid to {payee}, undiscounted", *(p.get(payee, 0) for p in paid))
    console.print(table)
    console.print(Text(f"The price of a clause is {price.says}.", style="dim"))


def paid_to(plan: CapacityPlan) -> dict[str, int]:
    """What the party pays each payee over the horizon, undiscounted, in cents."""
    paid: dict[str, int] = defaultdict(int)
    for row in plan.spend:
        if row.payer == plan.party and row.kind != "salvage":
            paid[row.payee] += row.amount_cents
    return paid


def show_infeasible(found: InfeasiblePlan) -> None:
    """Prints the limits that cannot hold together."""
    console = page_console()
    console.print(Text("There is no plan: these cannot hold together.", style="bold red"))
    table = page_table("", "from", "limit", "when", "bound")
    for row in found.conflicts:
        table.add_row(row.source, row.what, row.when, row.bound)
    console.print(table)
    if found.minimal:
        console.print(
            "Without any one of them the others can. Give the need a `worth`, or loosen one of them."
        )
