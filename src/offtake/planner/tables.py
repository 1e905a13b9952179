"""The tables of a plan: what is ordered, what stands, who is served, what is paid. Rows come in the estate's order."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from decimal import ROUND_HALF_EVEN, Decimal
from typing import Final

import numpy as np

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import PowerStep, Site
from offtake.domain.handoffs import (
    CapacityRow,
    MeterRow,
    OrderRow,
    PowerRow,
    RefusalRightRow,
    ServedRow,
    SpendRow,
    TrainingRow,
)
from offtake.domain.records import Status, at_least
from offtake.law.procedures import answer_window
from offtake.planner.answer import Answer, flows_of
from offtake.planner.draft import MeteredRows
from offtake.planner.first_refusal import Tranche, entered
from offtake.planner.instance import Floats
from offtake.planner.reading import Reading
from offtake.planner.sites import power_step
from offtake.planner.supply_draft import order_days, shell_days

DIGITS: Final = 10  # That count, of quantities in the tables.
MAXIMUM_MONEY: Final = 1e24  # More cents than the exact sums of the accounts have digits for.
SLIVER: Final = 1e-6  # Of a quantity's own scale: less is not reported.


def tidy(value: float, digits: int = DIGITS) -> float:
    """A quantity as tables hold it: rounded to the digits that count, and never minus zero."""
    return float(f"{float(value):.{digits}g}") + 0.0


def cents(amount: float) -> int:
    """Money in whole cents, half to even. Raises InvalidInput beyond what accounts can hold: mend the estate."""
    if not abs(amount) <= MAXIMUM_MONEY:
        raise InvalidInput(
            f"an amount of {amount:.3g} in the plan is more than accounts can hold",
            hint="look for a growth, price or quantity of the estate that is far too large",
        )
    return int((Decimal(repr(float(amount))) * 100).quantize(Decimal(1), rounding=ROUND_HALF_EVEN))


def order_rows(reading: Reading, answer: Answer) -> tuple[OrderRow, ...]:
    """What the plan orders, by way and period. On-demand capacity is its mean over the typical hours."""
    instance = answer.formulation.instance
    found: list[OrderRow] = []
    for columns, amount in zip(answer.formulation.ways, answer.ordered, strict=True):
        way, pool = columns.way, instance.pools[columns.way.pool]
        mean = amount @ instance.hour_weights if way.hourly else amount
        for o in np.flatnonzero(mean > SLIVER * columns.unit):
            begins, until = order_days(reading.estate, instance.calendar, way, pool, int(o))
            found.append(
                OrderRow(
                    kind=way.kind,
                    supply=pool.id,
                    site=pool.site,
                    product=pool.product,
                    accelerator=pool.accelerator,
                    provider=pool.facts.provider,
                    owner=pool.facts.party,
                    period=instance.calendar.labels[o],
                    serves_from=begins,
                    serves_until=until,
                    quantity=tidy(mean[o]),
                    unit=pool.unit,
                    power_mw=tidy(mean[o] * pool.power_mw),
                )
            )
    return (*found, *_shell_rows(reading, answer))


def _shell_rows(reading: Reading, answer: Answer) -> Iterator[OrderRow]:
    instance = answer.formulation.instance
    for n, megawatts in answer.shells.items():
        room = instance.rooms[n]
        for o in np.flatnonzero(megawatts > SLIVER):
            period = instance.calendar.periods[o]
            begins, until = shell_days(reading.estate, instance.calendar, room.site, int(o))
            yield OrderRow(
                kind="shell",
                supply=f"{room.site}/shell",
                site=room.site,
                owner=reading.estate.sites[room.site].owner,
                period=period.label,
                serves_from=begins,
                serves_until=until,
                quantity=tidy(megawatts[o]),
                unit="MW",
                power_mw=tidy(megawatts[o]),
            )


def capacity_rows(answer: Answer) -> tuple[CapacityRow, ...]:
    """Every pool in every period: contracted, added, and used in the busiest typical hour."""
    instance = answer.formulation.instance
    used = used_of(answer)
    found: list[CapacityRow] = []
    for a, pool in enumerate(instance.pools):
        if pool.unit == "tokens/s" and not pool.limited:
            continue
        for t, label in enumerate(instance.calendar.labels):
            stands = float(answer.in_service[a, t].max())
            if stands <= SLIVER and used[a, t].max() <= SLIVER:
                continue
            fixed = float(pool.fixed[t])
            found.append(
                CapacityRow(
                    supply=pool.id,
                    period=label,
                    unit=pool.unit,
                    contracted=tidy(fixed),
                    added=tidy(stands - fixed),
                    used=tidy(used[a, t].max()),
                    power_mw=tidy(stands * pool.power_mw),
                )
            )
    return tuple(found)


def used_of(answer: Answer) -> Floats:
    """(pool, period, hour) capacity that loads and runs use."""
    instance = answer.formulation.instance
    used = np.zeros_like(answer.in_service)
    for i, seat in enumerate(instance.serving.seats):
        used[seat.pool] += np.einsum("jth,jt->th", answer.served[i], instance.serving.use[i])
    for placed in answer.placed:
        used += placed[:, :, None]
    return used


def power_rows(reading: Reading, answer: Answer) -> tuple[PowerRow, ...]:
    """Each site's power by status and period, and how much of it the plan uses."""
    instance = answer.formulation.instance
    stands = answer.in_service.max(axis=2)
    found: list[PowerRow] = []
    for site_id, site in reading.estate.sites.items():
        mine = [
            a for a, pool in enumerate(instance.pools) if pool.site == site_id and pool.facts.form == "owned"
        ]
        if not site.power:
            continue
        for t, period in enumerate(instance.calendar.periods):
            levels = {
                least: _level(site, period.begins, least)
                for least in ("announced", "contracted", "energised")
            }
            found.append(
                PowerRow(
                    site=site_id,
                    period=period.label,
                    announced_mw=tidy(levels["announced"]),
                    contracted_mw=tidy(levels["contracted"]),
                    energised_mw=tidy(levels["energised"]),
                    plannable_mw=tidy(_level(site, period.begins, reading.estate.horizon.counts_from)),
                    used_mw=tidy(sum(stands[a, t] * instance.pools[a].power_mw for a in mine)),
                )
            )
    return tuple(found)


