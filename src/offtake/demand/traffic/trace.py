"""What a trace of requests says: how they arrive, how bursty they are, and how many tokens they have."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import Final, Protocol, cast

import numpy as np
from numpy.typing import NDArray
from scipy import stats

Floats = NDArray[np.float64]
Counts = NDArray[np.int64]

WINDOWS_S: Final = (1.0, 10.0, 60.0, 300.0, 900.0, 3600.0)
QUANTILES: Final = (0.5, 0.9, 0.95, 0.99, 0.999)
MIXTURE: Final = "two lognormals"
FAMILIES: Final = ("lognormal", "gamma", "weibull", MIXTURE)
_ROUNDS: Final = 500
_STILL: Final = 1e-7
_LEAST_SPREAD: Final = 0.01
_LEAST_SHARE: Final = 1e-4
_LEAST_WINDOWS: Final = 10


@dataclass(frozen=True, slots=True, eq=False)
class Trace:
    """Requests in order of arrival: seconds since the first, tokens read and tokens written, each (request,).

    `cut_s` is the time that was taken out of gaps.
    """

    begins: datetime
    seconds: Floats
    tokens_in: Counts
    tokens_out: Counts
    cut_s: float = 0.0

    @property
    def span_s(self) -> float:
        """Seconds from the first request to the last."""
        return float(self.seconds[-1] - self.seconds[0])


@dataclass(frozen=True, slots=True)
class Dispersion:
    """Variance over mean of the requests in windows of one length; 1 if they arrive independently (Poisson)."""

    window_s: float
    windows: int
    index: float


@dataclass(frozen=True, slots=True)
class Arrivals:
    """How requests arrive. `interarrival_cv` is 1 for Poisson arrivals."""

    requests: int
    span_s: float
    rate_per_s: float
    busiest_minute_per_s: float
    interarrival_cv: float
    dispersion: tuple[Dispersion, ...]


@dataclass(frozen=True, slots=True)
class Fitted:
    """A family fitted by maximum likelihood to the counts above zero.

    `distance` is the largest gap between its distribution and the trace's (Kolmogorov-Smirnov D); `aic` is less for the
    better one. Parameters are shape and scale as in scipy.stats (of `lognormal` the log's deviation, and the median).
    """

    family: str
    parameters: tuple[tuple[str, float], ...]
    distance: float
    aic: float


@dataclass(frozen=True, slots=True)
class Tokens:
    """Tokens per request: mean, coefficient of variation, quantiles of the trace, and families, best (by AIC) first."""

    mean: float
    cv: float
    largest: int
    zero_share: float
    quantiles: tuple[tuple[float, float], ...]
    fits: tuple[Fitted, ...]


@dataclass(frozen=True, slots=True)
class TraceSummary:
    """A trace in numbers. `correlation` is Spearman's, of tokens read and written."""

    arrivals: Arrivals
    tokens_in: Tokens
    tokens_out: Tokens
    correlation: float


def summary_of(trace: Trace) -> TraceSummary:
    """Arrivals, burstiness and token distributions of a trace of at least two requests."""
    ranks = [stats.rankdata(one) for one in (trace.tokens_in, trace.tokens_out)]
    varies = all(np.ptp(one) > 0 for one in ranks)
    correlation = float(np.corrcoef(ranks[0], ranks[1])[0, 1]) if varies else 0.0
    return TraceSummary(
        arrivals_of(trace), tokens_of(trace.tokens_in), tokens_of(trace.tokens_out), correlation
    )


def arrivals_of(trace: Trace) -> Arrivals:
    """Rate, coefficient of variation of the times between requests, and dispersion in windows that fit ten times.

    The index of dispersion for counts: Cox and Lewis 1966, section 4.5; as a measure of burstiness Gusella 1991.
    """
    between = np.diff(trace.seconds)
    mean = float(between.mean())
    span = trace.span_s
    minute = counts_in(trace, min(60.0, span)) if span > 0 else np.zeros(1)
    return Arrivals(
        int(trace.seconds.size),
        span,
        trace.seconds.size / span if span > 0 else 0.0,
        float(minute.max()) / min(60.0, span) if span > 0 else 0.0,
        float(between.std() / mean) if mean > 0 else 0.0,
        tuple(_dispersion(trace, window) for window in WINDOWS_S if span >= _LEAST_WINDOWS * window),
    )


def counts_in(trace: Trace, window_s: float) -> Floats:
    """(window,): requests in each whole window of a length, side by side from the first request."""
    since = trace.seconds - trace.seconds[0]
    whole = max(1, int(trace.span_s // window_s))
    return np.bincount((since // window_s).astype(np.intp), minlength=whole + 1)[:whole].astype(np.float64)


def _dispersion(trace: Trace, window_s: float) -> Dispersion:
    counts = counts_in(trace, window_s)
    return Dispersion(window_s, counts.size, float(counts.var() / counts.mean()))


class _Family(Protocol):
    """What is used of a continuous distribution of scipy.stats."""

    def fit(self, data: Floats, *, floc: float) -> tuple[float, float, float]: ...
    def pdf(self, x: Floats, shape: float, *, scale: float) -> Floats: ...
    def cdf(self, x: Floats, shape: float, *, scale: float) -> Floats: ...


_KNOWN: Final = {"lognormal": "lognorm", "gamma": "gamma", "weibull": "weibull_min"}


def _family(name: str) -> _Family:
    return cast("_Family", getattr(stats, _KNOWN[name]))


def density(fitted: Fitted, at: Floats) -> Floats:
    """(value,): probability density of a fitted family at counts above zero."""
    parts = [
        share * _family(base).pdf(at, shape, scale=scale) for base, share, shape, scale in _parts(fitted)
    ]
    return np.sum(parts, axis=0)


def distribution(fitted: Fitted, at: Floats) -> Floats:
    """(value,): probability of a count up to each value."""
    parts = [
        share * _family(base).cdf(at, shape, scale=scale) for base, share, shape, scale in _parts(fitted)
    ]
    return np.sum(parts, axis=0)


def _parts(fitted: Fitted) -> list[tuple[str, float, float, float]]:
    """(family, share, shape, scale) of each part of a mixture, or of the whole."""
    numbers = [value for _, value in fitted.parameters]
    if fitted.family != MIXTURE:
        return [(fitted.family, 1.0, numbers[0], numbers[1])]
    share, *rest = numbers
    return [("lognormal", share, rest[0], rest[1]), ("lognormal", 1.0 - share, rest[2], rest[3])]


def tokens_of(counts: Counts) -> Tokens:
    """A distribution of tokens per request, with each family fitted to it if it varies."""
    mean = float(counts.mean())
    above = np.sort(counts[counts > 0]).astype(np.float64)
    fits: list[Fitted] = []
    if above.size > 1 and above[0] < above[-1]:
        fits = sorted((_fit(name, above) for name in FAMILIES), key=lambda one: (one.aic, one.family))
    return Tokens(
        mean,
        float(counts.std() / mean) if mean > 0 else 0.0,
        int(counts.max()),
        np.count_nonzero(counts == 0) / counts.size,
        tuple((q, float(np.quantile(counts, q))) for q in QUANTILES),
        tuple(fits),
    )


def _fit(name: str, above: Floats) -> Fitted:
    if name == MIXTURE:
        parameters = _two_lognormals(np.log(above))
    elif name == "lognormal":  # In closed form.
        log = np.log(above)
        parameters = (("shape", float(log.std())), ("scale", float(np.exp(log.mean()))))
    else:
        shape, _, scale = (float(one) for one in _family(name).fit(above, floc=0.0))
        parameters = (("shape", shape), ("scale", scale))
    fitted = Fitted(name, parameters, 0.0, 0.0)
    values, first = np.unique(above, return_index=True)
    below = first / above.size
    up_to = np.append(first[1:], above.size) / above.size
    # Counts are whole: a continuous family is compared halfway to the next count on either side.
    distance = max(
        float(np.abs(distribution(fitted, values + 0.5) - up_to).max()),
        float(np.abs(distribution(fitted, values - 0.5) - below).max()),
    )
    likelihood = float(np.log(np.maximum(density(fitted, above), 1e-300)).sum())
    return Fitted(name, parameters, distance, 2.0 * len(parameters) - 2.0 * likelihood)


def _two_lognormals(log: Floats) -> tuple[tuple[str, float], ...]:
    """Two lognormals by expectation and maximisation (Dempster, Laird and Rubin 1977), begun at the median's halves.

    ``log`` (request,) is sorted. A part's deviation is kept above a hundredth, lest it close in on one count.
    """
    half = log.size // 2
    weight = np.where(np.arange(log.size) < half, 0.9, 0.1)
    share, middle, spread = 0.5, np.zeros(2), np.ones(2)
    for _ in range(_ROUNDS):
        parts = np.stack([weight, 1.0 - weight])
        mass = parts.sum(axis=1)
        before = (share, *middle.tolist(), *spread.tolist())
        share = float(mass[0] / log.size)
        middle = (parts @ log) / mass
        spread = np.sqrt(
            np.maximum((parts * (log - middle[:, None]) ** 2).sum(axis=1) / mass, _LEAST_SPREAD**2)
        )
        moved = max(
            abs(one - other)
            for one, other in zip((share, *middle.tolist(), *spread.tolist()), before, strict=True)
        )
        if moved < _STILL or not _LEAST_SHARE < share < 1.0 - _LEAST_SHARE:
            break
        odds = stats.norm.pdf(log, middle[:, None], spread[:, None]) * np.array([[share], [1.0 - share]])
        weight = odds[0] / np.maximum(odds.sum(axis=0), 1e-300)
    return (
        ("share", share),
        ("shape", float(spread[0])),
        ("scale", float(np.exp(middle[0]))),
        ("shape of the others", float(spread[1])),
        ("scale of the others", float(np.exp(middle[1]))),
    )
