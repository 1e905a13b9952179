"""Joins an estate's files: included sections are put together key by key, lists are appended."""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, field
from pathlib import PurePosixPath
from typing import Final

from offtake.adapters.estate_yaml.folder import Folder
from offtake.adapters.estate_yaml.nodes import MappingNode, Node, Place, ScalarNode, SequenceNode
from offtake.adapters.estate_yaml.problems import Problem, Unreadable, error_at
from offtake.adapters.estate_yaml.source import NodeBudget, parse

MAXIMUM_FILES: Final = 100
_JOINED_DEEPLY: Final = frozenset({"latency", "pairs"})  # Rows of one table may stand in several files.


@dataclass
class Joined:
    """All files of an estate as one mapping, with a digest of what was read."""

    root: MappingNode
    problems: list[Problem] = field(default_factory=list[Problem])
    read: dict[str, bytes] = field(default_factory=dict[str, bytes])
    complete: bool = True  # False once a file that was asked for could not be read.

    @property
    def digest(self) -> str:
        """SHA-256 over names and contents of all files, the main file first and the others by name."""
        main, *others = self.read
        total = hashlib.sha256()
        for name in (main, *sorted(others)):
            total.update(f"{name}\0{len(self.read[name])}\0".encode())
            total.update(self.read[name])
        return total.hexdigest()


def join(content: bytes, name: str, folder: Folder, budget: NodeBudget) -> Joined:
    """The main file and all that it includes. Raises Unreadable if the main file itself cannot be read."""
    root, problems = parse(content, name, budget)
    joined = Joined(root, list(problems), {name: content})
    _include(joined, root, name, (name,), folder, budget)
    return joined


def _include(
    joined: Joined, node: MappingNode, name: str, chain: tuple[str, ...], folder: Folder, budget: NodeBudget
) -> None:
    for item in _included(node):
        try:
            _include_one(joined, item, name, chain, folder, budget)
        except Unreadable as stop:
            joined.problems.append(stop.problem)
            joined.complete = False


def _include_one(
    joined: Joined, item: ScalarNode, name: str, chain: tuple[str, ...], folder: Folder, budget: NodeBudget
) -> None:
    inner_name, content = folder.read(item.text, PurePosixPath(name).parent, item.place)
    if inner_name in chain:
        circle = " → ".join((*chain[chain.index(inner_name) :], inner_name))
        raise Unreadable(
            error_at(item.place, "include-cycle", f"files include each other in a circle: {circle}")
        )
    if inner_name in joined.read:
        raise Unreadable(error_at(item.place, "include-twice", f"`{inner_name}` is included twice"))
    if len(joined.read) >= MAXIMUM_FILES:
        raise Unreadable(error_at(item.place, "too-many-files", f"more than {MAXIMUM_FILES} files"))
    joined.read[inner_name] = content
    inner, problems = parse(content, inner_name, budget)
    joined.problems.extend(problems)
    further = MappingNode(
        {key: inner.entries[key] for key in ("include",) if key in inner.entries}, inner.place
    )
    _ = inner.entries.pop("include", None)
    version = inner.entries.get("offtake")
    if version is not None and _same_version(joined.root, version.node):
        inner.entries.pop("offtake")
    _merge(joined.root, inner, (), joined.problems)
    _include(joined, further, inner_name, (*chain, inner_name), folder, budget)


def _included(node: MappingNode) -> list[ScalarNode]:
    """The files that a mapping names; other shapes of `include` are left to the model to refuse."""
    entry = node.entries.get("include")
    if entry is None:
        return []
    items: list[Node] = entry.node.items if isinstance(entry.node, SequenceNode) else [entry.node]
    return [item for item in items if isinstance(item, ScalarNode) and isinstance(item.value, str)]


def _same_version(root: MappingNode, version: Node) -> bool:
    main = root.entries.get("offtake")
    return (
        main is not None
        and isinstance(main.node, ScalarNode)
        and isinstance(version, ScalarNode)
        and main.node.text == version.text
    )


def _merge(into: MappingNode, more: MappingNode, path: tuple[str, ...], problems: list[Problem]) -> None:
    for key, entry in more.entries.items():
        here = into.entries.get(key)
        if here is None:
            into.entries[key] = entry
            continue
        old, new = here.node, entry.node
        sections = not path or key in _JOINED_DEEPLY or path[:2] == ("latency", "pairs")
        if isinstance(old, MappingNode) and isinstance(new, MappingNode) and sections and key != "horizon":
            _merge(old, new, (*path, key), problems)
        elif isinstance(old, SequenceNode) and isinstance(new, SequenceNode) and not path:
            old.items.extend(new.items)
        elif isinstance(new, ScalarNode) and new.value is None:
            continue
        elif isinstance(old, ScalarNode) and old.value is None:
            into.entries[key] = entry
        else:
            problems.append(_twice((*path, key), here.key_place, entry.key_place))


def _twice(path: tuple[str, ...], first: Place, second: Place) -> Problem:
    message = f"`{path[-1]}` stands twice: here and in {first.file}, line {first.line}"
    return error_at(second, "duplicate-key", message, path=".".join(path))
