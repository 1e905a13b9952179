"""An estate from its file, its law, and where it stands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path

from offtake.adapters.estate_yaml import Loaded, Problems, load_estate
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.domain.position import Happened, Position
from offtake.law.compile import compile_law
from offtake.law.primitives import Law


def read_estate(path: Path) -> Loaded | Problems:
    """An estate from its file, or every problem in it."""
    return load_estate(path)


def law_of(estate: Estate, known_at: date | None) -> Law:
    """The law of the agreements known at a date; None knows all of them. Raises InvalidInput for an unusable clause."""
    return compile_law(estate, known_at)


def supposed(estate: Estate, events: Sequence[str]) -> tuple[Happened, ...]:
    """Events given as `name=2027-05-01` or `name@model=2027-05-01`. Raises InvalidInput if one cannot be read."""
    found: list[Happened] = []
    for text in events:
        name, _, day = text.partition("=")
        name, _, about = name.partition("@")
        if name not in estate.events:
            known = ", ".join(sorted(estate.events)) or "none"
            raise InvalidInput(f"the estate knows no event `{name}`", hint=f"events of the estate: {known}")
        try:
            found.append(Happened(name, date.fromisoformat(day), about or None))
        except ValueError:
            raise InvalidInput(
                f"`{text}` is not an event with its day", hint=f"write --event {name}=2027-05-01"
            ) from None
    return tuple(found)


def known_party(estate: Estate, party: str | None) -> str | None:
    """A party, if the estate has it; None for none. Raises InvalidInput with the nearest one if not."""
    if party is None or party in estate.parties:
        return party
    from difflib import get_close_matches

    near = get_close_matches(party, estate.parties, n=1)
    known = ", ".join(sorted(estate.parties)) or "none"
    hint = f"parties of the estate: {known}"
    raise InvalidInput(
        f"the estate knows no party `{party}`", hint=f"did you mean `{near[0]}`? {hint}" if near else hint
    )


def position(estate: Estate, events: Sequence[Happened]) -> Position:
    """Where the estate by itself stands, with the events that a scenario supposes."""
    from offtake.planner.reading import position_of

    return position_of(estate, events)
