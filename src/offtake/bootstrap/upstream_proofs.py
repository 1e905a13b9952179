"""How endpoints prove who asks, put together: signatures for Bedrock, tokens that are renewed, or their keys."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from offtake.adapters.upstream_http import Origin
    from offtake.adapters.upstream_tokens import Tokens
    from offtake.adapters.wire.upstreams import Proof, Prover
    from offtake.domain.estate import Endpoint


def prover(tokens: Tokens) -> Prover:
    """What gives each endpoint its proof. Raises InvalidInput where a secret or a library is not there."""

    def prove(endpoint: Endpoint, origin: Origin, environment: Mapping[str, str]) -> Proof | None:
        if endpoint.token is not None:
            return tokens.of(endpoint.token, environment)
        from offtake.adapters.aws_proof import AwsProof, check_botocore

        check_botocore()
        return AwsProof(origin, environment) if endpoint.key is None else None

    return prove
