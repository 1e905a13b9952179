"""The typed client of a broker's API; see :class:`offtake.broker.door.Door`.

It tries again, with the same idempotency key, where a request may or may not have arrived: a command still counts once.
"""

from __future__ import annotations

import ssl
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime
from ipaddress import ip_address
from pathlib import Path
from typing import Any, Final, TypeVar, cast
from urllib.parse import quote, urlsplit

import httpx2
from pydantic import TypeAdapter, ValidationError

from offtake.broker.audience import ANSWERED, Answered
from offtake.broker.commands import Command, FileNeed
from offtake.broker.quoting import QUOTE, Quote
from offtake.broker.terms import Need
from offtake.broker.views import LeaseView, NeedView, Standing, SupplyView
from offtake.domain.errors import Conflict, InvalidInput, OfftakeError, StorageFailure, UpstreamFailure

TRIES: Final = 4
FIRST_WAIT_S: Final = 0.25
LONGEST_WAIT_S: Final = 5.0
TIMEOUT_S: Final = 30.0
MAXIMUM_PAGES: Final = 10_000
PAGE: Final = 500
COMMAND: Final[TypeAdapter[Command]] = TypeAdapter(Command)
_AGAIN: Final = frozenset({429, 502, 503, 504})
T = TypeVar("T")


class BrokerClient:
    """A broker behind a server. Tokens go to its address alone, and in the clear only to this machine. `authority` is a
    file of certificates to trust in the place of the public ones."""

    def __init__(
        self,
        url: str,
        token: str,
        *,
        authority: Path | None = None,
        transport: httpx2.BaseTransport | None = None,
        sleep: Callable[[float], None] = time.sleep,
    ) -> None:
        _check(url)
        if not token or not token.isascii() or not token.isprintable() or " " in token:
            raise InvalidInput("the token cannot be used", hint="it is one line such as ot-…")
        self._sleep = sleep
        self._http = httpx2.Client(
            verify=True if authority is None else _trusting(authority),
            base_url=url.rstrip("/"),
            headers={"Authorization": f"Bearer {token}"},
            timeout=TIMEOUT_S,
            follow_redirects=False,
            trust_env=False,
            transport=transport,
        )

    def submit(
        self,
        command: Command,
        *,
        key: str,
        by: str = "operator",
        expected_version: int | None = None,
        at: datetime | None = None,
    ) -> Answered:
        """Gives a command; durable when this returns. Who gives it is known by the token; `by` is not sent."""
        del by
        headers = {"Idempotency-Key": key}
        if expected_version is not None:
            headers["If-Match"] = f'"{expected_version}"'
        if at is not None:
            headers["Offtake-At"] = at.isoformat()
        body = COMMAND.dump_python(command, mode="json")
        return self._read(ANSWERED, self._ask("POST", "/v1/commands", headers=headers, json=body))

    def standing(self, at: datetime | None = None) -> Standing:
        """Where the ledger stands."""
        return self._read(TypeAdapter(Standing), self._ask("GET", "/v1/standing", params=_at(at)))

    def needs(self, at: datetime | None = None) -> Sequence[NeedView]:
        """All needs that the token may see, by id."""
        return tuple(self._pages(TypeAdapter(tuple[NeedView, ...]), "/v1/needs", _at(at)))

    def leases(self, at: datetime | None = None) -> Sequence[LeaseView]:
        """All leases that the token may see, by id."""
        return tuple(self._pages(TypeAdapter(tuple[LeaseView, ...]), "/v1/leases", _at(at)))

    def need(self, id: str) -> NeedView | None:
        """A need; None if there is none that the token may see."""
        return self._one(TypeAdapter(NeedView), f"/v1/needs/{quote(id, safe='')}")

    def lease(self, id: str) -> LeaseView | None:
        """A lease; None if there is none that the token may see."""
        return self._one(TypeAdapter(LeaseView), f"/v1/leases/{quote(id, safe='')}")

    def supplies(self) -> Sequence[SupplyView]:
        """All supplies that the token may see, by id."""
        return tuple(self._pages(TypeAdapter(tuple[SupplyView, ...]), "/v1/supplies", {}))

    def quote(self, need: Need) -> Quote:
        """What a need would be answered now; nothing is recorded. For operators and auditors."""
        body = COMMAND.dump_python(FileNeed(need=need), mode="json")
        return self._read(QUOTE, self._ask("POST", "/v1/quotes", json=body))

    def events(self, after: int = 0) -> Iterator[tuple[str, str, str]]:
        """Id, topic and body of what the ledger tells the token's owner, as it happens, until the server ends it."""
        said: dict[str, str] = {}
        with self._http.stream("GET", "/v1/events", params={"after": after}, timeout=60.0) as response:
            if response.status_code != 200:
                response.read()
                raise _error(response)
            for line in response.iter_lines():
                name, _, value = line.partition(": ")
                if name:
                    said[name] = value
                elif said:
                    yield said.get("id", ""), said.get("event", ""), said.get("data", "")
                    said = {}

    def close(self) -> None:
        """Lets go of connections."""
        self._http.close()

    def _one(self, adapter: TypeAdapter[T], path: str) -> T | None:
        response = self._ask("GET", path, missing=True)
        return None if response.status_code == 404 else self._read(adapter, response)

    def _pages(
        self, adapter: TypeAdapter[tuple[T, ...]], path: str, params: Mapping[str, str]
    ) -> Iterator[T]:
        after = ""
        for _ in range(MAXIMUM_PAGES):
            response = self._ask("GET", path, params={**params, "after": after, "limit": str(PAGE)})
            page = self._read(TypeAdapter(dict[str, Any]), response)
            try:
                yield from adapter.validate_python(page.get("items"))
            except ValidationError:
                raise _strange() from None
            after = page.get("next")
            if not isinstance(after, str):
                return

    def _ask(
        self,
        method: str,
        path: str,
        *,
        missing: bool = False,
        headers: Mapping[str, str] | None = None,
        params: Mapping[str, str] | None = None,
        json: object = None,
    ) -> httpx2.Response:
        """A response that succeeded, or one of 404 if `missing` is an answer."""
        problem: OfftakeError | None = None
        for tried in range(TRIES):
            if tried:
                self._sleep(min(FIRST_WAIT_S * 2 ** (tried - 1), LONGEST_WAIT_S))
            try:
                response = self._http.request(method, path, headers=headers, params=params, json=json)
            except httpx2.HTTPError as error:
                problem = UpstreamFailure(
                    f"the server did not answer: {type(error).__name__}",
                    hint="the same command with the same --key is safe to give again",
                )
                continue
            if response.is_success or (missing and response.status_code == 404):
                return response
            problem = _error(response)
            if response.status_code not in _AGAIN:
                break
        raise problem or UpstreamFailure("the server did not answer")

    def _read(self, adapter: TypeAdapter[T], response: httpx2.Response) -> T:
        try:
            return adapter.validate_json(response.content)
        except ValidationError:
            raise _strange() from None


