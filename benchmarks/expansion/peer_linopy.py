"""The same instance in linopy, as one who knows linopy writes it: whole arrays, masks, direct hand-over."""

from __future__ import annotations

import linopy
import numpy as np
import pandas as pd
import xarray as xr
from numpy.typing import NDArray


def model(instance: dict[str, NDArray[np.float64]]) -> linopy.Model:
    """The linopy model of one instance of the family."""
    sites, kinds, periods, regions, classes = (int(instance[axis]) for axis in "SKTRM")
    s, k, r, m, t, u, y = (
        pd.RangeIndex(count, name=name)
        for name, count in zip(
            "skrmtuy", (sites, kinds, regions, classes, periods, periods, periods // 4), strict=True
        )
    )

    def data(name: str, *axes: pd.Index) -> xr.DataArray:
        return xr.DataArray(instance[name], coords=axes)

    permitted, discount = data("permitted", s, k, r, m), data("discount", t)
    capital, watts, use = data("capital", s, k, t), data("watts", k), data("use", k, m)
    build_period = np.arange(periods)
    in_service_from = build_period[None, :] + np.asarray(instance["lead"])[:, None]
    in_service = xr.DataArray(in_service_from[:, :, None] <= build_period[None, None, :], coords=(k, t, u))
    served = permitted.expand_dims(t=t, axis=-1)

    program = linopy.Model()
    build = program.add_variables(
        lower=0, coords=(s, k, t), mask=in_service.any("u").expand_dims(s=s), name="build"
    )
    serve = program.add_variables(lower=0, coords=(s, k, r, m, t), mask=served, name="serve")
    unmet = program.add_variables(lower=0, coords=(r, m, t), name="unmet")
    stock = (build * in_service).sum("t").rename(u="t")
    program.add_constraints((watts * stock).sum("k") <= data("power", s, t), name="power")
    program.add_constraints((use * serve).sum(["r", "m"]) - stock <= data("existing", s, k), name="capacity")
    program.add_constraints(serve.sum(["s", "k"]) + unmet == data("demand", r, m, t), name="demand")
    year = xr.DataArray(np.minimum(build_period // 4, periods // 4 - 1), coords=(t,), name="y")
    spent = (capital * build).sum(["s", "k"]).groupby(year).sum()
    program.add_constraints(spent <= data("budget", y), name="budget")
    program.add_constraints(build.sum("t") <= data("ceiling", s, k), name="ceiling")
    program.add_objective(
        (discount * capital * build).sum()
        + (discount * data("operate", s, k, r, m) * serve).sum()
        + (discount * data("penalty", r, m) * unmet).sum()
    )
    return program
