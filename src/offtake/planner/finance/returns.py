"""Returns on a stream of money: worth today, every internal rate, and when it has paid back.

An internal rate r solves sum_i a_i (1 + r)^(-t_i) = 0. In x = ln(1 + r) the sum is one of exponentials, which has at
most as many real zeros as the amounts change their sign (Descartes' rule for exponential sums; Pólya and Szegő,
Problems and Theorems in Analysis II, part V, no. 77). Multiplied by an exponential whose place lies between two amounts
of opposite sign and differentiated, it loses one change; between zeros of that derivative it is monotone. So all zeros
are found, one bisection for each, and "none" is a finding.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise
from math import exp, log1p
from typing import Final

LEAST_RATE: Final = -0.99  # Rates are looked for between these.
GREATEST_RATE: Final = 100.0
HALVINGS: Final = 200

Stream = Sequence[tuple[float, float]]
"""Amounts with their times in years, in the order of time."""


def worth(stream: Stream, rate: float) -> float:
    """What a stream is worth at time zero, at a rate a year."""
    return sum(amount * (1 + rate) ** -time for time, amount in stream)


def internal_rates(stream: Stream) -> tuple[float, ...]:
    """Every rate a year between LEAST_RATE and GREATEST_RATE at which the stream is worth nothing, in order."""
    together: dict[float, float] = {}
    for time, amount in stream:
        together[time] = together.get(time, 0.0) + amount
    terms = [(time, amount) for time, amount in sorted(together.items()) if amount]
    return tuple(exp(x) - 1 for x in _zeros(terms, log1p(LEAST_RATE), log1p(GREATEST_RATE)))


def _zeros(terms: Stream, low: float, high: float) -> list[float]:
    """Zeros of sum_i a_i exp(-t_i x) at which the sign changes, between low and high."""
    turn = next((n for n in range(1, len(terms)) if (terms[n][1] > 0) != (terms[n - 1][1] > 0)), None)
    if turn is None:
        return []
    between = (terms[turn][0] + terms[turn - 1][0]) / 2
    shifted = [(time - between, amount) for time, amount in terms]
    derivative = [(time, -amount * time) for time, amount in shifted]
    edges = [low, *_zeros(derivative, low, high), high]
    found: list[float] = []
    for a, b in pairwise(edges):
        zero = _bisected(shifted, a, b)
        if zero is not None and (not found or zero > found[-1]):
            found.append(zero)
    return found


def _value(terms: Stream, x: float) -> float:
    # Only the sign matters, so the largest power is taken out, and nothing overflows.
    most = max(-time * x for time, _ in terms)
    return sum(amount * exp(-time * x - most) for time, amount in terms)


def _bisected(terms: Stream, low: float, high: float) -> float | None:
    first, last = _value(terms, low), _value(terms, high)
    if first == 0.0:
        return low
    if (first > 0) == (last > 0):
        return None
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        if (_value(terms, middle) > 0) == (first > 0):
            low = middle
        else:
            high = middle
    return (low + high) / 2


def paid_back(stream: Stream) -> float | None:
    """The time from which the sum of what came in is never again below what went out; None if there is none."""
    total, since = 0.0, None
    for time, amount in sorted(stream):
        total += amount
        if total < 0:
            since = None
        elif since is None:
            since = time
    return since
