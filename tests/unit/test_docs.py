"""The documentation names what exists: functions and blocks of the program, checks of the certificate, and files."""

from __future__ import annotations

import ast
import importlib
import re
from collections.abc import Iterator
from dataclasses import is_dataclass
from pathlib import Path
from typing import get_args

import numpy as np
import pytest

from offtake.planner.certificate import certify
from offtake.planner.instance import WayKind
from offtake.planner.ports import Solution
from offtake.planner.program import ProgramBuilder

ROOT = Path(__file__).resolve().parents[2]
PAGES = sorted([*(ROOT / "docs").glob("*.md"), ROOT / "README.md"])
FORMULATION = ROOT / "docs" / "formulation.md"
ARCHITECTURE = ROOT / "docs" / "architecture.md"
LAW = ROOT / "docs" / "law.md"
DOTTED = re.compile(r"[a-z_]+(?:\.[A-Za-z_]+)+")
PLANNER = ROOT / "src" / "offtake" / "planner"


def prose(page: Path) -> str:
    """A page without its fenced blocks."""
    return re.sub(r"^```.*?^```$", "", page.read_text(encoding="utf-8"), flags=re.DOTALL | re.MULTILINE)


def code_names(page: Path) -> list[str]:
    return re.findall(r"`([^`\n]+)`", prose(page))


def exists(name: str) -> bool:
    """Whether a dotted name is a module, or something that a module, class or frozen record holds."""
    parts = name.split(".")
    for split in range(len(parts), 0, -1):
        try:
            found: object = importlib.import_module(".".join(parts[:split]))
        except ModuleNotFoundError:
            continue
        for attribute in parts[split:]:
            fields = getattr(found, "__dataclass_fields__", {}) if is_dataclass(found) else {}
            if not hasattr(found, attribute) and attribute not in fields:
                return False
            found = getattr(found, attribute, None)
        return True
    return False


def dotted_names(page: Path) -> list[str]:
    found = [name for name in code_names(page) if DOTTED.fullmatch(name)]
    return sorted({name for name in found if not name.endswith((".md", ".json", ".yaml", ".py", ".toml"))})


def test_every_name_of_the_formulation_exists() -> None:
    names = dotted_names(FORMULATION)
    assert len(names) > 40
    full = [name if name.startswith("offtake.") else f"offtake.planner.{name}" for name in names]
    assert [name for name in full if not exists(name)] == []


@pytest.mark.parametrize("page", [ARCHITECTURE, LAW], ids=lambda page: page.name)
def test_every_full_name_exists(page: Path) -> None:
    names = [name for name in dotted_names(page) if name.startswith("offtake.")]
    assert len(names) > 10
    assert [name for name in names if not exists(name)] == []


def built_blocks() -> set[str]:
    """The fixed words with which the names of all blocks of the planner begin, read off the code that adds them."""
    heads: set[str] = set()
    for path in PLANNER.glob("*.py"):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.Call):
                heads |= set(_block_of(node))
    return heads


def _block_of(call: ast.Call) -> Iterator[str]:
    name = call.func.attr if isinstance(call.func, ast.Attribute) else getattr(call.func, "id", "")
    given = {keyword.arg: keyword.value for keyword in call.keywords}
    title = given.get("name") if name == "measure_rows" else next(iter(call.args), None)
    if name not in ("rows", "columns", "measure_rows"):
        return
    if isinstance(title, ast.Constant) and isinstance(title.value, str):
        yield title.value
    elif isinstance(title, ast.JoinedStr):
        first = title.values[0]
        if isinstance(first, ast.Constant):
            yield str(first.value).strip()
    elif isinstance(title, ast.Name):
        yield from get_args(WayKind)  # A way's block is named by its kind.


def described_blocks() -> set[str]:
    """The lower-case words with which the names in the formulation's Block columns begin."""
    found: set[str] = set()
    column: int | None = None
    for line in prose(FORMULATION).splitlines():
        cells = [cell.strip() for cell in line.strip().strip("|").split(" | ")]
        if not line.startswith("|"):
            column = None
        elif "Block" in cells:
            column = cells.index("Block")
        elif column is not None and len(cells) > column:
            found |= {_head(name) for name in re.findall(r"`([^`]+)`", cells[column])}
    found.add("balance")  # Stands in the table of merges.
    return found


def _head(name: str) -> str:
    return " ".join(word for word in name.split() if not word.isupper())


def test_every_block_is_described_and_every_block_described_is_built() -> None:
    assert described_blocks() == built_blocks()


def test_every_check_of_the_certificate_is_described() -> None:
    builder = ProgramBuilder()
    one = builder.columns("one", {}, cost=1.0, upper=1.0, integer=True)
    rows = builder.rows("least", {}, lower=1.0)
    builder.entries(rows.index, one.index, 1.0)
    ones, zero = np.ones(1), np.zeros(1)
    answer = Solution(1.0, ones, ones, ones, zero, method="none", iterations=0, mip_bound=1.0, mip_gap=0.0)
    certificate = certify(builder.build(), answer)
    assert certificate.passed
    described = set(code_names(FORMULATION))
    assert [check.name for check in certificate.checks if check.name not in described] == []


def anchors(page: Path) -> set[str]:
    """The anchors that headings of a page get."""
    found: set[str] = set()
    counts: dict[str, int] = {}
    for title in re.findall(r"^#{1,6} +(.+?) *$", prose(page), flags=re.MULTILINE):
        plain = re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", title).lower()
        slug = re.sub(r"[^\w\- ]", "", plain).replace(" ", "-")
        counts[slug] = counts.get(slug, -1) + 1
        found.add(f"{slug}-{counts[slug]}" if counts[slug] else slug)
    return found


def broken_links(page: Path) -> Iterator[str]:
    for target in re.findall(r"\]\(([^)\s]+)\)", re.sub(r"`[^`\n]*`", "", prose(page))):
        if re.match(r"[a-z]+:", target):
            continue
        path, _, anchor = target.partition("#")
        aim = (page.parent / path).resolve() if path else page
        if not aim.exists() or not aim.is_relative_to(ROOT):
            yield f"{target}: no such file"
        elif anchor and aim.suffix == ".md" and anchor not in anchors(aim):
            yield f"{target}: no such heading"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_leads_somewhere(page: Path) -> None:
    assert list(broken_links(page)) == []
