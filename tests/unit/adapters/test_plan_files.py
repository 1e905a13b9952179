"""Plans are read back from what was written, and what is no plan is refused in words."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.adapters.plan_files import read_plan
from offtake.domain.errors import InvalidInput


@pytest.mark.parametrize(
    ("content", "what"),
    [
        (b"", "version: Invalid JSON"),
        (b"\x00\xff", "version: Invalid JSON"),
        (b"{}", "version: [a-z_]+: Field"),
    ],
)
def test_what_is_no_plan_is_refused(tmp_path: Path, content: bytes, what: str) -> None:
    path = tmp_path / "plan.json"
    path.write_bytes(content)
    with pytest.raises(InvalidInput, match=what) as refused:
        read_plan(path)
    assert "offtake plan" in (refused.value.hint or "")
