"""Training runs as columns: where their accelerators stand, in which period, and what is left undone."""

from __future__ import annotations

import numpy as np

from offtake.planner.draft import Draft, LimitRows, RunColumns
from offtake.planner.instance import Bools, Instance, Run
from offtake.planner.program import Block


def add_runs(draft: Draft) -> None:
    """Columns and rows of every training run."""
    for run in draft.instance.runs:
        draft.runs.append(_run_columns(draft, run))


def _run_columns(draft: Draft, run: Run) -> RunColumns:
    """Accelerators of a run by pool and period; the FLOP it needs, and its least and most accelerators meanwhile."""
    builder, instance, scales = draft.builder, draft.instance, draft.scales
    pool_ids = tuple(pool.id for pool in instance.pools)
    able = run.permitted & (run.flop_per_hour > 0)[:, None] & (run.window > 0)[None, :]
    placed = builder.columns(
        f"run {run.id}", {"pool": pool_ids, **draft.period_axis}, where=able, source=run.id
    )
    worth = 0.0 if run.worth is None else run.worth * _last_discount(instance, run) / scales.money
    undone = builder.columns(
        f"undone {run.id}", {}, cost=worth, upper=0.0 if run.worth is None else 1.0, source="unmet need"
    )
    done = builder.rows(f"flop {run.id}", {}, lower=1.0, source=f"workloads.{run.id}")
    hours = instance.calendar.hours() * run.window
    share = (run.flop_per_hour * scales.capacity)[:, None] * hours[None, :] / run.flop
    builder.entries(done.index, placed.index, share)
    builder.entries(done.index, undone.index, 1.0)
    busy = scales.capacity[:, None] * (run.window > 0)[None, :]
    scale = float(scales.capacity[able.any(axis=1)].max(initial=1.0))
    if np.isfinite(run.maximum):
        most = builder.rows(
            f"most {run.id}",
            draft.period_axis,
            upper=run.maximum / scale,
            where=run.window > 0,
            source=f"workloads.{run.id}.maximum",
        )
        builder.entries(most.index[None, :], placed.index, busy / scale)
        draft.limits.append(
            LimitRows(most, f"workloads.{run.id}.maximum", f"accelerators of {run.id}", scale, "accelerators")
        )
    if run.minimum > 0:
        least = builder.rows(
            f"least {run.id}",
            draft.period_axis,
            lower=run.minimum / scale,
            where=run.window > 0,
            source=f"workloads.{run.id}.minimum",
        )
        builder.entries(least.index[None, :], placed.index, busy / scale)
        builder.entries(least.index, undone.index, run.minimum / scale)
    if not run.one_site:
        return RunColumns(run, placed, undone)
    return _one_site(draft, run, placed, undone, able)


def _last_discount(instance: Instance, run: Run) -> float:
    return instance.calendar.periods[int(np.flatnonzero(run.window)[-1])].discount


def _one_site(draft: Draft, run: Run, placed: Block, undone: Block, able: Bools) -> RunColumns:
    """The run stands at one place: a choice, and no accelerator anywhere else."""
    builder, instance = draft.builder, draft.instance
    stands = [pool.site or pool.id for pool in instance.pools]
    possible: Bools = np.any(able, axis=1)
    sites = tuple(dict.fromkeys(stands[a] for a in np.flatnonzero(possible)))
    chosen = builder.columns(f"site {run.id}", {"site": sites}, upper=1.0, integer=True, source=run.id)
    one = builder.rows(f"one site {run.id}", {}, upper=1.0, source=f"workloads.{run.id}.one_site")
    builder.entries(one.index, chosen.index, 1.0)
    for n, site in enumerate(sites):
        mine = np.array([s == site for s in stands])
        # No plan needs more than all of it done in the shortest period on the slowest kind that can stand there.
        shortest = float((instance.calendar.hours() * run.window)[run.window > 0].min())
        slowest = float(run.flop_per_hour[mine & possible].min())
        most = min(run.maximum, max(run.minimum, run.flop / (slowest * shortest)))
        scale = float(draft.scales.capacity[mine].max(initial=1.0))
        rows = builder.rows(f"stands {run.id} {site}", draft.period_axis, upper=0.0, where=run.window > 0)
        builder.entries(
            rows.index[None, :], placed.index[mine], (draft.scales.capacity[mine] / scale)[:, None]
        )
        builder.entries(rows.index, chosen.index[n], -most / scale)
    return RunColumns(run, placed, undone, chosen, sites)
