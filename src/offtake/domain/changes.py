"""Estates changed by a supposition: delayed, repriced, defaulted, scaled. Pure: the estate given is left as it is."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from decimal import Decimal
from typing import TypeVar

from pydantic import BaseModel

from offtake.domain.agreements import Agreement
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import AcceleratorHours, Estate, PowerStep, ProvisionedUnits, Site, TokensByUse
from offtake.domain.moving import Factor, scaled
from offtake.domain.quantities import Figure, QuantityError, Series, Span, parse_dated, parse_span
from offtake.domain.records import Entry
from offtake.domain.workloads import InferenceClass, TrainingRun

Model = TypeVar("Model", bound=BaseModel)


@dataclass(frozen=True, slots=True)
class Delay:
    """What a site or product has still to bring comes so much later."""

    target: str
    by: Span


@dataclass(frozen=True, slots=True)
class Reprice:
    """Prices of an accelerator, product, provider or site change by a factor."""

    target: str
    factor: Factor


@dataclass(frozen=True, slots=True)
class Default:
    """A party or provider stops delivering on a day: its supply, its commitments and the payments for them end."""

    target: str
    on: date


@dataclass(frozen=True, slots=True)
class Scale:
    """A workload's demand (or, as `all`, every one's) is multiplied."""

    target: str
    factor: Factor


Change = Delay | Reprice | Default | Scale


# Reading suppositions ------------------------------------------------------------------------------------------------


def read_delay(text: str) -> Delay:
    """`abilene=2Q`, `narvik=6 months`. Raises InvalidInput."""
    target, by = _halves(text, "abilene=2Q")
    try:
        return Delay(target, parse_span(by))
    except QuantityError as error:
        raise InvalidInput(
            f"--delay {text}: {error.problem}", hint="write something like abilene=2Q"
        ) from None


def read_price(text: str) -> Reprice:
    """`h100=-30%`. Raises InvalidInput."""
    target, by = _halves(text, "h100=-30%")
    match = re.fullmatch(r"([+-]?\d{1,6}(?:\.\d{1,6})?)\s*%", by)
    if match is None or Decimal(match[1]) < -100:
        raise InvalidInput(
            f"--price {text}: `{by}` is not a change in percent", hint="write something like h100=-30%"
        )
    return Reprice(target, 1 + Decimal(match[1]) / 100)


def read_default(text: str) -> Default:
    """`oracle=2027-01` or a day. Raises InvalidInput."""
    target, on = _halves(text, "oracle=2027-01")
    try:
        return Default(target, date.fromisoformat(on if len(on) > 7 else f"{on}-01"))
    except ValueError:
        raise InvalidInput(
            f"--default {text}: `{on}` is not a day", hint="write something like oracle=2027-01"
        ) from None


def read_scale(text: str) -> Scale:
    """`demand.chat=1.5`, `demand=0.8`. Raises InvalidInput."""
    target, by = _halves(text, "demand.chat=1.5")
    if not re.fullmatch(r"\d{1,6}(?:\.\d{1,6})?", by) or not re.fullmatch(r"demand(?:\..+)?", target):
        raise InvalidInput(f"--scale {text} cannot be read", hint="write something like demand.chat=1.5")
    return Scale(target.removeprefix("demand").removeprefix(".") or "all", Decimal(by))


def _halves(text: str, example: str) -> tuple[str, str]:
    target, sign, value = text.partition("=")
    if not sign or not target.strip() or not value.strip() or len(text) > 200:
        raise InvalidInput(f"`{text[:200]}` cannot be read", hint=f"write something like {example}")
    return target.strip(), value.strip()


# Changing estates ----------------------------------------------------------------------------------------------------


def changed(estate: Estate, changes: Sequence[Change]) -> Estate:
    """The estate with every change made, in order. Raises InvalidInput for a target that it does not hold."""
    for change in changes:
        if isinstance(change, Delay):
            estate = _delayed(estate, change)
        elif isinstance(change, Reprice):
            estate = _repriced(estate, change)
        elif isinstance(change, Default):
            estate = _defaulted(estate, change)
        else:
            estate = _scaled_demand(estate, change)
    return estate


def _with(model: Model, **fields: object) -> Model:
    return model.model_copy(update=fields)


def _unknown(kind: str, target: str, known: Sequence[str]) -> InvalidInput:
    from difflib import get_close_matches

    near = get_close_matches(target, known, n=1)
    hint = f"did you mean `{near[0]}`?" if near else f"the estate has: {', '.join(sorted(known)[:30])}"
    return InvalidInput(f"nothing to {kind} is called `{target}`", hint=hint)


def _later(day: date | None, by: Span) -> date | None:
    return None if day is None else by.after(day)


def _delayed(estate: Estate, change: Delay) -> Estate:
    if change.target in estate.sites:
        site = estate.sites[change.target]
        stock = tuple(
            one if one.status == "energised" else _with(one, begins=_later(one.begins, change.by))
            for one in site.stock
        )
        power = tuple(_delayed_step(site, step, change.by) for step in site.power)
        return _with(estate, sites={**estate.sites, change.target: _with(site, stock=stock, power=power)})
    if change.target in estate.products:
        product = estate.products[change.target]
        begins = _later(product.begins or estate.horizon.begins, change.by)
        later = _with(product, begins=begins)
        if isinstance(later, AcceleratorHours | ProvisionedUnits):
            later = _with(
                later, held=tuple(_with(one, begins=_later(one.begins, change.by)) for one in later.held)
            )
        return _with(estate, products={**estate.products, change.target: later})
    raise _unknown("delay", change.target, [*estate.sites, *estate.products])


def _delayed_step(site: Site, step: PowerStep, by: Span) -> PowerStep:
    """Power that is energised stands; the rest comes later."""
    if (step.status or site.status) == "energised":
        return step
    read = parse_dated(str(step.value), "power")
    return _with(step, value=read.figure.text, begins=_later(step.begins or read.begins, by))


def _repriced(estate: Estate, change: Reprice) -> Estate:
    target, factor = change.target, change.factor
    providers = {target} | {id for id, one in estate.providers.items() if one.party == target}
    accelerators = {
        id: _priced(one, factor, ("price",)) if id == target else one
        for id, one in estate.accelerators.items()
    }
    products = {
        id: _priced_product(one, factor)
        if id == target or one.provider in providers or getattr(one, "accelerator", None) == target
        else one
        for id, one in estate.products.items()
    }
    sites = {
        id: _priced(one, factor, ("rent", "energy_price", "other_operations")) if id == target else one
        for id, one in estate.sites.items()
    }
    known = [*estate.accelerators, *estate.products, *estate.providers, *estate.sites]
    if target not in known and not any(one.party == target for one in estate.providers.values()):
        raise _unknown("reprice", target, known)
    return _with(estate, accelerators=accelerators, products=products, sites=sites)


def _priced(entry: Model, factor: Factor, fields: Sequence[str], on: date | None = None) -> Model:
    update: dict[str, object] = {}
    for name in fields:
        value: Figure | Series | None = getattr(entry, name)
        if value is not None:
            update[name] = scaled(value, factor, on)
    return entry.model_copy(update=update)


def _priced_product(
    product: AcceleratorHours | ProvisionedUnits | TokensByUse, factor: Factor
) -> AcceleratorHours | ProvisionedUnits | TokensByUse:
    if isinstance(product, TokensByUse):
        prices = {
            id: _priced(rates, factor, ("tokens_in", "cached", "tokens_out"))
            for id, rates in product.prices.items()
        }
        return _with(product, prices=prices)
    return _priced(product, factor, ("price",))


def _defaulted(estate: Estate, change: Default) -> Estate:
    """Sites lose their power, products and deployments end, and so do clauses by which the defaulter is paid."""
    providers = {change.target} | {id for id, one in estate.providers.items() if one.party == change.target}
    known = [*estate.parties, *estate.providers]
    if change.target not in known:
        raise _unknown("default", change.target, known)
    sites = {
        id: _dark(site, change.on) if site.owner == change.target or site.provider in providers else site
        for id, site in estate.sites.items()
    }
    products = {
        id: _ended(product, change.on) if product.provider in providers else product
        for id, product in estate.products.items()
    }
    deployments = {
        id: _ended(one, change.on) if one.provider in providers else one
        for id, one in estate.deployments.items()
    }
    agreements = {id: _unbound(one, change) for id, one in estate.agreements.items()}
    return _with(estate, sites=sites, products=products, deployments=deployments, agreements=agreements)


def _earlier(one: date | None, other: date) -> date:
    return other if one is None else min(one, other)


def _ended(entry: Model, on: date) -> Model:
    update: dict[str, object] = {"ends": _earlier(getattr(entry, "ends", None), on)}
    if isinstance(entry, AcceleratorHours | ProvisionedUnits):
        update["held"] = tuple(_with(one, ends=_earlier(one.ends, on)) for one in entry.held)
    return entry.model_copy(update=update)


def _dark(site: Site, on: date) -> Site:
    steps = tuple(step for step in site.power if (_step_begins(step) or date.min) < on)
    stock = tuple(_with(one, ends=_earlier(one.ends, on)) for one in site.stock)
    return _with(
        site,
        power=(*steps, PowerStep.model_validate({"value": "0 MW", "from": on, "status": "energised"})),
        stock=stock,
    )


def _step_begins(step: PowerStep) -> date | None:
    return step.begins or parse_dated(str(step.value), "power").begins


def _unbound(agreement: Agreement, change: Default) -> Agreement:
    """Clauses that pay the defaulter, or ask it first, end with it."""
    if change.target not in agreement.between:
        return agreement

    def ends(clause: Entry) -> bool:
        return change.target in (getattr(clause, "payee", None), getattr(clause, "holder", None))

    clauses = {
        id: _with(clause, ends=_earlier(clause.ends, change.on)) if ends(clause) else clause
        for id, clause in agreement.clauses.items()
    }
    amendments = tuple(
        _with(
            one,
            clauses={
                id: _with(clause, ends=_earlier(clause.ends, change.on)) if ends(clause) else clause
                for id, clause in one.clauses.items()
            },
        )
        for one in agreement.amendments
    )
    return _with(agreement, clauses=clauses, amendments=amendments)


def _scaled_demand(estate: Estate, change: Scale) -> Estate:
    if change.target != "all" and change.target not in estate.workloads:
        raise _unknown("scale", f"demand.{change.target}", [f"demand.{id}" for id in estate.workloads])
    fields = ("flop", "tokens")
    workloads: dict[str, TrainingRun | InferenceClass] = {}
    for id, workload in estate.workloads.items():
        if change.target not in ("all", id):
            workloads[id] = workload
        elif isinstance(workload, InferenceClass):
            rows = tuple(_priced(row, change.factor, ("tokens_in", "tokens_out")) for row in workload.traffic)
            workloads[id] = _with(workload, traffic=rows)
        else:
            moved = fields if workload.flop is None else ("flop",)
            workloads[id] = _priced(workload, change.factor, moved, workload.window.begins)
    return _with(estate, workloads=workloads)
