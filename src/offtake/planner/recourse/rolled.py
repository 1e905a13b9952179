"""What rolling came to, as it is handed on: means over futures, and what was ordered at each decision."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Sequence
from datetime import date

import numpy as np

from offtake.domain.errors import InvalidInput
from offtake.domain.handoffs import OrderRow
from offtake.domain.recourse import RolledFuture, RolledOrder, RollingPlan, StochasticPlan
from offtake.planner.planning import Question
from offtake.planner.reading import planning_party
from offtake.planner.recourse.advice import thing_of
from offtake.planner.recourse.rolling import Decisions, Travelled
from offtake.planner.tables import cents, tidy


def rolling_plan(
    base: Question,
    decisions: Decisions,
    chances: Sequence[float],
    found: Sequence[Travelled],
    stochastic: StochasticPlan | None,
) -> RollingPlan:
    """The plan of the courses that were travelled, the first of those asked for.

    Raises InvalidInput if none could be.
    """
    wants_given = stochastic is not None
    able = [n for n, one in enumerate(found) if _able(one, wants_given=wants_given)]
    if not able:
        raise InvalidInput("in no future could it be decided again and again: its limits leave no plan")
    weights = np.array([chances[n] for n in able])
    weights /= weights.sum()

    def mean(of: Callable[[Travelled], float | None]) -> int:
        return cents(float(weights @ [of(found[n]) or 0.0 for n in able]))

    return RollingPlan(
        estate=base.estate.name or "estate",
        estate_digest=base.digest,
        party=planning_party(base.estate, base.party),
        known_at=base.law.known_at,
        currency=base.estate.currency,
        begins=base.estate.horizon.begins,
        ends=base.estate.horizon.ends,
        days=decisions.days,
        finished=len(found) == len(chances),
        compared=len(able),
        rolled_cents=mean(lambda one: one.rolled),
        once_cents=mean(lambda one: one.once),
        stochastic_cents=mean(lambda one: one.given) if wants_given else None,
        known_cents=mean(lambda one: one.known),
        futures=tuple(_row(one, chance) for one, chance in zip(found, chances, strict=False)),
        orders=_orders(decisions, [chances[n] for n in range(len(found))], found),
        stochastic=stochastic,
    )


def _able(one: Travelled, *, wants_given: bool) -> bool:
    costs = (one.rolled, one.once, one.known, *((one.given,) if wants_given else ()))
    return all(cost is not None for cost in costs)


def _row(one: Travelled, chance: float) -> RolledFuture:
    rolled, once, given, known = (
        None if cost is None else cents(cost) for cost in (one.rolled, one.once, one.given, one.known)
    )
    return RolledFuture(
        name=one.name,
        about=one.about,
        probability=chance,
        rolled_cents=rolled,
        once_cents=once,
        stochastic_cents=given,
        known_cents=known,
    )


def _orders(
    decisions: Decisions, chances: Sequence[float], found: Sequence[Travelled]
) -> tuple[RolledOrder, ...]:
    rows: list[RolledOrder] = []
    for n, day in enumerate(decisions.days):
        by_thing: dict[tuple[str, str], dict[int, list[OrderRow]]] = defaultdict(lambda: defaultdict(list))
        for s, one in enumerate(found):
            for row in one.orders[n] if n < len(one.orders) else ():
                by_thing[row.kind, row.supply][s].append(row)
        rows += [_ordered(day, by_future, chances) for by_future in by_thing.values()]
    return tuple(rows)


def _ordered(day: date, by_future: dict[int, list[OrderRow]], chances: Sequence[float]) -> RolledOrder:
    totals = np.zeros(len(chances))
    for s, rows in by_future.items():
        totals[s] = sum(row.quantity for row in rows)
    first = next(iter(by_future.values()))[0]
    return RolledOrder(
        thing=thing_of(first),
        on=day,
        probability=tidy(min(1.0, sum(chances[s] for s in by_future) / sum(chances)), 6),
        least=tidy(totals.min()),
        middle=tidy(float(np.median(totals))),
        most=tidy(totals.max()),
    )
