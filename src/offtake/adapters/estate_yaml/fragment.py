"""A part of an estate in a file of its own, such as an amendment: plain JSON values, within the limits of an estate."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path

from offtake.adapters.estate_yaml.folder import read_bytes
from offtake.adapters.estate_yaml.nodes import Place, plain
from offtake.adapters.estate_yaml.problems import Unreadable, problem_lines
from offtake.adapters.estate_yaml.source import NodeBudget, parse
from offtake.domain.errors import InvalidInput


def fragment_json(path: Path) -> str:
    """A mapping in a YAML or JSON file, as JSON. Raises InvalidInput, with file, line and column, if it is none."""
    try:
        content = read_bytes(path, path.name, Place(path.name, 1, 1))
        root, problems = parse(content, path.name, NodeBudget())
    except Unreadable as stop:
        problems = [stop.problem]
        root = None
    if problems or root is None:
        raise InvalidInput("\n".join(problem_lines(problems)))
    return json.dumps(plain(root), default=_said)


def _said(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a file")
