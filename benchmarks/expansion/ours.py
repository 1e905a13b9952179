"""The same instance with offtake's program builder and serving block."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from offtake.planner.program import Program, ProgramBuilder
from offtake.planner.serving import Form, ServingBlock, add_serving


def program(instance: dict[str, NDArray[np.float64]], form: Form) -> Program:
    """The program of one instance of the family; ``form`` is that of its serving block."""
    sites, kinds, periods, regions, classes = (int(instance[axis]) for axis in "SKTRM")
    site, kind, period, region, load_class, year = (
        [f"{letter}{one}" for one in range(count)]
        for letter, count in zip(
            "sktrmy", (sites, kinds, periods, regions, classes, periods // 4), strict=True
        )
    )
    discount, capital = instance["discount"], instance["capital"]
    time = np.arange(periods)
    # (kind, period of the build, period): whether the build is in service. Builds that never are need no column.
    in_service = time[None, :, None] + instance["lead"][:, None, None] <= time[None, None, :]

    builder = ProgramBuilder()
    build = builder.columns(
        "build",
        {"site": site, "kind": kind, "period": period},
        cost=discount * capital,
        where=in_service.any(axis=2)[None],
    )
    load_axes = {"region": region, "class": load_class, "period": period}
    unmet = builder.columns("unmet", load_axes, cost=discount * instance["penalty"][..., None])
    power = builder.rows("power", {"site": site, "period": period}, upper=instance["power"])
    capacity = builder.rows(
        "capacity", {"site": site, "kind": kind, "period": period}, upper=instance["existing"][..., None]
    )
    demand = builder.rows("demand", load_axes, lower=instance["demand"], upper=instance["demand"])
    budget = builder.rows("budget", {"year": year}, upper=instance["budget"])
    ceiling = builder.rows("ceiling", {"site": site, "kind": kind}, upper=instance["ceiling"])

    watts = instance["watts"][None, :, None, None]
    builder.entries(power.index[:, None, None, :], build.index[..., None], watts * in_service)
    builder.entries(capacity.index[:, :, None, :], build.index[..., None], -1.0 * in_service)
    builder.entries(demand.index, unmet.index, 1.0)
    builder.entries(budget.index[np.minimum(time // 4, periods // 4 - 1)], build.index, capital)
    builder.entries(ceiling.index[..., None], build.index, 1.0)

    supplies, loads = sites * kinds, regions * classes
    shape = (sites, kinds, regions, classes)
    block = ServingBlock(
        supplies=[f"{one}/{other}" for one in site for other in kind],
        loads=[f"{one}/{other}" for one in region for other in load_class],
        periods=period,
        hours=["all"],
        permitted=instance["permitted"].reshape(supplies, loads, 1),
        use=np.broadcast_to(instance["use"][None, :, None, :], shape).reshape(supplies, loads, 1),
        cost=instance["operate"].reshape(supplies, loads, 1),
        weight=discount[:, None],
        class_of=np.tile(np.arange(classes), regions),
    )
    capacity_rows = capacity.index.reshape(supplies, periods, 1)
    add_serving(builder, block, capacity_rows, demand.index.reshape(loads, periods, 1), form=form)
    return builder.build()
