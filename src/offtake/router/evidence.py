"""What receipts prove about one class of data in one month: where it was processed, and what was refused."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from typing import Any, cast

from offtake.router.receipts import Receipt


@dataclass(slots=True)
class Processed:
    """What one supply processed of the class."""

    supply: str
    provider: str
    region: str
    may_process_in: tuple[str, ...] | None
    logs_in: tuple[str, ...] | None
    requests: int = 0
    tokens: int = 0
    estimated: int = 0


@dataclass(slots=True)
class Evidence:
    """A month of one class of data. `barred` counts, by clause, how often it kept a supply from a request."""

    data_class: str
    month: str
    requests: int = 0
    served: int = 0
    refused: int = 0
    processed: dict[str, Processed] = field(default_factory=dict[str, Processed])
    barred: dict[str, int] = field(default_factory=dict[str, int])
    clauses: dict[str, tuple[str | None, str | None]] = field(
        default_factory=dict[str, tuple[str | None, str | None]]
    )
    days: set[str] = field(default_factory=set[str])

    @property
    def countries(self) -> tuple[str, ...]:
        """Every country in which something of the class may have been processed; `*` is anywhere."""
        found: set[str] = set()
        for each in self.processed.values():
            found.update(each.may_process_in or ("unknown",))
        return tuple(sorted(found))


def evidence_of(
    data_class: str,
    month: str,
    receipts: Iterable[tuple[Receipt, Mapping[str, Any]]],
) -> Evidence:
    """The evidence of a month's receipts, each with the table that it refers to."""
    found = Evidence(data_class, month)
    for receipt, table in receipts:
        entries = cast("dict[str, dict[str, Any]]", table.get("entries", {}))
        entry = entries.get(f"{receipt.profile} {receipt.model or receipt.asked}")
        if entry is None or entry.get("data_class") != data_class:
            continue
        found.requests += 1
        found.days.add(str(table.get("day")))
        _bars(found, receipt, entry, table)
        if receipt.supply is None or receipt.usage == "none":
            found.refused += 1
            continue
        found.served += 1
        _count(found, receipt, cast("dict[str, dict[str, Any]]", table.get("supplies", {})))
    return found


def _bars(found: Evidence, receipt: Receipt, entry: Mapping[str, Any], table: Mapping[str, Any]) -> None:
    """The clauses that kept a supply from a request: those of the day, and those of this request."""
    rows = cast("list[tuple[str, list[tuple[str, str]]]]", entry.get("barred", []))
    of_the_day = [clause for _, reasons in rows for clause, _ in reasons if clause]
    of_it = [clause for _, why, clauses in receipt.passed if why == "law" for clause in clauses]
    stated = cast("dict[str, tuple[str | None, str | None]]", table.get("clauses", {}))
    for clause in dict.fromkeys((*of_the_day, *of_it)):
        found.barred[clause] = found.barred.get(clause, 0) + 1
        document, section = stated.get(clause, (None, None))
        found.clauses[clause] = (document, section)


def _count(found: Evidence, receipt: Receipt, supplies: Mapping[str, Mapping[str, Any]]) -> None:
    supply = receipt.supply or ""
    facts = supplies.get(supply, {})
    each = found.processed.get(supply)
    if each is None:
        each = found.processed[supply] = Processed(
            supply,
            str(facts.get("provider")),
            str(facts.get("region")),
            _places(facts.get("may_process_in")),
            _places(facts.get("logs_in")),
        )
    each.requests += 1
    each.tokens += receipt.fresh + receipt.cached + receipt.out
    each.estimated += receipt.usage == "estimated"


def _places(stated: object) -> tuple[str, ...] | None:
    return tuple(str(place) for place in cast("list[object]", stated)) if isinstance(stated, list) else None
