"""What a plain scalar means: the few forms of YAML 1.2's core schema, and ISO dates. Everything else is text.

`NO` is Norway, `010` is text, `12:30` is text, `yes` is text. A number keeps its digits.
"""

from __future__ import annotations

import re
from datetime import date
from decimal import Decimal
from typing import Final

_INTEGER: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})")
_DECIMAL: Final = re.compile(r"[-+]?(?:0|[1-9][0-9]{0,29})(?:\.[0-9]{1,30})?(?:[eE][-+]?[0-9]{1,2})?")
_DATE: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_WORDS: Final[dict[str, bool | None]] = {
    "": None,
    "~": None,
    "null": None,
    "Null": None,
    "NULL": None,
    "true": True,
    "True": True,
    "TRUE": True,
    "false": False,
    "False": False,
    "FALSE": False,
}


def scalar_value(text: str) -> bool | int | Decimal | date | str | None:
    """The value of an unquoted scalar. A date that is in no calendar stays text, for its reader to refuse."""
    if text in _WORDS:
        return _WORDS[text]
    first = text[0]
    if not (first.isdigit() or first in "+-"):
        return text
    if _INTEGER.fullmatch(text):
        return int(text)
    if _DECIMAL.fullmatch(text):
        return Decimal(text)
    return as_date(text) or text


def as_date(text: str) -> date | None:
    """The day that an ISO text names, or None."""
    if not _DATE.fullmatch(text):
        return None
    try:
        return date.fromisoformat(text)
    except ValueError:
        return None
