"""`load_estate`: a file, and what it includes, as an Estate with positions, or every problem at once."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from pydantic import ValidationError

from offtake.adapters.estate_yaml.folder import Folder, read_bytes
from offtake.adapters.estate_yaml.joining import Joined, join
from offtake.adapters.estate_yaml.latency_table import add_latency_table
from offtake.adapters.estate_yaml.leniency import MAXIMUM_ROUNDS, mend
from offtake.adapters.estate_yaml.nodes import Place, Plain, Positions, plain
from offtake.adapters.estate_yaml.observations import add_observations
from offtake.adapters.estate_yaml.problems import Problem, Problems, Unreadable, ordered, shown_path
from offtake.adapters.estate_yaml.source import NodeBudget
from offtake.adapters.estate_yaml.wording import problem_of
from offtake.demand.traffic.folding import folded
from offtake.demand.training.checks import check_training
from offtake.demand.training.resolving import resolved
from offtake.domain.checks import Finding, check_estate
from offtake.domain.estate import Estate
from offtake.law.checks import check_law

MAXIMUM_REPORTED: Final = 500


@dataclass(frozen=True)
class Loaded:
    """An estate that can be worked with; `problems` holds warnings only, `digest` names what was read
    (SHA-256)."""

    estate: Estate
    problems: tuple[Problem, ...]
    positions: Positions
    digest: str
    files: tuple[str, ...]


def load_estate(path: Path | str, instead: Mapping[str, bytes] | None = None) -> Loaded | Problems:
    """The estate in a file and the files that it includes, or every problem found. Raises nothing that a
    file can cause.

    `instead` holds contents to be read in place of files, by name relative to the main file's folder: an
    estate as it would be.
    """
    main = Path(path)
    folder = Folder(main.parent, instead or {})
    try:
        return _load(_main_content(main, folder), main.name, folder)
    except Unreadable as stop:
        return Problems((stop.problem,))


def joined_values(path: Path, instead: Mapping[str, bytes]) -> dict[str, Plain] | Problems:
    """What an estate's files say together, before it is checked; or why the main file cannot be read."""
    folder = Folder(path.parent, instead)
    try:
        joined = join(_main_content(path, folder), path.name, folder, NodeBudget())
    except Unreadable as stop:
        return Problems((stop.problem,))
    return cast("dict[str, Plain]", plain(joined.root))


def _main_content(main: Path, folder: Folder) -> bytes:
    if main.name in folder.instead:
        return folder.instead[main.name]
    name = main.name or str(main)
    return read_bytes(main, name, Place(name, 1, 1))


def load_estate_text(text: str, name: str = "estate") -> Loaded | Problems:
    """The estate in a text, which can name no other file, or every problem found."""
    try:
        return _load(text.encode("utf-8", "surrogatepass"), name, Folder(None))
    except Unreadable as stop:
        return Problems((stop.problem,))


def _load(content: bytes, name: str, folder: Folder) -> Loaded | Problems:
    joined = join(content, name, folder, NodeBudget())
    add_latency_table(joined, folder)
    add_observations(joined, folder)
    positions = Positions(joined.root)
    problems = list(joined.problems)
    estate = _validated(joined, positions, problems)
    if estate is not None and joined.complete:  # Else every id of the missing file would seem to dangle.
        estate, found = _checked(estate)
        problems.extend(located(finding, positions) for finding in found)
    if estate is None or any(problem.severity == "error" for problem in problems):
        return Problems(ordered(problems)[:MAXIMUM_REPORTED])
    return Loaded(estate, ordered(problems)[:MAXIMUM_REPORTED], positions, joined.digest, tuple(joined.read))


def _validated(joined: Joined, positions: Positions, problems: list[Problem]) -> Estate | None:
    for turn in range(MAXIMUM_ROUNDS + 1):
        try:
            return Estate.model_validate(plain(joined.root), strict=True)
        except ValidationError as invalid:
            errors = invalid.errors(include_url=False)
            if turn == MAXIMUM_ROUNDS or not mend(joined.root, errors):
                problems.extend(problem_of(error, positions) for error in errors)
                return None
    return None


def _checked(estate: Estate) -> tuple[Estate, tuple[Finding, ...]]:
    """What is wrong with an estate; and the estate with its traffic and its runs' FLOP, if they can be made."""
    structural = check_estate(estate)
    if not any(finding.severity == "error" for finding in structural):
        estate = folded(estate)
        structural = (*structural, *check_training(estate))
    if not any(finding.severity == "error" for finding in structural):
        estate = resolved(estate)
    return estate, (*structural, *check_law(estate, structural))


def located(finding: Finding, positions: Positions) -> Problem:
    """A finding as a problem of the file, at the place of its key or value."""
    place = positions.key(finding.path) if finding.at_key else positions.value(finding.path)
    return Problem(
        finding.severity,
        finding.code,
        place.file,
        place.line,
        place.column,
        shown_path(finding.path),
        finding.message,
        finding.expected,
        finding.suggestion,
    )
