"""Every id that an entry refers to exists."""

from __future__ import annotations

import heapq
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Final, cast

from pydantic import BaseModel

from offtake.domain.actuals import PaidPrice
from offtake.domain.agreements import Agreement
from offtake.domain.areas import ANYWHERE, KNOWN
from offtake.domain.checks.findings import Finding, Path, close_match, listed
from offtake.domain.checks.walk import clauses, records
from offtake.domain.clauses import (
    Budget,
    Commitment,
    Exclusivity,
    FirstRefusal,
    Governance,
    LaunchPriority,
    Licence,
    Price,
    Residency,
)
from offtake.domain.estate import (
    AcceleratorHours,
    Deployment,
    Estate,
    Fund,
    Model,
    PowerStep,
    Programme,
    Provider,
    ProvisionedUnits,
    Region,
    Site,
    Stock,
    TokensByUse,
)
from offtake.domain.events import Event, HolderAnswer
from offtake.domain.finance import Debt, Equity, Financing, Prepayment
from offtake.domain.selection import Selection
from offtake.domain.usage import Usage, UserRegion
from offtake.domain.workloads import InferenceClass, Traffic, TrainingRun

MAXIMUM_SEARCHES: Final = 200  # Names for which the nearest id is looked for.
_LISTED: Final = 6

_PARTY: Final = ("parties", "providers")  # A provider without a party is a party itself.
_WHOLE: Final = ("programmes", "sites", "funds", "agreements")
_SUBJECT: Final = ("models", "deployments", "products", "sites", "providers")
_COUNTRY: Final = re.compile("[A-Z]{2}")

# For each record, its keys that refer to entries, and the sections in which those may stand.
REFERENCES: Final[Mapping[type[BaseModel], Mapping[str, tuple[str, ...]]]] = {
    Estate: {"for": _PARTY, "finance": _PARTY},
    Provider: {"party": ("parties",)},
    Region: {"provider": ("providers",)},
    Stock: {"accelerator": ("accelerators",)},
    Site: {
        "region": ("regions",),
        "provider": ("providers",),
        "owner": _PARTY,
        "payer": _PARTY,
        "payee": _PARTY,
        "tenant": _PARTY,
        "part_of": _WHOLE,
        "builds": ("accelerators",),
    },
    AcceleratorHours: {
        "provider": ("providers",),
        "region": ("regions",),
        "site": ("sites",),
        "accelerator": ("accelerators",),
        "payer": _PARTY,
        "payee": _PARTY,
        "part_of": _WHOLE,
    },
    ProvisionedUnits: {
        "provider": ("providers",),
        "throughput": ("models",),
        "payer": _PARTY,
        "payee": _PARTY,
    },
    TokensByUse: {"provider": ("providers",), "prices": ("models",), "payer": _PARTY, "payee": _PARTY},
    Model: {"rates": ("accelerators",)},
    Deployment: {
        "provider": ("providers",),
        "region": ("regions",),
        "model": ("models",),
        "products": ("products",),
    },
    PowerStep: {"part_of": _WHOLE},
    Fund: {"party": _PARTY, "part_of": _WHOLE},
    Programme: {"part_of": _WHOLE},
    Financing: {"consolidates": _PARTY},
    Equity: {"provider": _PARTY, "after": ("events",)},
    Debt: {"provider": _PARTY, "after": ("events",)},
    Prepayment: {"provider": _PARTY, "after": ("events",)},
    Agreement: {"between": _PARTY, "part_of": _WHOLE},
    TrainingRun: {"party": _PARTY, "model": ("models",), "accelerators": ("accelerators",)},
    InferenceClass: {"party": _PARTY, "models": ("models",), "profile": ("hours",)},
    Traffic: {"region": ("regions",), "profile": ("hours",)},
    Usage: {"profile": ("profiles",)},
    UserRegion: {"region": ("regions",), "profile": ("profiles",)},
    Event: {"about": _SUBJECT},
    PaidPrice: {"provider": ("providers",), "product": ("products",), "model": ("models",)},
    HolderAnswer: {"products": ("products", "sites", "deployments")},
    FirstRefusal: {"holder": _PARTY},
    Exclusivity: {"to": ("providers",)},
    Commitment: {"payer": _PARTY, "payee": _PARTY},
    Budget: {"payer": _PARTY, "fund": ("funds",)},
    Licence: {"licensee": _PARTY},
    Governance: {"on_event": ("events",), "ends_rights_of": _PARTY},
    LaunchPriority: {"first": ("providers",), "unless_event": ("events",)},
    Price: {"payer": _PARTY, "payee": _PARTY},
    Selection: {
        "workloads": ("workloads",),
        "parties": _PARTY,
        "models": ("models",),
        "client_regions": ("regions",),
        "providers": ("providers",),
        "owners": _PARTY,
        "sites": ("sites",),
        "regions": ("regions",),
        "accelerators": ("accelerators",),
        "products": ("products",),
        "deployments": ("deployments",),
    },
}
_EVERY_CLAUSE: Final = {"until_event": ("events",)}
_PLACES: Final = ("may_process_in", "rests_in", "logs_in")


