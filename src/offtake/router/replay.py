"""Last month again: a log of requests put to the choice, under the law as it is or as it might be."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from datetime import date

from offtake.router.balances import Balances
from offtake.router.choose import Asked, Refused, choose, day_of
from offtake.router.table import PICO, RoutingTable, Tokens


@dataclass(frozen=True, slots=True)
class Logged:
    """A request of a log: when (seconds since the epoch), as which profile, which model, what it used and where."""

    at: float
    profile: str
    model: str
    tokens: Tokens
    went_to: str | None = None  # A deployment or a supply, where the log says so.


@dataclass(slots=True)
class Replayed:
    """What the log would have been. Costs are in pico-units of the estate's currency."""

    currency: str
    requests: int = 0
    routed: dict[str, int] = field(default_factory=dict[str, int])
    tokens: dict[str, int] = field(default_factory=dict[str, int])
    cost: dict[str, int] = field(default_factory=dict[str, int])
    refused: dict[str, int] = field(default_factory=dict[str, int])  # By the clauses that refused, or why.
    unknown: dict[str, int] = field(default_factory=dict[str, int])  # Models that no entry has.
    placed: int = 0  # Requests of which the log says where they went.
    unlawful: dict[str, int] = field(default_factory=dict[str, int])  # Of those, by the clauses that bar it.

    @property
    def total_cost(self) -> float:
        """The whole cost, in the estate's currency."""
        return sum(self.cost.values()) / PICO


def replay(log: Iterable[Logged], table_of: Callable[[date], RoutingTable]) -> Replayed:
    """The choice for each request of a log, in the order of time, with what earlier ones counted.

    Every request uses what it used then, wherever it goes, and none fails. Meters begin empty.
    """
    tables: dict[date, RoutingTable] = {}
    found: Replayed | None = None
    balances: Balances | None = None
    for logged in log:
        day = day_of(logged.at)
        table = tables.get(day)
        if table is None:
            table = tables[day] = table_of(day)
        if balances is None or found is None:
            balances, found = Balances(table, logged.at), Replayed(table.currency)
        elif balances.table is not table:
            balances.adopt(table, logged.at)
        _one(logged, table, balances, found)
    return found or Replayed("")


def _one(logged: Logged, table: RoutingTable, balances: Balances, found: Replayed) -> None:
    found.requests += 1
    entry = table.entries.get((logged.profile, logged.model))
    if entry is None:
        _add(found.unknown, logged.model)
        return
    if logged.went_to is not None:
        found.placed += 1
        for barred in entry.barred:
            if logged.went_to in (barred.supply, barred.supply.partition("/")[0]):
                _add(
                    found.unlawful, ", ".join(sorted({r.origin.clause for r in barred.reasons})) or barred.why
                )
                break
    chosen = choose(table, Asked((entry,), logged.tokens, logged.tokens), balances, logged.at)
    if isinstance(chosen, Refused):
        _add(found.refused, ", ".join(chosen.clauses) or chosen.why)
        return
    candidate = chosen.candidate
    hold = balances.hold(candidate, logged.tokens, logged.tokens, logged.at, chosen.captive, chosen.amounts)
    cost = balances.settle(hold, logged.tokens, logged.at)
    _add(found.routed, candidate.id)
    _add(found.tokens, candidate.id, logged.tokens.total)
    _add(found.cost, candidate.id, cost)


def _add(counts: dict[str, int], key: str, amount: int = 1) -> None:
    counts[key] = counts.get(key, 0) + amount
