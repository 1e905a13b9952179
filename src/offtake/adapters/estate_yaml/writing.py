"""Plain values as YAML that reads back as the same values: blocks down to entries, short things on one line."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from datetime import date
from decimal import Decimal
from typing import Final

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.estate_yaml.scalars import scalar_value

_WIDTH: Final = 110
_PLAIN: Final = re.compile(r"[A-Za-z0-9€][A-Za-z0-9 ._/%+()€·²–-]*")
_ENTRY_DEPTH: Final = 2  # A section, and an id in it, stand on lines of their own.


def yaml_text(values: Mapping[str, Plain]) -> str:
    """The values as the text of an estate file, keys in their order. Same values, same text."""
    return "".join(f"{line}\n" for line in _block(values, 0))


def scalar_text(value: Plain) -> str:
    """A single value as YAML; a text is quoted where it would be read as something else."""
    if value is None:
        return "null"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, int | Decimal):
        return str(value)
    text = str(value)
    plain = _PLAIN.fullmatch(text) and text == text.strip() and isinstance(scalar_value(text), str)
    return text if plain else quoted(text)


def flow_text(value: Plain) -> str:
    """A value on one line."""
    if isinstance(value, dict):
        return (
            "{" + ", ".join(f"{scalar_text(key)}: {flow_text(inner)}" for key, inner in value.items()) + "}"
        )
    if isinstance(value, tuple):
        return "[" + ", ".join(flow_text(item) for item in value) + "]"
    return scalar_text(value)


def quoted(text: str) -> str:
    """A text in double quotes, on one line."""
    escaped = "".join(_escaped(char) for char in text)
    return f'"{escaped}"'


def _escaped(char: str) -> str:
    if char in '"\\':
        return f"\\{char}"
    if char == "\n":
        return "\\n"
    if char.isprintable():
        return char
    code = ord(char)
    return f"\\x{code:02x}" if code < 256 else f"\\u{code:04x}" if code < 65536 else f"\\U{code:08x}"


def _block(values: Mapping[str, Plain], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for key, value in values.items():
        head = f"{indent}{scalar_text(key)}:"
        short = flow_text(value)
        if (
            not isinstance(value, dict | tuple)
            or not value
            or (depth + 1 >= _ENTRY_DEPTH and len(head) + len(short) < _WIDTH)
        ):
            yield f"{head} {short}"
        elif isinstance(value, dict):
            yield head
            yield from _block(value, depth + 1)
        else:
            yield head
            yield from _items(value, depth + 1)


def _items(items: tuple[Plain, ...], depth: int) -> Iterator[str]:
    indent = "  " * depth
    for item in items:
        short = flow_text(item)
        if isinstance(item, dict) and item and len(indent) + 2 + len(short) >= _WIDTH:
            lines = list(_block(item, depth + 1))
            yield f"{indent}- {lines[0].lstrip()}"
            yield from lines[1:]
        else:
            yield f"{indent}- {short}"