class _Ids:
    """The ids of an estate by section, and a bounded search for the one that was meant."""

    def __init__(self, estate: Estate) -> None:
        self._estate = estate
        self._known: dict[tuple[str, ...], frozenset[str]] = {}
        self._meant: dict[tuple[str, tuple[str, ...]], str | None] = {}

    def of(self, sections: tuple[str, ...]) -> frozenset[str]:
        """The ids in some sections together."""
        if sections not in self._known:
            entries = (cast("Mapping[str, object]", getattr(self._estate, section)) for section in sections)
            self._known[sections] = frozenset(id for section in entries for id in section)
        return self._known[sections]

    def meant(self, name: str, sections: tuple[str, ...]) -> str | None:
        """The id most likely meant; None too once MAXIMUM_SEARCHES names were looked for."""
        key = (name, sections)
        if key not in self._meant and len(self._meant) < MAXIMUM_SEARCHES:
            self._meant[key] = close_match(name, self.of(sections))
        return self._meant.get(key)

    def unknown(
        self, path: Path, name: str, sections: tuple[str, ...], *, at_key: bool = False
    ) -> Iterator[Finding]:
        """The finding that an id does not exist, if it does not."""
        known = self.of(sections)
        if name in known:
            return
        section = sections[0]
        what = {"parties": "party", "hours": "typical hour"}.get(section, section[:-1])
        expected = listed(heapq.nsmallest(_LISTED, known)) if known else f"an entry under `{section}:`"
        if len(known) > _LISTED:
            expected += f" and {len(known) - _LISTED} more"
        message = f"there is no {what} `{name}`"
        yield Finding(
            "error", "unknown-reference", path, message, expected, self.meant(name, sections), at_key
        )


def check_references(estate: Estate) -> Iterator[Finding]:
    """Dangling references, each with the id that was most likely meant."""
    ids = _Ids(estate)
    for path, record in records(estate):
        keys = {**REFERENCES.get(type(record), {})}
        if "until_event" in type(record).model_fields:
            keys |= _EVERY_CLAUSE
        for key, targets in keys.items():
            yield from _dangling(path, record, key, targets, ids)
        for key in _PLACES:
            if key in type(record).model_fields:
                yield from _places(estate, (*path, key), getattr(record, key) or ())
    yield from _round_trips(estate, ids)
    yield from _areas(estate)
    yield from _labels(estate)
    for path, id, _, clause in clauses(estate):
        if isinstance(clause, Residency):
            yield from _places(estate, (*path, "boundary"), clause.boundary)
        if isinstance(clause, Commitment) and clause.within is not None:
            yield from _within(estate, path, id, clause.within)


