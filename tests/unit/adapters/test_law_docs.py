"""The clauses that docs/law.md writes make one sound estate, and compile to what its table says."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path
from typing import get_args

import pytest

from offtake.adapters.estate_yaml import Loaded, load_estate, problem_lines
from offtake.domain.clauses import AnyClause
from offtake.law.compile import compile_law
from offtake.law.primitives import Law, Mask, Meter, PriceSchedule, Procedure
from offtake.law.wording import number

DOCUMENT = Path(__file__).parents[3] / "docs" / "law.md"
BLOCK = re.compile(r"^```yaml law\n(.*?)^```$", re.DOTALL | re.MULTILINE)


@pytest.fixture
def law(tmp_path: Path) -> Law:
    """The law of the page: its first block includes the others as files of their own."""
    head, *others = BLOCK.findall(DOCUMENT.read_text(encoding="utf-8"))
    names = [f"part-{number}.yaml" for number, _ in enumerate(others)]
    for name, block in zip(names, others, strict=True):
        (tmp_path / name).write_text(block)
    (tmp_path / "law.yaml").write_text(f"include: [{', '.join(names)}]\n{head}")
    found = load_estate(tmp_path / "law.yaml")
    assert problem_lines(found.problems) == []
    assert isinstance(found, Loaded)
    return compile_law(found.estate)


def rows(law: Law) -> list[str]:
    """The primitives as the page's table has them."""
    primitives = (*law.masks, *law.meters, *law.procedures, *law.prices)
    return [
        f"| `{p.id}` | {kind(p)} | {', '.join(sorted(p.scope.actions))} | {about(p)} |"
        for p in sorted(primitives, key=lambda primitive: primitive.id)
    ]


def kind(primitive: Mask | Meter | Procedure | PriceSchedule) -> str:
    return "price" if isinstance(primitive, PriceSchedule) else type(primitive).__name__.lower()


def about(primitive: Mask | Meter | Procedure | PriceSchedule) -> str:
    match primitive:
        case Mask():
            held = f", {primitive.days_from_launch} days from launch" if primitive.days_from_launch else ""
            return f"`{type(primitive.relation).__name__}`{held}"
        case Meter():
            bound = "at least" if primitive.upper is None else "at most"
            amount = primitive.lower if primitive.upper is None else primitive.upper
            within = f", within `{primitive.within}`" if primitive.within else ""
            return (
                f"{primitive.measure} by {primitive.window}, {bound} {number(amount or Decimal(0))}{within}"
            )
        case Procedure():
            return f"{primitive.style}, over {primitive.over}"
        case PriceSchedule():
            stated = "a share" if primitive.share is not None else f"{len(primitive.tiers)} tiers"
            return f"{primitive.measure} by {primitive.window}, {stated}"


def test_the_table_says_what_the_clauses_of_the_page_compile_to(law: Law) -> None:
    section = DOCUMENT.read_text(encoding="utf-8").partition("## What all of it compiles to")[2]
    stated = re.findall(r"^\| `.*\|$", section.partition("\n## ")[0], re.MULTILINE)
    assert stated == rows(law)


def test_every_clause_has_its_section() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    for clause in get_args(get_args(AnyClause)[0]):
        name = get_args(clause.model_fields["kind"].annotation)[0]
        section = text.partition(f"\n## {name.replace('-', ' ').capitalize()}\n")[2].partition("\n## ")[0]
        assert f"kind: {name}" in section, name
        assert f"`offtake.law.compile.{name.replace('-', '_')}`" in section, name
        for part in ("*Compiles to*", "*Worked.*", "*On the clocks.*"):
            assert part in section, f"{name}: {part}"


def test_every_worked_case_is_told() -> None:
    told = set(re.findall(r"tests/cases/case_(\d\d)\.yaml", DOCUMENT.read_text(encoding="utf-8")))
    assert told == {f"{number:02}" for number in range(1, 32)}
