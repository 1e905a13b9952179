"""Epoch AI's CSVs: frontier data centres over time, and hardware with its prices (epoch.ai, CC BY 4.0)."""

from __future__ import annotations

import re
from collections.abc import Generator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import date
from decimal import Decimal
from pathlib import Path
from typing import Final

from offtake.adapters.estate_yaml.nodes import Plain
from offtake.adapters.importers.countries import country_of_place
from offtake.adapters.importers.reading import Asked, Found, ensure, slug
from offtake.adapters.tabular.cells import CellProblem, Dates, order_of, positive, slashed, text
from offtake.adapters.tabular.rows import Table, open_table
from offtake.domain.errors import InvalidInput
from offtake.domain.imports import shortened

ATTRIBUTION: Final = "Epoch AI, epoch.ai/data, CC BY 4.0"
# Facility watts over IT watts: 1,180 MW of Abilene hold 843 MW of IT by Epoch's own figures.
ASSUMED_PUE: Final = "1.4"
MAXIMUM_SMALL: Final = 100_000  # Rows of a table whose days must be seen together.

HANDLE, TITLE, OWNER, CURRENT = "Handle", "Title", "Owner", "Current power (MW)"
DATE, CENTRE, POWER, STATUS = "Date", "Data center", "Power (MW)", "Construction status"
HARDWARE, MAKER = "Hardware name", "Manufacturer"
PRICED, PRICE_DAY, PURCHASE = "Hardware model", "Price date", "Price (hardware purchase)"
PEAKS: Final = {
    "bf16": "Tensor-FP16/BF16 performance (FLOP/s)",
    "fp8": "FP8 performance (FLOP/s)",
    "fp4": "FP4 performance (FLOP/s)",
}
MEMORY, TDP, RELEASED, RELEASE_PRICE = "Memory (bytes)", "TDP (W)", "Release date", "Release price (USD)"
_PREFIXES: Final = (
    (Decimal(10) ** 18, "EFLOP/s"),
    (Decimal(10) ** 15, "PFLOP/s"),
    (Decimal(10) ** 12, "TFLOP/s"),
    (Decimal(10) ** 9, "GFLOP/s"),
)
_GB: Final = Decimal(10) ** 9


@dataclass
class _Files:
    """What is read of each kind of file."""

    centres: list[Path] = field(default_factory=list[Path])
    timelines: list[Path] = field(default_factory=list[Path])
    hardware: list[Path] = field(default_factory=list[Path])
    prices: list[Path] = field(default_factory=list[Path])


@dataclass
class _Centre:
    title: str | None = None
    owner: str | None = None
    at: tuple[Decimal, Decimal] | None = None
    current: Decimal | None = None


def read_epoch(asked: Asked) -> Found:
    """Sites with dated steps of power, and accelerators, from a folder of Epoch's files or one of them.

    Power up to the centre's current power is energised, later power announced; without `data_centers.csv` all of it
    is announced. It is facility power, so a PUE is assumed.
    """
    found = Found(attribution=ATTRIBUTION)
    files = _sorted_out(asked.path)
    centres: dict[str, _Centre] = {}
    for path in files.centres:
        with open_table(path, (HANDLE, TITLE, OWNER, CURRENT)) as table:
            centres |= _centres(asked, table, with_timelines=bool(files.timelines))
    for path in files.timelines:
        with _limited(path, (DATE, CENTRE, POWER)) as rows:
            _sites(found, asked, path.name, rows, centres)
    prices: dict[str, dict[date, str]] = {}
    hardware = list(_hardware(files.hardware))
    names = {cells[HARDWARE].strip() for _, _, cells in hardware}
    for path in files.prices:
        with _limited(path, (PRICED, PRICE_DAY, PURCHASE)) as rows:
            prices |= _prices(asked, path.name, rows, names)
    _accelerators(found, asked, hardware, prices)
    return found


def _hardware(paths: list[Path]) -> Iterator[tuple[str, int, dict[str, str]]]:
    for path in paths:
        with _limited(path, (HARDWARE, MAKER, MEMORY, TDP)) as rows:
            for row, cells in rows:
                yield path.name, row, cells


