"""What stands: capacity by provider and status over time, and the power of the sites from announced to used."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

from offtake.adapters.report.amounts import count, listed, power, power_scale
from offtake.adapters.report.document import Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import (
    DENSE,
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    line,
    panel,
    panels_grid,
    plot,
    stack,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter, ranked
from offtake.adapters.report.palette import LIGHT
from offtake.adapters.report.sections.waterfall import waterfall
from offtake.domain.outlook import BandRow

HELD: Final = "under contract today"
LEASED: Final = "leased by this plan"
FIRM: Final = "built on contracted power"
ANNOUNCED: Final = "built on announced power only"
STYLES: Final = {
    HELD: Style("blue"),
    LEASED: Style("sky", "outline"),
    FIRM: Style("green"),
    ANNOUNCED: Style("amber", "outline"),
}
STATUS: Final = {
    "energised": Style("green"),
    "contracted, financed or building": Style("sky"),
    "announced only": Style("grey", "outline"),
}
MOST_PANELS: Final = 12
SOURCES: Final = ("sites.", "products.", "accelerators.")


@dataclass(frozen=True, slots=True)
class Panel:
    """One provider's (or supply's) capacity: amounts by status and period, in a unit."""

    name: str
    unit: str
    parts: dict[str, dict[str, float]]

    @property
    def peak(self) -> float:
        """The most that stands in any period."""
        sums: dict[str, float] = defaultdict(float)
        for heights in self.parts.values():
            for at, value in heights.items():
                sums[at] += value
        return max(sums.values(), default=0.0)


def capacity(matter: Matter) -> Section | None:
    """Capacity by provider and status, power by status, and the way from announced to used."""
    panels = _by_provider(matter) if matter.view == "power" else _by_supply(matter)
    if not panels:
        return None
    blocks = [_panels(matter, panels)]
    if matter.plan.power:
        blocks += [power_by_status(matter), waterfall(matter)]
    title = "Capacity and power" if matter.plan.power else "Capacity"
    return Section("capacity", title, _lead(matter, panels), tuple(blocks))


def _lead(matter: Matter, panels: Sequence[Panel]) -> str:
    final = matter.labels[-1]
    if matter.view == "power":
        total = sum(heights.get(final, 0.0) for panel in panels for heights in panel.parts.values())
        return f"In {final} the plan stands on {power(total)} of IT power, from {len(panels)} providers."
    said = [f"{count(panel.peak)} {panel.unit} of {panel.name}" for panel in panels]
    return f"At its most the plan stands on {listed(said)}."


def _fixed_power(matter: Matter) -> dict[tuple[str, str], float]:
    """IT power of what is under contract at each site by period (MW)."""
    found: dict[tuple[str, str], float] = defaultdict(float)
    for row in matter.plan.capacity:
        facts = matter.supplies.get(row.supply)
        stands = row.contracted + row.added
        if facts is not None and facts.form == "owned" and facts.site is not None and stands > 0:
            found[facts.site, row.period] += row.power_mw * row.contracted / stands
    return found


def _firm_share(matter: Matter) -> dict[tuple[str, str], float]:
    """Of what the plan adds at each site and period, the share that fits on contracted power."""
    fixed = _fixed_power(matter)
    found: dict[tuple[str, str], float] = {}
    for row in matter.plan.power:
        held = fixed.get((row.site, row.period), 0.0)
        added = row.used_mw - held
        room = max(0.0, min(row.used_mw, row.contracted_mw) - held)
        found[row.site, row.period] = 1.0 if added <= 1e-9 else min(1.0, room / added)
    return found


def _split(matter: Matter, per_mw: bool) -> list[tuple[str, str, str, float]]:
    """(supply, period, status, amount) of all capacity, in MW or in its own unit."""
    firm = _firm_share(matter)
    found: list[tuple[str, str, str, float]] = []
    for row in matter.plan.capacity:
        stands = row.contracted + row.added
        if row.unit == "tokens/s" or stands <= 0:
            continue
        scale = row.power_mw / stands if per_mw else 1.0
        found.append((row.supply, row.period, HELD, row.contracted * scale))
        facts = matter.supplies.get(row.supply)
        if facts is not None and facts.form == "owned" and facts.site is not None:
            part = firm.get((facts.site, row.period), 1.0)
            found.append((row.supply, row.period, FIRM, row.added * scale * part))
            found.append((row.supply, row.period, ANNOUNCED, row.added * scale * (1 - part)))
        else:
            found.append((row.supply, row.period, LEASED, row.added * scale))
    return [one for one in found if one[3] > 1e-9]


def _gathered(rows: Sequence[tuple[str, str, str, float]], units: dict[str, str]) -> list[Panel]:
    parts: dict[str, dict[str, dict[str, float]]] = {}
    for name, period, status, value in rows:
        slot = parts.setdefault(name, {key: {} for key in STYLES})[status]
        slot[period] = slot.get(period, 0.0) + value
    panels = [Panel(name, units[name], statuses) for name, statuses in parts.items()]
    return sorted(panels, key=lambda panel: (panel.unit, -panel.peak, panel.name))


def _by_provider(matter: Matter) -> list[Panel]:
    rows = [
        (matter.provider(matter.provider_of(supply)), period, status, value)
        for supply, period, status, value in _split(matter, per_mw=True)
    ]
    sums: dict[str, float] = defaultdict(float)
    for name, _, _, value in rows:
        sums[name] += value
    keep = ranked(sums)[: MOST_PANELS - 1] if len(sums) > MOST_PANELS else list(sums)
    rows = [
        (name if name in keep else "others", period, status, value) for name, period, status, value in rows
    ]
    return _gathered(rows, {name: "MW" for name, *_ in rows})


def _by_supply(matter: Matter) -> list[Panel]:
    unit = {row.supply: row.unit for row in matter.plan.capacity}
    rows: list[tuple[str, str, str, float]] = []
    units: dict[str, str] = {}
    for supply, period, status, value in _split(matter, per_mw=False):
        name = f"{matter.provider(matter.provider_of(supply))} · {matter.supply(supply).split(' · ')[-1]}"
        rows.append((name, period, status, value))
        units[name] = unit[supply]
    return _gathered(rows, units)


def _panels(matter: Matter, panels: list[Panel]) -> Figure:
    found = {status for panel in panels for status, heights in panel.parts.items() if heights}
    cells: Cells = tuple(
        (panel.name, period, status, panel.parts[status][period], panel.unit)
        for panel in panels
        for period in matter.labels
        for status in STYLES
        if period in panel.parts[status]
    )
    builder = matter.view == "power"
    drawn = [
        replace(panel, parts={name: matter.lasting(heights) for name, heights in panel.parts.items()})
        for panel in panels
    ]
    what = "IT power" if builder else "accelerators and units"
    says = f"Each panel is one {'provider' if builder else 'supply'}: {what} that stand, by how far they have got."
    if builder:
        says += f" All panels share one scale, in {power_scale([max(panel.peak for panel in panels)])[1]}."
    return Figure(
        "capacity",
        "Capacity by provider and status",
        says,
        Table(
            "capacity",
            "Capacity by provider, period and status",
            matter.source(*SOURCES),
            (text("provider"), text("period"), text("status"), numbers("stands", "", 3), text("unit")),
            cells,
        ),
        lambda frame: _grid(frame, drawn, matter.columns, shared=builder),
        tuple(style.legend(name) for name, style in STYLES.items() if name in found),
    )


def _grid(frame: Frame, panels: list[Panel], labels: list[str], *, shared: bool) -> Spec:
    across = min(len(panels), 2 if frame.narrow and shared else 1 if frame.narrow else 4 if shared else 2)
    left = 46 if shared else 52
    width = (frame.width - across * left - 8) // across
    peak = max(panel.peak for panel in panels)
    cells: list[Spec] = []
    for one in panels:
        top = ceiling(peak / power_scale([peak])[0] if shared else one.peak)
        per = power_scale([peak])[0] if shared else 1.0
        rows, _ = stack(labels, {name: _scaled(heights, per) for name, heights in one.parts.items()})
        y = amount_axis("", top)
        x = time_axis(labels, frame, across)
        title = one.name if shared else f"{one.name} ({one.unit})"
        layers = columns(rows, STYLES, x, y, dense=len(labels) > DENSE)
        cells.append(panel([title], width, 92 if shared else 150, layers, frame))
    return panels_grid(cells, across, left, lines=1)


def _scaled(heights: dict[str, float], per: float) -> dict[str, float]:
    return {at: value / per for at, value in heights.items()}


def power_by_status(matter: Matter) -> Figure:
    """Power of all sites by status over time, and the line of what the plan uses."""
    levels: dict[str, dict[str, float]] = {name: defaultdict(float) for name in STATUS}
    used: dict[str, float] = defaultdict(float)
    standing, middle, announced = STATUS
    for row in matter.plan.power:
        levels[standing][row.period] += row.energised_mw
        levels[middle][row.period] += row.contracted_mw - row.energised_mw
        levels[announced][row.period] += row.announced_mw - row.contracted_mw
        used[row.period] += row.used_mw
    labels = matter.labels
    per, unit = power_scale(matter.power_by_period.values())
    parts = {name: _scaled(matter.lasting(heights), per) for name, heights in levels.items()}
    final = labels[-1]
    total = sum(levels[name].get(final, 0.0) for name in levels)
    says = (
        f"In {final} the sites have {power(total)} of IT power announced, of which {power(levels[standing][final])} "
        f"stand today; the plan uses {power(used[final])} (dark line)."
    )
    cells: Cells = tuple(
        (at, *(levels[name].get(at, 0.0) / per for name in STATUS), used[at] / per) for at in labels
    )
    heads = (
        text("period"),
        *(numbers(name, unit, 3) for name in STATUS),
        numbers("used by the plan", unit, 3),
    )
    outlook = matter.extras.outlook
    band = [] if outlook is None else [row for row in outlook.bands if row.series == "site_power_mw"]
    if band:
        says += (
            f" In nine of ten futures it is between {power(band[-1].p5)} and {power(band[-1].p95)} by then, each "
            "with a plan of its own (band)."
        )
    return Figure(
        "power",
        "Power of the sites, by how far it has got",
        says,
        Table("power", "IT power of all sites by period and status", matter.source("sites."), heads, cells),
        lambda frame: _status(frame, matter.columns, parts, _scaled(matter.lasting(used), per), unit, band),
        (
            *(style.legend(name) for name, style in STATUS.items() if parts[name]),
            ("used by the plan", "ink", "line"),
            *([("used in nine of ten futures", "plum", "fill")] if band else []),
        ),
    )


def _status(
    frame: Frame,
    labels: list[str],
    parts: dict[str, dict[str, float]],
    used: dict[str, float],
    unit: str,
    band: Sequence[BandRow],
) -> Spec:
    rows, tallest = stack(labels, parts)
    per = 1000.0 if unit == "GW" else 1.0 if unit == "MW" else 0.001
    top = ceiling(max(tallest, *(row.p95 / per for row in band), 0.0))
    x, y = time_axis(labels, frame), amount_axis(unit, top)
    points = [{"x": at, "to": used.get(at, 0.0)} for at in labels]
    halo = line(points, x, y, "paper", strokeWidth=5)
    shown = line(
        points,
        x,
        y,
        "ink",
        point={"filled": True, "size": 28, "fill": LIGHT["ink"]} if len(labels) < 13 else False,
    )
    empty: Spec = {"data": values([]), "mark": "point", "encoding": {}}
    layers = columns(rows, STATUS, x, y) or [empty]
    if band:
        edges = values({"x": row.at, "from": row.p5 / per, "to": row.p95 / per} for row in band)
        mark: Spec = {"type": "area", "fill": LIGHT["plum"], "fillOpacity": 0.35}
        layers.append(
            {
                "data": edges,
                "mark": mark,
                "encoding": {"x": x, "y": {**y, "field": "from"}, "y2": {"field": "to"}},
            }
        )
    return plot(frame, 220 if frame.narrow else 260, Room(), [*layers, halo, shown])
