"""An estate file as read: plain values that remember the place where they were written."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeAlias

Path = tuple[str | int, ...]
Plain: TypeAlias = "bool | int | Decimal | date | str | tuple[Plain, ...] | dict[str, Plain] | None"


@dataclass(frozen=True, slots=True)
class Place:
    """A place in a file; lines and columns count from one."""

    file: str
    line: int
    column: int

    def __str__(self) -> str:
        return f"{self.file}:{self.line}:{self.column}"


@dataclass(slots=True)
class ScalarNode:
    """One value, with the text that was written for it."""

    value: bool | int | Decimal | date | str | None
    text: str
    place: Place


@dataclass(slots=True)
class SequenceNode:
    """A list."""

    items: list[Node]
    place: Place


@dataclass(slots=True)
class EntryNode:
    """One key of a mapping and what stands behind it."""

    key_place: Place
    node: Node


@dataclass(slots=True)
class MappingNode:
    """Keys in the order of the file; keys are texts as written."""

    entries: dict[str, EntryNode]
    place: Place


Node: TypeAlias = "ScalarNode | SequenceNode | MappingNode"


def plain(node: Node) -> Plain:
    """The values alone: mappings as dicts, lists as tuples."""
    if isinstance(node, ScalarNode):
        return node.value
    if isinstance(node, SequenceNode):
        return tuple(plain(item) for item in node.items)
    return {key: plain(entry.node) for key, entry in node.entries.items()}


def find(node: Node, path: Sequence[str | int]) -> Node | None:
    """The node at a path, or None."""
    here: Node | None = node
    for step in path:
        if here is None:
            return None
        here = _child(here, step)
    return here


def _child(node: Node, step: str | int) -> Node | None:
    if isinstance(node, MappingNode):
        entry = node.entries.get(str(step))
        return None if entry is None else entry.node
    if isinstance(node, SequenceNode) and isinstance(step, int) and 0 <= step < len(node.items):
        return node.items[step]
    return None


@dataclass(frozen=True)
class Positions:
    """Where everything of an estate was written."""

    root: Node

    def value(self, path: Sequence[str | int]) -> Place:
        """The place of the value at a path; of the nearest thing around it that was written, if it was
        not."""
        here: Node = self.root
        place = here.place
        for step in path:
            entry = here.entries.get(str(step)) if isinstance(here, MappingNode) else None
            found = _child(here, step)
            if found is None:
                return place
            here = found
            # A block of keys starts below its own key, and people look for the key.
            place = entry.key_place if entry is not None and not isinstance(here, ScalarNode) else here.place
        return place

    def key(self, path: Sequence[str | int]) -> Place:
        """The place of the key that ends a path, rather than of its value."""
        parent = find(self.root, path[:-1]) if path else None
        if isinstance(parent, MappingNode) and (entry := parent.entries.get(str(path[-1]))) is not None:
            return entry.key_place
        return self.value(path)
