"""What was ordered for a site and stands there dark, because its power or housing came late.

A plan that knows its one future orders nothing that cannot be powered, and holds no such columns. Where orders are
placed before it is known when power comes, what they brought may stand idle: it draws no power, and no work runs on it.
"""

from __future__ import annotations

from datetime import date

import numpy as np

from offtake.planner.draft import Draft, IdleColumns
from offtake.planner.program import ABSENT


def add_idle(draft: Draft, until: date) -> None:
    """Columns for what may stand idle of each pool at a site, of orders placed in periods that begin before a day."""
    instance, builder = draft.instance, draft.builder
    early = np.array([period.begins < until for period in instance.calendar.periods])
    rooms = {f"sites.{room.site}.{what}": room.site for room in instance.rooms for what in ("power", "shell")}
    for a, pool in enumerate(instance.pools):
        if pool.site is None or pool.power_mw <= 0 or pool.facts.form != "owned":
            continue
        mine = [one for one in draft.ways if one.way.pool == a and not one.way.hourly]
        stands = [
            (one, one.way.in_service & early[:, None] & (one.ordered.index != ABSENT)[:, None])
            for one in mine
        ]
        some = np.any(
            [serves.any(axis=0) for _, serves in stands] or [np.zeros(len(early), dtype=np.bool_)], axis=0
        )
        if not some.any():
            continue
        unit = float(draft.scales.capacity[a])
        idle = builder.columns(f"idle {pool.id}", draft.period_axis, where=some, source=pool.id)
        most = builder.rows(
            f"idle of orders {pool.id}", draft.period_axis, upper=0.0, where=some, source=pool.id
        )
        builder.entries(most.index, idle.index, unit)
        for columns, serves in stands:
            builder.entries(most.index[None, :], columns.ordered.index[:, None], serves * -columns.unit)
        for limit in draft.limits:
            if rooms.get(limit.source) == pool.site:
                builder.entries(limit.rows.index, idle.index, -pool.power_mw * unit)
        draft.idle.append(IdleColumns(a, idle, unit))
