"""pydantic's errors in the words of the estate's author, at the place of the very value."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, cast

from pydantic_core import ErrorDetails

from offtake.adapters.estate_yaml.nodes import Positions
from offtake.adapters.estate_yaml.problems import Problem, shown_path
from offtake.adapters.estate_yaml.shape import ROOT, Shape, expected, follow, keys_of, tags_of, words_of
from offtake.domain.checks.findings import close_match

_MAXIMUM_SHOWN: Final = 60
_ID: Final = "letters, digits and `. _ + -`, at most 64, beginning with a letter or digit"
_TYPES: Final = {
    "string_type": "is not a text",
    "date_type": "is not a day",
    "bool_type": "is neither true nor false",
    "int_type": "is not a whole number",
    "float_type": "is not a number",
    "dict_type": "is not a set of keys and values",
    "tuple_type": "is not a list",
    "model_type": "is not a set of keys and values",
    "model_attributes_type": "is not a set of keys and values",
}


def problem_of(error: ErrorDetails, positions: Positions, root: Shape = ROOT) -> Problem:
    """One error of pydantic's as a problem of the file, whose shape is `root`."""
    path, here, around = follow(error["loc"], root)
    kind = error["type"]
    context = cast("Mapping[str, object]", error.get("ctx", {}))
    place = positions.value(path)
    message, form, suggestion = _say(kind, error["input"], context, here)
    if kind == "missing":
        place = positions.value(path[:-1]) if len(path) > 1 else positions.root.place
        message, form = _missing(path, here)
    elif kind == "extra_forbidden":
        place = positions.key(path)
        message, form, suggestion = _unknown_key(path, around)
    elif error["loc"][-1] == "[key]":
        place = positions.key(path)
    return Problem(
        "error",
        _code(kind),
        place.file,
        place.line,
        place.column,
        shown_path(path),
        message,
        form,
        suggestion,
    )


def _code(kind: str) -> str:
    codes = {
        "extra_forbidden": "unknown-key",
        "literal_error": "unknown-word",
        "union_tag_invalid": "unknown-kind",
    }
    codes |= {
        "union_tag_not_found": "missing-kind",
        "too_short": "empty-list",
        "string_pattern_mismatch": "form",
    }
    return codes.get(kind, "type" if kind in _TYPES else kind.replace("_", "-"))


def _say(
    kind: str, given: object, context: Mapping[str, object], here: Shape
) -> tuple[str, str | None, str | None]:
    """What is wrong, what was expected, and what may have been meant."""
    value = shown(given)
    if kind == "quantity":
        form = str(context.get("expected", ""))
        return (str(context.get("problem", "not a quantity")), f"`{form}`" if form else expected(here), None)
    if kind == "literal_error":
        words = words_of(here.form)
        return (f"{value} is not known here", ", ".join(words), close_match(str(given), words))
    if kind == "union_tag_invalid":
        tag, tags = str(context.get("tag", "")), tags_of(here.form)
        return (f"kind {shown(tag)} is not known", ", ".join(tags), close_match(tag, tags))
    if kind == "union_tag_not_found":
        return "`kind` is missing", expected(here), None
    if kind in _TYPES:
        return f"{value} {_TYPES[kind]}", expected(here), None
    if kind == "string_pattern_mismatch":
        return _pattern(value, str(context.get("pattern", "")))
    if kind == "too_short":
        return "is empty; at least one entry is needed", expected(here), None
    limits = {"greater_than_equal": ("ge", "least"), "less_than_equal": ("le", "most")}
    if kind in limits:
        key, word = limits[kind]
        return f"{value} is out of range", f"at {word} {context.get(key)}", None
    return f"{value} is not understood here", expected(here), None


def _pattern(value: str, pattern: str) -> tuple[str, str | None, str | None]:
    if "{0,63}" in pattern:
        return f"{value} is no id", _ID, None
    if "{3}" in pattern:
        return (f"{value} is no currency", "an ISO code of three capitals, such as `EUR`", None)
    if "{2}" in pattern:
        return f"{value} is no country code", "two capitals, such as `US` or `DE`", None
    return f"{value} has the wrong form", pattern, None


def _missing(path: tuple[str | int, ...], here: Shape) -> tuple[str, str | None]:
    name = path[-1]
    if isinstance(name, int):
        return f"entry {name + 1} is missing", expected(here)
    told = here.field.description if here.field is not None else None
    form = expected(here)
    return f"`{name}` is missing", f"{form} ({told})" if form and told else form or told


def _unknown_key(path: tuple[str | int, ...], around: Shape) -> tuple[str, str | None, str | None]:
    key = str(path[-1])
    model = around.model
    keys = keys_of(model) if model is not None else ()
    return (f"the key {shown(key)} is not known here", ", ".join(keys) or None, close_match(key, keys))


def shown(value: object) -> str:
    """A value as a message shows it, short and on one line."""
    if value is None:
        return "nothing"
    if isinstance(value, dict):
        return "a set of keys and values"
    if isinstance(value, list | tuple):
        return "a list"
    if isinstance(value, bool):
        return "`true`" if value else "`false`"
    text = "".join(char if char.isprintable() else " " for char in str(value))
    return f"`{text[:_MAXIMUM_SHOWN]}…`" if len(text) > _MAXIMUM_SHOWN else f"`{text}`"
