"""Finished futures on disk: one line of JSON each, only ever added to, so that a run that was stopped goes on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict
from math import inf, isfinite
from pathlib import Path
from typing import Final, TypeAlias, cast

from offtake.domain.errors import StorageFailure
from offtake.planner.futures.outcomes import Outcome

_LONGEST: Final = 1 << 20  # Bytes of a line: what is longer is no line of this file.
_NEVER: Final = "never"
Json: TypeAlias = "str | int | float | bool | list[Json] | dict[str, Json] | None"


class FuturesFile:
    """The futures of any number of families in one file; `key` says which of them are meant."""

    def __init__(self, path: Path, key: str) -> None:
        self._path, self._key = path, key

    def kept(self) -> dict[str, Outcome]:
        """The outcomes of this family by job. A line that was not written to its end is as if it were not there."""
        import orjson

        found: dict[str, Outcome] = {}
        try:
            with self._path.open("rb") as lines:
                for line in lines:
                    if len(line) > _LONGEST or not line.endswith(b"\n"):
                        continue
                    try:
                        record = orjson.loads(line)
                    except orjson.JSONDecodeError:
                        continue
                    outcome = _outcome(record, self._key)
                    if outcome is not None:
                        found[outcome.job] = outcome
        except FileNotFoundError:
            return {}
        except OSError as error:
            raise self._failure("read", error) from None
        return found

    def add(self, outcomes: Iterable[Outcome]) -> None:
        """Adds outcomes to the end. Raises StorageFailure if they cannot be written."""
        import orjson

        written = b"".join(orjson.dumps({"key": self._key, **_record(one)}) + b"\n" for one in outcomes)
        try:
            self._path.parent.mkdir(parents=True, exist_ok=True)
            broken = self._path.exists() and not _ends_whole(self._path)
            with self._path.open("ab") as file:
                _ = file.write(b"\n" + written if broken else written)
        except OSError as error:
            raise self._failure("written", error) from None

    def _failure(self, what: str, error: OSError) -> StorageFailure:
        return StorageFailure(
            f"the futures in `{self._path}` could not be {what}: {error.strerror}",
            hint="choose another file with --keep",
        )


def _ends_whole(path: Path) -> bool:
    with path.open("rb") as file:
        if file.seek(0, 2) == 0:
            return True
        _ = file.seek(-1, 2)
        return file.read(1) == b"\n"


def _record(one: Outcome) -> dict[str, object]:
    values = {
        name: [*value] if isinstance(value, tuple) else value if isfinite(value) else _NEVER
        for name, value in one.values.items()
    }
    return {**asdict(one), "values": values}


def _outcome(record: Json, key: str) -> Outcome | None:
    if not isinstance(record, dict) or record.get("key") != key:
        return None
    fields = {name: value for name, value in record.items() if name in Outcome.__slots__}
    try:
        values = cast("dict[str, list[float] | float | str]", fields["values"])
        series = cast("dict[str, list[float]]", fields["series"])
        made = cast("dict[str, object]", fields) | {
            "values": {
                name: tuple(value) if isinstance(value, list) else inf if isinstance(value, str) else value
                for name, value in values.items()
            },
            "series": {name: tuple(line) for name, line in series.items()},
        }
        return Outcome(**made)  # pyright: ignore[reportArgumentType] - the file's own fields, as they were written
    except (KeyError, TypeError, AttributeError):
        return None
