"""The command line: answers `--version` at once, and loads the commands only when one is called."""

import sys

from offtake import __version__


def main() -> None:
    """Run the command line on `sys.argv`; leaves by `SystemExit` with the command's exit status."""
    if sys.argv[1:] == ["--version"]:
        sys.stdout.write(f"offtake {__version__}\n")
        raise SystemExit(0)
    # The commands pull in typer and rich, which a caller who only asks for the version should not pay for.
    from offtake.entrypoints.cli.app import app

    app()
