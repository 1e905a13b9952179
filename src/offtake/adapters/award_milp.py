"""The broker's optimiser on HiGHS, through SciPy's `milp`: small programs, solved to their end."""

from __future__ import annotations

from typing import Final, cast

import numpy as np
from scipy.optimize import Bounds, LinearConstraint, milp
from scipy.sparse import csr_array

from offtake.broker.ports import Optimum, Programme
from offtake.domain.errors import SolverFailure

TIME_LIMIT_S: Final = 60.0


class MilpOptimiser:
    """Solves small mixed-integer programs; see :class:`offtake.broker.ports.Optimiser`."""

    def minimise(self, programme: Programme, gap: float) -> Optimum | None:
        """A point within a relative gap of the least; None if there is none."""
        if any(not row.coefficients and (row.lower > 0 or row.upper < 0) for row in programme.rows):
            return None
        found = milp(
            np.array(programme.cost),
            integrality=np.array(programme.integer, dtype=int),
            bounds=Bounds(np.array(programme.lower), np.array(programme.upper)),
            constraints=_constraints(programme),
            options={"mip_rel_gap": gap, "time_limit": TIME_LIMIT_S},
        )
        if found.status == 2:  # HiGHS: infeasible.
            return None
        if found.status != 0:
            raise SolverFailure(f"the award was not solved: {found.message}")
        values = tuple(float(value) for value in found.x)
        # Without a search (nothing to choose) HiGHS states no bound, and the point is the least.
        bound = cast("float | None", found.mip_dual_bound)
        return Optimum(values, float(found.fun), float(found.fun) if bound is None else float(bound))


def _constraints(programme: Programme) -> LinearConstraint | tuple[()]:
    rows = [row for row in programme.rows if row.coefficients]
    if not rows:
        return ()
    data, columns, starts = list[float](), list[int](), [0]
    for row in rows:
        columns.extend(column for column, _ in row.coefficients)
        data.extend(value for _, value in row.coefficients)
        starts.append(len(data))
    matrix = csr_array((data, columns, starts), shape=(len(rows), len(programme.cost)))
    return LinearConstraint(
        matrix, np.array([row.lower for row in rows]), np.array([row.upper for row in rows])
    )
