"""How a command ends: exit statuses, errors in words, and input that could not be used."""

from __future__ import annotations

import json
from collections.abc import Generator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Final, NoReturn

import typer

from offtake.domain.errors import InvalidInput, OfftakeError

if TYPE_CHECKING:
    from offtake.adapters.estate_yaml import Loaded

YES: Final = 0
NO: Final = 1
UNUSABLE: Final = 2
FAILED: Final = 3
INTERRUPTED: Final = 130


def leave(status: int) -> NoReturn:
    """Ends the command with an exit status."""
    raise typer.Exit(status)


def say_json(value: object) -> None:
    """One JSON value to standard output, with a final newline."""
    typer.echo(json.dumps(value, indent=1, ensure_ascii=False))


def complain(message: str, hint: str | None = None) -> None:
    """An error and what to try, to standard error."""
    typer.secho("error: ", fg="red", bold=True, nl=False, err=True)
    typer.echo(message, err=True)
    if hint:
        typer.echo(f"       {hint}", err=True)


@contextmanager
def outcomes() -> Generator[None]:
    """Turns offtake's errors into sentences and exit statuses; whatever else is raised is a fault and shows itself."""
    try:
        yield
    except InvalidInput as error:
        complain(error.message, error.hint)
        leave(UNUSABLE)
    except OfftakeError as error:
        complain(error.message, error.hint)
        leave(FAILED)
    except KeyboardInterrupt:
        complain("interrupted; nothing was written")
        leave(INTERRUPTED)
    except BrokenPipeError:
        leave(YES)


def loaded(path: Path) -> Loaded:
    """The estate in a file; with problems it says all of them and leaves."""
    from offtake.adapters.estate_yaml import Problems, problem_lines
    from offtake.bootstrap import estates

    found = estates.read_estate(path)
    if isinstance(found, Problems):
        for line in problem_lines(found.problems):
            typer.echo(line, err=True)
        count = len(found.errors)
        complain(f"`{path}` has {count} {'error' if count == 1 else 'errors'}")
        leave(UNUSABLE)
    return found
