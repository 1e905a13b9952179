"""A broker on its ledger, with its optimiser, calendars, seal and clock."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

from offtake.adapters.award_milp import MilpOptimiser
from offtake.adapters.business_days import business_days
from offtake.adapters.ledger_sql import SqlLedger, open_ledger
from offtake.adapters.sealing import sealer_at
from offtake.broker.deciding import Desk
from offtake.broker.library import Library
from offtake.broker.policy import Policy
from offtake.broker.service import Broker


def now() -> datetime:
    """The machine's time, in UTC."""
    return datetime.now(UTC)


def desk(policy: Policy | None = None) -> Desk:
    """What decisions are made with."""
    return Desk(Library(business_days), policy or Policy(), MilpOptimiser())


def key_file(ledger: str) -> Path:
    """Where the key that seals a ledger is kept: beside its file, or in the user's folder for a database."""
    if "://" not in ledger:
        return Path(f"{ledger}.key")
    folder = Path.home() / ".config" / "offtake"
    folder.mkdir(parents=True, exist_ok=True, mode=0o700)
    return folder / "ledger.key"


def open_broker(ledger: str, key: Path | None = None, policy: Policy | None = None) -> Broker:
    """The broker of a ledger: a file, or a postgresql:// URL. Raises StorageFailure if it cannot be reached."""
    kept: SqlLedger = open_ledger(ledger)
    return Broker(desk(policy), kept, sealer_at(key or key_file(ledger)), now)