def _level(site: Site, day: date, least: Status) -> float:
    """IT power on a day, of steps that have reached a status."""
    pue = 1.0 if site.pue is None or site.power_is == "it" else site.pue.value
    level = 0.0
    steps = sorted(((power_step(step), step) for step in site.power), key=lambda pair: pair[0][0] or date.min)
    for (begins, megawatts), step in steps:
        if (begins is None or begins <= day) and at_least(_status(site, step), least):
            level = megawatts / pue
    return level


def _status(site: Site, step: PowerStep) -> Status:
    return step.status or site.status


def served_rows(answer: Answer) -> tuple[ServedRow, ...]:
    """Load served by seat and period, as the mean over the typical hours."""
    instance = answer.formulation.instance
    mean = answer.served @ instance.hour_weights
    demand = np.array([load.tokens_per_s @ instance.hour_weights for load in instance.serving.loads])
    found: list[ServedRow] = []
    for i, seat in enumerate(instance.serving.seats):
        for j, load in enumerate(instance.serving.loads):
            found.extend(
                ServedRow(
                    workload=load.workload,
                    client_region=load.region,
                    model=seat.model,
                    supply=seat.supply.id,
                    provider=seat.supply.provider,
                    region=seat.supply.region,
                    deployment=seat.deployment,
                    period=instance.calendar.labels[t],
                    tokens_per_s=tidy(mean[i, j, t]),
                    share=tidy(mean[i, j, t] / demand[j, t]),
                )
                for t in np.flatnonzero(mean[i, j] > SLIVER * np.maximum(demand[j], SLIVER))
            )
    return tuple(found)


def training_rows(answer: Answer) -> tuple[TrainingRow, ...]:
    """Accelerators of every run by supply and period."""
    instance = answer.formulation.instance
    hours = instance.calendar.hours()
    found: list[TrainingRow] = []
    for columns, placed in zip(answer.formulation.runs, answer.placed, strict=True):
        run = columns.run
        for cell in np.argwhere(placed > SLIVER):
            a, t = (int(place) for place in cell)
            share = placed[a, t] * run.flop_per_hour[a] * hours[t] * run.window[t] / run.flop
            found.append(
                TrainingRow(
                    workload=run.id,
                    supply=instance.pools[a].id,
                    period=instance.calendar.labels[t],
                    accelerators=tidy(placed[a, t]),
                    share=tidy(share),
                )
            )
    return tuple(found)


