"""The figure of a forecast: history, median and intervals."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import datetime

from offtake.adapters.report.document import Figure, Frame, Spec, Table, numbers, text
from offtake.adapters.report.drawing import values
from offtake.adapters.report.palette import LIGHT
from offtake.demand.forecast import Errors, Forecast, History, after

Rows = Sequence[Mapping[str, object]]


def forecast_figure(history: History, found: Forecast, errors: Errors | None, source: str) -> Figure:
    """What was used, and what is forecast, with its intervals: the widest the lightest."""
    past: Rows = [
        {"x": begins.isoformat(), "to": value}
        for begins, value in zip(history.begins, history.values, strict=True)
    ]
    moments = [history.begins[-1], *(_moment(history, n) for n in range(found.median.size))]
    last = history.values[-1]
    medians = [last, *(float(one) for one in found.median)]
    ahead: Rows = [{"x": m.isoformat(), "to": value} for m, value in zip(moments, medians, strict=True)]
    bands: list[Rows] = []
    for share in sorted(found.lower, reverse=True):
        lower = [last, *(float(one) for one in found.lower[share])]
        upper = [last, *(float(one) for one in found.upper[share])]
        bands.append(
            [{"x": m.isoformat(), "from": a, "to": b} for m, a, b in zip(moments, lower, upper, strict=True)]
        )
    shares = sorted(found.lower, reverse=True)
    says = f"{history.measure} by {history.every}, forecast with the form: {found.form}."
    if errors is not None:
        says += (
            f" Such forecasts from earlier parts of the history were wrong by {errors.mape:.1%} in the mean."
        )
    table = Table(
        "forecast",
        "The forecast",
        source,
        (
            text(history.every),
            numbers("median", decimals=2),
            *(numbers(f"{s * 100:g} % to", decimals=2) for s in shares),
        ),
        tuple(
            (
                f"{_moment(history, n):%Y-%m-%d}",
                float(found.median[n]),
                *(float(found.upper[s][n]) for s in shares),
            )
            for n in range(found.median.size)
        ),
    )
    legend = [("history", "ink", "line"), ("median", "vermilion", "line")]
    legend.append(
        (f"intervals of {' and '.join(f'{s * 100:g} %' for s in reversed(shares))}", "vermilion", "light")
    )
    return Figure(
        "forecast",
        "Where the history leads",
        says,
        table,
        lambda frame: _spec(frame, past, ahead, bands),
        tuple(legend),
    )


def _moment(history: History, n: int) -> datetime:
    return after(history.begins[-1], history.every, n + 1)


def _spec(frame: Frame, past: Rows, ahead: Rows, bands: Sequence[Rows]) -> Spec:
    axis: Spec = {"title": None, "grid": False, "tickCount": 4 if frame.narrow else 9, "labelOverlap": True}
    x: Spec = {"field": "x", "type": "temporal", "axis": axis, "scale": {"nice": False}}
    side: Spec = {"title": None, "format": "~s", "tickCount": 5, "domain": False}
    y: Spec = {"field": "to", "type": "quantitative", "axis": side, "scale": {"zero": True, "nice": True}}
    layers: list[Spec] = [
        {
            "data": values(rows),
            "mark": {"type": "area", "color": LIGHT["vermilion"], "opacity": 0.16},
            "encoding": {"x": x, "y": y, "y2": {"field": "from"}},
        }
        for rows in bands
    ]
    for rows, colour in ((past, "ink"), (ahead, "vermilion")):
        layers.append(
            {
                "data": values(rows),
                "mark": {"type": "line", "color": LIGHT[colour], "strokeWidth": 2},
                "encoding": {"x": x, "y": y},
            }
        )
    padding = {"left": 0, "right": 22, "top": 10, "bottom": 6}
    return {
        "width": frame.width - 84,
        "height": 230 if frame.narrow else 330,
        "autosize": {"type": "pad"},
        "padding": padding,
        "layer": layers,
    }
