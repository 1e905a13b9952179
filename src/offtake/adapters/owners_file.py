"""Files for their owner's eyes alone, which appear whole or not at all."""

from __future__ import annotations

import os
from pathlib import Path

from offtake.domain.errors import StorageFailure


def write_for_owner(path: Path, content: bytes) -> None:
    """The file as a whole, readable by its owner alone. Raises StorageFailure if it cannot be written."""
    beside = path.with_name(f"{path.name}.new")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        beside.unlink(missing_ok=True)
        handle = os.open(beside, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
        with os.fdopen(handle, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(file.fileno())
        beside.replace(path)
    except OSError as error:
        raise StorageFailure(f"`{path}` was not written: {error.strerror}") from None
