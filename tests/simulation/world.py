"""A world drawn from a seed: who holds which right, what suppliers have, which bounds and commitments hold."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from random import Random
from typing import Any


@dataclass(frozen=True)
class Right:
    """A right of first refusal, as the auditor knows it."""

    id: str
    holder: str
    style: str
    rank: int
    windows: tuple[tuple[int | None, int], ...]  # Business days of deals below a size; None has no upper end.
    calendar: str | None
    silence: str
    minimum: int | None
    multiple: int | None
    maximum_price: int | None
    threshold: int | None
    aggregates: int | None  # Days.
    material_change: int | None  # Percent.
    revives: int | None  # Days.


@dataclass(frozen=True)
class Commitment:
    """So many accelerator-hours a quarter, or paid for."""

    id: str
    payee: str
    amount: int
    make_up: int
    begins: date


@dataclass(frozen=True)
class Tiers:
    """What t0 owes a seller beside leases: a price for an accelerator-hour up to a count in a quarter, then another."""

    id: str
    payee: str
    up_to: int
    first: int
    then: int


@dataclass(frozen=True)
class World:
    """Everything that a run is played in."""

    tenants: tuple[str, ...]
    sellers: tuple[str, ...]
    capacity: dict[str, int]
    prices: dict[str, int]
    rights: tuple[Right, ...]
    ceilings: dict[str, int]  # Accelerators at a seller, in every month.
    commitments: tuple[Commitment, ...]
    begins: date
    tiers: tuple[Tiers, ...] = ()

    def estate(self) -> dict[str, Any]:
        """The estate of the world, in the shape of an estate file."""
        clauses: dict[str, Any] = {}
        for right in self.rights:
            clauses[right.id] = _right(right)
        for seller, upper in self.ceilings.items():
            clauses[f"most-{seller}"] = {
                "kind": "ceiling",
                "measure": "accelerators",
                "upper": f"{upper} accelerators",
                "window": "month",
                "covers": {"providers": [seller]},
            }
        for one in self.commitments:
            clauses[one.id] = {
                "kind": "commitment",
                "payer": "t0",
                "payee": one.payee,
                "measure": "accelerator-hours",
                "amount": f"{one.amount} accelerator-hours",
                "window": "quarter",
                "shortfall": "2 USD/accelerator-hour",
                "make_up": one.make_up,
                "from": one.begins,
                "covers": {"providers": [one.payee], "parties": ["t0"]},
            }
        for price in self.tiers:
            clauses[price.id] = {
                "kind": "price",
                "payer": "t0",
                "payee": price.payee,
                "measure": "accelerator-hours",
                "tiers": [
                    {
                        "up_to": f"{price.up_to} accelerator-hours",
                        "price": f"{price.first} USD/accelerator-hour",
                    },
                    {"price": f"{price.then} USD/accelerator-hour"},
                ],
                "window": "quarter",
                "covers": {"providers": [price.payee]},
            }
        parties = {name: {} for name in (*self.tenants, *self.sellers)}
        return {
            "offtake": 1,
            "horizon": {"from": self.begins, "until": self.begins.replace(year=self.begins.year + 12)},
            "parties": parties,
            "providers": {seller: {"party": seller} for seller in self.sellers},
            "regions": {"here": {"jurisdiction": "US"}},
            "accelerators": {"gpu": {"power": "1 kW"}},
            "products": {
                f"{seller}-gpu": {
                    "kind": "accelerator-hours",
                    "provider": seller,
                    "region": "here",
                    "accelerator": "gpu",
                    "price": f"{self.prices[seller]} USD/accelerator-hour",
                    "limit": self.capacity[seller],
                }
                for seller in self.sellers
            },
            "agreements": {
                "deal": {"between": [*parties], "signed": self.begins.replace(year=2020), "clauses": clauses}
            },
        }


def _right(right: Right) -> dict[str, Any]:
    part = {key: value for key, value in (("minimum", right.minimum), ("multiple", right.multiple)) if value}
    stated: dict[str, Any] = {
        "kind": "first-refusal",
        "holder": right.holder,
        "style": right.style,
        "rank": right.rank,
        **_windows(right),
        "silence": right.silence,
        "part": part,
        "discloses": ["price", "quantity"],
    }
    optional = {
        "calendar": right.calendar,
        "maximum_price": None
        if right.maximum_price is None
        else f"{right.maximum_price} USD/accelerator-hour",
        "threshold": None if right.threshold is None else f"{right.threshold} accelerators",
        "aggregates_within": None if right.aggregates is None else f"{right.aggregates} days",
        "material_change": None if right.material_change is None else f"{right.material_change} %",
        "revives_after": None if right.revives is None else f"{right.revives} days",
    }
    return {**stated, **{key: value for key, value in optional.items() if value is not None}}


def _windows(right: Right) -> dict[str, Any]:
    if len(right.windows) == 1:
        return {"window": f"{right.windows[0][1]} business days"}
    return {
        "windows": [
            {
                "window": f"{days} business days",
                **({} if below is None else {"below": f"{below} accelerators"}),
            }
            for below, days in right.windows
        ]
    }


def world_of(seed: int) -> World:
    """The world of a seed."""
    draw = Random(f"world {seed}")
    sellers = tuple(f"s{n}" for n in range(draw.randint(2, 5)))
    begins = date(draw.randint(2025, 2027), draw.randint(1, 12), draw.randint(1, 28))
    holders = draw.sample(sellers, draw.randint(0, min(3, len(sellers))))
    rights = tuple(_drawn_right(draw, n, holder) for n, holder in enumerate(holders))
    first_quarter = date(begins.year + 1, 1, 1)
    return World(
        tenants=tuple(f"t{n}" for n in range(draw.randint(1, 4))),
        sellers=sellers,
        capacity={seller: draw.choice((50, 100, 300, 1000)) for seller in sellers},
        prices={seller: draw.randint(1, 5) for seller in sellers},
        rights=rights,
        ceilings={seller: draw.choice((40, 80, 200)) for seller in sellers if draw.random() < 0.3},
        commitments=tuple(
            Commitment(
                f"take-{seller}", seller, draw.choice((1000, 20000)), draw.choice((0, 1, 2)), first_quarter
            )
            for seller in sellers
            if draw.random() < 0.3
        ),
        begins=begins,
        tiers=tuple(
            Tiers(
                f"tiers-{seller}",
                seller,
                draw.choice((20_000, 100_000)),
                draw.randint(0, 2),
                draw.randint(0, 2),
            )
            for seller in sellers
            if draw.random() < 0.25
        ),
    )


def _drawn_right(draw: Random, n: int, holder: str) -> Right:
    threshold = draw.choice((None, None, 60))
    return Right(
        id=f"right{n}",
        holder=holder,
        style="match" if draw.random() < 0.3 else "offer",
        rank=draw.randint(1, 3),
        windows=_drawn_windows(draw),
        calendar=draw.choice((None, "US", "DE")),
        silence="accepts" if draw.random() < 0.15 else "declines",
        minimum=draw.choice((None, None, 8)),
        multiple=draw.choice((None, None, 4)),
        maximum_price=draw.choice((None, None, 3)),
        threshold=threshold,
        aggregates=None if threshold is None else draw.choice((None, 20)),
        material_change=draw.choice((None, 10)),
        revives=draw.choice((None, None, 45)),
    )


def _drawn_windows(draw: Random) -> tuple[tuple[int | None, int], ...]:
    sizes: tuple[int | None, ...] = draw.choice(((None,), (None,), (20, None), (20, 70, None)))
    return tuple((size, draw.randint(1, 15)) for size in sizes)
