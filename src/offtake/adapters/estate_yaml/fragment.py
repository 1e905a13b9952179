"""Files beside an estate: an amendment as JSON, or entries of a model of their own, within the limits of an estate."""

from __future__ import annotations

import json
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import TypeVar

from pydantic import ValidationError

from offtake.adapters.estate_yaml.folder import read_bytes
from offtake.adapters.estate_yaml.leniency import MAXIMUM_ROUNDS, mend
from offtake.adapters.estate_yaml.nodes import MappingNode, Place, Positions, plain
from offtake.adapters.estate_yaml.problems import Unreadable, ordered, problem_lines
from offtake.adapters.estate_yaml.shape import Shape
from offtake.adapters.estate_yaml.source import NodeBudget, parse
from offtake.adapters.estate_yaml.wording import problem_of
from offtake.domain.errors import InvalidInput
from offtake.domain.records import Record

Model = TypeVar("Model", bound=Record)
MAXIMUM_SAID = 50  # Problems of one file.


def fragment_json(path: Path) -> str:
    """A mapping in a YAML or JSON file, as JSON. Raises InvalidInput, with file, line and column, if it is none."""
    return json.dumps(plain(_root(path)), default=_said)


def read_record(path: Path, model: type[Model]) -> tuple[Model, Positions]:
    """A file whose whole is one record, and where all of it stands.

    Raises InvalidInput with every problem, at its file, line and column.
    """
    root, form = _root(path), Shape(model)
    for turn in range(MAXIMUM_ROUNDS + 1):
        try:
            return model.model_validate(plain(root), strict=True), Positions(root)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            if turn == MAXIMUM_ROUNDS or not mend(root, errors, form):
                positions = Positions(root)
                problems = ordered(problem_of(error, positions, form) for error in errors)
                raise InvalidInput("\n".join(problem_lines(problems[:MAXIMUM_SAID]))) from None
    raise AssertionError("the last round returns or raises")


def _root(path: Path) -> MappingNode:
    try:
        content = read_bytes(path, path.name, Place(path.name, 1, 1))
        root, problems = parse(content, path.name, NodeBudget())
    except Unreadable as stop:
        problems = [stop.problem]
        root = None
    if problems or root is None:
        raise InvalidInput("\n".join(problem_lines(problems)))
    return root


def _said(value: object) -> object:
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, Decimal):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no value of a file")
