"""Ways to draw: specs of Vega-Lite with every size stated, so that labels stand where they were reckoned to stand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from offtake.adapters.report.document import Frame, Spec
from offtake.adapters.report.palette import LIGHT

LINE: Final = 16  # Pixels from one label to the next.
TICKS: Final = ",.3~f"
DENSE: Final = 16  # Columns beyond which a small panel leaves out their outlines.


@dataclass(frozen=True, slots=True)
class Room:
    """Pixels around a drawing."""

    left: int = 62
    right: int = 14
    top: int = 26
    bottom: int = 30


@dataclass(frozen=True, slots=True)
class Style:
    """How a series looks: a colour of the palette, and filled or outlined."""

    colour: str
    mark: Literal["fill", "outline"] = "fill"

    def legend(self, label: str) -> tuple[str, str, str]:
        """The series' row of a legend."""
        return label, self.colour, self.mark


def plot(frame: Frame, height: int, room: Room, layers: Sequence[Spec], **more: object) -> Spec:
    """A drawing of stated size: `height` is that of the plot, the frame's width is that of the whole."""
    return {
        "width": frame.width - room.left - room.right,
        "height": height,
        "autosize": "none",
        "padding": {"left": room.left, "right": room.right, "top": room.top, "bottom": room.bottom},
        "layer": list(layers),
        **more,
    }


def values(rows: Iterable[Mapping[str, object]]) -> Spec:
    """Rows inside a spec."""
    return {"values": [dict(row) for row in rows]}


def ceiling(value: float) -> float:
    """The round number at or above a value where an axis ends."""
    if value <= 0:
        return 1.0
    size = 10.0 ** (len(str(int(value))) - 1) if value >= 1 else 10.0 ** -_zeros(value)
    for step in (1.0, 1.2, 1.5, 2.0, 2.5, 3.0, 4.0, 5.0, 6.0, 8.0, 10.0):
        if value <= step * size * (1 + 1e-9):
            return step * size
    return 10.0 * size


def _zeros(value: float) -> int:
    zeros = 1
    while value < 10.0**-zeros:
        zeros += 1
    return zeros


def amount_axis(
    title: str, top: float, side: Literal["x", "y"] = "y", bottom: float = 0.0, ticks: int = 5
) -> Spec:
    """An axis of amounts from `bottom` to `top`, titled above its upper end."""
    axis: Spec = {"title": title, "format": TICKS, "tickCount": ticks, "domain": False}
    if side == "y":
        axis |= {"titleAngle": 0, "titleAlign": "left", "titleAnchor": "start", "titleX": -56, "titleY": -14}
        axis |= {"titleBaseline": "alphabetic"}
    else:
        axis |= {"titleAnchor": "end"}
    return {
        "field": "to",
        "type": "quantitative",
        "scale": {"domain": [bottom, top], "nice": False},
        "axis": axis,
    }


