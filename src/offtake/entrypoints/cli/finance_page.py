"""A plan's money on one page of a terminal."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from fractions import Fraction

from rich.console import Console
from rich.text import Text

from offtake.entrypoints.cli.amounts import money, money_scale, scaled, share
from offtake.entrypoints.cli.plan_page import page_console, page_table
from offtake.planner.finance.statements import MICROS_PER_CENT, Accounts
from offtake.planner.finance.summary import Summary, Tenancy, YearAccount, committed_of

Line = tuple[str, Callable[[YearAccount], int]]
SELDOM = (  # Lines that are left out where there is nothing in them.
    "paid in advance by customers",
    "tax",
    "revalued debt in other currencies",
    "earned, not yet received",
    "owed for operation",
    "paid in advance, not yet credited",
)


def _cents(micros: float) -> int:
    return round(micros / MICROS_PER_CENT)


def show_accounts(accounts: Accounts, summary: Summary, discount: float) -> None:
    """Prints a borrower's money: what is covered, sources and uses, statements by year, returns."""
    console = page_console()
    console.print(Text(_sentence(accounts, summary), style="bold"))
    if accounts.borrower.consolidates:
        console.print(f"Counted as one with {', '.join(accounts.borrower.consolidates)}.")
    assumed = [one.id for one in accounts.borrower.sources if one.assumed]
    if assumed:
        console.print(Text(f"Assumed, not reported: {', '.join(assumed)}.", style="yellow"))
    _sources_and_uses(console, accounts, summary)
    _waterfall(console, accounts, summary)
    _statement(console, accounts, summary, "Cash flow", CASH_FLOW)
    taxed = "after" if accounts.borrower.tax else "before"
    _statement(console, accounts, summary, f"Income, {taxed} tax", INCOME)
    _statement(console, accounts, summary, "Balance at the year's end", BALANCE)
    _debt(console, accounts, summary)
    _returns(console, accounts, summary, discount)


def _sentence(accounts: Accounts, summary: Summary) -> str:
    party, currency = accounts.borrower.party, accounts.currency
    built = money(_cents(summary.uses["capital"]), currency)
    drawn = money(_cents(sum(accounts.drawn_by_source.values())), currency)
    promised = money(_cents(summary.committed), currency)
    text = f"{party} builds for {built}. {drawn} of the {promised} that were promised are drawn"
    if summary.gap:
        text += f"; {money(_cents(summary.gap), currency)} nobody has promised, from {summary.gap_opens} on."
    else:
        text += ", and no gap opens: what is left to pay comes out of its own receipts."
    return text


def _sources_and_uses(console: Console, accounts: Accounts, summary: Summary) -> None:
    both = (summary.sources, summary.uses)
    per, unit = money_scale((_cents(a) for side in both for a in side.values()), accounts.currency)
    table = page_table(f"Sources and uses over the horizon, {unit}", "from", "", "for", "", right=0)
    table.columns[1].justify = table.columns[3].justify = "right"
    for n in range(max(map(len, both))):
        cells: list[str] = []
        for side in both:
            row = list(side.items())[n : n + 1]
            cells += [row[0][0], scaled(_cents(row[0][1]), per) or "0"] if row else ["", ""]
        table.add_row(*cells)
    table.add_section()
    totals = [scaled(_cents(sum(side.values())), per) for side in both]
    table.add_row("in all", totals[0], "in all", totals[1])
    console.print(table)


def _waterfall(console: Console, accounts: Accounts, summary: Summary) -> None:
    """From what was promised to what is drawn, source by source."""
    sources = accounts.borrower.sources
    promised = {one.id: _cents(committed_of(one)) for one in sources}
    per, unit = money_scale(promised.values(), accounts.currency)
    table = page_table(
        f"Promised and drawn, {unit}", "source", "kind", "by", "promised", "drawn", "not drawn", right=3
    )
    for one in sources:
        drawn = _cents(accounts.drawn_by_source[one.id])
        left = promised[one.id] - drawn
        cells = (
            promised[one.id],
            drawn,
            left if left >= 100 else 0,
        )  # Below a unit it is the solver's grain.
        name = f"{one.id} (waits for {one.waits_for})" if one.waits_for else one.id
        table.add_row(name, one.kind, one.provider, *(scaled(cents, per) or "0" for cents in cells))
    table.add_section()
    table.add_row("the gap", "", "nobody", "", scaled(_cents(summary.gap), per) or "0", "")
    console.print(table)


CASH_FLOW: tuple[Line, ...] = (
    ("received", lambda one: one.flows["received"]),
    ("costs of operation", lambda one: -one.flows["operation_paid"]),
    ("capital", lambda one: -one.flows["capital"]),
    ("equity", lambda one: one.flows["equity"]),
    ("debt drawn", lambda one: one.flows["drawn"]),
    ("paid in advance by customers", lambda one: one.flows["paid_ahead"]),
    ("the gap", lambda one: one.flows["gap"]),
    ("interest and fees", lambda one: -one.flows["interest"] - one.flows["fees"]),
    ("repaid", lambda one: -one.flows["repaid"]),
    ("tax", lambda one: -one.flows["tax"]),
    ("cash at the end", lambda one: one.cash),
)
INCOME: tuple[Line, ...] = (
    ("earned", lambda one: one.flows["receipts"]),
    ("costs of operation", lambda one: -one.flows["operating_costs"]),
    ("depreciation", lambda one: -one.flows["depreciation"]),
    ("interest and fees", lambda one: -one.flows["interest"] - one.flows["fees"]),
    ("revalued debt in other currencies", lambda one: -one.flows["revaluation"]),
    ("tax", lambda one: -one.flows["tax"]),
    ("profit", lambda one: one.flows["profit"]),
)
BALANCE: tuple[Line, ...] = (
    ("cash", lambda one: one.cash),
    ("earned, not yet received", lambda one: one.receivables),
    ("what was built, less depreciation", lambda one: one.assets),
    ("debt", lambda one: one.debt),
    ("paid in advance, not yet credited", lambda one: one.prepaid),
    ("owed for operation", lambda one: one.payables),
    ("paid in, the gap included", lambda one: one.paid_in),
    ("retained", lambda one: one.retained),
)


