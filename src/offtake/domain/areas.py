"""Areas of law: named sets of countries."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Final

ANYWHERE: Final = "*"

# The 27 member states, and the four of EFTA (Microsoft's EU Data Boundary is these 31; the United Kingdom is outside).
EU: Final = frozenset(
    "AT BE BG HR CY CZ DE DK EE ES FI FR GR HU IE IT LT LU LV MT NL PL PT RO SE SI SK".split()
)
EFTA: Final = frozenset("CH IS LI NO".split())
EEA: Final = EU | frozenset("IS LI NO".split())
KNOWN: Final[Mapping[str, frozenset[str]]] = {"EU": EU, "EFTA": EFTA, "EEA": EEA}


def countries(
    names: Iterable[str], areas: Mapping[str, Iterable[str]], regions: Mapping[str, str]
) -> frozenset[str]:
    """The country codes behind areas, regions and codes. `global` is anywhere (`*`), which lies in no boundary.

    `areas` adds to the areas known; `regions` maps a region's id to its country.
    """
    found: set[str] = set()
    for name in names:
        if name in ("global", ANYWHERE):
            found.add(ANYWHERE)
        elif name in areas:
            found.update(areas[name])
        elif name in KNOWN:
            found.update(KNOWN[name])
        else:
            found.add(regions.get(name, name))
    return frozenset(found)
