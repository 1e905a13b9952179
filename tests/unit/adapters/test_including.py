"""One more file is included, and nothing else of the text is touched."""

from __future__ import annotations

import pytest

from offtake.adapters.estate_yaml.including import included, including
from offtake.domain.errors import InvalidInput

CASES = {
    "absent": (
        "# A head.\nofftake: 1 # version\nname: x\n",
        "# A head.\nofftake: 1 # version\ninclude: [b.yaml]\nname: x\n",
    ),
    "no version": (
        "name: x\n",
        "include: [b.yaml]\nname: x\n",
    ),
    "no last line end": (
        "name: x\nofftake: 1",
        "name: x\nofftake: 1\ninclude: [b.yaml]\n",
    ),
    "in brackets": (
        "include: [a.yaml] # these\nofftake: 1\n",
        "include: [a.yaml, b.yaml] # these\nofftake: 1\n",
    ),
    "over lines": (
        "include: [\n  a.yaml,\n  c.yaml\n]\nofftake: 1\n",
        "include: [\n  a.yaml,\n  c.yaml, b.yaml]\nofftake: 1\n",
    ),
    "empty brackets": (
        "include: []\nofftake: 1\n",
        "include: [b.yaml]\nofftake: 1\n",
    ),
    "dashes": (
        "include:\n  - a.yaml # one\n  # two\nofftake: 1\n",
        "include:\n  - a.yaml # one\n  - b.yaml\n  # two\nofftake: 1\n",
    ),
    "dashes at the margin": (
        "include:\n- a.yaml\nofftake: 1\n",
        "include:\n- a.yaml\n- b.yaml\nofftake: 1\n",
    ),
    "dashes at the end": (
        "offtake: 1\ninclude:\n- a.yaml",
        "offtake: 1\ninclude:\n- a.yaml\n- b.yaml\n",
    ),
    "one file": (
        "include: a.yaml\nofftake: 1\n",
        "include: [a.yaml, b.yaml]\nofftake: 1\n",
    ),
    "nothing yet": (
        "include:\nofftake: 1\n",
        "include: [b.yaml]\nofftake: 1\n",
    ),
    "flow": (
        "{offtake: 1, name: x}\n",
        "{include: [b.yaml], offtake: 1, name: x}\n",
    ),
    "windows": (
        "offtake: 1\r\nname: x\r\n",
        "offtake: 1\r\ninclude: [b.yaml]\r\nname: x\r\n",
    ),
    "beyond ascii": (
        "# Ünïcode 😀\nofftake: 1\nname: é\n",
        "# Ünïcode 😀\nofftake: 1\ninclude: [b.yaml]\nname: é\n",
    ),
}


@pytest.mark.parametrize("case", CASES)
def test_a_file_is_included(case: str) -> None:
    before, after = CASES[case]
    new = including(before.encode(), "estate.yaml", "b.yaml")
    assert new.decode() == after
    assert included(new, "estate.yaml", "b.yaml")


def test_a_byte_order_mark_stays() -> None:
    new = including(b"\xef\xbb\xbfofftake: 1\n", "estate.yaml", "b.yaml")
    assert new == b"\xef\xbb\xbfofftake: 1\ninclude: [b.yaml]\n"


def test_a_text_that_cannot_be_changed_safely_is_refused() -> None:
    content = b"offtake: 1\ninclude: &files [a.yaml]\nareas: {x: *files}\n"
    with pytest.raises(InvalidInput) as refused:
        including(content, "estate.yaml", "b.yaml")
    assert refused.value.hint is not None
    assert "by hand" in refused.value.hint
