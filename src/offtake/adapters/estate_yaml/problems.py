"""What is wrong with an estate, and where: for people as lines, for programs as mappings."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Literal

from offtake.adapters.estate_yaml.nodes import Place

Severity = Literal["error", "warning"]


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, or that may surprise; `path` is like `sites.abilene.power[0]`, empty for a
    whole file."""

    severity: Severity
    code: str
    file: str
    line: int
    column: int
    path: str
    message: str
    expected: str | None = None
    suggestion: str | None = None


@dataclass(frozen=True, slots=True)
class Problems:
    """Why an estate could not be loaded: every error that was found, and the warnings beside them."""

    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        """The errors alone."""
        return tuple(problem for problem in self.problems if problem.severity == "error")


class Unreadable(Exception):
    """Reading a file cannot go on; `problem` says why. Never leaves this package."""

    def __init__(self, problem: Problem) -> None:
        super().__init__(problem.message)
        self.problem = problem


def error_at(
    place: Place, code: str, message: str, *, path: str = "", expected: str | None = None
) -> Problem:
    """An error at a place of a file."""
    return Problem("error", code, place.file, place.line, place.column, path, message, expected)


def shown_path(path: Sequence[str | int]) -> str:
    """A path as people write it: `sites.abilene.power[0]`."""
    text = ""
    for step in path:
        text += f"[{step}]" if isinstance(step, int) else f".{step}" if text else step
    return text


def printable(text: str) -> str:
    """The text on one line, without anything that could move a terminal's cursor."""
    return "".join(one if one.isprintable() else one.encode("unicode_escape").decode() for one in text)


def ordered(problems: Iterable[Problem]) -> tuple[Problem, ...]:
    """Errors before warnings, each in the order of files and lines, without repetitions."""
    unique = dict.fromkeys(problems)
    return tuple(
        sorted(
            unique, key=lambda p: (p.severity != "error", p.file, p.line, p.column, p.path, p.code, p.message)
        )
    )


def problem_lines(problems: Iterable[Problem]) -> list[str]:
    """Each problem as one line, with what was expected and what may have been meant on lines of their own."""
    lines: list[str] = []
    for problem in problems:
        where = f"{problem.file}:{problem.line}:{problem.column}"
        what = f"{problem.path}: {problem.message}" if problem.path else problem.message
        lines.append(f"{where}: {problem.severity}: {what} [{problem.code}]")
        if problem.expected:
            lines.append(f"    expected: {problem.expected}")
        if problem.suggestion:
            lines.append(f"    did you mean: {problem.suggestion}")
    return [printable(line) for line in lines]


def problem_records(problems: Iterable[Problem]) -> list[dict[str, str | int | None]]:
    """Each problem as a mapping that JSON can hold."""
    return [
        {
            "severity": problem.severity,
            "code": problem.code,
            "file": problem.file,
            "line": problem.line,
            "column": problem.column,
            "path": problem.path,
            "message": problem.message,
            "expected": problem.expected,
            "suggestion": problem.suggestion,
        }
        for problem in problems
    ]
