"""What binds: the tightest limits, what each clause costs, and what is left unmet and why."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

from offtake.adapters.report.amounts import listed, many, money, money_scale, rate_scale, share
from offtake.adapters.report.document import Block, Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import (
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    named_room,
    names_axis,
    plot,
    stack,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter, column_of, ranked, span
from offtake.adapters.report.palette import LIGHT, SERIES
from offtake.domain.handoffs import LimitRow

MOST_BARS: Final = 20
ONE: Final = {
    "accelerators": "accelerator",
    "units": "unit",
    "tokens": "million tokens",
    "accelerator-hours": "accelerator-hour",
    "tokens/s": "token/s",
}


def worth_of(matter: Matter, row: LimitRow) -> tuple[str, str]:
    """One more of what a limit is in, and what that is worth, in a unit of the estate's size."""
    currency = matter.plan.currency
    if row.unit == "MW" and matter.view == "tokens":
        return "kW", money(row.worth_cents_per_unit / 1000, currency)
    if row.unit == "tokens":
        return ONE[row.unit], money(row.worth_cents_per_unit * 1e6, currency)
    return ONE.get(row.unit, currency if row.unit == "money" else row.unit), money(
        row.worth_cents_per_unit, currency
    )


def words_of(row: LimitRow, matter: Matter) -> str:
    """A limit in words, in the estate's unit of power."""
    return row.what.replace("MW", "kW") if matter.view == "tokens" else row.what


def written(row: LimitRow) -> str:
    """Where a limit is written: its document and section, else its place in the estate."""
    place = ", ".join(part for part in (row.document, row.section) if part)
    return f"{row.source}: {place}" if place else row.source


def limits(matter: Matter) -> Section | None:
    """The tightest limits and the prices of clauses."""
    blocks: list[Block] = []
    if matter.plan.limits:
        blocks.append(_table(matter))
    if matter.extras.clause_prices and matter.priced:
        blocks.append(_prices(matter))
    if not blocks:
        return None
    lead = "These hold the plan back most, the tightest first."
    if matter.priced and matter.plan.limits:
        lead += " The worth of one more unit holds for small changes, discounted; it says nothing about large ones."
    return Section("limits", "What binds", lead, tuple(blocks))


def _table(matter: Matter) -> Table:
    heads = ["limit", "when", "where it is written"]
    rows: list[tuple[str, ...]] = []
    for row in matter.plan.limits:
        one, worth = worth_of(matter, row)
        cells = (words_of(row, matter), column_of(row.period) or "throughout", written(row))
        rows.append((*cells, f"1 {one}", worth) if matter.priced else cells)
    if matter.priced:
        heads += ["one more", "is worth"]
    return Table(
        "limits",
        "The tightest limits",
        matter.source("sites.", "agreements.", "products."),
        tuple(text(name) for name in heads),
        tuple(rows),
    )


def _prices(matter: Matter) -> Figure:
    found = sorted(matter.extras.clause_prices, key=lambda one: (-one.price_cents, one.clause))
    currency = matter.plan.currency
    per, unit = money_scale((one.price_cents for one in found), currency)
    rest = matter.extras.clauses_not_priced
    cells: Cells = (
        *((one.clause, one.document or "", one.section or "", one.price_cents / per) for one in found),
        *((clause, "", "", "not solved") for clause in rest),
    )
    dearest = found[0]
    place = ", ".join(part for part in (dearest.document, dearest.section) if part)
    says = "Each price is the cost with the clause less the cost without it, both solved and checked. "
    says += f"The dearest is {dearest.clause}"
    says += f" ({place})" if place else ""
    says += f": {money(dearest.price_cents, currency)}. Prices of several clauses do not add up."
    free = [one.clause for one in found if not one.price_cents]
    if free:
        says += f" {many(len(free), 'further clause')} cost nothing here." if len(free) > 1 else ""
    if rest:
        says += (
            f" {many(len(rest), 'clause')} that weigh less were not solved; `offtake price all` does that."
        )
    bars = [
        Bar(
            one.clause,
            min(one.price_cents / per, 0.0),
            max(one.price_cents / per, 0.0),
            money(one.price_cents, currency),
        )
        for one in found
        if one.price_cents
    ][:MOST_BARS]
    heads = (text("clause"), text("document"), text("section"), numbers("price", unit, 3))
    return Figure(
        "clause-prices",
        "What each clause costs",
        says,
        Table("clause-prices", "Prices of clauses", matter.source("agreements."), heads, cells),
        lambda frame: diverging(frame, bars or [Bar(dearest.clause, 0.0, 0.0, money(0, currency))], unit),
        open=True,
    )


@dataclass(frozen=True, slots=True)
class Bar:
    """A bar to both sides of zero with its label; pale where the number is an estimate."""

    name: str
    low: float
    high: float
    label: str
    firm: bool = True


