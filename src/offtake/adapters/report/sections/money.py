"""Money: what is paid each year, to whom, and what was announced beside what the plan spends."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from typing import Final

from offtake.adapters.report.amounts import money, money_scale
from offtake.adapters.report.document import Block, Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import (
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    end_labels,
    named_room,
    names_axis,
    plot,
    stack,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter, ranked
from offtake.adapters.report.palette import LIGHT, SERIES
from offtake.adapters.report.programmes import programme_totals
from offtake.adapters.report.sections.money_waterfall import money_waterfall
from offtake.domain.handoffs import SpendRow

MOST_SERIES: Final = 7
CREDIT: Final = "salvage"  # Not a payment: the life that is left of an asset at the horizon's end.
SOURCES: Final = ("products.", "sites.", "accelerators.", "agreements.")


def spending(matter: Matter) -> Section | None:
    """Spending per year, and beside what was announced."""
    if not matter.priced:
        return None
    paid = [row for row in matter.plan.spend if row.kind != CREDIT and row.amount_cents > 0]
    mine = [row for row in paid if row.payer == matter.plan.party]
    if not mine:
        return None
    blocks: list[Block] = [_by_payee(matter, mine)]
    others = [row for row in paid if row.payer != matter.plan.party]
    if others:
        blocks.append(_by_payer(matter, others))
    blocks += [one for one in (announced(matter), money_waterfall(matter), _funds(matter)) if one is not None]
    total = sum(row.amount_cents for row in mine)
    lead = (
        f"{_Name(matter.party(matter.plan.party))} pays {money(total, matter.plan.currency)} over the horizon, "
        "counted when it is paid and before discounting. "
        "Rent between partners and the capital behind it are shown apart, so that no money is counted twice."
        if others
        else f"{_Name(matter.party(matter.plan.party))} pays {money(total, matter.plan.currency)} over the horizon, "
        "counted when it is paid and before discounting."
    )
    return Section("money", "Spending", lead, tuple(blocks))


def _Name(name: str) -> str:  # noqa: N802 - reads as the start of a sentence
    return name[:1].upper() + name[1:]


def _key(matter: Matter, row: SpendRow) -> str:
    if matter.view == "tokens":
        return f"{row.kind}" if row.payee == "market" else f"{matter.party(row.payee)}, {row.kind}"
    return matter.party(row.payee)


def _yearly(
    pairs: Iterable[tuple[str, int, int]],
) -> tuple[dict[str, dict[str, float]], list[str]]:
    """Cents by series and year, largest series first and the smallest gathered as others; and the years."""
    sums: dict[str, float] = defaultdict(float)
    found: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    rows = list(pairs)
    for name, _, cents in rows:
        sums[name] += cents
    order = ranked(sums)
    kept = order if len(order) <= MOST_SERIES else order[: MOST_SERIES - 1]
    for name, year, cents in rows:
        found[name if name in kept else "others"][str(year)] += cents
    names = [*kept, *(["others"] if len(kept) < len(order) else [])]
    return {name: dict(found[name]) for name in names}, sorted({str(year) for _, year, _ in rows})


def _by_payee(matter: Matter, rows: list[SpendRow]) -> Figure:
    parts, years = _yearly((_key(matter, row), row.year, row.amount_cents) for row in rows)
    most = max(parts, key=lambda name: sum(parts[name].values()))
    whole = sum(row.amount_cents for row in rows)
    payer, currency = _Name(matter.party(matter.plan.party)), matter.plan.currency
    says = (
        f"{payer} pays {money(whole, currency)} over the horizon; the most goes to {most}: "
        f"{money(sum(parts[most].values()), currency)}."
    )
    title = f"What {matter.party(matter.plan.party)} pays each year"
    return _years(matter, "spend", title, says, parts, years, "paid to")


def _by_payer(matter: Matter, rows: list[SpendRow]) -> Figure:
    parts, years = _yearly(
        (f"{matter.party(row.payer)}, {row.kind}", row.year, row.amount_cents) for row in rows
    )
    whole = sum(row.amount_cents for row in rows)
    says = (
        f"Partners put in {money(whole, matter.plan.currency)} so that what is rented can stand: sites, accelerators, "
        "energy and their own leases."
    )
    return _years(
        matter, "partners", "What the partners pay each year", says, parts, years, "payer and purpose"
    )


def _years(
    matter: Matter,
    id: str,
    title: str,
    says: str,
    parts: dict[str, dict[str, float]],
    years: list[str],
    what: str,
) -> Figure:
    per, unit = money_scale(
        (sum(one.get(year, 0.0) for one in parts.values()) for year in years), matter.plan.currency
    )
    scaled = {name: {at: cents / per for at, cents in one.items()} for name, one in parts.items()}
    styles = {
        name: Style("grey" if name == "others" else SERIES[n % len(SERIES)]) for n, name in enumerate(parts)
    }
    cells: Cells = tuple(
        (int(year), name, scaled[name][year]) for year in years for name in parts if year in scaled[name]
    )
    return Figure(
        id,
        title,
        says,
        Table(
            id,
            title,
            matter.source(*SOURCES),
            (numbers("year", "", -1), text(what), numbers("paid", unit, 3)),
            cells,
        ),
        lambda frame: _draw_years(frame, years, scaled, styles, unit),
        tuple(style.legend(name) for name, style in styles.items()),
    )


def _draw_years(
    frame: Frame, years: list[str], parts: dict[str, dict[str, float]], styles: dict[str, Style], unit: str
) -> Spec:
    room = Room(right=14 if frame.narrow else 190)
    height = 230 if frame.narrow else 290
    rows, tallest = stack(years, parts)
    top = ceiling(tallest * 1.04)
    x, y = time_axis(years, frame), amount_axis(unit, top)
    layers = columns(rows, styles, x, y)
    tops = [{"x": year, "to": sum(one.get(year, 0.0) for one in parts.values())} for year in years]
    sums = [{**row, "label": f"{row['to']:,.0f}" if top >= 100 else f"{row['to']:,.1f}"} for row in tops]
    layers.append(texts(sums, x, y, dy=-8, baseline="alphabetic", fontWeight="bold"))
    if not frame.narrow:
        layers.append(end_labels(rows, years[-1], y, top, height, frame.width - room.left - room.right))
    return plot(frame, height, room, layers)


def announced(matter: Matter) -> Figure | None:
    """Announced and agreed totals beside what the plan spends of them within the horizon."""
    rows = _totals(matter)
    if not rows:
        return None
    per, unit = money_scale(
        (one for _, most, spent, _ in rows for one in (most, spent or 0.0)), matter.plan.currency
    )
    cells: Cells = tuple(
        (name, kind, most / per, None if spent is None else spent / per) for name, most, spent, kind in rows
    )
    first = next((row for row in rows if row[2] is not None), None)
    says = "The outline is what was announced or allowed, the bar what this plan spends of it within its horizon."
    if first is not None and first[2] is not None:
        says += f" Of {first[0]} it spends {money(first[2], matter.plan.currency)}."
    return Figure(
        "announced",
        "Announced and allowed, beside what the plan spends",
        says,
        Table(
            "announced",
            "Announced and allowed totals beside the plan's spending",
            matter.source("programmes.", "agreements.", "funds."),
            (
                text("total"),
                text("what it is"),
                numbers("announced or allowed", unit, 2),
                numbers("spent in the plan", unit, 2),
            ),
            cells,
        ),
        lambda frame: _bullets(
            frame,
            [(name, most / per, None if spent is None else spent / per) for name, most, spent, _ in rows],
            unit,
        ),
        (("announced or allowed", "grey", "outline"), ("spent in the plan", "blue", "fill")),
    )


def _totals(matter: Matter) -> list[tuple[str, float, float | None, str]]:
    """(name, total, spent or None, what it is) in cents: programmes with money, then budgets.

    Each payment counts once.
    """
    plan = matter.plan
    found: list[tuple[str, float, float | None, str]] = [
        (one.name, one.announced, one.spent, "programme: capital at its sites")
        for one in programme_totals(matter)
    ]
    for row in plan.meters:
        if row.measure == "money" and row.upper is not None and row.lower is None:
            window = "" if row.window == "term" else f" {row.window}"
            found.append(
                (f"{row.clause}{window}", row.upper * 100, row.counted * 100, "budget of the agreements")
            )
    return found[:14]


def _bullets(frame: Frame, rows: list[tuple[str, float, float | None]], unit: str) -> Spec:
    room = named_room(frame, [name for name, _, _ in rows], ["100 %"])
    top = ceiling(max(max(most, spent or 0.0) for _, most, spent in rows))
    names = [name for name, _, _ in rows]
    y = names_axis(names, room)
    x = {**amount_axis(unit, top, "x", ticks=3 if frame.narrow else 5), "field": "zero"}
    outline = [{"name": name, "zero": 0.0, "to": most} for name, most, _ in rows]
    filled = [{"name": name, "zero": 0.0, "to": spent} for name, _, spent in rows if spent]
    label = [
        {
            "name": name,
            "to": max(most, spent or 0.0),
            "label": f"{100 * spent / most:,.0f} %" if spent is not None and most else "",
        }
        for name, most, spent in rows
    ]
    grey = LIGHT["grey"]
    layers: list[Spec] = [
        {
            "data": values(outline),
            "mark": {
                "type": "bar",
                "fill": grey,
                "fillOpacity": 0.16,
                "stroke": grey,
                "strokeWidth": 1.2,
                "strokeDash": [3, 2],
            },
            "encoding": {"y": y, "x": x, "x2": {"field": "to"}},
        },
        {
            "data": values(filled),
            "mark": {"type": "bar", "fill": LIGHT["blue"], "height": {"band": 0.5}},
            "encoding": {"y": y, "x": x, "x2": {"field": "to"}},
        },
        texts(label, {**x, "field": "to"}, y, align="left", dx=6, baseline="middle"),
    ]
    return plot(frame, 30 * len(rows), room, layers)


def _funds(matter: Matter) -> Table | None:
    """Who was to put in what."""
    rows: list[tuple[str, str, str, float, str, str]] = []
    per, unit = money_scale(
        (fund.amount.value * 100 for fund in matter.estate.funds.values()), matter.plan.currency
    )
    for id, fund in matter.estate.funds.items():
        if fund.amount.currency in (None, matter.plan.currency):
            programme = matter.estate.programmes.get(fund.part_of or "")
            into = (programme.name if programme is not None else None) or fund.part_of or ""
            since = "" if fund.begins is None else fund.begins.isoformat()
            amount = fund.amount.value * 100 / per
            rows.append((id.replace("-", " "), matter.party(fund.party), since, amount, into, fund.status))
    if not rows:
        return None
    return Table(
        "funds",
        "Equity, debt and budgets: who was to put in what",
        matter.source("funds."),
        (
            text("money"),
            text("from whom"),
            text("since"),
            numbers("amount", unit, 2),
            text("part of"),
            text("status"),
        ),
        tuple(rows),
    )
