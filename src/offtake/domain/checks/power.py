"""Power of sites in steps, and what stands in it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from itertools import pairwise
from typing import Final

from offtake.domain.checks.findings import Finding, Path, error, warning
from offtake.domain.estate import Accelerator, Estate, Site
from offtake.domain.quantities import QuantityError, parse_dated
from offtake.domain.records import Status

_TOLERANCE: Final = Decimal("1.01")
_EXAMPLE: Final = "`147 MW from 2025-06-28`"


@dataclass(frozen=True, slots=True)
class _Step:
    place: int
    begins: date | None
    mw: Decimal
    status: Status


def check_power(estate: Estate) -> Iterator[Finding]:
    """Steps that cannot be read or fall, facility power without a PUE, stock over the power, kinds without
    figures."""
    for id, site in estate.sites.items():
        path: Path = ("sites", id)
        steps, findings = _steps(site, path)
        yield from findings
        yield from _order(steps, path)
        if site.power_is == "facility" and site.pue is None:
            message = "facility power needs `pue` (facility over IT power) to say how much is left for IT"
            yield error("pue", (*path, "power_is"), message, "`pue: 1.25`")
        if site.pue is not None and site.pue.amount < 1:
            yield error("pue", (*path, "pue"), f"a PUE of {site.pue} is below one", "`1.25`")
        if not findings and steps:
            yield from _stock(estate, site, steps, path)
        yield from _builds(estate, site, path)


def _steps(site: Site, path: Path) -> tuple[list[_Step], list[Finding]]:
    steps: list[_Step] = []
    findings: list[Finding] = []
    for place, step in enumerate(site.power):
        where = (*path, "power", place, "value")
        try:
            read = parse_dated(str(step.value), "power")
        except QuantityError as problem:
            findings.append(error("quantity", where, problem.problem, _EXAMPLE))
            continue
        if read.begins is not None and step.begins is not None and read.begins != step.begins:
            message = f"two days are stated: {read.begins} in the value, and `from: {step.begins}`"
            findings.append(error("dates", where, message, _EXAMPLE))
            continue
        steps.append(_Step(place, step.begins or read.begins, read.figure.amount, step.status or site.status))
    return sorted(steps, key=lambda step: step.begins or date.min), findings


def _order(steps: list[_Step], path: Path) -> Iterator[Finding]:
    for before, after in pairwise(steps):
        where = (*path, "power", after.place)
        if before.begins == after.begins:
            day = after.begins or "the beginning"
            yield error("dates", where, f"two steps of power begin on the same day ({day})", _EXAMPLE)
        elif after.mw < before.mw and after.status == before.status:
            fall = f"{before.mw.normalize():f} to {after.mw.normalize():f} MW"
            message = f"power falls from {fall}; a step states the total, not what is added"
            yield warning("power-falls", where, message)


def _stock(estate: Estate, site: Site, steps: list[_Step], path: Path) -> Iterator[Finding]:
    """On each day on which stock or power changes: what stands may not draw more IT power than there is."""
    lacking = sorted(
        {s.accelerator for s in site.stock if _power(estate.accelerators.get(s.accelerator)) is None}
    )
    for kind in lacking:
        if kind in estate.accelerators:
            message = f"the power of `{kind}` is not known, so its stock cannot be set against the site's"
            yield warning("no-power", (*path, "stock"), message, f"`accelerators.{kind}.power`")
    days = {day for stock in site.stock for day in (stock.begins, stock.ends) if day is not None}
    days |= {step.begins for step in steps if step.begins is not None}
    first = min(days, default=estate.horizon.begins)
    for day in sorted({*days, first}):
        there = [s for s in site.stock if (s.begins or first) <= day and (s.ends is None or day < s.ends)]
        drawn = sum(
            (s.count.amount * (_power(estate.accelerators.get(s.accelerator)) or Decimal(0)) for s in there),
            Decimal(0),
        )
        available = _it_mw(site, steps, day)
        if drawn > available * _TOLERANCE:
            message = (
                f"on {day} its stock draws {drawn:,.1f} MW of IT power, and {available:,.1f} MW are there"
            )
            yield warning("over-power", (*path, "stock"), message)
            return


def _power(accelerator: Accelerator | None) -> Decimal | None:
    return None if accelerator is None or accelerator.power is None else accelerator.power.amount


def _it_mw(site: Site, steps: list[_Step], day: date) -> Decimal:
    mw = Decimal(0)
    for step in steps:
        if step.begins is None or step.begins <= day:
            mw = step.mw
    if site.power_is == "facility" and site.pue is not None and site.pue.amount > 0:
        return mw / site.pue.amount
    return mw


def _builds(estate: Estate, site: Site, path: Path) -> Iterator[Finding]:
    for place, kind in enumerate(site.builds):
        accelerator = estate.accelerators.get(kind)
        if accelerator is None:
            continue
        missing = [key for key in ("power", "price", "life") if getattr(accelerator, key) is None]
        if missing:
            keys = " and ".join(f"`{key}`" for key in missing)
            message = f"`{kind}` is to be built in, and its {keys} is not stated"
            yield error(
                "figures-missing", (*path, "builds", place), message, f"{keys} under `accelerators.{kind}`"
            )
    if site.builds and not site.power:
        message = "accelerators may be built in, and no power is stated for them"
        yield warning("no-power", (*path, "builds"), message, "`power: 100 MW from 2026-01-01`")
