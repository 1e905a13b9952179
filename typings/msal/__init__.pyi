from collections.abc import Mapping, Sequence

class ConfidentialClientApplication:
    def __init__(
        self,
        client_id: str,
        client_credential: str | Mapping[str, str],
        authority: str,
        *,
        instance_discovery: bool = ...,
        verify: bool | str = ...,
        timeout: float = ...,
    ) -> None: ...
    def acquire_token_for_client(self, scopes: Sequence[str]) -> dict[str, object]: ...
