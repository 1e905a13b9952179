"""SkyPilot catalogs: `InstanceType,AcceleratorName,AcceleratorCount,vCPUs,MemoryGiB,Price,Region,GpuInfo,SpotPrice`."""

from __future__ import annotations

import ast
import json
from decimal import Decimal
from typing import Final, cast

from offtake.adapters.importers.countries import country_of
from offtake.adapters.importers.reading import Asked, Found, ensure, slug
from offtake.adapters.tabular.cells import CellProblem, positive, text
from offtake.adapters.tabular.rows import open_table

NEEDED: Final = ("InstanceType", "AcceleratorName", "AcceleratorCount", "Price", "Region")
CURRENCY: Final = "USD"  # https://docs.skypilot.co: every catalog states prices in US dollars an hour.
_LONGEST_INFO: Final = 4000
_MIB_PER_GB: Final = Decimal(10**9) / Decimal(2**20)
_CENT: Final = Decimal("0.000001")
_DIVIDED: Final = "the instance's price is divided by its accelerators"


def read_skypilot(asked: Asked) -> Found:
    """Products by the accelerator-hour on demand, one for each instance type and region, with what they stand on."""
    found = Found()
    name = asked.provider or (
        asked.path.parent.name if asked.path.stem in ("vms", "catalog") else asked.path.stem
    )
    provider: str | None = None
    seen: dict[str, tuple[int, Decimal]] = {}
    with open_table(asked.path, NEEDED) as table:
        for row, cells in table.rows:
            try:
                if not cells["AcceleratorName"].strip():
                    asked.tally.left_out(table.name, row, "the instance has no accelerator")
                    continue
                offer = _offer(cells)
                provider = provider or ensure(
                    found, asked.known, "providers", name, {"source": f"named in {table.name}"}
                )
                reason = _add(found, asked, provider, offer, table.name, row, seen)
            except CellProblem as problem:
                asked.tally.left_out(table.name, row, problem.reason, problem.example)
                continue
            if reason is not None:
                asked.tally.left_out(table.name, row, reason, f"{offer.instance} in {offer.region}")
            elif offer.count != 1:
                asked.tally.changed(table.name, row, _DIVIDED)
            else:
                asked.tally.used(table.name, row)
    found.notes.append("spot prices are not taken: what may be interrupted is not planned on")
    return found


class _Offer:
    """One row of a catalog."""

    __slots__ = ("accelerator", "count", "info", "instance", "price", "region")

    def __init__(
        self, instance: str, accelerator: str, count: Decimal, price: Decimal, region: str, info: str
    ) -> None:
        self.instance, self.accelerator, self.count = instance, accelerator, count
        self.price, self.region, self.info = price, region, info


def _offer(cells: dict[str, str]) -> _Offer:
    accelerator = text(cells["AcceleratorName"], "AcceleratorName", longest=60)
    instance = text(cells["InstanceType"], "InstanceType", longest=100)
    region = text(cells["Region"], "Region", longest=60)
    count, price = positive(cells["AcceleratorCount"], "AcceleratorCount"), positive(cells["Price"], "Price")
    if not accelerator or not instance or not region:
        raise CellProblem("`InstanceType`, `AcceleratorName` or `Region` is empty")
    if not count:
        raise CellProblem("`AcceleratorCount` is empty or zero", instance)
    if not price:
        raise CellProblem("no price on demand", instance)
    return _Offer(instance, accelerator, count, price, region, cells.get("GpuInfo", ""))


def _add(
    found: Found,
    asked: Asked,
    provider: str,
    offer: _Offer,
    file: str,
    row: int,
    seen: dict[str, tuple[int, Decimal]],
) -> str | None:
    """Adds what an offer says; or the reason why nothing is added."""
    product = slug(f"{provider}-{offer.instance}-{offer.region}")
    if product in seen:
        earlier, price = seen[product]
        same = "the same" if price == offer.price else "another price"
        return f"an earlier row states {same} for this instance and region" if earlier else None
    if asked.known.has("products", product):
        return "the estate states this product itself"
    region = _region(found, asked, provider, offer.region, file)
    if region is None:
        return "the country of the region is not known; add the region to the estate, or map it to one"
    seen[product] = (row, offer.price)
    hour = (offer.price / offer.count).quantize(_CENT).normalize()
    accelerator = ensure(
        found,
        asked.known,
        "accelerators",
        offer.accelerator,
        {"name": offer.accelerator, "memory": _memory(offer.info), "source": f"named in {file}"},
    )
    found.add(
        "products",
        product,
        {
            "kind": "accelerator-hours",
            "provider": provider,
            "region": region,
            "accelerator": accelerator,
            "price": f"{hour:f} {CURRENCY}/accelerator-hour",
            "minimum": int(offer.count) if offer.count == offer.count.to_integral_value() else None,
            "source": f"{file}, row {row}: {offer.instance}",
        },
    )
    return None


def _region(found: Found, asked: Asked, provider: str, name: str, file: str) -> str | None:
    known = asked.known.find("regions", name)
    if known is not None:
        return known
    country = country_of(name)
    if country is None:
        return None
    entry = {"jurisdiction": country, "provider": provider, "name": name, "source": f"named in {file}"}
    return ensure(found, asked.known, "regions", name, entry)


def _memory(info: str) -> str | None:
    """The memory of one accelerator as `GpuInfo` states it: `{'Gpus': [{'MemoryInfo': {'SizeInMiB': 81920}}]}`."""
    if not info.strip() or len(info) > _LONGEST_INFO:
        return None
    try:
        told: object = json.loads(info) if '"' in info else ast.literal_eval(info)
    except (ValueError, SyntaxError, MemoryError, RecursionError):
        return None
    gpus = cast("dict[str, object]", told).get("Gpus") if isinstance(told, dict) else None
    first = cast("list[object]", gpus)[0] if isinstance(gpus, list) and gpus else None
    size = cast("dict[str, object]", first).get("MemoryInfo") if isinstance(first, dict) else None
    mib = cast("dict[str, object]", size).get("SizeInMiB") if isinstance(size, dict) else None
    if not isinstance(mib, int) or not 0 < mib < 10**9:
        return None
    return f"{(Decimal(mib) / _MIB_PER_GB).quantize(Decimal('0.1')).normalize():f} GB"
