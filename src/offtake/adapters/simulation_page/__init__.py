"""Simulations of deals as one page that needs nothing but itself, in the look of the report."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from offtake.adapters.report.amounts import count
from offtake.adapters.report.document import Report, Tile
from offtake.adapters.report.page import page_of
from offtake.adapters.simulation_page.outcomes import (
    assumed,
    commitments,
    every_need,
    refusals,
    rights,
    waits,
)
from offtake.adapters.simulation_page.over_time import costs, needs, suppliers
from offtake.adapters.simulation_page.words import money_of, part_of, source_of, upper
from offtake.adapters.whole_files import write_whole
from offtake.broker.simulating.answer import Simulated, quantile
from offtake.broker.simulating.records import HALF, NINE_TENTHS
from offtake.domain.errors import InvalidInput, StorageFailure

__all__ = ["simulation_report", "write_simulations"]


def write_simulations(found: Sequence[Simulated], path: Path) -> None:
    """Writes the page; the file appears whole or not at all.

    Raises InvalidInput for a name that does not end in .html, StorageFailure if it cannot be written.
    """
    if path.suffix.lower() not in (".html", ".htm"):
        raise InvalidInput(f"`{path.name}` is no page", hint="give --out a name that ends in .html")
    content = page_of(simulation_report(found)).encode()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, content)
    except OSError as error:
        raise StorageFailure(
            f"the page could not be written to `{path}`: {error.strerror}",
            hint="choose another file with --out",
        ) from None


def simulation_report(found: Sequence[Simulated]) -> Report:
    """The page before it is rendered."""
    one = found[0]
    parts = (needs(found), suppliers(found), rights(found), waits(found), costs(found))
    rest = (commitments(found), refusals(found), every_need(found), assumed(found))
    labels = ["rehearsed, nothing is signed"]
    labels += [f"{side.name}: interrupted, until {side.until} only" for side in found if not side.complete]
    return Report(
        title=_title(found),
        subtitle=f"{one.trace.jobs:,} jobs of {one.trace.name} · {one.begins} to {one.ends}",
        labels=tuple(labels),
        sentences=tuple(_sentences(found)),
        tiles=_tiles(found),
        sections=tuple(part for part in (*parts, *rest) if part is not None),
        facts={"inputs": f"{one.trace.name}, seed {one.seed}", "source": source_of(found)},
    )


def _title(found: Sequence[Simulated]) -> str:
    said = " and ".join(side.name for side in found)
    return f"Deals rehearsed: {said}"


def _sentences(found: Sequence[Simulated]) -> list[str]:
    said: list[str] = []
    for side in found:
        asked = side.asked_hours
        part = part_of(side.right_hours, asked), part_of(side.market_hours, asked)
        all_in = money_of(side.lease_micros + side.billed_micros, side.currency)
        got = (
            f"holders of rights supply {part[0]} of the accelerator-hours asked for and the market {part[1]}"
        )
        said.append(f"{upper(side.name)}: {got}, for {all_in} in all.")
    if len(found) == 2:
        one, other = (side.lease_micros + side.billed_micros for side in found)
        more = "more" if one > other else "less"
        if one != other:
            apart = money_of(abs(one - other), found[0].currency)
            said.append(f"{upper(found[0].name)} costs {apart} {more} than {found[1].name}.")
    return said


def _tiles(found: Sequence[Simulated]) -> tuple[Tile, ...]:
    tiles: list[Tile] = []
    for side in found:
        short = f", {side.name}" if len(found) > 1 else ""
        waits = side.waits
        met = sum(one.unmet == 0 for one in side.needs)
        tiles.append(
            Tile(
                f"Cost{short}",
                money_of(side.lease_micros + side.billed_micros, side.currency),
                f"of it {money_of(side.billed_micros, side.currency)} for commitments that fell short",
            )
        )
        if len(found) == 1:
            tiles.append(Tile("Needs met wholly", f"{met:,} of {len(side.needs):,}", _hours_said(side)))
            tiles.append(
                Tile("Taken by right", part_of(side.right_hours, side.asked_hours), "of hours asked for")
            )
        tiles.append(
            Tile(
                f"Days to an award{short}",
                f"{quantile(waits, HALF)}" if waits else "none",
                f"business days at the median; nine in ten within {quantile(waits, NINE_TENTHS)}"
                if waits
                else "nothing was awarded",
            )
        )
    return tuple(tiles)


def _hours_said(side: Simulated) -> str:
    return f"{count(float(side.asked_hours))} accelerator-hours"
