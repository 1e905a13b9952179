"""Entries of earlier versions, brought to the shape of this one when they are read. What is kept is never rewritten."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, Final

# The version of the shape of entries, commands and events that this offtake writes.
FORMAT: Final = 2

Plain = dict[str, Any]


def _since_format_1(entry: Plain) -> Plain:
    """Format 1: notices did not say the time to answer, which was the right's only window, nor the bids behind a best
    one; price clauses were no part of an award."""
    events = [{**event, **_ADDED.get(event["kind"], _nothing)(event)} for event in entry["events"]]
    return {**entry, "events": events}


def _nothing(_: Plain) -> Plain:
    return {}


_ADDED: Final[Mapping[str, Callable[[Plain], Plain]]] = {
    "holder-noticed": lambda event: {
        "notice": {**event["notice"], "answer_within": None, "parts": []},
        "bids": [],
    },
    "need-awarded": lambda _: {"prices": []},
}


# By the version that is read: what makes an entry of it one of the next.
UPCASTERS: Final[Mapping[int, Callable[[Plain], Plain]]] = {1: _since_format_1}


def upcast(
    entry: Plain, upcasters: Mapping[int, Callable[[Plain], Plain]] = UPCASTERS, to: int = FORMAT
) -> Plain:
    """An entry's JSON in the shape of a version, step by step. Raises ValueError for one that is later, or unknown."""
    version = int(entry.get("format", 0))
    if version > to:
        raise ValueError(f"the entry is of format {version}, and this offtake reads up to {to}")
    while version < to:
        step = upcasters.get(version)
        if step is None:
            raise ValueError(f"no upcaster reads format {version}")
        entry = {**step(entry), "format": version + 1}
        version += 1
    return entry
