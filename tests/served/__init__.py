"""A broker's API on a rehearsed ledger, with a token of every role."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from fastapi.testclient import TestClient

from brokered import MORNING, Rehearsal, market, right
from offtake.adapters.broker_tokens import TokenFile, new_token
from offtake.broker.audience import Role
from offtake.entrypoints.api.access import Service
from offtake.entrypoints.api.app import create_app
from offtake.entrypoints.api.limits import RateLimit

CALLERS: Mapping[str, tuple[Role, str | None]] = {
    "operator": ("operator", None),
    "auditor": ("auditor", None),
    "lab": ("tenant", "lab"),
    "y": ("tenant", "y"),
    "h": ("provider", "h"),
    "b": ("provider", "b"),
    "z": ("provider", "z"),
}
NEED = {
    "id": "n1",
    "party": "lab",
    "measure": "accelerators",
    "quantity": "100",
    "begins": "2026-03-01",
    "ends": "2028-03-01",
    "currency": "USD",
    "price_limit": "2.75",
}


class Served:
    """An API with clients by caller; `now` is the clock of tokens, `ticks` that of rates."""

    def __init__(self, folder: Path, *, per_second: float = 1e6, burst: float = 1e6) -> None:
        self.rehearsal = Rehearsal(folder, market(agreements=right()))
        self.now: datetime = MORNING
        self.ticks = 0.0
        self.tokens = folder / "tokens.json"
        made = {
            who: new_token(self.tokens, role, party, MORNING + timedelta(days=3))
            for who, (role, party) in CALLERS.items()
        }
        self.secrets = {who: secret for who, (secret, _) in made.items()}
        self.ids = {who: token.id for who, (_, token) in made.items()}
        self.app = create_app(
            Service(
                self.rehearsal.broker,
                TokenFile(self.tokens, lambda: self.now),
                lambda: self.now,
                RateLimit(per_second, burst, lambda: self.ticks),
                RateLimit(per_second, burst, lambda: self.ticks),
            )
        )
        self.client = TestClient(self.app, raise_server_exceptions=False)
        self._numbers = count(1)

    def headers(self, who: str) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.secrets[who]}"}

    def get(self, who: str, path: str, **headers: str) -> Any:
        return self.client.get(path, headers={**self.headers(who), **headers})

    def give(self, who: str, command: Mapping[str, Any], key: str | None = None, **headers: str) -> Any:
        key = key or f"key-{next(self._numbers)}"
        return self.client.post(
            "/v1/commands",
            json=command,
            headers={**self.headers(who), "Idempotency-Key": key, **headers},
        )

    def file(self, **more: Any) -> Any:
        return self.give("lab", {"kind": "file-need", "need": {**NEED, **more}})

    def to_market(self) -> None:
        """The need n1 filed, and declined by its holder."""
        assert self.file().status_code == 201
        assert self.give("h", {"kind": "answer", "need": "n1", "holder": "h"}).status_code == 201

    def bid(self, who: str, price: str, quantity: str = "100", **more: Any) -> Any:
        bid = {
            "id": f"n1-{who}",
            "need": "n1",
            "bidder": who,
            "supply": f"{who}-gpu",
            "quantity": quantity,
            "price": price,
            "currency": "USD",
            **more,
        }
        return self.give(who, {"kind": "bid", "bid": bid})
