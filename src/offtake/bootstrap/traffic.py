"""Questions about traffic: what an estate's users need, what a trace says, and where a history leads."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate

if TYPE_CHECKING:
    from offtake.demand.traffic.chain import InferenceChain


def chains(
    estate: Estate, workload: str | None, on: date | None, accelerator: str | None
) -> tuple[InferenceChain, ...]:
    """From users to accelerators, for one class or every one, on a day or the horizon's first.

    Raises InvalidInput for an unknown class, a day outside the horizon, or an accelerator without a rate.
    """
    from offtake.demand.traffic.chain import inference_chain
    from offtake.domain.workloads import InferenceClass

    horizon = estate.horizon
    day = on or horizon.begins
    if not horizon.begins <= day < horizon.ends:
        raise InvalidInput(
            f"{day} is outside the horizon", hint=f"a day from {horizon.begins} to before {horizon.ends}"
        )
    classes = [id for id, one in estate.workloads.items() if isinstance(one, InferenceClass)]
    if workload is None and not classes:
        raise InvalidInput("the estate has no inference class", hint="add one under `workloads:`")
    asked = classes if workload is None else [workload]
    return tuple(inference_chain(estate, one, day, accelerator) for one in asked)
