"""Receipts: what was asked of the law for one request, where it went, and what it used. Never what was said.

A receipt holds no prompt, no answer and no personal data: a key's id, a class, and counts.
"""

from __future__ import annotations

from typing import Any, Final, Literal, NamedTuple

from offtake.router.table import RoutingTable

FORMAT: Final = "offtake.receipts/1"
Outcome = Literal["served", "refused", "failed", "cut", "left"]


class Receipt(NamedTuple):
    """One request, as its receipt tells it."""

    id: str
    at_ms: int  # Since the epoch, in UTC.
    key: str
    profile: str
    operation: str
    asked: str  # The model that the caller named.
    model: str | None  # The model that served.
    supply: str | None
    region: str | None
    outcome: Outcome
    status: int
    fresh: int
    cached: int
    out: int
    usage: Literal["measured", "estimated", "none"]
    bound: int  # An estimate is off by no more tokens than this, as far as is known.
    cost_pico: int  # In pico-units of the estate's currency.
    attempts: int
    first_byte_us: int
    total_us: int
    clauses: tuple[
        str, ...
    ]  # That refused a supply, or gave it up: with `passed`, why it went where it went.
    passed: tuple[tuple[str, str, tuple[str, ...]], ...]


COLUMNS: Final = Receipt._fields  # Of a receipt's row, in order. `passed` lists [supply, why, [clauses]].


def described(table: RoutingTable) -> dict[str, Any]:
    """A table in plain values, as receipts refer to it: the clauses asked of each profile and model, what was barred
    and why, and where each supply may process."""
    entries: dict[str, Any] = {}
    for (profile, model), entry in sorted(table.entries.items()):
        entries[f"{profile} {model}"] = {
            "data_class": entry.facts.data_class,
            "clauses": list(entry.clauses),
            "candidates": [c.id for c in entry.candidates],
            "barred": [
                [b.supply, [[r.origin.clause, r.text] for r in b.reasons] or [["", b.why]]]
                for b in entry.barred
            ],
        }
    supplies = {
        c.id: {
            "provider": c.supply.provider,
            "region": c.supply.region,
            "may_process_in": None if c.supply.may_process_in is None else sorted(c.supply.may_process_in),
            "logs_in": None if c.supply.logs_in is None else sorted(c.supply.logs_in),
        }
        for entry in table.entries.values()
        for c in entry.candidates
    }
    origins = {
        o.clause: [o.document, o.section]
        for o in (*(m.origin for m in table.law.masks), *(m.origin for m in table.law.meters))
    }
    return {
        "format": FORMAT,
        "version": table.version,
        "day": str(table.day),
        "currency": table.currency,
        "entries": entries,
        "supplies": dict(sorted(supplies.items())),
        "clauses": dict(sorted(origins.items())),
    }
