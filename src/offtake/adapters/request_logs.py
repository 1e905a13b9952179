"""Logs of requests, as other gateways and people write them: CSV, LiteLLM's JSON lines, and our own receipts."""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Final, cast

import orjson

from offtake.domain.errors import InvalidInput
from offtake.router.replay import Logged
from offtake.router.table import Tokens

MAXIMUM_LINE: Final = 1 << 20
COLUMNS: Final = "time, model, tokens_in, tokens_out, and perhaps cached, workload, region, deployment"


def read_log(path: Path, workload: str | None, region: str | None) -> Iterator[Logged]:
    """A log's requests in the order of time. Raises InvalidInput, naming the line, for one that cannot be read.

    `workload` and `region` hold for lines that state none; a log of receipts states its own.
    """
    if path.suffix in (".sqlite", ".db"):
        from offtake.adapters.receipts_sqlite import receipts_between

        rows = (
            Logged(r.at_ms / 1000, r.profile, r.model or r.asked, Tokens(r.fresh, r.cached, r.out), r.supply)
            for r in receipts_between(path, None, None)
        )
    else:
        rows = (_logged(path, n, row, workload, region) for n, row in _rows(path))
    return iter(sorted(rows, key=lambda row: row.at))


def _rows(path: Path) -> Iterator[tuple[int, Mapping[str, Any]]]:
    try:
        with path.open(encoding="utf-8", newline="") as file:
            if path.suffix == ".csv":
                reader = csv.DictReader(file)
                yield from enumerate(reader, start=2)
                return
            for number, line in enumerate(file, start=1):
                if len(line) > MAXIMUM_LINE:
                    raise InvalidInput(f"{path}:{number}: the line has more than {MAXIMUM_LINE} characters")
                if line.strip():
                    row = orjson.loads(line)
                    if not isinstance(row, dict):
                        raise InvalidInput(f"{path}:{number}: the line is not a JSON object")
                    yield number, cast("dict[str, Any]", row)
    except OSError as error:
        raise InvalidInput(f"the log `{path}` cannot be read: {error.strerror}") from None
    except (UnicodeDecodeError, orjson.JSONDecodeError, csv.Error) as error:
        raise InvalidInput(
            f"the log `{path}` is neither CSV nor JSON lines: {error}", hint=f"columns: {COLUMNS}"
        ) from None


def _logged(
    path: Path, line: int, row: Mapping[str, Any], workload: str | None, region: str | None
) -> Logged:
    """A line of ours, or of LiteLLM's spend log (`startTime`, `model_group`, `prompt_tokens`, `completion_tokens`)."""
    where = f"{path}:{line}"
    usage = cast("dict[str, Any]", row.get("usage") or {})
    named = _text(row, "workload") or workload
    placed = _text(row, "region") or region
    if named is None or placed is None:
        raise InvalidInput(f"{where}: it states no workload or region", hint="give --workload and --region")
    read = _number(where, {**row, **usage}, "tokens_in", "prompt_tokens", "input_tokens")
    cached = _number(where, {**row, **usage}, "cached", "cached_tokens", optional=True)
    out = _number(where, {**row, **usage}, "tokens_out", "completion_tokens", "output_tokens")
    model = _text(row, "model_group") or _text(row, "model")
    if model is None:
        raise InvalidInput(f"{where}: it states no model", hint=f"columns: {COLUMNS}")
    tokens = Tokens(max(read - cached, 0), min(cached, read), out)
    return Logged(_time(where, row), f"{named}|{placed}", model, tokens, _text(row, "deployment"))


def _text(row: Mapping[str, Any], name: str) -> str | None:
    value = row.get(name)
    return str(value) if value not in (None, "") else None


def _number(where: str, row: Mapping[str, Any], *names: str, optional: bool = False) -> int:
    for name in names:
        value = row.get(name)
        if value not in (None, ""):
            try:
                number = int(float(str(value)))
            except ValueError:
                raise InvalidInput(
                    f"{where}: `{name}` is `{value}`, and should be a number of tokens"
                ) from None
            if not 0 <= number <= 1_000_000_000:
                raise InvalidInput(f"{where}: `{name}` is {number}, which no request uses")
            return number
    if optional:
        return 0
    raise InvalidInput(f"{where}: it states no `{names[0]}`", hint=f"columns: {COLUMNS}")


def _time(where: str, row: Mapping[str, Any]) -> float:
    text = _text(row, "time") or _text(row, "startTime")
    if text is None:
        raise InvalidInput(f"{where}: it states no `time`", hint=f"columns: {COLUMNS}")
    try:
        found = datetime.fromisoformat(text)
    except ValueError:
        raise InvalidInput(
            f"{where}: `{text}` is not a time", hint="write 2026-10-01T12:00:00+00:00"
        ) from None
    return (found if found.tzinfo is not None else found.replace(tzinfo=UTC)).timestamp()
