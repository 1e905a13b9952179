"""The shape that an estate's models ask for at a path: which keys, which form, which words."""

from __future__ import annotations

import types
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from typing import Annotated, Literal, Union, cast, get_args, get_origin

from pydantic import BaseModel
from pydantic.fields import FieldInfo

from offtake.domain.estate import Estate
from offtake.domain.fields import FigureOf, SeriesOf
from offtake.domain.quantities import KINDS, Span
from offtake.domain.records import Entry


@dataclass(frozen=True, slots=True)
class Shape:
    """A type at a path of an estate, and the field that states it, if one does."""

    form: object
    field: FieldInfo | None = None

    @property
    def model(self) -> type[BaseModel] | None:
        """The model at this path, if there is one."""
        return self.form if isinstance(self.form, type) and issubclass(self.form, BaseModel) else None


ROOT = Shape(Estate)


def follow(loc: Sequence[str | int], root: Shape = ROOT) -> tuple[tuple[str | int, ...], Shape, Shape]:
    """The path without the marks that pydantic adds for unions and keys; the shape there, and that around
    it. `root` is the shape of the whole file."""
    path: list[str | int] = []
    around, here = root, root
    for step in loc:
        if step == "[key]":
            continue
        form = _bare(here.form)
        if _is_union(form):
            here = Shape(_member(form, str(step)), here.field)
            continue
        path.append(step)
        around, here = Shape(form, here.field), _inside(form, step)
    return tuple(path), Shape(_bare(here.form), here.field), around


def keys_of(model: type[BaseModel]) -> tuple[str, ...]:
    """The keys that a model knows, as people write them; those that every entry has come last."""
    common = Entry.model_fields.keys()
    fields = sorted(model.model_fields.items(), key=lambda item: item[0] in common)
    return tuple(info.alias or name for name, info in fields)


def tags_of(form: object) -> tuple[str, ...]:
    """The kinds that a union of models tells apart by `kind`."""
    return tuple(str(tag) for member in get_args(_bare(form)) for tag in _tags(member))


def words_of(form: object) -> tuple[str, ...]:
    """The words that a Literal admits, through lists of them."""
    form = _bare(form)
    if get_origin(form) is Literal:
        return tuple(str(word) for word in get_args(form))
    return tuple(word for inner in get_args(form) if inner is not Ellipsis for word in words_of(inner))


def expected(shape: Shape) -> str | None:
    """An example of what belongs here, or the words that do."""
    metadata = (*_metadata(shape.form), *(shape.field.metadata if shape.field is not None else ()))
    for mark in metadata:
        if isinstance(mark, FigureOf):
            return f"`{KINDS[mark.kind].example}`"
        if isinstance(mark, SeriesOf):
            example = KINDS[mark.kind].example
            return f"`{example}`, or with a date `{example} from 2026-01-01`"
    form = _bare(shape.form)
    if words := words_of(form):
        return ", ".join(words)
    if _is_union(form) and (tags := tags_of(form)):
        return "`kind: " + "` or `kind: ".join(tags) + "`"
    return _plain_form(form)


def _plain_form(form: object) -> str | None:
    if isinstance(form, type) and issubclass(form, BaseModel):
        return "keys such as " + ", ".join(f"`{key}:`" for key in keys_of(form)[:5])
    forms = {date: "a day such as `2026-01-31`", str: "a text", bool: "true or false", int: "a whole number"}
    forms |= {
        float: "a number",
        Span: "a length of time such as `18 months`",
        dict: "keys and values",
        tuple: "a list",
    }
    return forms.get(cast("type", get_origin(form) or form))


def _bare(form: object) -> object:
    """A type without its annotations, and without the None of an optional one."""
    while get_origin(form) is Annotated:
        form = get_args(form)[0]
    if _is_union(form):
        members = [member for member in get_args(form) if member is not type(None)]
        if len(members) == 1:
            return _bare(members[0])
    return form


def _metadata(form: object) -> tuple[object, ...]:
    if get_origin(form) is Annotated:
        return tuple(get_args(form)[1:])
    if _is_union(form):
        return tuple(mark for member in get_args(form) for mark in _metadata(member))
    return ()


def _is_union(form: object) -> bool:
    return get_origin(form) in (Union, types.UnionType)


def _tags(member: object) -> tuple[object, ...]:
    model = _bare(member)
    if isinstance(model, type) and issubclass(model, BaseModel) and "kind" in model.model_fields:
        return get_args(model.model_fields["kind"].annotation)
    return ()


def _member(union: object, tag: str) -> object:
    for member in get_args(union):
        if tag in _tags(member) or tag.startswith(getattr(member, "__name__", str(member))):
            return _bare(member)
    return object


def _inside(form: object, step: str | int) -> Shape:
    """The shape one step inside a model, mapping or list."""
    if isinstance(form, type) and issubclass(form, BaseModel):
        for name, info in form.model_fields.items():
            if step in (name, info.alias):
                return Shape(info.annotation, info)
        return Shape(object)
    arguments = get_args(form)
    if get_origin(form) is dict:
        return Shape(arguments[1])
    if get_origin(form) is tuple:
        index = step if isinstance(step, int) and Ellipsis not in arguments else 0
        return Shape(arguments[min(index, len(arguments) - 1)])
    return Shape(object)
