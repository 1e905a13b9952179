"""Marks for pydantic fields that hold quantities: one figure, dated figures, or a length of calendar time."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Final

from pydantic import GetCoreSchemaHandler, GetJsonSchemaHandler
from pydantic_core import CoreSchema, PydanticCustomError, core_schema

from offtake.domain.escalation import escalated
from offtake.domain.quantities import KINDS, Figure, Series, Span, parse_span, read_figure, read_series

_FIGURE_FORM: Final[dict[str, Any]] = {
    "oneOf": [
        {"type": "string"},
        {"type": "number"},
        {
            "type": "object",
            "properties": {
                "value": {"type": ["string", "number"]},
                "from": {"type": "string", "format": "date"},
                "source": {"type": "string"},
                "assumed": {"type": "boolean"},
                "note": {"type": "string"},
            },
            "required": ["value"],
            "additionalProperties": False,
        },
    ]
}

_ESCALATING: Final = {
    "type": "object",
    "properties": {
        **_FIGURE_FORM["oneOf"][2]["properties"],
        "escalates": {"type": ["string", "number"]},
        "until": {"type": "string", "format": "date"},
    },
    "required": ["value", "escalates", "until"],
    "additionalProperties": False,
}


def _guard(error: Exception) -> PydanticCustomError:
    problem = getattr(error, "problem", str(error))
    expected = getattr(error, "expected", "")
    return PydanticCustomError("quantity", "{problem}", {"problem": problem, "expected": expected})


@dataclass(frozen=True)
class FigureOf:
    """Marks a pydantic field as one figure of a kind."""

    kind: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> Figure:
            try:
                return read_figure(value, self.kind)
            except ValueError as error:
                raise _guard(error) from None

        return core_schema.no_info_plain_validator_function(read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {**_FIGURE_FORM, "examples": [KINDS[self.kind].example]}


@dataclass(frozen=True)
class SeriesOf:
    """Marks a pydantic field as dated figures of a kind."""

    kind: str

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> Series:
            try:
                return read_series(escalated(value, self.kind), self.kind)
            except ValueError as error:
                raise _guard(error) from None

        return core_schema.no_info_plain_validator_function(read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        item = {"oneOf": [*_FIGURE_FORM["oneOf"], _ESCALATING]}
        forms = [*item["oneOf"], {"type": "array", "items": item}]
        return {"oneOf": forms, "examples": [f"{KINDS[self.kind].example} from 2026-01-01"]}


@dataclass(frozen=True)
class SpanField:
    """Marks a pydantic field as a length of calendar time."""

    def __get_pydantic_core_schema__(self, source: object, handler: GetCoreSchemaHandler) -> CoreSchema:
        def read(value: object) -> Span:
            if isinstance(value, Span):
                return value
            try:
                return parse_span(str(value))
            except ValueError as error:
                raise _guard(error) from None

        return core_schema.no_info_plain_validator_function(read)

    def __get_pydantic_json_schema__(
        self, schema: CoreSchema, handler: GetJsonSchemaHandler
    ) -> dict[str, Any]:
        return {"type": "string", "examples": ["18 months"]}
