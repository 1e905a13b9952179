"""A pooled HTTP/1.1 client on asyncio protocols, for answers that stream."""

from offtake.adapters.upstream_http.connection import Receiver, Request
from offtake.adapters.upstream_http.pool import Origin, Pool

__all__ = ["Origin", "Pool", "Receiver", "Request"]
