"""Who is awarded what: sources, the program over them, the proposal that it makes, and the grants."""

from offtake.broker.awarding.granting import admitted, grants_of, parts_of
from offtake.broker.awarding.proposing import Impossible, Proposal, proposal
from offtake.broker.awarding.sources import bid_lease, per_hour, without_holds

__all__ = [
    "Impossible",
    "Proposal",
    "admitted",
    "bid_lease",
    "grants_of",
    "parts_of",
    "per_hour",
    "proposal",
    "without_holds",
]
