"""How much rests on assumptions, and which of them move the answer most."""

from __future__ import annotations

from typing import Final

from offtake.adapters.report.amounts import count, digits, money, money_scale, share
from offtake.adapters.report.document import Block, Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import Room, amount_axis, plot, texts, values
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import LIGHT
from offtake.adapters.report.sections.limits import Bar, diverging
from offtake.domain.handoffs import SensitivityRow

MOST_BARS: Final = 16


def assumptions(matter: Matter) -> Section | None:
    """Numbers by where they come from, and the assumptions ranked by how far they move the cost."""
    numbered = matter.plan.numbers
    total = numbered.sourced + numbered.assumed + numbered.unsourced
    if not total:
        return None
    blocks: list[Block] = []
    lead = f"Of {count(total)} numbers in the estate, {count(numbered.assumed)} are assumptions."
    if matter.extras.cost_on_assumptions is not None:
        lead += f" {share(matter.extras.cost_on_assumptions)} of the cost rests on them."
    if matter.extras.sensitivities and matter.priced:
        blocks.append(_tornado(matter))
    blocks.append(_numbers(matter))
    return Section("assumptions", "What rests on assumptions", lead, tuple(blocks))


def _numbers(matter: Matter) -> Figure:
    rows = (
        ("with a source", matter.plan.numbers.sourced, "green"),
        ("assumed", matter.plan.numbers.assumed, "amber"),
        ("neither stated", matter.plan.numbers.unsourced, "vermilion"),
    )
    shown = [row for row in rows if row[1]]
    total = sum(row[1] for row in rows)
    says = f"{share(matter.plan.numbers.sourced / total)} of the numbers have a source that can be looked up."

    def draw(frame: Frame) -> Spec:
        at, data = 0, list[dict[str, object]]()
        for name, number, colour in shown:
            data.append(
                {
                    "from": at,
                    "to": at + number,
                    "middle": at + number / 2,
                    "colour": LIGHT[colour],
                    "label": str(number),
                    "name": name,
                }
            )
            at += number
        room = Room(left=6, right=12, top=6, bottom=34)
        x = {**amount_axis("numbers", float(total), "x"), "field": "from"}
        literal: Spec = {"field": "colour", "type": "nominal", "scale": None}
        bar: Spec = {
            "data": values(data),
            "mark": {"type": "bar", "stroke": LIGHT["paper"], "height": 34},
            "encoding": {"x": x, "x2": {"field": "to"}, "y": {"value": 22}, "fill": literal},
        }
        wide = [row for row in data if float(str(row["to"])) - float(str(row["from"])) > 0.06 * total]
        label = texts(
            wide,
            {**x, "field": "middle"},
            {"value": 22},
            baseline="middle",
            color=LIGHT["paper"],
            fontWeight="bold",
        )
        return plot(frame, 44, room, [bar, label])

    cells: Cells = tuple((name, number) for name, number, _ in rows)
    return Figure(
        "numbers",
        "Where the estate's numbers come from",
        says,
        Table(
            "numbers",
            "Numbers by where they come from",
            matter.source(),
            (text("numbers"), numbers("count")),
            cells,
        ),
        draw,
        tuple((name, colour, "fill") for name, _, colour in shown),
    )


def swing(row: SensitivityRow) -> int:
    """How far the cost moves between a tenth less and a tenth more (cents)."""
    return max(row.up_cents, row.down_cents, 0) - min(row.up_cents, row.down_cents, 0)


def _tornado(matter: Matter) -> Figure:
    found = sorted(matter.extras.sensitivities, key=lambda row: (-swing(row), row.path))
    currency = matter.plan.currency
    per, unit = money_scale((value for row in found for value in (row.up_cents, row.down_cents)), currency)
    cells: Cells = tuple(
        (
            row.path,
            row.text,
            "assumed" if row.assumed else row.source or "no source",
            row.down_cents / per,
            row.up_cents / per,
            "solved again" if row.solved else "estimated",
        )
        for row in found
    )
    bars = [
        Bar(
            row.path,
            min(row.up_cents, row.down_cents, 0) / per,
            max(row.up_cents, row.down_cents, 0) / per,
            _ends(row, per),
            firm=row.solved,
        )
        for row in found[:MOST_BARS]
    ]
    top = found[0]
    says = (
        f"Each number moves by a tenth, down and up, the rest as it is. {top.path} ({top.text}) moves the cost most: "
        f"by {money(swing(top), currency)} between the two."
    )
    if any(not row.solved for row in found):
        says += " Full bars are solved again; pale ones are estimated from the plan's own prices."
    heads = (
        text("number"),
        text("as stated"),
        text("rests on"),
        numbers("10 % less", unit, 3),
        numbers("10 % more", unit, 3),
        text("how"),
    )
    return Figure(
        "assumptions",
        "Which numbers move the cost most",
        says,
        Table("assumptions", "Change in cost as each number moves by a tenth", matter.source(), heads, cells),
        lambda frame: diverging(frame, bars, unit),
        (("lowers the cost", "green", "fill"), ("raises the cost", "vermilion", "fill")),
    )


def _ends(row: SensitivityRow, per: float) -> str:
    low, high = (end(row.down_cents, row.up_cents, 0) / per for end in (min, max))
    return f"−{digits(-low)} / +{digits(high)}"
