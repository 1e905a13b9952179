"""A receipt in words."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any, Final, cast

from offtake.router.receipts import Receipt
from offtake.router.table import PICO

_WHY: Final = {
    "law": "the law bars it",
    "meter": "a bound is reached",
    "full": "it had no room",
    "down": "it was not answering",
    "offered": "somebody else is offered the request first, and had room",
    "elsewhere": "it could not be asked this",
    "would": "this is where the choice would have sent it",
}


def lines_of(receipt: Receipt, table: Mapping[str, Any]) -> tuple[str, ...]:
    """What happened to a request, line by line: where it went, what it used, and why not elsewhere."""
    at = datetime.fromtimestamp(receipt.at_ms / 1000, UTC)
    entries = cast("dict[str, dict[str, Any]]", table.get("entries", {}))
    entry = entries.get(f"{receipt.profile} {receipt.model or receipt.asked}", {})
    return (
        f"{receipt.id}: {receipt.operation} at {at:%Y-%m-%d %H:%M:%S} UTC, as {receipt.profile} with {receipt.key}",
        _went(receipt, table),
        *_used(receipt, str(table.get("currency", ""))),
        *(f"  not {line}" for line in _others(receipt, entry)),
        f"  clauses asked: {', '.join(cast('list[str]', entry.get('clauses', []))) or 'none'}",
        f"  under table {table.get('version')} of {table.get('day')}",
    )


def _went(receipt: Receipt, table: Mapping[str, Any]) -> str:
    if receipt.supply is None:
        return f"  {receipt.outcome} with status {receipt.status}; asked for {receipt.asked}"
    if receipt.outcome == "failed":
        return f"  failed with status {receipt.status}; asked for {receipt.asked}, the last tried was {receipt.supply}"
    facts = cast("dict[str, dict[str, Any]]", table.get("supplies", {})).get(receipt.supply, {})
    places = facts.get("may_process_in")
    where = "not stated" if places is None else ", ".join(cast("list[str]", places))
    return (
        f"  {receipt.outcome} with status {receipt.status} by {receipt.supply} in {receipt.region} "
        f"(may process in {where}); asked for {receipt.asked}, answered by {receipt.model}"
    )


def _used(receipt: Receipt, currency: str) -> tuple[str, ...]:
    if receipt.usage == "none":
        return ()
    bound = f", within {receipt.bound}" if receipt.usage == "estimated" else ""
    cached = f" and {receipt.cached} cached" if receipt.cached else ""
    tokens = f"{receipt.fresh} tokens in{cached}, {receipt.out} out ({receipt.usage}{bound})"
    first = f"first byte after {receipt.first_byte_us / 1000:.1f} ms"
    return (f"  {tokens}; {receipt.cost_pico / PICO:.8f} {currency}; {receipt.attempts} tried; {first}",)


def _others(receipt: Receipt, entry: Mapping[str, Any]) -> list[str]:
    """Why each other supply was not taken: what the table bars, what could not take it, and what was dearer."""
    found: list[str] = []
    for supply, reasons in cast("list[tuple[str, list[tuple[str, str]]]]", entry.get("barred", [])):
        found.append(f"{supply}: {'; '.join(text or clause for clause, text in reasons)}")
    barred = {row[0] for row in cast("list[list[str]]", entry.get("barred", []))}
    for supply, why, clauses in receipt.passed:
        if why != "tried" and not (why == "law" and supply in barred):
            found.append(f"{supply}: {', '.join(clauses) or _WHY.get(why, why)}")
    said = {supply for supply, _, _ in receipt.passed} | {receipt.supply}
    if receipt.supply is not None:
        others = [s for s in cast("list[str]", entry.get("candidates", [])) if s not in said]
        found.extend(f"{supply}: it would have cost as much or more by then" for supply in others)
    return list(dict.fromkeys(found))
