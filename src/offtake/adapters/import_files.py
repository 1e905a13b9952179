"""The files of an import: the one that it writes beside an estate, the estate that includes it, the rows' account.

A file appears whole or not at all, and nothing that somebody changed by hand is written over.
"""

from __future__ import annotations

import csv
import hashlib
from collections.abc import Callable, Generator
from contextlib import contextmanager
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import IO, Final

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.estate_yaml.writing import yaml_text
from offtake.domain.errors import Conflict, StorageFailure
from offtake.domain.imports import RowFate

FOLDER: Final = "imported"
MARK: Final = "# Digest of what follows: "
_RISKY: Final = ("=", "+", "-", "@", "\t", "\r")


def imported_text(sections: dict[str, Plain], kind: str, file: str, attribution: str | None) -> bytes:
    """The file that an import writes: what it is, a digest of the rest, and the sections."""
    body = yaml_text(sections) if sections else "{}\n"
    head = [
        f"# Written by `offtake import {kind}` from {_one_line(file)}. The next import replaces it whole:"
    ]
    head.append("# write your own entries into the estate, where they stand before these.")
    if attribution:
        head.append(f"# Data: {attribution}.")
    digest = hashlib.sha256(body.encode()).hexdigest()
    return "\n".join([*head, f"{MARK}{digest}", body]).encode()


def refuse_if_changed_by_hand(content: bytes, name: str) -> None:
    """Raises Conflict if a file of an earlier import no longer is what that import wrote."""
    head, mark, rest = content.decode("utf-8", "replace").partition(MARK)
    digest, _, body = rest.partition("\n")
    if not mark or "\n\n" in head or hashlib.sha256(body.encode()).hexdigest() != digest.strip():
        raise Conflict(
            f"`{name}` was changed by hand, and an import would replace it",
            hint="move your changes into the estate, or take the file away",
        )


def content_of(path: Path) -> bytes | None:
    """A file's content, None if it is not there. Raises StorageFailure if it cannot be read."""
    try:
        return path.read_bytes()
    except FileNotFoundError:
        return None
    except OSError as error:
        raise StorageFailure(f"`{path}` cannot be read: {error.strerror}") from None


def replace_files(changes: list[tuple[Path, bytes | None, bytes]]) -> None:
    """Replaces files in their order, each from the content it was read with to a new one.

    All drafts are written before the first file is replaced. Raises Conflict if a file is not what it was when it was
    read, StorageFailure if one cannot be written; nothing is replaced then.
    """
    drafts: list[tuple[Path, Path]] = []
    try:
        for path, _, new in changes:
            path.parent.mkdir(exist_ok=True)
            drafts.append((_draft(path, new), path))
        for path, old, _ in changes:
            if content_of(path) != old:
                raise Conflict(f"`{path}` was changed while the import was read", hint="import again")
        for draft, path in drafts:
            draft.replace(path)
    except OSError as error:
        raise StorageFailure(
            f"nothing was imported: {error.strerror}", hint="check the folder's space and rights"
        ) from None
    finally:
        for draft, _ in drafts:
            draft.unlink(missing_ok=True)


def _draft(path: Path, content: bytes) -> Path:
    mode = path.stat().st_mode & 0o777 if path.exists() else 0o644
    with NamedTemporaryFile(dir=path.parent, prefix=f".{path.name}.", delete=False) as draft:
        draft.write(content)
    found = Path(draft.name)
    found.chmod(mode)
    return found


@contextmanager
def row_account(path: Path | None) -> Generator[Callable[[RowFate], None] | None]:
    """Writes every row's fate into a CSV as it is told; the file appears when all rows are told."""
    if path is None:
        yield None
        return
    draft: Path | None = None
    try:
        with NamedTemporaryFile(
            "w", encoding="utf-8", newline="", dir=path.parent, prefix=f".{path.name}.", delete=False
        ) as stream:
            draft = Path(stream.name)
            yield _teller(stream)
        draft.chmod(0o644)
        draft.replace(path)
    except OSError as error:
        raise StorageFailure(f"the account `{path}` cannot be written: {error.strerror}") from None
    finally:
        if draft is not None:
            draft.unlink(missing_ok=True)


def _teller(stream: IO[str]) -> Callable[[RowFate], None]:
    writer = csv.writer(stream)
    writer.writerow(("table", "row", "outcome", "reason", "example"))

    def tell(fate: RowFate) -> None:
        writer.writerow(
            (_cell(fate.table), fate.row, fate.outcome, _cell(fate.reason), _cell(fate.example or ""))
        )

    return tell


def _cell(text: str) -> str:
    """A text that no spreadsheet runs as a formula."""
    return f"'{text}" if text.startswith(_RISKY) else text


def _one_line(text: str) -> str:
    return "".join(char if char.isprintable() else " " for char in text)
