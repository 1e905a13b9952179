"""Many futures told together: quantiles, how often each limit binds, and what moves the answer most."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from math import isfinite
from typing import Final

import numpy as np
from scipy import stats

from offtake.domain.errors import SolverFailure
from offtake.domain.estate import Estate
from offtake.domain.futures.reading import Drawable, Value
from offtake.domain.outlook import BandRow, BindingRow, MoverRow, OrderRow, Outlook, Spread
from offtake.planner.futures.outcomes import Outcome, columns_of
from offtake.planner.futures.samples import acts_on, last_of, shown_day, unit_of
from offtake.planner.futures.sampling import Sampler
from offtake.planner.futures.solving import Bench, Job
from offtake.planner.instance import Floats
from offtake.planner.planning import Question
from offtake.planner.tables import tidy

LOW: Final = 0.05
HIGH: Final = 0.95
BINS: Final = 24
DIGITS: Final = 7
FEWEST: Final = 8  # Futures below which no correlation is told.
UNITS: Final = {
    "power_mw": "MW",
    "site_power_mw": "MW",
    "need": "tokens/s",
    "served": "tokens/s",
    "unmet": "tokens/s",
    "spent": "million",
    "capital": "million",
    "gap": "million",
}


@dataclass(frozen=True, slots=True)
class Asked:
    """What was asked: which question, seed and how many futures, and how each order is counted."""

    question: Question
    seed: int
    futures: int
    columns: tuple[str, ...]
    units: Mapping[str, str]  # By order.

    @staticmethod
    def of(bench: Bench, seed: int, futures: int) -> Asked:
        """From the base of a family."""
        instance = bench.base.instance
        units = {
            f"{one.kind} {instance.pools[one.pool].id}": instance.pools[one.pool].unit
            for one in instance.ways
        }
        units |= {f"shell {room.site}": "MW" for room in instance.rooms}
        columns = tuple(columns_of(instance.calendar.labels))
        return Asked(bench.family.question, seed, futures, columns, units)


def outlook_of(asked: Asked, kept: Mapping[str, Outcome]) -> Outlook:
    """What the futures that were looked at say, those asked for and no others; Raises SolverFailure if the case as
    stated or every future is without a plan."""
    estate = asked.question.estate
    looked = [one for n in range(asked.futures) if (one := kept.get(str(n))) is not None]
    planned = [one for one in looked if one.status == "planned"]
    base = kept.get("base")
    if base is None or base.status != "planned" or not planned:
        raise SolverFailure(
            "there is no plan to tell of: "
            + (base.why if base is not None and base.why else "nothing was planned"),
            hint="plan the case as stated first: `offtake plan` without --futures",
        )
    variables = Sampler.of(estate).variables
    return Outlook(
        estate=estate.name or "estate",
        estate_digest=asked.question.digest,
        party=asked.question.party or estate.plans_for or next(iter(estate.parties), ""),
        currency=estate.currency,
        seed=asked.seed,
        asked=asked.futures,
        planned=len(planned),
        no_plan=sum(one.status == "no plan" for one in looked),
        failed=sum(one.status == "failed" for one in looked),
        cold=sum(one.how == "cold" for one in planned),
        again=sum(one.how == "again" for one in planned),
        cost=_spread(float(base.cost), [one.cost for one in planned]),
        unmet_worth=_spread(float(base.unmet_worth), [one.unmet_worth for one in planned]),
        unmet_share=_spread(_unmet_share(base), [_unmet_share(one) for one in planned]),
        gap=_spread(float(base.gap), [one.gap for one in planned]) if estate.finance else None,
        bands=tuple(_bands(asked, base, planned)),
        binding=_binding(base, planned),
        movers=_movers(asked, variables, kept, planned),
        orders=_orders(asked, variables, base, planned),
    )


def _unmet_share(one: Outcome) -> float:
    need = sum(one.series["need"])
    return sum(one.series["unmet"]) / need if need else 0.0


def quantiles(values: Sequence[float] | Floats) -> tuple[float, float, float]:
    """The 5th, 50th and 95th percentile, each one of the values."""
    p5, median, p95 = (float(np.quantile(values, q, method="inverted_cdf")) for q in (LOW, 0.5, HIGH))
    return p5, median, p95


def _spread(base: float, values: Sequence[float]) -> Spread:
    numbers = np.asarray(values, dtype=float)
    p5, median, p95 = quantiles(numbers)
    low, high = float(numbers.min()), float(numbers.max())
    counts, _ = np.histogram(numbers, BINS, (low, high if high > low else low + 1))
    return Spread(
        base=base,
        p5=p5,
        median=median,
        p95=p95,
        mean=tidy(float(numbers.mean()), DIGITS),
        low=low,
        high=high,
        counts=tuple(int(count) for count in counts),
    )


def _bands(asked: Asked, base: Outcome, planned: Sequence[Outcome]) -> list[BandRow]:
    found: list[BandRow] = []
    for series, unit in UNITS.items():
        table = np.array([one.series[series] for one in planned])
        stated = base.series[series]
        if not table.any() and not any(stated):
            continue
        lines = np.quantile(table, (LOW, 0.5, HIGH), axis=0, method="inverted_cdf")
        found += [
            BandRow(
                series=series,
                at=at,
                unit=f"{unit} {asked.question.estate.currency}" if unit == "million" else unit,
                p5=float(lines[0, n]),
                median=float(lines[1, n]),
                p95=float(lines[2, n]),
                base=stated[n],
            )
            for n, at in enumerate(asked.columns)
        ]
    return found


def _binding(base: Outcome, planned: Sequence[Outcome]) -> tuple[BindingRow, ...]:
    worths: dict[str, list[float]] = {source: [] for source in base.binding}
    for one in planned:
        for source, worth in one.binding.items():
            worths.setdefault(source, []).append(worth)
    rows = [
        BindingRow(
            source=source,
            share=len(found) / len(planned),
            in_base=source in base.binding,
            p5_cents=quantiles(found)[0] if found else 0.0,
            median_cents=quantiles(found)[1] if found else 0.0,
            p95_cents=quantiles(found)[2] if found else 0.0,
        )
        for source, found in worths.items()
    ]
    return tuple(sorted(rows, key=lambda row: (-row.share, row.source)))


# What moves it ---------------------------------------------------------------------------------------------------


def _movers(
    asked: Asked, variables: Sequence[Drawable], kept: Mapping[str, Outcome], planned: Sequence[Outcome]
) -> tuple[MoverRow, ...]:
    """Every variable, the one that moves the cost most by itself first; those not solved alone by correlation."""
    costs = np.array([one.cost for one in planned], dtype=float)
    rows: list[MoverRow] = []
    for one in variables:
        low, high = (_cost(kept.get(Job(variable=one.id, quantile=q).name)) for q in (LOW, HIGH))
        rows.append(
            MoverRow(
                variable=one.id,
                acts_on=acts_on(one),
                at_p5=shown(asked.question.estate, one, one.quantile(LOW)),
                at_p95=shown(asked.question.estate, one, one.quantile(HIGH)),
                cost_p5_cents=low,
                cost_p95_cents=high,
                rank_correlation=rank_correlation(_drawn(one, planned), costs),
                assumed=one.variable.assumed,
                source=one.variable.source,
            )
        )
    return tuple(
        sorted(rows, key=lambda row: (-_swing(row), -abs(row.rank_correlation or 0.0), row.variable))
    )


def _cost(found: Outcome | None) -> int | None:
    return found.cost if found is not None and found.status == "planned" else None


def _swing(row: MoverRow) -> int:
    if row.cost_p5_cents is None or row.cost_p95_cents is None:
        return 0
    return abs(row.cost_p95_cents - row.cost_p5_cents)


def _drawn(one: Drawable, outcomes: Sequence[Outcome]) -> Floats:
    """A variable's draws as one number a future: of a process the mean of its logarithm, of a day never is last."""
    return np.array([_single(outcome.values[one.id]) for outcome in outcomes], dtype=float)


