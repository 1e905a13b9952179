"""An estate's text with one more file included, its comments and layout left as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from offtake.adapters.estate_yaml.nodes import MappingNode, Plain, plain
from offtake.adapters.estate_yaml.problems import Unreadable
from offtake.adapters.estate_yaml.source import NodeBudget, decode, parse
from offtake.adapters.estate_yaml.writing import scalar_text
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from yaml import Node

_BOM: Final = b"\xef\xbb\xbf"


def included(content: bytes, name: str, file: str) -> bool:
    """Whether an estate's own text includes a file."""
    return file in _listed(content, name)


def including(content: bytes, name: str, file: str) -> bytes:
    """The text with `file` added to `include`, nothing else changed.

    Raises InvalidInput if the place cannot be found safely; the line can then be written by hand.
    """
    before = _listed(content, name)
    text = decode(content, name)
    written = _with(text, file).encode()
    new = (_BOM if content.startswith(_BOM) else b"") + written
    if _listed(new, name) != (*before, file) or _others(new, name) != _others(content, name):
        raise _by_hand(name, file)
    return new


def _by_hand(name: str, file: str) -> InvalidInput:
    return InvalidInput(
        f"`{name}` is written so that no file can be included safely",
        hint=f"write `include: [{file}]` into it by hand, and import again",
    )


def _root(content: bytes, name: str) -> MappingNode:
    try:
        return parse(content, name, NodeBudget())[0]
    except Unreadable as stop:
        problem = stop.problem
        raise InvalidInput(f"{problem.file}:{problem.line}:{problem.column}: {problem.message}") from None


def _listed(content: bytes, name: str) -> tuple[Plain, ...]:
    entry = _root(content, name).entries.get("include")
    listed = None if entry is None else plain(entry.node)
    if listed is None:
        return ()
    return listed if isinstance(listed, tuple) else (listed,)


def _others(content: bytes, name: str) -> dict[str, Plain]:
    return {key: plain(entry.node) for key, entry in _root(content, name).entries.items() if key != "include"}


def _with(text: str, file: str) -> str:
    """The text with one more file under `include`, which is added after the line of `offtake` if it is not there."""
    import yaml

    # The pure loader's marks count characters; those of the C loader do not.
    root = yaml.compose(text, Loader=yaml.SafeLoader)
    if not isinstance(root, yaml.MappingNode):
        return text
    keys = {str(key.value): value for key, value in root.value}
    newline = "\r\n" if "\r\n" in text else "\n"
    quoted = scalar_text(file)
    here = keys.get("include")
    if here is None:
        return _with_key(text, root, keys.get("offtake"), quoted, newline)
    start, end = here.start_mark.index, here.end_mark.index
    if isinstance(here, yaml.SequenceNode):
        if not here.flow_style:
            return _with_item(text, here, quoted, newline)
        comma = ", " if here.value else ""
        return f"{text[: end - 1].rstrip()}{comma}{quoted}{text[end - 1 :]}"
    if here.value:
        return f"{text[:start]}[{text[start:end]}, {quoted}]{text[end:]}"
    return f"{text[:start]} [{quoted}]{text[start:]}"


def _with_key(text: str, root: Node, version: Node | None, quoted: str, newline: str) -> str:
    if getattr(root, "flow_style", False):
        at = root.start_mark.index + 1
        return f"{text[:at]}include: [{quoted}], {text[at:]}"
    if version is None:
        return f"include: [{quoted}]{newline}{text}"
    line_end = text.find("\n", version.end_mark.index)
    if line_end < 0:
        return f"{text}{newline}include: [{quoted}]{newline}"
    return f"{text[: line_end + 1]}include: [{quoted}]{newline}{text[line_end + 1 :]}"


def _with_item(text: str, items: Node, quoted: str, newline: str) -> str:
    last = items.value[-1]
    indent = " " * items.start_mark.column
    line_end = text.find("\n", last.end_mark.index)
    if line_end < 0:
        return f"{text}{newline}{indent}- {quoted}{newline}"
    return f"{text[: line_end + 1]}{indent}- {quoted}{newline}{text[line_end + 1 :]}"