def _sorted_out(path: Path) -> _Files:
    """The files of a folder (or one file) by their headers. Raises InvalidInput if none is Epoch's."""
    files = _Files()
    for file in sorted(path.glob("*.csv")) if path.is_dir() else [path]:
        with open_table(file, ()) as table:
            columns = set(table.columns)
        for column, kind in (
            (HANDLE, files.centres),
            (CENTRE, files.timelines),
            (HARDWARE, files.hardware),
            (PRICED, files.prices),
        ):
            if column in columns:
                kind.append(file)
                break
    if not (files.centres or files.timelines or files.hardware or files.prices):
        raise InvalidInput(
            f"`{path.name}` holds no table of Epoch's",
            hint=f"one has a column `{HANDLE}`, `{CENTRE}`, `{HARDWARE}` or `{PRICED}`",
        )
    if not (files.timelines or files.hardware):
        raise InvalidInput(
            f"`{path.name}` alone makes no site and no accelerator",
            hint="import the folder with data_center_timelines.csv or ml_hardware.csv beside it",
        )
    return files


@contextmanager
def _limited(path: Path, needed: tuple[str, ...]) -> Generator[list[tuple[int, dict[str, str]]]]:
    """All rows of a small table."""
    with open_table(path, needed) as table:
        rows: list[tuple[int, dict[str, str]]] = []
        for row in table.rows:
            rows.append(row)
            if len(rows) > MAXIMUM_SMALL:
                raise InvalidInput(f"`{path.name}` has more than {MAXIMUM_SMALL:,} rows")
        yield rows


def _name(cell: str, column: str) -> str | None:
    """A name without Epoch's mark of confidence: `Oracle #confident` is Oracle; of several the first."""
    found = text(cell, column, longest=300)
    return None if found is None else re.sub(r"\s*#\w+", "", found.split(",")[0]).strip() or None


def _centres(asked: Asked, table: Table, *, with_timelines: bool) -> dict[str, _Centre]:
    centres: dict[str, _Centre] = {}
    for row, cells in table.rows:
        try:
            handle = _required(cells, HANDLE)
            centre = _centre(cells)
        except CellProblem as problem:
            asked.tally.left_out(table.name, row, problem.reason, problem.example)
            continue
        if handle in centres:
            asked.tally.left_out(table.name, row, "the data centre stands in an earlier row", handle)
        elif with_timelines:
            asked.tally.used(table.name, row, "owner, place and current power of a site")
        else:
            asked.tally.left_out(table.name, row, "no timeline is beside it")
        centres.setdefault(handle, centre)
    return centres


def _centre(cells: dict[str, str]) -> _Centre:
    return _Centre(
        text(cells[TITLE], TITLE),
        _name(cells[OWNER], OWNER),
        _place(cells.get("Latitude", ""), cells.get("Longitude", "")),
        positive(cells[CURRENT], CURRENT),
    )


def _required(cells: dict[str, str], column: str) -> str:
    found = text(cells[column], column, longest=200)
    if found is None:
        raise CellProblem(f"`{column}` is empty")
    return found


def _place(latitude: str, longitude: str) -> tuple[Decimal, Decimal] | None:
    north, east = _degrees(latitude), _degrees(longitude)
    return None if north is None or east is None else (north, east)


def _degrees(cell: str) -> Decimal | None:
    match = re.search(r"(\d{1,3})°(\d{1,2})'([\d.]{1,8})\"+\s*([NSEW])", cell)
    if match is None:
        return None
    whole = Decimal(match[1]) + Decimal(match[2]) / 60 + Decimal(match[3].rstrip(".")) / 3600
    return (-whole if match[4] in "SW" else whole).quantize(Decimal("0.0001"))


def _dates(rows: list[tuple[int, dict[str, str]]], column: str) -> Dates:
    """How days of a column are read: 9/20/2016 anywhere in it shows that the month stands first."""
    pairs = [pair for _, cells in rows if (pair := slashed(cells[column])) is not None]
    return Dates(order_of(*pairs))


