"""Commitments: how each burns down over its window, how much of it is used, and what falls short."""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass
from typing import Final

from offtake.adapters.report.amounts import digits, listed, measured, money, money_scale
from offtake.adapters.report.document import Block, Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import (
    Room,
    amount_axis,
    ceiling,
    named_room,
    names_axis,
    panel,
    panels_grid,
    plot,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter, column_of
from offtake.adapters.report.palette import LIGHT
from offtake.domain.handoffs import MeterRow

MOST_ROWS: Final = 24
MOST_PANELS: Final = 12
EXACT: Final = 1e-6  # Of a commitment: what is left below this is nothing.


def commitments(matter: Matter) -> Section | None:
    """Used and missing by window, and money burning down."""
    rows = [row for row in matter.plan.meters if row.lower and (matter.priced or row.measure != "money")]
    if not rows:
        return None
    short = [row for row in rows if row.shortfall > 1e-6 * (row.lower or 1.0)]
    owed = sum(row.owed_cents for row in rows)
    lead = f"{len(rows)} windows of {len({row.clause for row in rows})} commitments. "
    if short:
        lead += f"{listed(dict.fromkeys(row.clause for row in short))} fall short"
        lead += (
            f", which is billed with {money(owed, matter.plan.currency)}." if owed and matter.priced else "."
        )
    else:
        lead += "All of them are used in full, so nothing is paid for nothing."
    blocks: list[Block] = []
    burning = burn_down(matter)
    if burning is not None:
        blocks.append(burning)
    blocks.append(_used(matter, rows))
    return Section("commitments", "Commitments", lead, tuple(blocks))


def _used(matter: Matter, rows: list[MeterRow]) -> Figure:
    currency = matter.plan.currency
    bars = [
        (
            f"{row.clause} {row.window}",
            100 * row.counted / (row.lower or 1.0),
            measured(row.lower or 0.0, row.measure, currency),
        )
        for row in rows[:MOST_ROWS]
    ]
    cells: Cells = tuple(
        (
            row.clause,
            row.window,
            measured(row.lower or 0.0, row.measure, currency),
            measured(row.counted, row.measure, currency),
            measured(row.shortfall, row.measure, currency) if row.shortfall else "none",
            money(row.owed_cents, currency) if row.owed_cents and matter.priced else "",
        )
        for row in rows
    )
    least = min(bars, key=lambda one: one[1])
    says = "The line is the commitment, the bar what is used of it."
    if least[1] < 99.95:
        says += f" The least used is {least[0]} at {least[1]:,.0f} %."
    heads = ("commitment", "window", "committed", "used", "short", "billed for it")
    return Figure(
        "commitments",
        "How much of each commitment is used",
        says,
        Table(
            "commitments",
            "Commitments by window",
            matter.source("agreements.", "products."),
            tuple(text(name) for name in heads),
            cells,
        ),
        lambda frame: _draw_used(frame, bars),
        (("used", "blue", "fill"), ("committed (100 %)", "vermilion", "line")),
    )


def _draw_used(frame: Frame, bars: list[tuple[str, float, str]]) -> Spec:
    amounts = [] if frame.narrow else [amount for _, _, amount in bars]
    room = named_room(frame, [name for name, _, _ in bars], amounts)
    top = ceiling(max(105.0, *(used for _, used, _ in bars)))
    names = [name for name, _, _ in bars]
    y = names_axis(names, room)
    x = {**amount_axis("% of the commitment", top, "x", ticks=3 if frame.narrow else 5), "field": "zero"}
    data = [{"name": name, "zero": 0.0, "to": used, "label": amount} for name, used, amount in bars]
    edge = [{"name": name, "to": 100.0} for name in names]
    layers: list[Spec] = [
        {
            "data": values(data),
            "mark": {"type": "bar", "fill": LIGHT["blue"]},
            "encoding": {"y": y, "x": x, "x2": {"field": "to"}},
        },
        {
            "data": values(edge),
            "mark": {"type": "tick", "color": LIGHT["vermilion"], "thickness": 3, "height": {"band": 1.25}},
            "encoding": {"y": y, "x": {**x, "field": "to"}},
        },
    ]
    if amounts:
        at_end = [{**row, "to": top} for row in data]
        layers.append(texts(at_end, {**x, "field": "to"}, y, align="left", dx=8, baseline="middle"))
    return plot(frame, 28 * len(bars), room, layers)


@dataclass(frozen=True, slots=True)
class Burn:
    """A commitment over its window: what was committed, and what is left of it at the end of each period."""

    clause: str
    window: str
    measure: str
    committed: float
    left: tuple[tuple[str, float], ...]

    @property
    def name(self) -> str:
        """The commitment and its window."""
        return self.clause if self.window == "term" else f"{self.clause} {self.window}"


def burns(matter: Matter) -> list[Burn]:
    """Every commitment that is used up over more than one period, as the plan counts it."""
    use: dict[tuple[str, str], list[tuple[str, float]]] = defaultdict(list)
    for one in matter.plan.meter_use:
        use[one.meter, one.window].append((one.period, one.so_far))
    found: list[Burn] = []
    for row in matter.plan.meters:
        counted = use.get((row.meter, row.window), [])
        if row.lower and len(counted) > 1 and (matter.priced or row.measure != "money"):
            left = tuple((at, max(row.lower - so_far, 0.0)) for at, so_far in counted)
            found.append(Burn(row.clause, row.window, row.measure, row.lower, left))
    return found


def burn_down(matter: Matter) -> Figure | None:
    """What is left of each commitment, period by period; windows of one clause one after another."""
    found = burns(matter)
    if not found:
        return None
    clauses: dict[tuple[str, str], list[Burn]] = defaultdict(list)
    for burn in found:
        clauses[burn.clause, burn.measure].append(burn)
    currency = matter.plan.currency
    panels = [_panel(clause, mine, currency) for (clause, _), mine in clauses.items()]
    cells: Cells = tuple(
        (burn.name, at, measured(burn.committed, burn.measure, currency), left / one.per, one.unit)
        for one in panels
        for burn in one.burns
        for at, left in burn.left
    )
    heads = (text("commitment"), text("end of"), text("committed"), numbers("left", "", 3), text("in"))
    return Figure(
        "burn-down",
        "Commitments burning down",
        _told(matter, found),
        Table(
            "burn-down",
            "What is left of each commitment at the end of each period",
            matter.source("agreements.", "products."),
            heads,
            cells,
        ),
        lambda frame: _draw_burn(frame, panels[:MOST_PANELS], matter.columns),
        (("left at the end of the period", "blue", "fill"), ("used in the period", "amber", "outline")),
    )


def _told(matter: Matter, found: list[Burn]) -> str:
    """When the largest commitment of money (else the first) is used up."""
    largest = max(found, key=lambda burn: (burn.measure == "money", burn.committed))
    amount = measured(largest.committed, largest.measure, matter.plan.currency)
    done = next((at for at, left in largest.left if left <= EXACT * largest.committed), None)
    if done is not None:
        return f"{largest.name}, the largest with {amount}, is used up in {done}."
    left = measured(largest.left[-1][1], largest.measure, matter.plan.currency)
    return f"{largest.name}, the largest with {amount}, has {left} left at its end."


@dataclass(frozen=True, slots=True)
class Panel:
    """The windows of one commitment, and the unit that they are drawn in."""

    name: str
    unit: str
    per: float
    burns: tuple[Burn, ...]


def _panel(clause: str, mine: list[Burn], currency: str) -> Panel:
    largest = max(burn.committed for burn in mine)
    if mine[0].measure == "money":
        cents, unit = money_scale([largest * 100], currency)
        return Panel(clause, unit, cents / 100, tuple(mine))
    for size, word in ((1e12, "trillion"), (1e9, "billion"), (1e6, "million"), (1e3, "thousand")):
        if largest >= size:
            return Panel(clause, f"{word} {mine[0].measure}", size, tuple(mine))
    return Panel(clause, mine[0].measure, 1.0, tuple(mine))


def _draw_burn(frame: Frame, panels: list[Panel], labels: list[str]) -> Spec:
    if len(panels) == 1:
        (only,) = panels
        x, y = time_axis(labels, frame), amount_axis(f"left, {only.unit}", _top(only))
        layers, bars = _burn_layers(only, x, y)
        if len(labels) <= 12:
            layers.append(
                texts(bars, x, {**y, "field": "from"}, dy=-6, baseline="alphabetic", fontWeight="bold")
            )
        return plot(frame, 220 if frame.narrow else 240, Room(top=30), layers)
    across = 1 if frame.narrow else 3
    width = (frame.width - across * 50) // across
    cells: list[Spec] = []
    for one in panels:
        x, y = time_axis(labels, frame, across), amount_axis("", _top(one))
        layers, _ = _burn_layers(one, x, y)
        cells.append(panel([one.name, one.unit], width, 100, layers, frame))
    return panels_grid(cells, across, 50, lines=2)


def _top(drawn: Panel) -> float:
    return ceiling(max(burn.committed for burn in drawn.burns) / drawn.per)


def _burn_layers(drawn: Panel, x: Spec, y: Spec) -> tuple[list[Spec], list[dict[str, object]]]:
    bars: list[dict[str, object]] = []
    for burn in drawn.burns:
        before = burn.committed
        for at, left in {column_of(at): left for at, left in burn.left}.items():
            here = {"from": left / drawn.per, "to": before / drawn.per, "zero": 0.0}
            bars.append({"x": at, **here, "label": digits(left / drawn.per)})
            before = left
    used: Spec = {
        "data": values(bars),
        "mark": {
            "type": "bar",
            "fill": LIGHT["amber"],
            "fillOpacity": 0.3,
            "stroke": LIGHT["amber"],
            "strokeDash": [3, 2],
        },
        "encoding": {"x": x, "y": {**y, "field": "from"}, "y2": {"field": "to"}},
    }
    remains: Spec = {
        "data": values(bars),
        "mark": {"type": "bar", "fill": LIGHT["blue"]},
        "encoding": {"x": x, "y": {**y, "field": "zero"}, "y2": {"field": "from"}},
    }
    return [used, remains], bars
