"""The way in: who calls, what the body asks, and where such a request may go. What cannot be taken says why."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final, NamedTuple

from offtake.adapters.wire.bodies import Body, read_body
from offtake.adapters.wire.dialects import Operation, Tongue, route_of
from offtake.entrypoints.gateway.callers import Caller, Callers
from offtake.entrypoints.gateway.state import FILES_ELSEWHERE, cache_of, holder_of, names_files, only_holder
from offtake.router.choose import Asked
from offtake.router.table import Entry, Tokens

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.heads import Head
    from offtake.entrypoints.gateway.service import Service

MOST_OUT: Final = 4096  # Tokens that an answer is held at where the caller states no limit.
Denied = tuple[int, str, str, str | None]
"""Why a request is not taken: status, sentence, code and field."""


class Way(NamedTuple):
    """What a head asks for, worked out once for all requests that come with it."""

    callers: Callers  # Of which it holds; others may know other keys.
    caller: Caller | str  # Or why there is none.
    operation: Operation
    tongue: Tongue
    deployment: str | None  # That the path names as the model.
    json: bool  # Whether the body is said to be JSON, as it stands.
    stands_in: bool  # Whether another model may stand in.
    stricter: str | None  # A data class that the request states of itself.


def way_of(callers: Callers, head: Head) -> Way | None:
    """What a head asks for; None if it is not one of the paths of models."""
    route = route_of(head.path)
    if route is None or head.method != b"POST":
        return None
    headers = head.headers
    kind = headers.get(b"content-type", b"application/json")
    stated = headers.get(b"x-offtake-data-class")
    return Way(
        callers,
        callers.of(headers),
        *route,
        json=kind.lower().startswith(b"application/json") and b"content-encoding" not in headers,
        stands_in=headers.get(b"x-offtake-stand-in") != b"never",
        stricter=None if stated is None else stated.decode("latin-1"),
    )


def admit(service: Service, way: Way, raw: bytes) -> tuple[Caller, Body, Asked] | Denied:
    """Who asks and what for, or why not. Raises BadBody where the body could be read in two ways."""
    caller = way.caller
    if isinstance(caller, str):
        return 401, caller, "invalid_api_key", None
    if len(service.exchanges) >= service.limits.requests:
        return 503, "as many requests as this process bears are under way", "overloaded", None
    if service.receipts.failing is not None:
        return 503, "receipts cannot be written, and no request runs without one", "no_receipts", None
    if not way.json:
        text = "a request is `application/json`, without a content encoding"
        return 415, text, "unsupported_type", None
    body = read_body(raw, way.deployment)
    asked = asked_of(service, way, caller, body)
    return (caller, body, asked) if isinstance(asked, Asked) else asked


def asked_of(service: Service, way: Way, key: Caller, body: Body) -> Asked | Denied:
    """What the choice is asked for a body."""
    plans, operation, profile, model = service.plans, way.operation, key.profile, body.model
    if key.models and model not in key.models:
        return 403, f"the key is not for the model `{model}`", "model_not_allowed", "model"
    plan = plans.of(operation, profile, model)
    if plan is None:
        known = ", ".join(service.table.models.get(profile, ())) or "none"
        text = f"the class of this key has no model `{model}`; it has {known}"
        return 404, text, "model_not_found", "model"
    entries = plan.with_stand_ins if way.stands_in else plan.alone
    tightened: tuple[Entry, ...] = ()
    if way.stricter is not None:
        stricter = f"{profile}+{way.stricter}"
        if plans.of(operation, stricter, model) is None:
            text = "the header `x-offtake-data-class` names no data class of the estate"
            return 400, text, "unknown_class", None
        tightened, entries = entries, plans.stricter(operation, stricter, entries)
    pinned = prefers = None
    if body.builds_on_state:
        pinned = holder_of(service, key.id, body, entries)
        if isinstance(pinned, tuple):
            return pinned
    elif names_files(body.raw) and only_holder(entries) is None:
        return 400, FILES_ELSEWHERE, "state_elsewhere", "file_id"
    if "prompt_cache_key" in body:
        prefers = cache_of(service, key.id, body)
    size, most_out = len(body.raw), body.most_out
    guess = service.expected_out(profile, model)
    expected_out = guess if most_out is None or guess < most_out else most_out
    if operation == "embeddings":
        most_out = expected_out = 0
    most = Tokens(size // 2 + 1, 0, MOST_OUT if most_out is None else most_out)
    expected = Tokens(size // 4 + 1, 0, expected_out)
    if pinned is None and prefers is None:
        return Asked(entries, expected, most, tightened)
    return Asked(entries, expected, most, tightened, pinned=pinned, prefers=prefers)
