"""The one door for commands: `POST /v1/commands`."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from decimal import Decimal
from typing import Annotated, Any, Final, cast

from fastapi import APIRouter, Body, Depends, Header, Request
from fastapi.responses import Response
from pydantic import TypeAdapter

from offtake.broker.audience import ANSWERED, Answered, answered, denied, unknown_fields
from offtake.broker.commands import Command, FileNeed
from offtake.broker.deciding import subject_of
from offtake.broker.quoting import QUOTE, Quote
from offtake.domain.errors import Conflict
from offtake.entrypoints.api.access import Admitted, Caller, Service, deny, service_of
from offtake.entrypoints.api.instants import Instant
from offtake.entrypoints.api.problems import Problem, documented

router = APIRouter()
COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Command)
ETAG: Final = re.compile(r'"(0|[1-9]\d{0,14})"')
MAXIMUM_KEY: Final = 100
MAXIMUM_TEXT: Final = 100_000
MAXIMUM_NAME: Final = 200
MAXIMUM_DIGITS: Final = 18
_LONG_TEXTS: Final = frozenset({"amendment"})

Key = Annotated[
    str,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=MAXIMUM_KEY,
        pattern=r"^[!-~]+$",
        description="The same command with the same key counts once.",
    ),
]
IfMatch = Annotated[
    str | None,
    Header(
        alias="If-Match",
        pattern=r'^"(0|[1-9][0-9]{0,14})"$',
        description="The ETag of the need or lease that the command is about; 412 if it has another by now.",
    ),
]
At = Annotated[
    Instant | None,
    Header(alias="Offtake-At", description="The time, on a ledger opened for rehearsal; for operators."),
]


async def exact_fields(request: Request, _: Admitted) -> None:
    """Refuses fields that no command has: a misspelt limit must not be lost. Raises a Problem."""
    body = await request.body()
    try:
        given = json.loads(body)
        understood = COMMAND.dump_python(COMMAND.validate_python(given), mode="json")
    except (ValueError, RecursionError):
        return  # What cannot be read at all is answered where it is parsed.
    unknown = list(unknown_fields(given, understood))[:5]
    if unknown:
        raise Problem(422, f"there is no field {', '.join(name[:80] for name in unknown)}")


_WHAT = {
    201: {"model": Answered, "description": "Recorded: what happened, or the reasons of a refusal"},
    200: {"model": Answered, "description": "Recorded before under this key, or nothing was due"},
}


@router.post(
    "/v1/commands",
    status_code=201,
    response_model=None,
    responses={**_WHAT, **documented(404, 408, 409, 412)},
    dependencies=[Depends(exact_fields)],
    operation_id="giveCommand",
    summary="Give a command",
)
def give(
    request: Request,
    caller: Admitted,
    command: Annotated[Command, Body()],
    key: Key,
    if_match: IfMatch = None,
    at: At = None,
) -> Response:
    """Gives a command. A refusal by the law is an answer, not an error: it is on the ledger, with its clauses."""
    service = service_of(request)
    _bounded(COMMAND.dump_python(command))
    # What is at hand mostly suffices; before anything is denied the ledger is looked at again.
    denial = denied(service.broker.at_hand, caller.audience, command)
    if denial is not None:
        denial = denied(service.broker.state(), caller.audience, command)
    if denial is not None:
        raise deny(request, 404 if denial.absent else 403, denial.text, caller.token)
    if at is not None and caller.audience.role != "operator":
        raise deny(request, 403, "only an operator states the time", caller.token)
    found = _given(service, caller, command, key, if_match, at)
    return Response(
        ANSWERED.dump_json(found, exclude_none=False),
        200 if found.repeated or found.seq is None else 201,
        media_type="application/json",
    )


@router.post(
    "/v1/quotes",
    response_model=None,
    responses={200: {"model": Quote, "description": "Who is asked, and what supplies have"}, **documented()},
    dependencies=[Depends(exact_fields)],
    operation_id="quote",
    summary="What a need would be answered now",
)
def quotes(request: Request, caller: Admitted, command: Annotated[FileNeed, Body()]) -> Response:
    """A quote binds nobody, and nothing is recorded. It shows prices and clauses of many parties."""
    if not caller.audience.whole:
        raise deny(request, 403, "quotes are for operators and auditors", caller.token)
    _bounded(COMMAND.dump_python(command))
    found = service_of(request).broker.quote(command.need)
    return Response(QUOTE.dump_json(found), media_type="application/json")


def _given(
    service: Service, caller: Caller, command: Command, key: str, if_match: str | None, at: datetime | None
) -> Answered:
    expected = _version(if_match)
    if expected is not None and caller.audience.role == "provider":
        raise Problem(400, "a provider is shown no versions, so that it cannot name one")
    try:
        outcome = service.broker.submit(
            command, key=caller.key(key), by=caller.by, expected_version=expected, at=_zoned(at)
        )
    except Conflict as error:
        subject = subject_of(command)
        version = service.broker.state().versions.get(subject or "", 0)
        if expected is not None and version != expected:
            raise Problem(412, error.message, hint=error.hint) from None
        raise Problem(409, f"the key `{key}` was used for another command") from None
    return answered(outcome.state, caller.audience, outcome.entry, repeated=outcome.repeated)


def _zoned(at: datetime | None) -> datetime | None:
    return at.replace(tzinfo=UTC) if at is not None and at.tzinfo is None else at


def _version(if_match: str | None) -> int | None:
    if if_match is None:
        return None
    found = ETAG.fullmatch(if_match)
    if found is None:
        raise Problem(400, "If-Match must be a strong ETag of this server")
    return int(found[1])


def _bounded(value: object, name: str = "") -> None:
    """Holds numbers and texts within what can be meant. Raises a Problem."""
    for where, one in _leaves(value, name):
        if isinstance(one, Decimal):
            if not one.is_finite() or (one and one.adjusted() > MAXIMUM_DIGITS):
                raise Problem(422, f"{where}: at most {MAXIMUM_DIGITS} digits before the point")
            exponent = one.as_tuple().exponent
            if isinstance(exponent, int) and exponent < -MAXIMUM_DIGITS:
                raise Problem(422, f"{where}: at most {MAXIMUM_DIGITS} digits after the point")
        elif isinstance(one, str):
            longest = MAXIMUM_TEXT if where in _LONG_TEXTS else MAXIMUM_NAME
            if len(one) > longest:
                raise Problem(422, f"{where}: at most {longest:,} characters")
            if not (one.isprintable() or where in _LONG_TEXTS) or "\x00" in one:
                raise Problem(422, f"{where}: control characters are not allowed")


def _leaves(value: object, name: str) -> Iterator[tuple[str, object]]:
    if isinstance(value, Mapping):
        for key, one in cast("Mapping[str, Any]", value).items():
            yield from _leaves(one, key)
    elif isinstance(value, list | tuple):
        for one in cast("list[Any]", value):
            yield from _leaves(one, name)
    else:
        yield name, value
