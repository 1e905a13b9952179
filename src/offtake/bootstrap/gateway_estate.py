"""The estate that a gateway serves, read in a process of its own: what reading needs stays out of that which serves."""

from __future__ import annotations

import pickle
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path
from typing import Final, cast

from offtake.domain.errors import InvalidInput, OfftakeError
from offtake.domain.estate import Estate
from offtake.law.primitives import Law

READ_WITHIN_S: Final = 60.0


@dataclass(frozen=True)
class Served:
    """An estate, the files that it stands in, and its law."""

    estate: Estate
    files: tuple[Path, ...]
    law: Law


def read_served(path: Path) -> Served:
    """An estate read in this process. Raises InvalidInput if it cannot be used."""
    from offtake.adapters.estate_yaml import Problems, problem_lines
    from offtake.bootstrap.estates import law_of, read_estate

    read = read_estate(path)
    if isinstance(read, Problems):
        first = problem_lines(read.errors[:1])[0]
        raise InvalidInput(f"`{path}` has problems, first: {first}", hint=f"`offtake check {path}` shows all")
    estate = read.estate
    files = (path, *(path.parent / name for name in estate.include))
    return Served(estate, files, law_of(estate, None))


def read_apart(path: Path) -> Served:
    """An estate read by a process that ends then: parser, units and checks take 25 MB, and would hold up who serves.

    Raises InvalidInput if it cannot be used.
    """
    command = (sys.executable, "-m", __name__, str(path))
    try:
        # The command is this interpreter and a module of ours.
        done = subprocess.run(command, capture_output=True, timeout=READ_WITHIN_S, check=True)  # noqa: S603
    except (OSError, subprocess.SubprocessError) as error:
        raise InvalidInput(
            f"`{path}` could not be read beside the gateway ({type(error).__name__})"
        ) from None
    # What is loaded was written by the process that has just been started, and by nobody else.
    found = cast("Served | tuple[str, str | None]", pickle.loads(done.stdout))  # noqa: S301
    if isinstance(found, Served):
        return found
    message, hint = found
    raise InvalidInput(message, hint=hint)


def main() -> None:
    """Reads the estate that is named, and writes it, or what keeps it from being used, to standard output."""
    # Under its own name, so that who reads it finds the same type.
    from offtake.bootstrap.gateway_estate import read_served as read

    try:
        found: object = read(Path(sys.argv[1]))
    except OfftakeError as error:
        found = (error.message, error.hint)
    sys.stdout.buffer.write(pickle.dumps(found, pickle.HIGHEST_PROTOCOL))


if __name__ == "__main__":
    main()
