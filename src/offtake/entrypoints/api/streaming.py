"""Server-sent events of what the ledger tells others. A stream that breaks goes on after `Last-Event-ID`."""

from __future__ import annotations

import asyncio
import re
from collections.abc import AsyncIterator, Iterator
from itertools import islice
from typing import Annotated, Final

from fastapi import APIRouter, Header, Query, Request
from fastapi.responses import StreamingResponse
from starlette.concurrency import run_in_threadpool

from offtake.broker.audience import told
from offtake.entrypoints.api.access import Admitted, Caller, Service, service_of
from offtake.entrypoints.api.problems import Problem, documented

router = APIRouter()
POLL_S: Final = 0.25
HEARTBEAT_S: Final = 15.0
LONGEST_S: Final = 3600.0
CHUNK: Final = 200
_PLACE: Final = re.compile(r"(\d{1,15})(?:-(\d{1,6}))?")

EVENT: Final = {
    "type": "object",
    "properties": {name: {"type": "string"} for name in ("id", "event", "data")},
    "required": ["id", "event", "data"],
}

Message = tuple[int, int, str, str]


@router.get(
    "/v1/events",
    response_class=StreamingResponse,
    responses={
        200: {"content": {"text/event-stream": {"schema": EVENT}}, "description": "Events"},
        **documented(),
    },
    operation_id="events",
    summary="What the ledger tells the caller, as it happens",
)
async def events(
    request: Request,
    caller: Admitted,
    after: Annotated[int, Query(ge=0, le=10**15, description="Events of entries after this one.")] = 0,
    last: Annotated[str | None, Header(alias="Last-Event-ID", pattern=r"^[0-9]{1,15}(-[0-9]{1,6})?$")] = None,
    follow: Annotated[bool, Query(description="Go on with what comes; else end with what there is.")] = True,
) -> StreamingResponse:
    """Events as `id`, `event` (the topic) and `data` (JSON); only those that the caller may see."""
    start = _start(last, after)
    service = service_of(request)
    streams: list[str] = request.app.state.streams
    if len(streams) >= service.streams:
        raise Problem(429, "too many event streams are open", headers={"Retry-After": "30"})
    streams.append(caller.token)
    return StreamingResponse(
        _stream(request, service, caller, start, streams, follow=follow),
        media_type="text/event-stream",
        headers={"Cache-Control": "no-store", "X-Accel-Buffering": "no"},
    )


def _start(last: str | None, after: int) -> tuple[int, int]:
    if last is None:
        return after + 1, -1
    found = _PLACE.fullmatch(last)
    if found is None:
        raise Problem(400, "Last-Event-ID is none of this server's")
    return int(found[1]), int(found[2] or 0)


async def _stream(
    request: Request,
    service: Service,
    caller: Caller,
    start: tuple[int, int],
    streams: list[str],
    *,
    follow: bool,
) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    began = beat = loop.time()
    seq, place = start
    try:
        while True:
            # A token that was revoked or has expired sees nothing more from the next look on.
            found = await run_in_threadpool(service.tokens.found, caller.secret)
            if isinstance(found, str):
                return
            read, messages = await run_in_threadpool(_news, service, caller, seq, place)
            for entry, at, topic, body in messages:
                yield f"id: {entry}-{at}\nevent: {topic}\ndata: {body}\n\n"
            if read >= seq:
                seq, place, beat = read + 1, -1, loop.time()
                continue
            if not follow or loop.time() - began > LONGEST_S or await request.is_disconnected():
                return
            if loop.time() - beat > HEARTBEAT_S:
                beat = loop.time()
                yield ": still here\n\n"
            await asyncio.sleep(POLL_S)
    finally:
        streams.remove(caller.token)


def _news(service: Service, caller: Caller, seq: int, place: int) -> tuple[int, list[Message]]:
    """The number of the last entry read from `seq` on (less than it if there is none), and its messages."""
    head, _ = service.broker.ledger.head()
    if head < seq:
        return seq - 1, []
    state = service.broker.state()
    read, found = seq - 1, list[Message]()
    entries = service.broker.ledger.entries(seq - 1, seq - 1 + CHUNK)
    for entry in islice(entries, CHUNK):
        read = entry.seq
        messages: Iterator[tuple[int, str, str]] = told(state, caller.audience, entry)
        found.extend(
            (entry.seq, at, topic, body) for at, topic, body in messages if entry.seq > seq or at > place
        )
    return read, found
