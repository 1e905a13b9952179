"""An import as a whole: what the estate knows, what the file says, the estate as it would be, and the files."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, cast

from offtake.adapters.estate_yaml import Problems, load_estate
from offtake.adapters.estate_yaml.including import included, including
from offtake.adapters.estate_yaml.nodes import Plain, plain
from offtake.adapters.estate_yaml.read import joined_values
from offtake.adapters.estate_yaml.source import NodeBudget, parse
from offtake.adapters.import_files import (
    FOLDER,
    content_of,
    imported_text,
    refuse_if_changed_by_hand,
    replace_files,
    row_account,
)
from offtake.domain.errors import InvalidInput
from offtake.domain.imports import ImportAccount, RowFate, Tally

if TYPE_CHECKING:
    from offtake.adapters.estate_yaml import Problem
    from offtake.domain.estate import Estate
    from offtake.law.primitives import Law

Progressing = Callable[[str, int, int], None]
_TOLD_EVERY = 10_000  # Rows.
_EMPTY = b"{}\n"
# A workbook holds a whole estate, so it may begin one.
_BEGUN = b"# Begun from a workbook; what you write here stands before what the workbook says.\nofftake: 1\n"
_NAMING = ("clause", "holder", "provider", "product", "model", "tokens", "sku", "from")


@dataclass(frozen=True)
class ImportRequest:
    """What is imported into which estate. `mapped` names entries of the estate for names of the file."""

    kind: str
    file: Path
    estate: Path
    name: str | None = None
    mapped: Mapping[str, str] | None = None
    provider: str | None = None
    region: str | None = None
    dry_run: bool = False
    account: Path | None = None


@dataclass(frozen=True)
class Imported:
    """The account of an import; `problems` are what is wrong with the estate as it would be, if anything is."""

    account: ImportAccount
    problems: tuple[Problem, ...]
    refused: bool  # The estate as it would be has errors, so nothing was written.


def run_import(request: ImportRequest, progress: Progressing | None = None) -> Imported:
    """Reads a file, checks the estate as it would be, and writes it, unless it is a dry run or nothing is used.
    `progress` is told how many rows are read.

    Raises InvalidInput for a file or estate that cannot be used, Conflict where somebody's changes would be lost,
    StorageFailure where a file cannot be read or written.
    """
    from offtake.adapters.importers import IMPORTERS, Asked, Known

    target = f"{FOLDER}/{_file_name(request)}.yaml"
    main, beside = request.estate, request.estate.parent / target
    standing, old = content_of(main), content_of(beside)
    old_main = _BEGUN if standing is None and request.kind == "xlsx" else standing
    if old_main is None:
        raise InvalidInput(f"there is no estate `{main}`", hint="begin one with `offtake new`")
    if old is not None:
        refuse_if_changed_by_hand(old, target)
    values = joined_values(main, {main.name: old_main, target: _EMPTY})
    if isinstance(values, Problems):
        first = values.problems[0]
        raise InvalidInput(f"{first.file}:{first.line}:{first.column}: {first.message}")
    estate, law = _read_against(request, target, old_main, old)
    with row_account(request.account) as listener:
        tally = Tally(_counting(listener, progress))
        known = Known(values, dict(request.mapped or {}))
        asked = Asked(request.file, known, tally, request.provider, request.region, estate, law)
        found = IMPORTERS[request.kind](asked)
    sections = found.plain()
    new = imported_text(sections, request.kind, request.file.name, found.attribution)
    new_main = old_main if included(old_main, main.name, target) else including(old_main, main.name, target)
    account = _account(request, target, tally, tuple(found.notes), _sections(old, target), sections)
    nothing_used = not tally.total("used") and not tally.total("changed")
    if nothing_used or (not sections and old is None):
        return Imported(account, (), refused=False)
    would_be = load_estate(main, {main.name: new_main, target: new})
    if isinstance(would_be, Problems):
        return Imported(account, would_be.problems, refused=True)
    changes = [(beside, old, new)] if new != old else []
    changes += [(main, standing, new_main)] if new_main != standing else []
    if changes and not request.dry_run:
        replace_files(changes)
        account = _with_files(account, tuple(path.as_posix() for path, _, _ in changes))
    return Imported(account, would_be.problems, refused=False)


def _counting(
    listener: Callable[[RowFate], None] | None, progress: Progressing | None
) -> Callable[[RowFate], None] | None:
    """A listener that also tells, now and then, how many rows are read; how many there are is not known."""
    if progress is None:
        return listener
    rows = 0

    def tell(fate: RowFate) -> None:
        nonlocal rows
        rows += 1
        if rows % _TOLD_EVERY == 0:
            progress(f"reading rows: {rows:,}", 0, 0)
        if listener is not None:
            listener(fate)

    return tell


def _read_against(
    request: ImportRequest, target: str, main: bytes, old: bytes | None
) -> tuple[Estate | None, Law | None]:
    """The estate as it is without this import, and its law, for kinds that are read against agreements.

    Where it does not stand without an earlier import's entries, it is read with them, less that import's agreements.
    """
    if request.kind != "focus":
        return None, None
    from offtake.bootstrap.estates import law_of

    name = request.estate.name
    loaded = load_estate(request.estate, {name: main, target: _EMPTY})
    dropped: Mapping[str, Plain] = {}
    if isinstance(loaded, Problems) and old is not None:
        loaded = load_estate(request.estate, {name: main, target: old})
        agreements = _sections(old, target).get("agreements")
        dropped = agreements if isinstance(agreements, dict) else {}
    if isinstance(loaded, Problems):
        return None, None
    law = law_of(loaded.estate, None)
    for agreement in dropped:
        for clause in loaded.estate.agreements[agreement].clauses:
            law = law.without(f"{agreement}.{clause}")
    return loaded.estate, law


def _with_files(account: ImportAccount, wrote: tuple[str, ...]) -> ImportAccount:
    """The account with the files that were written."""
    return account.model_copy(update={"wrote": wrote})


def _file_name(request: ImportRequest) -> str:
    from offtake.adapters.importers.reading import slug

    name = request.name or request.kind
    if slug(name) != name:
        raise InvalidInput(f"`{name[:60]}` is no name for a file", hint="use small letters, digits and `-`")
    return name


def _sections(content: bytes | None, name: str) -> dict[str, Plain]:
    """What an earlier import wrote."""
    if content is None:
        return {}
    root, _ = parse(content, name, NodeBudget())
    return cast("dict[str, Plain]", plain(root))


def _entries(sections: Mapping[str, Plain]) -> dict[str, Plain]:
    """The entries of sections by their paths."""
    found: dict[str, Plain] = {}
    for section, entries in sections.items():
        if isinstance(entries, dict):
            found.update({f"{section}.{id}": entry for id, entry in entries.items()})
        elif isinstance(entries, tuple):
            for entry in entries:
                label = _label(section, entry)
                twin = sum(path.split(" #")[0] == label for path in found) + 1 if label in found else 1
                found[label if twin == 1 else f"{label} #{twin}"] = entry
        else:
            found[section] = entries
    return found


def _label(section: str, entry: Plain) -> str:
    """What names an entry of a list: its clause or what was priced, and from when."""
    values = entry if isinstance(entry, dict) else {}
    parts = [str(values[key]) for key in _NAMING if key in values]
    return f"{section}({', '.join(parts)})"


def _account(
    request: ImportRequest,
    target: str,
    tally: Tally,
    notes: tuple[str, ...],
    before: Mapping[str, Plain],
    after: Mapping[str, Plain],
) -> ImportAccount:
    old, new = _entries(before), _entries(after)
    kept = {path for path in old.keys() & new.keys() if old[path] == new[path]}
    used, changed, left_out = (tally.total(outcome) for outcome in ("used", "changed", "left out"))
    return ImportAccount(
        kind=request.kind,
        file=request.file.name,
        into=str(request.estate),
        writes=target,
        rows=used + changed + left_out,
        used=used,
        changed=changed,
        left_out=left_out,
        lines=tally.lines(),
        added=tuple(sorted(new.keys() - old.keys())),
        altered=tuple(sorted((new.keys() & old.keys()) - kept)),
        removed=tuple(sorted(old.keys() - new.keys())),
        entries_kept=len(kept),
        notes=notes,
    )
