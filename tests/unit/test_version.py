"""The version is said by the package, the command and the installed metadata alike, and is cheap to ask."""

import subprocess
import sys
from importlib.metadata import version
from pathlib import Path

import offtake

COMMAND = Path(sys.executable).with_name("offtake")


def test_the_command_prints_the_version() -> None:
    answer = subprocess.run([COMMAND, "--version"], capture_output=True, text=True, check=True)

    assert answer.stdout == f"offtake {offtake.__version__}\n"
    assert answer.stderr == ""


def test_the_installed_package_carries_the_same_version() -> None:
    assert version("offtake") == offtake.__version__


def test_the_command_line_loads_nothing_heavy_until_a_command_is_called() -> None:
    probe = "import sys, offtake.entrypoints.cli; print(*{name.partition('.')[0] for name in sys.modules})"

    answer = subprocess.run([sys.executable, "-c", probe], capture_output=True, text=True, check=True)

    loaded = set(answer.stdout.split())
    assert "offtake" in loaded
    assert loaded.isdisjoint(
        {"highspy", "numpy", "pint", "pyarrow", "pydantic", "rich", "scipy", "typer", "yaml"}
    )