def _strange() -> UpstreamFailure:
    return UpstreamFailure(
        "the server's answer is not one of this version", hint="are client and server the same version?"
    )


def _at(at: datetime | None) -> dict[str, str]:
    return {} if at is None else {"at": at.isoformat()}


def _error(response: httpx2.Response) -> OfftakeError:
    """The error that a problem stands for."""
    try:
        said: object = response.json()
    except ValueError:
        said = None
    told = cast("dict[str, object]", said) if isinstance(said, dict) else {}
    detail = str(told.get("detail") or told.get("title") or f"the server answered {response.status_code}")[
        :500
    ]
    hint = told.get("hint")
    hint = str(hint)[:500] if hint else None
    match response.status_code:
        case 409 | 412:
            return Conflict(detail, hint=hint)
        case 401:
            return InvalidInput(f"the server lets nobody in with this token: {detail}")
        case 400 | 403 | 404 | 413 | 422:
            return InvalidInput(detail, hint=hint)
        case 503:
            return StorageFailure(f"the server's ledger cannot be used now: {detail}", hint=hint)
        case _:
            return UpstreamFailure(detail, hint=hint)


def _trusting(authority: Path) -> ssl.SSLContext:
    """TLS by certificates of one authority alone, such as a house's own. Raises InvalidInput if it cannot be read."""
    try:
        return ssl.create_default_context(cafile=str(authority))
    except (OSError, ssl.SSLError):
        raise InvalidInput(
            f"the certificates in `{authority}` cannot be read", hint="it is a file in PEM"
        ) from None


def _check(url: str) -> None:
    """Raises InvalidInput for an address that a token must not be sent to."""
    parts = urlsplit(url)
    if parts.scheme not in ("http", "https") or not parts.hostname or parts.username or parts.query:
        raise InvalidInput(f"`{url[:80]}` is no server's address", hint="write https://broker.example")
    if parts.scheme == "http" and not _local(parts.hostname):
        raise InvalidInput(
            "a token must not travel in the clear", hint="write https://, or a server on this machine"
        )


def _local(host: str) -> bool:
    try:
        return ip_address(host).is_loopback
    except ValueError:
        return host == "localhost"
