"""Bytes to nodes: YAML's events under written limits, with no tag, object, merge or expansion that could
grow."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final, NoReturn

from offtake.adapters.estate_yaml.nodes import EntryNode, MappingNode, Node, Place, ScalarNode, SequenceNode
from offtake.adapters.estate_yaml.problems import Problem, Unreadable, error_at
from offtake.adapters.estate_yaml.scalars import scalar_value

if TYPE_CHECKING:
    from yaml.error import MarkedYAMLError
    from yaml.events import AliasEvent, Event, NodeEvent

MAXIMUM_BYTES: Final = 8 * 1024 * 1024
MAXIMUM_NODES: Final = 500_000
MAXIMUM_DEPTH: Final = 40
MAXIMUM_ALIASES: Final = 1000
MAXIMUM_SCALAR: Final = 20_000  # Characters.
MAXIMUM_PROBLEMS: Final = 100  # Duplicate keys and the like reported from one file.

_BAD_CHARACTER: Final = re.compile(
    "[\x00-\x08\x0b\x0c\x0e-\x1f\x7f\x80-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]"
)


@dataclass(slots=True)
class NodeBudget:
    """How many nodes may still be read, over all files of an estate, aliases counted by what they expand
    to."""

    left: int = MAXIMUM_NODES
    aliases_left: int = MAXIMUM_ALIASES


def decode(content: bytes, name: str) -> str:
    """The text of a file: UTF-8, a byte-order mark allowed, no control characters. Raises Unreadable."""
    if len(content) > MAXIMUM_BYTES:
        limit = f"at most {MAXIMUM_BYTES // 1024 // 1024} MiB in one file; use `include:` to split it"
        raise Unreadable(
            error_at(Place(name, 1, 1), "file-too-large", "the file is too large", expected=limit)
        )
    if content[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise Unreadable(error_at(Place(name, 1, 1), "encoding", "the file is UTF-16", expected="UTF-8"))
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        place = _place_at(content[: error.start].decode("utf-8", "replace"), name)
        raise Unreadable(
            error_at(place, "encoding", "the file is not UTF-8 from here on", expected="UTF-8")
        ) from None
    bad = _BAD_CHARACTER.search(text)
    if bad is not None:
        message = f"control character U+{ord(bad[0]):04X}: this is not a text file"
        raise Unreadable(error_at(_place_at(text[: bad.start()], name), "binary", message))
    return text


def _place_at(before: str, name: str) -> Place:
    return Place(name, before.count("\n") + 1, len(before) - before.rfind("\n"))


def parse(content: bytes, name: str, budget: NodeBudget) -> tuple[MappingNode, list[Problem]]:
    """The one mapping that a file holds, and its duplicate keys as problems. Raises Unreadable for what
    stops it."""
    text = decode(content, name)
    reader = _Reader(name, budget)
    root = reader.document(_events(text, name))
    if root is None or (isinstance(root, ScalarNode) and root.value is None):
        raise Unreadable(
            error_at(Place(name, 1, 1), "empty", "the file is empty", expected="`offtake: 1`, ...")
        )
    if not isinstance(root, MappingNode):
        message = "the file does not hold keys and values"
        raise Unreadable(
            error_at(root.place, "not-a-mapping", message, expected="`offtake: 1`, `horizon:`, ...")
        )
    return root, reader.problems


def _events(text: str, name: str) -> Iterator[Event]:
    import yaml

    loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
    try:
        yield from yaml.parse(text, Loader=loader)
    except yaml.MarkedYAMLError as error:
        raise Unreadable(_syntax(error, text, name)) from None
    except (yaml.YAMLError, RecursionError, UnicodeError) as error:
        raise Unreadable(
            error_at(Place(name, 1, 1), "syntax", f"the file is not YAML: {error}"[:300])
        ) from None


_WORDING: Final = (
    ("mapping values are not allowed", "a second `: ` in one value; put the text in quotes", None),
    ("found undefined alias", "an alias without an anchor; a text that begins with `*` needs quotes", None),
    ("unexpected end of stream", "a quote or bracket that is opened here is never closed", None),
    ("could not find expected ':'", "a key without its colon", "`key: value`"),
    ("did not find expected key", "this line does not fit the ones above; check the indentation", None),
    ("did not find expected '-'", "a list item was expected; check the indentation", "`- item`"),
    ("expected ',' or", "a bracket or a comma is missing", None),
    ("unknown escape character", "an unknown escape; single quotes take a backslash as it is", None),
    ("cannot start any token", "a text that begins with this character needs quotes", None),
)


def _syntax(error: MarkedYAMLError, text: str, name: str) -> Problem:
    """A YAML error in plain words, where it stands (an unclosed quote: where it was opened)."""
    problem = str(error.problem or error.context or "")
    mark = error.context_mark if "end of stream" in problem and error.context_mark else error.problem_mark
    mark = mark or error.context_mark
    place = Place(name, 1, 1) if mark is None else Place(name, mark.line + 1, mark.column + 1)
    lines = text.split("\n", place.line)
    line = lines[place.line - 1] if len(lines) >= place.line else ""
    if "\t" in line[: len(line) - len(line.lstrip())] or line[place.column - 1 : place.column] == "\t":
        return error_at(place, "tab", "a tab stands where spaces belong", expected="spaces for indentation")
    for part, message, expected in _WORDING:
        if part in problem:
            return error_at(place, "syntax", message, expected=expected)
    return error_at(place, "syntax", f"the YAML cannot be read here: {problem}")


@dataclass(slots=True)
class _Open:
    """A mapping or list that is still being read."""

    node: MappingNode | SequenceNode
    anchor: str | None
    budget_before: int
    key: ScalarNode | None = None
    skip: bool = False  # The key was there before: its value is read and dropped.


@dataclass(slots=True)
class _Reader:
    """Turns events into nodes; the stack of open nodes replaces recursion."""

    name: str
    budget: NodeBudget
    problems: list[Problem] = field(default_factory=list[Problem])
    stack: list[_Open] = field(default_factory=list[_Open])
    anchors: dict[str, tuple[Node, int, int]] = field(default_factory=dict[str, tuple[Node, int, int]])
    root: Node | None = None

    def document(self, events: Iterator[Event]) -> Node | None:
        from yaml import events as kinds

        documents = 0
        for event in events:
            if isinstance(event, kinds.ScalarEvent):
                self._count(event)
                plain_style = event.style in (None, "") and event.tag is None
                value = scalar_value(event.value) if plain_style else event.value
                if len(event.value) > MAXIMUM_SCALAR:
                    self._stop(event, "text-too-long", f"a text of more than {MAXIMUM_SCALAR} characters")
                node = ScalarNode(value, event.value, self._place(event))
                self._anchor(event.anchor, node, 1, 0)
                self._add(node)
            elif isinstance(event, kinds.MappingStartEvent):
                self._begin(event, MappingNode({}, self._place(event)))
            elif isinstance(event, kinds.SequenceStartEvent):
                self._begin(event, SequenceNode([], self._place(event)))
            elif isinstance(event, kinds.MappingEndEvent | kinds.SequenceEndEvent):
                self._end()
            elif isinstance(event, kinds.AliasEvent):
                self._alias(event)
            elif isinstance(event, kinds.DocumentStartEvent):
                documents += 1
                if documents > 1:
                    self._stop(event, "many-documents", "a second document begins here; a file holds one")
        return self.root

    def _place(self, event: Event) -> Place:
        mark = event.start_mark
        if mark is None:
            return Place(self.name, 1, 1)
        return Place(self.name, mark.line + 1, mark.column + 1)

    def _stop(self, event: Event, code: str, message: str) -> NoReturn:
        raise Unreadable(error_at(self._place(event), code, message))

    def _count(self, event: NodeEvent, nodes: int = 1) -> None:
        self.budget.left -= nodes
        if self.budget.left < 0:
            self._stop(event, "too-many-nodes", f"more than {MAXIMUM_NODES} values, aliases counted in full")
        tag = getattr(event, "tag", None)
        if tag not in (None, "!"):
            self._stop(event, "tag", f"the tag `{tag}` is not read; write the value alone")

    def _begin(self, event: NodeEvent, node: MappingNode | SequenceNode) -> None:
        self._count(event)
        if len(self.stack) >= MAXIMUM_DEPTH:
            self._stop(event, "too-deep", f"more than {MAXIMUM_DEPTH} levels of nesting")
        if self._awaits_key():
            self._stop(event, "key", "a key must be a plain text")
        self.stack.append(_Open(node, event.anchor, self.budget.left + 1))

    def _end(self) -> None:
        done = self.stack.pop()
        depth = 1
        if done.anchor is not None:
            depth = _depth(done.node)
        self._anchor(done.anchor, done.node, done.budget_before - self.budget.left, depth)
        self._add(done.node)

    def _anchor(self, name: str | None, node: Node, size: int, depth: int) -> None:
        if name is not None:
            self.anchors[name] = (node, size, depth)

    def _alias(self, event: AliasEvent) -> None:
        self.budget.aliases_left -= 1
        if self.budget.aliases_left < 0:
            self._stop(event, "too-many-aliases", f"more than {MAXIMUM_ALIASES} aliases")
        known = self.anchors.get(event.anchor or "")
        if known is None or any(open_.anchor == event.anchor for open_ in self.stack):
            self._stop(event, "alias", f"`*{event.anchor}` stands for nothing that was read before it")
        node, size, depth = known
        self._count(event, size)
        if len(self.stack) + depth > MAXIMUM_DEPTH:
            self._stop(event, "too-deep", f"more than {MAXIMUM_DEPTH} levels of nesting")
        if self._awaits_key() and not isinstance(node, ScalarNode):
            self._stop(event, "key", "a key must be a plain text")
        self._add(node)

    def _awaits_key(self) -> bool:
        return (
            bool(self.stack) and isinstance(self.stack[-1].node, MappingNode) and self.stack[-1].key is None
        )

    def _add(self, node: Node) -> None:
        if not self.stack:
            self.root = node
            return
        top = self.stack[-1]
        if isinstance(top.node, SequenceNode):
            top.node.items.append(node)
        elif top.key is None and isinstance(node, ScalarNode):
            top.key = node
            top.skip = self._key_is_bad(top.node, node)
        elif top.key is not None:
            if not top.skip:
                top.node.entries[top.key.text] = EntryNode(top.key.place, node)
            top.key = None

    def _key_is_bad(self, mapping: MappingNode, key: ScalarNode) -> bool:
        first = mapping.entries.get(key.text)
        problem: Problem | None = None
        if first is not None:
            before = first.key_place
            message = (
                f"`{key.text[:60]}` stands twice: here and in line {before.line} (column {before.column})"
            )
            problem = error_at(key.place, "duplicate-key", message, path=key.text[:60])
        elif key.text == "<<":
            problem = error_at(key.place, "merge-key", "merging with `<<` is not read; repeat the keys")
        if problem is not None and len(self.problems) < MAXIMUM_PROBLEMS:
            self.problems.append(problem)
        return problem is not None


def _depth(node: Node) -> int:
    if isinstance(node, ScalarNode):
        return 0
    children = (
        node.items if isinstance(node, SequenceNode) else [entry.node for entry in node.entries.values()]
    )
    return 1 + max((_depth(child) for child in children), default=0)