def diverging(frame: Frame, bars: Sequence[Bar], unit: str) -> Spec:
    """Bars to both sides of zero, each labelled at its right end."""
    room = named_room(frame, [bar.name for bar in bars], [bar.label for bar in bars])
    high = ceiling(max(0.0, *(bar.high for bar in bars))) if any(bar.high > 0 for bar in bars) else 0.0
    low = -ceiling(max(-bar.low for bar in bars)) if any(bar.low < 0 for bar in bars) else 0.0
    y = names_axis([bar.name for bar in bars], room)
    x = {**amount_axis(unit, high or 1.0, "x", low, 3 if frame.narrow else 5), "field": "from"}
    layers: list[Spec] = []
    for firm in (True, False):
        for side, colour in (("low", "green"), ("high", "vermilion")):
            mine = [
                {"name": bar.name, "from": 0.0, "to": bar.low if side == "low" else bar.high}
                for bar in bars
                if bar.firm == firm and (bar.low if side == "low" else bar.high)
            ]
            if mine:
                mark: Spec = {"type": "bar", "fill": LIGHT[colour], "fillOpacity": 1.0 if firm else 0.45}
                encoding: Spec = {"y": y, "x": x, "x2": {"field": "to"}}
                layers.append({"data": values(mine), "mark": mark, "encoding": encoding})
    labels = [{"name": bar.name, "to": max(bar.high, 0.0), "label": bar.label} for bar in bars]
    layers.append(texts(labels, {**x, "field": "to"}, y, align="left", dx=6, baseline="middle"))
    return plot(frame, 28 * len(bars), room, layers)


def unmet(matter: Matter) -> Section | None:
    """What is left unmet, when, and why."""
    rows = matter.plan.unmet
    if not rows:
        return None
    worth = sum(row.worth_cents for row in rows)
    lead = f"{listed(dict.fromkeys(row.workload for row in rows), 6)} are not met in full"
    lead += (
        f"; what is left was worth {money(worth, matter.plan.currency)}, undiscounted."
        if matter.priced
        else "."
    )
    blocks: list[Block] = []
    if any(row.period is not None for row in rows):
        blocks.append(_gap(matter))
    blocks.append(_causes(matter))
    return Section("unmet", "What is left unmet, and why", lead, tuple(blocks))


def _gap(matter: Matter) -> Figure:
    parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in matter.plan.unmet:
        if row.period is not None:
            parts[row.workload][row.period] += row.tokens_per_s
    order = ranked({name: sum(heights.values()) for name, heights in parts.items()})
    labels, columns_shown = matter.labels, matter.columns
    per, unit = rate_scale(sum(one.get(at, 0.0) for one in parts.values()) for at in labels)
    scaled = {
        name: {at: value / per for at, value in matter.mean(parts[name]).items()}
        for name in order[: len(SERIES)]
    }
    styles = {name: Style(SERIES[n]) for n, name in enumerate(scaled)}
    cells: Cells = tuple(
        (at, name, parts[name][at] / per) for at in labels for name in order if at in parts[name]
    )
    served = matter_share(matter)
    says = f"Over the horizon {share(served)} of all tokens needed are left; {order[0]} lacks most."

    def draw(frame: Frame) -> Spec:
        rows, tallest = stack(columns_shown, scaled)
        x, y = time_axis(columns_shown, frame), amount_axis(unit, ceiling(tallest))
        return plot(frame, 200, Room(), columns(rows, styles, x, y))

    heads = (text("period"), text("traffic"), numbers("left unmet", unit, 3))
    return Figure(
        "unmet",
        "Need that is left, by kind of traffic",
        says,
        Table("unmet", "Need left unmet by period", matter.source("workloads."), heads, cells),
        draw,
        tuple(style.legend(name) for name, style in styles.items()),
    )


def matter_share(matter: Matter) -> float:
    """The share of all needed tokens that is left unmet."""
    left = sum(
        row.tokens_per_s * matter.days(row.period) for row in matter.plan.unmet if row.period is not None
    )
    served = sum(row.tokens_per_s * matter.days(row.period) for row in matter.plan.served)
    return left / (left + served) if left + served > 0 else 0.0


def _causes(matter: Matter) -> Table:
    sums: dict[tuple[str, str], int] = defaultdict(int)
    when: dict[tuple[str, str], list[str]] = defaultdict(list)
    for row in matter.plan.unmet:
        key = (row.workload, row.why)
        sums[key] += row.worth_cents
        if row.period is not None and row.period not in when[key]:
            when[key].append(row.period)
    order = sorted(sums, key=lambda key: (-sums[key], key))
    rows: list[tuple[str, ...]] = []
    for key in order:
        periods = sorted(when[key], key=matter.labels.index)
        cells = (key[0], span(periods), key[1])
        rows.append((*cells, money(sums[key], matter.plan.currency)) if matter.priced else cells)
    heads = ["traffic", "when", "why", *(["was worth"] if matter.priced else [])]
    return Table(
        "causes",
        "Why need is left",
        matter.source("workloads.", "agreements."),
        tuple(text(name) for name in heads),
        tuple(rows),
        14,
    )
