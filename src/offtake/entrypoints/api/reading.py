"""What may be read: needs, leases, supplies, entries and balances, page by page, with ETags."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import UTC, datetime
from hashlib import sha256
from itertools import islice
from typing import Annotated, Any, Final, Generic, TypeVar

from fastapi import APIRouter, Header, Path, Query, Request
from fastapi.responses import Response
from pydantic import BaseModel, TypeAdapter

from offtake.broker.door import in_force
from offtake.broker.entries import Entry
from offtake.broker.state import State
from offtake.broker.views import (
    LEASE,
    NEED,
    LeaseView,
    NeedView,
    Standing,
    SupplyView,
    lease_of,
    leases_of,
    need_of,
    needs_of,
    standing_of,
    supplies_of,
)
from offtake.entrypoints.api.access import Admitted, Caller, deny, service_of
from offtake.entrypoints.api.instants import Instant
from offtake.entrypoints.api.problems import Problem, documented

router = APIRouter()
Item = TypeVar("Item")
MAXIMUM_PAGE: Final = 500
EARLIEST: Final = datetime(1970, 1, 1, tzinfo=UTC)
LATEST: Final = datetime(2200, 1, 1, tzinfo=UTC)

Limit = Annotated[int, Query(ge=1, le=MAXIMUM_PAGE, description="At most so many.")]
After = Annotated[str, Query(max_length=200, description="Those after this one: `next` of the page before.")]
Id = Annotated[str, Path(min_length=1, max_length=200)]
About = Annotated[
    Instant | None, Query(description="As it will stand then, if nothing is recorded; by 2200.")
]
IfNoneMatch = Annotated[str | None, Header(alias="If-None-Match", max_length=200)]
NOT_MODIFIED: Final[dict[int | str, dict[str, Any]]] = {304: {"description": "It is as before"}}


class Page(BaseModel, Generic[Item]):
    """A page; `next` is `after` of the next one, None on the last."""

    items: tuple[Item, ...]
    next: str | None = None


class Balance(BaseModel):
    """The sum of the postings of an account in a unit: micro-units of money, thousandths of hours."""

    account: str
    unit: str
    amount: int


class Health(BaseModel):
    """That the server answers."""

    status: str


def _page(found: Iterable[Any], limit: int) -> tuple[tuple[Any, ...], bool]:
    some = tuple(islice(found, limit + 1))
    return some[:limit], len(some) > limit


def _state(request: Request, at: datetime | None) -> State:
    if at is None:
        return service_of(request).broker.state()
    when = at.replace(tzinfo=UTC) if at.tzinfo is None else at
    return service_of(request).broker.state(min(max(when, EARLIEST), LATEST).astimezone(UTC))


def _tagged(body: bytes, version: int | None, if_none_match: str | None) -> Response:
    """A body with its ETag: the version in the ledger, or a weak one of what is shown to who is shown no versions."""
    tag = f'W/"{sha256(body).hexdigest()[:32]}"' if version is None else f'"{version}"'
    known = {one.strip() for one in (if_none_match or "").split(",")}
    if tag in known or "*" in known:
        return Response(status_code=304, headers={"ETag": tag})
    return Response(body, headers={"ETag": tag}, media_type="application/json")


@router.get("/v1/health", operation_id="health", summary="Whether the server answers")
def health() -> Health:
    """Says nothing of the ledger, and asks for no token."""
    return Health(status="ok")


@router.get(
    "/v1/standing", responses=documented(), operation_id="standing", summary="Where the ledger stands"
)
def standing(request: Request, _: Admitted, at: About = None) -> Standing:
    """Entries, the law in force, currency and clock."""
    state = _state(request, at)
    return standing_of(state, in_force(service_of(request).broker, state))


@router.get("/v1/needs", responses=documented(), operation_id="needs", summary="Needs by id")
def needs(
    request: Request,
    caller: Admitted,
    after: After = "",
    limit: Limit = 100,
    stage: Annotated[str | None, Query(max_length=40)] = None,
    at: About = None,
) -> Page[NeedView]:
    """The needs that the caller may see; a provider finds the market under `stage=overflow`."""
    found = needs_of(_state(request, at), caller.audience, after)
    items, more = _page((one for one in found if stage in (None, one.stage)), limit)
    return Page(items=items, next=items[-1].id if more else None)


@router.get(
    "/v1/needs/{id}",
    response_model=None,
    responses={200: {"model": NeedView}, **NOT_MODIFIED, **documented(404)},
    operation_id="need",
    summary="One need",
)
def need(
    request: Request, caller: Admitted, id: Id, at: About = None, if_none_match: IfNoneMatch = None
) -> Response:
    """A need, with its version as ETag."""
    found = need_of(_state(request, at), id, caller.audience)
    if found is None:
        raise Problem(404, f"there is no need `{id}`")
    return _tagged(NEED.dump_json(found), found.version, if_none_match)


@router.get("/v1/leases", responses=documented(), operation_id="leases", summary="Leases by id")
def leases(
    request: Request, caller: Admitted, after: After = "", limit: Limit = 100, at: About = None
) -> Page[LeaseView]:
    """The leases that the caller is a party to; all for operators and auditors."""
    items, more = _page(leases_of(_state(request, at), caller.audience, after), limit)
    return Page(items=items, next=items[-1].id if more else None)


@router.get(
    "/v1/leases/{id}",
    response_model=None,
    responses={200: {"model": LeaseView}, **NOT_MODIFIED, **documented(404)},
    operation_id="lease",
    summary="One lease",
)
def lease(
    request: Request, caller: Admitted, id: Id, at: About = None, if_none_match: IfNoneMatch = None
) -> Response:
    """A lease, with its version as ETag."""
    found = lease_of(_state(request, at), id, caller.audience)
    if found is None:
        raise Problem(404, f"there is no lease `{id}`")
    return _tagged(LEASE.dump_json(found), found.version, if_none_match)


@router.get(
    "/v1/supplies", responses=documented(), operation_id="supplies", summary="Supplies that can be leased"
)
def supplies(request: Request, caller: Admitted, after: After = "", limit: Limit = 100) -> Page[SupplyView]:
    """The supplies of the estate, without prices; to a provider its own."""
    broker = service_of(request).broker
    found = supplies_of(in_force(broker, broker.state()), caller.audience)
    items, more = _page((one for one in found if one.id > after), limit)
    return Page(items=items, next=items[-1].id if more else None)


def _whole(request: Request, caller: Caller) -> None:
    if not caller.audience.whole:
        raise deny(request, 403, "entries are for operators and auditors", caller.token)


@router.get("/v1/entries", responses=documented(), operation_id="entries", summary="Entries, oldest first")
def entries(
    request: Request,
    caller: Admitted,
    after: Annotated[int, Query(ge=0, le=10**15)] = 0,
    limit: Limit = 100,
) -> Response:
    """Whole entries of the ledger, for operators and auditors."""
    _whole(request, caller)
    found = service_of(request).broker.ledger.entries(after, after + limit + 1)
    items, more = _page(found, limit)
    page = Page[Entry](items=items, next=str(items[-1].seq) if more else None)
    return Response(TypeAdapter(Page[Entry]).dump_json(page), media_type="application/json")


@router.get(
    "/v1/balances", responses=documented(), operation_id="balances", summary="Balances of the accounts"
)
def balances(
    request: Request, caller: Admitted, prefix: Annotated[str, Query(max_length=200)] = ""
) -> Page[Balance]:
    """Balances by account and unit; to a tenant or a provider those of its own accounts."""
    rows = service_of(request).broker.ledger.balances(prefix)
    own = None if caller.audience.whole else f"{caller.audience.party}:"
    return Page(
        items=tuple(
            Balance(account=account, unit=unit, amount=amount)
            for account, unit, amount in rows
            if own is None or account.startswith(own)
        )
    )
