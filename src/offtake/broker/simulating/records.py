"""A simulation as one value of JSON, with the sums that people ask for first."""

from __future__ import annotations

from decimal import Decimal
from typing import Any, Final

from pydantic import TypeAdapter

from offtake.broker.simulating.answer import Simulated, quantile

_ADAPTER: Final = TypeAdapter(Simulated)
HALF, NINE_TENTHS = Decimal("0.5"), Decimal("0.9")


def record_of(found: Simulated) -> dict[str, Any]:
    """Everything that a simulation holds; quantities as exact texts, money in micro-units."""
    waits = found.waits
    met = found.right_hours + found.market_hours
    return {
        "totals": {
            "needs": len(found.needs),
            "met_wholly": sum(one.unmet == 0 for one in found.needs),
            "late": sum(one.late for one in found.needs),
            "asked_hours": str(found.asked_hours),
            "by_right_hours": str(found.right_hours),
            "at_market_hours": str(found.market_hours),
            "unmet_hours": str(found.asked_hours - met),
            "leases_micros": found.lease_micros,
            "billed_micros": found.billed_micros,
            "waited_median_business_days": quantile(waits, HALF),
            "waited_p90_business_days": quantile(waits, NINE_TENTHS),
            "waited_most_business_days": waits[-1] if waits else None,
            "refused_commands": sum(one.count for one in found.refusals),
        },
        **_ADAPTER.dump_python(found, mode="json"),
    }
