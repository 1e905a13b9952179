"""What cannot hold together: a first set from HiGHS, then thinned and checked here, member by member."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import replace
from itertools import groupby
from math import inf
from time import monotonic
from typing import TypeAlias

import highspy
import numpy as np

from offtake.planner.ports import IrreducibleSet, Member
from offtake.planner.program import Program

Feasible: TypeAlias = Callable[
    [Program, float], bool
]  # whether the program has a point, within so many seconds

_BOTH = (int(highspy.IisBoundStatus.kIisBoundStatusBoxed),)
_LOWER = (*_BOTH, int(highspy.IisBoundStatus.kIisBoundStatusLower))
_UPPER = (*_BOTH, int(highspy.IisBoundStatus.kIisBoundStatusUpper))


def first_set(highs: highspy.Highs, program: Program) -> tuple[list[Member], list[Member]]:
    """Row and column members of the conflict that HiGHS found; every finite bound where it found none."""
    _, found = highs.getIis()
    rows = _members(found.row_index_, found.row_bound_)
    columns = _members(found.col_index_, found.col_bound_)
    if not found.valid_ or not (rows or columns):
        return every_bound(program)
    return rows, columns


def crossed_bounds(program: Program) -> tuple[list[Member], list[Member]] | None:
    """The two bounds of the first column or row whose lower bound is above its upper one; None where none
    is."""
    columns = np.flatnonzero(program.col_lower > program.col_upper)
    rows = np.flatnonzero(program.row_lower > program.row_upper)
    if len(rows):
        return [Member(int(rows[0]), "lower"), Member(int(rows[0]), "upper")], []
    if len(columns):
        return [], [Member(int(columns[0]), "lower"), Member(int(columns[0]), "upper")]
    return None


def every_bound(program: Program) -> tuple[list[Member], list[Member]]:
    """Every finite bound of the program, as row members and column members."""
    rows = [Member(int(one), "lower") for one in np.flatnonzero(program.row_lower > -inf)]
    rows += [Member(int(one), "upper") for one in np.flatnonzero(program.row_upper < inf)]
    columns = [Member(int(one), "lower") for one in np.flatnonzero(program.col_lower > -inf)]
    columns += [Member(int(one), "upper") for one in np.flatnonzero(program.col_upper < inf)]
    return sorted(rows), sorted(columns)


def thinned(
    program: Program, rows: list[Member], columns: list[Member], feasible: Feasible, time_limit_s: float
) -> IrreducibleSet:
    """Leave out whole blocks, then single members, as long as the others still cannot hold together.

    The members given must be in conflict. When the time runs out, the set so far comes back as not minimal.
    """
    deadline = monotonic() + time_limit_s
    kept: list[tuple[bool, Member]] = [(True, one) for one in rows] + [(False, one) for one in columns]
    groups = [list(group) for _, group in groupby(kept, lambda one: _block(program, *one))]
    for attempts in ([group for group in groups if len(group) > 1], [[one] for one in kept]):
        for attempt in attempts:
            left_s = deadline - monotonic()
            if left_s <= 0:
                return _as_set(kept, minimal=False)
            dropped = set(attempt)
            rest = [one for one in kept if one not in dropped]
            if len(rest) < len(kept) and not feasible(restricted(program, rest), left_s):
                kept = rest
    return _as_set(kept, minimal=True)


def restricted(program: Program, members: Iterable[tuple[bool, Member]]) -> Program:
    """The program with the given bounds alone (True marks a row's), cut down to the columns and rows they
    touch."""
    bounds = {
        (row, side): np.full(
            program.row_count if row else program.column_count, -inf if side == "lower" else inf
        )
        for row in (True, False)
        for side in ("lower", "upper")
    }
    given = {
        (True, "lower"): program.row_lower,
        (True, "upper"): program.row_upper,
        (False, "lower"): program.col_lower,
        (False, "upper"): program.col_upper,
    }
    for row, member in members:
        bounds[row, member.side][member.identifier] = given[row, member.side][member.identifier]
    row_kept = (bounds[True, "lower"] > -inf) | (bounds[True, "upper"] < inf)
    column_of_entry = np.repeat(np.arange(program.column_count), np.diff(program.start))
    entry_kept = row_kept[program.index]
    per_column = np.bincount(column_of_entry[entry_kept], minlength=program.column_count)
    bounded = (bounds[False, "lower"] > -inf) | (bounds[False, "upper"] < inf)
    rows, columns = np.flatnonzero(row_kept), np.flatnonzero(bounded | (per_column > 0))
    place_of_row = np.cumsum(row_kept) - 1
    return replace(
        program,
        cost=np.zeros(len(columns)),
        col_lower=bounds[False, "lower"][columns],
        col_upper=bounds[False, "upper"][columns],
        row_lower=bounds[True, "lower"][rows],
        row_upper=bounds[True, "upper"][rows],
        integrality=None if program.integrality is None else program.integrality[columns],
        start=np.concatenate([[0], np.cumsum(per_column[columns])]).astype(np.int32),
        index=place_of_row[program.index[entry_kept]].astype(np.int32),
        value=program.value[entry_kept],
        column_blocks=(),
        row_blocks=(),
    )


def _members(identifiers: Iterable[int], states: Iterable[int]) -> list[Member]:
    found: list[Member] = []
    for identifier, state in zip(identifiers, states, strict=True):
        if int(state) in _LOWER:
            found.append(Member(int(identifier), "lower"))
        if int(state) in _UPPER:
            found.append(Member(int(identifier), "upper"))
    return sorted(found)


def _block(program: Program, row: bool, member: Member) -> tuple[bool, int]:
    blocks = program.row_blocks if row else program.column_blocks
    if not blocks:
        return row, 0
    return row, (program.row_block if row else program.column_block)(member.identifier).first


def _as_set(kept: list[tuple[bool, Member]], *, minimal: bool) -> IrreducibleSet:
    return IrreducibleSet(
        rows=tuple(one for row, one in kept if row),
        columns=tuple(one for row, one in kept if not row),
        minimal=minimal,
    )
