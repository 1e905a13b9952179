"""The one table of the process: which move is legal in which stage of a deal, and where it leads."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Final, Literal

Stage = Literal[
    "drafted",
    "noticed",
    "accepted",
    "partly-accepted",
    "declined",
    "lapsed",
    "overflow",
    "revived",
    "awarded",
    "cancelled",
]
Move = Literal[
    "notice",
    "receive",
    "accept",
    "accept-part",
    "decline",
    "lapse",
    "open-market",
    "bid",
    "withdraw-bid",
    "revive",
    "award",
    "award-part",
    "cancel",
]

TRANSITIONS: Final[Mapping[tuple[Stage, Move], Stage]] = {
    ("drafted", "notice"): "noticed",
    ("drafted", "open-market"): "overflow",
    ("noticed", "receive"): "noticed",
    ("noticed", "accept"): "accepted",
    ("noticed", "accept-part"): "partly-accepted",
    ("noticed", "decline"): "declined",
    ("noticed", "lapse"): "lapsed",
    # The next holder in rank is asked, or nobody is left and the rest goes to the market.
    ("partly-accepted", "notice"): "noticed",
    ("declined", "notice"): "noticed",
    ("lapsed", "notice"): "noticed",
    ("accepted", "open-market"): "overflow",
    ("partly-accepted", "open-market"): "overflow",
    ("declined", "open-market"): "overflow",
    ("lapsed", "open-market"): "overflow",
    # Material change, revival, aggregation, or a best bid that may be matched.
    ("overflow", "revive"): "revived",
    ("revived", "notice"): "noticed",
    ("revived", "open-market"): "overflow",
    ("accepted", "award"): "awarded",
    ("overflow", "award"): "awarded",
    ("overflow", "award-part"): "overflow",
    # Bids come in while holders are being asked, and wait for the market.
    ("drafted", "bid"): "drafted",
    ("noticed", "bid"): "noticed",
    ("accepted", "bid"): "accepted",
    ("overflow", "bid"): "overflow",
    ("noticed", "withdraw-bid"): "noticed",
    ("accepted", "withdraw-bid"): "accepted",
    ("overflow", "withdraw-bid"): "overflow",
    ("noticed", "cancel"): "cancelled",
    ("accepted", "cancel"): "cancelled",
    ("overflow", "cancel"): "cancelled",
}


def moved(stage: Stage, move: Move) -> Stage | None:
    """The stage that a move leads to; None if it is not legal here."""
    return TRANSITIONS.get((stage, move))


def legal(stage: Stage) -> tuple[Move, ...]:
    """The moves that are legal in a stage."""
    return tuple(move for here, move in TRANSITIONS if here == stage)
