"""The colours of the report, light and dark, and the contrast between them (WCAG 2.2).

A figure is drawn in the light colours; on the page each of them is replaced by a CSS variable of the same name, so one
drawing serves both themes. The series are Okabe and Ito's hues, darkened or lightened until they stand out enough.
"""

from __future__ import annotations

import re
from types import MappingProxyType
from typing import Final

LIGHT: Final = MappingProxyType(
    {
        "paper": "#fdfdfb",
        "panel": "#f4f3ee",
        "ink": "#1b2129",
        "soft": "#56606b",
        "line": "#c9ccce",
        "grid": "#e6e6e1",
        "land": "#e3e2da",
        "accent": "#0b5a9c",
        "blue": "#1666ac",
        "vermilion": "#c64a08",
        "green": "#0f7a5f",
        "pink": "#b04f88",
        "amber": "#8a6800",
        "sky": "#4193c9",
        "on-sky": "#1b212a",
        "plum": "#5e3a8c",
        "grey": "#6b747e",
    }
)
DARK: Final = MappingProxyType(
    {
        "paper": "#13161b",
        "panel": "#1c2027",
        "ink": "#eceff3",
        "soft": "#a9b2bd",
        "line": "#414954",
        "grid": "#2a3038",
        "land": "#2c333d",
        "accent": "#7cbcf2",
        "blue": "#4b97dc",
        "vermilion": "#f0803c",
        "green": "#2bbd92",
        "pink": "#e798c6",
        "amber": "#e9bd45",
        "sky": "#9dd2f6",
        "on-sky": "#13161c",
        "plum": "#ad8fe6",
        "grey": "#8e98a4",
    }
)
SERIES: Final = (
    "blue",
    "amber",
    "green",
    "pink",
    "plum",
    "vermilion",
    "sky",
)  # In the order in which they are used.
TEXT: Final = ("ink", "soft", "accent")


def on(colour: str) -> str:
    """The palette's name of the colour in which words stand on a series."""
    return "on-sky" if colour == "sky" else "paper"


_HEX: Final = re.compile(r"#[0-9a-f]{6}\b")
_NAMES: Final = MappingProxyType({value: name for name, value in LIGHT.items()})


def series(n: int) -> str:
    """The n-th colour of a series; those beyond the last are grey."""
    return LIGHT[SERIES[n]] if n < len(SERIES) else LIGHT["grey"]


def as_variables(svg: str) -> str:
    """A drawing whose colours follow the page's theme."""
    return _HEX.sub(lambda found: _variable(found.group()), svg)


def _variable(colour: str) -> str:
    name = _NAMES.get(colour)
    return colour if name is None else f"var(--{name})"


def luminance(colour: str) -> float:
    """Relative luminance of `#rrggbb`, from 0 to 1."""
    linear = [_linear(int(colour[at : at + 2], 16) / 255) for at in (1, 3, 5)]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


def contrast(one: str, other: str) -> float:
    """Contrast ratio of two colours, from 1 to 21."""
    low, high = sorted((luminance(one), luminance(other)))
    return (high + 0.05) / (low + 0.05)


def _linear(channel: float) -> float:
    return channel / 12.92 if channel <= 0.04045 else ((channel + 0.055) / 1.055) ** 2.4
