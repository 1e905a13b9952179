"""Forms that are read as what they plainly mean: numbers where a text is wanted, a quoted day, an emptied
section."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Final

from pydantic_core import ErrorDetails

from offtake.adapters.estate_yaml.nodes import (
    EntryNode,
    MappingNode,
    Node,
    Place,
    ScalarNode,
    SequenceNode,
    find,
)
from offtake.adapters.estate_yaml.scalars import as_date
from offtake.adapters.estate_yaml.shape import ROOT, Shape, follow
from offtake.domain.estate import PowerStep

MAXIMUM_ROUNDS: Final = 4  # One form may hide another: a single power step is a list of one, then a text.


def mend(root: MappingNode, errors: Iterable[ErrorDetails], form: Shape = ROOT) -> bool:
    """Rewrites in place each node whose meaning is plain; whether any was."""
    mended = False
    for error in errors:
        path, shape, _ = follow(error["loc"], form)
        node = find(root, path)
        if node is None or error["loc"][-1:] == ("[key]",) or not path:
            continue
        new = _mended(error["type"], node, power_step=shape.model is PowerStep)
        if new is not None:
            _put(root, path, new)
            mended = True
    return mended


def _mended(kind: str, node: Node, *, power_step: bool) -> Node | None:
    """The node that is plainly meant, or None."""
    if not isinstance(node, ScalarNode):
        return None
    place = node.place
    if kind == "string_type" and node.value is not None and not isinstance(node.value, bool | str):
        return ScalarNode(node.text, node.text, place)
    if kind == "date_type" and isinstance(node.value, str) and (day := as_date(node.text)) is not None:
        return ScalarNode(day, node.text, place)
    if kind in ("model_type", "dict_type", "model_attributes_type"):
        if node.value is None:
            return MappingNode({}, place)
        return _power_step(node, place) if power_step else None
    if kind == "tuple_type":
        return SequenceNode([] if node.value is None else [node], place)
    return None


def _power_step(node: ScalarNode, place: Place) -> MappingNode:
    return MappingNode({"value": EntryNode(place, ScalarNode(node.text, node.text, place))}, place)


def _put(root: MappingNode, path: tuple[str | int, ...], new: Node) -> None:
    parent = find(root, path[:-1])
    last = path[-1]
    if isinstance(parent, MappingNode):
        parent.entries[str(last)].node = new
    elif isinstance(parent, SequenceNode) and isinstance(last, int):
        parent.items[last] = new
