"""What is needed, as loads and runs, and the seats where the law lets each be served."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import date
from typing import Final, Literal

import numpy as np

from offtake.domain.estate import Estate, ProvisionedUnits, Rate, Throughput, TokenRates, TokensByUse
from offtake.domain.selection import Interval, SupplyFacts, WorkloadFacts
from offtake.domain.workloads import InferenceClass, Traffic, TrainingRun
from offtake.law.facts import deployed_supply, inference_facts, party_of, training_facts
from offtake.planner.calendar import DAYS_PER_YEAR, Calendar
from offtake.planner.instance import Bools, Floats, Load, Run, Seat, Serving
from offtake.planner.prices import OUTSIDE, Money
from offtake.planner.supply_side import SupplySide

SECONDS_PER_HOUR: Final = 3600.0
TOKENS_PER_PRICE: Final = 1e6  # Prices are per million tokens.

PlacementTest = Callable[
    [Sequence[WorkloadFacts], Sequence[SupplyFacts], Literal["place", "process"], Interval], Bools
]
"""(workload, supply): whether the law's masks let each workload stand on each supply over an interval."""


def hours_of(estate: Estate) -> tuple[tuple[str, ...], Floats]:
    """Typical hours and the share of all hours that each stands for; one hour, if the estate names none."""
    if not estate.hours:
        return ("any",), np.ones(1)
    return tuple(estate.hours), np.array([hour.weight.value for hour in estate.hours.values()])


def loads_of(
    estate: Estate, party: str, calendar: Calendar, money: Money, hour_ids: tuple[str, ...]
) -> tuple[Load, ...]:
    """Every class's traffic by client region, as tokens per second in each period and typical hour."""
    found: list[Load] = []
    for workload_id, workload in estate.workloads.items():
        if isinstance(workload, InferenceClass):
            worth = _worth_per_token(estate, money, workload)
            revenue = _revenue(money, workload, calendar)
            for row, traffic in enumerate(workload.traffic):
                tokens_in, tokens_out = _traffic(traffic, calendar)
                profile = traffic.profile or workload.profile
                shape = np.array([profile[h].value if h in profile else 1.0 for h in hour_ids])
                total = tokens_in + tokens_out
                share = np.divide(tokens_out, total, out=np.zeros_like(total), where=total > 0)
                found.append(
                    Load(
                        f"{workload_id}/{traffic.region}",
                        workload_id,
                        traffic.region,
                        row,
                        total[:, None] * shape[None, :],
                        share,
                        worth,
                        revenue,
                        workload.party or party,
                    )
                )
    return tuple(found)


def _traffic(traffic: Traffic, calendar: Calendar) -> tuple[Floats, Floats]:
    """Tokens per second in and out by period: the step in force, grown from the horizon's start."""
    first = calendar.periods[0].begins.toordinal()
    growth = 0.0 if traffic.growth is None else traffic.growth.value
    middles = np.array([(p.begins.toordinal() + p.ends.toordinal()) / 2 - first for p in calendar.periods])
    factor = (1.0 + growth) ** (middles / DAYS_PER_YEAR)
    tokens_in = np.array([traffic.tokens_in.value_at(p.begins) for p in calendar.periods])
    tokens_out = np.array([traffic.tokens_out.value_at(p.begins) for p in calendar.periods])
    return tokens_in * factor, tokens_out * factor


def seats_of(estate: Estate, supply: SupplySide) -> tuple[Seat, ...]:
    """Every model on every supply that can serve it: by a rate on its accelerator, or by a deployment."""
    found: list[Seat] = []
    for index, pool in enumerate(supply.pools):
        if pool.accelerator is not None:
            for model_id, model in estate.models.items():
                if pool.accelerator in model.rates:
                    found.append(Seat(f"{model_id} on {pool.id}", pool.facts, index, model_id, None))
    for deployment_id, deployment in estate.deployments.items():
        for product in deployment.products:
            index = supply.pool_of(product)
            if index is not None:
                facts = deployed_supply(estate, deployment_id, product)
                found.append(
                    Seat(f"{deployment_id} by {product}", facts, index, deployment.model, deployment_id)
                )
    return tuple(found)