def _attribute(record: BaseModel, key: str) -> object:
    named = (name for name, info in type(record).model_fields.items() if key in (info.alias, name))
    value: object = getattr(record, next(named))
    return value


def _dangling(
    path: Path, record: BaseModel, key: str, targets: tuple[str, ...], ids: _Ids
) -> Iterator[Finding]:
    value = _attribute(record, key)
    if isinstance(value, str):
        yield from ids.unknown((*path, key), value, targets)
    elif isinstance(value, dict):
        for name in cast("dict[str, object]", value):
            yield from ids.unknown((*path, key, name), name, targets, at_key=True)
    elif isinstance(value, tuple):
        for place, name in enumerate(cast("tuple[str, ...]", value)):
            yield from ids.unknown((*path, key, place), name, targets)


def _places(estate: Estate, path: Path, names: Iterable[str]) -> Iterator[Finding]:
    for place, name in enumerate(names):
        if name not in estate.regions and not _is_place(estate, name):
            known = {*estate.areas, *KNOWN, *estate.regions, "global", ANYWHERE}
            message = f"`{name}` is no area, region or country code"
            expected = f"{listed(sorted(known - {ANYWHERE}))}, or a code such as `DE`"
            yield Finding(
                "error", "unknown-place", (*path, place), message, expected, close_match(name, known)
            )


def _is_place(estate: Estate, name: str) -> bool:
    return (
        name in estate.areas
        or name in KNOWN
        or name in ("global", ANYWHERE)
        or bool(_COUNTRY.fullmatch(name))
    )


def _areas(estate: Estate) -> Iterator[Finding]:
    for area, codes in estate.areas.items():
        for place, code in enumerate(codes):
            if not _COUNTRY.fullmatch(code):
                message = f"`{code}` is no country code"
                yield Finding(
                    "error", "unknown-place", ("areas", area, place), message, "a code such as `DE`"
                )


def _round_trips(estate: Estate, ids: _Ids) -> Iterator[Finding]:
    for client, row in estate.latency.pairs.items():
        yield from ids.unknown(("latency", "pairs", client), client, ("regions",), at_key=True)
        for supply in row:
            path = ("latency", "pairs", client, supply)
            yield from ids.unknown(path, supply, ("regions",), at_key=True)


def _within(estate: Estate, path: Path, id: str, name: str) -> Iterator[Finding]:
    known: dict[str, str] = {}
    for other_path, other, _, clause in clauses(estate):
        if isinstance(clause, Commitment) and other_path != path:
            key = str(other_path[-1])
            known[f"{other}.{key}"] = f"{other}.{key}"
            if other == id:
                known[key] = f"{id}.{key}"
    if name not in known:
        message = f"there is no other commitment `{name}` in `{id}`, nor elsewhere"
        expected = listed(sorted(known)) if known else None
        yield Finding(
            "error", "unknown-reference", (*path, "within"), message, expected, close_match(name, known)
        )


def _labels(estate: Estate) -> Iterator[Finding]:
    """Free words that look like a misspelling of one that the estate uses."""
    inference = [w for w in estate.workloads.values() if isinstance(w, InferenceClass)]
    used = {
        "vendors": {model.vendor for model in estate.models.values()},
        "tags": {tag for model in estate.models.values() for tag in model.tags},
        "channels": {workload.channel for workload in inference},
        "customers": {workload.customer for workload in inference},
        "data_classes": {workload.data_class for workload in estate.workloads.values()},
    }
    for path, record in records(estate.agreements, ("agreements",)):
        if not isinstance(record, Selection | Residency):
            continue
        for key, words in used.items():
            known = sorted(word for word in words if word is not None)
            for place, word in enumerate(cast("tuple[str, ...]", getattr(record, key, ()))):
                meant = None if word in known else close_match(word, known)
                if meant is not None:
                    message = f"nothing in the estate has `{word}`"
                    yield Finding("warning", "unknown-word", (*path, key, place), message, None, meant)
