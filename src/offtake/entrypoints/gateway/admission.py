"""The way in: who calls, what the body asks, and where such a request may go. What cannot be taken says why."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Final

from offtake.adapters.wire.bodies import Body, read_body
from offtake.adapters.wire.dialects import Operation
from offtake.entrypoints.gateway.callers import Caller
from offtake.router.choose import Asked
from offtake.router.table import Entry, Tokens

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.connection import Incoming
    from offtake.entrypoints.gateway.service import Service

MOST_OUT: Final = 4096  # Tokens that an answer is held at where the caller states no limit.
STATE_ELSEWHERE: Final = (
    "the state that this request builds on lives at one upstream, and several may serve it: "
    "send the whole conversation instead"
)
Denied = tuple[int, str, str, str | None]
"""Why a request is not taken: status, sentence, code and field."""


def admit(
    service: Service, request: Incoming, operation: Operation, deployment: str | None
) -> tuple[Caller, Body, Asked] | Denied:
    """Who asks and what for, or why not. Raises BadBody where the body could be read in two ways."""
    headers = request.headers
    key = service.callers.of(headers)
    if isinstance(key, str):
        return 401, key, "invalid_api_key", None
    if len(service.exchanges) >= service.limits.requests:
        return 503, "as many requests as this process bears are under way", "overloaded", None
    if service.receipts.failing is not None:
        return 503, "receipts cannot be written, and no request runs without one", "no_receipts", None
    kind = headers.get(b"content-type", b"application/json")
    if not kind.lower().startswith(b"application/json") or b"content-encoding" in headers:
        text = "a request is `application/json`, without a content encoding"
        return 415, text, "unsupported_type", None
    body = read_body(request.body, deployment)
    asked = asked_of(service, key, body, operation, headers)
    return (key, body, asked) if isinstance(asked, Asked) else asked


def asked_of(
    service: Service, key: Caller, body: Body, operation: Operation, headers: Mapping[bytes, bytes]
) -> Asked | Denied:
    """What the choice is asked for a body."""
    table, plans, profile, model = service.table, service.plans, key.profile, body.model
    if key.models and model not in key.models:
        return 403, f"the key is not for the model `{model}`", "model_not_allowed", "model"
    entry = plans.entry(operation, profile, model)
    if entry is None:
        known = ", ".join(table.models.get(profile, ())) or "none"
        text = f"the class of this key has no model `{model}`; it has {known}"
        return 404, text, "model_not_found", "model"
    entries: tuple[Entry, ...] = (entry,)
    if headers.get(b"x-offtake-stand-in") != b"never":
        entries += plans.stand_ins(operation, profile, model)
    tightened: tuple[Entry, ...] = ()
    stated = headers.get(b"x-offtake-data-class")
    if stated is not None:
        stricter = f"{profile}+{stated.decode('latin-1')}"
        if (stricter, model) not in table.entries:
            text = "the header `x-offtake-data-class` names no data class of the estate"
            return 400, text, "unknown_class", None
        tightened, entries = entries, plans.stricter(operation, stricter, entries)
    if _builds_on_state(body) and _only_holder(entries) is None:
        return 400, STATE_ELSEWHERE, "state_elsewhere", "previous_response_id"
    fresh, most_out = len(body.raw) // 4 + 1, body.most_out
    guess = service.expected_out(profile, model)
    expected_out = guess if most_out is None else min(guess, most_out)
    if operation == "embeddings":
        most_out = expected_out = 0
    most = Tokens(len(body.raw) // 2 + 1, 0, MOST_OUT if most_out is None else most_out)
    return Asked(entries, Tokens(fresh, 0, expected_out), most, tightened)


def _only_holder(entries: tuple[Entry, ...]) -> str | None:
    """The only deployment that could hold a conversation's state; None if there are several or none."""
    holders = {c.supply.deployment for e in entries for c in e.candidates}
    return holders.pop() if len(holders) == 1 else None


def _builds_on_state(body: Body) -> bool:
    """Whether a request names something that only the upstream which made it knows."""
    return body.value("previous_response_id") is not None or body.value("conversation") is not None
