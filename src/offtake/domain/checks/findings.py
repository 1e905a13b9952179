"""What a check finds: where in the estate, what is wrong, and what may have been meant."""

from __future__ import annotations

import difflib
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal

Path = tuple[str | int, ...]
_MAXIMUM_WORD: Final = 60  # Characters compared; ids are not longer.

_SHORT_WORD: Final = 3


@dataclass(frozen=True, slots=True)
class Finding:
    """An error or a warning at a path of the estate, keys as people write them (`from`, not `begins`)."""

    severity: Literal["error", "warning"]
    code: str
    path: Path
    message: str
    expected: str | None = None
    suggestion: str | None = None
    at_key: bool = False  # It is the key at the end of the path that is wrong, not its value.


def error(code: str, path: Path, message: str, expected: str | None = None) -> Finding:
    """An error: the estate cannot be worked with."""
    return Finding("error", code, path, message, expected)


def warning(code: str, path: Path, message: str, expected: str | None = None) -> Finding:
    """A warning: the estate can be worked with, and the answer may surprise."""
    return Finding("warning", code, path, message, expected)


def close_match(word: str, known: Iterable[str]) -> str | None:
    """The known word that was most likely meant, or None."""
    names = sorted(set(known))
    folded = {name.casefold(): name for name in reversed(names)}
    if word.casefold() in folded:
        return folded[word.casefold()]
    cutoff = 0.6 if len(word) > _SHORT_WORD else 0.5  # One letter of two or three is a lot.
    found = difflib.get_close_matches(word[:_MAXIMUM_WORD].casefold(), list(folded), n=1, cutoff=cutoff)
    return folded[found[0]] if found else None


def listed(names: Iterable[str], most: int = 6) -> str:
    """Names for a sentence, at most so many, and how many more there are."""
    ordered = list(names)
    more = f" and {len(ordered) - most} more" if len(ordered) > most else ""
    return ", ".join(f"`{name}`" for name in ordered[:most]) + more
