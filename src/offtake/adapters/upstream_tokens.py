"""Tokens that upstreams take in place of keys: fetched beside the loop, kept, and renewed before they end.

From Microsoft Entra by client credentials (msal), from a file that something else renews, or from a command. A token
stands in no log, error or repr.
"""

from __future__ import annotations

import base64
import binascii
import json
import shlex
import subprocess  # The estate names the command, as it names a file; no shell reads it.
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final, Protocol, cast

from offtake.domain.errors import InvalidInput, UpstreamFailure

RENEW_BEFORE_S: Final = 300.0  # Or half of its life, if that is less.
UNTOLD_LIFE_S: Final = 300.0  # Of a token that does not say when it ends.
LONGEST_LIFE_S: Final = 24 * 3600.0
RETRY_AFTER_S: Final = (1.0, 60.0)  # The first wait after a failure, doubling to the last.
FETCH_WITHIN_S: Final = 10.0
MAXIMUM_TOKEN: Final = 16 * 1024  # Bytes.
ENTRA_SCOPE: Final = "https://cognitiveservices.azure.com/.default"


@dataclass(frozen=True, slots=True)
class Token:
    """A token and when it ends, in seconds since the epoch."""

    text: str = field(repr=False)
    ends_at: float


class Source(Protocol):
    """Where tokens come from."""

    def fetch(self, now: float) -> Token:
        """A fresh token; it may take `FETCH_WITHIN_S`. Raises UpstreamFailure, which says nothing of any secret."""
        ...


class KeptToken:
    """A token that is kept, and renewed by whoever asks whether it is due."""

    def __init__(self, source: Source, wall: Callable[[], float] = time.time) -> None:
        self._source = source
        self._wall = wall
        self._token: Token | None = None
        self._line = b""
        self._due_at = 0.0
        self._wait_s = 0.0
        self.failure: str | None = (
            None  # Why it could not be renewed, for the operator: callers are not told.
        )

    @property
    def lack(self) -> str | None:
        """Why there is no token now; None if there is."""
        token = self._token
        return None if token is not None and self._wall() < token.ends_at else "has no token now"

    @property
    def due(self) -> bool:
        """Whether it is to be renewed now."""
        return self._wall() >= self._due_at

    def renew(self) -> None:
        """Fetches another; after a failure what is there stays until it ends, and it is due again after a wait."""
        now = self._wall()
        try:
            token = self._source.fetch(now)
        except UpstreamFailure as failure:
            self.failure = failure.message
            first, last = RETRY_AFTER_S
            self._wait_s = min(max(first, self._wait_s * 2), last)
            self._due_at = now + self._wait_s
            return
        life = min(token.ends_at - now, LONGEST_LIFE_S)
        self._token = Token(token.text, now + life)
        self._line = f"authorization: Bearer {token.text}\r\n".encode()
        self.failure, self._wait_s = None, 0.0
        self._due_at = now + max(life - RENEW_BEFORE_S, life / 2)

    def headers(self, path: str, raw: bytes) -> bytes:
        """The line that carries the token."""
        del path, raw
        return self._line if self.lack is None else b""

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What nobody may be shown."""
        return () if self._token is None else (self._token.text.encode(),)


class Tokens:
    """The tokens of an estate's endpoints, each kept once, also when the estate is read anew."""

    def __init__(self, wall: Callable[[], float] = time.time) -> None:
        self._wall = wall
        self._kept: dict[str, KeptToken] = {}

    def of(self, named: str, environment: Mapping[str, str]) -> KeptToken:
        """The token that an estate names. Raises InvalidInput if it cannot be fetched at all."""
        found = self._kept.get(named)
        if found is None:
            found = self._kept[named] = KeptToken(_source(named, environment), self._wall)
        return found

    def due(self) -> list[KeptToken]:
        """Those that are to be renewed now."""
        return [token for token in self._kept.values() if token.due]


def _source(named: str, environment: Mapping[str, str]) -> Source:
    kind, _, rest = named.partition(":")
    if kind == "entra":
        return EntraTokens(environment)
    return FileTokens(Path(rest)) if kind == "file" else CommandTokens(rest, environment)


