"""Whatever somebody types: an estate or problems, never a traceback."""

from __future__ import annotations

import random
import re
from typing import Final

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from offtake.adapters.estate_yaml import Loaded, load_estate_text, problem_lines, problem_records
from offtake.adapters.starters import starter

JUNK: Final = (
    "{", "}", "[", "]", ": ", "- ", "\t", '"', "'", "&a ", "*a", "!!python/object:os.system", "|", ">", "%", "@",
    "null", "~", "true", "NO", "1e400", "1e99 GW", "-5", "0", ".nan", "2026-02-30", "9999-12-31", "0001-01-01", "\0",
    "\x85", "é", "😀", "<<: ", "...", "---\n", "?", "1.1e99 USD", "kind: price", "[]", "{}", "99999 years", "1/0 MW",
    "0 USD/MWh", "6^800000", "100 %", "- {}", "9" * 40,
)  # fmt: skip
GOOD: Final = (starter("company", "Company"), starter("builder", "Builder"))
VALUE: Final = re.compile(r": ([^\n{},\[\]]+)")


def changed(text: str, dice: random.Random) -> str:
    """A text with one thing inserted, cut, repeated, dropped or replaced."""
    lines = text.split("\n")
    begins = dice.randrange(len(text))
    match dice.randrange(6):
        case 0:
            return text[:begins] + dice.choice(JUNK) + text[begins:]
        case 1:
            return text[:begins] + text[begins + dice.randrange(1, 30) :]
        case 2:
            return "\n".join((*lines[: (drop := dice.randrange(len(lines)))], *lines[drop + 1 :]))
        case 3:
            lines.insert(dice.randrange(len(lines)), dice.choice(lines))
            return "\n".join(lines)
        case _:
            values = list(VALUE.finditer(text))
            here, other = dice.choice(values), dice.choice(values)
            new = dice.choice((*JUNK, other[1]))
            return text[: here.start(1)] + new + text[here.end(1) :]


def check_outcome(text: str) -> None:
    found = load_estate_text(text)
    assert all(problem.message and problem.line >= 1 and problem.column >= 1 for problem in found.problems)
    assert len(problem_records(found.problems)) == len(found.problems)
    assert all("\n" not in line for line in problem_lines(found.problems))
    if isinstance(found, Loaded):
        assert all(problem.severity == "warning" for problem in found.problems)
    else:
        assert found.errors


@pytest.mark.parametrize("seed", range(150))
def test_a_good_estate_with_changes_never_raises(seed: int) -> None:
    dice = random.Random(seed)
    text = dice.choice(GOOD)
    for _ in range(dice.choice((1, 1, 2, 5))):
        text = changed(text, dice)
    check_outcome(text)


@settings(max_examples=150, deadline=None)
@given(st.text(max_size=200))
def test_any_text_never_raises(text: str) -> None:
    check_outcome(text)


LEAVES = st.one_of(st.none(), st.booleans(), st.integers(), st.text(max_size=12).map(repr))
TREES = st.recursive(
    LEAVES,
    lambda inner: st.one_of(
        st.lists(inner, max_size=3), st.dictionaries(st.text(max_size=6), inner, max_size=3)
    ),
)
SECTIONS = st.sampled_from(
    "currencies horizon hours areas parties providers regions latency accelerators sites products models deployments "
    "workloads funds programmes agreements events answers include for name".split()
)


@settings(max_examples=150, deadline=None)
@given(st.dictionaries(SECTIONS, st.one_of(TREES, st.dictionaries(st.just("a"), TREES)), max_size=4))
def test_any_shape_in_any_section_never_raises(sections: dict[str, object]) -> None:
    check_outcome("\n".join(["offtake: 1", *(f"{key}: {flow(value)}" for key, value in sections.items())]))


def flow(value: object) -> str:
    """A value in YAML's flow style, texts in double quotes."""
    if isinstance(value, dict):
        return "{" + ", ".join(f"{quoted(str(key))}: {flow(inner)}" for key, inner in value.items()) + "}"
    if isinstance(value, list):
        return "[" + ", ".join(flow(inner) for inner in value) + "]"
    if isinstance(value, str):
        return quoted(value)
    return "null" if value is None else str(value).lower()


def quoted(text: str) -> str:
    return '"' + "".join(char if char.isalnum() else f"\\U{ord(char):08x}" for char in text) + '"'
