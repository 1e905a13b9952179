"""Colours: words and marks stand out in both themes (WCAG 2.2, AA), and series differ to the colour-blind."""

from __future__ import annotations

from collections.abc import Mapping
from itertools import combinations

import pytest

from offtake.adapters.report.palette import DARK, LIGHT, SERIES, TEXT, contrast, on
from offtake.adapters.report.sections.serving import DEEPEST

WORDS, MARKS = 4.5, 3.0  # WCAG 2.2, success criteria 1.4.3 and 1.4.11.
THEMES = {"light": LIGHT, "dark": DARK}


@pytest.fixture(params=THEMES)
def theme(request: pytest.FixtureRequest) -> Mapping[str, str]:
    return THEMES[request.param]


def test_themes_have_the_same_colours():
    assert set(LIGHT) == set(DARK)
    assert len(set(LIGHT.values())) == len(LIGHT)


@pytest.mark.parametrize("ground", ["paper", "panel"])
@pytest.mark.parametrize("ink", TEXT)
def test_words_stand_out(theme: Mapping[str, str], ink: str, ground: str):
    assert contrast(theme[ink], theme[ground]) >= WORDS


@pytest.mark.parametrize("name", [*SERIES, "grey"])
def test_marks_stand_out_and_words_on_them(theme: Mapping[str, str], name: str):
    assert contrast(theme[name], theme["paper"]) >= MARKS
    assert contrast(theme[on(name)], theme[name]) >= WORDS


def test_words_on_the_deepest_cell_stand_out(theme: Mapping[str, str]):
    assert contrast(theme["ink"], mixed(theme["blue"], theme["paper"], DEEPEST)) >= WORDS


def test_series_differ_to_the_colour_blind(theme: Mapping[str, str]):
    for one, other in combinations(SERIES[:4], 2):
        for kind in BLIND:
            assert distance(seen(theme[one], kind), seen(theme[other], kind)) >= 0.06, (one, other, kind)


# Linear RGB as those see it who lack a kind of cone (Machado, Oliveira and Fernandes 2009, severity 1).
BLIND = {
    "protan": (
        (0.152286, 1.052583, -0.204868),
        (0.114503, 0.786281, 0.099216),
        (-0.003882, -0.048116, 1.051998),
    ),
    "deutan": (
        (0.367322, 0.860646, -0.227968),
        (0.280085, 0.672501, 0.047413),
        (-0.011820, 0.042940, 0.968881),
    ),
    "tritan": (
        (1.255528, -0.076749, -0.178779),
        (-0.078411, 0.930809, 0.147602),
        (0.004733, 0.691367, 0.303900),
    ),
}


def channels(colour: str) -> list[float]:
    return [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]


def mixed(colour: str, ground: str, part: float) -> str:
    pairs = zip(channels(colour), channels(ground), strict=True)
    return "#" + "".join(f"{round(255 * (part * a + (1 - part) * b)):02x}" for a, b in pairs)


def seen(colour: str, kind: str) -> tuple[float, ...]:
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels(colour)]
    return tuple(sum(a * b for a, b in zip(row, linear, strict=True)) for row in BLIND[kind])


def distance(one: tuple[float, ...], other: tuple[float, ...]) -> float:
    return sum((a - b) ** 2 for a, b in zip(one, other, strict=True)) ** 0.5
