"""LiteLLM's `config.yaml`: providers, models, deployments, and the names of keys; never a key's value."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from decimal import Decimal, InvalidOperation
from typing import Final

from offtake.adapters.estate_yaml.folder import read_bytes
from offtake.adapters.estate_yaml.nodes import Place, Plain, SequenceNode, plain
from offtake.adapters.estate_yaml.problems import Unreadable
from offtake.adapters.estate_yaml.source import NodeBudget, parse
from offtake.adapters.importers.countries import country_of
from offtake.adapters.importers.reading import Asked, Found, ensure, slug
from offtake.adapters.tabular.cells import CellProblem
from offtake.adapters.tabular.rows import refuse_if_no_file
from offtake.domain.errors import InvalidInput

CURRENCY: Final = "USD"  # LiteLLM's costs by token are in US dollars.
# A reference to the environment: `os.environ/AZURE_API_KEY`. Anything else behind a key is a value.
_REFERENCE: Final = re.compile(r"os\.environ/([A-Za-z_][A-Za-z0-9_]{0,127})")
_SECRET: Final = re.compile(r"key|secret|token|password|credential", re.IGNORECASE)
_PRICE_KEYS: Final = frozenset(
    {"input_cost_per_token", "output_cost_per_token", "cache_read_input_token_cost"}
)
_NO_SECRETS: Final = _PRICE_KEYS | {"max_tokens", "max_input_tokens", "max_output_tokens"}
_REGIONS: Final = ("region", "region_name", "aws_region_name", "vertex_location", "vertex_ai_location")
_LONGEST: Final = 200


@dataclass(frozen=True)
class _Entry:
    """One item of `model_list`, without anything secret in it."""

    model: str
    provider: str
    served_as: str
    region: str | None
    keys: tuple[str, ...]
    values: bool  # A key's value stands in the file itself.
    prices: Mapping[str, Decimal]
    tokens_per_minute: Decimal | None


def read_litellm(asked: Asked) -> Found:
    """Deployments with the products they draw on; rows are the lines on which the items of `model_list` begin."""
    found, file = Found(), asked.path.name
    items = _model_list(asked)
    keys: dict[str, set[str]] = {}
    exposed = 0
    for item in items.items:
        row = item.place.line
        try:
            entry = _entry(plain(item))
            provider = ensure(found, asked.known, "providers", entry.provider, {"source": f"named in {file}"})
            keys.setdefault(provider, set()).update(entry.keys)
            exposed += entry.values
            _deployment(found, asked, provider, entry, row)
        except CellProblem as problem:
            asked.tally.left_out(file, row, problem.reason, problem.example)
            continue
        if entry.values:
            asked.tally.changed(
                file, row, "without the key's value, which stands in the file itself", entry.model
            )
        else:
            asked.tally.used(file, row)
    for provider, names in sorted(keys.items()):
        added = found.get("providers", provider)
        if names and added is not None:
            added["note"] = "keys in the environment: " + ", ".join(sorted(names))
    if exposed:
        found.notes.append(
            f"{exposed} keys stand in `{file}` by value and were not read; write `os.environ/NAME` instead"
        )
    return found


def _model_list(asked: Asked) -> SequenceNode:
    name = asked.path.name
    refuse_if_no_file(asked.path)
    try:
        content = read_bytes(asked.path, name, Place(name, 1, 1))
        root, _ = parse(content, name, NodeBudget())
    except Unreadable as stop:
        problem = stop.problem
        where = f"{problem.file}:{problem.line}:{problem.column}"
        # A message may show what stands there, and a key may stand there: its code is told, and no more.
        raise InvalidInput(
            f"{where}: the YAML cannot be read here [{problem.code}]", hint=problem.expected
        ) from None
    entry = root.entries.get("model_list")
    if entry is None or not isinstance(entry.node, SequenceNode):
        raise InvalidInput(f"`{name}` has no `model_list`", hint="give LiteLLM's proxy config.yaml")
    return entry.node


def _entry(item: Plain) -> _Entry:
    if not isinstance(item, dict):
        raise CellProblem("the item is not a set of keys and values")
    params, info = item.get("litellm_params"), item.get("model_info")
    if not isinstance(params, dict):
        raise CellProblem("`litellm_params` is missing")
    about = {**params, **(info if isinstance(info, dict) else {})}
    model, served_as = _word(item, "model_name"), _word(params, "model")
    if model is None or served_as is None:
        raise CellProblem("`model_name` or `litellm_params.model` is missing", model or served_as)
    provider = _word(params, "custom_llm_provider")
    if provider is None:
        provider = served_as.split("/", 1)[0] if "/" in served_as else "openai"
    keys, values = _keys(params)
    prices = {key: price for key in _PRICE_KEYS if (price := _decimal(about.get(key))) is not None}
    region = next((word for key in _REGIONS if (word := _word(about, key)) is not None), None)
    return _Entry(model, provider, served_as, region, keys, values, prices, _decimal(about.get("tpm")))


def _word(values: Mapping[str, Plain], key: str) -> str | None:
    """A short text; what is written as a reference to the environment is no text."""
    value = values.get(key)
    if not isinstance(value, str) or not value.strip() or len(value) > _LONGEST or _REFERENCE.match(value):
        return None
    return value.strip()


def _keys(params: Mapping[str, Plain]) -> tuple[tuple[str, ...], bool]:
    """The names of the keys that an item refers to, and whether it holds a key's value."""
    names: list[str] = []
    exposed = False
    for key, value in params.items():
        if key in _NO_SECRETS or not _SECRET.search(key) or value is None:
            continue
        match = _REFERENCE.fullmatch(value) if isinstance(value, str) else None
        if match is not None:
            names.append(match[1])
        else:
            exposed = True
    return tuple(names), exposed


