"""Errors as RFC 9457 problems. They say what is wrong and what to try, and nothing that a reader may not see."""

from __future__ import annotations

import json
import logging
from collections.abc import Mapping
from typing import Any, Final

from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException

from offtake.domain.errors import Conflict, InvalidInput, OfftakeError

MEDIA_TYPE: Final = "application/problem+json"
MAXIMUM_SHOWN: Final = 5
RETRY_AFTER_S: Final = 1
log = logging.getLogger("offtake.api")


class ProblemBody(BaseModel):
    """What stands in a problem (RFC 9457, section 3)."""

    type: str
    title: str
    status: int
    detail: str | None = None
    hint: str | None = None


TITLES: Final[Mapping[int, tuple[str, str]]] = {
    400: ("bad-request", "The request cannot be read"),
    401: ("unauthenticated", "A token is needed"),
    403: ("forbidden", "The token does not allow this"),
    404: ("not-found", "There is nothing of that name"),
    405: ("method-not-allowed", "The resource has no such method"),
    408: ("too-slow", "The request did not arrive in time"),
    409: ("conflict", "Somebody else was there first"),
    412: ("version", "It has another version by now"),
    413: ("too-large", "The request is too large"),
    415: ("media-type", "The body must be JSON"),
    422: ("unusable", "The request cannot be meant"),
    429: ("too-many", "Too many requests"),
    500: ("fault", "The server has a fault"),
    503: ("unavailable", "The ledger cannot be used now"),
}


class Problem(Exception):
    """A problem to answer with."""

    def __init__(
        self,
        status: int,
        detail: str | None = None,
        *,
        hint: str | None = None,
        headers: Mapping[str, str] | None = None,
    ) -> None:
        super().__init__(detail or status)
        self.status, self.detail, self.hint = status, detail, hint
        self.headers = dict(headers or {})


def problem_bytes(status: int, detail: str | None = None, hint: str | None = None) -> bytes:
    """The body of a problem."""
    name, title = TITLES.get(status, ("error", "Error"))
    body: dict[str, Any] = {"type": f"urn:offtake:problem:{name}", "title": title, "status": status}
    if detail:
        body["detail"] = detail
    if hint:
        body["hint"] = hint
    return json.dumps(body, ensure_ascii=False).encode()


def answer(problem: Problem) -> Response:
    """A problem as a response."""
    return Response(
        problem_bytes(problem.status, problem.detail, problem.hint),
        problem.status,
        problem.headers,
        MEDIA_TYPE,
    )


def documented(*statuses: int) -> dict[int | str, dict[str, Any]]:
    """The problems of an operation, for its OpenAPI document."""
    schema = {"$ref": "#/components/schemas/ProblemBody"}
    always = (400, 401, 403, 413, 422, 429, 500, 503)
    return {
        status: {"description": TITLES[status][1], "content": {MEDIA_TYPE: {"schema": schema}}}
        for status in sorted({*always, *statuses})
    }


def of_error(error: OfftakeError) -> Problem:
    """The problem that an error of the broker is."""
    if isinstance(error, InvalidInput):
        return Problem(422, error.message, hint=error.hint)
    if isinstance(error, Conflict):
        return Problem(409, error.message, hint=error.hint)
    # Where the ledger is, and what its database said, is for the operator's log alone.
    log.error("failed: %s", error.message)
    return Problem(
        503,
        "nothing was recorded, or the same key gives what came of it",
        headers={"Retry-After": str(RETRY_AFTER_S)},
    )


def install(app: FastAPI) -> None:
    """Makes every error of an app a problem."""

    def problem(_: Request, error: Exception) -> Response:
        return answer(error if isinstance(error, Problem) else Problem(500))

    def broker(_: Request, error: Exception) -> Response:
        return answer(of_error(error) if isinstance(error, OfftakeError) else Problem(500))

    def invalid(_: Request, error: Exception) -> Response:
        found: list[Any] = list(error.errors()) if isinstance(error, RequestValidationError) else []
        said = [
            f"{'.'.join(str(part) for part in one['loc'])}: {one['msg']}" for one in found[:MAXIMUM_SHOWN]
        ]
        more = f"; and {len(found) - MAXIMUM_SHOWN} more" if len(found) > MAXIMUM_SHOWN else ""
        return answer(Problem(422, "; ".join(said)[:2000] + more))

    def http(_: Request, error: Exception) -> Response:
        if not isinstance(error, HTTPException):
            return answer(Problem(500))
        return answer(Problem(error.status_code, headers=error.headers))

    def fault(request: Request, error: Exception) -> Response:
        log.error("fault at %s %s", request.method, request.url.path, exc_info=error)
        return answer(Problem(500))

    app.add_exception_handler(Problem, problem)
    app.add_exception_handler(OfftakeError, broker)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)
    app.add_exception_handler(Exception, fault)
