"""Forecasts by exponential smoothing with statsmodels (https://www.statsmodels.org), which is an optional extra."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from typing import Final, Literal

import numpy as np

from offtake.demand.forecast import Floats, Forecast
from offtake.domain.errors import InvalidInput

_ROUNDS: Final = 400
_Trend = Literal["add"] | None
_FORMS: Final[tuple[tuple[str, _Trend, bool], ...]] = (
    ("level", None, False),
    ("growth", "add", False),
    ("growth that fades", "add", True),
)


def available() -> None:
    """Raises InvalidInput, with what to install, where statsmodels is not."""
    from importlib.util import find_spec

    if find_spec("statsmodels") is None:
        hint = "pip install 'offtake[forecast]' (statsmodels and pandas, about 150 MB)"
        raise InvalidInput("a forecast needs statsmodels, which is not installed", hint=hint)


def smoothed(values: Floats, ahead: int, season: int, shares: Sequence[float]) -> Forecast:
    """The forecast of the best of three forms, with and without a season, on the logarithms of the values.

    ETS models with additive errors: a level, growth, and growth that fades (Hyndman et al. 2008), chosen by the
    corrected AIC. On logarithms growth compounds and intervals are never below zero; what is given back are medians of
    the values, and exact intervals of the model with its parameters taken as known. Raises InvalidInput if no form can
    be fitted.
    """
    available()
    import pandas as pd
    from statsmodels.tsa.exponential_smoothing.ets import ETSModel

    logs = pd.Series(np.log(values))
    best: tuple[float, str, Forecast] | None = None
    for seasonal in (False, True) if season > 1 else (False,):
        for name, trend, damped in _FORMS:
            with warnings.catch_warnings():
                warnings.simplefilter("ignore")  # Of convergence: a form that fits badly is not chosen.
                model = ETSModel(
                    logs,
                    error="add",
                    trend=trend,
                    damped_trend=damped,
                    seasonal="add" if seasonal else None,
                    seasonal_periods=season if seasonal else None,
                )
                fitted = model.fit(disp=False, maxiter=_ROUNDS)
                found = fitted.get_prediction(start=values.size, end=values.size + ahead - 1)
                bounds = {share: np.exp(found.pred_int(alpha=1.0 - share).to_numpy()) for share in shares}
            criterion = float(fitted.aicc)
            if not np.isfinite(criterion) or (best is not None and criterion >= best[0]):
                continue
            forecast = Forecast(
                f"{name}, with a season of {season}" if seasonal else name,
                np.exp(found.predicted_mean.to_numpy()),
                {share: bounds[share][:, 0] for share in shares},
                {share: bounds[share][:, 1] for share in shares},
            )
            if all(np.isfinite(one).all() for one in (forecast.median, *forecast.upper.values())):
                best = criterion, name, forecast
    if best is None:
        raise InvalidInput("no form of exponential smoothing fits this history", hint="try longer periods")
    return best[2]