def serving_of(
    estate: Estate,
    party: str,
    calendar: Calendar,
    supply: SupplySide,
    money: Money,
    hour_ids: tuple[str, ...],
    test: PlacementTest,
) -> Serving:
    """Permission, use and price of every seat for every load in every period: (seat, load, period)."""
    seats, loads = seats_of(estate, supply), loads_of(estate, party, calendar, money, hour_ids)
    shape = (len(seats), len(loads), len(calendar.periods))
    use, price = np.zeros(shape), np.zeros(shape)
    permitted = _permitted(estate, calendar, seats, loads, test)
    share_out = np.array([load.share_out for load in loads]).reshape(len(loads), shape[2])
    cached = np.array([_cached(estate, load.workload) for load in loads])
    payers: list[tuple[str, str]] = []
    for i, seat in enumerate(seats):
        pool = supply.pools[seat.pool]
        payers.append((party, party_of(estate, seat.supply.provider) or OUTSIDE))
        product = estate.products.get(pool.product or "")
        if pool.accelerator is not None:
            use[i] = _use(estate.models[seat.model].rates[pool.accelerator], share_out)
        elif isinstance(product, ProvisionedUnits):
            throughput = product.throughput.get(seat.model)
            if throughput is None:
                permitted[i] = False
            else:
                use[i] = _use(throughput, share_out)
        elif isinstance(product, TokensByUse):
            payers[-1] = (product.payer or party, product.payee or payers[-1][1])
            use[i] = 1.0 if pool.limited else 0.0
            rates = product.prices.get(seat.model)
            if rates is None:
                permitted[i] = False
            else:
                price[i], sold = _token_price(rates, money, calendar, share_out, cached)
                permitted[i] &= sold[None, :]
            permitted[i] &= _open(calendar, product.begins, product.ends)[None, :]
    return Serving(seats, loads, permitted, use, price, tuple(payers))


def _use(rate: Rate | Throughput, share_out: Floats) -> Floats:
    """Units busy per token/s: out tokens at the out rate; in tokens at the in rate, or inside the out rate."""
    busy = share_out / rate.tokens_out.value
    if rate.tokens_in is not None:
        busy = busy + (1.0 - share_out) / rate.tokens_in.value
    return busy


def _token_price(
    rates: TokenRates, money: Money, calendar: Calendar, share_out: Floats, cached: Floats
) -> tuple[Floats, Bools]:
    """(load, period) money per token/s and hour, and the periods in which the model is sold."""
    into = money.by_period(rates.tokens_in, calendar)
    out = money.by_period(rates.tokens_out, calendar)
    again = into if rates.cached is None else money.by_period(rates.cached, calendar)
    sold = ~(np.isnan(into) | np.isnan(out) | np.isnan(again))
    into, out, again = np.nan_to_num(into), np.nan_to_num(out), np.nan_to_num(again)
    read = (1.0 - cached)[:, None] * into[None, :] + cached[:, None] * again[None, :]
    per_million = (1.0 - share_out) * read + share_out * out[None, :]
    return per_million * SECONDS_PER_HOUR / TOKENS_PER_PRICE, sold


def _cached(estate: Estate, workload_id: str) -> float:
    workload = estate.workloads[workload_id]
    if isinstance(workload, InferenceClass) and workload.cached is not None:
        return workload.cached.value
    return 0.0


def _open(calendar: Calendar, begins: date | None, ends: date | None) -> Bools:
    """The periods that lie whole in [begins, ends)."""
    return np.array(
        [
            (begins is None or p.begins >= begins) and (ends is None or p.ends <= ends)
            for p in calendar.periods
        ]
    )


def _permitted(
    estate: Estate, calendar: Calendar, seats: tuple[Seat, ...], loads: tuple[Load, ...], test: PlacementTest
) -> Bools:
    """(seat, load, period): the class accepts the model, the deployment exists, and the law lets it stand and serve."""
    shape = (len(seats), len(loads), len(calendar.periods))
    accepted = np.zeros(shape, dtype=np.bool_)
    supplies = list({id(seat.supply): seat.supply for seat in seats}.values())
    place_of = {id(facts): n for n, facts in enumerate(supplies)}
    supply_index = np.array([place_of[id(seat.supply)] for seat in seats], dtype=np.intp)
    pairs = [(j, model) for j, load in enumerate(loads) for model in _models(estate, load.workload)]
    facts = [inference_facts(estate, loads[j].workload, loads[j].region, model) for j, model in pairs]
    if not facts or not supplies:
        return accepted
    by_model = {model: [i for i, seat in enumerate(seats) if seat.model == model] for _, model in pairs}
    for t, period in enumerate(calendar.periods):
        interval = Interval(period.begins, period.ends)
        lawful = test(facts, supplies, "place", interval) & test(facts, supplies, "process", interval)
        for n, (j, model) in enumerate(pairs):
            chosen = by_model[model]
            accepted[chosen, j, t] = lawful[n, supply_index[chosen]]
    for i, seat in enumerate(seats):
        if seat.deployment is not None:
            deployment = estate.deployments[seat.deployment]
            accepted[i] &= _open(calendar, deployment.begins, deployment.ends)[None, :]
    return accepted