def _single(value: Value) -> float:
    if isinstance(value, tuple):
        return float(np.mean(np.log(np.maximum(value, 1e-300))))
    return value if isfinite(value) else 1e12


def rank_correlation(one: Floats, other: Floats) -> float | None:
    """Spearman's; None for too few futures, or where one of the two does not vary."""
    if len(one) < FEWEST or np.ptp(one) == 0 or np.ptp(other) == 0:
        return None
    ranks = stats.rankdata(one), stats.rankdata(other)
    return tidy(float(np.corrcoef(ranks[0], ranks[1])[0, 1]), 4)


def shown(estate: Estate, one: Drawable, value: Value) -> str:
    """A value in a few characters with its unit; of a process, where it ends."""
    unit, number = unit_of(estate, one), last_of(value)
    if unit == "day":
        late = not isfinite(number) or number >= estate.horizon.ends.toordinal()
        return "not within the horizon" if late else shown_day(number)
    if unit == "×":
        return f"× {number:.2f}"
    return f"{number:,.3g} {unit}" if abs(number) < 1000 else f"{number:,.0f} {unit}"


def _orders(
    asked: Asked, variables: Sequence[Drawable], base: Outcome, planned: Sequence[Outcome]
) -> tuple[OrderRow, ...]:
    drawn = {one.id: _drawn(one, planned) for one in variables}
    rows: list[OrderRow] = []
    for first_year in (True, False):
        stated = base.first if first_year else base.orders
        tables = [one.first if first_year else one.orders for one in planned]
        for order in dict.fromkeys([*stated, *(name for table in tables for name in table)]):
            amounts = np.array([table.get(order, 0.0) for table in tables])
            p5, median, p95 = quantiles(amounts)
            ranked = [
                (abs(r), id, r)
                for id, xs in drawn.items()
                if (r := rank_correlation(xs, amounts)) is not None
            ]
            _, name, correlation = max(ranked, default=(0.0, None, None))
            rows.append(
                OrderRow(
                    order=order,
                    unit=asked.units.get(order, ""),
                    first_year=first_year,
                    share=float((amounts > 0).mean()),
                    p5=p5,
                    median=median,
                    p95=p95,
                    base=stated.get(order, 0.0),
                    goes_with=name,
                    rank_correlation=correlation,
                )
            )
    return tuple(sorted(rows, key=lambda row: (not row.first_year, -row.share, row.order)))