def spend_rows(answer: Answer) -> tuple[SpendRow, ...]:
    """Every payment by period, in whole cents."""
    instance = answer.formulation.instance
    found: list[SpendRow] = []
    for flow in flows_of(answer):
        for t, period in enumerate(instance.calendar.periods):
            amount = cents(flow.amounts[t])
            if amount:
                found.append(
                    SpendRow(
                        period=period.label,
                        year=period.begins.year,
                        payer=flow.payer,
                        payee=flow.payee,
                        kind=flow.kind,
                        supply=flow.supply,
                        amount_cents=amount,
                    )
                )
    return tuple(found)


def refusal_right_rows(answer: Answer, tranches: tuple[Tranche, ...]) -> tuple[RefusalRightRow, ...]:
    """What each tranche of a first refusal came to."""
    quantities = dict(enumerate(answer.ordered))
    found: list[RefusalRightRow] = []
    for place, tranche in enumerate(tranches):
        mine, others = entered(answer.formulation.instance, tranche, quantities, tranches[:place])
        window = answer_window(tranche.procedure, Decimal(repr(tidy(tranche.needed))))
        found.append(
            RefusalRightRow(
                clause=tranche.procedure.origin.clause,
                holder=tranche.procedure.holder,
                begins=tranche.begins,
                ends=tranche.ends,
                measure=tranche.procedure.measure,
                needed=tidy(tranche.needed),
                offered=tidy(tranche.offered),
                taken_by_holder=tidy(mine),
                allowed_elsewhere=tidy(tranche.elsewhere),
                taken_elsewhere=tidy(others),
                binding=tranche.binding,
                answer_within="" if window is None else window.text,
            )
        )
    return tuple(found)


def meter_rows(answer: Answer) -> tuple[MeterRow, ...]:
    """Every meter with a bound, by window: what it counts in its busiest hour, its shortfall, and what that costs."""
    found: list[MeterRow] = []
    for metered in answer.formulation.metered:
        found.extend(_metered(answer, metered))
    return tuple(found)


def _metered(answer: Answer, metered: MeteredRows) -> list[MeterRow]:
    activity = answer.solution.row_activity[metered.rows.index] * metered.unit
    low, high = (
        bound[metered.rows.index] * metered.unit
        for bound in (answer.formulation.program.row_lower, answer.formulation.program.row_upper)
    )
    short = np.zeros_like(activity)
    if metered.short is not None:
        short = answer.solution.x[metered.short.index] * metered.unit
    drawn = np.zeros_like(activity)
    if metered.draw is not None and metered.draw_in is not None:
        np.add.at(drawn, metered.draw_in, answer.solution.x[metered.draw.index] * metered.unit)
    count = activity - short + drawn
    if metered.beyond is not None:
        count += answer.solution.x[metered.beyond.index] * metered.unit
        high = np.full_like(low, np.inf)
    shape = (len(activity), -1)
    busiest = np.argmax(count.reshape(shape), axis=1)
    found: list[MeterRow] = []
    for w, label in enumerate(metered.rows.axes[0][1]):
        at = int(busiest[w])
        bounds = [float(side.reshape(shape)[w, at]) + float(metered.fixed[w]) for side in (low, high)]
        missing = float(short.reshape(shape)[w].max())
        found.append(
            MeterRow(
                meter=metered.meter,
                clause=metered.clause,
                window=label,
                measure=metered.measure,
                lower=tidy(bounds[0]) if np.isfinite(bounds[0]) else None,
                upper=tidy(bounds[1]) if np.isfinite(bounds[1]) else None,
                counted=tidy(float(count.reshape(shape)[w, at]) + float(metered.fixed[w])),
                shortfall=tidy(missing),
                drawn=tidy(float(drawn.reshape(shape)[w].max())),
                owed_cents=cents(float((short.reshape(shape)[w] * metered.owed[w]).sum())),
            )
        )
    return found
