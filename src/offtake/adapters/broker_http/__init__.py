"""A broker behind a server, over HTTP (httpx2): the same door as a ledger here."""

from offtake.adapters.broker_http.client import BrokerClient

__all__ = ["BrokerClient"]
