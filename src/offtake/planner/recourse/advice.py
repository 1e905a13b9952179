"""What to order now, and what to keep open until when, from the answers of all futures."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np

from offtake.domain.handoffs import OrderRow
from offtake.domain.recourse import LaterOrder, OrderNow, Thing
from offtake.planner.answer import Answer
from offtake.planner.calendar import Calendar
from offtake.planner.recourse.writing import Scenario, Written
from offtake.planner.tables import order_rows, tidy


@dataclass(frozen=True, slots=True)
class Ordered:
    """The orders of every future: with today's orders shared, and by itself. The plan for one future's beside them."""

    shared: tuple[tuple[OrderRow, ...], ...]
    known: tuple[tuple[OrderRow, ...], ...]
    one_future: tuple[OrderRow, ...]


def orders_of_answers(
    written: Sequence[Written], answers: Sequence[Answer]
) -> tuple[tuple[OrderRow, ...], ...]:
    """What each answer orders, without accelerators taken on demand by the hour."""
    return tuple(_orders(one, answer) for one, answer in zip(written, answers, strict=True))


def _orders(one: Written, answer: Answer) -> tuple[OrderRow, ...]:
    formulation = one.formulation
    hourly = {formulation.instance.pools[c.way.pool].id for c in formulation.ways if c.way.hourly}
    return tuple(
        row for row in order_rows(one.reading, answer) if row.kind != "on-demand" or row.supply not in hourly
    )


def orders_now(ordered: Ordered, calendar: Calendar, until: date) -> tuple[OrderNow, ...]:
    """Orders of the periods that begin before a day, in the order of time and of the plan."""
    begins = {period.label: period.begins for period in calendar.periods}
    known = [_quantities(rows) for rows in ordered.known]
    one_future = _quantities(ordered.one_future)
    early = {
        (row.kind, row.supply, row.period): row
        for rows in (*ordered.known, ordered.one_future, ordered.shared[0])
        for row in rows
        if begins[row.period] < until
    }
    decided = _quantities(ordered.shared[0])
    found: list[OrderNow] = []
    for key, row in early.items():
        amounts = np.array([one.get(key, 0.0) for one in known])
        found.append(
            OrderNow(
                thing=thing_of(row),
                period=row.period,
                by=begins[row.period],
                serves_from=row.serves_from,
                quantity=tidy(decided.get(key, 0.0)),
                in_one_future=tidy(one_future.get(key, 0.0)),
                known_least=tidy(amounts.min()),
                known_middle=tidy(float(np.median(amounts))),
                known_most=tidy(amounts.max()),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.by, -one.quantity * one.thing.power_mw_per_unit)))


def later_orders(
    scenarios: Sequence[Scenario], ordered: Ordered, calendar: Calendar, until: date
) -> tuple[LaterOrder, ...]:
    """What futures order from a day on, by what is ordered, earliest first; an option where its probability is below
    one."""
    begins = {period.label: period.begins for period in calendar.periods}
    things: dict[tuple[str, str], dict[int, list[OrderRow]]] = defaultdict(lambda: defaultdict(list))
    for s, rows in enumerate(ordered.shared):
        for row in rows:
            if begins[row.period] >= until:
                things[row.kind, row.supply][s].append(row)
    found: list[LaterOrder] = []
    for by_future in things.values():
        first = min((row for rows in by_future.values() for row in rows), key=lambda row: begins[row.period])
        totals = np.array([sum(row.quantity for row in rows) for rows in by_future.values()])
        found.append(
            LaterOrder(
                thing=thing_of(first),
                probability=tidy(min(1.0, sum(scenarios[s].probability for s in by_future)), 6),
                period=first.period,
                by=begins[first.period],
                serves_from=first.serves_from,
                middle=tidy(float(np.median(totals))),
                most=tidy(totals.max()),
                futures=tuple(scenarios[s].name for s in by_future),
            )
        )
    return tuple(sorted(found, key=lambda one: (one.by, -one.probability, one.thing.supply)))


def thing_of(row: OrderRow) -> Thing:
    """What an order orders."""
    return Thing(
        kind=row.kind,
        supply=row.supply,
        site=row.site,
        provider=row.provider,
        owner=row.owner,
        unit=row.unit,
        power_mw_per_unit=tidy(row.power_mw / row.quantity, 6) if row.quantity else 0.0,
    )


def _quantities(rows: Sequence[OrderRow]) -> dict[tuple[str, str, str], float]:
    found: dict[tuple[str, str, str], float] = defaultdict(float)
    for row in rows:
        found[row.kind, row.supply, row.period] += row.quantity
    return found
