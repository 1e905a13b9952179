"""Commitments: how much of each is used, what falls short, and how those of money burn down."""

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
    line,
    names_axis,
    plot,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import LIGHT
from offtake.domain.clauses import Commitment
from offtake.domain.handoffs import MeterRow

MOST_ROWS: Final = 24
MOST_PANELS: Final = 6
EXACT: Final = 1e-4  # Of a commitment: closer than this, the payments are those that the commitment counts.
BURNS: Final = ("lease", "tokens", "rent", "settlement", "energy", "operation", "capital")


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
    says = f"The line is the commitment, the bar what is used of it. The least used is {least[0]} at {least[1]:,.0f} %."
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
    room = Room(left=140 if frame.narrow else 230, right=74 if frame.narrow else 120, top=4, bottom=34)
    top = ceiling(max(105.0, *(used for _, used, _ in bars)))
    names = [name for name, _, _ in bars]
    y = names_axis(names, room)
    x = {**amount_axis("% of the commitment", top, "x"), "field": "zero"}
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
        texts(
            [{**row, "to": top} for row in data],
            {**x, "field": "to"},
            y,
            align="left",
            dx=8,
            baseline="middle",
        ),
    ]
    return plot(frame, 28 * len(bars), room, layers)


@dataclass(frozen=True, slots=True)
class Burn:
    """What is left of a commitment in a window at the end of each of its periods (cents)."""

    name: str
    committed: float
    left: tuple[tuple[str, float], ...]


def burns(matter: Matter) -> list[Burn]:
    """The commitments of money whose covered payments the plan's accounts tell, to one part in ten thousand."""
    clauses = _commitment_clauses(matter)
    found: list[Burn] = []
    for row in matter.plan.meters:
        clause = clauses.get(row.clause)
        if clause is None or not row.lower or row.measure != "money" or row.shortfall > EXACT * row.lower:
            continue
        periods = [p for p in matter.plan.periods if row.window in ("term", str(p.begins.year))]
        for kinds in (BURNS[:2], BURNS[:3], BURNS):
            paid: dict[str, float] = defaultdict(float)
            for one in matter.plan.spend:
                if one.payer == clause.payer and one.payee == clause.payee and one.kind in kinds:
                    paid[one.period] += one.amount_cents
            total = sum(paid[p.label] for p in periods)
            if periods and abs(total / 100 - row.counted) <= EXACT * row.lower:
                left, points = row.lower * 100, list[tuple[str, float]]()
                for period in periods:
                    left -= paid[period.label]
                    points.append((period.label, max(left, 0.0)))
                found.append(Burn(f"{row.clause} {row.window}", row.lower * 100, tuple(points)))
                break
    return found


def _commitment_clauses(matter: Matter) -> dict[str, Commitment]:
    found: dict[str, Commitment] = {}
    for id, agreement in matter.estate.agreements.items():
        for version in (agreement.clauses, *(one.clauses for one in agreement.amendments)):
            for name, clause in version.items():
                if isinstance(clause, Commitment):
                    found[f"{id}.{name}"] = clause
    return found


def burn_down(matter: Matter) -> Figure | None:
    """What is left of each commitment of money, period by period; windows of one clause one after another."""
    found = burns(matter)
    if not matter.priced or not found:
        return None
    clauses: dict[str, list[Burn]] = {}
    for burn in found:
        clauses.setdefault(burn.name.rsplit(" ", 1)[0], []).append(burn)
    kept = dict(list(clauses.items())[:MOST_PANELS])
    per, unit = money_scale((burn.committed for burn in found), matter.plan.currency)
    cells: Cells = tuple((burn.name, at, left / per) for burn in found for at, left in burn.left)
    last = found[0]
    done = next((at for at, left in last.left if left <= EXACT * last.committed), None)
    says = f"Steps go down as payments count; {last.name} of {money(last.committed, matter.plan.currency)} "
    says += (
        f"is used up in {done}."
        if done
        else f"has {money(last.left[-1][1], matter.plan.currency)} left at its end."
    )
    return Figure(
        "burn-down",
        "Commitments of money burning down",
        says,
        Table(
            "burn-down",
            "What is left of commitments of money",
            matter.source("agreements.", "products."),
            (text("commitment"), text("at the end of"), numbers("left", unit, 3)),
            cells,
        ),
        lambda frame: _draw_burn(frame, kept, matter.labels, per, unit),
    )


def _draw_burn(
    frame: Frame, clauses: dict[str, list[Burn]], labels: list[str], per: float, unit: str
) -> Spec:
    room = Room(top=30)
    top = ceiling(max(burn.committed for found in clauses.values() for burn in found) / per)
    x, y = time_axis(labels, frame), amount_axis(f"left, {unit}", top)
    bars: list[dict[str, object]] = []
    for found in clauses.values():
        for burn in found:
            before = burn.committed
            for at, left in burn.left:
                bars.append(
                    {
                        "x": at,
                        "from": left / per,
                        "to": before / per,
                        "zero": 0.0,
                        "label": digits(left / per),
                    }
                )
                before = left
    left_bars: Spec = {
        "data": values(bars),
        "mark": {"type": "bar", "fill": LIGHT["blue"]},
        "encoding": {"x": x, "y": {**y, "field": "zero"}, "y2": {"field": "from"}},
    }
    used_bars: Spec = {
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
    layers = [used_bars, left_bars]
    if len(labels) <= 12 and len(clauses) == 1:
        layers.append(texts(bars, x, {**y, "field": "from"}, dy=-6, baseline="alphabetic", fontWeight="bold"))
    if len(clauses) == 1:
        return plot(frame, 220 if frame.narrow else 240, room, layers)
    return _lines(frame, clauses, labels, per, unit)


def _lines(frame: Frame, clauses: dict[str, list[Burn]], labels: list[str], per: float, unit: str) -> Spec:
    """Several commitments: a line each, in panels of their own."""
    across = 1 if frame.narrow else 2
    width = (frame.width - across * 74) // across
    cells: list[Spec] = []
    for name, found in clauses.items():
        top = ceiling(max(burn.committed for burn in found) / per)
        x, y = time_axis(labels, frame, across), amount_axis("", top)
        points = [{"x": at, "to": left / per} for burn in found for at, left in burn.left]
        title: Spec = {
            "text": f"{name} ({unit})",
            "anchor": "start",
            "frame": "group",
            "fontSize": 12,
            "color": LIGHT["ink"],
            "limit": width + 40,
        }
        bars: Spec = {
            "data": values(points),
            "mark": {"type": "bar", "fill": LIGHT["blue"]},
            "encoding": {"x": x, "y": y},
        }
        cells.append(
            {"title": title, "width": width, "height": 110, "layer": [bars, line(points[:1], x, y, "blue")]}
        )
    return {
        "columns": across,
        "concat": cells,
        "spacing": {"row": 24, "column": 16},
        "padding": 4,
        "autosize": {"type": "pad"},
    }
