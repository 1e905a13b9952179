"""The folder that an estate lives in, and nothing outside it: files are read by relative paths that stay
inside."""

from __future__ import annotations

import stat
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Final

from offtake.adapters.estate_yaml.nodes import Place
from offtake.adapters.estate_yaml.problems import Unreadable, error_at
from offtake.adapters.estate_yaml.source import MAXIMUM_BYTES

_SUGGEST: Final = "a path inside the estate's folder, such as `sites/texas.yaml`"


@dataclass(frozen=True)
class Folder:
    """The folder of an estate's main file; None where an estate is a text alone, and has no other files.

    `instead` holds contents that are read in place of what stands on the disk, by name relative to the root.
    """

    root: Path | None
    instead: Mapping[str, bytes] = field(default_factory=dict[str, bytes])

    def read(self, relative: str, beside: PurePosixPath, asked_at: Place) -> tuple[str, bytes]:
        """The name (relative to the root) and content of a file that another names. Raises Unreadable,
        placed there."""
        if self.root is None:
            raise Unreadable(
                error_at(asked_at, "file", f"`{relative}`: an estate sent as text has no other files")
            )
        inside = PurePosixPath(relative)
        if (
            inside.is_absolute()
            or "\\" in relative
            or "\0" in relative
            or not relative.strip()
            or len(relative) > 300
        ):
            raise Unreadable(
                error_at(asked_at, "file", f"`{relative[:80]}` is no relative path", expected=_SUGGEST)
            )
        try:
            path = (self.root / beside / inside).resolve()
            name = path.relative_to(self.root.resolve()).as_posix()
        except (ValueError, OSError, RuntimeError):
            message = f"`{relative}` lies outside the estate's folder"
            raise Unreadable(error_at(asked_at, "file-outside", message, expected=_SUGGEST)) from None
        if name in self.instead:
            return name, self.instead[name]
        return name, read_bytes(path, relative, asked_at)


def read_bytes(path: Path, shown: str, asked_at: Place) -> bytes:
    """The content of a regular file, up to one byte more than may be read. Raises Unreadable, placed at
    `asked_at`."""
    try:
        if not stat.S_ISREG(path.stat().st_mode):
            raise Unreadable(error_at(asked_at, "file", f"`{shown}` is not a file", expected="a YAML file"))
        with path.open("rb") as stream:
            return stream.read(MAXIMUM_BYTES + 1)
    except (FileNotFoundError, NotADirectoryError):
        raise Unreadable(error_at(asked_at, "file-missing", f"there is no file `{shown}`")) from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else str(error)
        raise Unreadable(error_at(asked_at, "file", f"`{shown}` cannot be read: {reason}")) from None
