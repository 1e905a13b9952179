"""What the broker does where agreements are silent: recorded by hash with every entry, so that it can be looked up."""

from __future__ import annotations

from dataclasses import dataclass
from decimal import Decimal
from typing import Final

from pydantic import TypeAdapter

from offtake.broker.documents import canonical, sha256
from offtake.domain.errors import InvalidInput

TIE_RULE: Final = "equal cost: the bid made first, then the lower id"


@dataclass(frozen=True, slots=True, kw_only=True)
class Policy:
    """Rules of the house.

    A notice is deemed received at 09:00 UTC so many business days after it was sent (0: when it is sent). An award
    stops at a relative gap. `maximum_terms_years` bounds terms; the other bounds keep every entry small.
    """

    deemed_received_business_days: int = 0
    gap: Decimal = Decimal("0.000001")
    maximum_term_years: int = 60
    maximum_bids_per_need: int = 200
    maximum_tranches: int = 12
    maximum_due_per_entry: int = 500
    maximum_counterfactuals: int = 8


_ADAPTER: Final = TypeAdapter(Policy)


def policy_document(policy: Policy) -> str:
    """A policy as canonical JSON."""
    return canonical(_ADAPTER.dump_python(policy, mode="json"))


def policy_hash(policy: Policy) -> str:
    """What names a policy."""
    return sha256(policy_document(policy))


def policy_of(document: str) -> Policy:
    """The policy in a document. Raises InvalidInput if it is none."""
    try:
        return _ADAPTER.validate_json(document)
    except ValueError as error:
        raise InvalidInput(f"the policy's document cannot be read: {error}") from None
