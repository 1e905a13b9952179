"""The sheets of a workbook: which sections they hold, and which lists and mappings have sheets of their own."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Literal, get_args

from pydantic import BaseModel

from offtake.adapters.estate_yaml.shape import keys_of
from offtake.domain import actuals, agreements, clauses, estate, events, usage, workloads
from offtake.domain.records import Entry

MAXIMUM_ROWS: Final = 50_000  # Of one sheet.
MAXIMUM_COLUMNS: Final = 400
SETTINGS: Final = "estate"
README: Final = "read me"
LATENCY: Final = "latency"
PRICES: Final = "prices"
CLAUSES: Final = "clauses"

COMMON: Final = tuple(Entry.model_fields)
# Keys whose texts are days, in whatever style they are written.
DAYS: Final = frozenset({"from", "until", "signed", "date", "launched", "announced"})


@dataclass(frozen=True, slots=True)
class Section:
    """A sheet of entries by id; or of a list's items, if `ids` is false."""

    name: str
    keys: tuple[str, ...]
    ids: bool = True


@dataclass(frozen=True, slots=True)
class Inner:
    """A sheet of what stands inside the entries of a section: items of a list, or a mapping's entries by `each`."""

    sheet: str
    section: str
    key: str
    parent: str
    keys: tuple[str, ...]
    each: str | None = None


def _keys(*models: type[BaseModel]) -> tuple[str, ...]:
    """The keys of some models as people write them; those that every entry has come last."""
    every = dict.fromkeys(key for model in models for key in keys_of(model))
    return (*(key for key in every if key not in COMMON), *(key for key in COMMON if key in every))


def _union(union: object) -> tuple[type[BaseModel], ...]:
    return get_args(get_args(union)[0])


CLAUSE_KEYS: Final = _keys(*_union(clauses.AnyClause))

SECTIONS: Final = (
    Section("hours", _keys(estate.TypicalHour)),
    Section("parties", _keys(estate.Party)),
    Section("providers", _keys(estate.Provider)),
    Section("regions", _keys(estate.Region)),
    Section("accelerators", _keys(estate.Accelerator)),
    Section("sites", _keys(estate.Site)),
    Section("products", _keys(*_union(estate.Product))),
    Section("models", _keys(estate.Model)),
    Section("deployments", _keys(estate.Deployment)),
    Section("profiles", _keys(usage.WeeklyProfile)),
    Section("workloads", _keys(*_union(workloads.Workload))),
    Section("funds", _keys(estate.Fund)),
    Section("programmes", _keys(estate.Programme)),
    Section("agreements", _keys(agreements.Agreement)),
    Section("events", _keys(events.Event)),
    Section("answers", _keys(events.HolderAnswer), ids=False),
    Section("readings", _keys(actuals.MeterReading), ids=False),
    Section("paid", _keys(actuals.PaidPrice), ids=False),
)

INNER: Final = (
    Inner("power", "sites", "power", "site", _keys(estate.PowerStep)),
    Inner("stock", "sites", "stock", "site", _keys(estate.Stock)),
    Inner("held", "products", "held", "product", _keys(estate.Held)),
    Inner("throughput", "products", "throughput", "product", _keys(estate.Throughput), "model"),
    Inner("rates", "models", "rates", "model", _keys(estate.Rate), "accelerator"),
    Inner("traffic", "workloads", "traffic", "workload", _keys(workloads.Traffic)),
    Inner("amendments", "agreements", "amendments", "agreement", _keys(agreements.Amendment)),
)

PRICE_KEYS: Final = ("price", "from", *COMMON)
PRICE_COLUMNS: Final = ("product", "model", "tokens", *PRICE_KEYS)
CLAUSE_COLUMNS: Final = ("agreement", "amendment", "clause", *CLAUSE_KEYS)

Group = Literal["supply", "need", "prices", "agreements", "events"]
GROUPS: Final[dict[Group, tuple[str, ...]]] = {
    "supply": (
        "providers", "regions", "latency", "accelerators", "sites", "power", "stock", "products", "held",
        "throughput", "models", "rates", "deployments",
    ),
    "need": ("hours", "profiles", "workloads", "traffic"),
    "prices": ("prices", "paid"),
    "agreements": ("parties", "programmes", "funds", "agreements", "amendments", "clauses", "readings"),
    "events": ("events", "answers"),
}  # fmt: skip


def inner_keys(section: str) -> frozenset[str]:
    """The keys of a section's entries that have sheets of their own."""
    found = {inner.key for inner in INNER if inner.section == section}
    if section == "products":
        found |= {"price", "prices"}
    if section == "agreements":
        found |= {"clauses"}
    return frozenset(found)


def columns_of(sheet: str) -> tuple[str, ...] | None:
    """The columns of a sheet, None if it is not of the template. The latency sheet's are regions."""
    if sheet == SETTINGS:
        return ("key", "value")
    if sheet == PRICES:
        return PRICE_COLUMNS
    if sheet == CLAUSES:
        return CLAUSE_COLUMNS
    for section in SECTIONS:
        if section.name == sheet:
            return _section_columns(section)
    for inner in INNER:
        if inner.sheet == sheet:
            return tuple(_without_none(inner.parent, inner.each, *(k for k in inner.keys if k != "clauses")))
    return None


def _section_columns(section: Section) -> tuple[str, ...]:
    own = inner_keys(section.name)
    keys = tuple(key for key in section.keys if key not in own)
    return ("id", *keys) if section.ids else keys


def _without_none(*names: str | None) -> Iterable[str]:
    return (name for name in names if name is not None)


def sheets() -> tuple[str, ...]:
    """Every sheet of the template, in order."""
    return (SETTINGS, *(name for names in GROUPS.values() for name in names))
