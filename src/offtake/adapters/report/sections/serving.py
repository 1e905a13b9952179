"""Who serves what: load by provider over time, client regions against places, and where data is processed."""

from __future__ import annotations

from collections import defaultdict
from typing import Final

from offtake.adapters.report.amounts import digits, listed, rate, rate_scale, share
from offtake.adapters.report.document import Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import (
    Room,
    Style,
    amount_axis,
    ceiling,
    columns,
    end_labels,
    names_axis,
    plot,
    stack,
    texts,
    time_axis,
    values,
)
from offtake.adapters.report.matter import Matter, ranked
from offtake.adapters.report.palette import LIGHT, SERIES, on
from offtake.domain.workloads import InferenceClass

MOST_SERIES: Final = 7
UNMET: Final = "left unmet"
OTHERS: Final = "others"
DEEPEST: Final = 0.62  # Of the blue of a full cell: ink stays readable on it in both themes.
SOURCES: Final = ("workloads.", "models.", "products.", "sites.")


def serving(matter: Matter) -> Section | None:
    """Who serves which client region, how far away, and where data is processed."""
    if not matter.plan.served:
        return None
    providers = {row.provider for row in matter.plan.served if row.provider}
    lead = (
        f"{len({row.workload for row in matter.plan.served})} kinds of traffic are served by "
        f"{len(providers)} providers."
    )
    blocks = (load(matter), matrix(matter), processing(matter))
    return Section("serving", "Who serves what, and where", lead, blocks)


def _series_of(matter: Matter) -> dict[tuple[str | None, str], str]:
    """The name of the series that each (provider, supply) belongs to."""
    sums: dict[str, float] = defaultdict(float)
    ways: dict[tuple[str | None, str], str] = {}
    detailed = matter.view == "tokens"
    for row in matter.plan.served:
        name = matter.provider(row.provider)
        ways[row.provider, row.supply] = f"{name}, {matter.way(row.supply)}" if detailed else name
        sums[ways[row.provider, row.supply]] += row.tokens_per_s * matter.days(row.period)
    kept = set(ranked(sums)[: MOST_SERIES - (1 if len(sums) > MOST_SERIES else 0)])
    return {key: name if name in kept else OTHERS for key, name in ways.items()}


def load(matter: Matter) -> Figure:
    """Tokens per second by provider and period, with what is left unmet."""
    series_of = _series_of(matter)
    parts: dict[str, dict[str, float]] = defaultdict(lambda: defaultdict(float))
    for row in matter.plan.served:
        parts[series_of[row.provider, row.supply]][row.period] += row.tokens_per_s
    unmet: dict[str, float] = defaultdict(float)
    for gap in matter.plan.unmet:
        if gap.period is not None:
            unmet[gap.period] += gap.tokens_per_s
    order = sorted(parts, key=lambda name: (name == OTHERS, -sum(parts[name].values()), name))
    stacked = {name: dict(parts[name]) for name in order}
    if unmet:
        stacked[UNMET] = dict(unmet)
    styles = {
        name: Style("grey", "outline")
        if name == UNMET
        else Style("grey" if name == OTHERS else SERIES[n % len(SERIES)])
        for n, name in enumerate(stacked)
    }
    labels = matter.labels
    shown = {name: matter.mean(heights) for name, heights in stacked.items()}
    per, unit = rate_scale(sum(heights.get(label, 0.0) for heights in stacked.values()) for label in labels)
    scaled = {name: {at: one / per for at, one in heights.items()} for name, heights in shown.items()}
    first, final = (
        sum(heights.get(at, 0.0) for heights in stacked.values()) for at in (labels[0], labels[-1])
    )
    says = f"The mean load grows from {rate(first)} in {labels[0][:6]} to {rate(final)} in {labels[-1]}"
    says += "." if not unmet else "; the dashed part is left unmet."
    cells: Cells = tuple(
        (label, name, stacked[name][label] / per)
        for label in labels
        for name in stacked
        if label in stacked[name]
    )
    return Figure(
        "load",
        "Tokens served, by provider",
        says,
        Table(
            "load",
            "Tokens served, by provider and period",
            matter.source(*SOURCES),
            (text("period"), text("served by"), numbers("mean load", unit, 3)),
            cells,
        ),
        lambda frame: _columns(frame, matter.columns, scaled, styles, unit),
        tuple(style.legend(name) for name, style in styles.items()),
    )


