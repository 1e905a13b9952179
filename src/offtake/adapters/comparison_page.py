"""A comparison as one page that needs nothing but itself, in the look of the report."""

from __future__ import annotations

from collections import defaultdict
from pathlib import Path
from typing import Final

from offtake.adapters.report.amounts import listed, money, money_scale, share
from offtake.adapters.report.document import (
    Block,
    Bullets,
    Cells,
    Figure,
    Frame,
    Report,
    Section,
    Spec,
    Table,
    Tile,
    numbers,
    text,
)
from offtake.adapters.report.drawing import (
    Room,
    amount_axis,
    ceiling,
    line,
    names_axis,
    plot,
    time_axis,
    values,
)
from offtake.adapters.report.page import page_of
from offtake.adapters.report.palette import LIGHT
from offtake.adapters.report.sections.limits import Bar, diverging
from offtake.adapters.whole_files import write_whole
from offtake.domain.comparisons import Comparison
from offtake.domain.errors import InvalidInput, StorageFailure
from offtake.planner.comparison import sentence_of

MOST_BARS: Final = 14
FIRST, SECOND = "amber", "blue"  # The colours of the two, wherever both are drawn.


def write_comparison(found: Comparison, path: Path) -> None:
    """Writes the page; the file appears whole or not at all.

    Raises InvalidInput for a name that does not end in .html, StorageFailure if it cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(f"`{path.name}` is no page", hint="give --out a name that ends in .html")
    content = page_of(comparison_report(found)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise StorageFailure(
            f"the page could not be written to `{path}`: {error.strerror}",
            hint="choose another file with --out",
        ) from None


def comparison_report(found: Comparison) -> Report:
    """The page before it is rendered."""
    one, other = found.first, found.second
    parts = (_money(found), _capacity(found), _service(found), _unmet(found), _law(found))
    estates = list(dict.fromkeys((one.estate, other.estate)))
    return Report(
        title=f"{_upper(one.name)} and {other.name}",
        subtitle=" · ".join(
            (listed(estates), f"for {listed(dict.fromkeys((one.party, other.party)))}", _span(found))
        ),
        labels=("arithmetic of both checked", found.says),
        sentences=(sentence_of(found, lambda cents: money(cents, found.currency)), *found.remarks),
        tiles=_tiles(found),
        sections=tuple(part for part in parts if part is not None),
        facts={"inputs": "two plans", "source": source_of(found)},
    )


def source_of(found: Comparison) -> str:
    """The source line of every figure."""
    return f"offtake, comparison of the plans “{found.first.name}” and “{found.second.name}”"


def _upper(name: str) -> str:
    return f"{name[:1].upper()}{name[1:]}"


def _span(found: Comparison) -> str:
    begins = min(found.first.begins, found.second.begins)
    return f"{begins.isoformat()} to {max(found.first.ends, found.second.ends).isoformat()}"


def _tiles(found: Comparison) -> tuple[Tile, ...]:
    one, other = found.first, found.second
    unmet = _signed(other.unmet_worth_cents - one.unmet_worth_cents, found.currency)
    points = (other.cover - one.cover) * 100
    return (
        Tile(f"Cost, {one.name}", money(one.cost_cents, found.currency), "discounted, unmet need included"),
        Tile(
            f"Cost, {other.name}", money(other.cost_cents, found.currency), "discounted, unmet need included"
        ),
        Tile("Change in cost", _signed(found.change_cents, found.currency), f"of it unmet need {unmet}"),
        Tile("Need served", f"{points:+.2f} points".replace("-", "−"), f"to {share(other.cover)} of tokens"),
    )


def _signed(cents: int, currency: str) -> str:
    return f"+{money(cents, currency)}" if cents > 0 else money(cents, currency)


def _money(found: Comparison) -> Section:
    blocks: list[Block] = []
    if found.money:
        blocks.append(_by_whom(found))
    blocks.append(_by_year(found))
    if found.accounts:
        blocks.append(_accounts(found))
    change = found.change_cents
    lead = f"The second costs {money(abs(change), found.currency)} {'more' if change > 0 else 'less'}, discounted."
    if not change:
        lead = "Both cost the same."
    return Section("money", "What it costs, and by whom", lead, tuple(blocks))


def _by_whom(found: Comparison) -> Figure:
    sums: dict[str, int] = defaultdict(int)
    for row in found.money:
        sums[row.payee or row.kind] += row.second_cents - row.first_cents
    order = sorted((one for one in sums if sums[one]), key=lambda one: (-abs(sums[one]), one))
    per, unit = money_scale(sums.values(), found.currency)
    bars = [
        Bar(one, min(sums[one], 0) / per, max(sums[one], 0) / per, _signed(sums[one], found.currency))
        for one in order[:MOST_BARS]
    ]
    cells: Cells = tuple(
        (
            row.payee or "nobody",
            row.kind,
            row.first_cents / per,
            row.second_cents / per,
            (row.second_cents - row.first_cents) / per,
        )
        for row in found.money
    )
    heads = (
        text("to"),
        text("for"),
        numbers(found.first.name, unit, 3),
        numbers(found.second.name, unit, 3),
        numbers("change", unit, 3),
    )
    return Figure(
        "by-whom",
        "What the change in cost is made of",
        f"What {found.second.party} pays each, net of what it is paid, discounted; the bars add up to the change.",
        Table("by-whom", "Change in cost by payee and kind", source_of(found), heads, cells),
        lambda frame: diverging(frame, bars, unit),
        (("less", "green", "fill"), ("more", "vermilion", "fill")),
    )


def _by_year(found: Comparison) -> Figure:
    per, unit = money_scale(
        (c for row in found.years for c in (row.first_cents, row.second_cents)), found.currency
    )
    labels = [str(row.year) for row in found.years]
    cells: Cells = tuple(
        (float(row.year), row.first_cents / per, row.second_cents / per) for row in found.years
    )
    sides = (
        (found.first.name, FIRST, [row.first_cents / per for row in found.years]),
        (found.second.name, SECOND, [row.second_cents / per for row in found.years]),
    )
    top = ceiling(max((value for side in sides for value in side[2]), default=0.0))
    least = min((value for side in sides for value in side[2]), default=0.0)
    bottom = -ceiling(-least) if least < 0 else 0.0

    def draw(frame: Frame) -> Spec:
        x, y = time_axis(labels, frame), amount_axis(unit, top, "y", bottom)
        layers: list[Spec] = []
        for _, colour, amounts in sides:
            rows = [{"x": at, "to": amount} for at, amount in zip(labels, amounts, strict=True)]
            layers.append(line(rows, x, y, colour, point={"color": LIGHT[colour], "size": 46}))
        return plot(frame, 220, Room(), layers)

    heads = (numbers("year", "", -1), numbers(found.first.name, unit, 3), numbers(found.second.name, unit, 3))
    return Figure(
        "by-year",
        "Spending by year",
        f"What {found.second.party} pays in each year, net of what it is paid, undiscounted and without salvage.",
        Table("by-year", "Spending by year", source_of(found), heads, cells),
        draw,
        tuple((name, colour, "line") for name, colour, _ in sides),
    )


def _accounts(found: Comparison) -> Table:
    per, unit = money_scale(
        (c for row in found.accounts for c in (row.first_cents, row.second_cents)), found.currency
    )
    heads = (
        text("payer"),
        text("payee"),
        numbers(found.first.name, "", 3),
        numbers(found.second.name, "", 3),
        numbers("change", "", 3),
    )
    cells: Cells = tuple(
        (
            row.payer,
            row.payee,
            row.first_cents / per,
            row.second_cents / per,
            (row.second_cents - row.first_cents) / per,
        )
        for row in found.accounts
    )
    title = f"Everybody's accounts over the horizon, {unit}, undiscounted"
    return Table("accounts", title, source_of(found), heads, cells, 12)


def _pairs(frame: Frame, rows: list[tuple[str, float, float]], unit: str) -> Spec:
    """A line of two dots for each name: the first and the second."""
    room = Room(left=130 if frame.narrow else 270, right=24, top=4, bottom=34)
    top = ceiling(max((max(row[1:]) for row in rows), default=0.0))
    y = names_axis([row[0] for row in rows], room)
    axis = {
        "title": None,
        "domain": False,
        "labelLimit": room.left - 18,
        "labelColor": LIGHT["ink"],
        "labelPadding": 12,
    }
    y["axis"] = axis  # A dot at zero must not touch its name.
    x = {**amount_axis(unit, top, "x"), "field": "to"}
    spans = [{"name": name, "from": a, "to": b} for name, a, b in rows]
    layers: list[Spec] = [
        {
            "data": values(spans),
            "mark": {"type": "rule", "color": LIGHT["grey"], "strokeWidth": 2},
            "encoding": {"y": y, "x": {**x, "field": "from"}, "x2": {"field": "to"}},
        }
    ]
    for place, colour in ((1, FIRST), (2, SECOND)):
        dots = [{"name": row[0], "to": row[place]} for row in rows]
        layers.append(
            {
                "data": values(dots),
                "mark": {"type": "point", "filled": True, "size": 110, "opacity": 1, "color": LIGHT[colour]},
                "encoding": {"y": y, "x": x},
            }
        )
    return plot(frame, 28 * len(rows), room, layers)


def _legend(found: Comparison) -> tuple[tuple[str, str, str], ...]:
    return ((found.first.name, FIRST, "dot"), (found.second.name, SECOND, "dot"))


def _capacity(found: Comparison) -> Section | None:
    if not found.capacity:
        return None
    heads = (
        text("supply"),
        text("unit"),
        numbers(found.first.name, "", 1),
        numbers(found.second.name, "", 1),
        numbers(f"{found.first.name}, MW", "", 2),
        numbers(f"{found.second.name}, MW", "", 2),
        text(f"adds from, {found.first.name}"),
        text(f"adds from, {found.second.name}"),
    )
    cells: Cells = tuple(
        (
            row.supply,
            row.unit,
            row.first_most,
            row.second_most,
            row.first_power_mw,
            row.second_power_mw,
            row.first_adds_from.isoformat() if row.first_adds_from else "",
            row.second_adds_from.isoformat() if row.second_adds_from else "",
        )
        for row in found.capacity
    )
    table = Table(
        "capacity",
        "Capacity at its most, and when more than is contracted serves",
        source_of(found),
        heads,
        cells,
    )
    blocks: list[Block] = [table]
    powered = [row for row in found.capacity if max(row.first_power_mw, row.second_power_mw) > 0]
    changed = [row for row in powered if abs(row.first_power_mw - row.second_power_mw) > 1e-6]
    if changed:
        most = max(max(row.first_power_mw, row.second_power_mw) for row in changed)
        per, unit = (1000.0, "GW") if most >= 2000 else (1.0, "MW") if most >= 0.5 else (0.001, "kW")
        rows = [
            (row.supply, row.first_power_mw / per, row.second_power_mw / per) for row in changed[:MOST_BARS]
        ]
        figure = Figure(
            "capacity-moved",
            "Power in service at its most, by supply",
            f"IT power of {len(changed)} supplies differs; those that differ most come first.",
            Table(
                "capacity-moved",
                "IT power at its most by supply",
                source_of(found),
                (text("supply"), numbers(found.first.name, unit, 3), numbers(found.second.name, unit, 3)),
                tuple((row.supply, row.first_power_mw / per, row.second_power_mw / per) for row in changed),
            ),
            lambda frame: _pairs(frame, rows, unit),
            _legend(found),
        )
        blocks.insert(0, figure)
    lead = f"{len(found.capacity)} supplies are built, leased or kept otherwise, or at another time."
    return Section("capacity", "What moved", lead, tuple(blocks))


def _service(found: Comparison) -> Section | None:
    if not found.service:
        return None
    rows = [
        (f"{row.workload} · {row.provider}", row.first_share * 100, row.second_share * 100)
        for row in found.service
    ]
    figure = Figure(
        "service",
        "Who serves what",
        "The share of each need over the horizon that a provider or site serves, where it differs.",
        Table(
            "service",
            "Shares of need by provider",
            source_of(found),
            (text("need · who"), numbers(found.first.name, "%", 2), numbers(found.second.name, "%", 2)),
            tuple(rows),
        ),
        lambda frame: _pairs(frame, rows[:MOST_BARS], "% of what is needed"),
        _legend(found),
    )
    return Section(
        "service",
        "Who serves whom",
        f"{len(rows)} shares differ by a hundredth of a point or more.",
        (figure,),
    )


def _unmet(found: Comparison) -> Section | None:
    if not found.unmet:
        return None
    per, unit = money_scale(
        (c for row in found.unmet for c in (row.first_cents, row.second_cents)), found.currency
    )
    table = Table(
        "unmet",
        "Need left unmet, undiscounted",
        source_of(found),
        (text("need"), text("why"), numbers(found.first.name, unit, 3), numbers(found.second.name, unit, 3)),
        tuple((row.workload, row.why, row.first_cents / per, row.second_cents / per) for row in found.unmet),
    )
    return Section("unmet", "What is left unmet", "Where what is left differs, and why it is left.", (table,))


def _law(found: Comparison) -> Section | None:
    if not found.clauses:
        return None
    table = Table(
        "law",
        "Clauses that differ",
        source_of(found),
        (text("clause"), text(found.first.name), text(found.second.name), text("where it is written")),
        tuple(
            (
                row.clause,
                row.first or "not agreed",
                row.second or "not agreed",
                ", ".join(part for part in (row.document, row.section) if part),
            )
            for row in found.clauses
        ),
    )
    only = [sum(row.first is None for row in found.clauses), sum(row.second is None for row in found.clauses)]
    points = Bullets((f"{only[0]} stand in the second only, {only[1]} in the first only.",))
    return Section("law", "How the law differs", f"{len(found.clauses)} clauses differ.", (points, table))
