"""From announced to used power: every megawatt once, and at each step the cause."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final, Literal

from offtake.adapters.report.amounts import listed, power, power_scale
from offtake.adapters.report.document import Cells, Figure, Frame, Spec, Table, numbers, text
from offtake.adapters.report.drawing import amount_axis, ceiling, named_room, names_axis, plot, texts, values
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import LIGHT
from offtake.domain.estate import Site
from offtake.domain.handoffs import PowerRow

SLIVER_MW: Final = 1e-6


@dataclass(frozen=True, slots=True)
class Step:
    """A bar: a level that is reached, or what is lost or added on the way (MW or cents), with its cause."""

    name: str
    kind: Literal["level", "less", "more", "gap"]  # A gap is added, and stands out.
    amount: float
    cause: str


def waterfall(matter: Matter) -> Figure:
    """The bars from announced facility power to the IT power that the plan uses."""
    steps = steps_of(matter)
    per, unit = power_scale(step.amount for step in steps)
    final = matter.labels[-1]
    used = next(step.amount for step in steps if step.name.startswith("used"))
    lost = [step for step in steps if step.kind == "less"]
    largest = max(lost, key=lambda step: step.amount, default=None)
    says = f"Of {power(steps[0].amount)} announced, the plan uses {power(used)} of IT power in {final}."
    if largest is not None:
        says += f" The largest step is {largest.name}: {power(largest.amount)}."
    cells: Cells = tuple(
        (step.name, (-1 if step.kind == "less" else 1) * step.amount / per, step.cause) for step in steps
    )
    return Figure(
        "waterfall",
        "From announced to used power",
        says,
        Table(
            "waterfall",
            f"From announced to used power in {final}",
            matter.source("sites.", "programmes."),
            (text("step"), numbers("power", unit, 3), text("cause")),
            cells,
        ),
        lambda frame: draw_steps(frame, steps, per, unit, power),
        (
            ("a level", "blue", "fill"),
            ("not used, with its cause", "vermilion", "light"),
            *(
                (("added from elsewhere", "green", "light"),)
                if any(one.kind == "more" for one in steps)
                else ()
            ),
        ),
        open=True,
    )


def steps_of(matter: Matter) -> tuple[Step, ...]:
    """The steps in order; those of no size are left out, levels apart."""
    final = matter.labels[-1]
    rows = {row.site: row for row in matter.plan.power if row.period == final}
    facility = {id: row.announced_mw * _pue(matter.estate.sites.get(id)) for id, row in rows.items()}
    named = _programmes(matter, facility)
    no_site = sum(gap for _, gap in named)
    announced_it = sum(row.announced_mw for row in rows.values())
    plannable = sum(row.plannable_mw for row in rows.values())
    used = sum(row.used_mw for row in rows.values())
    firm = sum(min(row.used_mw, row.contracted_mw) for row in rows.values())
    steps = [
        Step(
            "announced",
            "level",
            sum(facility.values()) + no_site,
            "facility power of sites and programmes, nested ones once",
        ),
        Step(
            "no site named",
            "less",
            no_site,
            f"announced in {listed(name for name, _ in named)} without a site",
        ),
        Step(
            "cooling and losses",
            "less",
            sum(facility.values()) - announced_it,
            "facility power over IT power (PUE)",
        ),
        Step("IT power of sites", "level", announced_it, f"of {listed(matter.site(id) for id in rows)}"),
        Step(
            "not far enough",
            "less",
            announced_it - plannable,
            f"the plan counts power from status “{matter.estate.horizon.counts_from}” on",
        ),
        *_unused(matter, rows),
        Step(
            "used at sites",
            "level",
            used,
            f"{power(firm)} of it on power that is contracted or further, {power(used - firm)} on announced power",
        ),
    ]
    leased = _leased(matter)
    if leased > SLIVER_MW:
        steps.append(Step("leased from others", "more", leased, "IT power of accelerators had by the hour"))
        steps.append(Step("all that serves", "level", used + leased, "what stands for the need"))
    return tuple(step for step in steps if step.kind == "level" or step.amount > SLIVER_MW)


def _pue(site: Site | None) -> float:
    return 1.0 if site is None or site.pue is None else site.pue.value


def _programmes(matter: Matter, facility: dict[str, float]) -> list[tuple[str, float]]:
    """Power that programmes announce beyond that of their sites; programmes without sites are chips or leases."""
    parents = {id: one.part_of for id, one in matter.estate.programmes.items()}
    known = matter.plan.known_at
    below: dict[str, float] = defaultdict(float)
    for id, megawatts in facility.items():
        at = matter.estate.sites[id].part_of if id in matter.estate.sites else None
        while at is not None and at in parents:
            below[at] += megawatts
            at = parents[at]
    found: list[tuple[str, float]] = []
    for id, programme in matter.estate.programmes.items():
        hidden = known is not None and programme.announced is not None and programme.announced > known
        if programme.power is None or id not in below or hidden or _powered_above(matter, id):
            continue
        gap = programme.power.value - below[id]
        if gap > SLIVER_MW:
            found.append((programme.name or id, gap))
    return found


def _powered_above(matter: Matter, id: str) -> bool:
    at = matter.estate.programmes[id].part_of
    while at is not None and at in matter.estate.programmes:
        if matter.estate.programmes[at].power is not None:
            return True
        at = matter.estate.programmes[at].part_of
    return False


def _unused(matter: Matter, rows: dict[str, PowerRow]) -> list[Step]:
    """What could be planned on and is not used, by cause."""
    causes: dict[str, list[tuple[str, float]]] = {"built for others": [], "room left": []}
    for id, row in rows.items():
        site = matter.estate.sites.get(id)
        left = row.plannable_mw - row.used_mw
        if left <= SLIVER_MW:
            continue
        closed = site is not None and not site.builds and not site.stock
        causes["built for others" if closed else "room left"].append((matter.site(id), left))
    words = {
        "built for others": "the plan builds nothing there; what it leases there is counted with the leases",
        "room left": "more would cost more than it is worth, or comes too late",
    }
    return [
        Step(
            name,
            "less",
            sum(left for _, left in found),
            f"{listed(site for site, _ in found)}: {words[name]}",
        )
        for name, found in causes.items()
        if found
    ]


def _leased(matter: Matter) -> float:
    final = matter.labels[-1]
    forms = {id: facts.form for id, facts in matter.supplies.items()}
    return sum(
        row.power_mw
        for row in matter.plan.capacity
        if row.period == final and row.unit == "accelerators" and forms.get(row.supply) != "owned"
    )


def draw_steps(
    frame: Frame, steps: Sequence[Step], per: float, unit: str, written: Callable[[float], str]
) -> Spec:
    """Steps as bars, each beginning where the one before ends; `written` says an amount with its unit."""
    labels = [f"−{written(step.amount)}" for step in steps]
    room = named_room(frame, [step.name for step in steps], labels)
    data: list[dict[str, object]] = []
    level = 0.0
    for step in steps:
        size = step.amount / per
        low, high = (
            (0.0, size)
            if step.kind == "level"
            else (level - size, level)
            if step.kind == "less"
            else (level, level + size)
        )
        level = high if step.kind != "less" else low
        sign = {"level": "", "less": "−", "more": "+", "gap": "+"}[step.kind]
        data.append(
            {
                "name": step.name,
                "from": max(low, 0.0),
                "to": high,
                "label": f"{sign}{written(step.amount)}",
                "kind": step.kind,
            }
        )
    top = ceiling(max(float(str(row["to"])) for row in data))
    y = names_axis([step.name for step in steps], room)
    x = {**amount_axis(unit, top, "x", ticks=3 if frame.narrow else 5), "field": "from"}
    layers: list[Spec] = []
    for kind, colour, opacity in (
        ("level", "blue", 1.0),
        ("less", "vermilion", 0.45),
        ("more", "green", 0.45),
        ("gap", "vermilion", 1.0),
    ):
        mine = [row for row in data if row["kind"] == kind]
        if mine:
            mark: Spec = {"type": "bar", "fill": LIGHT[colour], "fillOpacity": opacity}
            if kind != "level":
                mark |= {"stroke": LIGHT[colour], "strokeWidth": 1.2}
            layers.append(
                {"data": values(mine), "mark": mark, "encoding": {"y": y, "x": x, "x2": {"field": "to"}}}
            )
    layers.append(texts(data, {**x, "field": "to"}, y, align="left", dx=6, baseline="middle"))
    height = (30 if frame.narrow else 34) * len(steps)
    return plot(frame, height, room, layers)
