"""What a decomposition found, proved again: its prices put together are prices of the extensive form.

A master's prices weigh the cuts of each future; the prices behind the cuts, so weighed and added, are prices of that
future's rows in the extensive form (the dual of Dantzig and Wolfe's argument). With the best decisions and the futures'
answers to them they make a complete answer, which the certificate of any program checks.
"""

from __future__ import annotations

import numpy as np

from offtake.planner.certificate import Certificate, certify
from offtake.planner.ports import Solution
from offtake.planner.recourse.benders import Decomposed
from offtake.planner.recourse.extensive import Extensive, extensive_form
from offtake.planner.recourse.futures import Futures
from offtake.planner.recourse.risk import Risk, value_at_risk


def proved(futures: Futures, risk: Risk, found: Decomposed, tolerance: float) -> Certificate:
    """The certificate of the extensive form at what was found; `tolerance` is for the gap between the bounds.

    The decisions and the futures' own columns count in fractions.
    """
    form = extensive_form(futures.with_whole(decided=False, own=False), risk)
    x, y = _primal(futures, risk, found, form), _dual(found, form)
    cost = float(form.program.cost @ x)
    answer = Solution(cost, x, np.zeros(0), y, np.zeros(0), method="benders", iterations=found.rounds)
    return certify(form.program, answer, tolerance=tolerance)


def _primal(futures: Futures, risk: Risk, found: Decomposed, form: Extensive) -> np.ndarray:
    x = np.zeros(form.program.column_count)
    for future, answer, columns in zip(futures.each, found.answers, form.columns, strict=True):
        x[columns[future.own]] = answer.x[future.own]
    x[form.decided.index] = found.decisions
    if form.risk is not None:
        costs = futures.costs_of([one.objective for one in found.answers])
        at = value_at_risk(costs, futures.probabilities, risk.level)
        x[form.risk.threshold.index] = at
        x[form.risk.beyond.index] = np.maximum(costs - at, 0.0)
    return x


def _dual(found: Decomposed, form: Extensive) -> np.ndarray:
    y = np.zeros(form.program.row_count)
    weights = found.solution.row_dual[found.master.cuts.index]
    for cut, weight in zip(found.cuts, weights, strict=True):
        y[form.rows[cut.future][cut.rows]] += weight * cut.prices
    if form.risk is not None and found.master.risk is not None:
        y[form.risk.rows.index] = found.solution.row_dual[found.master.risk.rows.index]
    return y
