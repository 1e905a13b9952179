"""Reading one object of a dialect: every field is known as translated, known as refused, or unknown and refused."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any, Final, NoReturn, cast

from offtake.adapters.wire.translation.neutral import Cannot
from offtake.adapters.wire.usage import MOST_TOKENS

UNKNOWN: Final = "is unknown to this gateway, which refuses rather than drops what it cannot translate"
Known = Mapping[str, str | None]
"""The fields of an object: None if translated, else why it is refused."""
Defaults = Mapping[str, tuple[object, ...]]
"""Values of refused fields that say the same as their absence."""


class Fields:
    """The fields of an object that are there and translated. Raises Cannot for any other, by its whole name.

    What is null counts as absent, as in every dialect here.
    """

    __slots__ = ("_found", "where")

    def __init__(self, value: object, where: str, known: Known, defaults: Defaults | None = None) -> None:
        if not isinstance(value, dict):
            raise Cannot(where or "body", "is an object")
        self.where = where
        self._found: dict[str, Any] = {}
        for key, item in cast("dict[str, Any]", value).items():
            if item is None or _is_default(item, (defaults or {}).get(key, ())):
                continue
            why = known.get(key, UNKNOWN)
            if why is not None:
                raise Cannot(self.name(key), why)
            self._found[key] = item

    def name(self, key: str) -> str:
        """A field's whole name, such as `messages[0].content`."""
        return f"{self.where}.{key}" if self.where else key

    def cannot(self, key: str, why: str) -> NoReturn:
        """Raises Cannot for one of the fields."""
        raise Cannot(self.name(key), why)

    def __contains__(self, key: str) -> bool:
        return key in self._found

    def get(self, key: str) -> object:
        """A value as it stands; None if it is absent."""
        return self._found.get(key)

    def text(self, key: str) -> str:
        """A text; empty if absent."""
        value = self._found.get(key, "")
        return value if isinstance(value, str) else self.cannot(key, "is a text")

    def needed(self, key: str) -> str:
        """A text that must be there."""
        value = self._found.get(key)
        return value if isinstance(value, str) and value else self.cannot(key, "is a text, and needed")

    def flag(self, key: str) -> bool:
        """True or false; false if absent."""
        value = self._found.get(key, False)
        return value if isinstance(value, bool) else self.cannot(key, "is true or false")

    def whole(self, key: str) -> int | None:
        """A whole number above zero."""
        value = self._found.get(key)
        if value is None:
            return None
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            return value
        return self.cannot(key, "is a whole number above zero")

    def number(self, key: str, least: float, most: float) -> float | None:
        """A number within bounds."""
        value = self._found.get(key)
        if value is None:
            return None
        if isinstance(value, int | float) and not isinstance(value, bool) and least <= value <= most:
            return value
        return self.cannot(key, f"is a number from {least:g} to {most:g}")

    def items(self, key: str) -> list[Any]:
        """A list; empty if absent."""
        value = self._found.get(key, [])
        return cast("list[Any]", value) if isinstance(value, list) else self.cannot(key, "is a list")

    def texts(self, key: str) -> tuple[str, ...]:
        """A list of texts."""
        found = self.items(key)
        return (
            tuple(found) if all(isinstance(t, str) for t in found) else self.cannot(key, "is a list of texts")
        )

    def mapping(self, key: str) -> dict[str, Any]:
        """An object that is not looked into; empty if absent."""
        value = self._found.get(key, {})
        return cast("dict[str, Any]", value) if isinstance(value, dict) else self.cannot(key, "is an object")


def _is_default(item: object, values: tuple[object, ...]) -> bool:
    return any(type(item) is type(value) and item == value for value in values)


def kind_of(value: object, where: str, key: str = "type") -> str:
    """What kind of thing an object says it is."""
    kind = cast("dict[str, Any]", value).get(key) if isinstance(value, dict) else None
    if not isinstance(kind, str):
        raise Cannot(f"{where}.{key}", "says of what kind it is")
    return kind


def refused_kind(kind: str, where: str, refused: Mapping[str, str]) -> Cannot:
    """The refusal of a kind of thing that is not translated."""
    return Cannot(f"{where}.type", f"is `{kind[:40]}`, which {refused.get(kind, UNKNOWN)}")


def json_object(text: str, where: str) -> dict[str, Any]:
    """A JSON object out of a text, numbers of any length exact. Raises Cannot if it is none."""
    try:
        found = json.loads(text, parse_constant=_no_constant)
        json.dumps(found, ensure_ascii=False, allow_nan=False).encode()
    except (ValueError, RecursionError):
        raise Cannot(where, "is the text of a JSON object") from None
    if not isinstance(found, dict):
        raise Cannot(where, "is the text of a JSON object")
    return cast("dict[str, Any]", found)


def json_text(value: object) -> str:
    """A value as compact JSON."""
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)


def _no_constant(_: str) -> NoReturn:
    raise ValueError("no number")


def count(value: object) -> int | None:
    """A count of tokens; None if it is none, or more than any request uses."""
    return (
        value
        if isinstance(value, int) and not isinstance(value, bool) and 0 <= value <= MOST_TOKENS
        else None
    )
