"""Rights, waits, commitments and refusals; every need; and what was assumed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Final

from offtake.adapters.report.document import (
    Bullets,
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
    Room,
    amount_axis,
    ceiling,
    named_room,
    names_axis,
    plot,
    values,
)
from offtake.adapters.report.palette import LIGHT
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
from offtake.broker.simulating.answer import Simulated

MOST_BARS: Final = 24


def rights(found: Sequence[Simulated]) -> Section | None:
    rows = [(side, row) for side in found for row in side.rights]
    if not rows:
        return None
    heads = (
        text("right"),
        text("holder"),
        text("under"),
        *(
            numbers(name)
            for name in ("asked", "took all", "took a part", "declined", "lapsed", "above its price")
        ),
        numbers("hours offered"),
        numbers("hours taken"),
    )
    cells: Cells = tuple(
        (
            row.clause,
            row.holder,
            side.name,
            *(
                float(n)
                for n in (row.notices, row.accepted, row.in_part, row.declined, row.lapsed, row.for_nothing)
            ),
            float(row.offered_hours),
            float(row.taken_hours),
        )
        for side, row in rows
    )
    used = sum((row.taken_hours for _, row in rows), Decimal(0))
    offered = sum((row.offered_hours for _, row in rows), Decimal(0))
    sent = sum(row.notices for _, row in rows)
    lead = f"{sent:,} notices were sent; {part_of(used, offered)} of the hours offered were taken."
    table = sided(found, Table("rights", "What holders answered", source_of(found), heads, cells))
    return Section("rights", "How often rights were used", lead, (table,))


def waits(found: Sequence[Simulated]) -> Section | None:
    if not any(side.waits for side in found):
        return None
    most = max(side.waits[-1] for side in found if side.waits)
    width = max(1, -(-(most + 1) // 40))
    labels = [str(n) for n in range(0, most + 1, width)]
    shares = [Counter(wait // width for wait in side.waits) for side in found]
    data = [
        {labels[n]: 100 * found_in[n] / max(len(side.waits), 1) for n in range(len(labels))}
        for side, found_in in zip(found, shares, strict=True)
    ]
    heads = (numbers("business days from"), *(numbers(f"needs, {side.name}") for side in found))
    cells: Cells = tuple(
        (float(label), *(float(found_in[n]) for found_in in shares)) for n, label in enumerate(labels)
    )
    figure = Figure(
        "waits",
        "How long deals waited",
        "Business days from filing a need to its award, by the share of awarded needs.",
        Table("waits", "Needs by business days to their award", source_of(found), heads, cells, 16),
        lambda frame: _draw_waits(frame, labels, data),
        tuple((side.name, SIDES[n], "fill") for n, side in enumerate(found)),
    )
    lead = f"Awarded after the need's first day, or not at all: {each(found, _late)}."
    return Section("waits", "Waiting", lead, (figure,))


def _late(side: Simulated) -> str:
    return f"{sum(one.late for one in side.needs):,}"


def _draw_waits(frame: Frame, labels: Sequence[str], data: Sequence[Mapping[str, float]]) -> Spec:
    top = ceiling(max((max(one.values(), default=0.0) for one in data), default=1.0))
    every = max(1, -(-len(labels) // (8 if frame.narrow else 20)))
    axis = {
        "title": "business days",
        "titleAnchor": "end",
        "labelAngle": 0,
        "grid": False,
        "values": labels[::every],
    }
    x: Spec = {
        "field": "x",
        "type": "ordinal",
        "scale": {"domain": list(labels), "paddingInner": 0.2},
        "axis": axis,
    }
    rows = [
        {"x": label, "to": one[label], "side": str(n), "colour": LIGHT[SIDES[n]]}
        for n, one in enumerate(data)
        for label in labels
    ]
    bars: Spec = {
        "data": values(rows),
        "mark": {"type": "bar"},
        "encoding": {
            "x": x,
            "xOffset": {"field": "side", "type": "nominal"},
            "y": amount_axis("% of needs awarded", top),
            "fill": {"field": "colour", "type": "nominal", "scale": None},
        },
    }
    return plot(frame, 180, Room(bottom=46), [bars])


def commitments(found: Sequence[Simulated]) -> Section | None:
    rows = [(side, row) for side in found for row in side.commitments]
    if not rows:
        return None
    heads = (
        text("commitment"),
        text("under"),
        text("window from"),
        text("until"),
        numbers("committed", "", 1),
        numbers("taken", "", 1),
        numbers("short", "", 1),
        text("billed"),
        text("stands"),
    )
    cells: Cells = tuple(
        (
            f"{row.clause} ({row.measure})",
            side.name,
            day_of(row.begins),
            day_of(row.ends),
            float(row.lower),
            float(row.taken),
            float(row.short),
            money_of(row.billed_micros, row.currency) if row.currency and row.billed_micros else "",
            "ended" if row.ended else "goes on",
        )
        for side, row in rows
    )
    several = len({side.name for side, _ in rows}) > 1
    bars = [
        (
            f"{row.clause} {row.begins:%Y-%m}" + (f", {side.name}" if several else ""),
            100 * float(row.taken / row.lower) if row.lower else 100.0,
        )
        for side, row in rows
        if row.ended
    ][:MOST_BARS]
    table = sided(found, Table("commitments", "Commitments by window", source_of(found), heads, cells, 16))
    lead = f"Billed for what fell short: {each(found, _billed)}."
    if not bars:
        return Section("commitments", "Commitments", lead, (table,))
    figure = Figure(
        "commitments-used",
        "How much of each commitment was taken",
        "Windows that have ended; the line is the commitment, the bar what was taken of it.",
        Table(
            "commitments-used",
            "Commitments taken",
            source_of(found),
            (text("window"), numbers("taken", "%", 1)),
            tuple(bars),
        ),
        lambda frame: _draw_used(frame, bars),
        (("taken", "blue", "fill"), ("committed (100 %)", "vermilion", "line")),
    )
    return Section("commitments", "Commitments", lead, (figure, table))


def _billed(side: Simulated) -> str:
    return money_of(side.billed_micros, side.currency)


def _draw_used(frame: Frame, bars: Sequence[tuple[str, float]]) -> Spec:
    names = [name for name, _ in bars]
    room = named_room(frame, names, [])
    top = ceiling(max(105.0, *(used for _, used in bars)))
    y = names_axis(names, room)
    x = {**amount_axis("% of the commitment", top, "x", ticks=3 if frame.narrow else 5), "field": "zero"}
    data = [{"name": name, "zero": 0.0, "to": used} for name, used in bars]
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
    return plot(frame, 24 * len(bars), room, layers)


def refusals(found: Sequence[Simulated]) -> Section | None:
    rows = [(side, row) for side in found for row in side.refusals]
    if not rows:
        return None
    heads = (text("clause"), text("under"), text("command"), numbers("times"), text("for example"))
    cells: Cells = tuple(
        (row.clause or "none", side.name, row.command, float(row.count), row.example) for side, row in rows
    )
    table = sided(found, Table("refusals", "Refusals by clause", source_of(found), heads, cells))
    total = sum(row.count for _, row in rows)
    return Section("refusals", "What was refused", f"{total:,} commands were refused.", (table,))


def every_need(found: Sequence[Simulated]) -> Section:
    heads = (
        text("need"),
        text("under"),
        text("filed"),
        text("from"),
        text("until"),
        *(numbers(name) for name in ("jobs", "accelerators", BY_RIGHT, AT_MARKET, UNMET)),
        text("awarded"),
        numbers("business days"),
        text("cost"),
    )
    cells: Cells = tuple(
        (
            one.id,
            side.name,
            day_of(one.filed),
            day_of(one.begins),
            day_of(one.ends),
            *(float(n) for n in (one.jobs, one.quantity, one.by_right, one.at_market, one.unmet)),
            day_of(one.awarded, "never"),
            None if one.waited is None else float(one.waited),
            money_of(one.cost_micros, side.currency),
        )
        for side in found
        for one in side.needs
    )
    table = sided(found, Table("every-need", "Every need", source_of(found), heads, cells, 10))
    lead = "Jobs with the same first and last window are one need: the most that they ran on at once, rounded up."
    return Section("every-need", "Need by need", lead, (table,))


def assumed(found: Sequence[Simulated]) -> Section:
    said = dict.fromkeys(said for side in found for said in side.assumptions)
    left_out = [f"left out: {n:,} jobs {why}" for why, n in found[0].trace.left_out]
    items = (*said, *left_out)
    lead = "A rehearsal says what these answers lead to; it does not say what anybody will answer."
    return Section("assumed", "What was assumed", lead, (Bullets(items),))
