"""The commands of `offtake`."""

from typing import Annotated

import typer

from offtake import __version__

app = typer.Typer(name="offtake", no_args_is_help=True, add_completion=False)


def _show_version(asked: bool) -> None:
    if asked:
        typer.echo(f"offtake {__version__}")
        raise typer.Exit


@app.callback(invoke_without_command=True)
def offtake(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_show_version, is_eager=True, help="Print the version and leave."),
    ] = False,
) -> None:
    """Plan AI compute that is bought, built and borrowed under contract."""
