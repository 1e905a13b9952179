"""An estate read apart is the estate, and what reading needs stays out of the process that serves."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from offtake.bootstrap.gateway_estate import read_apart, read_served
from offtake.domain.errors import InvalidInput

COMPANY = Path(__file__).parents[3] / "examples" / "company" / "estate.yaml"


def test_read_apart_or_here_it_is_the_same() -> None:
    assert read_apart(COMPANY) == read_served(COMPANY)


def test_what_keeps_an_estate_from_being_used_is_told_the_same_way(tmp_path: Path) -> None:
    path = tmp_path / "estate.yaml"
    path.write_text(COMPANY.read_text().replace("currency: EUR", "currency: none"))
    said: list[tuple[str, str | None]] = []
    for read in (read_apart, read_served):
        with pytest.raises(InvalidInput) as raised:
            read(path)
        said.append((raised.value.message, raised.value.hint))
    assert said[0] == said[1]


def test_the_process_that_serves_loads_no_parser_units_or_arrays() -> None:
    code = (
        "import sys, offtake.entrypoints.gateway.serving, offtake.adapters.receipts_sqlite; "
        "print(*{'numpy', 'pint', 'yaml', 'scipy', 'pyarrow', 'highspy', 'sqlalchemy'} & {*sys.modules})"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("\n", "")
