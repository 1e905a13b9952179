"""What a plan decides on, as arrays: capacity pools, ways to add to them, seats where work may run, loads and runs.

Axes: pool a, way w, order period o, period t, typical hour h, seat i (a model on a supply), load j (a class's traffic
from one client region), run r. Money is in the estate's currency, power in MW, load in tokens per second.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray

from offtake.domain.selection import SupplyFacts, WorkloadFacts
from offtake.planner.calendar import Calendar

Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
SpendKind = Literal[
    "capital", "lease", "tokens", "energy", "operation", "rent", "salvage", "settlement", "revenue"
]
WayKind = Literal["build", "reserve", "on-demand", "keep"]
PoolUnit = Literal["accelerators", "units", "tokens/s"]


@dataclass(frozen=True, slots=True)
class Payment:
    """Money from payer to payee, by period: `amounts` is (order, period) per unit ordered, or (period,) if settled."""

    kind: SpendKind
    payer: str
    payee: str
    amounts: Floats


@dataclass(frozen=True, slots=True)
class Pool:
    """Capacity of one kind in one place. `fixed` (period,) is under contract, or the limit of tokens."""

    id: str
    facts: SupplyFacts
    unit: PoolUnit
    fixed: Floats
    fixed_payments: tuple[Payment, ...]
    limited: bool  # False: tokens without a limit, bought as they are used.
    site: str | None = None
    accelerator: str | None = None
    product: str | None = None
    power_mw: float = 0.0  # IT power of one unit.


@dataclass(frozen=True, slots=True)
class Way:
    """A way to add to a pool. A unit ordered in o serves in the periods where `in_service` (order, period) is true.

    `hourly`: ordered anew in every typical hour (on demand); payments are then per unit and full period.
    `increment` > 0 orders in whole multiples; `minimum` > 0: what is in service is nothing or at least that.
    """

    kind: WayKind
    pool: int
    in_service: Bools
    allowed: Bools  # (order,)
    payments: tuple[Payment, ...]
    upper: Floats  # (order,)
    hourly: bool = False
    increment: float = 0.0
    minimum: float = 0.0
    limit: Floats | None = None  # (period,) most that this way may have in service.


@dataclass(frozen=True, slots=True)
class SiteRoom:
    """Power and housing of a site: `power_mw` (period,) IT; shells may be built where `shell` is given."""

    site: str
    power_mw: Floats
    shell_mw: Floats | None = None  # Housing that stands already, by period; None if shells are not modelled.
    shell_in_service: Bools | None = None  # (order, period)
    shell_payments: tuple[Payment, ...] = ()
    shell_maximum_mw: float = np.inf


@dataclass(frozen=True, slots=True)
class Quota:
    """Most accelerators of a kind that the market delivers, by order period."""

    accelerator: str
    upper: Floats


@dataclass(frozen=True, slots=True)
class Seat:
    """A model on a supply, drawing on a pool."""

    id: str
    supply: SupplyFacts
    pool: int
    model: str
    deployment: str | None


@dataclass(frozen=True, slots=True)
class Load:
    """A class's traffic from one client region: tokens per second by (period, hour), in and out."""

    id: str
    workload: str
    region: str
    row: int
    tokens_per_s: Floats  # (period, hour)
    share_out: Floats  # (period,)
    worth_per_token: float
    revenue: Floats  # (period,) money per token/s and hour that customers pay.
    seller: str  # Whom they pay.


@dataclass(frozen=True, slots=True)
class Run:
    """A training run: FLOP to be done within a window."""

    id: str
    facts: WorkloadFacts
    flop: float
    window: Floats  # (period,) share of each period's days inside the window
    flop_per_hour: Floats  # (pool,) of one accelerator; 0 where it cannot run
    minimum: float
    maximum: float
    one_site: bool
    worth: float | None  # None: it must be done.
    permitted: Bools  # (pool, period)


@dataclass(frozen=True, slots=True)
class Serving:
    """Who may serve what, at which use and price. Shapes (seat, load, period)."""

    seats: tuple[Seat, ...]
    loads: tuple[Load, ...]
    permitted: Bools
    use: Floats  # Capacity per token/s; 0 where nothing is used up.
    price: Floats  # Money per token/s and hour, for tokens bought by use.
    payers: tuple[tuple[str, str], ...]  # (payer, payee) by seat


@dataclass(frozen=True, slots=True)
class Instance:
    """One plan's data, before any solver is chosen."""

    party: str
    currency: str
    calendar: Calendar
    hour_ids: tuple[str, ...]
    hour_weights: Floats
    pools: tuple[Pool, ...]
    ways: tuple[Way, ...]
    rooms: tuple[SiteRoom, ...]
    quotas: tuple[Quota, ...]
    serving: Serving
    runs: tuple[Run, ...]

    @property
    def slots(self) -> tuple[int, int]:
        """How many periods and typical hours there are."""
        return len(self.calendar.periods), len(self.hour_ids)
