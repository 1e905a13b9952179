"""Many futures: how the totals lie, bands over time, how often each limit binds, and what moves the cost."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

from offtake.adapters.report.amounts import (
    count,
    digits,
    listed,
    many,
    money,
    money_scale,
    power_scale,
    rate_scale,
    share,
)
from offtake.adapters.report.document import (
    Block,
    Bullets,
    Cells,
    Figure,
    Frame,
    Prose,
    Section,
    Spec,
    Table,
    numbers,
    text,
)
from offtake.adapters.report.drawing import (
    Room,
    amount_axis,
    apart,
    ceiling,
    line,
    panel,
    panels_grid,
    plot,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import LIGHT
from offtake.adapters.report.sections.limits import Bar, diverging
from offtake.domain.outlook import BandRow, MoverRow, OrderRow, Outlook, Spread

MOST_BARS: Final = 14
MOST_LIMITS: Final = 20
MOST_NAMED: Final = 6
ROBUST: Final = 0.95
HARDLY: Final = 0.01  # Of the cost: what moves it less hardly moves it.
BAND: Final = 0.28  # Opacity of the band between p5 and p95.
TITLES: Final = {
    "site_power_mw": "IT power used at sites",
    "need": "need",
    "unmet": "need left unserved",
    "spent": "the party's spending",
    "capital": "capital spent by all",
    "gap": "money that nobody has promised",
}
SOURCES: Final = ("futures.",)


def futures(matter: Matter) -> Section | None:
    """The spreads, bands, limits and movers of many futures, if any were planned for."""
    outlook = matter.extras.outlook
    if outlook is None:
        return None
    blocks: list[Block] = [Prose(f"{outlook.label[:1].upper()}{outlook.label[1:]}: {outlook.says}.")]
    blocks += [_histogram(matter, outlook), _totals(matter, outlook)]
    bands = _shown_bands(matter, outlook)
    if bands:
        blocks.append(_bands(matter, outlook, bands))
    if any(_swing(row) for row in outlook.movers):
        blocks.append(_tornado(matter, outlook))
    else:
        blocks.append(_correlations(matter, outlook))
    if outlook.binding:
        blocks.append(_binding(matter, outlook))
    return Section("futures", "Many futures", _lead(outlook), tuple(blocks))


def robust(matter: Matter) -> Section | None:
    """In sentences: what nearly every future has in common, and what hangs on what is assumed."""
    outlook = matter.extras.outlook
    if outlook is None:
        return None
    lead = (
        f"Robust is what holds in at least {share(ROBUST)} of {count(outlook.planned)} futures; the rest hangs on how "
        "what is uncertain turns out, and on the distributions, which are themselves assumed where it says so."
    )
    firm = [*_firm_orders(outlook), *_firm_limits(outlook), *_firm_totals(outlook), *_firm_movers(outlook)]
    loose = [*_loose_orders(outlook), *_loose_totals(outlook), *_assumed(outlook)]
    blocks: list[Block] = [Prose("Robust:")]
    blocks.append(Bullets(tuple(firm) or ("Nothing that was looked at holds in nearly every future.",)))
    blocks += [Prose("Hangs on assumptions:"), Bullets(tuple(loose))]
    return Section("robust", "What is robust, and what hangs on assumptions", lead, tuple(blocks))


def _lead(outlook: Outlook) -> str:
    looked = outlook.planned + outlook.no_plan + outlook.failed
    said = f"{count(looked)} of {many(outlook.asked, 'future')} that were asked for (seed {outlook.seed})"
    said += ", each with a certified plan of its own" if looked == outlook.planned else ""
    said += "." if outlook.complete else ": the run was stopped early, and this is what was finished."
    if outlook.no_plan:
        said += f" In {count(outlook.no_plan)} no plan meets every limit."
    if outlook.failed:
        said += f" {count(outlook.failed)} could not be solved and are in no number here."
    if outlook.again:
        said += f" {count(outlook.again)} were solved again after an answer that failed its certificate."
    cost = outlook.cost
    return (
        f"{said} The cost is {money(cost.median, outlook.currency)} in the middle, and between "
        f"{money(cost.p5, outlook.currency)} and {money(cost.p95, outlook.currency)} in nine of ten."
    )


# Totals --------------------------------------------------------------------------------------------------------------


def _histogram(matter: Matter, outlook: Outlook) -> Figure:
    one = outlook.cost
    per, unit = money_scale((one.low, one.high), outlook.currency)
    width = (one.high - one.low) / len(one.counts) or per
    edges = [(one.low + n * width) / per for n in range(len(one.counts) + 1)]
    cells: Cells = tuple((edges[n], edges[n + 1], number) for n, number in enumerate(one.counts))
    return Figure(
        "futures-cost",
        "The cost in many futures",
        f"As stated the plan costs {money(one.base, outlook.currency)}; "
        f"{share(_share_above(one))} of the futures cost more.",
        Table(
            "futures-cost",
            "Futures by their discounted cost",
            matter.source(*SOURCES),
            (numbers("from", unit, 3), numbers("to", unit, 3), numbers("futures")),
            cells,
        ),
        lambda frame: _bars(frame, cells, unit, _marks(one, per)),
        (("futures", "sky", "fill"), ("as stated", "vermilion", "line"), ("p5, median, p95", "ink", "line")),
    )


def _share_above(one: Spread) -> float:
    """The share of futures above the case as stated, by the histogram, within a bin evenly."""
    total = sum(one.counts)
    width = (one.high - one.low) / len(one.counts)
    if not width:
        return 0.0
    above = 0.0
    for n, number in enumerate(one.counts):
        top = one.low + (n + 1) * width
        above += number * min(max((top - one.base) / width, 0.0), 1.0)
    return above / total


def _marks(one: Spread, per: float) -> list[tuple[str, float, str]]:
    marks = [("p5", one.p5, "ink"), ("median", one.median, "ink"), ("p95", one.p95, "ink")]
    return [(name, at / per, colour) for name, at, colour in (*marks, ("as stated", one.base, "vermilion"))]


def _bars(frame: Frame, cells: Cells, unit: str, marks: Sequence[tuple[str, float, str]]) -> Spec:
    rows: list[dict[str, object]] = [{"from": low, "end": high, "to": number} for low, high, number in cells]
    tallest = ceiling(max(float(str(row["to"])) for row in rows))
    low = min(float(str(rows[0]["from"])), *(at for _, at, _ in marks))
    high = max(float(str(rows[-1]["end"])), *(at for _, at, _ in marks))
    height = 170 if frame.narrow else 200
    room = Room(top=56)
    x: Spec = {**amount_axis(unit, high, "x", low, 4 if frame.narrow else 8), "field": "from"}
    y = amount_axis("futures", tallest)
    bar: Spec = {
        "data": values(rows),
        "mark": {"type": "bar", "fill": LIGHT["sky"], "stroke": LIGHT["paper"], "strokeWidth": 0.6},
        "encoding": {"x": x, "x2": {"field": "end"}, "y": {**y, "field": "to"}, "y2": {"datum": 0}},
    }
    layers: list[Spec] = [bar]
    width = frame.width - room.left - room.right
    wanted = [(at - low) / (high - low) * width if high > low else 0.0 for _, at, _ in marks]
    placed = apart(wanted, 66 if frame.narrow else 74, 0, width)
    for (name, at, colour), left in zip(marks, placed, strict=True):
        rule: Spec = {
            "data": values([{"from": at}]),
            "mark": {"type": "rule", "color": LIGHT[colour], "strokeWidth": 2, "strokeDash": [1, 0]},
            "encoding": {"x": x},
        }
        label = texts(
            [{"label": name}],
            {"value": left},
            {"value": -10},
            align="center",
            color=LIGHT[colour],
            fontWeight="bold",
        )
        layers += [rule, label]
    return plot(frame, height, room, layers)


def _totals(matter: Matter, outlook: Outlook) -> Table:
    spreads = [("cost, discounted", outlook.cost), ("worth of what is unmet", outlook.unmet_worth)]
    if outlook.gap is not None:
        spreads.append(("money that nobody has promised", outlook.gap))
    rows = [
        (name, *(money(x, outlook.currency) for x in (one.base, one.p5, one.median, one.p95, one.mean)))
        for name, one in spreads
    ]
    one = outlook.unmet_share
    rows.append(
        ("tokens left unserved", *(share(x) for x in (one.base, one.p5, one.median, one.p95, one.mean)))
    )
    heads = tuple(text(name) for name in ("total", "as stated", "p5", "median", "p95", "mean"))
    return Table("futures-totals", "Totals over the futures", matter.source(*SOURCES), heads, tuple(rows))


# Bands ---------------------------------------------------------------------------------------------------------------


def _shown_bands(matter: Matter, outlook: Outlook) -> dict[str, list[BandRow]]:
    """By series, those that say something, in the order in which they are told."""
    found: dict[str, list[BandRow]] = {}
    for row in outlook.bands:
        if row.series in TITLES:
            found.setdefault(row.series, []).append(row)
    kept = {name: rows for name in TITLES if (rows := found.get(name)) and any(x.p95 or x.base for x in rows)}
    if matter.view == "tokens":
        _ = kept.pop("site_power_mw", None)
    return kept


def _scale(series: str, rows: Sequence[BandRow], currency: str) -> tuple[float, str]:
    sizes = [max(row.p95, row.base) for row in rows]
    if series == "site_power_mw":
        return power_scale(sizes)
    if series in ("need", "unmet"):
        return rate_scale(sizes)
    per, unit = money_scale((size * 1e8 for size in sizes), currency)
    return per / 1e8, unit


def _bands(matter: Matter, outlook: Outlook, bands: Mapping[str, list[BandRow]]) -> Figure:
    cells: Cells = tuple(
        (TITLES[name], row.at, row.base, row.p5, row.median, row.p95, row.unit)
        for name, rows in bands.items()
        for row in rows
    )
    heads = (
        text("what"),
        text("period"),
        *(numbers(name, "", 4) for name in ("as stated", "p5", "median", "p95")),
        text("unit"),
    )
    return Figure(
        "futures-bands",
        "What comes when: the middle of the futures, and nine in ten",
        "Each period by itself: the dark line is the median, the band lies between the 5th and the 95th percentile, "
        "the dashed line is the case as stated. No single future runs along an edge of a band.",
        Table("futures-bands", "Quantiles over the futures by period", matter.source(*SOURCES), heads, cells),
        lambda frame: _band_panels(frame, outlook, bands),
        (("p5 to p95", "sky", "fill"), ("median", "blue", "line"), ("as stated", "vermilion", "line")),
    )


def _band_panels(frame: Frame, outlook: Outlook, bands: Mapping[str, list[BandRow]]) -> Spec:
    across = 1 if frame.narrow else 2
    left = 58
    width = (frame.width - across * left - 8) // across
    cells: list[Spec] = []
    for name, rows in bands.items():
        per, unit = _scale(name, rows, outlook.currency)
        labels = [row.at for row in rows]
        top = ceiling(max(max(row.p95, row.base) for row in rows) / per)
        low = min(0.0, *(min(row.p5, row.base) / per for row in rows))
        y = amount_axis("", top, bottom=-ceiling(-low) if low < 0 else 0.0)
        layers = band_layers(rows, per, time_axis(labels, frame, across), y)
        cells.append(panel([f"{TITLES[name]} ({unit})"], width, 130, layers, frame))
    return panels_grid(cells, across, left, lines=1)


def band_layers(rows: Sequence[BandRow], per: float, x: Spec, y: Spec) -> list[Spec]:
    """The band between p5 and p95, the median, and the case as stated."""
    band: Spec = {
        "data": values({"x": row.at, "from": row.p5 / per, "to": row.p95 / per} for row in rows),
        "mark": {"type": "area", "fill": LIGHT["sky"], "fillOpacity": BAND},
        "encoding": {"x": x, "y": {**y, "field": "from"}, "y2": {"field": "to"}},
    }
    middle = line([{"x": row.at, "to": row.median / per} for row in rows], x, y, "blue")
    stated = [{"x": row.at, "to": row.base / per} for row in rows]
    return [band, middle, line(stated, x, y, "vermilion", strokeDash=[4, 3], strokeWidth=1.6)]


# What moves the cost -------------------------------------------------------------------------------------------------


def _swing(row: MoverRow) -> int:
    if row.cost_p5_cents is None or row.cost_p95_cents is None:
        return 0
    return abs(row.cost_p95_cents - row.cost_p5_cents)


def _tornado(matter: Matter, outlook: Outlook) -> Figure:
    base = outlook.cost.base
    solved = [
        row for row in outlook.movers if row.cost_p5_cents is not None and row.cost_p95_cents is not None
    ]
    ends = [(row, (row.cost_p5_cents or 0) - base, (row.cost_p95_cents or 0) - base) for row in solved]
    per, unit = money_scale((x for _, low, high in ends for x in (low, high)), outlook.currency)
    bars = [
        Bar(
            row.variable,
            min(low, high, 0.0) / per,
            max(low, high, 0.0) / per,
            f"{_signed(low / per)} / {_signed(high / per)}",
            firm=True,
        )
        for row, low, high in ends[:MOST_BARS]
    ]
    cells: Cells = tuple(
        (
            row.variable,
            row.acts_on,
            row.at_p5,
            row.at_p95,
            low / per,
            high / per,
            row.rank_correlation,
            "assumed" if row.assumed else row.source or "no source",
        )
        for row, low, high in ends
    )
    heads = (
        *(text(name) for name in ("variable", "acts on", "p5", "p95")),
        *(numbers(f"cost at {name}", unit, 3) for name in ("p5", "p95")),
        numbers("rank correlation with the cost", "", 2),
        text("rests on"),
    )
    top, low, high = ends[0]
    says = (
        f"Each variable alone at its 5th and 95th percentile, the rest as stated, solved again. {top.variable} "
        f"({top.at_p5} to {top.at_p95}) moves the cost most: by {money(abs(high - low), outlook.currency)} between the "
        "two. Beside it in the table, how its draws rank with the cost over all futures."
    )
    table = Table("futures-movers", "What moves the cost", matter.source(*SOURCES), heads, cells)
    return Figure(
        "futures-movers",
        "What moves the cost most",
        says,
        table,
        lambda frame: diverging(frame, bars, unit),
        (("lowers the cost", "green", "fill"), ("raises the cost", "vermilion", "fill")),
    )


def _signed(value: float) -> str:
    return f"{'−' if value < 0 else '+'}{digits(abs(value))}"


def _correlations(matter: Matter, outlook: Outlook) -> Table:
    rows: Cells = tuple(
        (row.variable, row.acts_on, row.at_p5, row.at_p95, row.rank_correlation)
        for row in sorted(outlook.movers, key=lambda one: -abs(one.rank_correlation or 0.0))
    )
    heads = (
        *(text(name) for name in ("variable", "acts on", "p5", "p95")),
        numbers("rank correlation", "", 2),
    )
    return Table("futures-movers", "What the cost goes with, by rank", matter.source(*SOURCES), heads, rows)


def _binding(matter: Matter, outlook: Outlook) -> Table:
    rows = tuple(
        (
            row.source,
            share(row.share),
            "binds" if row.in_base else "–",
            *(_worth(x, outlook.currency) for x in (row.p5_cents, row.median_cents, row.p95_cents)),
        )
        for row in outlook.binding
    )
    names = ("limit", "binds in", "as stated", "one more, p5", "median", "p95")
    heads = tuple(text(name) for name in names)
    title = "How often each limit binds, and what one more unit is worth then"
    return Table("futures-limits", title, matter.source(*SOURCES), heads, rows, shown=MOST_LIMITS)


def _worth(cents: float, currency: str) -> str:
    """Of one more unit, which may be one token."""
    return money(cents, currency) if cents >= 1 or not cents else f"{currency} {cents / 100:.2g}"


# In sentences --------------------------------------------------------------------------------------------------------


def _amount(row: OrderRow, value: float) -> str:
    return f"{count(value)} {row.unit}".rstrip()


def _named(order: str) -> str:
    kind, _, supply = order.partition(" ")
    verb = {"build": "built", "reserve": "leased or reserved", "keep": "kept", "shell": "housed"}.get(
        kind, kind
    )
    return f"{supply} is {verb}"


def _firm_orders(outlook: Outlook) -> list[str]:
    firm = [row for row in outlook.orders if row.first_year and row.share >= ROBUST]
    said = [
        f"{_named(row.order)} in the first year in {share(row.share)} of the futures: at least "
        f"{_amount(row, row.p5)} in nineteen of twenty, {_amount(row, row.median)} in the middle."
        for row in firm[:MOST_NAMED]
    ]
    if len(firm) > MOST_NAMED:
        said.append(
            f"{len(firm) - MOST_NAMED} more orders of the first year are made in nearly every future."
        )
    rare = [row for row in outlook.orders if row.first_year and row.share <= 1 - ROBUST]
    if rare:
        named = listed([row.order.partition(" ")[2] for row in rare], MOST_NAMED)
        said.append(
            f"Next to nothing is ordered in the first year at {named}: in one future of twenty at most."
        )
    return said


def _firm_movers(outlook: Outlook) -> list[str]:
    """Variables that the cost hardly depends on, whatever comes of them."""
    solved = [
        row for row in outlook.movers if row.cost_p5_cents is not None and row.cost_p95_cents is not None
    ]
    idle = [row.variable for row in solved if _swing(row) < HARDLY * abs(outlook.cost.base)]
    if not idle:
        return []
    return [
        f"The cost hardly moves with {listed(idle, MOST_NAMED)}: by less than {share(HARDLY)}, each alone."
    ]


def _firm_limits(outlook: Outlook) -> list[str]:
    always = [row.source for row in outlook.binding if row.share >= ROBUST]
    return [f"{listed(always, MOST_NAMED)} bind in nearly every future."] if always else []


def _firm_totals(outlook: Outlook) -> list[str]:
    said: list[str] = []
    if outlook.unmet_share.p95 < 0.001:
        said.append("Nearly all tokens are served in nineteen of twenty futures.")
    if outlook.gap is not None and outlook.gap.p5 > 0:
        said.append(
            f"Money is missing in nineteen of twenty futures: at least {money(outlook.gap.p5, outlook.currency)}."
        )
    if outlook.gap is not None and outlook.gap.p95 == 0:
        said.append("The money that was promised suffices in nineteen of twenty futures.")
    return said


def _loose_orders(outlook: Outlook) -> list[str]:
    loose = [row for row in outlook.orders if row.first_year and 1 - ROBUST < row.share < ROBUST]
    said: list[str] = []
    for row in loose[:MOST_NAMED]:
        goes = (
            f"; it goes with {row.goes_with}"
            if row.goes_with and abs(row.rank_correlation or 0) >= 0.3
            else ""
        )
        said.append(f"{_named(row.order)} in the first year in {share(row.share)} of the futures{goes}.")
    return said


def _loose_totals(outlook: Outlook) -> list[str]:
    said: list[str] = []
    if outlook.gap is not None and outlook.gap.p5 == 0 < outlook.gap.p95:
        said.append(
            f"Whether money is missing: nothing in some futures, {money(outlook.gap.p95, outlook.currency)} "
            "at the 95th percentile."
        )
    if outlook.unmet_share.p95 >= 0.001:
        one = outlook.unmet_share
        said.append(
            f"How much is left unserved: {share(one.p5)} of tokens at the 5th percentile, {share(one.p95)} at the 95th."
        )
    movers = [row for row in outlook.movers if abs(row.rank_correlation or 0.0) >= 0.2]
    ranked = sorted(movers, key=lambda row: -abs(row.rank_correlation or 0.0))
    if ranked:
        told = listed([f"{row.variable} ({row.rank_correlation:+.2f})" for row in ranked], MOST_NAMED)
        said.append(f"The cost, most of all on {told} by rank correlation.")
    return said


def _assumed(outlook: Outlook) -> list[str]:
    assumed, total = sum(row.assumed for row in outlook.movers), len(outlook.movers)
    if assumed == total:
        return [f"All {many(total, 'distribution')} are assumed."]
    return [f"{count(assumed)} of {many(total, 'distribution')} are assumed; the others have a source."]
