"""First refusal as a flow: what was needed, offered and taken, and what went elsewhere."""

from __future__ import annotations

from textwrap import wrap
from typing import Final

from offtake.adapters.report.amounts import digits, measured
from offtake.adapters.report.document import Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import Room as Margins
from offtake.adapters.report.drawing import pixel, plot, texts, values
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import LIGHT
from offtake.domain.handoffs import RefusalRightRow

STEPS: Final = 24  # Points along a ribbon.
GAP: Final = 9  # Pixels between bands.
LEFT: Final = 0.78  # Of the height that needs take.
UNITS: Final = {"power": "MW"}


def rights(matter: Matter) -> Section | None:
    """Every right of first refusal over new capacity, as a flow."""
    rows = matter.plan.first_refusals
    if not rows:
        return None
    groups: dict[tuple[str, str], list[RefusalRightRow]] = {}
    for row in rows:
        groups.setdefault((row.clause, row.measure), []).append(row)
    flows = tuple(_flow(matter, clause, measure, mine) for (clause, measure), mine in groups.items())
    lead = (
        "A holder of first refusal must be asked before the market. What it takes of a need is at most what it offers; "
        "only the rest may go elsewhere."
    )
    return Section("rights", "First refusal", lead, flows)


def _flow(matter: Matter, clause: str, measure: str, rows: list[RefusalRightRow]) -> Figure:
    holder = matter.party(rows[0].holder)
    currency = matter.plan.currency
    needed, offered, taken, beside = (
        sum(getattr(row, key) for row in rows)
        for key in ("needed", "offered", "taken_by_holder", "taken_elsewhere")
    )
    says = (
        f"Of {measured(needed, measure, currency)} needed, {holder} offers {measured(offered, measure, currency)}; "
        f"{measured(taken, measure, currency)} are taken there and {measured(beside, measure, currency)} "
        f"overflow to others.{_time(holder, rows)}"
    )
    unit = UNITS.get(measure, measure)
    heads = (
        text("needs that arise from"),
        *(
            numbers(name, unit, 1)
            for name in (
                "needed",
                "offered",
                f"taken from {holder}",
                "overflowed to others",
                "allowed to others",
            )
        ),
    )
    cells = tuple(
        (
            row.begins.isoformat(),
            row.needed,
            row.offered,
            row.taken_by_holder,
            row.taken_elsewhere,
            row.allowed_elsewhere,
        )
        for row in rows
    )
    number = sorted({row.clause for row in matter.plan.first_refusals}).index(clause) + 1
    return Figure(
        f"refusal-{number}",
        f"First refusal of {holder}: needed, offered, taken, overflowed",
        says,
        Table(
            f"refusal-{number}",
            f"First refusal: {clause}",
            matter.source("agreements.", "workloads.", "answers"),
            heads,
            cells,
        ),
        lambda frame: _draw(frame, rows, holder, unit),
    )


def _time(holder: str, rows: list[RefusalRightRow]) -> str:
    """How long the holder has to answer, by the size of each need."""
    times = dict.fromkeys(row.answer_within for row in rows if row.answer_within)
    return f" {holder} has {' or '.join(times)} to answer each." if times else ""


def _draw(frame: Frame, rows: list[RefusalRightRow], holder: str, unit: str) -> Spec:
    margins = Margins(left=96 if frame.narrow else 226, right=96 if frame.narrow else 168, top=26, bottom=8)
    width = frame.width - margins.left - margins.right
    height = max(200, 52 * len(rows)) if not frame.narrow else max(220, 50 * len(rows))
    targets = {
        f"taken from {holder}": ("blue", [row.taken_by_holder for row in rows]),
        "overflowed to others": ("amber", [row.taken_elsewhere for row in rows]),
        "not taken": (
            "grey",
            [max(0.0, row.needed - row.taken_by_holder - row.taken_elsewhere) for row in rows],
        ),
    }
    targets = {
        name: one for name, one in targets.items() if sum(one[1]) > 1e-9 * sum(row.needed for row in rows)
    }
    # The left side takes less than the height, so that bands part on their way to the right.
    scale = (LEFT * height - GAP * (len(rows) - 1)) / sum(row.needed for row in rows)
    gap = (height - scale * sum(sum(one[1]) for one in targets.values())) / max(1, len(targets) - 1)
    ends: dict[str, float] = {}
    at = 0.0
    for name, (_, amounts) in targets.items():
        ends[name] = at
        at += scale * sum(amounts) + gap
    ribbons: list[dict[str, object]] = []
    left: list[dict[str, object]] = []
    at = (1 - LEFT) / 2 * height
    for n, row in enumerate(rows):
        from_y = at
        for name, (colour, amounts) in targets.items():
            thick = scale * amounts[n]
            if thick > 0:
                ribbons += _ribbon(f"{n}-{name}", LIGHT[colour], (from_y, ends[name]), thick, width)
                from_y += thick
                ends[name] += thick
        left.append({"x": -8, "y": at + scale * row.needed / 2, "label": _need(row, unit, frame)})
        at += scale * row.needed + GAP
    right: list[dict[str, object]] = []
    for name, (_, amounts) in targets.items():
        thick = scale * sum(amounts)
        words = [*(wrap(name, 12) if frame.narrow else [name]), f"{digits(sum(amounts))} {unit}"]
        right.append({"x": width + 8, "y": ends[name] - thick / 2, "label": words})
    x, y = pixel("x", width), pixel("y", height, flipped=True)
    literal: Spec = {"field": "colour", "type": "nominal", "scale": None}
    area: Spec = {
        "data": values(ribbons),
        "mark": {"type": "area", "fillOpacity": 0.62, "line": False},
        "encoding": {"x": x, "y": y, "y2": {"field": "low"}, "detail": {"field": "id"}, "fill": literal},
    }
    heads = [{"x": 0, "y": -12, "label": "needed"}, {"x": width, "y": -12, "label": "where it went"}]
    return plot(
        frame,
        height,
        margins,
        [
            area,
            texts(left, x, y, align="right", baseline="middle", lineHeight=14),
            texts(
                right,
                x,
                y,
                align="left",
                baseline="middle",
                lineHeight=15,
                fontWeight="bold",
                limit=margins.right,
            ),
            texts(heads[:1], x, y, align="left", color=LIGHT["soft"]),
            texts(heads[1:], x, y, align="right", color=LIGHT["soft"]),
        ],
    )


def _need(row: RefusalRightRow, unit: str, frame: Frame) -> list[str]:
    if frame.narrow:
        return [f"{row.begins.year}: {digits(row.needed)} {unit}", f"{digits(row.offered)} offered"]
    return [
        f"{row.begins.isoformat()}: needed {digits(row.needed)} {unit}",
        f"offered {digits(row.offered)} {unit}",
    ]


def _ribbon(
    id: str, colour: str, ends: tuple[float, float], thick: float, width: float
) -> list[dict[str, object]]:
    """A band from the left side to the right that keeps its thickness."""
    found: list[dict[str, object]] = []
    for step in range(STEPS + 1):
        part = step / STEPS
        bend = part * part * (3 - 2 * part)
        high = ends[0] + (ends[1] - ends[0]) * bend
        found.append(
            {
                "id": id,
                "x": round(width * part, 2),
                "y": round(high, 2),
                "low": round(high + thick, 2),
                "colour": colour,
            }
        )
    return found