class EntraTokens:
    """Tokens of Microsoft Entra for an application, by its secret. Variables are named as Microsoft's own SDKs do."""

    def __init__(self, environment: Mapping[str, str], scope: str = ENTRA_SCOPE) -> None:
        try:
            import msal
        except ImportError:
            raise InvalidInput(
                "tokens of Entra are fetched with msal, which is not installed",
                hint="install `offtake[entra]`",
            ) from None
        names = ("AZURE_TENANT_ID", "AZURE_CLIENT_ID", "AZURE_CLIENT_SECRET")
        missing = [name for name in names if not environment.get(name)]
        if missing:
            raise InvalidInput(
                f"the environment has no {', '.join(missing)}", hint=f"set {', '.join(missing)}"
            )
        tenant, self._client, self._secret = (environment[name] for name in names)
        host = environment.get("AZURE_AUTHORITY_HOST", "https://login.microsoftonline.com").rstrip("/")
        self._authority = f"{host}/{tenant}"
        self._scope = scope
        self._verify: bool | str = environment.get("SSL_CERT_FILE") or True
        self._msal = msal

    def fetch(self, now: float) -> Token:
        """A fresh token. Raises UpstreamFailure."""
        # msal keeps tokens itself and gives the same again: a new application has none.
        try:
            application = self._msal.ConfidentialClientApplication(
                self._client,
                self._secret,
                self._authority,
                instance_discovery=False,
                verify=self._verify,
                timeout=FETCH_WITHIN_S,
            )
            found = application.acquire_token_for_client([self._scope])
        except (OSError, ValueError) as error:
            raise UpstreamFailure(f"Entra gave no token ({type(error).__name__})") from None
        text, lasts = found.get("access_token"), found.get("expires_in")
        if not isinstance(text, str) or not isinstance(lasts, int):
            raise UpstreamFailure(f"Entra gave no token ({str(found.get('error'))[:60]})")
        return Token(_sound(text), now + lasts)


class FileTokens:
    """A token in a file that something else renews; it is read again well before it ends."""

    def __init__(self, path: Path) -> None:
        self._path = path

    def fetch(self, now: float) -> Token:
        """What the file holds now. Raises UpstreamFailure."""
        try:
            with self._path.open("rb") as file:
                text = file.read(MAXIMUM_TOKEN).decode("ascii").strip()
        except (OSError, UnicodeDecodeError) as error:
            raise UpstreamFailure(
                f"the token in `{self._path}` cannot be read ({type(error).__name__})"
            ) from None
        # Whoever writes the file may renew it at any time, so it is not kept for long.
        return Token(_sound(text), min(_end_of(text) or now + UNTOLD_LIFE_S, now + UNTOLD_LIFE_S))


class CommandTokens:
    """A token that a command writes to its standard output, such as `az account get-access-token …`."""

    def __init__(self, command: str, environment: Mapping[str, str]) -> None:
        try:
            self._words = shlex.split(command)
        except ValueError as error:
            raise InvalidInput(f"the command for a token cannot be read: {error}") from None
        if not self._words:
            raise InvalidInput("the command for a token is empty")
        self._environment = dict(environment)

    def fetch(self, now: float) -> Token:
        """What the command writes. Raises UpstreamFailure."""
        name = Path(self._words[0]).name
        try:
            done = subprocess.run(  # noqa: S603  # The operator's own estate names it, and no shell reads it.
                self._words,
                stdin=subprocess.DEVNULL,
                capture_output=True,
                timeout=FETCH_WITHIN_S,
                env=self._environment,
                check=False,
            )
        except (OSError, subprocess.TimeoutExpired) as error:
            raise UpstreamFailure(f"`{name}` gave no token ({type(error).__name__})") from None
        if done.returncode != 0 or len(done.stdout) > MAXIMUM_TOKEN:
            raise UpstreamFailure(f"`{name}` gave no token (it ended with {done.returncode})")
        text = done.stdout.decode("ascii", "replace").strip()
        return Token(_sound(text), _end_of(text) or now + UNTOLD_LIFE_S)


def _sound(text: str) -> str:
    """A token that a header may hold. Raises UpstreamFailure, which does not show it."""
    if not text or not text.isascii() or not text.isprintable() or " " in text:
        raise UpstreamFailure("what was given is no token")
    return text


def _end_of(text: str) -> float | None:
    """When a token ends, if it is a JSON Web Token that says so (RFC 7519, `exp`). It is not verified: it is ours."""
    parts = text.split(".")
    if len(parts) != 3:
        return None
    try:
        claims = json.loads(base64.urlsafe_b64decode(parts[1] + "=" * (-len(parts[1]) % 4)))
    except (binascii.Error, ValueError):
        return None
    end = cast("dict[str, Any]", claims).get("exp") if isinstance(claims, dict) else None
    return float(end) if isinstance(end, int | float) and not isinstance(end, bool) else None