@dataclass(frozen=True)
class _Step:
    """The power of a data centre from a day on, as one row states it."""

    row: int
    day: date
    power: Decimal
    note: str | None


def _sites(
    found: Found,
    asked: Asked,
    file: str,
    rows: list[tuple[int, dict[str, str]]],
    centres: dict[str, _Centre],
) -> None:
    dates = _dates(rows, DATE)
    stated: dict[str, list[_Step]] = {}
    for row, cells in rows:
        try:
            name, step = _required(cells, CENTRE), _step(cells, row, dates)
        except CellProblem as problem:
            asked.tally.left_out(file, row, problem.reason, problem.example)
            continue
        if asked.known.find("sites", name) is not None:
            asked.tally.left_out(file, row, "the estate states this site itself", name)
        elif country_of_place(name) is None and asked.known.find("regions", name) is None:
            reason = "the country of the place is not known; add its region to the estate"
            asked.tally.left_out(file, row, reason, name)
        else:
            stated.setdefault(name, []).append(step)
    for name, steps in sorted(stated.items()):
        kept = _changes(asked, file, name, steps)
        if kept:
            _site(found, asked, file, name, kept, centres.get(name, _Centre()))


def _step(cells: dict[str, str], row: int, dates: Dates) -> _Step:
    day, power = dates.day(cells[DATE], DATE), positive(cells[POWER], POWER)
    if day is None or power is None:
        raise CellProblem(f"`{DATE}` or `{POWER}` is empty")
    return _Step(row, day, power, text(cells.get(STATUS, ""), STATUS, longest=5000))


def _changes(asked: Asked, file: str, name: str, steps: list[_Step]) -> list[_Step]:
    """The rows in which the power changes, in the order of their days; each row is counted."""
    kept: list[_Step] = []
    days: set[date] = set()
    for step in sorted(steps, key=lambda one: (one.day, one.row)):
        shown = f"{name}, {step.day.isoformat()}"
        if step.day in days:
            asked.tally.left_out(file, step.row, "an earlier row states the power on this day", shown)
        elif step.power == (kept[-1].power if kept else 0):
            asked.tally.left_out(file, step.row, "the power does not change", shown)
        else:
            kept.append(step)
            asked.tally.used(file, step.row)
        days.add(step.day)
    return kept


def _site(found: Found, asked: Asked, file: str, name: str, stated: list[_Step], centre: _Centre) -> None:
    region = ensure(
        found,
        asked.known,
        "regions",
        name,
        {
            "name": name,
            "jurisdiction": country_of_place(name),
            "at": centre.at,
            "source": ATTRIBUTION,
        },
    )
    owner = None
    if centre.owner is not None and slug(centre.owner):
        owner = asked.known.find("providers", centre.owner) or ensure(
            found, asked.known, "parties", centre.owner, {"name": centre.owner, "source": ATTRIBUTION}
        )
    standing = _standing(stated, centre.current)
    steps: tuple[Plain, ...] = tuple(
        {
            "value": f"{step.power} MW from {step.day.isoformat()}",
            "status": "energised" if step in standing else "announced",
            **({"note": shortened(step.note, 300)} if step.note else {}),
        }
        for step in stated
    )
    found.add(
        "sites",
        slug(name),
        {
            "name": centre.title or name,
            "region": region,
            "owner": owner,
            "status": "energised" if standing else "announced",
            "power": steps,
            "power_is": "facility",
            "pue": {
                "value": Decimal(ASSUMED_PUE),
                "assumed": True,
                "note": "facility power is stated; 1,180 MW at Abilene hold 843 MW of IT",
            },
            "source": f"{ATTRIBUTION}; {file}",
        },
    )


def _standing(steps: list[_Step], current: Decimal | None) -> list[_Step]:
    """The steps up to the last one that states the current power: what has happened by the file's own word."""
    if not current:
        return []
    reached = [n for n, step in enumerate(steps) if step.power <= current]
    return steps[: reached[-1] + 1] if reached else []


