"""Times in requests: ISO 8601, never a bare number of seconds."""

from __future__ import annotations

import re
from datetime import datetime
from typing import Annotated, Final

from pydantic import BeforeValidator

_ISO: Final = re.compile(r"\d{4}-\d\d-\d\d[Tt]\d\d:\d\d")


def _iso(given: object) -> object:
    if isinstance(given, str) and not _ISO.match(given):
        raise ValueError("write a time such as 2026-01-12T09:00:00Z")
    return given


Instant = Annotated[datetime, BeforeValidator(_iso)]