def _columns(
    frame: Frame, labels: list[str], parts: dict[str, dict[str, float]], styles: dict[str, Style], unit: str
) -> Spec:
    room = Room(right=14 if frame.narrow else 168)
    height = 240 if frame.narrow else 320
    rows, tallest = stack(labels, parts)
    top = ceiling(tallest)
    x, y = time_axis(labels, frame), amount_axis(unit, top)
    layers = columns(rows, styles, x, y)
    if not frame.narrow:
        layers.append(end_labels(rows, labels[-1], y, top, height, frame.width - room.left - room.right))
    return plot(frame, height, room, layers)


def _place(matter: Matter, supply: str, region: str | None) -> str:
    """Where a supply stands, or that it may be anywhere."""
    facts = matter.supplies.get(supply)
    if facts is not None and facts.may_process_in is not None and "*" in facts.may_process_in:
        return "anywhere"
    return matter.region(region)


def matrix(matter: Matter) -> Figure:
    """Client regions against the places that serve them: share of the tokens, and the round trip."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    trips: dict[tuple[str, str], float | None] = {}
    for row in matter.plan.served:
        key = (matter.region(row.client_region), _place(matter, row.supply, row.region))
        sums[key] += row.tokens_per_s * matter.days(row.period)
        trips[key] = None if key[1] == "anywhere" else _trip(matter, row.client_region, row.region)
    by_client: dict[str, float] = defaultdict(float)
    by_place: dict[str, float] = defaultdict(float)
    for (client, place), tokens in sums.items():
        by_client[client] += tokens
        by_place[place] += tokens
    clients, places = ranked(by_client), ranked(by_place)
    cells: list[tuple[str, str, float, float | None]] = [
        (client, place, 100 * sums[client, place] / by_client[client], trips[client, place])
        for client in clients
        for place in places
        if (client, place) in sums
    ]
    known = [one[3] for one in cells if one[3] is not None]
    says = f"Each row is a region of clients and adds to 100 % of its tokens; {len(places)} places serve."
    if known:
        statistic = matter.estate.latency.statistic
        says += f" Round trips ({statistic}) run from {digits(min(known))} to {digits(max(known))} ms."
    return Figure(
        "matrix",
        "From which place each client region is served",
        says,
        Table(
            "matrix",
            "Client regions and the places that serve them",
            matter.source("latency.", "workloads.", "models."),
            (
                text("clients in"),
                text("served from"),
                numbers("share of tokens", "%", 1),
                numbers("round trip", "ms", 0),
            ),
            tuple(cells),
        ),
        lambda frame: _matrix(frame, clients, places, cells),
    )


def _trip(matter: Matter, client: str, region: str | None) -> float | None:
    pairs = matter.estate.latency.pairs
    if region is None:
        return None
    found = pairs.get(client, {}).get(region)
    if found is None and matter.estate.latency.symmetric:
        found = pairs.get(region, {}).get(client)
    return None if found is None else found.value


def _matrix(
    frame: Frame, clients: list[str], places: list[str], cells: list[tuple[str, str, float, float | None]]
) -> Spec:
    turned = frame.narrow or len(places) > 5
    top, right = (104 if frame.narrow else 98, 46 if frame.narrow else 62) if turned else (30, 4)
    room = Room(left=112 if frame.narrow else 158, right=right, top=top, bottom=4)
    step = 38 if frame.narrow else 42
    rows = [
        {
            "name": client,
            "place": place,
            "share": part,
            "label": f"{part:.0f}" if frame.narrow else f"{part:.0f} %" if part >= 0.5 else "<1 %",
            "trip": "" if trip is None else f"{trip:.0f} ms",
        }
        for client, place, part, trip in cells
    ]
    x: Spec = {
        "field": "place",
        "type": "nominal",
        "scale": {"domain": places, "padding": 0.06},
        "axis": {
            "orient": "top",
            "title": None,
            "domain": False,
            "labelAngle": -42 if turned else 0,
            "labelAlign": "left" if turned else "center",
            "labelColor": LIGHT["ink"],
            "labelLimit": 140,
        },
    }
    y = names_axis(clients, room, 0.06)
    opacity: Spec = {
        "field": "share",
        "type": "quantitative",
        "scale": {"domain": [0, 100], "range": [0.07, DEEPEST]},
        "legend": None,
    }
    layers: list[Spec] = [
        {
            "data": values(rows),
            "mark": {"type": "rect", "fill": LIGHT["blue"], "cornerRadius": 3},
            "encoding": {"x": x, "y": y, "fillOpacity": opacity},
        }
    ]
    layers.append(texts(rows, x, y, baseline="middle", dy=-6 if not frame.narrow else 0))
    if not frame.narrow:
        trips = [{**row, "label": row["trip"]} for row in rows]
        layers.append(texts(trips, x, y, baseline="middle", dy=9, fontSize=10.5))
    return plot(frame, step * len(clients), room, layers)


def processed_in(matter: Matter, supply: str) -> str:
    """Where a supply may process, in words: the areas it states, else the countries."""
    facts = matter.supplies.get(supply)
    if facts is None or facts.may_process_in is None:
        return "not stated"
    deployment = matter.estate.deployments.get(facts.deployment or "")
    if "*" in facts.may_process_in:
        return "anywhere in the world"
    if deployment is not None and deployment.may_process_in:
        return " or ".join(sorted(deployment.may_process_in))
    return " or ".join(sorted(facts.may_process_in))


def processing(matter: Matter) -> Figure:
    """For every class of traffic the places where its data may be processed, by share of its tokens."""
    sums: dict[tuple[str, str], float] = defaultdict(float)
    by_place: dict[str, float] = defaultdict(float)
    total: dict[str, float] = defaultdict(float)
    for row in matter.plan.served:
        tokens = row.tokens_per_s * matter.days(row.period)
        place = processed_in(matter, row.supply)
        sums[row.workload, place] += tokens
        by_place[place] += tokens
        total[row.workload] += tokens
    named = {id: _named(matter, id) for id in total}
    places = ranked(by_place)
    keep = places[: MOST_SERIES - 1] if len(places) > MOST_SERIES else places
    parts: dict[str, dict[str, float]] = {place: {} for place in keep}
    if len(keep) < len(places):
        parts[OTHERS] = {}
    for (workload, place), tokens in sums.items():
        slot = parts[place if place in keep else OTHERS]
        slot[named[workload]] = slot.get(named[workload], 0.0) + 100 * tokens / total[workload]
    styles = {name: Style("grey" if name == OTHERS else SERIES[n]) for n, name in enumerate(parts)}
    cells: Cells = tuple(
        (workload, _data(matter, workload), place, 100 * sums[workload, place] / total[workload])
        for workload in total
        for place in places
        if (workload, place) in sums
    )
    wide = [id for id in total if sums.get((id, "anywhere in the world"), 0.0) > 0]
    says = (
        f"Of {listed(wide)} a part may be processed anywhere; the rest stays in the places named."
        if wide
        else "All traffic stays in the places named; nothing may be processed just anywhere."
    )
    return Figure(
        "processing",
        "Where data may be processed",
        says,
        Table(
            "processing",
            "Where each class of traffic may be processed",
            matter.source("deployments.", "regions.", "agreements."),
            (
                text("traffic"),
                text("class of data"),
                text("may be processed in"),
                numbers("share of tokens", "%", 1),
            ),
            cells,
        ),
        lambda frame: _bars(frame, list(named.values()), parts, styles),
        tuple(style.legend(name) for name, style in styles.items()),
    )


def _named(matter: Matter, workload: str) -> str:
    entry = matter.estate.workloads.get(workload)
    data = entry.data_class if isinstance(entry, InferenceClass) else None
    return f"{workload} · {data} data" if data else workload


def _data(matter: Matter, workload: str) -> str:
    entry = matter.estate.workloads.get(workload)
    return (entry.data_class or "unclassed") if isinstance(entry, InferenceClass) else "training"


def _bars(
    frame: Frame, names: list[str], parts: dict[str, dict[str, float]], styles: dict[str, Style]
) -> Spec:
    room = Room(left=132 if frame.narrow else 220, right=16, top=6, bottom=34)
    rows, _ = stack(names, parts)
    y = names_axis(names, room)
    x = {**amount_axis("% of its tokens", 100.0, "x"), "field": "from"}
    literal: Spec = {"field": "colour", "type": "nominal", "scale": None}
    data: list[dict[str, object]] = []
    for row in rows:
        low, high = row["from"], row["to"]
        if isinstance(low, float) and isinstance(high, float):
            part = high - low
            label = share(part / 100) if part >= (22 if frame.narrow else 9) else ""
            colour = styles[str(row["series"])].colour
            data.append(
                {
                    **row,
                    "name": row["x"],
                    "colour": LIGHT[colour],
                    "ink": on(colour),
                    "label": label,
                    "to": high,
                    "middle": (low + high) / 2,
                }
            )
    bars: Spec = {
        "data": values(data),
        "mark": {"type": "bar", "stroke": LIGHT["paper"], "strokeWidth": 0.75},
        "encoding": {"y": y, "x": x, "x2": {"field": "to"}, "fill": literal},
    }
    layers = [bars]
    for ink in ("paper", "on-sky"):
        mine = [row for row in data if row["ink"] == ink]
        middle = {**x, "field": "middle"}
        layers.append(texts(mine, middle, y, baseline="middle", color=LIGHT[ink], fontWeight="bold"))
    return plot(frame, 34 * len(names), room, layers)
