"""Agreements amended: an estate in which an agreement has one amendment more."""

from __future__ import annotations

import json
from datetime import date
from typing import Any, Final, cast

from offtake.broker.documents import estate_document, estate_of
from offtake.domain.errors import InvalidInput
from offtake.domain.estate import Estate
from offtake.law.compile import compile_law

MAXIMUM_BYTES: Final = 262_144


def amended(estate: Estate, agreement: str, amendment: str, today: date) -> Estate:
    """The estate with an amendment, given as JSON of the shape that an estate file has.

    It is known from its `signed`, or from today if that is left out; nothing is signed before today, for what the
    ledger decided until now was decided without it. Raises InvalidInput if it cannot be used.
    """
    if len(amendment.encode()) > MAXIMUM_BYTES:
        raise InvalidInput(f"an amendment has at most {MAXIMUM_BYTES:,} bytes")
    if agreement not in estate.agreements:
        known = ", ".join(sorted(estate.agreements)) or "none"
        raise InvalidInput(f"the estate has no agreement `{agreement}`", hint=f"agreements: {known}")
    try:
        stated = json.loads(amendment)
    except ValueError as error:
        raise InvalidInput(f"the amendment is not JSON: {error}") from None
    if not isinstance(stated, dict):
        raise InvalidInput("the amendment is a mapping with `ends:`, `clauses:` or both")
    record = cast("dict[str, Any]", stated)
    record.setdefault("signed", today.isoformat())
    if str(record["signed"]) < today.isoformat():
        raise InvalidInput(f"the amendment is signed on {record['signed']}, before today, {today}")
    document = json.loads(estate_document(estate))
    entry = document["agreements"][agreement]
    entry["amendments"] = [*entry.get("amendments", ()), record]
    changed = estate_of(json.dumps(document))
    compile_law(changed)  # Every clause can be used, or it is refused here.
    return changed