def _models(estate: Estate, workload_id: str) -> tuple[str, ...]:
    workload = estate.workloads[workload_id]
    return workload.models if isinstance(workload, InferenceClass) else ()


def _worth_per_token(estate: Estate, money: Money, workload: InferenceClass) -> float:
    """Worth of one token in the estate's currency, at the rate of the horizon's start."""
    return money.of(workload.worth, estate.horizon.begins) / TOKENS_PER_PRICE


def _revenue(money: Money, workload: InferenceClass, calendar: Calendar) -> Floats:
    """(period,) what customers pay per token/s and hour; nothing before the first price."""
    if workload.revenue is None:
        return np.zeros(len(calendar.periods))
    return np.nan_to_num(money.by_period(workload.revenue, calendar)) * SECONDS_PER_HOUR / TOKENS_PER_PRICE


# Training ------------------------------------------------------------------------------------------------------------


def runs_of(
    estate: Estate, calendar: Calendar, supply: SupplySide, money: Money, test: PlacementTest
) -> tuple[Run, ...]:
    """Every training run that the horizon touches, with what each pool does for it in an hour."""
    found: list[Run] = []
    for run_id, run in estate.workloads.items():
        if not isinstance(run, TrainingRun):
            continue
        window = np.array([p.share_within(run.window.begins, run.window.ends) for p in calendar.periods])
        whole = run.window.ends.toordinal() - run.window.begins.toordinal()
        inside = sum(w * p.days for w, p in zip(window, calendar.periods, strict=True)) / whole
        if inside <= 0:
            continue
        facts = training_facts(estate, run_id)
        worth = None if run.worth is None else money.of(run.worth, estate.horizon.begins) * inside
        found.append(
            Run(
                run_id,
                facts,
                flop_of(run) * inside,
                window,
                _flop_per_hour(estate, run, supply),
                0.0 if run.minimum is None else run.minimum.value,
                np.inf if run.maximum is None else run.maximum.value,
                run.one_site,
                worth,
                _run_permitted(calendar, supply, facts, window, test),
            )
        )
    return tuple(found)


def flop_of(run: TrainingRun) -> float:
    """The run's FLOP: as stated, or 6·N·D (Kaplan et al. 2020, section 2.1)."""
    if run.flop is not None:
        return run.flop.value
    if run.parameters is None or run.tokens is None:
        return 0.0
    return 6.0 * run.parameters.value * run.tokens.value


def _flop_per_hour(estate: Estate, run: TrainingRun, supply: SupplySide) -> Floats:
    """(pool,) useful FLOP of one accelerator in an hour: peak × MFU × goodput; 0 where the run cannot stand."""
    found = np.zeros(len(supply.pools))
    for a, pool in enumerate(supply.pools):
        kind = pool.accelerator
        if kind is None or (run.accelerators and kind not in run.accelerators):
            continue
        accelerator = estate.accelerators[kind]
        peak = accelerator.peak.get(run.precision)
        mfu = run.mfu or accelerator.mfu
        if peak is not None and mfu is not None:
            goodput = run.goodput or accelerator.goodput
            progress = 1.0 if goodput is None else goodput.value
            found[a] = peak.value * mfu.value * progress * SECONDS_PER_HOUR
    return found


def _run_permitted(
    calendar: Calendar, supply: SupplySide, facts: WorkloadFacts, window: Floats, test: PlacementTest
) -> Bools:
    """(pool, period): whether the law lets the run stand there."""
    permitted = np.zeros((len(supply.pools), len(calendar.periods)), dtype=np.bool_)
    supplies = [pool.facts for pool in supply.pools]
    for t, period in enumerate(calendar.periods):
        if window[t] > 0:
            permitted[:, t] = test([facts], supplies, "place", Interval(period.begins, period.ends))[0]
    return permitted