def time_axis(labels: Sequence[str], frame: Frame, columns: int = 1) -> Spec:
    """Periods along the foot of a drawing: each named where there is room, else the first of each year."""
    most = max(2, (5 if frame.narrow else 12) // columns)
    axis: Spec = {"title": None, "labelAngle": 0, "grid": False}
    if len(labels) > most:
        first: dict[str, str] = {}
        for label in labels:
            first.setdefault(label[:4], label)
        axis |= {"values": list(first.values()), "labelExpr": "slice(datum.label, 0, 4)"}
        if columns > 1:
            axis["values"] = list(first.values())[::2] if len(first) > 3 else list(first.values())
        axis |= {"labelAlign": "left", "labelOffset": -6} if len(labels) > 14 else {}
    return {
        "field": "x",
        "type": "ordinal",
        "scale": {"domain": list(labels), "paddingInner": 0.18, "paddingOuter": 0.1},
        "axis": axis,
    }


def stack(
    labels: Sequence[str], parts: Mapping[str, Mapping[str, float]]
) -> tuple[list[dict[str, object]], float]:
    """Rows (x, series, from, to) of a stack, in the series' order, and the tallest column."""
    rows: list[dict[str, object]] = []
    tallest = 0.0
    for label in labels:
        height = 0.0
        for name, heights in parts.items():
            value = heights.get(label, 0.0)
            if value > 0:
                rows.append({"x": label, "series": name, "from": height, "to": height + value})
                height += value
        tallest = max(tallest, height)
    return rows, tallest


def panel(title: Sequence[str], width: int, height: int, layers: Sequence[Spec], frame: Frame) -> Spec:
    """A small drawing of several, its title's lines above it."""
    head: Spec = {
        "data": values([{"label": list(title)}]),
        "mark": {
            "type": "text",
            "align": "left",
            "baseline": "bottom",
            "fontWeight": "bold",
            "fontSize": 11.5 if frame.narrow else 12.5,
            "lineHeight": LINE,
            "limit": (width + 26) * 0.86,  # A reader's font may be wider than the one it was measured with.
        },
        "encoding": {
            "x": {"value": 0},
            "y": {"value": 4 - LINE * len(title)},
            "text": {"field": "label"},
        },
    }
    return {"width": width, "height": height, "layer": [*layers, head]}


def panels_grid(cells: Sequence[Spec], across: int, gap: int, lines: int) -> Spec:
    """Panels in rows of `across`, `gap` pixels between their plots, their titles `lines` lines high."""
    return {
        "columns": across,
        "concat": list(cells),
        "spacing": {"row": 46 + LINE * lines, "column": gap},
        "bounds": "flush",
        "padding": 4,
        "autosize": {"type": "pad"},
    }


def columns(
    rows: Sequence[Mapping[str, object]],
    styles: Mapping[str, Style],
    x: Spec,
    y: Spec,
    *,
    dense: bool = False,
) -> list[Spec]:
    """Columns of a stack: filled series, and outlined ones; `dense` columns have no room for outlines."""
    layers: list[Spec] = []
    literal: Spec = {"field": "colour", "type": "nominal", "scale": None}
    for mark in ("fill", "outline"):
        mine = [
            {**row, "colour": LIGHT[styles[str(row["series"])].colour]}
            for row in rows
            if styles[str(row["series"])].mark == mark
        ]
        if not mine:
            continue
        encoding: Spec = {"x": x, "y": {**y, "field": "from"}, "y2": {"field": "to"}, "fill": literal}
        shape: Spec = {"type": "bar", "stroke": LIGHT["paper"], "strokeWidth": 0.25 if dense else 0.75}
        if mark == "outline" and dense:
            shape |= {"fillOpacity": 0.5}
        elif mark == "outline":
            encoding["stroke"] = literal
            shape = {"type": "bar", "fillOpacity": 0.2, "strokeWidth": 1.3, "strokeDash": [3, 2]}
        layers.append({"data": values(mine), "mark": shape, "encoding": encoding})
    return layers


def end_labels(
    rows: Sequence[Mapping[str, object]], last: str, y: Spec, top: float, height: int, width: int
) -> Spec:
    """Names of the series beside the last column, moved apart where they would overlap."""
    wanted: list[tuple[float, str]] = []
    for row in rows:
        low, high = row["from"], row["to"]
        if (
            row["x"] == last
            and isinstance(low, float)
            and isinstance(high, float)
            and high - low > 0.015 * top
        ):
            wanted.append((height * (1 - (low + high) / 2 / top), str(row["series"])))
    placed = apart([at for at, _ in wanted], LINE, 4, height - 4)
    data = [
        {"to": top * (1 - at / height), "label": name} for at, (_, name) in zip(placed, wanted, strict=True)
    ]
    return texts(data, {"value": width + 8}, y, align="left", baseline="middle")


def apart(wished: Sequence[float], gap: float, low: float, high: float) -> list[float]:
    """Positions as near as may be to those wished for and at least a gap apart, between low and high."""
    order = sorted(range(len(wished)), key=lambda n: wished[n])
    placed = [0.0] * len(wished)
    floor = low
    for n in order:
        placed[n] = max(wished[n], floor)
        floor = placed[n] + gap
    roof = high
    for n in reversed(order):
        placed[n] = min(placed[n], roof)
        roof = placed[n] - gap
    return placed


def texts(data: Sequence[Mapping[str, object]], x: Spec, y: Spec, **mark: object) -> Spec:
    """Labels at places."""
    return {
        "data": values(data),
        "mark": {"type": "text", **mark},
        "encoding": {"x": x, "y": y, "text": {"field": "label"}},
    }


def pixel(field: str, size: float, *, flipped: bool = False) -> Spec:
    """A channel that takes pixels of the plot, counted from the left or from the top."""
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"domain": [size, 0] if flipped else [0, size], "nice": False, "zero": False},
        "axis": None,
    }


def line(data: Sequence[Mapping[str, object]], x: Spec, y: Spec, colour: str, **mark: object) -> Spec:
    """A line through places."""
    shape: Spec = {"type": "line", "color": LIGHT[colour], "strokeWidth": 2.5, **mark}
    return {"data": values(data), "mark": shape, "encoding": {"x": x, "y": y}}


def named_room(frame: Frame, names: Sequence[str], labels: Sequence[str]) -> Room:
    """Room for names at the left of a drawing and labels at its right, as far as there is any."""
    per, most_left, most_right = (5.9, 240, 100) if frame.narrow else (6.9, 490, 190)
    right = max(30, min(most_right, round(max(map(len, labels), default=0) * per) + 20))
    left = max(60, min(most_left - right, round(max(map(len, names), default=0) * per) + 18))
    return Room(left=left, right=right, top=4, bottom=34)


def names_axis(names: Sequence[str], room: Room, gap: float = 0.3) -> Spec:
    """Names down the left side of a drawing."""
    return {
        "field": "name",
        "type": "nominal",
        "sort": None,
        "scale": {"domain": list(names), "paddingInner": gap, "paddingOuter": gap / 2},
        "axis": {"title": None, "domain": False, "labelLimit": room.left - 10, "labelColor": LIGHT["ink"]},
    }
