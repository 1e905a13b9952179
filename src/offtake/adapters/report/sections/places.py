"""Sites and regions on a map that needs no network: land as outlines, places as dots sized by power or by tokens."""

from __future__ import annotations

import json
import math
from collections import defaultdict
from dataclasses import dataclass
from functools import lru_cache
from importlib import resources
from typing import Final, cast

from offtake.adapters.report.amounts import count, power, rate
from offtake.adapters.report.document import Cells, Figure, Frame, Section, Spec, Table, numbers, text
from offtake.adapters.report.drawing import Room, pixel, plot, texts, values
from offtake.adapters.report.matter import Matter
from offtake.adapters.report.palette import LIGHT

LAND_SOURCE: Final = "land: Natural Earth 1:110m, public domain"
LEAST_SPAN: Final = 24.0  # Degrees of longitude that a map shows at least.
CHARACTER: Final = 6.4  # Pixels of a label's character, about.


@dataclass(frozen=True, slots=True)
class Place:
    """A dot: a name, degrees, what its size says, and whether it is a site, a region that serves, or clients."""

    name: str
    latitude: float
    longitude: float
    amount: float
    kind: str
    stands: str = ""  # The sites there, or the deployments.


def places(matter: Matter) -> Section | None:
    """The map, where regions have coordinates."""
    found = places_of(matter)
    if not found:
        return None
    builder = matter.view == "power"
    largest = max(found, key=lambda one: (one.amount, one.name))
    size = power(largest.amount) if builder else rate(largest.amount)
    says = (
        f"The dots that serve are sized by {'IT power' if builder else 'tokens served'}; "
        f"the largest is {largest.name} with {size}."
    )
    unit = "MW" if builder else "tokens/s"
    cells: Cells = tuple(
        (one.name, one.kind, one.stands, one.latitude, one.longitude, one.amount or None) for one in found
    )
    figure = Figure(
        "map",
        "Places that serve, and their clients",
        says,
        Table(
            "map",
            "Places on the map",
            f"{matter.source('regions.', 'sites.')} {LAND_SOURCE[0].upper()}{LAND_SOURCE[1:]}.",
            (
                text("place"),
                text("kind"),
                text("what stands there"),
                numbers("latitude", "°", 2),
                numbers("longitude", "°", 2),
                numbers("IT power" if builder else "mean load", unit, 1),
            ),
            cells,
        ),
        lambda frame: _draw(frame, found),
        (("serves", "blue", "dot"), ("clients", "vermilion", "diamond")),
    )
    clients = sum(one.kind == "clients" for one in found)
    lead = f"{count(len(found) - clients)} places serve clients in {count(clients)} regions."
    return Section("map", "Places", lead, (figure,))


def places_of(matter: Matter) -> tuple[Place, ...]:
    """Regions that serve, with what they serve, and regions of clients. Regions without coordinates are left out."""
    serves: dict[str, float] = defaultdict(float)
    clients: set[str] = set()
    final = matter.labels[-1]
    days = sum(matter.days(label) for label in matter.labels)
    for row in matter.plan.served:
        clients.add(row.client_region)
        if row.region is not None and matter.view == "tokens":
            serves[row.region] += row.tokens_per_s * matter.days(row.period) / days
    if matter.view == "power":
        for row in matter.plan.capacity:
            facts = matter.supplies.get(row.supply)
            if (
                row.period == final
                and facts is not None
                and facts.region is not None
                and row.unit != "tokens/s"
            ):
                serves[facts.region] += row.power_mw
    found: list[Place] = []
    for id, region in matter.estate.regions.items():
        if region.at is None:
            continue
        if serves.get(id, 0.0) > 0:
            found.append(Place(id, *region.at, serves[id], "serves", _standing(matter, id)))
        if id in clients:
            found.append(Place(id, *region.at, 0.0, "clients"))
    return tuple(found)