def _statement(
    console: Console, accounts: Accounts, summary: Summary, title: str, lines: Sequence[Line]
) -> None:
    years = summary.years
    per, unit = money_scale((_cents(line(one)) for _, line in lines for one in years), accounts.currency)
    table = page_table(f"{title}, {unit}", "", *(str(one.year) for one in years), right=len(years))
    for name, line in lines:
        if name in SELDOM and not any(line(one) for one in years):
            continue
        table.add_row(name, *(scaled(_cents(line(one)), per) for one in years))
    console.print(table)


def _debt(console: Console, accounts: Accounts, summary: Summary) -> None:
    years = summary.years
    if not any(one.debt for one in years):
        return
    per, unit = money_scale((_cents(one.debt) for one in years), accounts.currency)
    table = page_table(
        f"Debt, {unit}, and its cover", "", *(str(one.year) for one in years), right=len(years)
    )
    table.add_row("outstanding at the end", *(scaled(_cents(one.debt), per) for one in years))
    table.add_row("interest", *(scaled(_cents(one.flows["interest"]), per) for one in years))
    table.add_row("repaid", *(scaled(_cents(one.flows["repaid"]), per) for one in years))
    table.add_row("operating cash over debt service", *(_times(one.cover) for one in years))
    console.print(table)


def _times(value: Fraction | None) -> str:
    return "" if value is None else f"{float(value):.2f}"


def _returns(console: Console, accounts: Accounts, summary: Summary, discount: float) -> None:
    currency = accounts.currency
    project, owners = (money(_cents(one), currency) for one in (summary.project_worth, summary.owners_worth))
    worths = f"The project is worth {project} at {share(discount)} a year; internal rate: "
    worths += f"{_rates(summary.project_rates)}. To its owners it is worth {owners}; internal rate: "
    worths += f"{_rates(summary.owners_rates)}."
    risk = f"{money(_cents(summary.at_risk), currency)} of equity are at risk; it has paid back "
    years = summary.paid_back_years
    risk += "at no time within the horizon." if years is None else f"after {years:.1f} years."
    lines = [worths, risk]
    if summary.least_cover is not None:
        cover, when = summary.least_cover
        lines.append(f"The debt service is covered {float(cover):.2f} times at the least, in {when}.")
    if summary.break_even is not None:
        part = share(float(summary.break_even))
        lines.append(f"It is just met with {part} of the receipts: so far may rent times utilisation fall.")
    for line in lines:
        console.print(line)
    note = "Worths and rates count what assets and debt are at the horizon's end."
    console.print(Text(note if accounts.borrower.tax else f"Before tax. {note}", style="dim"))


def _rates(rates: Sequence[float]) -> str:
    return ", ".join(share(rate) for rate in rates) or "none"


def show_tenancy(accounts: Accounts, tenancy: Tenancy) -> None:
    """Prints whom a party lives on, and what happens if the largest stops."""
    console, currency = page_console(), accounts.currency
    total = sum(tenancy.by_payer.values())
    name = tenancy.party
    if tenancy.largest is None:
        console.print(f"{name} receives nothing in this plan.")
        return
    part = tenancy.by_payer[tenancy.largest] / total
    text = f"{name} receives {money(_cents(total), currency)}, {share(part)} of it from {tenancy.largest}."
    console.print(Text(text, style="bold"))
    if accounts.borrower.consolidates:
        console.print(f"Counted as one with {', '.join(accounts.borrower.consolidates)}.")
    per, unit = money_scale(
        (_cents(a) for a in (*tenancy.by_payer.values(), *tenancy.by_kind.values())), currency
    )
    for title, sums in (("payer", tenancy.by_payer), ("kind", tenancy.by_kind)):
        table = page_table(f"Received by {title}, {unit}", title, "received", "share", right=2)
        for key, amount in sums.items():
            word = "taken or paid for (settlement)" if key == "settlement" else key
            table.add_row(word, scaled(_cents(amount), per) or "0", share(amount / total))
        console.print(table)
    per, unit = money_scale((_cents(one.received) for one in tenancy.years), currency)
    table = page_table(
        f"Receipts against debt service, {unit}",
        "year",
        "received",
        f"from {tenancy.largest}",
        "costs",
        "debt service",
        "without it",
        right=5,
    )
    for one in tenancy.years:
        left = one.received - one.from_largest - one.operating_costs - one.debt_service
        cells = (one.received, one.from_largest, one.operating_costs, one.debt_service, left)
        table.add_row(str(one.year), *(scaled(_cents(amount), per) for amount in cells))
    console.print(table)
    if tenancy.lasts_until is None:
        end = "its cash lasts to the end of the horizon"
    elif tenancy.lasts_until <= tenancy.stops_on:
        end = "it cannot pay in the very next period"
    else:
        end = f"its cash lasts until {tenancy.lasts_until}"
    console.print(
        f"If {tenancy.largest} pays nothing from {tenancy.stops_on} on, and nothing more is built, {end}."
    )
