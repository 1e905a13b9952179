"""One HiGHS: silent, interruptible, and given its program once as arrays."""

from __future__ import annotations

from collections.abc import Callable
from threading import Event, Thread
from time import monotonic
from typing import Final

import highspy
import numpy as np
from numpy.typing import NDArray

from offtake.domain.errors import SolverFailure
from offtake.planner.ports import Method, Progress, Solution, SolverOptions
from offtake.planner.program import Program

_WAIT_S: Final = 0.1  # how long a keyboard interrupt may go unseen


class _SilentHighs(highspy.Highs):
    """Silent before its first word: ``enableCallbacks``, which the constructor calls, prints a banner."""

    def enableCallbacks(self) -> None:  # noqa: N802, the name is HiGHS's
        self.silent()
        super().enableCallbacks()


def open_highs(program: Program, options: SolverOptions) -> highspy.Highs:
    """A silent HiGHS that holds the program, handed over once, and the options."""
    highs = _SilentHighs()
    for name, value in (
        ("time_limit", float(options.time_limit_s)),
        ("threads", options.threads),
        ("random_seed", options.seed),
        ("mip_rel_gap", options.mip_gap),
        ("mip_abs_gap", 0.0),
    ):
        if highs.setOptionValue(name, value) != highspy.HighsStatus.kOk:
            raise SolverFailure(f"HiGHS does not take {name} = {value}")
    if program.column_count and highs.passModel(_model(program)) == highspy.HighsStatus.kError:
        raise SolverFailure(
            "HiGHS refused the program", hint="a price or quantity of the estate is likely far too large"
        )
    return highs


def _model(program: Program) -> highspy.HighsLp:
    model = highspy.HighsLp()
    model.num_col_ = program.column_count
    model.num_row_ = program.row_count
    model.col_cost_ = program.cost
    model.col_lower_ = program.col_lower
    model.col_upper_ = program.col_upper
    model.row_lower_ = program.row_lower
    model.row_upper_ = program.row_upper
    model.a_matrix_.format_ = highspy.MatrixFormat.kColwise
    model.a_matrix_.num_col_ = program.column_count
    model.a_matrix_.num_row_ = program.row_count
    model.a_matrix_.start_ = program.start
    model.a_matrix_.index_ = program.index
    model.a_matrix_.value_ = program.value
    if program.integrality is not None:
        kinds = (highspy.HighsVarType.kContinuous, highspy.HighsVarType.kInteger)
        model.integrality_ = [kinds[int(whole)] for whole in program.integrality]
    return model


def run(highs: highspy.Highs, progress: Callable[[Progress], None] | None, method: str, began: float) -> None:
    """Run HiGHS in a thread, so that a keyboard interrupt stops it, and report from here what it last
    said."""
    stop = Event()
    latest: list[Progress] = []

    def watch(event: highspy.HighsCallbackEvent) -> None:
        if stop.is_set():
            event.interrupt()
        if progress is not None:
            latest[:] = [_progress(event, method, monotonic() - began)]

    callbacks = (highs.cbSimplexInterrupt, highs.cbIpmInterrupt, highs.cbMipInterrupt)
    for callback in callbacks:
        callback.subscribe(watch)
    # Not `Highs.startSolve`: its locks belong to the class, so that two solves in one process refuse each
    # other.
    # Not `Thread.join` either: Python 3.11 takes a thread for ended when an interrupt comes while it waits.
    done = Event()

    def work() -> None:
        try:
            highs.run()
        finally:
            done.set()

    Thread(target=work, daemon=True).start()
    try:
        while not done.wait(_WAIT_S):
            if progress is not None and latest:
                progress(latest.pop())
    except BaseException:
        stop.set()
        done.wait()
        raise
    finally:
        for callback in callbacks:
            callback.unsubscribe(watch)


def _progress(event: highspy.HighsCallbackEvent, method: str, seconds: float) -> Progress:
    out = event.data_out
    integer = event.callback_type == highspy.cb.HighsCallbackType.kCallbackMipInterrupt
    return Progress(
        method=method,
        seconds=seconds,
        iterations=max(out.simplex_iteration_count, 0) + max(out.ipm_iteration_count, 0),
        objective=_finite(out.mip_primal_bound) if integer else None,
        bound=_finite(out.mip_dual_bound) if integer else None,
    )


def array(values: object) -> NDArray[np.float64]:
    return np.array(values, dtype=np.float64)


def _finite(value: float) -> float | None:
    return value if np.isfinite(value) else None


def solution_of(highs: highspy.Highs, program: Program, method: Method, seconds: float) -> Solution:
    """The answer that HiGHS holds. For an integer program its rows and columns have no prices."""
    found = highs.getSolution()
    info = highs.getInfo()
    integer = program.integrality is not None
    iterations = (info.simplex_iteration_count, info.ipm_iteration_count, info.crossover_iteration_count)
    x = array(found.col_value)
    return Solution(
        objective=float(info.objective_function_value),
        x=x,
        row_activity=array(found.row_value),
        row_dual=array(found.row_dual) if not integer else np.zeros(program.row_count),
        column_dual=array(found.col_dual) if not integer else np.zeros(program.column_count),
        method="mip" if integer else method,
        iterations=sum(max(int(count), 0) for count in iterations),
        mip_bound=float(info.mip_dual_bound) if integer else None,
        mip_gap=float(info.mip_gap) if integer else None,
        seconds=seconds,
    )
