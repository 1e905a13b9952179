"""What is kept of one future: its cost, what is left unmet, what nobody has promised, and what binds."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final, Literal, TypeAlias

import numpy as np

from offtake.domain.futures.reading import Value
from offtake.planner.answer import Answer, cost_of, flows_of, unmet_worth
from offtake.planner.finance.answer import finance_flows, financed_cost
from offtake.planner.formulation import demand_of
from offtake.planner.instance import Floats
from offtake.planner.program import ABSENT
from offtake.planner.tables import SLIVER, cents, tidy

Status: TypeAlias = Literal["planned", "no plan", "failed"]
How: TypeAlias = Literal["warm", "cold", "again"]
SERIES: Final = ("power_mw", "site_power_mw", "need", "served", "unmet", "spent", "capital", "gap")
KEPT_DIGITS: Final = 7  # That count, of the quantities of one future among many.
FIRST_YEAR_DAYS: Final = 365
BINDS: Final = 1e-5  # Of the cost: what a limit is worth in all, at least, where it is said to bind.


@dataclass(frozen=True, slots=True)
class Outcome:
    """One future's certified answer in short, or why there is none.

    `job` names it (a number, or a variable at a quantile); `how` is how it was solved: `again` after an answer that did
    not pass its certificate. Money is in cents; `cost` and `unmet_worth` are discounted, `gap` is not. `series` are by
    month, quarter or year of the horizon: IT power at its end (MW) of all capacity and of that at sites, tokens a
    second, and millions of money undiscounted. `binding` is what one more unit of a limit is worth (cents) where it
    binds, `orders` what is ordered in all, by way and supply, `first` in the horizon's first year.
    """

    job: str
    status: Status
    how: How = "warm"
    why: str = ""
    cost: int = 0
    unmet_worth: int = 0
    gap: int = 0
    values: Mapping[str, Value] = field(default_factory=dict[str, Value])
    series: Mapping[str, tuple[float, ...]] = field(default_factory=dict[str, tuple[float, ...]])
    binding: Mapping[str, float] = field(default_factory=dict[str, float])
    orders: Mapping[str, float] = field(default_factory=dict[str, float])
    first: Mapping[str, float] = field(default_factory=dict[str, float])


def columns_of(labels: tuple[str, ...]) -> dict[str, int]:
    """The months, quarters or years that periods are, or are parts of, in order, with their places."""
    names = dict.fromkeys(label.split(" ", 1)[0] for label in labels)
    return {name: n for n, name in enumerate(names)}


def planned(job: str, answer: Answer, how: How, values: Mapping[str, Value]) -> Outcome:
    """The outcome of a certified answer."""
    flows = finance_flows(answer)
    gap = sum((flow.amounts for flow in flows if flow.kind == "gap"), np.zeros(_periods(answer)))
    return Outcome(
        job,
        "planned",
        how,
        cost=cents(cost_of(answer) + financed_cost(answer)),
        unmet_worth=cents(unmet_worth(answer)),
        gap=cents(float(gap.sum())),
        values=values,
        series=_series(answer, gap),
        binding=_binding(answer),
        orders=_orders(answer, None),
        first=_orders(answer, FIRST_YEAR_DAYS),
    )


def _periods(answer: Answer) -> int:
    return len(answer.formulation.instance.calendar.periods)


def _series(answer: Answer, gap: Floats) -> dict[str, tuple[float, ...]]:
    instance = answer.formulation.instance
    labels = instance.calendar.labels
    columns = columns_of(labels)
    place = np.array([columns[label.split(" ", 1)[0]] for label in labels])
    days = np.array([period.days for period in instance.calendar.periods], dtype=float)
    whole = np.bincount(place, days, len(columns))
    last = {int(column): t for t, column in enumerate(place)}

    def lasting(amounts: Floats) -> tuple[float, ...]:
        return _kept(np.array([amounts[last[n]] for n in range(len(columns))]))

    def mean(amounts: Floats) -> tuple[float, ...]:
        return _kept(np.bincount(place, amounts * days, len(columns)) / whole)

    def total(amounts: Floats) -> tuple[float, ...]:
        return _kept(np.bincount(place, amounts / 1e6, len(columns)).astype(np.float64))

    stands = answer.in_service.max(axis=2)
    power = np.array([pool.power_mw for pool in instance.pools]).reshape(-1, 1) * stands
    at_site = np.array(
        [pool.site is not None and pool.facts.form == "owned" for pool in instance.pools], dtype=bool
    )
    need = demand_of(instance).sum(axis=0) @ instance.hour_weights
    unmet = answer.unmet.sum(axis=0) @ instance.hour_weights
    spent, capital = _money(answer)
    return {
        "power_mw": lasting(power.sum(axis=0)),
        "site_power_mw": lasting(power[at_site].sum(axis=0)),
        "need": mean(need),
        "served": mean(need - unmet),
        "unmet": mean(unmet),
        "spent": total(spent),
        "capital": total(capital),
        "gap": total(gap),
    }


def _money(answer: Answer) -> tuple[Floats, Floats]:
    """By period, undiscounted: what the party pays less what it is paid, and what anybody pays as capital."""
    party = answer.formulation.instance.party
    spent, capital = np.zeros(_periods(answer)), np.zeros(_periods(answer))
    for flow in flows_of(answer):
        if flow.kind == "capital":
            capital += flow.amounts
        if flow.kind != "salvage":
            spent += flow.amounts * (float(flow.payer == party) - float(flow.payee == party))
    return spent, capital


def _binding(answer: Answer) -> dict[str, float]:
    """What one more unit of each limit that binds is worth, at its dearest (cents). A limit whose prices times bounds
    are less than a sliver of the cost binds in name only: money between others breaks ties by a millionth."""
    found: dict[str, float] = {}
    program, dual = answer.formulation.program, answer.solution.row_dual
    least = BINDS * max(1.0, abs(answer.solution.objective))
    for limit in answer.formulation.limits:
        rows = limit.rows.index[limit.rows.index != ABSENT]
        price = np.abs(dual[rows])
        upper, lower = program.row_upper[rows], program.row_lower[rows]
        bound = np.where(np.isfinite(upper), upper, np.where(np.isfinite(lower), lower, 0.0))
        if float(price @ np.maximum(np.abs(bound), 1.0)) >= least:
            per_unit = float(price.max()) * answer.formulation.scales.money / limit.unit * 100
            found[limit.source] = max(tidy(per_unit, KEPT_DIGITS), found.get(limit.source, 0.0))
    return found


def _orders(answer: Answer, days: int | None) -> dict[str, float]:
    """Ordered by way and supply, in natural units; all, or within so many days from the horizon's start."""
    instance = answer.formulation.instance
    begins = instance.calendar.periods[0].begins.toordinal()
    within = np.array(
        [days is None or period.begins.toordinal() - begins < days for period in instance.calendar.periods]
    )
    found: dict[str, float] = {}
    for columns, amount in zip(answer.formulation.ways, answer.ordered, strict=True):
        if columns.way.hourly:
            continue
        total = float(amount[within].sum())
        if total > SLIVER * columns.unit:
            key = f"{columns.way.kind} {instance.pools[columns.way.pool].id}"
            found[key] = tidy(found.get(key, 0.0) + total, KEPT_DIGITS)
    for n, megawatts in answer.shells.items():
        total = float(megawatts[within].sum())
        if total > SLIVER:
            found[f"shell {instance.rooms[n].site}"] = tidy(total, KEPT_DIGITS)
    return found


def _kept(values: Floats) -> tuple[float, ...]:
    return tuple(tidy(one, KEPT_DIGITS) for one in values.tolist())
