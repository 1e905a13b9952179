"""What was asked for, who got what, and what it costs, window by window."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from offtake.adapters.report.amounts import money, money_scale
from offtake.adapters.report.document import (
    Block,
    Cells,
    Figure,
    Frame,
    Section,
    Spec,
    Table,
    numbers,
    text,
)
from offtake.adapters.report.drawing import (
    DENSE,
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    line,
    plot,
    stack,
)
from offtake.adapters.report.palette import SERIES
from offtake.adapters.simulation_page.words import (
    AT_MARKET,
    BY_RIGHT,
    SIDES,
    UNMET,
    day_of,
    each,
    money_of,
    part_of,
    sided,
    source_of,
)
from offtake.broker.simulating.answer import Simulated, WindowRow

MOST_COLUMNS: Final = 110  # Of a drawing over time; windows beyond are drawn together.
MOST_SUPPLIERS: Final = len(SERIES)
HELD: Final = {BY_RIGHT: Style("blue"), AT_MARKET: Style("amber"), UNMET: Style("vermilion", "outline")}


def _merged(windows: Sequence[WindowRow]) -> list[Sequence[WindowRow]]:
    """Windows in groups, so many that each column of a drawing can be seen."""
    each = max(-(-len(windows) // MOST_COLUMNS), 1)
    return [windows[n : n + each] for n in range(0, len(windows), each)]


def _mean(rows: Sequence[WindowRow], name: str) -> float:
    return float(sum((getattr(row, name) for row in rows), Decimal(0))) / len(rows)


def _day_axis(labels: Sequence[str], frame: Frame) -> Spec:
    """Days along the foot: the first column of each month is named, as many as there is room for."""
    first: dict[str, str] = {}
    for label in labels:
        first.setdefault(label[:7], label)
    named, most = list(first.values()), 5 if frame.narrow else 11
    every = -(-len(named) // most)
    axis: Spec = {"title": None, "labelAngle": 0, "grid": False, "values": named[::every]}
    axis |= {
        "labelExpr": "slice(datum.label, 0, 7)",
        "labelAlign": "left",
        "labelOffset": -4,
        "labelOverlap": True,
    }
    scale = {"domain": list(labels), "paddingInner": 0.08, "paddingOuter": 0.05}
    return {"field": "x", "type": "ordinal", "scale": scale, "axis": axis}


def _stacked(
    frame: Frame,
    labels: Sequence[str],
    parts: Mapping[str, Mapping[str, float]],
    styles: Mapping[str, Style],
    top: float,
) -> Spec:
    rows, _ = stack(labels, parts)
    x, y = _day_axis(labels, frame), amount_axis("accelerators", top)
    return plot(frame, 230, Room(), columns(rows, styles, x, y, dense=len(labels) > DENSE))


def _top(found: Sequence[Simulated]) -> float:
    """One scale for all sides, so that they can be compared by eye."""
    return ceiling(
        max((_mean(rows, "asked") for side in found for rows in _merged(side.windows)), default=1.0)
    )


def needs(found: Sequence[Simulated]) -> Section:
    top = _top(found)
    blocks: list[Block] = [_needs_of(found, place, top) for place in range(len(found))]
    lead = "Accelerators asked for in each window, and who holds them: whoever had a right, the market, or nobody."
    return Section("needs", "What was asked for, and what became of it", lead, tuple(blocks))


def _needs_of(found: Sequence[Simulated], place: int, top: float) -> Figure:
    side = found[place]
    groups = _merged(side.windows)
    labels = [rows[0].begins.isoformat() for rows in groups]
    names = {BY_RIGHT: "by_right", AT_MARKET: "at_market", UNMET: "unmet"}
    parts = {
        name: {label: _mean(rows, field) for label, rows in zip(labels, groups, strict=True)}
        for name, field in names.items()
    }
    cells: Cells = tuple(
        (day_of(row.begins), *(float(one) for one in (row.asked, row.by_right, row.at_market, row.unmet)))
        for row in side.windows
    )
    heads = (text("window from"), *(numbers(name) for name in ("asked for", BY_RIGHT, AT_MARKET, UNMET)))
    taken = part_of(side.right_hours, side.asked_hours)
    return Figure(
        f"needs-{place + 1}",
        f"Accelerators over time, {side.name}",
        f"Holders of rights take {taken} of the hours; what they leave overflows to the market."
        if side.rights
        else "Nobody had to be asked: all of it went to the market.",
        Table(
            f"needs-{place + 1}", f"Accelerators by window, {side.name}", source_of(found), heads, cells, 12
        ),
        lambda frame: _stacked(frame, labels, parts, HELD, top),
        tuple(style.legend(name) for name, style in HELD.items()),
    )


def suppliers(found: Sequence[Simulated]) -> Section | None:
    by_size: Counter[str] = Counter()
    for side in found:
        for row in side.suppliers:
            by_size[row.supplier] += int(row.hours)
    if not by_size:
        return None
    named = [name for name, _ in by_size.most_common(MOST_SUPPLIERS)]
    styles = {name: Style(SERIES[n]) for n, name in enumerate(named)}
    if len(by_size) > len(named):
        styles["others"] = Style("grey")
    top = _top(found)
    blocks: list[Block] = [_supplied(found, place, styles, top) for place in range(len(found))]
    blocks.append(_supply_table(found))
    lead = (
        f"{len(by_size)} suppliers lease out capacity."
        if len(by_size) > 1
        else f"{named[0]} supplies all of it."
    )
    return Section("suppliers", "Who got what", lead, tuple(blocks))


def _supplied(found: Sequence[Simulated], place: int, styles: Mapping[str, Style], top: float) -> Figure:
    side = found[place]
    groups = _merged(side.windows)
    labels = [rows[0].begins.isoformat() for rows in groups]
    parts: dict[str, dict[str, float]] = {name: {} for name in styles}
    for label, rows in zip(labels, groups, strict=True):
        for row in rows:
            for supplier, amount in row.by_supplier:
                band = parts[supplier if supplier in styles else "others"]
                band[label] = band.get(label, 0.0) + float(amount) / len(rows)
    suppliers = sorted({supplier for row in side.windows for supplier, _ in row.by_supplier})
    cells: Cells = tuple(
        (day_of(row.begins), *(float(dict(row.by_supplier).get(one, 0)) for one in suppliers))
        for row in side.windows
    )
    heads = (text("window from"), *(numbers(one) for one in suppliers))
    largest = max(side.suppliers, key=lambda row: row.hours, default=None)
    return Figure(
        f"suppliers-{place + 1}",
        f"Accelerators leased, by supplier, {side.name}",
        "Nothing was leased." if largest is None else f"Most hours are leased from {largest.supply}.",
        Table(
            f"suppliers-{place + 1}", f"Leased by supplier, {side.name}", source_of(found), heads, cells, 12
        ),
        lambda frame: _stacked(frame, labels, parts, styles, top),
        tuple(style.legend(name) for name, style in styles.items()),
    )


def _supply_table(found: Sequence[Simulated]) -> Table:
    heads = (
        text("under"),
        text("supplier"),
        text("supply"),
        numbers("leases"),
        numbers("of them by right"),
        numbers("accelerator-hours"),
        text("cost"),
    )
    cells: Cells = tuple(
        (
            side.name,
            row.supplier,
            row.supply,
            float(row.leases),
            float(row.by_right),
            float(row.hours),
            money_of(row.cost_micros, side.currency),
        )
        for side in found
        for row in side.suppliers
    )
    return sided(found, Table("supplies", "Leases by supply", source_of(found), heads, cells, 16))


def costs(found: Sequence[Simulated]) -> Section | None:
    sums: list[list[float]] = []
    labels = [rows[0].begins.isoformat() for rows in _merged(found[0].windows)]
    for side in found:
        total, line_of = 0, list[float]()
        for rows in _merged(side.windows):
            total += sum(row.cost_micros for row in rows)
            line_of.append(total / 10_000)
        sums.append(line_of)
    per, unit = money_scale((one for line_of in sums for one in line_of), found[0].currency)
    if len({len(line_of) for line_of in sums}) != 1 or not labels:
        return None
    top = ceiling(max((one / per for line_of in sums for one in line_of), default=1.0))
    heads = (text("by the end of the window from"), *(numbers(side.name, unit, 3) for side in found))
    cells: Cells = tuple((label, *(line_of[n] / per for line_of in sums)) for n, label in enumerate(labels))

    def draw(frame: Frame) -> Spec:
        x, y = _day_axis(labels, frame), amount_axis(unit, top)
        layers = [
            line(
                [{"x": at, "to": one / per} for at, one in zip(labels, line_of, strict=True)], x, y, SIDES[n]
            )
            for n, line_of in enumerate(sums)
        ]
        return plot(frame, 200, Room(), layers)

    figure = Figure(
        "cost",
        "What leases come to, added up",
        "The charges of leases as their days pass; what is billed for commitments comes on top.",
        Table("cost", "Charges added up", source_of(found), heads, cells, 12),
        draw,
        tuple((side.name, SIDES[n], "line") for n, side in enumerate(found)),
    )
    return Section("cost", "Cost", f"Leases come to {each(found, _per_hour)}.", (figure,))


def _per_hour(side: Simulated) -> str:
    hours = side.right_hours + side.market_hours
    if not hours:
        return "nothing"
    return f"{money(side.lease_micros / 10_000 / float(hours), side.currency)} an accelerator-hour"
