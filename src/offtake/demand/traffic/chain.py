"""From people to accelerators in one chain: users, requests, tokens, tokens a second, accelerators, power, money.

Each link says how it follows from the one before and where its own number was read, for a page to show.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Final

from offtake.demand.links import Link, provenance
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Accelerator, Estate, Rate
from offtake.domain.week import SECONDS_PER_DAY
from offtake.domain.workloads import InferenceClass, Traffic

DAYS_PER_YEAR: Final = 365.25


@dataclass(frozen=True, slots=True)
class HourLoad:
    """Tokens a second, in and out, of a class in one typical hour, all its regions together."""

    hour: str
    tokens_per_s: float


@dataclass(frozen=True, slots=True)
class RegionLoad:
    """A client region's part: mean tokens a second in and out, and the load of typical hours relative to it."""

    region: str
    tokens_in_per_s: float
    tokens_out_per_s: float
    profile: tuple[tuple[str, float], ...]


@dataclass(frozen=True, slots=True)
class InferenceChain:
    """A class's need on a day. `accelerator` is None where no accelerator with a rate for its models is known."""

    workload: str
    on: date
    model: str
    accelerator: str | None
    links: tuple[Link, ...]
    regions: tuple[RegionLoad, ...]
    hours: tuple[HourLoad, ...]


def inference_chain(
    estate: Estate, workload_id: str, on: date, accelerator: str | None = None
) -> InferenceChain:
    """The chain of one class on a day; `estate` is one that was loaded, so that its traffic is made.

    The model is the first that the class accepts; the accelerator is the one named, or else the one that needs least
    power (each counts the same where none is stated). Raises InvalidInput if there is no such class or no such rate.
    """
    workload = estate.workloads.get(workload_id)
    if not isinstance(workload, InferenceClass):
        known = (
            ", ".join(id for id, one in estate.workloads.items() if isinstance(one, InferenceClass)) or "none"
        )
        raise InvalidInput(
            f"there is no inference class `{workload_id}`", hint=f"classes of the estate: {known}"
        )
    years = (on.toordinal() - estate.horizon.begins.toordinal()) / DAYS_PER_YEAR
    regions = tuple(_region(row, workload, on, years) for row in workload.traffic)
    hours = _hours(estate, regions)
    model = workload.models[0]
    kind = _accelerator(estate, model, accelerator)
    links = [*_people(workload, on, years), *_rates(workload, regions, hours, years)]
    if kind is not None:
        links.extend(_machines(estate, model, kind, regions, links[-1].value, on))
    return InferenceChain(workload_id, on, model, kind, tuple(links), regions, hours)


def _region(row: Traffic, workload: InferenceClass, on: date, years: float) -> RegionLoad:
    factor = 1.0 if row.growth is None else (1 + row.growth.value) ** years
    profile = row.profile or workload.profile
    return RegionLoad(
        row.region,
        row.tokens_in.value_at(on) * factor,
        row.tokens_out.value_at(on) * factor,
        tuple((hour, load.value) for hour, load in profile.items()),
    )


def _hours(estate: Estate, regions: tuple[RegionLoad, ...]) -> tuple[HourLoad, ...]:
    return tuple(
        HourLoad(
            hour,
            sum(
                (one.tokens_in_per_s + one.tokens_out_per_s) * dict(one.profile).get(hour, 1.0)
                for one in regions
            ),
        )
        for hour in estate.hours
    )


def _people(workload: InferenceClass, on: date, years: float) -> list[Link]:
    """Users, requests a day and tokens a day, where the class states them."""
    usage = workload.usage
    if usage is None:
        return []
    outer = (usage, workload)
    users = usage.users.at(on)
    requests = usage.requests.at(on)
    tokens_in, tokens_out = usage.tokens.tokens_in.at(on), usage.tokens.tokens_out.at(on)
    if users is None or requests is None or tokens_in is None or tokens_out is None:
        return []
    grown = [
        1.0 if one is None else (1 + one.value) ** years
        for one in (usage.growth.users, usage.growth.requests, usage.growth.tokens)
    ]
    people = users.value * (1.0 if usage.part is None else usage.part.value) * grown[0]
    asked = people * requests.value * grown[1]
    said = asked * (tokens_in.value + tokens_out.value) * grown[2]
    part = "" if usage.part is None else f" × {usage.part.text}"
    return [
        Link("users", people, "users", f"{users.text}{part}{_times(grown[0])}", *provenance(users, *outer)),
        Link(
            "requests",
            asked,
            "requests/day",
            f"× {requests.text}{_times(grown[1])}",
            *provenance(requests, *outer),
        ),
        Link(
            "tokens",
            said,
            "tokens/day",
            f"× ({tokens_in.text} in + {tokens_out.text} out){_times(grown[2])}",
            *_both(provenance(tokens_in, usage.tokens, *outer), provenance(tokens_out, usage.tokens, *outer)),
        ),
    ]