def _prices(
    asked: Asked, file: str, rows: list[tuple[int, dict[str, str]]], names: set[str]
) -> dict[str, dict[date, str]]:
    """Dated purchase prices by hardware name; prices by the hour belong to offers, not to hardware."""
    dates, prices = _dates(rows, PRICE_DAY), dict[str, dict[date, str]]()
    for row, cells in rows:
        try:
            name, day, price, count = _price(cells, dates)
        except CellProblem as problem:
            asked.tally.left_out(file, row, problem.reason, problem.example)
            continue
        shown = f"{name}, {day.isoformat()}"
        if name not in names:
            asked.tally.left_out(file, row, "no hardware of this name is beside it", name)
        elif day in prices.setdefault(name, {}):
            asked.tally.left_out(file, row, "an earlier row states a price on this day", shown)
        else:
            each = (price / count).quantize(Decimal("0.01")).normalize()
            prices[name][day] = f"{each:f} USD/accelerator from {day.isoformat()}"
            if count == 1:
                asked.tally.used(file, row)
            else:
                asked.tally.changed(file, row, "the price of several is divided by their number", name)
    return prices


def _price(cells: dict[str, str], dates: Dates) -> tuple[str, date, Decimal, Decimal]:
    """Hardware, day, price, and for how many."""
    price = positive(cells[PURCHASE], PURCHASE)
    if price is None:
        raise CellProblem("no purchase price; a price by the hour is an offer, not the hardware's")
    name, day = _required(cells, PRICED), dates.day(cells[PRICE_DAY], PRICE_DAY)
    if day is None:
        raise CellProblem(f"`{PRICE_DAY}` is empty", name)
    return name, day, price, positive(cells.get("Number of GPUs", ""), "Number of GPUs") or Decimal(1)


def _accelerators(
    found: Found,
    asked: Asked,
    rows: list[tuple[str, int, dict[str, str]]],
    prices: dict[str, dict[date, str]],
) -> None:
    for file, row, cells in rows:
        try:
            name = _required(cells, HARDWARE)
            entry = _accelerator(cells, name, prices.get(name, {}), file)
        except CellProblem as problem:
            asked.tally.left_out(file, row, problem.reason, problem.example)
            continue
        if not slug(name):
            asked.tally.left_out(file, row, "the name leaves no id", name)
        elif asked.known.find("accelerators", name) is not None:
            asked.tally.left_out(file, row, "the estate states this accelerator itself", name)
        elif found.has("accelerators", slug(name)):
            asked.tally.left_out(file, row, "the accelerator stands in an earlier row", name)
        else:
            found.add("accelerators", slug(name), entry)
            asked.tally.used(file, row)


def _accelerator(cells: dict[str, str], name: str, prices: dict[date, str], file: str) -> dict[str, Plain]:
    peak = {
        precision: _flop_rate(rate)
        for precision, column in PEAKS.items()
        if (rate := positive(cells.get(column, ""), column))
    }
    memory, tdp = positive(cells[MEMORY], MEMORY), positive(cells[TDP], TDP)
    released = positive(cells.get(RELEASE_PRICE, ""), RELEASE_PRICE)
    maker = text(cells[MAKER], MAKER)
    price: Plain = tuple(text for _, text in sorted(prices.items()))
    if not price:
        price = f"{released:f} USD/accelerator" if released else None
    return {
        "name": name,
        "vendor": slug(maker) or None if maker else None,
        "peak": {**peak} or None,
        "memory": f"{(memory / _GB).normalize():f} GB" if memory else None,
        "tdp": f"{tdp.normalize():f} W" if tdp else None,
        "price": price,
        "source": f"{ATTRIBUTION}; {file}",
    }


def _flop_rate(rate: Decimal) -> str:
    for size, unit in _PREFIXES:
        if rate >= size:
            return f"{(rate / size).normalize():f} {unit}"
    return f"{rate:f} FLOP/s"
