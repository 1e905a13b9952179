"""Figures about traffic: a trace as it came and the capacity it needs, and where a history of use leads."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from math import isfinite, log
from typing import Final, cast

import numpy as np
from numpy.typing import NDArray

from offtake.adapters.report.document import Figure, Frame, Spec, Table, numbers
from offtake.adapters.report.drawing import values
from offtake.adapters.report.palette import LIGHT
from offtake.demand.traffic.capacity import Need
from offtake.demand.traffic.trace import Counts, Tokens, Trace, TraceSummary, counts_in, density

Rows = Sequence[Mapping[str, object]]
Floats = NDArray[np.float64]

_BINS: Final = 150  # Of time.
_BARS: Final = 34  # Of tokens, each as wide on a logarithmic axis.
_LEAST_SHOWN_S: Final = 0.01  # Waits below are drawn here: the axis is logarithmic.


def trace_figure(trace: Trace, summary: TraceSummary, need: Need | None, source: str) -> Figure:
    """Requests over time, tokens with the best family fitted to them, and waits by capacity where a rate was given."""
    window, counts = _over_time(trace)
    minutes = trace.span_s < 3 * 3600
    per = 60.0 if minutes else 3600.0
    arriving: Rows = [{"x": n * window / per, "to": float(one) / window} for n, one in enumerate(counts)]
    tokens = [
        (name, _bars(count), _curve(count, one))
        for name, count, one in (
            ("tokens read by a request", trace.tokens_in, summary.tokens_in),
            ("tokens written by a request", trace.tokens_out, summary.tokens_out),
        )
    ]
    arrivals = summary.arrivals
    says = (
        f"{arrivals.requests:,} requests, {arrivals.rate_per_s:.3g} a second and "
        f"{arrivals.busiest_minute_per_s:.3g} in the busiest minute."
    )
    legend = [("trace", "blue", "light"), ("best family", "ink", "line")]
    if need is not None:
        share = f"{need.target.share * 100:g} %"
        says += (
            f" For {share} of them to wait at most {need.target.wait_s:g} s it takes {need.replay:,.4g} {need.unit} by "
            f"replay, {need.model:,.4g} by the queue model; the mean alone is {need.mean:,.3g}."
        )
        legend += [
            ("replay", "vermilion", "line"),
            ("queue model", "green", "line"),
            ("target", "soft", "line"),
        ]
    unit = "minutes" if minutes else "hours"
    table = Table(
        "trace-rate",
        "Requests over time",
        source,
        (numbers("begins", "min" if minutes else "h", 2), numbers("requests", "1/s", 3)),
        tuple((float(n * window / per), float(one) / window) for n, one in enumerate(counts)),
    )
    return Figure(
        "trace",
        "Requests as they came" if need is None else "Requests as they came, and the capacity that they need",
        says,
        table,
        lambda frame: _trace_spec(frame, arriving, arrivals.rate_per_s, unit, tokens, need),
        tuple(legend),
    )


def _over_time(trace: Trace) -> tuple[float, Floats]:
    """A window of a round length such that there are about as many as can be seen, and the requests in each."""
    for window in (1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1800, 3600, 7200, 14400, 86400):
        if trace.span_s / window <= _BINS:
            return float(window), counts_in(trace, float(window))
    window = trace.span_s / _BINS
    return window, counts_in(trace, window)


def _edges(counts: Counts) -> Floats:
    above = counts[counts > 0]
    low, high = (float(np.quantile(above, q)) for q in (0.001, 1.0)) if above.size else (1.0, 2.0)
    return _geometric(max(low, 1.0) * 0.9, max(high * 1.1, low * 2), _BARS + 1)


def _geometric(low: float, high: float, count: int) -> Floats:
    return np.exp(np.linspace(log(low), log(high), count))


def _bars(counts: Counts) -> Rows:
    edges = _edges(counts)
    place = np.searchsorted(edges, counts[counts > 0], side="right") - 1
    share: Floats = np.bincount(np.clip(place, 0, _BARS - 1), minlength=_BARS) / counts.size
    return [
        {"from": float(edges[n]), "till": float(edges[n + 1]), "to": float(share[n])} for n in range(_BARS)
    ]


def _curve(counts: Counts, tokens: Tokens) -> Rows:
    """The best family's share of requests in a bar about each point."""
    if not tokens.fits:
        return []
    edges = _edges(counts)
    width = float(np.log(edges[1] / edges[0]))
    at = _geometric(float(edges[0]), float(edges[-1]), 160)
    share = density(tokens.fits[0], at) * at * width * (1.0 - tokens.zero_share)
    return [{"x": float(at[n]), "to": float(share[n])} for n in range(at.size)]


