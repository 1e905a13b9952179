"""What is used of pandas: a series made of an array, for statsmodels."""

from numpy import float64
from numpy.typing import NDArray

class Series:
    def __init__(self, data: NDArray[float64]) -> None: ...
    def to_numpy(self) -> NDArray[float64]: ...

class DataFrame:
    def to_numpy(self) -> NDArray[float64]: ...
