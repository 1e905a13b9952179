"""Programs that tests look at files with: from Debian, installed by the project's own script where they are absent."""

from __future__ import annotations

import subprocess
from functools import cache
from pathlib import Path

SCRIPT = Path(__file__).parents[2] / "scripts" / "need.sh"


@cache
def tool(name: str) -> str:
    """Where a tool is. Fails with the script's own words if it cannot be had."""
    done = subprocess.run([SCRIPT, name], capture_output=True, text=True, timeout=600, check=False)
    assert done.returncode == 0, done.stderr[-2000:]
    return done.stdout.strip()


def chromium() -> str:
    """A browser."""
    return tool("chromium")


def pdf_text(path: Path) -> str:
    """The words of a PDF."""
    done = subprocess.run(
        [tool("poppler"), path, "-"], capture_output=True, text=True, timeout=60, check=True
    )
    return done.stdout


def recomputed(workbook: Path, into: Path) -> Path:
    """A workbook whose formulas LibreOffice has computed."""
    command = [
        tool("libreoffice"),
        "--headless",
        "--norestore",
        f"-env:UserInstallation={(into / 'profile').as_uri()}",
        "--convert-to",
        "xlsx:Calc MS Excel 2007 XML",
        "--outdir",
        str(into),
        str(workbook),
    ]
    subprocess.run(command, capture_output=True, timeout=180, check=True)
    return into / workbook.name
