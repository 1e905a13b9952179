"""Figures about scaling laws: a fit with its residuals and iso-FLOP curves, and the frontier of several laws."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Final

import numpy as np

from offtake.adapters.report.document import Figure, Frame, Spec, Table, numbers, text
from offtake.adapters.report.drawing import values
from offtake.adapters.report.palette import LIGHT, SERIES
from offtake.adapters.scaling_points import ScalingPoints
from offtake.demand.scaling_laws.fitting import Fit
from offtake.demand.scaling_laws.optimum import FLOP_PER_PARAMETER_AND_TOKEN, Optimum

_DECADES: Final = 6  # Iso-FLOP curves at most.
_ALONG: Final = 80  # Points of a curve.
_BILLIONS: Final = "replace(datum.label, 'G', 'B')"


def fit_figure(fit: Fit, points: ScalingPoints, source: str) -> Figure:
    """The runs about the fitted law: loss against size on lines of equal FLOP, and what the law leaves over."""
    n, loss = np.array(points.parameters), np.array(points.loss)
    flop = FLOP_PER_PARAMETER_AND_TOKEN * n * np.array(points.tokens)
    budgets = _budgets(flop)
    left = np.asarray(fit.residuals)
    near = np.abs(np.log10(flop)[:, None] - np.log10(budgets)[None]).argmin(axis=1)
    rows: list[Mapping[str, object]] = [
        {"n": float(a), "loss": float(b), "flop": float(c), "left": float(r), "colour": _colour(int(k))}
        for a, b, c, r, k in zip(n, loss, flop, left, near, strict=True)
    ]
    curves = _curves(fit, budgets, n)
    worst = float(np.abs(left).max())
    low, high = float(np.median(left)), float(np.quantile(np.abs(left), 0.9))
    table = Table(
        "law-fit-runs",
        "Runs and residuals",
        source,
        (
            numbers("parameters"),
            numbers("FLOP"),
            numbers("loss", decimals=4),
            numbers("log predicted over observed", decimals=5),
        ),
        tuple(
            (float(a), float(c), float(b), float(r)) for a, c, b, r in zip(n, flop, loss, left, strict=True)
        ),
    )
    legend = tuple((f"{_power(budget)} FLOP", _name(k), "line") for k, budget in enumerate(budgets))
    return Figure(
        "law-fit",
        f"L = {fit.estimates[0].value:.4g} + {fit.estimates[1].value:.4g}/N^{fit.estimates[3].value:.4f} + "
        f"{fit.estimates[2].value:.4g}/D^{fit.estimates[4].value:.4f}",
        f"Above, loss against model size: {fit.runs} runs, and the fitted law at equal FLOP (a dot has the colour of "
        f"the nearest line). Below, what it leaves over: nine runs in ten within {high:.2%}, the worst at "
        f"{worst:.1%}, the median at {low:.2%}.",
        table,
        lambda frame: _fit_spec(frame, rows, curves, worst),
        legend,
    )


def frontier_figure(frontiers: Mapping[str, Optimum], source: str) -> Figure:
    """The best model size and tokens for a budget, law by law."""
    rows: list[dict[str, object]] = []
    families = list(dict.fromkeys(_family(name) for name in frontiers))
    for name, best in frontiers.items():
        colour = _colour(families.index(_family(name)))
        dash = [5, 3] if _rounded(name) else [1, 0]
        rows.extend(
            {"law": name, "flop": float(c), "n": float(n), "d": float(d), "colour": colour, "dash": dash}
            for c, n, d in zip(best.flop, best.parameters, best.tokens, strict=True)
        )
    table = Table(
        "law-frontier",
        "The best size and tokens for a budget",
        source,
        (text("law"), numbers("FLOP"), numbers("parameters"), numbers("tokens")),
        tuple((str(r["law"]), _float(r["flop"]), _float(r["n"]), _float(r["d"])) for r in rows),
    )
    return Figure(
        "law-frontier",
        "The best model for a budget, by law",
        "Above, parameters; below, training tokens, of the run that reaches the least loss for its FLOP.",
        table,
        lambda frame: _frontier_spec(frame, rows),
        tuple(
            (f"{name} (dashed)" if _rounded(name) else name, _name(families.index(_family(name))), "line")
            for name in frontiers
        ),
    )


def _rounded(name: str) -> bool:
    return name.endswith("-rounded")


def _family(name: str) -> str:
    """Rounded and unrounded constants of one law share a colour."""
    return name.removesuffix("-rounded")


def _float(value: object) -> float:
    return float(value) if isinstance(value, int | float) else float("nan")


def _budgets(flop: np.ndarray[tuple[int, ...], np.dtype[np.float64]]) -> list[float]:
    low, high = np.log10(flop.min()), np.log10(flop.max())
    count = int(min(_DECADES, max(2, round((high - low) * 1.5) + 1)))
    step = (high - low - 0.2) / (count - 1)
    return [float(10 ** (low + 0.1 + step * k)) for k in range(count)]


def _curves(
    fit: Fit, budgets: Sequence[float], n: np.ndarray[tuple[int, ...], np.dtype[np.float64]]
) -> list[Mapping[str, object]]:
    rows: list[Mapping[str, object]] = []
    for k, budget in enumerate(budgets):
        best = float(fit.law.for_flop(budget).parameters)
        sizes = np.geomspace(max(best / 12, n.min() / 1.5), min(best * 12, n.max() * 1.5), _ALONG)
        losses = fit.law.loss(sizes, budget / (FLOP_PER_PARAMETER_AND_TOKEN * sizes))
        rows.extend(
            {"n": float(a), "loss": float(b), "colour": _colour(k), "line": k}
            for a, b in zip(sizes, losses, strict=True)
        )
    return rows


def _power(value: float) -> str:
    return f"{value:.1e}".replace("e+", "e")


def _name(k: int) -> str:
    return SERIES[k % len(SERIES)]


def _colour(k: int) -> str:
    return LIGHT[_name(k)]


def _along(field: str, title: str, of: Sequence[float], frame: Frame) -> Spec:
    """A horizontal axis in powers of ten, marked at every decade or every other."""
    low, high = int(np.floor(np.log10(min(of)))), int(np.ceil(np.log10(max(of))))
    step = max(1, -(-(high - low) // (4 if frame.narrow else 9)))
    axis: Spec = {"title": title, "titleAnchor": "end", "format": "~s" if high < 15 else ".0e"}
    axis |= {"values": [10.0**n for n in range(low, high + 1, step)], "labelExpr": _BILLIONS}
    return {
        "field": field,
        "type": "quantitative",
        "scale": {"type": "log", "nice": False, "domain": [min(of) * 0.9, max(of) * 1.1]},
        "axis": axis,
    }


def _up(field: str, title: str, *, log: bool = False, form: str = ",.3~f") -> Spec:
    """A vertical axis titled above its upper end."""
    scale: Spec = {"type": "log", "nice": False} if log else {"zero": False, "nice": True}
    axis: Spec = {"title": title, "format": form, "tickCount": 5, "domain": False, "titleAngle": 0}
    axis |= {
        "titleAlign": "left",
        "titleAnchor": "start",
        "titleX": -52,
        "titleY": -12,
        "labelExpr": _BILLIONS,
    }
    if log:
        axis |= {"values": [10.0**n for n in range(6, 19)]}
    return {"field": field, "type": "quantitative", "scale": scale, "axis": axis}


_OWN_COLOUR: Final[Spec] = {"field": "colour", "type": "nominal", "scale": None}


def _stacked(frame: Frame, *plots: Spec) -> Spec:
    room = {"left": 62, "right": 18, "top": 14, "bottom": 10}
    sized = [{"width": frame.width - room["left"] - room["right"], **one} for one in plots]
    return {"autosize": {"type": "pad"}, "padding": {**room, "left": 0}, "vconcat": sized, "spacing": 46}


def _fit_spec(
    frame: Frame, rows: Sequence[Mapping[str, object]], curves: Sequence[Mapping[str, object]], worst: float
) -> Spec:
    dot: Spec = {"type": "circle", "size": 22 if frame.narrow else 30, "opacity": 0.75}
    x = _along("n", "parameters", [_float(row["n"]) for row in (*rows, *curves)], frame)
    line: Spec = {"type": "line", "strokeWidth": 1.8}
    above: Spec = {
        "height": 260,
        "layer": [
            {
                "data": values(curves),
                "mark": line,
                "encoding": {
                    "x": x,
                    "y": _up("loss", "loss (nats per token)"),
                    "stroke": _OWN_COLOUR,
                    "detail": {"field": "line", "type": "nominal"},
                },
            },
            {
                "data": values(rows),
                "mark": dot,
                "encoding": {"x": x, "y": _up("loss", "loss (nats per token)"), "color": _OWN_COLOUR},
            },
        ],
    }
    reach = float(np.ceil(worst * 100 * 1.05) / 100)
    residual = _up("left", "log of predicted over observed loss", form="+.1%")
    residual["scale"] = {"domain": [-reach, reach], "nice": False}
    below: Spec = {
        "height": 150,
        "layer": [
            {
                "data": values([{"left": 0.0}]),
                "mark": {"type": "rule", "color": LIGHT["soft"], "strokeWidth": 1},
                "encoding": {"y": residual},
            },
            {
                "data": values(rows),
                "mark": dot,
                "encoding": {
                    "x": _along("flop", "training FLOP", [_float(row["flop"]) for row in rows], frame),
                    "y": residual,
                    "color": _OWN_COLOUR,
                },
            },
        ],
    }
    return _stacked(frame, above, below)


def _frontier_spec(frame: Frame, rows: Sequence[Mapping[str, object]]) -> Spec:
    x = _along("flop", "training FLOP", [_float(row["flop"]) for row in rows], frame)

    def plot(field: str, title: str) -> Spec:
        return {
            "height": 210,
            "data": values(rows),
            "mark": {"type": "line", "strokeWidth": 2},
            "encoding": {
                "x": x,
                "y": _up(field, title, log=True, form="~s"),
                "stroke": _OWN_COLOUR,
                "strokeDash": {"field": "dash", "type": "nominal", "scale": None},
                "detail": {"field": "law", "type": "nominal"},
            },
        }

    return _stacked(frame, plot("n", "parameters"), plot("d", "tokens"))
