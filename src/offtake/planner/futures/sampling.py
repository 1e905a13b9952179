"""Draws of an estate's variables: the same future for the same seed and number, whoever asks and in whatever order.

Random numbers are counter-based (Philox4x64-10: Salmon et al. 2011, *Parallel Random Numbers: As Easy as 1, 2, 3*). The
key is the seed and the variable's name, the counter the future's number: no future depends on another, nor a variable
on which others there are. What moves together does so by a Gaussian copula, shock by shock (docs/futures.md).
"""

from __future__ import annotations

from dataclasses import dataclass
from hashlib import sha256
from typing import Final

import numpy as np

from offtake.domain.estate import Estate
from offtake.domain.futures.applying import with_values
from offtake.domain.futures.distributions import NORMAL, Matrix, lower_factor
from offtake.domain.futures.parameters import matrix_of
from offtake.domain.futures.reading import Drawable, Value, drawables

_WORD: Final = 2**64
_LEAST: Final = 2.0**-54  # Uniforms lie in [_LEAST, 1 - _LEAST], where a normal score is finite.


@dataclass(frozen=True, slots=True)
class Sampler:
    """An estate with its variables read once, for many futures. The estate itself is the base case."""

    estate: Estate
    variables: tuple[Drawable, ...]
    groups: tuple[tuple[tuple[str, ...], Matrix], ...]  # Who moves together, and the lower factor of how.

    @staticmethod
    def of(estate: Estate) -> Sampler:
        """Raises InvalidInput for a variable that cannot be drawn from, which `offtake check` finds as well."""
        groups = [(one.of, lower_factor(matrix_of(one))) for one in estate.futures.correlations.values()]
        return Sampler(
            estate,
            drawables(estate),
            tuple((names, factor) for names, factor in groups if factor is not None),
        )

    def values(self, seed: int, number: int) -> dict[str, Value]:
        """What each variable is in a future, by its id."""
        uniforms = self.uniforms(seed, number)
        return {one.id: one.value(uniforms[one.id]) for one in self.variables}

    def uniforms(self, seed: int, number: int) -> dict[str, tuple[float, ...]]:
        """What each variable of a future is drawn with, by its id: as many numbers in (0, 1) as it takes."""
        uniforms = {one.id: uniforms_of(seed, number, one.id, one.shocks) for one in self.variables}
        for names, factor in self.groups:
            shocks = [[NORMAL.inv_cdf(u) for u in uniforms[name]] for name in names]
            for row, name in enumerate(names):
                uniforms[name] = tuple(
                    _inside(NORMAL.cdf(sum(factor[row][k] * shocks[k][step] for k in range(row + 1))))
                    for step in range(len(shocks[row]))
                )
        return uniforms

    def draw(self, seed: int, number: int) -> Estate:
        """The estate of a future."""
        return self.estate_with(self.values(seed, number))

    def estate_with(self, values: dict[str, Value]) -> Estate:
        """The estate with these values of variables, the others as they are stated."""
        return with_values(self.estate, self.variables, values)


def draw(estate: Estate, seed: int, number: int) -> Estate:
    """The estate of one future; `Sampler` reads the variables once for many."""
    return Sampler.of(estate).draw(seed, number)


def uniforms_of(seed: int, number: int, name: str, count: int) -> tuple[float, ...]:
    """Numbers in (0, 1), each as likely: the upper 53 bits of each word, at the middle of their interval."""
    key = np.array([seed % _WORD, int.from_bytes(sha256(name.encode()).digest()[:8], "big")], dtype=np.uint64)
    counter = np.array([0, 0, number % _WORD, 0], dtype=np.uint64)
    words = np.random.Philox(counter=counter, key=key).random_raw(count)
    return tuple(_inside((int(word >> np.uint64(11)) + 0.5) * 2.0**-53) for word in words)


def _inside(u: float) -> float:
    return min(max(u, _LEAST), 1 - _LEAST)
