"""Every id that an entry refers to exists."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Iterator, Mapping
from typing import Final, cast

from pydantic import BaseModel

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
    Programme,
    Provider,
    ProvisionedUnits,
    Region,
    Site,
    Stock,
    TokensByUse,
)
from offtake.domain.events import Event, HolderAnswer
from offtake.domain.selection import Selection
from offtake.domain.workloads import InferenceClass, Traffic, TrainingRun

_PARTY: Final = ("parties", "providers")  # A provider without a party is a party itself.
_WHOLE: Final = ("programmes", "sites", "funds", "agreements")
_SUBJECT: Final = ("models", "deployments", "products", "sites", "providers")
_COUNTRY: Final = re.compile("[A-Z]{2}")

# For each record, its keys that refer to entries, and the sections in which those may stand.
REFERENCES: Final[Mapping[type[BaseModel], Mapping[str, tuple[str, ...]]]] = {
    Estate: {"for": _PARTY},
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
    Fund: {"party": _PARTY, "part_of": _WHOLE},
    Programme: {"part_of": _WHOLE},
    Agreement: {"between": _PARTY, "part_of": _WHOLE},
    TrainingRun: {"party": _PARTY, "model": ("models",), "accelerators": ("accelerators",)},
    InferenceClass: {"party": _PARTY, "models": ("models",), "profile": ("hours",)},
    Traffic: {"region": ("regions",), "profile": ("hours",)},
    Event: {"about": _SUBJECT},
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


def check_references(estate: Estate) -> Iterator[Finding]:
    """Dangling references, each with the id that was most likely meant."""
    sections = {key: cast("Mapping[str, object]", getattr(estate, key)) for key in _section_names()}
    for path, record in records(estate):
        keys = {**REFERENCES.get(type(record), {})}
        if "until_event" in type(record).model_fields:
            keys |= _EVERY_CLAUSE
        for key, targets in keys.items():
            yield from _dangling(path, record, key, targets, sections)
        for key in _PLACES:
            if key in type(record).model_fields:
                yield from _places(estate, (*path, key), getattr(record, key) or ())
    yield from _round_trips(estate)
    yield from _areas(estate)
    yield from _labels(estate)
    for path, id, _, clause in clauses(estate):
        if isinstance(clause, Residency):
            yield from _places(estate, (*path, "boundary"), clause.boundary)
        if isinstance(clause, Commitment) and clause.within is not None:
            yield from _within(estate, path, id, clause.within)


def _section_names() -> tuple[str, ...]:
    return tuple(
        dict.fromkeys(name for keys in REFERENCES.values() for names in keys.values() for name in names)
    )


def _attribute(record: BaseModel, key: str) -> object:
    named = (name for name, info in type(record).model_fields.items() if key in (info.alias, name))
    return getattr(record, next(named))


def _dangling(
    path: Path,
    record: BaseModel,
    key: str,
    targets: tuple[str, ...],
    sections: Mapping[str, Mapping[str, object]],
) -> Iterator[Finding]:
    value = _attribute(record, key)
    known = [name for target in targets for name in sections[target]]
    if isinstance(value, str):
        yield from _unknown((*path, key), value, known, targets[0])
    elif isinstance(value, dict):
        for name in cast("dict[str, object]", value):
            yield from _unknown((*path, key, name), name, known, targets[0], at_key=True)
    elif isinstance(value, tuple):
        for place, name in enumerate(cast("tuple[str, ...]", value)):
            yield from _unknown((*path, key, place), name, known, targets[0])


def _unknown(
    path: Path, name: str, known: Collection[str], section: str, *, at_key: bool = False
) -> Iterator[Finding]:
    if name not in known:
        what = {"parties": "party", "hours": "typical hour", "programmes": "programme"}.get(
            section, section[:-1]
        )
        expected = listed(sorted(set(known))) if known else f"an entry under `{section}:`"
        message = f"there is no {what} `{name}`"
        yield Finding("error", "unknown-reference", path, message, expected, close_match(name, known), at_key)


def _places(estate: Estate, path: Path, names: Iterable[str]) -> Iterator[Finding]:
    known = {*estate.areas, *KNOWN, *estate.regions, "global", ANYWHERE}
    for place, name in enumerate(names):
        if name not in known and not _COUNTRY.fullmatch(name):
            message = f"`{name}` is no area, region or country code"
            expected = f"{listed(sorted(known - {ANYWHERE}))}, or a code such as `DE`"
            yield Finding(
                "error", "unknown-place", (*path, place), message, expected, close_match(name, known)
            )


def _areas(estate: Estate) -> Iterator[Finding]:
    for area, codes in estate.areas.items():
        for place, code in enumerate(codes):
            if not _COUNTRY.fullmatch(code):
                message = f"`{code}` is no country code"
                yield Finding(
                    "error", "unknown-place", ("areas", area, place), message, "a code such as `DE`"
                )


def _round_trips(estate: Estate) -> Iterator[Finding]:
    for client, row in estate.latency.pairs.items():
        yield from _unknown(("latency", "pairs", client), client, estate.regions, "regions", at_key=True)
        for supply in row:
            path = ("latency", "pairs", client, supply)
            yield from _unknown(path, supply, estate.regions, "regions", at_key=True)


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
