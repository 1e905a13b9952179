"""Requests to Amazon signed with Signature Version 4, by botocore; credentials from the environment or files alone.

https://docs.aws.amazon.com/IAM/latest/UserGuide/reference_sigv.html. No instance or container is asked for credentials:
where a process runs must not decide what it may reach.
"""

from __future__ import annotations

import logging
import re
import time
from collections.abc import Callable, Mapping
from importlib import import_module
from pathlib import Path
from typing import TYPE_CHECKING, Final

from offtake.adapters.upstream_http import Origin
from offtake.domain.errors import InvalidInput

if TYPE_CHECKING:
    from botocore.credentials import ReadOnlyCredentials

_HOST: Final = re.compile(r"bedrock-runtime(?:-fips)?\.([a-z0-9-]+)\.amazonaws\.com(?:\.cn)?")
_READ_AGAIN_S: Final = 60.0  # Files of credentials are looked at this often.
NO_BOTOCORE: Final = "Bedrock is spoken with botocore, which is not installed"


class AwsProof:
    """Signs requests to one endpoint of Bedrock."""

    def __init__(
        self, origin: Origin, environment: Mapping[str, str], clock: Callable[[], float] = time.monotonic
    ) -> None:
        # It would write requests with their session's token to the log, if anybody asked for that much.
        logging.getLogger("botocore.auth").setLevel(logging.WARNING)
        self._origin = origin
        self._environment = environment
        self._clock = clock
        self._region = _region(origin, environment)
        self._read_at = clock()
        self._credentials = _credentials(environment)
        if self._credentials is None:
            raise InvalidInput(
                "neither the environment nor a file has credentials of Amazon's",
                hint="set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, or name a Bedrock key as `key`",
            )

    @property
    def lack(self) -> str | None:
        """Why nothing can be signed now; None if it can."""
        now = self._clock()
        if now - self._read_at > _READ_AGAIN_S:
            self._read_at, self._credentials = now, _credentials(self._environment)
        return None if self._credentials is not None else "has no credentials now"

    def headers(self, path: str, raw: bytes) -> bytes:
        """The lines that sign a POST of a body to a path."""
        from botocore.auth import SigV4Auth
        from botocore.awsrequest import AWSRequest

        origin, credentials = self._origin, self._credentials
        if credentials is None:
            return b""
        scheme = "https" if origin.secure else "http"
        signed = {"host": origin.authority, "content-type": "application/json"}
        request = AWSRequest("POST", f"{scheme}://{origin.authority}{path}", signed, raw)
        SigV4Auth(credentials, "bedrock", self._region).add_auth(request)
        lines = [(name, value) for name, value in request.headers.items() if name.lower() not in signed]
        return "".join(f"{name}: {value}\r\n" for name, value in lines).encode()

    @property
    def secrets(self) -> tuple[bytes, ...]:
        """What nobody may be shown."""
        found = self._credentials
        return () if found is None else (found.secret_key.encode(), (found.token or "").encode())


def check_botocore() -> None:
    """Raises InvalidInput if botocore, which reads Bedrock's streams and signs its requests, is not there."""
    try:
        for name in ("botocore.auth", "botocore.eventstream"):
            import_module(name)
    except ImportError:
        raise InvalidInput(NO_BOTOCORE, hint="install `offtake[bedrock]`") from None


def _region(origin: Origin, environment: Mapping[str, str]) -> str:
    match = _HOST.fullmatch(origin.host)
    region = match[1] if match else environment.get("AWS_REGION") or environment.get("AWS_DEFAULT_REGION")
    if not region:
        raise InvalidInput(f"the region of `{origin.host}` is not known", hint="set AWS_REGION")
    return region


def _credentials(environment: Mapping[str, str]) -> ReadOnlyCredentials | None:
    """Credentials of the environment, else of the files that it names, else of those in their usual places."""
    from botocore.credentials import ConfigProvider, CredentialResolver, EnvProvider, SharedCredentialProvider
    from botocore.exceptions import BotoCoreError

    home = Path(environment.get("HOME", "/nonexistent")) / ".aws"
    shared = environment.get("AWS_SHARED_CREDENTIALS_FILE") or str(home / "credentials")
    config = environment.get("AWS_CONFIG_FILE") or str(home / "config")
    profile = environment.get("AWS_PROFILE") or "default"
    resolver = CredentialResolver(
        [EnvProvider(environment), SharedCredentialProvider(shared, profile), ConfigProvider(config, profile)]
    )
    try:
        found = resolver.load_credentials()
    except BotoCoreError as error:
        raise InvalidInput(f"credentials of Amazon's cannot be read ({type(error).__name__})") from None
    return None if found is None else found.get_frozen_credentials()
