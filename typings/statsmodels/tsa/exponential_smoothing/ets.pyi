from typing import Literal

from pandas import DataFrame, Series

class PredictionResults:
    predicted_mean: Series
    def pred_int(self, alpha: float = ...) -> DataFrame: ...

class ETSResults:
    aicc: float
    def get_prediction(self, start: int, end: int) -> PredictionResults: ...

class ETSModel:
    def __init__(
        self,
        endog: Series,
        error: Literal["add", "mul"] = ...,
        trend: Literal["add", "mul"] | None = ...,
        damped_trend: bool = ...,
        seasonal: Literal["add", "mul"] | None = ...,
        seasonal_periods: int | None = ...,
    ) -> None: ...
    def fit(self, *, disp: bool = ..., maxiter: int = ...) -> ETSResults: ...
