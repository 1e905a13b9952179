"""`offtake new`, `offtake check` and `offtake schema`: estates begun, checked and described."""

from __future__ import annotations

import re
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from offtake.entrypoints.cli.outcome import NO, UNUSABLE, complain, leave, loaded, outcomes, say_json

if TYPE_CHECKING:
    from offtake.adapters.estate_yaml import Problems


class Kind(StrEnum):
    """What a first estate is about."""

    company = "company"
    builder = "builder"


def new(
    name: Annotated[str, typer.Argument(help="The name of the estate.")],
    kind: Annotated[
        Kind, typer.Option(help="A company that buys tokens, or a builder of sites.")
    ] = Kind.company,
    out: Annotated[
        Path | None,
        typer.Option(help="The file; else the name with .yaml here. Never over another; - is the terminal."),
    ] = None,
    xlsx: Annotated[
        Path | None, typer.Option(help="Write a workbook for `offtake import xlsx`; never over a file.")
    ] = None,
    like: Annotated[
        Path | None,
        typer.Option(help="With --xlsx: the estate that the workbook holds, instead of a first one."),
    ] = None,
) -> None:
    """Write a commented estate that plans at once; or, with `--xlsx`, a workbook to fill in."""
    from offtake.adapters.starters import starter

    with outcomes():
        if xlsx is not None:
            _new_workbook(name, kind, xlsx, like)
            return
        text = starter(kind.value, name)
        if str(out) == "-":
            typer.echo(text, nl=False)
            return
        file = out or Path(f"{_plain(name)}.yaml")
        try:
            with file.open("x", encoding="utf-8") as opened:
                opened.write(text)
        except OSError as error:
            complain(
                f"`{file}` was not written: {error.strerror}",
                "name a file that does not exist, in a folder that does, with --out",
            )
            leave(2)
        typer.echo(f"Wrote {file}. Next: offtake plan {file}")


def _plain(name: str) -> str:
    """A name as that of a file: letters, digits and hyphens."""
    return re.sub(r"[\W_]+", "-", name.lower()).strip("-")[:64] or "estate"


def _new_workbook(name: str, kind: Kind, path: Path, like: Path | None) -> None:
    from offtake.adapters.estate_yaml import Problems, load_estate_text
    from offtake.adapters.starters import starter
    from offtake.bootstrap import workbooks
    from offtake.domain.errors import InvalidInput

    held = load_estate_text(starter(kind.value, name)) if like is None else loaded(like)
    if isinstance(held, Problems):
        raise InvalidInput(f"no workbook can be made for the name `{name}`")
    try:
        workbooks.write_workbook(held, path)
    except OSError as error:
        complain(
            f"`{path}` was not written: {error.strerror}",
            "name a file that does not exist, in a folder that does",
        )
        leave(UNUSABLE)
    typer.echo(f"Wrote {path}. Next: fill it in, and offtake import xlsx {path} --into estate.yaml")


def check(
    file: Annotated[Path, typer.Argument(help="The estate, a YAML file.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print problems as JSON.")] = False,
) -> None:
    """Find everything that is wrong with an estate, at once, each with its line; show what is uncertain of it."""
    from offtake.adapters.estate_yaml import Problems, problem_lines, problem_records
    from offtake.bootstrap import estates, futures
    from offtake.entrypoints.cli.futures_samples import sample_records, show_samples

    with outcomes():
        found = estates.read_estate(file)
        problems = found.problems
        errors = sum(problem.severity == "error" for problem in problems)
        samples = () if isinstance(found, Problems) else futures.samples(found.estate)
        if as_json:
            said: dict[str, object] = {"file": str(file), "errors": errors}
            said["problems"] = list(problem_records(problems))
            if samples:
                said["futures"] = list(sample_records(samples))
            say_json(said)
        else:
            for line in problem_lines(problems):
                typer.echo(line)
            warnings = len(problems) - errors
            typer.echo(f"{file}: {_count(errors, 'error')}, {_count(warnings, 'warning')}")
            if samples:
                show_samples(samples)
        if isinstance(found, Problems):
            leave(UNUSABLE if _not_there(found) else NO)


def _not_there(found: Problems) -> bool:
    """Whether there is no file to be right or wrong."""
    return len(found.problems) == 1 and found.problems[0].code in ("file", "file-missing")


def _count(number: int, noun: str) -> str:
    return f"{number or 'no'} {noun}{'' if number == 1 else 's'}"


def schema(
    plan: Annotated[
        bool, typer.Option("--plan", help="The schema of plan.json instead of the estate's.")
    ] = False,
) -> None:
    """Print the JSON Schema of estates, for editors."""
    if plan:
        from offtake.adapters.plan_files import plan_schema

        say_json(plan_schema())
        return
    from offtake.adapters.estate_yaml.schema import estate_schema

    say_json(estate_schema())
