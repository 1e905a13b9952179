"""Licence: the licensee may use the models covered within its term, and not outside."""

from __future__ import annotations

from dataclasses import replace

from offtake.domain.clauses import Licence
from offtake.law.compile.context import Context, Primitives, with_acquisition
from offtake.law.primitives import Covered, Mask, Scope


def compile_licence(clause: Licence, context: Context) -> Primitives:
    """Masks at the licensee's supplies: before the term, after it, and from the event on that ends it.

    Where an amendment put one version in the place of another, the days that the other version governs stay
    free of this one's masks.
    """
    covers = context.narrowed(clause.covers, "owners", (clause.licensee,))
    within = context.scope(clause, with_acquisition(clause.grants, clause.covers), covers)
    outside: dict[str, Scope] = {}
    if context.begins is not None and not context.follows:
        outside["before"] = replace(within, begins=None, ends=context.begins, until_event=None)
    if context.ends is not None and (context.resumes is None or context.ends < context.resumes):
        outside["after"] = replace(within, begins=context.ends, ends=context.resumes, until_event=None)
    if clause.until_event is not None:
        outside["since"] = replace(
            within, ends=context.resumes, since_event=clause.until_event, until_event=None
        )
    origin = context.origin(clause)
    return Primitives(
        masks=tuple(Mask(f"{context.id}:{part}", origin, scope, Covered()) for part, scope in outside.items())
    )
