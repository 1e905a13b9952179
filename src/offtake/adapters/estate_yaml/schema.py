"""The estate as a JSON Schema (2020-12), for editors that complete and underline while one types."""

from __future__ import annotations

from typing import Any, Final, cast

from offtake.domain.estate import Estate

DIALECT: Final = "https://json-schema.org/draft/2020-12/schema"
_Schema = dict[str, Any]
_SCALARS: Final = ("string", "integer", "number")


def estate_schema() -> _Schema:
    """The schema of an estate file, and of a file that one includes (which needs no `offtake` and no
    `horizon`).

    It admits the short forms that reading admits: a number where a text is wanted, one item for a list of
    one, an
    entry without keys, a step of power as a text. What an id refers to is beyond it; `offtake check` looks
    at that.
    """
    schema = Estate.model_json_schema(by_alias=True)
    found: _Schema = {"$schema": DIALECT, "$id": "urn:offtake:estate:1"}
    found |= cast("_Schema", _opened(schema))
    found["title"] = "offtake estate"
    found.pop("required", None)  # An included file states neither.
    definitions = cast("_Schema", found["$defs"])
    power_step = definitions["PowerStep"]
    definitions["PowerStep"] = {
        "anyOf": [{"type": "string", "examples": ["147 MW from 2025-06-28"]}, power_step]
    }
    return found


def _opened(part: object) -> object:
    """A part of the schema with the short forms that reading admits."""
    if isinstance(part, list):
        return [_opened(item) for item in cast("list[object]", part)]
    if not isinstance(part, dict):
        return part
    schema = {key: _opened(value) for key, value in cast("_Schema", part).items()}
    if "oneOf" in schema and "discriminator" not in schema:
        schema["anyOf"] = schema.pop("oneOf")  # Opened forms overlap.
    kind = schema.get("type")
    if kind == "string" and "enum" not in schema and "const" not in schema and "format" not in schema:
        schema["type"] = ["string", "number"] if "pattern" not in schema else "string"
    elif kind == "array" and "prefixItems" not in schema and isinstance(schema.get("items"), dict):
        return _list_of_one(schema)
    elif kind == "object":
        schema["type"] = ["object", "null"]
    return schema


def _list_of_one(schema: _Schema) -> _Schema:
    kept = {key: schema.pop(key) for key in ("description", "title", "default") if key in schema}
    schema["type"] = ["array", "null"]
    items = cast("_Schema", schema["items"])
    scalar = items.get("type") in (*_SCALARS, ["string", "number"]) or str(items.get("$ref", "")).endswith(
        "/PowerStep"
    )
    return {**kept, "anyOf": [schema, items]} if scalar else {**kept, **schema}
