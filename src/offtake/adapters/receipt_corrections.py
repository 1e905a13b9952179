"""Corrections of estimates by invoices, in the receipts' file, signed as receipts are: one for each line of a bill."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Sequence
from contextlib import closing
from dataclasses import asdict
from datetime import date
from pathlib import Path
from typing import Any, Final, cast

import orjson

from offtake.adapters.receipts_sqlite import Problem, opened, receipts_between, signer, verifier
from offtake.domain.errors import StorageFailure
from offtake.router.correcting import Correction, Line, Used, Way

FORMAT: Final = "offtake.corrections/1"
_SCHEMA: Final = """CREATE TABLE IF NOT EXISTS corrections (
  invoice TEXT NOT NULL, product TEXT NOT NULL, model TEXT NOT NULL, way TEXT NOT NULL, month TEXT NOT NULL,
  body BLOB NOT NULL, signature BLOB NOT NULL, PRIMARY KEY (product, model, way, month)) WITHOUT ROWID"""
_SET: Final = """INSERT INTO corrections VALUES (?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
  invoice = excluded.invoice, body = excluded.body, signature = excluded.signature"""


def used_in(path: Path, begins: date, ends: date) -> dict[Line, Used]:
    """What the receipts of the days [begins, ends) say was used, by product, model, sort of tokens and month."""
    from datetime import UTC, datetime

    found: dict[Line, Used] = {}
    for receipt in receipts_between(path, begins, ends):
        if receipt.supply is None or receipt.model is None or receipt.usage == "none":
            continue
        product = receipt.supply.rpartition("/")[2]
        month = datetime.fromtimestamp(receipt.at_ms / 1000, UTC).date().replace(day=1)
        ways: tuple[tuple[Way, int], ...] = (
            ("in", receipt.fresh),
            ("cached", receipt.cached),
            ("out", receipt.out),
        )
        for way, tokens in ways:
            if not tokens:
                continue
            used = found.setdefault(Line(product, receipt.model, way, month), Used())
            used.requests += 1
            if receipt.usage == "measured":
                used.measured += tokens
            else:
                used.estimated += tokens
                used.bound += receipt.bound
    return found


def keep_corrections(path: Path, signing_key: Path, corrections: Sequence[Correction]) -> None:
    """Keeps corrections; a line that another invoice corrected before is corrected by this one instead.

    Raises StorageFailure if they cannot be written; none is kept then.
    """
    sign = signer(signing_key)
    rows: list[tuple[object, ...]] = []
    for each in corrections:
        body = _body(each)
        rows.append(
            (each.invoice, each.product, each.model, each.way, str(each.month), body, sign(_head(body)))
        )
    try:
        with closing(opened(path)) as connection, connection:
            connection.execute(_SCHEMA)
            connection.executemany(_SET, rows)
    except sqlite3.Error as error:
        raise StorageFailure(f"`{path}` cannot be written: {error}") from None


def corrections_in(path: Path) -> Iterator[Correction]:
    """The corrections of a file, by product, model, sort and month."""
    for body, _ in _rows(path):
        fields = cast("dict[str, Any]", orjson.loads(body))
        fields["month"] = date.fromisoformat(fields["month"])
        yield Correction(**fields)


def verify_corrections(path: Path, public_key: Path) -> tuple[int, tuple[Problem, ...]]:
    """How many corrections a file holds, and those whose signature does not hold."""
    holds, problems, count = verifier(public_key), list[Problem](), 0
    for body, signature in _rows(path):
        count += 1
        if not holds(signature, _head(body)):
            stated = cast("dict[str, Any]", orjson.loads(body))
            name = f"correction of {stated['product']}, {stated['month']}"
            problems.append(Problem(name, "the signature does not fit what is written"))
    return count, tuple(problems)


def _rows(path: Path) -> list[tuple[bytes, bytes]]:
    if not path.exists():
        return []
    with closing(opened(path)) as connection:
        connection.execute(_SCHEMA)
        asked = "SELECT body, signature FROM corrections ORDER BY product, model, way, month"
        return connection.execute(asked).fetchall()


def _body(each: Correction) -> bytes:
    return orjson.dumps(asdict(each), option=orjson.OPT_SORT_KEYS)


def _head(body: bytes) -> bytes:
    return FORMAT.encode() + b" " + body
