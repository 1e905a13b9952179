"""Values as canonical documents: the JSON that is hashed, and an estate as one that can be read again."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Mapping
from dataclasses import fields, is_dataclass
from datetime import date, datetime
from decimal import Decimal
from typing import Final, cast

import orjson
from pydantic import BaseModel

from offtake.domain.currencies import Rates
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.quantities import Figure, QuantityError, Series, Span, parse_figure
from offtake.law.primitives import Law

MOST_DIGITS: Final = 20  # A longer number is written with its exponent.


def canonical(value: object) -> str:
    """JSON with sorted keys and no spaces: equal values give equal texts."""
    return json.dumps(value, sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False)


def compact(value: object) -> str:
    """What `canonical` gives, several times as fast, for JSON without fractions: those are written in another way."""
    try:
        return orjson.dumps(value, option=orjson.OPT_SORT_KEYS).decode()
    except TypeError:  # An integer of more than 64 bits, say.
        return canonical(value)


def sha256(text: str) -> str:
    """The hash of a text, in hexadecimal."""
    return hashlib.sha256(text.encode()).hexdigest()


def estate_document(estate: Estate) -> str:
    """An estate as canonical JSON in the shape of an estate file, without what is left at its default."""
    return canonical(_plain(estate))


def estate_of(document: str) -> Estate:
    """The estate in a document. Raises InvalidInput if it is none."""
    try:
        return Estate.model_validate_json(document)
    except ValueError as error:
        raise InvalidInput(f"the estate's document cannot be read: {error}") from None


def law_digest(law: Law) -> str:
    """What names a compiled law: the hash of its primitives."""
    return sha256(canonical(_primitive(law)))


def _plain(value: object) -> object:
    match value:
        case Figure():
            return _figure(value)
        case Series():
            return [
                {**_figure(step.figure), **({} if step.begins is None else {"from": step.begins.isoformat()})}
                for step in value
            ]
        case Span():
            return value.text
        case BaseModel():
            found: dict[str, object] = {}
            for name, field in type(value).model_fields.items():
                one = getattr(value, name)
                # The kind of an entry tells which of several it is, and is never left out.
                if (
                    name == "kind"
                    or field.is_required()
                    or one != field.get_default(call_default_factory=True)
                ):
                    found[field.alias or name] = _plain(one)
            return found
        case Mapping():
            return {str(key): _plain(one) for key, one in cast("Mapping[object, object]", value).items()}
        case tuple():
            return [_plain(one) for one in cast("tuple[object, ...]", value)]
        case date():
            return value.isoformat()
        case Decimal():
            return str(value)
        case _:
            return value


def _figure(figure: Figure) -> dict[str, object]:
    found: dict[str, object] = {"value": _said(figure)}
    if figure.source is not None:
        found["source"] = figure.source
    if figure.assumed:
        found["assumed"] = True
    return found


def _said(figure: Figure) -> str:
    """A figure as it was written, or, where that was more than a quantity, as its amount in the kind's own unit."""
    try:
        again = parse_figure(figure.text, figure.kind)
        if (again.amount, again.currency) == (figure.amount, figure.currency):
            return figure.text
    except QuantityError:
        pass
    amount = f"{figure.amount:f}" if abs(figure.amount.adjusted()) < MOST_DIGITS else f"{figure.amount:E}"
    unit = "" if figure.unit == "one" else figure.unit
    if figure.currency is None:
        return f"{amount} {unit}".strip()
    return f"{amount} {figure.currency}" + (f"/{unit}" if unit else "")


def _primitive(value: object) -> object:
    if isinstance(value, Rates):
        return {"/".join(pair): _primitive(steps) for pair, steps in value.steps.items()}
    if is_dataclass(value) and not isinstance(value, type):
        return {
            "is": type(value).__name__,
            **{
                field.name: _primitive(one)
                for field in fields(value)
                if (one := getattr(value, field.name)) != field.default or not field.metadata.get("later")
            },
        }
    match value:
        case BaseModel():
            return _plain(value)
        case Mapping():
            pairs = cast("Mapping[object, object]", value).items()
            return sorted(([str(key), _primitive(one)] for key, one in pairs), key=str)
        case frozenset():
            return sorted(cast("frozenset[str]", value))
        case tuple():
            return [_primitive(one) for one in cast("tuple[object, ...]", value)]
        case date() | datetime():
            return value.isoformat()
        case Decimal():
            return str(value.normalize())
        case _:
            return value