def _rates(
    workload: InferenceClass, regions: tuple[RegionLoad, ...], hours: tuple[HourLoad, ...], years: float
) -> list[Link]:
    mean = sum(one.tokens_in_per_s + one.tokens_out_per_s for one in regions)
    if workload.usage is not None:
        how = f"/ {SECONDS_PER_DAY:,} seconds"
    else:
        how = f"as stated, grown over {years:.1f} years" if years else "as stated"
    source, assumed = (None, False) if workload.usage is not None else (workload.source, workload.assumed)
    links = [Link("mean load", mean, "tokens/s", how, source, assumed)]
    busiest = max(hours, key=lambda one: one.tokens_per_s, default=None)
    if busiest is not None and mean > 0:
        how = f"× {busiest.tokens_per_s / mean:.2f} in the typical hour `{busiest.hour}`"
        links.append(
            Link("busiest load", busiest.tokens_per_s, "tokens/s", how, *_profile_provenance(workload))
        )
    return links


def _machines(
    estate: Estate, model: str, kind: str, regions: tuple[RegionLoad, ...], load: float, on: date
) -> list[Link]:
    """Accelerators, IT power and what they cost to buy on the day."""
    entry, accelerator = estate.models[model], estate.accelerators[kind]
    rate = entry.rates[kind]
    total = sum(one.tokens_in_per_s + one.tokens_out_per_s for one in regions)
    share_out = sum(one.tokens_out_per_s for one in regions) / total if total > 0 else 1.0
    count = load * seconds_per_token(rate, share_out)
    read = "" if rate.tokens_in is None else f", {rate.tokens_in.text} read"
    how = f"{model} on {kind}: {rate.tokens_out.text} written{read} by each"
    links = [Link("accelerators", count, kind, how, *provenance(rate.tokens_out, rate, entry))]
    if accelerator.power is not None:
        how = f"× {accelerator.power.text} of IT power"
        megawatts = count * accelerator.power.value
        links.append(Link("power", megawatts, "MW", how, *provenance(accelerator.power, accelerator)))
    links.extend(_price(accelerator, count, on))
    return links


def _price(accelerator: Accelerator, count: float, on: date) -> list[Link]:
    price = None if accelerator.price is None else accelerator.price.at(on)
    if price is None:
        return []
    unit = price.currency or "USD"
    return [Link("to buy", count * price.value, unit, f"× {price.text}", *provenance(price, accelerator))]


def seconds_per_token(rate: Rate, share_out: float) -> float:
    """Accelerator-seconds for one token of a mix: out at the out rate; in at the in rate, or inside the out rate."""
    busy = share_out / rate.tokens_out.value
    return busy if rate.tokens_in is None else busy + (1.0 - share_out) / rate.tokens_in.value


def _accelerator(estate: Estate, model: str, asked: str | None) -> str | None:
    rates = estate.models[model].rates
    if asked is not None:
        if asked not in rates:
            known = ", ".join(rates) or "none"
            raise InvalidInput(
                f"`{model}` has no rate on `{asked}`", hint=f"accelerators with a rate: {known}"
            )
        return asked

    def weight(kind: str) -> tuple[float, str]:
        power = estate.accelerators[kind].power
        return (1.0 if power is None else power.value) / rates[kind].tokens_out.value, kind

    return min(rates, key=weight, default=None)


def _times(factor: float) -> str:
    return "" if factor == 1.0 else f" × {factor:.3g} of growth"


def _both(one: tuple[str | None, bool], other: tuple[str | None, bool]) -> tuple[str | None, bool]:
    sources = dict.fromkeys(source for source, _ in (one, other) if source)
    return "; ".join(sources) or None, one[1] or other[1]


def _profile_provenance(workload: InferenceClass) -> tuple[str | None, bool]:
    assumed = (
        any(load.assumed for row in workload.traffic for load in row.profile.values()) or workload.assumed
    )
    return None, assumed
