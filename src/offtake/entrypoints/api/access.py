"""Who calls: the token of a request, the rate of its caller, and the log of denials. In doubt nobody is let in."""

from __future__ import annotations

import logging
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime
from math import ceil
from typing import TYPE_CHECKING, Annotated, Protocol

from fastapi import Depends, Request
from fastapi.routing import APIRoute
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer

from offtake.broker.audience import Audience
from offtake.entrypoints.api.limits import RateLimit, denial_line
from offtake.entrypoints.api.problems import Problem

if TYPE_CHECKING:
    from offtake.broker.service import Broker

log = logging.getLogger("offtake.api")


class Token(Protocol):
    """What the service asks of a token."""

    @property
    def id(self) -> str:
        """What logs and the ledger call it."""
        ...

    @property
    def audience(self) -> Audience:
        """Whom it speaks for."""
        ...


class Tokens(Protocol):
    """Where tokens are looked up."""

    def found(self, secret: str) -> Token | str:
        """The token, or why it is none."""
        ...


@dataclass(frozen=True)
class Service:
    """What the API works with: a broker, its tokens, its bounds and a clock."""

    broker: Broker
    tokens: Tokens
    clock: Callable[[], datetime]
    by_token: RateLimit
    by_address: RateLimit
    streams: int = 64  # Event streams at once.


@dataclass(frozen=True, slots=True)
class Caller:
    """A request's token, admitted."""

    token: str
    audience: Audience
    secret: str

    @property
    def by(self) -> str:
        """What the ledger keeps of who gave a command: whom the token speaks for, and which it was."""
        return f"{self.audience.name}/{self.token}"

    def key(self, stated: str) -> str:
        """An idempotency key in a room of its own for each party, so that nobody meets another's."""
        return f"{self.audience.role}:{self.audience.name}:{stated}"


bearer = HTTPBearer(auto_error=False, description="A token made by `offtake broker token create`.")


def service_of(request: Request) -> Service:
    """What the app was made with."""
    found: Service = request.app.state.service
    return found


def address(request: Request) -> str:
    """Where a request comes from."""
    return request.client.host if request.client else "unknown"


def caller(
    request: Request, given: Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
) -> Caller:
    """The caller of a request. Raises a Problem: 401 without a token that holds, 429 beyond its rate."""
    service = service_of(request)
    if given is None:
        _slow(service.by_address, address(request), request, None)
        raise deny(request, 401, "no token was given")
    found = service.tokens.found(given.credentials)
    if isinstance(found, str):
        _slow(service.by_address, address(request), request, None)
        raise deny(request, 401, found)
    _slow(service.by_token, found.id, request, found.id)
    return Caller(found.id, found.audience, given.credentials)


Admitted = Annotated[Caller, Depends(caller)]


def exact_query(request: Request) -> None:
    """Refuses parameters that a resource does not have: a misspelt filter must not show more than was asked for.

    Raises a Problem."""
    route = request.scope.get("route")
    if not isinstance(route, APIRoute):
        return
    known = {field.alias for field in route.dependant.query_params}
    given = [name for name, _ in request.query_params.multi_items()]
    wrong = next((name for name in given if name not in known or given.count(name) > 1), None)
    if wrong is not None:
        raise Problem(422, f"there is no parameter `{wrong[:80]}` here, or it stands twice")


def _slow(limit: RateLimit, who: str, request: Request, token: str | None) -> None:
    wait = limit.wait_s(who)
    if wait:
        problem = deny(request, 429, "the rate was passed", token)
        problem.headers["Retry-After"] = str(ceil(wait))
        raise problem


def deny(request: Request, status: int, why: str, token: str | None = None) -> Problem:
    """A denial, logged without secrets."""
    line = denial_line(
        status=status,
        why=why,
        token=token,
        address=address(request),
        method=request.method,
        path=request.url.path[:200],
    )
    log.warning("%s", line)
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return Problem(status, why, headers=headers)
