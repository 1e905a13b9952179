"""Estates to start from: commented YAML that loads as it stands."""

from __future__ import annotations

import json
from importlib.resources import files
from typing import Final, Literal

from offtake.domain.errors import InvalidInput

Kind = Literal["company", "builder"]
MAXIMUM_NAME: Final = 200
_PLACEHOLDER: Final = "@NAME@"


def starter(kind: Kind, name: str) -> str:
    """The YAML text of a first estate: a `company` that buys tokens, or a `builder` of sites.

    The name may hold any character that a line of text may. Raises InvalidInput for one that is empty, too
    long or
    has control characters.
    """
    stripped = name.strip()
    if not stripped or len(stripped) > MAXIMUM_NAME or not stripped.isprintable():
        raise InvalidInput(
            f"a name is one line of at most {MAXIMUM_NAME} characters", hint="such as `--name Acme`"
        )
    template = files(__name__).joinpath(f"{kind}.yaml").read_text(encoding="utf-8")
    # A JSON string is a double-quoted YAML scalar; in a comment the name stands as it is.
    lines = (
        line.replace(
            _PLACEHOLDER, stripped if line.startswith("#") else json.dumps(stripped, ensure_ascii=False)
        )
        for line in template.splitlines(keepends=True)
    )
    return "".join(lines)