def _standing(matter: Matter, region: str) -> str:
    """The sites of a region, and the providers that lease or serve from there."""
    sites = [matter.site(id) for id, site in matter.estate.sites.items() if site.region == region]
    others = {
        matter.provider(facts.provider)
        for row in matter.plan.capacity
        if (facts := matter.supplies.get(row.supply)) is not None
        and facts.region == region
        and facts.form != "owned"
    }
    return "; ".join((*sites, *sorted(others)))


@lru_cache(maxsize=1)
def _land() -> tuple[tuple[tuple[float, float], ...], ...]:
    raw = resources.files("offtake.adapters.report").joinpath("assets", "land.json").read_text()
    rings = cast("list[list[float]]", json.loads(raw)["rings"])
    return tuple(tuple(zip(ring[::2], ring[1::2], strict=True)) for ring in rings)


@dataclass(frozen=True, slots=True)
class View:
    """An equirectangular view: degrees at its west and north, pixels per degree, and the shrinking of longitude."""

    west: float
    north: float
    scale: float
    squeeze: float
    width: float
    height: float

    def at(self, latitude: float, longitude: float) -> tuple[float, float]:
        """Pixels from the left and from the top."""
        return (longitude - self.west) * self.squeeze * self.scale, (self.north - latitude) * self.scale


def view_of(found: tuple[Place, ...], width: float, narrow: bool) -> View:
    """The view that holds every place with room around it, never taller than wide."""
    south, north = min(one.latitude for one in found), max(one.latitude for one in found)
    west, east = min(one.longitude for one in found), max(one.longitude for one in found)
    squeeze = max(0.5, math.cos(math.radians((south + north) / 2)))
    span = max((east - west) * 1.22, LEAST_SPAN)
    scale = width / (span * squeeze)
    middle = (south + north) / 2
    tall = max(north - south + (16 if span > 60 else 8), width * (0.52 if narrow else 0.42) / scale)
    height = min(tall * scale, width * (1.1 if narrow else 0.62))
    return View((west + east) / 2 - span / 2, middle + height / scale / 2, scale, squeeze, width, height)


def _draw(frame: Frame, found: tuple[Place, ...]) -> Spec:
    view = view_of(found, float(frame.width - 4), frame.narrow)
    x, y = pixel("x", view.width), pixel("y", view.height, flipped=True)
    largest = max(one.amount for one in found) or 1.0
    biggest = 700.0 if frame.narrow else 1500.0
    dots: list[dict[str, object]] = []
    for one in sorted(found, key=lambda place: (-place.amount, place.name)):
        left, top = view.at(one.latitude, one.longitude)
        size = 60.0 if one.kind == "clients" else max(60.0, biggest * one.amount / largest)
        dots.append({"x": left, "y": top, "size": size, "kind": one.kind, "name": one.name})
    serves = [dot for dot in dots if dot["kind"] == "serves"]
    clients = [dot for dot in dots if dot["kind"] == "clients"]
    layers: list[Spec] = [_land_layer(view)]
    for mine, colour, shape, opacity in (
        (serves, "blue", "circle", 0.72),
        (clients, "vermilion", "diamond", 1.0),
    ):
        mark: Spec = {
            "type": "point",
            "filled": True,
            "fill": LIGHT[colour],
            "shape": shape,
            "fillOpacity": opacity,
        }
        mark |= {"stroke": LIGHT["paper"], "strokeWidth": 1.2, "opacity": 1}
        literal: Spec = {"field": "size", "type": "quantitative", "scale": None, "legend": None}
        layers.append({"data": values(mine), "mark": mark, "encoding": {"x": x, "y": y, "size": literal}})
    for halo in (True, False):
        for align in ("left", "right", "center"):
            labels = [one for one in _labels(dots, view, frame) if one["align"] == align]
            if not labels:
                continue
            style: Spec = {"align": align, "baseline": "middle", "fontSize": 10.5 if frame.narrow else 12}
            if halo:
                style |= {
                    "stroke": LIGHT["paper"],
                    "strokeWidth": 3,
                    "strokeOpacity": 0.9,
                    "strokeJoin": "round",
                }
            layers.append(texts(labels, x, y, **style))
    return plot(frame, round(view.height), Room(2, 2, 2, 2), layers)


