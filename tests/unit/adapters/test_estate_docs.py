"""The estate that docs/estate.md is made of loads without problems."""

from __future__ import annotations

import re
from pathlib import Path

from offtake.adapters.estate_yaml import Loaded, load_estate_text, problem_lines
from offtake.adapters.estate_yaml.shape import keys_of
from offtake.domain.estate import Estate
from offtake.domain.records import Entry

DOCUMENT = Path(__file__).parents[3] / "docs" / "estate.md"
BLOCK = re.compile(r"^```yaml estate\n(.*?)^```$", re.DOTALL | re.MULTILINE)


def test_the_blocks_of_the_document_make_one_sound_estate() -> None:
    blocks: list[str] = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    found = load_estate_text("".join(blocks), "estate.md")
    assert problem_lines(found.problems) == []
    assert isinstance(found, Loaded)


def test_every_section_has_an_example() -> None:
    text = "".join(BLOCK.findall(DOCUMENT.read_text(encoding="utf-8")))
    sections = set(keys_of(Estate)) - set(Entry.model_fields) - {"include"}
    assert {section for section in sections if not re.search(rf"^{section}:", text, re.MULTILINE)} == set()