def _decimal(value: Plain) -> Decimal | None:
    if isinstance(value, bool) or not isinstance(value, int | Decimal | str):
        return None
    try:
        found = Decimal(value)
    except InvalidOperation:
        return None
    return found if found.is_finite() and 0 <= found < 10**12 else None


def _deployment(found: Found, asked: Asked, provider: str, entry: _Entry, row: int) -> None:
    region = _region(found, asked, entry)
    base = slug(f"{entry.model}-{provider}-{region}")
    if not base:
        raise CellProblem("the model's name leaves no id", entry.model)
    id = base
    for n in range(2, 1000):
        if not found.has("deployments", id):
            break
        id = f"{base[:60]}-{n}"
    if asked.known.has("deployments", id):
        raise CellProblem("the estate states this deployment itself", id)
    source = f"{asked.path.name}, line {row}"
    model = asked.known.find("models", entry.model) or slug(entry.model)
    product = _product(found, asked, provider, model, entry, id, source)
    _ = ensure(found, asked.known, "models", entry.model, {"name": entry.model, "source": source})
    keys = f"; keys in the environment: {', '.join(entry.keys)}" if entry.keys else ""
    found.add(
        "deployments",
        id,
        {
            "provider": provider,
            "region": region,
            "model": model,
            "products": (product,),
            "source": source,
            "note": f"served as {entry.served_as}{keys}",
        },
    )


def _region(found: Found, asked: Asked, entry: _Entry) -> str:
    name = entry.region or asked.region
    if name is None:
        raise CellProblem("no region; write `region` under `model_info`, or give --region", entry.model)
    known = asked.known.find("regions", name)
    if known is not None:
        return known
    country = country_of(name)
    if country is None:
        raise CellProblem("the country of the region is not known; add the region to the estate", name)
    return ensure(found, asked.known, "regions", name, {"jurisdiction": country, "name": name})


def _product(
    found: Found, asked: Asked, provider: str, model: str, entry: _Entry, deployment: str, source: str
) -> str:
    """The product that a deployment draws on: by the costs of its item, or one of the estate's for the same model."""
    tokens_in, tokens_out = (entry.prices.get(f"{way}_cost_per_token") for way in ("input", "output"))
    if tokens_in is None or tokens_out is None:
        for id, product in asked.known.section("products").items():
            if not isinstance(product, dict) or product.get("provider") != provider:
                continue
            served = product.get("prices") or product.get("throughput")
            if isinstance(served, dict) and model in served:
                return id
        hint = "no price; write input_cost_per_token and output_cost_per_token, or a product for it"
        raise CellProblem(hint, entry.model)
    cached = entry.prices.get("cache_read_input_token_cost")
    limit = entry.tokens_per_minute
    rates = {
        "in": _price(tokens_in),
        "cached": None if cached is None else _price(cached),
        "out": _price(tokens_out),
    }
    id = f"{deployment[:57]}-tokens"
    found.add(
        "products",
        id,
        {
            "kind": "tokens",
            "provider": provider,
            "prices": {model: {key: price for key, price in rates.items() if price is not None}},
            "limit": f"{(limit / 60).quantize(Decimal('0.001')).normalize():f} tokens/s" if limit else None,
            "source": source,
        },
    )
    return id


def _price(per_token: Decimal) -> str:
    return f"{(per_token * 10**6).normalize():f} {CURRENCY} per million tokens"