def _y(field: str, title: str, form: str = ",.3~f", **scale: object) -> Spec:
    axis: Spec = {"title": title, "format": form, "tickCount": 4, "domain": False, "titleAngle": 0}
    axis |= {"titleAlign": "left", "titleAnchor": "start", "titleX": -46, "titleY": -12}
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"zero": True, "nice": True, **scale},
        "axis": axis,
    }


def _x(field: str, title: str, **scale: object) -> Spec:
    axis: Spec = {
        "title": title,
        "titleAnchor": "end",
        "grid": False,
        "format": "~s",
        "tickCount": 8,
        "labelOverlap": True,
    }
    return {"field": field, "type": "quantitative", "scale": {"nice": False, **scale}, "axis": axis}


def _trace_spec(
    frame: Frame,
    arriving: Rows,
    mean: float,
    unit: str,
    tokens: Sequence[tuple[str, Rows, Rows]],
    need: Need | None,
) -> Spec:
    room = 64
    width = frame.width - room - 20
    half = width if frame.narrow else (width - room - 24) // 2
    plots: list[Spec] = [_arrivals(arriving, mean, unit, width)]
    histograms = [_histogram(name, bars, curve, half) for name, bars, curve in tokens]
    if frame.narrow:
        plots.extend(histograms)
    else:
        plots.append({"hconcat": histograms, "spacing": 24})
    if need is not None:
        plots.append(_waits(need, width))
    padding = {"left": 0, "right": 20, "top": 14, "bottom": 8}
    return {"autosize": {"type": "pad"}, "padding": padding, "vconcat": plots, "spacing": 44}


def _arrivals(rows: Rows, mean: float, unit: str, width: int) -> Spec:
    x, y = _x("x", unit), _y("to", "requests a second")
    return {
        "width": width,
        "height": 120,
        "layer": [
            {
                "data": values(rows),
                "mark": {
                    "type": "area",
                    "color": LIGHT["blue"],
                    "opacity": 0.35,
                    "line": False,
                    "interpolate": "step",
                },
                "encoding": {"x": x, "y": y},
            },
            {
                "data": values([{"to": mean}]),
                "mark": {"type": "rule", "color": LIGHT["soft"], "strokeDash": [4, 3]},
                "encoding": {"y": y},
            },
        ],
    }


def _histogram(name: str, bars: Rows, curve: Rows, width: int) -> Spec:
    x, y = _x("from", name, type="log"), _y("to", "share of requests", ".0%")
    layers: list[Spec] = [
        {
            "data": values(bars),
            "mark": {"type": "rect", "color": LIGHT["blue"], "opacity": 0.35},
            "encoding": {"x": x, "x2": {"field": "till"}, "y": y, "y2": {"datum": 0}},
        }
    ]
    if curve:
        layers.append(
            {
                "data": values(curve),
                "mark": {"type": "line", "color": LIGHT["ink"], "strokeWidth": 1.8},
                "encoding": {"x": {**x, "field": "x"}, "y": y},
            }
        )
    return {"width": width, "height": 130, "layer": layers}


def _waits(need: Need, width: int) -> Spec:
    """Waits by capacity; without end where there is too little, which is off the axis."""
    rows = [
        {"x": point.capacity, "to": max(wait, _LEAST_SHOWN_S), "way": way}
        for point in need.curve
        for way, wait in (("replay", point.replay_wait_s), ("model", point.model_wait_s))
        if isfinite(wait)
    ]
    share = f"{need.target.share * 100:g} %"
    x = _x("x", need.unit, zero=False)
    y = _y("to", f"seconds that {share} of requests wait at most", "~g", type="log", nice=False, zero=False)
    y["axis"] = {
        **cast("Spec", y["axis"]),
        "labelExpr": f"datum.value <= {_LEAST_SHOWN_S} ? 'none' : datum.label",
    }
    colours: Spec = {"domain": ["replay", "model"], "range": [LIGHT["vermilion"], LIGHT["green"]]}
    return {
        "width": width,
        "height": 170,
        "layer": [
            {
                "data": values([{"to": max(need.target.wait_s, _LEAST_SHOWN_S)}]),
                "mark": {"type": "rule", "color": LIGHT["soft"], "strokeDash": [4, 3]},
                "encoding": {"y": y},
            },
            {
                "data": values(rows),
                "mark": {"type": "line", "strokeWidth": 2, "point": {"size": 26, "filled": True}},
                "encoding": {
                    "x": x,
                    "y": y,
                    "color": {"field": "way", "type": "nominal", "scale": colours, "legend": None},
                },
            },
        ],
    }