def _land_layer(view: View) -> Spec:
    shapes: list[dict[str, object]] = []
    for ring in _land():
        points = [view.at(latitude, longitude) for longitude, latitude in ring]
        xs, ys = [p[0] for p in points], [p[1] for p in points]
        if max(xs) < 0 or min(xs) > view.width or max(ys) < 0 or min(ys) > view.height:
            continue
        clipped = clip(points, view.width, view.height)
        if len(clipped) > 2:
            path = [[round(px, 1), round(py, 1)] for px, py in clipped]
            shapes.append(
                {"type": "Feature", "geometry": {"type": "Polygon", "coordinates": [[*path, path[0]]]}}
            )
    return {
        "data": {"values": shapes},
        "projection": {"type": "identity", "scale": 1, "translate": [0, 0]},
        "mark": {"type": "geoshape", "fill": LIGHT["land"], "stroke": LIGHT["paper"], "strokeWidth": 0.6},
    }


def clip(points: list[tuple[float, float]], width: float, height: float) -> list[tuple[float, float]]:
    """A ring cut to the box from the origin to (width, height), edge by edge (Sutherland and Hodgman, 1974)."""
    found = points
    for axis, limit, keeps_below in ((0, 0.0, False), (0, width, True), (1, 0.0, False), (1, height, True)):
        source, found = found, list[tuple[float, float]]()
        for here, before in zip(source, source[-1:] + source[:-1], strict=True):
            inside = here[axis] <= limit if keeps_below else here[axis] >= limit
            was = before[axis] <= limit if keeps_below else before[axis] >= limit
            if inside != was:
                part = (limit - before[axis]) / (here[axis] - before[axis])
                found.append(
                    (before[0] + part * (here[0] - before[0]), before[1] + part * (here[1] - before[1]))
                )
            if inside:
                found.append(here)
    return found


def _labels(dots: list[dict[str, object]], view: View, frame: Frame) -> list[dict[str, object]]:
    """Names beside their dots where no other name stands; a name that finds no room is in the table only."""
    taken: list[tuple[float, float, float, float]] = []
    placed: list[dict[str, object]] = []
    named: set[object] = set()
    boxes: list[tuple[float, float, float, float]] = []
    for dot in dots:
        x, y, size = (float(str(dot[key])) for key in ("x", "y", "size"))
        radius = math.sqrt(size / math.pi)
        boxes.append((x - radius, y - radius, x + radius, y + radius))
    character = CHARACTER * (0.86 if frame.narrow else 1.0)
    for dot, box in zip(dots, boxes, strict=True):
        if dot["name"] in named:
            continue
        x, y = (float(str(dot[key])) for key in ("x", "y"))
        radius, wide = box[2] - x, character * len(str(dot["name"]))
        for align, dx, dy in (
            ("left", radius + 4, 0.0),
            ("right", -radius - 4, 0.0),
            ("center", 0.0, radius + 9),
            ("center", 0.0, -radius - 9),
        ):
            left = x + dx - {"left": 0.0, "right": wide, "center": wide / 2}[align]
            room = (left, y + dy - 8, left + wide, y + dy + 8)
            others = [one for one in boxes if one != box and _overlap(one, box) < 0.5]
            if (
                room[0] < 0
                or room[2] > view.width
                or any(_overlap(room, one) > 0 for one in (*taken, *others))
            ):
                continue
            taken.append(room)
            named.add(dot["name"])
            placed.append({"x": x + dx, "y": y + dy, "align": align, "label": dot["name"]})
            break
    return placed


def _overlap(one: tuple[float, float, float, float], other: tuple[float, float, float, float]) -> float:
    """The overlapping share of the smaller of two boxes."""
    wide = min(one[2], other[2]) - max(one[0], other[0])
    tall = min(one[3], other[3]) - max(one[1], other[1])
    if wide <= 0 or tall <= 0:
        return 0.0
    smaller = min((box[2] - box[0]) * (box[3] - box[1]) for box in (one, other))
    return wide * tall / smaller if smaller else 0.0
