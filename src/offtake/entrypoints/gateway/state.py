"""State that lives at one upstream: found for a request that builds on it, and noted of an answer that made it."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final, cast

import orjson

from offtake.adapters.wire.bodies import Body
from offtake.adapters.wire.translation.neutral import Cannot
from offtake.adapters.wire.translation.sse import EventReader, inner, object_of, word
from offtake.entrypoints.gateway.relay import Relay
from offtake.router.affinity import State
from offtake.router.table import Entry

if TYPE_CHECKING:
    from offtake.entrypoints.gateway.connection import Connection
    from offtake.entrypoints.gateway.exchange import Exchange
    from offtake.entrypoints.gateway.service import Service

LONGEST_ID: Final = 256  # Characters of an id that is looked up or kept.
STATE_ELSEWHERE: Final = (
    "the state that this request builds on lives at one upstream, and several may serve it: "
    "send the whole conversation instead"
)
STATE_OF_OTHERS: Final = "the state that this request builds on was not made with this key"
FILES_ELSEWHERE: Final = (
    "files, containers and vector stores live at one upstream, and several may serve the request: "
    "send what is in them instead"
)
# Inside a JSON text the quotes would be escaped, so these are keys wherever they stand.
_FILES: Final = re.compile(rb'"(?:file_id|file_ids|vector_store_ids|container_id)"\s*:')
Denial = tuple[int, str, str, str | None]


def only_holder(entries: tuple[Entry, ...]) -> str | None:
    """The only deployment that could hold a state; None if there are several or none."""
    holders = {c.supply.deployment for e in entries for c in e.candidates}
    return holders.pop() if len(holders) == 1 else None


def names_files(raw: bytes) -> bool:
    """Whether a body names what lives beside a conversation at one upstream."""
    return b"_id" in raw and _FILES.search(raw) is not None


def holder_of(service: Service, owner: str, body: Body, entries: tuple[Entry, ...]) -> str | Denial:
    """The deployment that holds what a request builds on, or why there is none that may be asked."""
    pinned: str | None = None
    for state, field, id in _states(body):
        found = service.affinity.holder(state, id, owner, service.wall())
        if found is not None and found.owner != owner:
            return 400, STATE_OF_OTHERS, "state_of_others", field
        holder = only_holder(entries) if found is None else found.deployment
        if holder is None or (pinned is not None and holder != pinned):
            return 400, STATE_ELSEWHERE, "state_elsewhere", field
        pinned = holder
    return (400, STATE_ELSEWHERE, "state_elsewhere", "conversation") if pinned is None else pinned


def _states(body: Body) -> list[tuple[State, str, str]]:
    """What a request builds on: of what kind, in which field, under which id."""
    found: list[tuple[State, str, str]] = []
    response, conversation = body.value("previous_response_id"), body.value("conversation")
    if isinstance(conversation, dict):
        conversation = cast("dict[str, Any]", conversation).get("id")
    if response is not None:
        found.append(("response", "previous_response_id", str(response)[:LONGEST_ID]))
    if conversation is not None:
        found.append(("conversation", "conversation", str(conversation)[:LONGEST_ID]))
    return found


def cache_of(service: Service, owner: str, body: Body) -> str | None:
    """The deployment where the prompt of a request stood in a cache last; None if that is not known."""
    id = body.value("prompt_cache_key")
    if not isinstance(id, str):
        return None
    found = service.affinity.holder("cache", id[:LONGEST_ID], owner, service.wall())
    return None if found is None else found.deployment


class RespondingRelay(Relay):
    """The answer to a request for a response: its id, and its conversation's, are noted with where it lives."""

    __slots__ = ("_events",)

    def __init__(self, exchange: Exchange, connection: Connection, *, hides: bool) -> None:
        super().__init__(exchange, connection, hides=hides)
        self._events: EventReader | None = EventReader()

    def data(self, piece: bytes) -> None:
        """A piece of an answer; of a stream the first event names the response."""
        if self._mode == "stream" and self._events is not None:
            try:
                for event in self._events.feed(piece):
                    self._note(inner(object_of(event), "response"))
                    self._events = None
                    break
            except Cannot:
                self._events = None
        super().data(piece)

    def _ended_whole(self) -> None:
        if self.status < 300:
            try:
                found = orjson.loads(b"".join(self._pieces))
            except orjson.JSONDecodeError:
                found = None
            if isinstance(found, dict):
                self._note(cast("dict[str, Any]", found))
        super()._ended_whole()

    def _note(self, response: dict[str, Any]) -> None:
        self._exchange.lives_here("response", word(response.get("id")))
        self._exchange.lives_here("conversation", word(inner(response, "conversation").get("id")))
