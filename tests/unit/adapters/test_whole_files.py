"""A file appears whole or not at all, and leaves nothing beside it."""

from __future__ import annotations

from pathlib import Path

import pytest

from offtake.adapters.whole_files import write_whole


def test_a_file_is_replaced_whole(tmp_path: Path) -> None:
    place = tmp_path / "plan.json"
    place.write_bytes(b"before")
    assert write_whole(place, b"after") == place
    assert place.read_bytes() == b"after"
    assert place.stat().st_mode & 0o777 == 0o644
    assert list(tmp_path.iterdir()) == [place]


def test_what_cannot_be_replaced_stays_and_no_draft_is_left(tmp_path: Path) -> None:
    place = tmp_path / "plan.json"
    (place / "inside").mkdir(parents=True)
    with pytest.raises(OSError, match="directory"):
        write_whole(place, b"after")
    assert list(tmp_path.iterdir()) == [place]


def test_a_folder_that_is_not_there_is_an_error(tmp_path: Path) -> None:
    with pytest.raises(FileNotFoundError):
        write_whole(tmp_path / "none" / "plan.json", b"")
